//! What a run tells while it is on: to a person at a terminal, to a log, or to a machine.

use crate::agent::transcript::{Facts, Item};
use crate::output::{Output, Progress, safe};
use crate::spec::SpecId;
use serde_json::json;

/// Hears what an agent says and does. One for each run; it may be handed to another thread.
pub trait Live: Send {
    /// The agent said or did something; the facts are those so far.
    fn item(&mut self, item: &Item, facts: &Facts);
    /// The agent has ended; this is what we do now.
    fn goes_on(&mut self, _with: &str) {}
}

/// Lines, as they come: for a file, a pipe, a script's own output.
pub struct Lines {
    out: Output,
    prefix: String,
}

impl Lines {
    /// Prints lines that begin with `prefix`, which tells one run from another where several are on.
    pub fn new(out: Output, prefix: impl Into<String>) -> Self {
        Self { out, prefix: prefix.into() }
    }
}

impl Live for Lines {
    fn item(&mut self, item: &Item, _facts: &Facts) {
        for line in safe(&item.rendered()).split('\n') {
            self.out.line(format!("{}{line}", self.prefix));
        }
    }
}

/// One line on a terminal that moves.
pub struct Bar {
    progress: Progress,
}

impl Bar {
    /// A line that begins with the spec's id.
    pub fn new(out: Output, id: &SpecId) -> Self {
        Self { progress: out.progress(id.as_str()) }
    }
}

impl Live for Bar {
    fn item(&mut self, _item: &Item, facts: &Facts) {
        self.progress.say(&words(facts));
    }

    fn goes_on(&mut self, with: &str) {
        self.progress.say(with);
    }
}

/// What a progress line says behind the spec and the time: tokens so far, and the last tool or sentence.
fn words(facts: &Facts) -> String {
    let tokens = facts.tokens.map(|tokens| format!("{tokens}  ")).unwrap_or_default();
    format!("{tokens}{}", safe(facts.last.as_deref().unwrap_or_default()))
}

/// Nothing at all.
pub struct Unheard;

impl Live for Unheard {
    fn item(&mut self, _item: &Item, _facts: &Facts) {}
}

/// One JSON object a line.
pub struct Events {
    out: Output,
    id: SpecId,
    run: String,
}

impl Events {
    /// Events of this run.
    pub fn new(out: Output, id: &SpecId, run: &str) -> Self {
        Self { out, id: id.clone(), run: run.to_owned() }
    }
}

impl Live for Events {
    fn item(&mut self, item: &Item, facts: &Facts) {
        let tool = if let Item::Did { tool, .. } = item { Some(tool) } else { None };
        self.out.json_line(&json!({
            "event": item.kind(),
            "id": self.id.as_str(),
            "run": self.run,
            "tool": tool,
            "text": item.text(),
            "tokens": facts.tokens.map(|tokens| tokens.input.saturating_add(tokens.output)),
        }));
    }
}

/// The facts of a run, for machines.
pub fn facts_json(facts: &Facts) -> serde_json::Value {
    json!({
        "session": facts.session,
        "model": facts.model,
        "tokens": facts.tokens.map(|tokens| json!({"input": tokens.input, "cached": tokens.cached, "output": tokens.output})),
        "cost": facts.cost,
        "denied": facts.denied,
        "error": facts.error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::transcript::{Format, Reader};

    #[test]
    fn a_progress_line_has_the_tokens_and_the_newest_thing_in_one_line() {
        let mut reader = Reader::new(Format::Opencode);
        let mut after = |line: &str| {
            reader.feed(format!("{line}\n").as_bytes());
            words(reader.facts())
        };
        assert_eq!(after(""), "");
        assert_eq!(after(r#"{"type":"text","part":{"text":"Looking.\nNow \u001b[31mthe tests"}}"#), "Now [31mthe tests");
        let finish = r#"{"type":"step_finish","part":{"reason":"tool-calls","tokens":{"input":12600,"output":950},"cost":0}}"#;
        assert_eq!(after(finish), "12.6k in, 950 out  Now [31mthe tests");
        let tool = r#"{"type":"tool_use","part":{"tool":"bash","state":{"status":"completed","input":{"command":"cargo test\nls"}}}}"#;
        assert_eq!(after(tool), "12.6k in, 950 out  $ cargo test ls");
    }
}
