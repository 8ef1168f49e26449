//! Lists in the front matter, joined as sets that keep their order, and written in the way in which they were.

use super::fields::Field;
use super::lines;
use serde_yaml::Value;
use std::collections::HashMap;

/// Fields that are lists, also where somebody wrote a single word.
const LISTS: &[&str] = &["labels", "depends_on", "informed_by", "target_files", "members", "commits"];

/// A field's values, and how they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    /// Each value once.
    items: Vec<Item>,
    /// Where in `items` each value stands.
    places: HashMap<String, usize>,
    style: Style,
    /// The field's lines; `None` where it is absent.
    raw: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
struct Item {
    value: String,
    /// Its YAML on one line.
    plain: String,
    /// Its lines in a block list, with comments, without their indentation.
    block: Option<Vec<Vec<u8>>>,
}

#[derive(Clone, Debug, Default)]
enum Style {
    /// Absent, empty or a single word: no style to follow.
    #[default]
    Open,
    /// `key: [a, b] # comment`: what stands before and behind the list.
    Flow(Vec<u8>, Vec<u8>),
    /// The key's line, and the indentation of the dashes.
    Block(Vec<u8>, Vec<u8>),
}

/// A scalar as the word that people mean by it.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// True where two versions of a field are to be joined as lists.
pub(super) fn is_list(key: &str, sides: &[&List]) -> bool {
    LISTS.contains(&key) || sides.iter().any(|side| !matches!(side.style, Style::Open))
}

impl List {
    /// Reads a field as a list; an absent or empty one is an empty list. `None` where it holds more than plain values.
    pub(super) fn of(key: &str, field: Option<&Field<'_>>) -> Option<Self> {
        let Some(field) = field else { return Some(Self::default()) };
        let raw = Some(field.raw.to_vec());
        let values = match field.value()? {
            Value::Null => return Some(Self { raw, ..Self::default() }),
            Value::Sequence(values) => values,
            value if LISTS.contains(&key) => {
                let item = Item::of(&value)?;
                return Some(Self::new(vec![item], Style::Open, raw));
            }
            _ => return None,
        };
        let mut items = values.iter().map(Item::of).collect::<Option<Vec<_>>>()?;
        let style = match blocks(field.raw) {
            Some((head, indent, found)) if found.len() == items.len() => {
                for (item, block) in items.iter_mut().zip(found) {
                    item.block = Some(block);
                }
                Style::Block(head, indent)
            }
            _ => flow(field.raw),
        };
        Some(Self::new(items, style, raw))
    }

    fn new(all: Vec<Item>, style: Style, raw: Option<Vec<u8>>) -> Self {
        let mut this = Self { style, raw, ..Self::default() };
        for item in all {
            if !this.has(&item.value) {
                this.places.insert(item.value.clone(), this.items.len());
                this.items.push(item);
            }
        }
        this
    }

    fn item(&self, value: &str) -> Option<&Item> {
        self.places.get(value).and_then(|at| self.items.get(*at))
    }

    fn has(&self, value: &str) -> bool {
        self.places.contains_key(value)
    }

    fn values(&self) -> Vec<&str> {
        self.items.iter().map(|item| item.value.as_str()).collect()
    }
}

/// Keeps what either side added and drops what either removed: the base's order, then what was added, sorted.
pub(super) fn join(key: &str, base: &List, one: &List, two: &List) -> Option<Vec<u8>> {
    let mut values: Vec<&str> = base.values().into_iter().filter(|value| one.has(value) && two.has(value)).collect();
    let mut added: Vec<&str> = one.values().into_iter().chain(two.values()).filter(|value| !base.has(value)).collect();
    added.sort_unstable();
    added.dedup();
    values.extend(added);
    if let Some(same) = [one, two].into_iter().find(|side| side.raw.is_some() && side.values() == values) {
        return same.raw.clone();
    }
    if values.is_empty() {
        let kept = one.raw.is_some() && two.raw.is_some();
        return kept.then(|| format!("{}: []\n", quoted(key)).into_bytes());
    }
    let items: Vec<&Item> = values.iter().filter_map(|value| one.item(value).or_else(|| two.item(value))).collect();
    let style = [one, two, base].map(|list| &list.style).into_iter().find(|style| !matches!(style, Style::Open));
    let plain: Vec<Item> = items.iter().map(|item| Item { block: None, ..(*item).clone() }).collect();
    // As it was written; without the comments, in our own style, where that does not read back (a `#` in a text of several lines).
    let ways = [(style.unwrap_or(&Style::Open), items), (&Style::Open, plain.iter().collect())];
    let written = ways.iter().map(|(style, items)| write(key, style, items));
    Some(written.into_iter().find(|lines| reads_back(lines, key, &values)).unwrap_or_else(|| write(key, &Style::Open, &ways[1].1)))
}

