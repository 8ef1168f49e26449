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

/// The lines of a body. Of a line that is no UTF-8 it sees what stands before the first byte that is none.
pub fn lines(body: &[u8]) -> Vec<Line<'_>> {
    scan(body, ends_below)
}

/// The same by the letter of `CommonMark`: a fence that nothing ends hides everything below it.
pub fn strict_lines(body: &[u8]) -> Vec<Line<'_>> {
    scan(body, |lines| vec![Ends { backticks: usize::MAX, tildes: usize::MAX, comment: true }; lines.len()])
}

fn scan(body: &[u8], ends: impl Fn(&[&str]) -> Vec<Ends>) -> Vec<Line<'_>> {
    let mut start = 0;
    let mut list = Vec::new();
    for (index, raw) in body.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let end = start + raw.len();
        list.push((Line { number: index + 1, start, end, kind: Kind::Blank }, text_of(raw).trim_end_matches(['\n', '\r'])));
        start = end;
    }
    let ends = ends(&list.iter().map(|(_, text)| *text).collect::<Vec<_>>());
    let mut scanner = Scanner::default();
    list.into_iter().zip(ends).map(|((line, text), ends)| Line { kind: scanner.kind(text, line.start, ends), ..line }).collect()
}

fn text_of(raw: &[u8]) -> &str {
    std::str::from_utf8(raw).or_else(|error| std::str::from_utf8(&raw[..error.valid_up_to()])).unwrap_or_default()
}

/// What stands below a line that could end a fence or a comment.
#[derive(Clone, Copy, Default)]
struct Ends {
    backticks: usize,
    tildes: usize,
    comment: bool,
}

/// For every line what ends below it, so that a fence that nothing closes can be told from one that something does.
fn ends_below(lines: &[&str]) -> Vec<Ends> {
    let mut ends = Ends::default();
    let mut below: Vec<Ends> = Vec::with_capacity(lines.len());
    for line in lines.iter().rev() {
        below.push(ends);
        if let Some((mark, length, "")) = fence(line.trim()).filter(|_| indent(line) < 4) {
            let longest = if mark == '`' { &mut ends.backticks } else { &mut ends.tildes };
            *longest = length.max(*longest);
        }
        ends.comment |= line.contains("-->");
    }
    below.reverse();
    below
}

/// The column of the first character that is no blank; a tab goes to the next multiple of four.
fn indent(line: &str) -> usize {
    let blanks = line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t'));
    blanks.fold(0, |column, byte| if byte == b'\t' { column + 4 - column % 4 } else { column + 1 })
}

/// What a line can be inside of, with the column at which the contents of its list item begin.
#[derive(Clone, Copy)]
enum Open {
    Fence { mark: char, length: usize, base: usize },
    Comment { base: usize },
}

#[derive(Default)]
struct Scanner {
    open: Option<Open>,
    /// The columns at which the contents of the open list items begin.
    items: Vec<usize>,
    /// The line above is text, so that deeper indentation is no indented code.
    in_paragraph: bool,
}

