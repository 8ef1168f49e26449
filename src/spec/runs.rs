//! The runs of a spec, as its events tell them: who worked, how it ended, what it used.

use super::event::{Event, EventKind};
use std::collections::HashMap;

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The attempt that it began.
    pub attempt: u32,
    /// The agent's name.
    pub agent: String,
    /// How it ended; nothing for one that goes on or died.
    pub ended: Option<EventKind>,
    /// Why, in words.
    pub reason: String,
    /// The agent's own name for its session.
    pub session: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// What it used.
    pub used: Used,
}

/// What runs used, as far as their agents told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Tokens in, what was cached included.
    pub input: u64,
    /// The part of them that came from a cache.
    pub cached: u64,
    /// Tokens out.
    pub output: u64,
    /// Millionths of a US dollar, where an agent told its cost.
    pub cost_micros: Option<u64>,
}

impl Used {
    /// Reads the trailers of an event that ends a run. What came from another clone may be anything.
    fn of(event: &Event) -> Self {
        let mut used = Self::default();
        for word in event.extra("Tokens").unwrap_or_default().split(' ') {
            let Some((key, number)) = word.split_once('=') else { continue };
            let number = number.parse().unwrap_or(0);
            match key {
                "in" => used.input = number,
                "cached" => used.cached = number,
                "out" => used.output = number,
                _ => {}
            }
        }
        used.cost_micros = event.extra("Cost").and_then(micros);
        used
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let cost = match (self.cost_micros, other.cost_micros) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        };
        Self {
            input: self.input.saturating_add(other.input),
            cached: self.cached.saturating_add(other.cached),
            output: self.output.saturating_add(other.output),
            cost_micros: cost,
        }
    }

    /// True where no agent told anything.
    pub fn is_unknown(self) -> bool {
        self == Self::default()
    }

    /// In US dollars.
    pub fn cost(self) -> Option<String> {
        self.cost_micros.map(|micros| format!("{}.{:04}", micros / 1_000_000, micros % 1_000_000 / 100))
    }
}

/// `1.25` as millionths, without the detour over a binary fraction.
fn micros(text: &str) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(rest) {
        return None;
    }
    let rest = format!("{:0<6}", rest.chars().take(6).collect::<String>());
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(rest.parse().ok()?)
}

/// The runs of a history (newest event first), oldest first.
pub fn runs<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<Run> {
    let mut ends: HashMap<String, &Event> = HashMap::new();
    let mut list: Vec<Run> = Vec::new();
    for event in events {
        let Some(id) = event.extra("Run").filter(|id| !id.is_empty()) else { continue };
        match event.kind {
            EventKind::Finish | EventKind::Fail | EventKind::Attention | EventKind::Pause => {
                ends.entry(id.to_owned()).or_insert(event);
            }
            EventKind::Start if !list.iter().any(|run| run.id == id) => {
                let mut run = Run {
                    id: id.to_owned(),
                    attempt: event.attempt,
                    agent: event.extra("Agent").unwrap_or_default().to_owned(),
                    ..Run::default()
                };
                if let Some(end) = ends.remove(id) {
                    run.ended = Some(end.kind);
                    run.reason = end.text.lines().next().map(str::to_owned).unwrap_or_default();
                    run.session = end.extra("Session").map(str::to_owned);
                    run.model = end.extra("Model").map(str::to_owned);
                    run.used = Used::of(end);
                }
                list.push(run);
            }
            _ => {}
        }
    }
    list.reverse();
    list
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn event(kind: &str, extra: &str) -> Event {
        let message = format!("{kind}: T\n\nwhy\n\nChant-Event: {kind}\nChant-Status: pending\nChant-Attempt: 1\nChant-Blob: b\n{extra}");
        Event::parse(message.as_bytes()).unwrap()
    }

    #[test]
    fn what_runs_used_is_read_and_summed() {
        let events = [
            event("start", "Chant-Run: r3\nChant-Agent: codex"),
            event("finish", "Chant-Run: r2\nChant-Session: s\nChant-Model: m\nChant-Tokens: in=20 cached=5 out=3\nChant-Cost: 0.25"),
            event("start", "Chant-Run: r2\nChant-Agent: claude"),
            event("fail", "Chant-Run: r1\nChant-Tokens: in=x out=18446744073709551615\nChant-Cost: 1.000001"),
            event("start", "Chant-Run: r1\nChant-Agent: claude"),
        ];
        let runs = runs(&events);
        let ids: Vec<_> = runs.iter().map(|run| (run.id.as_str(), run.agent.as_str(), run.ended)).collect();
        let (fail, finish) = (Some(EventKind::Fail), Some(EventKind::Finish));
        assert_eq!(ids, [("r1", "claude", fail), ("r2", "claude", finish), ("r3", "codex", None)]);
        assert_eq!((runs[1].session.as_deref(), runs[1].model.as_deref(), runs[0].reason.as_str()), (Some("s"), Some("m"), "why"));
        let sum = runs.iter().fold(Used::default(), |sum, run| sum.plus(run.used));
        assert_eq!((sum.input, sum.cached, sum.output, sum.cost().as_deref()), (20, 5, u64::MAX, Some("1.2500")));
        assert!(runs[2].used.is_unknown());
    }

    #[test]
    fn an_amount_that_is_none_is_none() {
        for text in ["", "-1", ".5", "1e9", "1.x", "99999999999999999999", "NaN"] {
            assert_eq!(micros(text), None, "{text}");
        }
        assert_eq!((micros("3"), micros("0.0000019")), (Some(3_000_000), Some(1)));
    }
}