/// Whether these lines are the field with just these values.
fn reads_back(lines: &[u8], key: &str, values: &[&str]) -> bool {
    let Ok(map) = serde_yaml::from_slice::<serde_yaml::Mapping>(lines) else { return false };
    let read = map.get(key).and_then(Value::as_sequence).map(|list| list.iter().map(text).collect::<Option<Vec<_>>>());
    map.len() == 1 && read.flatten().is_some_and(|read| read == values)
}

fn write(key: &str, style: &Style, items: &[&Item]) -> Vec<u8> {
    let (head, indent) = match style {
        Style::Flow(before, behind) => {
            let words: Vec<&str> = items.iter().map(|item| item.plain.as_str()).collect();
            return [before.as_slice(), b"[", words.join(", ").as_bytes(), b"]", behind].concat();
        }
        Style::Block(head, indent) => (head.clone(), indent.clone()),
        Style::Open => (format!("{}:\n", quoted(key)).into_bytes(), b"  ".to_vec()),
    };
    let mut out = head;
    for item in items {
        let plain = || vec![format!("- {}\n", item.plain).into_bytes()];
        for line in item.block.clone().unwrap_or_else(plain) {
            if !line.trim_ascii().is_empty() {
                out.extend_from_slice(&indent);
            }
            out.extend_from_slice(&line);
        }
    }
    out
}

impl Item {
    fn of(value: &Value) -> Option<Self> {
        let text = text(value)?;
        let plain = if value.is_string() { quoted(&text) } else { text.clone() };
        Some(Self { value: text, plain, block: None })
    }
}

/// A string as YAML, bare where nothing in it can be taken for something else.
fn quoted(text: &str) -> String {
    let bare = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./@ ".contains(&b))
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && !text.ends_with(' ')
        && serde_yaml::from_str::<Value>(text).is_ok_and(|value| value.as_str() == Some(text));
    // JSON strings are YAML, once what JSON leaves as it is and YAML folds is escaped.
    if bare { text.to_owned() } else { escaped(text) }
}

fn escaped(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => out.extend([format!("\\u{:04x}", u32::from(c))]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What a block list is made of: its key's line, the indentation of its dashes, and the lines of each item.
type Blocks = (Vec<u8>, Vec<u8>, Vec<Vec<Vec<u8>>>);

fn blocks(raw: &[u8]) -> Option<Blocks> {
    let lines = lines::split(raw);
    let (head, rest) = lines.split_first()?;
    let is_dash = |line: &[u8]| line == b"-" || line.starts_with(b"- ");
    let indent_of = |line: &[u8]| line.iter().take_while(|&&byte| byte == b' ').count();
    let first = rest.iter().find(|line| is_dash(line.trim_ascii()))?;
    let indent = &first[..indent_of(first)];
    let (mut items, mut pending): (Vec<Vec<Vec<u8>>>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
    for line in rest {
        let text = line.strip_prefix(indent).unwrap_or_else(|| line.trim_ascii_start()).to_vec();
        let text = if text.is_empty() { b"\n".to_vec() } else { text };
        if is_dash(text.trim_ascii_end()) {
            items.push(std::mem::take(&mut pending));
            items.last_mut()?.push(text);
        } else if text.trim_ascii().is_empty() || text.trim_ascii_start().starts_with(b"#") {
            // A comment goes with the item below it.
            pending.push(text);
        } else {
            let item = items.last_mut()?;
            item.append(&mut pending);
            item.push(text);
        }
    }
    items.last_mut()?.append(&mut pending);
    Some((head.to_vec(), indent.to_vec(), items))
}

/// What stands around a list in brackets on one line.
fn flow(raw: &[u8]) -> Style {
    let one_line = lines::split(raw).len() <= 1;
    let open = raw.iter().position(|&byte| byte == b'[');
    let hash = raw.windows(2).position(|pair| pair == b" #").unwrap_or(raw.len());
    let close = raw[..hash].iter().rposition(|&byte| byte == b']');
    match (open, close) {
        (Some(open), Some(close)) if one_line && open < close => Style::Flow(raw[..open].to_vec(), raw[close + 1..].to_vec()),
        (Some(open), _) if raw[..open].ends_with(b" ") => Style::Flow(raw[..open].to_vec(), b"\n".to_vec()),
        _ => Style::Open,
    }
}
