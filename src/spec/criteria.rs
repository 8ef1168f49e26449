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
    const WORDS: &str = "acceptance criteria";
    heading.get(..WORDS.len()).is_some_and(|start| start.eq_ignore_ascii_case(WORDS))
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
    let plain = || (text.to_owned(), None);
    let ticks = text.len() - text.trim_end_matches('`').len();
    if ticks == 0 {
        return plain();
    }
    let before = &text[..text.len() - ticks];
    let Some(open) = opening_run(before, ticks) else { return plain() };
    let inner = &before[open + ticks..];
    let inner = inner.strip_prefix(' ').and_then(|inner| inner.strip_suffix(' ')).unwrap_or(inner);
    match inner.strip_prefix("$ ").map(str::trim).filter(|command| !command.is_empty()) {
        Some(command) => (before[..open].trim().to_owned(), Some(command.to_owned())),
        None => plain(),
    }
}

/// Where the last run of exactly `ticks` backticks begins: the opening of a span whose closing run stands at the end.
fn opening_run(before: &str, ticks: usize) -> Option<usize> {
    let bytes = before.as_bytes();
    let mut end = bytes.len();
    while end > 0 {
        let stop = before[..end].rfind('`')? + 1;
        let start = stop - (stop - before[..stop].trim_end_matches('`').len());
        if stop - start == ticks {
            return Some(start);
        }
        end = start;
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
