//! What a spec's events say, read once, newest first: the facts that start, verification and the gate decide from.

use super::event::{Event, EventKind};
use super::runs::{self, Run};
use std::collections::{BTreeMap, BTreeSet};

/// The newest start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Started {
    /// The run.
    pub run: String,
    /// The attempt that it began.
    pub attempt: u32,
    /// The intent that it was given.
    pub intent: String,
    /// The branch that the work is meant for.
    pub target: String,
    /// The commit on which the agent began, in hexadecimal.
    pub base: String,
}

/// The newest end of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// The work tip, in hexadecimal.
    pub tip: String,
    /// Its code tree.
    pub code_tree: String,
    /// The attempt that it ended.
    pub attempt: u32,
}

/// Work that a person let through the gate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetIn {
    /// Why.
    pub why: String,
    /// Into which branch.
    pub target: String,
    /// What was coming in, in hexadecimal.
    pub tips: Vec<String>,
}

/// Where a command passed; what comes later says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ran {
    /// In the worktree of the run that made the work, among whatever its agent left there that git ignores.
    InRun,
    /// In a worktree in which nobody works.
    Alone,
}

/// Everything that decisions need of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The newest start.
    pub start: Option<Started>,
    /// The newest finish, whatever came after it.
    pub finish: Option<Finished>,
    /// A newer finish than that is there, and is not believed.
    pub unbelieved_finish: bool,
    /// The intent that was approved last, unless it was rejected since.
    pub approved_intent: Option<String>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// Work tips of attempts that were not finished, or were reset since.
    pub abandoned: Vec<String>,
    /// How many runs were started since a person last reset the spec, without those that a person paused.
    pub starts_since_reset: u32,
    /// Why people let work through the gate, newest first.
    pub overrides: Vec<String>,
    /// The same overrides, with what they let in.
    pub let_in: Vec<LetIn>,
    /// Its runs, oldest first.
    pub runs: Vec<Run>,
    /// Commits that people declared to hold the work.
    pub marked: Vec<String>,
    passes: BTreeMap<(String, String), Ran>,
    exits: BTreeMap<(String, String), i32>,
    taken_back: BTreeMap<(String, String), Ran>,
}

