//! What a run's output says about the run.

use super::item::Item;
use std::fmt;
use std::ops::AddAssign;

/// How much a model was given and gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// All input, what was cached included.
    pub input: u64,
    /// The part of the input that came from a cache.
    pub cached: u64,
    /// All output, reasoning included.
    pub output: u64,
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.cached = self.cached.saturating_add(other.cached);
        self.output = self.output.saturating_add(other.output);
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in, {} out", short(self.input), short(self.output))
    }
}

/// `950`, `12.6k`, `3.4M`.
fn short(number: u64) -> String {
    let (tenths, unit) = match number {
        0..1_000 => return number.to_string(),
        1_000..1_000_000 => (number / 100, "k"),
        _ => (number / 100_000, "M"),
    };
    format!("{}.{}{unit}", tenths / 10, tenths % 10)
}

/// Everything that a judge, a record and a progress line need of a run's output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The client's own name for the session, by which it can go on.
    pub session: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// What it used, as far as is known; nothing where the client does not say.
    pub tokens: Option<Tokens>,
    /// What this run cost, in US dollars, where the client says so.
    pub cost: Option<f64>,
    /// The tools that it was not allowed to use, each once for every time.
    pub denied: Vec<String>,
    /// The error that ended it.
    pub error: Option<String>,
    /// The newest thing that went wrong without ending it.
    pub trouble: Option<String>,
    /// The end that a whole stream of this client has was seen; or there is none to see.
    pub whole: bool,
    /// The last tool or sentence, in one line.
    pub last: Option<String>,
    /// The agent's own last words, as they were.
    pub last_words: Option<String>,
}

impl Facts {
    /// Why the output alone makes the run a failure, in words. `None` says nothing about the work.
    pub fn failure(&self) -> Option<String> {
        if let Some(error) = &self.error {
            return Some(format!("the agent reported an error: {error}"));
        }
        if !self.denied.is_empty() {
            return Some(format!("the agent was not allowed to use {}", counted(&self.denied)));
        }
        if self.whole {
            return None;
        }
        let trouble = self.trouble.as_ref().map(|trouble| format!(" ({trouble})")).unwrap_or_default();
        Some(format!("the agent's output broke off before its end{trouble}"))
    }

    pub(super) fn hear(&mut self, item: &Item) {
        if let Item::Said(words) | Item::Text(words) = item
            && !words.trim().is_empty()
        {
            self.last_words = Some(words.clone());
        }
        if let Item::Trouble(trouble) = item {
            self.trouble = Some(clean(trouble, 300));
        }
        let line = clean(&item.short(), 200);
        if !line.is_empty() {
            self.last = Some(line);
        }
    }

    pub(super) fn set_session(&mut self, id: Option<&str>) {
        if let Some(id) = id.filter(|id| is_session(id)) {
            self.session = Some(id.to_owned());
        }
    }

    pub(super) fn set_model(&mut self, model: Option<&str>) {
        // `<synthetic>`: claude's own words, no model's.
        let model = model.map(|model| clean(model, 100)).filter(|model| !model.is_empty() && !model.starts_with('<'));
        if model.is_some() {
            self.model = model;
        }
    }

    pub(super) fn set_error(&mut self, error: impl AsRef<str>) {
        let error = clean(error.as_ref(), 300);
        self.error = Some(if error.is_empty() { "it did not say which".to_owned() } else { error });
    }

    pub(super) fn add_tokens(&mut self, tokens: Tokens) {
        *self.tokens.get_or_insert_default() += tokens;
    }

    pub(super) fn add_cost(&mut self, cost: Option<f64>) {
        if let Some(cost) = cost.filter(|cost| cost.is_finite() && *cost >= 0.0) {
            self.cost = Some(self.cost.unwrap_or(0.0) + cost);
        }
    }
}

/// True for what may be a session's id: it becomes an argument of the client's own command line.
pub fn is_session(id: &str) -> bool {
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    (1..=128).contains(&id.len()) && !id.starts_with('-') && plain
}

/// `Write, Bash (2 times)`, in order of appearance.
fn counted(names: &[String]) -> String {
    let mut list: Vec<(&String, usize)> = Vec::new();
    for name in names {
        match list.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => list.push((name, 1)),
        }
    }
    let words = list.iter().map(|(name, count)| if *count == 1 { (*name).clone() } else { format!("{name} ({count} times)") });
    words.collect::<Vec<_>>().join(", ")
}

/// One line without control characters, of at most this many characters.
pub(super) fn clean(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    cut(&line, most)
}

/// The first characters of a text.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
