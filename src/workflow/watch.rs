//! Watching an agent: its output is read and handed on, its budget is kept, and its end is judged.

use super::live::Live;
use super::plan::Plan;
use crate::agent::process::{Ended, Watch};
use crate::agent::transcript::{Facts, Reader};
use crate::agent::{Agent, RunDir};
use std::time::Duration;

/// Why a run failed whose git-chant was asked to end.
pub const INTERRUPTED: &str = "interrupted";

/// Reads what an agent prints, hands it on, and keeps an eye on the budget.
pub(super) struct Watcher<'a> {
    reader: Reader,
    live: &'a mut dyn Live,
    max_cost: Option<f64>,
    /// What it prints says when it is done.
    marks_end: bool,
    dir: &'a RunDir,
    /// Why a person wants it to stop.
    paused: Option<String>,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(agent: &Agent, live: &'a mut dyn Live, dir: &'a RunDir) -> Self {
        let (format, max_cost) = (agent.format(), agent.limits().cost);
        Self { reader: Reader::new(format), live, max_cost, marks_end: !format.is_plain(), dir, paused: None }
    }

    /// Everything is said: what it says all in all, and why a person wanted it to stop.
    pub(super) fn end(mut self) -> (Facts, Option<String>) {
        for item in self.reader.end() {
            self.live.item(&item, self.reader.facts());
        }
        (self.reader.facts().clone(), self.paused)
    }

    /// A budget ends an agent that has more to do. Many tell what it cost with their last word: the money is spent then, and the work done.
    fn is_over_budget(&self) -> bool {
        let facts = self.reader.facts();
        let done = self.marks_end && facts.whole;
        !done && self.max_cost.zip(facts.cost).is_some_and(|(most, cost)| cost > most)
    }
}

impl Watch for Watcher<'_> {
    fn output(&mut self, bytes: &[u8]) {
        for item in self.reader.feed(bytes) {
            self.live.item(&item, self.reader.facts());
        }
    }

    fn tick(&mut self) {
        self.paused = self.paused.take().or_else(|| self.dir.pause_asked());
    }

    fn enough(&self) -> bool {
        self.paused.is_some() || self.is_over_budget()
    }
}

/// What a run cost more than it should have, where that was told too late to end it.
pub(super) fn overspent(agent: &Agent, facts: &Facts) -> Option<String> {
    let (most, cost) = agent.limits().cost.zip(facts.cost).filter(|(most, cost)| cost > most)?;
    let name = agent.name();
    Some(format!("'{name}' cost ${cost:.4}, which is more than its budget of ${most} (chant.agent.{name}.maxCost)"))
}

/// What the end of the process and its output say together. That it exited 0 says nothing.
pub(super) fn why_failed(plan: &Plan, ended: Ended, facts: &Facts) -> Option<String> {
    let said = |what: String| match &facts.error {
        Some(error) => format!("{what}: {error}"),
        None => what,
    };
    match ended {
        Ended::TimedOut => Some(out_of_time(plan)),
        Ended::Idle => Some("the agent said nothing for too long, and was ended (idleTimeout)".to_owned()),
        Ended::TooMuchOutput => Some("the agent printed too much, and was ended (maxOutput)".to_owned()),
        Ended::Stopped => Some(format!("the agent reached its budget, and was ended: ${:.4} (maxCost)", facts.cost.unwrap_or_default())),
        Ended::Interrupted => Some(INTERRUPTED.to_owned()),
        Ended::Exited(0) => facts.failure(),
        Ended::Exited(code) => Some(said(format!("the agent exited with {code}"))),
        Ended::Signalled(signal) => Some(said(format!("the agent was ended by signal {signal}"))),
    }
}

/// Which limit it was that ended it.
fn out_of_time(plan: &Plan) -> String {
    let agent = plan.agent.name();
    match (plan.options.timeout, plan.agent.limits().time) {
        (Some(time), _) => format!("the agent was ended after {} (--timeout)", in_words(time)),
        (None, Some(time)) => format!("the agent was ended after {} (chant.agent.{agent}.timeout)", in_words(time)),
        (None, None) => "the agent was ended for the time that it took".to_owned(),
    }
}

/// A time as it is written in git config.
fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds > 0 && seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds > 0 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}
