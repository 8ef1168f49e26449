//! The body: its text merged line by line, and the boxes of its task list items apart from it, so that two people who tick two
//! neighbouring boxes do not collide. What tools write at the end is merged for itself.

use super::lines::{self, Origin};
use super::three_way;
use crate::spec::markdown;
use std::collections::HashMap;

/// A part of the body after the merge.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: Vec<u8>,
    /// Both sides changed the same lines; the text is one side's.
    pub(super) conflict: bool,
}

/// Splits a body into what people write and the rest: the line end of the last written line, blank lines, and the sections that begin
/// at `tool`. So neither a line end at the end of the file nor a section added below is a change of the last paragraph.
pub(super) fn split(body: &[u8], tool: usize) -> (&[u8], &[u8]) {
    let written = body[..tool].trim_ascii_end().len();
    let end = body[written..tool].iter().position(|&byte| byte == b'\n').map_or(tool, |at| written + at);
    // A carriage return goes with its line feed; a text of blanks has no last written line.
    let end = if written == 0 { 0 } else { end - usize::from(body[..end].ends_with(b"\r") && end < tool) };
    body.split_at(end)
}

/// Puts the two parts together again.
pub(super) fn assemble(mut main: Vec<u8>, tail: Vec<u8>) -> Vec<u8> {
    if !main.is_empty() && !tail.is_empty() && !tail.starts_with(b"\n") && !tail.starts_with(b"\r\n") {
        main.extend_from_slice(b"\n\n");
    }
    main.extend_from_slice(&tail);
    main
}

/// Merges what people write.
pub(super) fn join_main(base: &[u8], one: &[u8], two: &[u8]) -> Text {
    if one == two || one == base || two == base {
        // A line that is a box in one version may be code in another: what only one side changed is not looked into.
        return Text { text: three_way(base, one, two).to_vec(), conflict: false };
    }
    let mut joined = join_lines(&ended(base), &ended(one), &ended(two));
    if joined.text.ends_with(b"\n") {
        joined.text.pop();
    }
    joined
}

fn ended(text: &[u8]) -> Vec<u8> {
    if text.is_empty() { Vec::new() } else { [text, b"\n"].concat() }
}

/// Merges what tools write. Where two runs wrote it, that of the run whose outcome counts is kept.
pub(super) fn join_tail(base: &[u8], one: &[u8], two: &[u8], outcome_of_one: bool) -> Text {
    let blank = |text: &[u8]| text.trim_ascii().is_empty();
    let whole = |text: &[u8]| Text { text: text.to_vec(), conflict: false };
    if one == two || one == base || two == base {
        return whole(three_way(base, one, two));
    }
    match (blank(base), blank(one), blank(two)) {
        (_, _, true) | (false, true, false) => whole(one),
        (true, true, false) => whole(two),
        (_, false, false) if outcome_of_one => join_lines(base, one, two),
        (_, false, false) => join_lines(base, two, one),
    }
}

/// A box: where in its line its character stands, and that character.
type Tick = (usize, u8);

/// One version's lines: their text with every box empty, and the boxes.
#[derive(Debug, Default)]
struct Unticked {
    text: Vec<u8>,
    ticks: Vec<Option<Tick>>,
}

impl Unticked {
    fn of(body: &[u8]) -> Self {
        let mut text = body.to_vec();
        let tick = |line: markdown::Line<'_>| match line.kind {
            markdown::Kind::Task { box_offset, .. } => {
                let mark = std::mem::replace(&mut text[box_offset], b' ');
                Some((box_offset - line.start, mark))
            }
            _ => None,
        };
        let ticks = markdown::lines(body).into_iter().map(tick).collect();
        Self { text, ticks }
    }

    fn tick(&self, line: Option<usize>) -> Option<Tick> {
        self.ticks.get(line?).copied().flatten()
    }

    /// The items whose text no other item of this version has: a moved item is found by it.
    fn items(&self) -> HashMap<&[u8], Option<usize>> {
        let mut items = HashMap::new();
        for (at, line) in lines::split(&self.text).into_iter().enumerate().filter(|(at, _)| self.ticks[*at].is_some()) {
            items.entry(line.trim_ascii()).and_modify(|found| *found = None).or_insert(Some(at));
        }
        items
    }
}

fn join_lines(base: &[u8], one: &[u8], two: &[u8]) -> Text {
    let [base, one, two] = [base, one, two].map(Unticked::of);
    let merged = lines::merge(&base.text, &one.text, &two.text);
    let versions = [&base, &one, &two];
    let texts = versions.map(|version| lines::split(&version.text));
    let items = versions.map(Unticked::items);
    let mut out = Vec::new();
    for origin in &merged.lines {
        let places = [(origin.one, 1), (origin.two, 2), (origin.base, 0)];
        let Some((at, version)) = places.into_iter().find_map(|(at, version)| Some((at?, version))) else { continue };
        let line = texts[version][at];
        let start = out.len();
        out.extend_from_slice(line);
        if let Some((offset, _)) = versions[version].tick(Some(at)) {
            let found = |at: Option<usize>, version: usize| at.or_else(|| items[version].get(line.trim_ascii()).copied().flatten());
            let origin = Origin { base: found(origin.base, 0), one: found(origin.one, 1), two: found(origin.two, 2) };
            out[start + offset] = mark(base.tick(origin.base), one.tick(origin.one), two.tick(origin.two));
        }
    }
    Text { text: out, conflict: merged.conflict }
}

/// The character of a joined box.
fn mark(base: Option<Tick>, one: Option<Tick>, two: Option<Tick>) -> u8 {
    let state = |tick: Option<Tick>| tick.map(|(_, mark)| mark);
    match (state(one), state(two)) {
        (Some(one), Some(two)) => state(base).map_or(one, |base| three_way(base, one, two)),
        (one, two) => one.or(two).unwrap_or(b' '),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_box_is_merged_as_one() {
        let join = |base: &str, one: &str, two: &str| {
            let joined = join_main(base.as_bytes(), one.as_bytes(), two.as_bytes());
            (String::from_utf8_lossy(&joined.text).into_owned(), joined.conflict)
        };
        // Neighbouring boxes do not collide; what looks like boxes in a fence is text, which does.
        let real = "- [ ] a\n- - [ ] b\n1) [ ] c";
        assert_eq!(join(real, &real.replace("[ ] a", "[x] a"), &real.replace("[ ] b", "[X] b")).0, "- [x] a\n- - [X] b\n1) [ ] c");
        let fenced = "```\n- [ ] a\n```";
        let ticked = fenced.replace("[ ]", "[x]");
        assert_eq!(join(fenced, &ticked, fenced), (ticked.clone(), false));
        assert_eq!(join(fenced, &ticked, &fenced.replace("[ ]", "[X]")), (ticked, true));
    }

    #[test]
    fn a_body_is_split_behind_its_last_written_line_and_put_together_again() {
        for (body, tool, main) in [
            ("a\nb\n\n## Agent Output\n", 5, "a\nb"),
            ("a\nb", 3, "a\nb"),
            ("a\nb  \n", 6, "a\nb  "),
            ("a\r\n\r\n", 5, "a"),
            ("\n\n", 2, ""),
            ("", 0, ""),
            ("a\r", 2, "a\r"),
        ] {
            let (first, rest) = split(body.as_bytes(), tool);
            assert_eq!(first, main.as_bytes(), "{body:?}");
            assert_eq!(assemble(first.to_vec(), rest.to_vec()), body.as_bytes());
        }
    }
}
