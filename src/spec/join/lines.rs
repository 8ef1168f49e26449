//! A three-way merge of lines that remembers where every line comes from.
//!
//! The differences are diffy's. Its own merge gives text only; here the boxes of task list items are merged apart from their text, and
//! for that a merged line has to know its line in each version.

/// More lines than this are not merged: two bodies without a common line cost the square of it, and they come from strangers.
const MOST_LINES: usize = 10_000;

/// Where a merged line stands in each version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) base: Option<usize>,
    pub(super) one: Option<usize>,
    pub(super) two: Option<usize>,
}

/// The merged lines, from top to bottom.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) lines: Vec<Origin>,
    /// Both sides changed the same lines; `lines` are those of the first side.
    pub(super) conflict: bool,
}

/// The lines of a text, with their ends.
pub(super) fn split(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|&byte| byte == b'\n').collect()
}

/// A stretch of the base and what a side has in its place.
#[derive(Clone, Copy, Debug)]
struct Change {
    base: (usize, usize),
    side: (usize, usize),
}

/// Merges what `one` and `two` made of `base`.
pub(super) fn merge(base: &[u8], one: &[u8], two: &[u8]) -> Merged {
    let lines = [split(base), split(one), split(two)];
    if lines.iter().map(Vec::len).max().unwrap_or(0) > MOST_LINES {
        let conflict = one != base && two != base && one != two;
        return Merged { lines: if one == base { whole_two(lines[2].len()) } else { whole_one(lines[1].len()) }, conflict };
    }
    let (changes, base_len) = ([changes(base, one), changes(base, two)], lines[0].len());
    let merged = weave(&lines, &changes);
    let conflict = merged.is_none();
    let mut lines = merged.unwrap_or_else(|| whole_one(lines[1].len()));
    complete(&mut lines, &changes, base_len);
    Merged { lines, conflict }
}

fn whole_one(count: usize) -> Vec<Origin> {
    (0..count).map(|at| Origin { one: Some(at), ..Origin::default() }).collect()
}

fn whole_two(count: usize) -> Vec<Origin> {
    (0..count).map(|at| Origin { two: Some(at), ..Origin::default() }).collect()
}

/// What `side` changed. A change of n lines into n others is told line by line: then the same change of one of them is seen as the same.
fn changes(base: &[u8], side: &[u8]) -> Vec<Change> {
    let mut options = diffy::DiffOptions::new();
    // With enough context there is one hunk that holds every line.
    options.set_context_len(base.len() + side.len());
    let patch = options.create_patch_bytes(base, side);
    let (mut at_base, mut at_side) = (0, 0);
    let mut found: Vec<Change> = Vec::new();
    for line in patch.hunks().iter().flat_map(diffy::Hunk::lines) {
        let (old, new) = match line {
            diffy::Line::Context(_) => (1, 1),
            diffy::Line::Delete(_) => (1, 0),
            diffy::Line::Insert(_) => (0, 1),
        };
        if old != new {
            match found.last_mut().filter(|last| last.base.1 == at_base && last.side.1 == at_side) {
                Some(last) => (last.base.1, last.side.1) = (at_base + old, at_side + new),
                None => found.push(Change { base: (at_base, at_base + old), side: (at_side, at_side + new) }),
            }
        }
        (at_base, at_side) = (at_base + old, at_side + new);
    }
    found.into_iter().flat_map(line_by_line).collect()
}

fn line_by_line(change: Change) -> Vec<Change> {
    let (base, side) = (change.base, change.side);
    if base.1 - base.0 != side.1 - side.0 {
        return vec![change];
    }
    (0..base.1 - base.0).map(|at| Change { base: (base.0 + at, base.0 + at + 1), side: (side.0 + at, side.0 + at + 1) }).collect()
}

/// Applies both sides' changes; `None` where they collide.
fn weave(lines: &[Vec<&[u8]>; 3], [ones, twos]: &[Vec<Change>; 2]) -> Option<Vec<Origin>> {
    let [base_lines, one_lines, two_lines] = lines;
    let (mut ones, mut twos) = (ones.iter().peekable(), twos.iter().peekable());
    let (mut at, mut out) = (0, Vec::new());
    loop {
        let (one, two) = (ones.peek().copied(), twos.peek().copied());
        let begin = [one, two].iter().flatten().map(|change| change.base.0).min().unwrap_or(base_lines.len());
        // The lines of the sides are filled in by `complete`.
        out.extend((at..begin).map(|line| Origin { base: Some(line), ..Origin::default() }));
        match (one, two) {
            (None, None) => return Some(out),
            (Some(one), Some(two)) if collide(*one, *two) => {
                let same = one.base == two.base && one_lines[one.side.0..one.side.1] == two_lines[two.side.0..two.side.1];
                if !same {
                    return None;
                }
                let both = (one.side.0..one.side.1).zip(two.side.0..two.side.1);
                out.extend(both.map(|(one, two)| Origin { base: None, one: Some(one), two: Some(two) }));
                at = one.base.1;
                ones.next();
                twos.next();
            }
            (Some(one), two) if two.is_none_or(|two| one.base < two.base) => {
                out.extend((one.side.0..one.side.1).map(|line| Origin { one: Some(line), ..Origin::default() }));
                at = one.base.1;
                ones.next();
            }
            (_, Some(two)) => {
                out.extend((two.side.0..two.side.1).map(|line| Origin { two: Some(line), ..Origin::default() }));
                at = two.base.1;
                twos.next();
            }
            (Some(_), None) => return None,
        }
    }
}

/// Two changes collide where they take the same line, or where one inserts at the edge of the other, so that no order is given.
fn collide(one: Change, two: Change) -> bool {
    let ((begin_1, end_1), (begin_2, end_2)) = (one.base, two.base);
    if begin_1 == end_1 || begin_2 == end_2 { begin_1 <= end_2 && begin_2 <= end_1 } else { begin_1 < end_2 && begin_2 < end_1 }
}

/// Adds to each merged line the lines that it corresponds to by way of the base.
fn complete(lines: &mut [Origin], [ones, twos]: &[Vec<Change>; 2], base_len: usize) {
    let (ones, twos) = (pairs(ones, base_len), pairs(twos, base_len));
    let back = |pairs: &[Option<usize>]| -> std::collections::HashMap<usize, usize> {
        pairs.iter().enumerate().filter_map(|(base, side)| side.map(|side| (side, base))).collect()
    };
    let (back_1, back_2) = (back(&ones), back(&twos));
    for line in lines {
        let base = line.base.or_else(|| back_1.get(&line.one?).copied()).or_else(|| back_2.get(&line.two?).copied());
        line.base = base;
        line.one = line.one.or_else(|| ones.get(base?).copied().flatten());
        line.two = line.two.or_else(|| twos.get(base?).copied().flatten());
    }
}

/// For every line of the base the side's line that is the same.
fn pairs(changes: &[Change], base_len: usize) -> Vec<Option<usize>> {
    let mut list = Vec::with_capacity(base_len);
    let mut at_side = 0;
    for change in changes {
        while list.len() < change.base.0 {
            list.push(Some(at_side));
            at_side += 1;
        }
        list.resize(change.base.1, None);
        at_side = change.side.1;
    }
    while list.len() < base_len {
        list.push(Some(at_side));
        at_side += 1;
    }
    list
}
