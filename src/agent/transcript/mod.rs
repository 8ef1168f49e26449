//! What an agent's output says: bytes in, things for people and facts for the judge out. Pure: no file, no clock.
//!
//! Every well-known client prints one JSON event a line, each with events of its own. What is not understood is passed over (an event) or
//! shown as text (a line that is no event): clients change, and a run is never judged by what we merely fail to read. Everything in here
//! comes from a model or its tools, so nothing is believed but what it is asked for: ids and names are cleaned before anyone uses them.

mod aider;
mod claude;
mod codex;
mod cursor;
mod facts;
mod gemini;
mod goose;
mod item;
mod opencode;
#[cfg(test)]
mod tests;

pub use facts::{Facts, Tokens, is_session};
pub use item::Item;

use serde_json::Value;

/// What a client prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines for people; nothing is read from them.
    Text,
    /// Lines for people, as aider prints them.
    Aider,
    /// Lines for people, as goose prints them.
    Goose,
    /// `--output-format stream-json` of claude; qwen, amp and cursor-agent print the same.
    Claude,
    /// `codex exec --json`.
    Codex,
    /// `opencode run --format json`.
    Opencode,
    /// `gemini -o stream-json`.
    Gemini,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] = [Self::Text, Self::Claude, Self::Codex, Self::Opencode, Self::Gemini, Self::Aider, Self::Goose];

    /// The word in git config.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Aider => "aider",
            Self::Goose => "goose",
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Opencode => "opencode",
            Self::Gemini => "gemini",
        }
    }

    /// True where lines are for people, and no end of the stream is marked.
    pub fn is_plain(self) -> bool {
        matches!(self, Self::Text | Self::Aider | Self::Goose)
    }

    /// The format of this name.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }
}

/// A longer line is no event of any client; it is not kept in memory to its end.
const LONGEST_LINE: usize = 16 << 20;

/// Of a line that is no event, where events were expected, this much is shown.
const SHOWN: usize = 2000;

/// Reads output as it comes.
#[derive(Debug)]
pub struct Reader {
    format: Format,
    facts: Facts,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    /// The rest of the line is passed over.
    skipping: bool,
    /// Words of the agent that came in pieces.
    pieces: String,
    /// The tokens of the answer that is being printed (one answer may be several events), by its id.
    answer: Option<(String, Tokens)>,
}

impl Reader {
    /// A reader for output of this format.
    pub fn new(format: Format) -> Self {
        let facts = Facts { whole: format.is_plain(), ..Facts::default() };
        Self { format, facts, line: Vec::new(), skipping: false, pieces: String::new(), answer: None }
    }

    /// Everything that a whole transcript says.
    pub fn all(format: Format, bytes: &[u8]) -> (Vec<Item>, Facts) {
        let mut reader = Self::new(format);
        let mut items = reader.feed(bytes);
        items.extend(reader.end());
        (items, reader.facts)
    }

    /// What is known so far.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Takes more output; returns what its whole lines say.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            if !self.skipping {
                self.line.extend_from_slice(part);
                if self.line.len() > LONGEST_LINE {
                    // Its beginning says what it was; the rest is only waited for.
                    self.line.truncate(SHOWN);
                    self.skipping = true;
                }
            }
            if part.ends_with(b"\n") {
                self.take_line(&mut items);
                self.skipping = false;
            }
        }
        items
    }

    /// The output is over; what had no newline yet counts as a line.
    pub fn end(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        if !self.line.is_empty() {
            self.take_line(&mut items);
        }
        self.flush(&mut items);
        items
    }

    fn take_line(&mut self, items: &mut Vec<Item>) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        let looks = !self.format.is_plain() && text.trim_start().starts_with('{');
        let event = if looks { serde_json::from_str::<Value>(text).ok() } else { None };
        let mut new = Vec::new();
        match event {
            Some(event) => self.take_event(&event, &mut new),
            None if self.format == Format::Aider => aider::read(self, text, &mut new),
            None if self.format == Format::Goose => goose::read(self, text, &mut new),
            None if self.format == Format::Text => new.push(Item::Text(text.to_owned())),
            None => {
                self.flush(items);
                if !text.trim().is_empty() {
                    new.push(Item::Text(facts::cut(text, SHOWN)));
                }
            }
        }
        for item in &new {
            self.facts.hear(item);
        }
        items.append(&mut new);
    }

    fn take_event(&mut self, event: &Value, items: &mut Vec<Item>) {
        match self.format {
            Format::Text | Format::Aider | Format::Goose => {}
            Format::Claude => claude::read(self, event, items),
            Format::Codex => codex::read(self, event, items),
            Format::Opencode => opencode::read(self, event, items),
            Format::Gemini => gemini::read(self, event, items),
        }
    }

    /// What came in pieces is whole.
    fn flush(&mut self, items: &mut Vec<Item>) {
        let words = std::mem::take(&mut self.pieces);
        if !words.trim().is_empty() {
            let item = Item::Said(words.trim().to_owned());
            self.facts.hear(&item);
            items.push(item);
        }
    }
}

/// A string in an event, by its path.
fn text<'a>(event: &'a Value, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(event, |value, key| value.get(key))?.as_str().filter(|text| !text.is_empty())
}

/// A number in an event; what is none is 0.
fn count(event: &Value, key: &str) -> u64 {
    event.get(key).and_then(Value::as_u64).unwrap_or(0)
}

/// What a tool was called for, from its input: the one thing that people recognise it by.
fn purpose(input: &Value) -> String {
    const KEYS: &[&str] = &["command", "cmd", "file_path", "filePath", "path", "pattern", "url", "query", "description", "prompt"];
    let named = KEYS.iter().find_map(|key| text(input, &[key]));
    let any = || input.as_object()?.values().find_map(Value::as_str);
    facts::clean(named.or_else(any).unwrap_or_default(), 200)
}
