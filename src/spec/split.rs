//! Taking a document apart into members: its own `##` sections, else the items of a numbered list. An agent's proposal has the same shape.

use super::criteria::is_tool_heading;
use super::markdown::{Kind, Line, lines};

/// One member, as it is proposed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Its title.
    pub title: String,
    /// What it asks for.
    pub body: String,
    /// The members that it waits for, by number, from 1; earlier ones only.
    pub depends_on: Vec<usize>,
}

/// Sections that say something about the whole and are no work of their own.
const ABOUT: &[&str] =
    &["acceptance criteria", "background", "context", "goal", "goals", "motivation", "non-goals", "notes", "overview", "problem"];

/// The parts of a body: `##` sections, else the items of a numbered list, which are steps: each waits for the one before. Fewer than two
/// are none.
pub fn parts(body: &[u8]) -> Vec<Part> {
    let lines: Vec<Line<'_>> = lines(body).into_iter().take_while(|line| !is_tool_heading(&line.kind)).collect();
    let mut parts = sections(body, &lines);
    if parts.len() < 2 {
        parts = steps(body, &lines);
    }
    if parts.len() < 2 { Vec::new() } else { parts }
}

fn sections(body: &[u8], lines: &[Line<'_>]) -> Vec<Part> {
    let (mut parts, mut open): (Vec<Part>, bool) = (Vec::new(), false);
    for line in lines {
        let text = String::from_utf8_lossy(&body[line.start..line.end]);
        match line.kind {
            Kind::Heading(level, title) if level <= 2 => {
                let title = without_number(title);
                let about = |word: &str| title.to_ascii_lowercase().starts_with(word);
                open = level == 2 && !title.is_empty() && !ABOUT.iter().any(|word| about(word));
                if open {
                    parts.push(Part { title: title.to_owned(), ..Part::default() });
                }
            }
            _ if !open => {}
            _ => {
                let number = parts.len();
                let Some(part) = parts.last_mut() else { continue };
                match depends_on(&text).filter(|_| matches!(line.kind, Kind::Text(_))) {
                    Some(list) => part.depends_on.extend(list.into_iter().filter(|other| (1..number).contains(other))),
                    None => part.body.push_str(&text),
                }
            }
        }
    }
    trimmed(parts)
}

/// The numbers of a line `Depends on: 1, 2`.
fn depends_on(line: &str) -> Option<Vec<usize>> {
    let line = line.trim().trim_matches(['*', '_']);
    let (key, rest) = line.split_once(':')?;
    if !key.trim_matches(['*', '_']).trim().eq_ignore_ascii_case("depends on") {
        return None;
    }
    let words = rest.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
    Some(words.filter_map(|word| word.parse().ok()).collect())
}

fn steps(body: &[u8], lines: &[Line<'_>]) -> Vec<Part> {
    let (mut parts, mut open): (Vec<Part>, bool) = (Vec::new(), false);
    for line in lines {
        let text = String::from_utf8_lossy(&body[line.start..line.end]);
        let title = without_number(text.trim_end());
        if matches!(line.kind, Kind::Item) && title.len() < text.trim_end().len() && !title.is_empty() {
            let depends_on = Vec::from_iter((!parts.is_empty()).then_some(parts.len()));
            parts.push(Part { title: title.to_owned(), body: String::new(), depends_on });
            open = true;
        } else if matches!(line.kind, Kind::Heading(..)) {
            open = false;
        } else if let Some(part) = parts.last_mut().filter(|_| open) {
            part.body.push_str(text.strip_prefix("   ").unwrap_or(&text));
        }
    }
    trimmed(parts)
}

/// `1. Title` and `2) Title` without the number.
fn without_number(text: &str) -> &str {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    match rest.strip_prefix(['.', ')']) {
        Some(title) if rest.len() < text.len() && title.starts_with(' ') => title.trim(),
        _ => text,
    }
}

fn trimmed(mut parts: Vec<Part>) -> Vec<Part> {
    for part in &mut parts {
        part.body = part.body.trim_matches('\n').trim_end().to_owned();
        part.depends_on.sort_unstable();
        part.depends_on.dedup();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(body: &str) -> Vec<(String, Vec<usize>)> {
        parts(body.as_bytes()).into_iter().map(|part| (part.title, part.depends_on)).collect()
    }

    #[test]
    fn sections_are_members() {
        let body = "# T\n\n## Context\n\nWhy.\n\n## 1. Read\n\nRead it.\n\n### Acceptance Criteria\n\n- [ ] Read\n\n## Write\n\nDepends on: 1, 2, 7\n\nWrite it.\n\n\
            ```\n## no heading\n```\n\n## Acceptance Criteria\n\n- [ ] All\n\n## Agent Output\n\n## Never\n";
        assert_eq!(titles(body), [("Read".to_owned(), vec![]), ("Write".to_owned(), vec![1])]);
        let found = parts(body.as_bytes());
        assert_eq!(found[0].body, "Read it.\n\n### Acceptance Criteria\n\n- [ ] Read");
        assert_eq!(found[1].body, "Write it.\n\n```\n## no heading\n```");
    }

    #[test]
    fn else_steps_are() {
        let body = "# T\n\n1. Read\n   all of it\n2) Write\n   - fast\n3. 4\n\n## Acceptance Criteria\n\n- [ ] All\n";
        assert_eq!(titles(body), [("Read".to_owned(), vec![]), ("Write".to_owned(), vec![1]), ("4".to_owned(), vec![2])]);
        assert_eq!(parts(body.as_bytes())[0].body, "all of it");
    }

    #[test]
    fn one_is_none() {
        for body in ["", "# T\n", "# T\n\n## Only\n\nText\n", "# T\n\n1. Only\n", "# T\n\n- a\n- b\n", "# T\n\n## Notes\n\n## Context\n"] {
            assert_eq!(titles(body), [], "{body:?}");
        }
    }
}
