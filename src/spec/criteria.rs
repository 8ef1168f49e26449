//! Acceptance criteria: the task list items under every heading that begins `Acceptance Criteria`.

use super::markdown::{Kind, Line, lines};

/// Headings of sections that git-chant writes; nothing below the first of them is a criterion or part of the intent.
pub const TOOL_SECTIONS: &[&str] = &["Agent Output"];

/// One criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// What it says, without box and command, on one line.
    pub text: String,
    /// Whether its box is ticked. A tick is a claim.
    pub ticked: bool,
    /// The command that decides it: inline code at its end that starts with `$ `.
    pub command: Option<String>,
    /// Its line in the body, from 1.
    pub line: usize,
    /// The byte offset in the body of the character between the brackets.
    pub box_offset: usize,
}

/// True for the heading of a section that git-chant writes.
pub fn is_tool_heading(kind: &Kind<'_>) -> bool {
    matches!(kind, Kind::Heading(2, text) if TOOL_SECTIONS.contains(text))
}

/// Every criterion of a body, in order.
pub fn find(body: &[u8]) -> Vec<Criterion> {
    let lines = lines(body);
    let mut section: Option<usize> = None;
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        match line.kind {
            _ if is_tool_heading(&line.kind) => break,
            Kind::Heading(level, text) => {
                let within = section.filter(|outer| level > *outer);
                section = within.or_else(|| begins_criteria(text).then_some(level));
            }
            Kind::Task { box_offset, ticked, text } if section.is_some() => {
                let whole = with_continuation(text, &lines[index + 1..]);
                let (text, command) = split_command(&whole);
                found.push(Criterion { text, ticked, command, line: line.number, box_offset });
            }
            _ => {}
        }
    }
    found
}

fn begins_criteria(heading: &str) -> bool {
    let mut words = heading.trim_start_matches(['*', '_']).split_whitespace();
    let first = words.next().is_some_and(|word| word.eq_ignore_ascii_case("acceptance"));
    first && words.next().is_some_and(|word| word.to_ascii_lowercase().starts_with("criteria"))
}

/// An item's text may go on in further lines of plain text.
fn with_continuation(text: &str, following: &[Line<'_>]) -> String {
    let mut whole = text.to_owned();
    for line in following {
        let Kind::Text(more) = line.kind else { break };
        whole.push(' ');
        whole.push_str(more.trim_end());
    }
    whole
}

/// Splits a text from the command in the inline code span at its end, where that begins with a dollar sign and a blank.
fn split_command(text: &str) -> (String, Option<String>) {
    let text = text.trim();
    if let Some((open, inner)) = last_span(text)
        && let Some(command) = inner.trim_start().strip_prefix("$ ").map(str::trim).filter(|command| !command.is_empty())
    {
        return (text[..open].trim().to_owned(), Some(command.to_owned()));
    }
    (text.to_owned(), None)
}

/// The code span that the text ends in: where it opens, and what is inside. Spans are found from the left, as `CommonMark` does: what
/// people see as text is no command.
fn last_span(text: &str) -> Option<(usize, &str)> {
    let bytes = text.as_bytes();
    let run = |at: usize| bytes[at..].iter().take_while(|&&byte| byte == b'`').count();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            at += 2;
            continue;
        }
        let length = run(at);
        if length == 0 {
            at += 1;
            continue;
        }
        let inside = at + length;
        let mut end = inside;
        while end < bytes.len() && run(end) != length {
            end += run(end).max(1);
        }
        if end + length == bytes.len() {
            return Some((at, &text[inside..end]));
        }
        at = if end < bytes.len() { end + length } else { inside };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> Vec<String> {
        find(body.as_bytes()).into_iter().map(|criterion| criterion.text).collect()
    }

    #[test]
    fn every_criteria_heading_counts_until_a_heading_of_its_level() {
        let body = "# T\n- [ ] no\n## acceptance CRITERIA (must)\n- [ ] a\n### Deeper\n- [x] b\n## Notes\n- [ ] no\n\
                    ### Acceptance Criteria\n1. [ ] c\n# Acceptance Criteria 2\n- [ ] d\n## Agent Output\n## Acceptance Criteria\n- [x] no\n";
        assert_eq!(texts(body), ["a", "b", "c", "d"]);
    }

    #[test]
    fn commands() {
        for (item, text, command) in [
            ("Tests pass `$ cargo test`", "Tests pass", Some("cargo test")),
            ("`$ true`", "", Some("true")),
            ("Twice ``$ echo `date` ``", "Twice", Some("echo `date`")),
            ("Uses `x` and `$ make check`", "Uses `x` and", Some("make check")),
            ("Not last `$ x`.", "Not last `$ x`.", None),
            ("Plain `code`", "Plain `code`", None),
            ("No span `$ x", "No span `$ x", None),
            ("Empty `$ `", "Empty `$ `", None),
            ("Text `a `$ x`", "Text `a `$ x`", None),
            ("Escaped \\`$ x`", "Escaped \\`$ x`", None),
            ("Unequal ``$ x`", "Unequal ``$ x`", None),
        ] {
            let found = find(format!("## Acceptance Criteria\n- [ ] {item}\n").as_bytes());
            assert_eq!((found[0].text.as_str(), found[0].command.as_deref()), (text, command), "{item}");
        }
    }

    #[test]
    fn a_criterion_may_span_lines() {
        let found = find(b"## Acceptance Criteria\n- [ ] The tests\n  all pass\n  `$ make`\n\nmore\n");
        assert_eq!((found[0].text.as_str(), found[0].command.as_deref()), ("The tests all pass", Some("make")));
    }
}