impl Scanner {
    fn kind<'a>(&mut self, line: &'a str, start: usize, ends: Ends) -> Kind<'a> {
        let trimmed = line.trim_start_matches([' ', '\t']);
        let column = indent(line);
        if self.is_verbatim(trimmed, column) {
            return Kind::Verbatim;
        }
        let was_paragraph = std::mem::take(&mut self.in_paragraph);
        if trimmed.trim().is_empty() {
            return Kind::Blank;
        }
        self.items.retain(|&item| item <= column);
        if column >= self.base() + 4 {
            // Strictly, a box in the text of a paragraph is text; whoever wrote it there means a box.
            self.in_paragraph = was_paragraph;
            let item = was_paragraph.then(|| self.item(trimmed, column, start + line.len(), ends)).flatten();
            return item.unwrap_or(if was_paragraph { Kind::Text(trimmed) } else { Kind::Verbatim });
        }
        if self.opens(trimmed, ends) {
            return Kind::Verbatim;
        }
        if let Some((level, text)) = heading(trimmed) {
            return Kind::Heading(level, text);
        }
        if is_break(trimmed) {
            return Kind::Item;
        }
        self.in_paragraph = true;
        self.item(trimmed, column, start + line.len(), ends).unwrap_or(Kind::Text(trimmed))
    }

    fn base(&self) -> usize {
        self.items.last().copied().unwrap_or(0)
    }

    /// Whether a line is inside, or the end of, an open fence or comment; one that stands left of its list item ends both.
    fn is_verbatim(&mut self, trimmed: &str, column: usize) -> bool {
        let Some(open) = self.open else { return false };
        let (Open::Fence { base, .. } | Open::Comment { base }) = open;
        if column < base && !trimmed.is_empty() {
            self.open = None;
            return false;
        }
        let ends = match open {
            Open::Fence { mark, length, .. } => {
                column < base + 4 && fence(trimmed).is_some_and(|(m, l, info)| m == mark && l >= length && info.trim().is_empty())
            }
            Open::Comment { .. } => trimmed.contains("-->"),
        };
        if ends {
            self.open = None;
        }
        true
    }

    /// Takes a line, or what follows a list marker, as the beginning of a fence or comment.
    ///
    /// `CommonMark` lets one that nothing ends run to the end of the text. Here it hides nothing: one stray fence must not swallow
    /// every criterion below it. In a list item, the end of the item ends it.
    fn opens(&mut self, trimmed: &str, ends: Ends) -> bool {
        let base = self.base();
        if let Some((mark, length, _)) = fence(trimmed).filter(|(mark, _, info)| *mark == '~' || !info.contains('`')) {
            let longest = if mark == '`' { ends.backticks } else { ends.tildes };
            self.open = (base > 0 || longest >= length).then_some(Open::Fence { mark, length, base });
            return true;
        }
        if !trimmed.starts_with("<!--") {
            return false;
        }
        let is_open = !trimmed.contains("-->") && (base > 0 || ends.comment);
        self.open = is_open.then_some(Open::Comment { base });
        true
    }

    /// A list item, a task, or a list in a list on one line; `end` is the byte behind the line's text.
    fn item<'a>(&mut self, trimmed: &'a str, column: usize, end: usize, ends: Ends) -> Option<Kind<'a>> {
        let (mut rest, mut column) = (item(trimmed)?, column + trimmed.len());
        column -= rest.len();
        loop {
            self.items.push(column);
            if let Some(task) = task(rest, end - rest.len()) {
                return Some(task);
            }
            if self.opens(rest, ends) {
                self.in_paragraph = false;
                return Some(Kind::Item);
            }
            let Some(inner) = item(rest) else { return Some(Kind::Item) };
            column += rest.len() - inner.len();
            rest = inner;
        }
    }
}

/// A thematic break, which looks like a list item.
fn is_break(trimmed: &str) -> bool {
    let marks = trimmed.replace([' ', '\t'], "");
    marks.len() >= 3 && ["-", "*", "_"].iter().any(|mark| marks.trim_start_matches(mark).is_empty())
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

    fn tasks(body: &str) -> Vec<usize> {
        let is_task = |line: &Line| matches!(line.kind, Kind::Task { .. });
        lines(body.as_bytes()).iter().filter(|line| is_task(line)).map(|line| line.number).collect()
    }

    #[test]
    fn tasks_in_lists_and_beside_code() {
        let table: &[(&str, &[usize])] = &[
            ("- [ ] a\n    - [x] b\n", &[1, 2]),
            ("- a\n    - [ ] b\n        - [ ] c\n", &[2, 3]),
            ("1. a\n\n   ```\n   - [ ] no\n   ```\n   - [ ] b\n", &[6]),
            ("- [ ] a\n  ```\n  - [ ] no\n- [ ] b\n", &[1, 4]),
            ("- ```\n  - [ ] no\n  ```\n- [ ] b\n", &[4]),
            ("- - [ ] a\n* * *\n", &[1]),
            ("> - [ ] quoted\n", &[]),
            ("- a\n\n      - [ ] code\n", &[]),
            ("~~~\n    ~~~\n- [ ] no\n~~~\n- [ ] b\n", &[5]),
        ];
        for (body, expected) in table {
            assert_eq!(&tasks(body), expected, "{body:?}");
        }
    }

    #[test]
    fn what_nothing_ends_hides_nothing() {
        let table: &[(&str, &[usize])] = &[
            ("```\n- [ ] a\n", &[2]),
            ("````\n- [ ] a\n```\n- [ ] b\n~~~~\n", &[2, 4]),
            ("```md\n```sh\n```\n```\n# h\n- [ ] a\n", &[6]),
            ("<!-- a\n\n- [ ] b\n", &[3]),
            ("- a\n  ```\n  - [ ] no\n", &[]),
        ];
        for (body, expected) in table {
            assert_eq!(&tasks(body), expected, "{body:?}");
        }
    }

    #[test]
    fn a_byte_that_is_no_text_hides_no_box() {
        let found = lines(b"- [ ] caf\xe9\n");
        assert_eq!(found[0].kind, Kind::Task { box_offset: 3, ticked: false, text: "caf" });
    }
}
