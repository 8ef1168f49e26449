//! The front matter, field by field, over its lines: whatever the field means, and without a reformatted byte where nothing collides.

use super::list::{self, List};
use super::{lines, three_way};
use crate::spec::document::TOOL_FIELDS;
use crate::spec::{status, yaml_lines};
use serde_yaml::{Mapping, Value};

/// More bytes, or brackets inside brackets, than this are not looked into as YAML: the parser needs the square of the latter.
const MOST_BYTES: usize = 64 * 1024;
const MOST_DEPTH: usize = 64;

/// The status that was decided from the events, where the sides differ in it: the field follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    pub(super) value: status::Status,
    /// True where it is the first side's.
    pub(super) of_first: bool,
}

/// More fields than this are not taken apart; looking each up among the others costs the square of it.
const MOST_FIELDS: usize = 500;

/// A field with what stands above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) key: String,
    /// Comments and blank lines before it.
    lead: &'a [u8],
    /// Its lines.
    pub(super) raw: &'a [u8],
}

impl Field<'_> {
    /// What it means; `None` where that cannot be told from these lines alone.
    pub(super) fn value(&self) -> Option<Value> {
        if !is_harmless(self.raw) {
            return None;
        }
        let map: Mapping = serde_yaml::from_slice(self.raw).ok()?;
        map.into_iter().next().map(|(_, value)| value)
    }
}

/// A front matter with its `---` lines, taken apart.
#[derive(Debug, Default)]
struct Header<'a> {
    open: &'a [u8],
    fields: Vec<Field<'a>>,
    /// Comments and blank lines behind the last field.
    trail: &'a [u8],
    close: &'a [u8],
}

fn is_harmless(yaml: &[u8]) -> bool {
    let (mut depth, mut deepest) = (0usize, 0);
    for byte in yaml {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    yaml.len() <= MOST_BYTES && deepest <= MOST_DEPTH
}

/// Joins three front matters, given with their `---` lines; empty where a version has none. The fields that both sides gave another value,
/// of which the first side's was taken, are named.
pub(super) fn join(base: &[u8], one: &[u8], two: &[u8], status: Option<Status>) -> (Vec<u8>, Vec<String>) {
    match (Header::parse(base), Header::parse(one), Header::parse(two)) {
        (Some(base), Some(one), Some(two)) => {
            let collided = order(&base, &one, &two).into_iter().filter(|key| collide(key, [&base, &one, &two])).map(str::to_owned);
            (join_headers(&base, &one, &two, status), collided.collect())
        }
        // What cannot be taken apart (a key given twice, broken lines) is merged as text.
        _ => (join_text(base, one, two), Vec::new()),
    }
}

/// True where both sides gave a field of a person's another value, and no rule makes one of the two.
fn collide(key: &str, headers: [&Header<'_>; 3]) -> bool {
    let sides = headers.map(|header| header.field(key));
    let [base, one, two] = sides.map(|field| field.map(|field| field.value().ok_or(field.raw)));
    let is_list = match sides {
        [_, Some(one), Some(two)] => {
            let lists = [List::of(key, Some(one)), List::of(key, Some(two))];
            matches!(&lists, [Some(one), Some(two)] if list::is_list(key, &[one, two]))
        }
        _ => false,
    };
    !TOOL_FIELDS.contains(&key) && !is_list && one != two && one != base && two != base
}

fn join_text(base: &[u8], one: &[u8], two: &[u8]) -> Vec<u8> {
    if one == base || two == base || one == two {
        return three_way(base, one, two).to_vec();
    }
    let merged = lines::merge(base, one, two);
    let texts = [base, one, two].map(lines::split);
    let line = |at: Option<usize>, version: usize| at.and_then(|at| texts[version].get(at).copied());
    let pick = |origin: &lines::Origin| line(origin.one, 1).or_else(|| line(origin.two, 2)).or_else(|| line(origin.base, 0));
    merged.lines.iter().filter_map(pick).flatten().copied().collect()
}

fn join_headers(base: &Header<'_>, one: &Header<'_>, two: &Header<'_>, status: Option<Status>) -> Vec<u8> {
    let mut out = Vec::new();
    for key in order(base, one, two) {
        let sides = [base.field(key), one.field(key), two.field(key)];
        let decided = status.filter(|_| key == "status");
        let Some(raw) = decided.map_or_else(|| join_field(sides), |status| join_status(sides, status)) else { continue };
        out.extend_from_slice(lead(sides));
        out.extend_from_slice(&raw);
    }
    out.extend_from_slice(three_way(base.trail, one.trail, two.trail));
    let edge = |of: for<'h, 'a> fn(&'h Header<'a>) -> &'a [u8]| -> Vec<u8> {
        let joined = three_way(of(base), of(one), of(two));
        // One side dropped the front matter, and the other's changes in it are kept: then it needs its edges.
        let kept = [joined, of(one), of(two)].into_iter().find(|edge| !edge.is_empty());
        if out.is_empty() { joined.to_vec() } else { kept.unwrap_or(b"---\n").to_vec() }
    };
    let (open, mut close) = (edge(|header| header.open), edge(|header| header.close));
    if !close.is_empty() && !close.ends_with(b"\n") && [one, two].iter().any(|side| side.close.ends_with(b"\n")) {
        // The file ended here in one version; in another there is a body behind it.
        close.push(b'\n');
    }
    [open, out, close].concat()
}

/// The comments above a field go with it: three-way where both sides have it, else with the side that has it.
fn lead<'a>(sides: [Option<&Field<'a>>; 3]) -> &'a [u8] {
    match sides.map(|side| side.map(|field| field.lead)) {
        [base, Some(one), Some(two)] => three_way(base.unwrap_or(b""), one, two),
        [_, one, two] => one.or(two).unwrap_or(b""),
    }
}

