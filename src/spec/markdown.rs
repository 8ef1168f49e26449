//! As much of `CommonMark` as specs need: which lines are headings and task list items, and which only look like them because they
//! stand in a fenced block or an HTML comment.

/// What a line of the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// An ATX heading: its level, and its text without hashes and blanks.
    Heading(usize, &'a str),
    /// A task list item.
    Task {
        /// Where the character between the brackets lies, in the body.
        box_offset: usize,
        /// Whether that character is an `x`.
        ticked: bool,
        /// The text behind the box.
        text: &'a str,
    },
    /// Any other list item.
    Item,
    /// Inside, or the edge of, a fenced block or an HTML comment.
    Verbatim,
    /// Nothing but blanks.
    Blank,
    /// Any other text.
    Text(&'a str),
}

/// One line of the body.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Counted from 1, in the body.
    pub number: usize,
    /// The byte at which it begins, in the body.
    pub start: usize,
    /// The byte behind its line end.
    pub end: usize,
    /// What it is.
    pub kind: Kind<'a>,
}

/// The lines of a body. Bytes that are no UTF-8 make a line `Text("")`: such a line holds nothing that a spec means.
pub fn lines(body: &[u8]) -> Vec<Line<'_>> {
    let mut scanner = Scanner::default();
    let (mut list, mut start) = (Vec::new(), 0);
    for (index, raw) in body.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let text = std::str::from_utf8(raw).unwrap_or_default().trim_end_matches(['\n', '\r']);
        list.push(Line { number: index + 1, start, end: start + raw.len(), kind: scanner.kind(text, start) });
        start += raw.len();
    }
    list
}

#[derive(Default)]
struct Scanner {
    fence: Option<(char, usize)>,
    comment: bool,
    /// The last text belonged to a list item, so that deeper indentation is no indented code.
    in_list: bool,
}

impl Scanner {
    fn kind<'a>(&mut self, line: &'a str, start: usize) -> Kind<'a> {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if let Some((mark, length)) = self.fence {
            let closes = fence(trimmed).is_some_and(|(m, l, info)| m == mark && l >= length && info.trim().is_empty());
            if closes {
                self.fence = None;
            }
            return Kind::Verbatim;
        }
        if self.comment {
            self.comment = !line.contains("-->");
            return Kind::Verbatim;
        }
        if trimmed.is_empty() {
            return Kind::Blank;
        }
        if indent > 3 && !self.in_list {
            return Kind::Verbatim;
        }
        if let Some((mark, length, info)) = fence(trimmed)
            && !(mark == '`' && info.contains('`'))
        {
            self.fence = Some((mark, length));
            return Kind::Verbatim;
        }
        if trimmed.starts_with("<!--") {
            self.comment = !trimmed.contains("-->");
            return Kind::Verbatim;
        }
        self.in_list = item(trimmed).is_some() || (self.in_list && indent > 0);
        if let Some((level, text)) = heading(trimmed).filter(|_| indent <= 3) {
            return Kind::Heading(level, text);
        }
        match item(trimmed) {
            Some(rest) => task(rest, start + line.len() - rest.len()).unwrap_or(Kind::Item),
            None => Kind::Text(trimmed),
        }
    }
}

/// A fence's character, length and info string.
fn fence(trimmed: &str) -> Option<(char, usize, &str)> {
    let mark = trimmed.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let info = trimmed.trim_start_matches(mark);
    let length = trimmed.len() - info.len();
    (length >= 3).then_some((mark, length, info))
}

fn heading(trimmed: &str) -> Option<(usize, &str)> {
    let rest = trimmed.trim_start_matches('#');
    let level = trimmed.len() - rest.len();
    if !(1..=6).contains(&level) || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let text = rest.trim();
    let bare = text.trim_end_matches('#');
    // A closing run of hashes must stand off the text.
    Some((level, if bare.is_empty() || bare.ends_with([' ', '\t']) { bare.trim() } else { text }))
}

/// What follows a list marker (`-`, `*`, `+`, `1.`, `1)`), if there is one.
fn item(trimmed: &str) -> Option<&str> {
    let rest = match trimmed.strip_prefix(['-', '*', '+']) {
        Some(rest) => rest,
        None => {
            let rest = trimmed.trim_start_matches(|c: char| c.is_ascii_digit());
            let digits = trimmed.len() - rest.len();
            if !(1..=9).contains(&digits) {
                return None;
            }
            rest.strip_prefix(['.', ')'])?
        }
    };
    if rest.is_empty() { Some(rest) } else { rest.starts_with([' ', '\t']).then(|| rest.trim_start()) }
}

fn task(rest: &str, start: usize) -> Option<Kind<'_>> {
    let inner = rest.strip_prefix('[')?;
    let mark = inner.chars().next().filter(|c| matches!(c, ' ' | 'x' | 'X'))?;
    let text = inner[1..].strip_prefix(']')?;
    if !text.is_empty() && !text.starts_with([' ', '\t']) {
        return None;
    }
    Some(Kind::Task { box_offset: start + 1, ticked: mark != ' ', text: text.trim() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(body: &str) -> Vec<Kind<'_>> {
        lines(body.as_bytes()).into_iter().map(|line| line.kind).collect()
    }

    #[test]
    fn headings() {
        assert_eq!(
            kinds("## A b ##\n#x\n#\n   # c#\n"),
            [Kind::Heading(2, "A b"), Kind::Text("#x"), Kind::Heading(1, ""), Kind::Heading(1, "c#")]
        );
    }

    #[test]
    fn boxes_lie_where_they_say() {
        for (body, ticked) in [("- [ ] a", false), ("  * [x] a\r\n", true), ("1. [X] a", true), ("12) [ ] a", false)] {
            let Kind::Task { box_offset, ticked: is, text, .. } = kinds(body)[0] else { panic!("{body:?}") };
            assert_eq!((is, text), (ticked, "a"), "{body:?}");
            assert!(matches!(body.as_bytes()[box_offset], b' ' | b'x' | b'X'));
        }
        for body in ["- [] a", "-[ ] a", "- [y] a", "- [x]a", "[ ] a", "- a [x]"] {
            assert!(!matches!(kinds(body)[0], Kind::Task { .. }), "{body:?}");
        }
    }

    #[test]
    fn fences_comments_and_indented_code_hide_what_is_in_them() {
        let body = "```md\n- [ ] a\n~~~\n````\n- [ ] b\n<!-- c\n- [ ] d\n-->\n\npara\n\n    - [ ] e\n";
        let tasks =
            lines(body.as_bytes()).iter().filter(|line| matches!(line.kind, Kind::Task { .. })).map(|line| line.number).collect::<Vec<_>>();
        assert_eq!(tasks, [5]);
    }

    #[test]
    fn a_nested_task_is_a_task() {
        let body = "- [ ] a\n    - [x] b\n";
        assert_eq!(kinds(body).iter().filter(|kind| matches!(kind, Kind::Task { .. })).count(), 2);
    }
}
