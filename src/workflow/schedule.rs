//! Which spec is started next, and by which agent: decided from what is known at one moment, with no clock and no repository.

use crate::spec::SpecId;
use std::time::Duration;

/// An agent among those that share the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its name.
    pub name: String,
    /// How often it is chosen, against the others (`chant.agent.<name>.weight`).
    pub weight: u32,
    /// How many of it may run at once (`chant.agent.<name>.maxConcurrent`).
    pub most: Option<u32>,
    /// How many of it are running here.
    pub running: u32,
    /// How many of it others run in the same repository.
    pub elsewhere: u32,
    /// How many of it were started so far.
    pub started: u32,
}

/// What is known now.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// The specs that could start, in the order in which they should.
    pub ready: &'a [SpecId],
    /// The agents that share the work; at least one.
    pub agents: &'a [Share],
    /// How many specs are being worked.
    pub running: usize,
    /// How many may be worked at once.
    pub jobs: usize,
    /// How many more may be started; `None` is no limit.
    pub left: Option<usize>,
    /// How long ago the last one was started.
    pub since_start: Option<Duration>,
    /// The time that lies between two starts.
    pub stagger: Duration,
    /// When the next spec that is held back may start.
    pub held_back: Option<Duration>,
    /// Nothing new is started any more.
    pub stopping: bool,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Start this spec with this agent (its place in the list).
    Start(SpecId, usize),
    /// Wait until a run ends, at most so long.
    Wait(Option<Duration>),
    /// Nothing is running, and nothing will be started.
    Done,
}

/// Decides the next step. The caller carries it out, and asks again with what is known then.
pub fn next(now: &Now<'_>) -> Step {
    let closed = now.stopping || now.left == Some(0);
    let Some(id) = now.ready.first().filter(|_| !closed) else {
        let held_back = now.held_back.filter(|_| !closed);
        return if now.running == 0 && held_back.is_none() { Step::Done } else { Step::Wait(held_back) };
    };
    if now.running >= now.jobs {
        return Step::Wait(None);
    }
    // Alone it waits for nobody: there is nobody whose start it could disturb.
    let early = now.since_start.filter(|_| now.running > 0).and_then(|since| now.stagger.checked_sub(since));
    if let Some(early) = early.filter(|early| !early.is_zero()) {
        return Step::Wait(Some(early));
    }
    match choose(now.agents) {
        Some(agent) => Step::Start(id.clone(), agent),
        None => Step::Wait(None),
    }
}

impl Share {
    /// True where one more of it may run.
    pub fn has_room(&self) -> bool {
        self.most.is_none_or(|most| self.running.saturating_add(self.elsewhere) < most)
    }
}

/// The agent that is furthest behind its share, of those that have room; the first of several.
fn choose(agents: &[Share]) -> Option<usize> {
    let free = agents.iter().enumerate().filter(|(_, agent)| agent.has_room());
    // (started + 1) / weight, compared without dividing.
    let due = |agent: &Share| (u64::from(agent.started) + 1, u64::from(agent.weight.max(1)));
    free.min_by(|(_, a), (_, b)| {
        let ((a, a_weight), (b, b_weight)) = (due(a), due(b));
        (a * b_weight).cmp(&(b * a_weight))
    })
    .map(|(index, _)| index)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<SpecId> {
        names.iter().map(|name| SpecId::parse(name).unwrap()).collect()
    }

    fn agent(name: &str, weight: u32, most: Option<u32>) -> Share {
        Share { name: name.into(), weight, most, running: 0, elsewhere: 0, started: 0 }
    }

    fn now<'a>(ready: &'a [SpecId], agents: &'a [Share]) -> Now<'a> {
        Now {
            ready,
            agents,
            running: 0,
            jobs: 2,
            left: None,
            since_start: None,
            stagger: Duration::from_secs(1),
            held_back: None,
            stopping: false,
        }
    }

    #[test]
    fn what_follows_from_what_is_known() {
        let (some, none) = (ids(&["a", "b"]), ids(&[]));
        let agents = [agent("one", 1, None)];
        let second = Duration::from_secs(1);
        let (base, idle) = (now(&some, &agents), now(&none, &agents));
        let start = || Step::Start(some[0].clone(), 0);
        let table = [
            ("the first that is ready", base, start()),
            ("every place is taken", Now { running: 2, ..base }, Step::Wait(None)),
            ("one place is free", Now { running: 1, ..base }, start()),
            ("too soon after the last", Now { running: 1, since_start: Some(second / 4), ..base }, Step::Wait(Some(second * 3 / 4))),
            ("late enough", Now { running: 1, since_start: Some(second), ..base }, start()),
            ("alone it is never too soon", Now { since_start: Some(Duration::ZERO), ..base }, start()),
            ("as many as were asked for", Now { left: Some(0), ..base }, Step::Done),
            ("as many as were asked for, still on", Now { left: Some(0), running: 1, ..base }, Step::Wait(None)),
            ("one more", Now { left: Some(1), ..base }, start()),
            ("stopped", Now { stopping: true, ..base }, Step::Done),
            ("stopped, still on", Now { stopping: true, running: 1, held_back: Some(second), ..base }, Step::Wait(None)),
            ("nothing is ready", idle, Step::Done),
            ("nothing is ready yet", Now { running: 1, ..idle }, Step::Wait(None)),
            ("held back", Now { held_back: Some(second), ..idle }, Step::Wait(Some(second))),
        ];
        for (name, now, step) in table {
            assert_eq!(next(&now), step, "{name}");
        }
    }

    /// Who gets the next ten, when each runs for ever or ends at once.
    fn order(mut agents: Vec<Share>, ends: bool) -> String {
        let ready = ids(&["a"]);
        let mut said = String::new();
        for running in 0..10 {
            let step = next(&Now { running: if ends { 0 } else { running }, jobs: 10, ..now(&ready, &agents) });
            let Step::Start(_, chosen) = step else { break };
            said.push_str(&agents[chosen].name);
            agents[chosen].started += 1;
            agents[chosen].running += u32::from(!ends);
        }
        said
    }

    #[test]
    fn agents_share_by_weight_and_have_limits() {
        assert_eq!(order(vec![agent("a", 1, None)], false), "aaaaaaaaaa");
        assert_eq!(order(vec![agent("a", 1, None), agent("b", 1, None)], true), "ababababab");
        assert_eq!(order(vec![agent("a", 1, None), agent("b", 4, None)], true), "bbbabbbbab");
        assert_eq!(order(vec![agent("a", 1, Some(1)), agent("b", 1, Some(2))], false), "abb");
        assert_eq!(order(vec![agent("a", 9, Some(1)), agent("b", 1, None)], false), "abbbbbbbbb");
        let elsewhere = |name, most, elsewhere| Share { elsewhere, ..agent(name, 9, Some(most)) };
        assert_eq!(order(vec![elsewhere("a", 3, 1), elsewhere("b", 1, 1), agent("c", 1, Some(1))], false), "aac");
        assert_eq!(order(vec![agent("a", 0, None), agent("b", u32::MAX, None)], true), "bbbbbbbbbb");
    }
}