/// The keys of both sides: the first side's order, unless only the second changed the order; what is only in the other comes behind
/// what it follows there.
fn order<'h>(base: &'h Header<'_>, one: &'h Header<'_>, two: &'h Header<'_>) -> Vec<&'h str> {
    let keys = |header: &'h Header<'_>| -> Vec<&'h str> { header.fields.iter().map(|field| field.key.as_str()).collect() };
    let common = |header: &'h Header<'_>| -> Vec<&'h str> {
        keys(header).into_iter().filter(|key| [base, one, two].iter().all(|header| header.field(key).is_some())).collect()
    };
    let swap = common(one) == common(base) && common(two) != common(base);
    let (mut order, other) = if swap { (keys(two), keys(one)) } else { (keys(one), keys(two)) };
    for (at, key) in other.iter().enumerate() {
        if !order.contains(key) {
            let before = at.checked_sub(1).and_then(|before| order.iter().position(|known| *known == other[before]));
            order.insert(before.map_or(0, |before| before + 1), key);
        }
    }
    order
}

/// One field's lines; `None` where it is gone.
fn join_field([base, one, two]: [Option<&Field<'_>>; 3]) -> Option<Vec<u8>> {
    let raw = |field: Option<&Field<'_>>| field.map(|field| field.raw.to_vec());
    let (raw_b, raw_1, raw_2) = (raw(base), raw(one), raw(two));
    if raw_1 == raw_2 || raw_2 == raw_b {
        return raw_1;
    }
    if raw_1 == raw_b {
        return raw_2;
    }
    // Both touched the lines; whoever only wrote the same value in other words has not changed it.
    let value = |field: Option<&Field<'_>>| field.and_then(Field::value);
    let (value_b, value_1, value_2) = (value(base), value(one), value(two));
    if value_2.is_some() && (value_2 == value_1 || value_2 == value_b) {
        return raw_1;
    }
    if value_1.is_some() && value_1 == value_b {
        return raw_2;
    }
    let key = one.or(two).map_or("", |field| field.key.as_str());
    match (List::of(key, base), List::of(key, one), List::of(key, two)) {
        (base, Some(one), Some(two)) if list::is_list(key, &[&one, &two]) => list::join(key, &base.unwrap_or_default(), &one, &two),
        _ => raw_1,
    }
}

/// The lines of a side that say the decided status, else a line of ours; none where the field would not be there.
fn join_status(sides: [Option<&Field<'_>>; 3], status: Status) -> Option<Vec<u8>> {
    let [_, one, two] = sides;
    let says =
        |field: &&Field<'_>| field.value().is_some_and(|value| value.as_str().and_then(|word| word.parse().ok()) == Some(status.value));
    let told = if status.of_first { [one, two] } else { [two, one] };
    if let Some(field) = told.into_iter().flatten().find(says) {
        return Some(field.raw.to_vec());
    }
    join_field(sides).map(|_| format!("status: {}\n", status.value.as_str()).into_bytes())
}

impl<'a> Header<'a> {
    /// Takes a front matter apart; `None` where its lines are not those of a plain mapping.
    fn parse(header: &'a [u8]) -> Option<Self> {
        if header.is_empty() {
            return Some(Self::default());
        }
        let lines = lines::split(header);
        let [open, .., close] = lines.as_slice() else { return None };
        let inner = &header[open.len()..header.len() - close.len()];
        std::str::from_utf8(inner).ok()?;
        let mut this = Self { open, fields: Vec::new(), trail: b"", close };
        let mut at = 0;
        for (key, range) in yaml_lines::fields(inner) {
            this.fields.push(Field { key, lead: &inner[at..range.start], raw: &inner[range.clone()] });
            at = range.end;
        }
        this.trail = &inner[at..];
        let between = this.fields.iter().map(|field| field.lead).chain([this.trail]);
        (between.flat_map(lines::split).all(is_between) && this.is_plain(inner)).then_some(this)
    }

    /// False where there are too many keys, where one is given twice, or where YAML sees other keys than the lines show.
    fn is_plain(&self, inner: &[u8]) -> bool {
        let mut keys: Vec<&str> = self.fields.iter().map(|field| field.key.as_str()).collect();
        if keys.len() > MOST_FIELDS {
            return false;
        }
        // Flow maps, tags and the like begin no field; the parser says so only of what it is shown.
        if keys.iter().any(|key| key.starts_with(['?', '%', '{', '[', '|', '>', '!', '&', '*', ':', '-'])) {
            return false;
        }
        if is_harmless(inner)
            && let Ok(map) = serde_yaml::from_slice::<Mapping>(inner)
            && !map.keys().map(list::text).eq(keys.iter().map(|key| Some((*key).to_owned())))
        {
            return false;
        }
        keys.sort_unstable();
        keys.windows(2).all(|pair| pair[0] != pair[1])
    }

    fn field(&self, key: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.key == key)
    }
}

/// A comment or a blank line. Anything else between two fields is no front matter that could be taken apart.
fn is_between(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    text.is_empty() || text.starts_with(b"#")
}