impl Facts {
    /// Reads events, newest first.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        Self::of_believed(events, |_| true)
    }

    /// Reads events, newest first. What the work rests on (a finish, a pass, a mark) counts only where the event, by its number, is believed.
    pub fn of_believed<'a>(events: impl IntoIterator<Item = &'a Event>, believes: impl Fn(usize) -> bool) -> Self {
        let events: Vec<&Event> = events.into_iter().collect();
        let mut facts = Self { runs: runs::runs(events.iter().copied()), ..Self::default() };
        let (mut decided, mut reset) = (false, false);
        let mut paused = BTreeSet::new();
        for (number, event) in events.into_iter().enumerate() {
            let value = |key: &str| event.extra(key).unwrap_or_default().to_owned();
            match event.kind {
                EventKind::Start => {
                    // One that a person stopped has not failed.
                    facts.starts_since_reset += u32::from(!reset && !paused.contains(&value("Run")));
                    facts.start.get_or_insert_with(|| Started {
                        run: value("Run"),
                        attempt: event.attempt,
                        intent: value("Intent"),
                        target: value("Target"),
                        base: value("Base"),
                    });
                }
                EventKind::Reset => reset = true,
                EventKind::Finish if reset => facts.abandoned.push(value("Tip")),
                EventKind::Finish if facts.finish.is_none() && !believes(number) => facts.unbelieved_finish = true,
                EventKind::Finish => {
                    let finished = Finished { tip: value("Tip"), code_tree: value("Code-Tree"), attempt: event.attempt };
                    facts.finish.get_or_insert(finished);
                }
                EventKind::Fail | EventKind::Attention => facts.abandoned.push(value("Tip")),
                EventKind::Pause => {
                    facts.abandoned.push(value("Tip"));
                    paused.extend(event.extra("Run").map(str::to_owned));
                }
                EventKind::Approve | EventKind::Reject if !decided => {
                    decided = true;
                    if event.kind == EventKind::Approve {
                        facts.approved_intent = Some(value("Intent"));
                        facts.approved_by = Some(value("By"));
                    }
                }
                EventKind::Override => {
                    facts.overrides.push(event.text.clone());
                    let tips = event.extras("Tip").map(str::to_owned).collect();
                    facts.let_in.push(LetIn { why: event.text.clone(), target: value("Target"), tips });
                }
                EventKind::Merge => facts.marked.extend(event.extra("Marked").filter(|_| believes(number)).map(str::to_owned)),
                EventKind::Verify => facts.read_verdicts(event, || believes(number)),
                _ => {}
            }
        }
        facts.abandoned.retain(|tip| !tip.is_empty());
        facts
    }

    /// A verdict is `pass|fail <digest> exit=<code> …` on the event's code tree, in the worktree of a run where the event says so
    /// (`Where`). Where nothing recorded was believed (`Fresh`), a failure takes older passes back; one in a worktree of our own takes back
    /// at least those of runs.
    fn read_verdicts(&mut self, event: &Event, believed: impl Fn() -> bool) {
        let tree = event.extra("Code-Tree").unwrap_or_default();
        let ran = if event.extra("Where").is_some() { Ran::InRun } else { Ran::Alone };
        let passes = event.extras("Verdict").any(|verdict| verdict.starts_with("pass ")) && believed();
        for verdict in event.extras("Verdict") {
            let mut words = verdict.split(' ');
            let (Some(word), Some(digest)) = (words.next(), words.next()) else { continue };
            let exit = words.find_map(|word| word.strip_prefix("exit=")?.parse().ok()).unwrap_or(-1);
            let key = (tree.to_owned(), digest.to_owned());
            if word == "pass" {
                if passes && self.taken_back.get(&key).is_none_or(|most| ran > *most) {
                    let best = self.passes.entry(key).or_insert(ran);
                    *best = (*best).max(ran);
                }
                continue;
            }
            let takes = if event.extra("Fresh").is_some() { Some(Ran::Alone) } else { (ran == Ran::Alone).then_some(Ran::InRun) };
            if let Some(takes) = takes.filter(|_| self.passes.get(&key) != Some(&Ran::Alone)) {
                let most = self.taken_back.entry(key.clone()).or_insert(takes);
                *most = (*most).max(takes);
            }
            self.exits.entry(key).or_insert(exit);
        }
    }

    /// True for events that decide what the work rests on, so that they are signed where signatures are asked for.
    pub fn rest_on(kind: EventKind, extra: &[(String, String)]) -> bool {
        match kind {
            EventKind::Approve | EventKind::Override | EventKind::Finish => true,
            EventKind::Verify => extra.iter().any(|(key, verdict)| key == "Verdict" && verdict.starts_with("pass ")),
            EventKind::Merge => extra.iter().any(|(key, _)| key == "Marked"),
            _ => false,
        }
    }

    /// Where this command passed on this code tree. A pass holds: the same command on the same tree is never run twice.
    pub fn passed(&self, code_tree: &str, digest: &str) -> Option<Ran> {
        self.passes.get(&(code_tree.to_owned(), digest.to_owned())).copied()
    }

    /// The exit code of the newest failure of this command on this code tree, where it never passed there.
    pub fn failed(&self, code_tree: &str, digest: &str) -> Option<i32> {
        let key = (code_tree.to_owned(), digest.to_owned());
        if self.passes.contains_key(&key) { None } else { self.exits.get(&key).copied() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Approval, Status};

    fn event(kind: EventKind, attempt: u32, extra: &[(&str, &str)]) -> Event {
        Event {
            kind,
            title: "t".into(),
            text: "why".into(),
            status: Status::Pending,
            attempt,
            blob: String::new(),
            spec_type: "code".into(),
            labels: Vec::new(),
            depends_on: Vec::new(),
            approval: Approval::None,
            nonce: None,
            extra: extra.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        }
    }

    #[test]
    fn a_reset_gives_earlier_work_up() {
        let events = [
            event(EventKind::Finish, 3, &[("Tip", "c")]),
            event(EventKind::Start, 3, &[("Run", "r2")]),
            event(EventKind::Reset, 2, &[]),
            event(EventKind::Finish, 1, &[("Tip", "a")]),
            event(EventKind::Fail, 1, &[("Tip", "b")]),
            event(EventKind::Start, 1, &[("Run", "r1")]),
        ];
        let facts = Facts::of(&events);
        assert_eq!(facts.finish.map(|finish| finish.tip).as_deref(), Some("c"));
        assert_eq!(facts.abandoned, ["a", "b"]);
        assert_eq!(facts.starts_since_reset, 1);
        assert_eq!(facts.start.map(|start| start.run).as_deref(), Some("r2"));
    }

    #[test]
    fn a_run_that_was_paused_is_no_attempt_that_failed() {
        let events = [
            event(EventKind::Start, 3, &[("Run", "r3")]),
            event(EventKind::Pause, 2, &[("Run", "r2"), ("Tip", "b")]),
            event(EventKind::Start, 2, &[("Run", "r2")]),
            event(EventKind::Fail, 1, &[("Run", "r1"), ("Tip", "a")]),
            event(EventKind::Start, 1, &[("Run", "r1")]),
        ];
        let facts = Facts::of(&events);
        assert_eq!((facts.starts_since_reset, facts.abandoned), (2, vec!["b".to_owned(), "a".to_owned()]));
        assert_eq!(facts.runs[1].ended, Some(EventKind::Pause));
    }

    #[test]
    fn a_rejection_takes_the_approval_back() {
        let approve = event(EventKind::Approve, 0, &[("Intent", "i"), ("By", "Ann")]);
        let reject = event(EventKind::Reject, 0, &[]);
        assert_eq!(Facts::of([&approve, &reject]).approved_intent.as_deref(), Some("i"));
        assert_eq!(Facts::of([&reject, &approve]).approved_intent, None);
    }

    #[test]
    fn a_pass_holds_and_a_failure_is_of_its_tree() {
        let verify = |verdict: &str, tree: &str| event(EventKind::Verify, 1, &[("Code-Tree", tree), ("Verdict", verdict)]);
        let facts = Facts::of(&[verify("fail d exit=2 ms=1", "t"), verify("pass d exit=0 ms=1", "t"), verify("fail d exit=3", "u")]);
        assert_eq!((facts.passed("t", "d"), facts.failed("t", "d")), (Some(Ran::Alone), None));
        assert_eq!((facts.passed("u", "d"), facts.failed("u", "d")), (None, Some(3)));
    }

    #[test]
    fn a_fresh_failure_takes_older_passes_back_until_it_passes_again() {
        let verify = |verdict: &str, fresh: bool| {
            let extra = [("Code-Tree", "t"), ("Verdict", verdict), ("Fresh", "true")];
            event(EventKind::Verify, 1, &extra[..if fresh { 3 } else { 2 }])
        };
        let (pass, fail) = (verify("pass d exit=0", false), verify("fail d exit=7", true));
        let facts = Facts::of([&fail, &pass]);
        assert_eq!((facts.passed("t", "d"), facts.failed("t", "d")), (None, Some(7)));
        assert!(Facts::of([&pass, &fail, &pass]).passed("t", "d").is_some());
        let beside = Facts::of([&verify("fail d exit=7", false), &pass]);
        assert!(beside.passed("t", "d").is_some(), "a failure of another clone, at the same time");
    }

    #[test]
    fn a_pass_in_a_runs_worktree_says_less() {
        let verify = |verdict: &str, extra: &[(&str, &str)]| {
            event(EventKind::Verify, 1, &[&[("Code-Tree", "t"), ("Verdict", verdict)], extra].concat())
        };
        let (run, fresh) = (("Where", "run"), ("Fresh", "true"));
        let in_run = verify("pass d exit=0", &[run, fresh]);
        let alone = verify("pass d exit=0", &[]);
        let (fail, fail_in_run) = (verify("fail d exit=7", &[]), verify("fail d exit=7", &[run, fresh]));
        let passed = |events: &[&Event]| Facts::of(events.iter().copied()).passed("t", "d");
        assert_eq!(passed(&[&in_run]), Some(Ran::InRun));
        assert_eq!(passed(&[&in_run, &alone]), Some(Ran::Alone));
        assert_eq!(passed(&[&alone, &in_run]), Some(Ran::Alone));
        assert_eq!(passed(&[&fail, &in_run]), None, "it passes for what lies around there");
        assert_eq!(passed(&[&fail, &in_run, &alone]), Some(Ran::Alone), "it is flaky, and passed where nobody works");
        assert_eq!(passed(&[&in_run, &fail]), Some(Ran::InRun));
        assert_eq!(passed(&[&fail_in_run, &in_run, &alone]), None);
        assert_eq!(passed(&[&in_run, &fail_in_run, &alone]), Some(Ran::InRun));
    }
}
