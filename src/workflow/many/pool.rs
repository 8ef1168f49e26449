//! What is known while many specs are worked: who runs, who was tried, who could start.

use super::{Teller, What, Which, Worked};
use crate::agent::Agent;
use crate::context::Context;
use crate::failure::Failure;
use crate::settings;
use crate::spec::graph::Graph;
use crate::spec::{Shown, SpecId, Status};
use crate::store::Listed;
use crate::workflow::plan::Options;
use crate::workflow::resume::{self, Unfinished};
use crate::workflow::schedule::{Now, Share};
use crate::workflow::{find, next, room};
use anyhow::{Result, anyhow};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How often we look for specs that others made ready.
const LOOK: Duration = Duration::from_secs(5);

/// How often we look how many agents others run.
const COUNT: Duration = Duration::from_millis(500);

/// What a person asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which specs.
    pub which: Which,
    /// How many at once.
    pub jobs: usize,
    /// How many at most.
    pub most: Option<usize>,
    /// Nothing more is started after one that was not done.
    pub chain: bool,
    /// Each is merged when it is done.
    pub merge: bool,
    /// How each is run; its agent may be several, with commas.
    pub options: Options,
}

/// Everything that the next decision rests on.
pub(super) struct Pool<'a> {
    ctx: &'a Context,
    request: &'a Request,
    agents: Vec<Share>,
    stagger: Duration,
    running: BTreeMap<SpecId, usize>,
    tried: BTreeSet<SpecId>,
    started: usize,
    ready: Vec<SpecId>,
    /// Specs that are left alone until then.
    held_back: BTreeMap<SpecId, Instant>,
    looked: Option<Instant>,
    counted: Option<Instant>,
    /// It was said what everything waits for.
    told: bool,
    last_start: Option<Instant>,
    stopped: bool,
    trouble: Option<anyhow::Error>,
    done: Vec<Worked>,
}

impl<'a> Pool<'a> {
    pub(super) fn new(ctx: &'a Context, request: &'a Request) -> Result<Self> {
        let stagger = settings::time(&ctx.repo, "chant.stagger")?;
        Ok(Self {
            ctx,
            request,
            agents: agents(ctx, &request.options)?,
            stagger,
            running: BTreeMap::new(),
            tried: BTreeSet::new(),
            started: 0,
            ready: Vec::new(),
            held_back: BTreeMap::new(),
            looked: None,
            counted: None,
            told: false,
            last_start: None,
            stopped: false,
            trouble: None,
            done: Vec::new(),
        })
    }

    /// Looks again what is ready, where that may have changed.
    pub(super) fn look(&mut self, stop: bool) {
        self.stopped |= stop;
        self.look_for_ready();
        if let Err(error) = self.count() {
            self.give_up(error);
        }
    }

    fn look_for_ready(&mut self) {
        let due = self.held_back().is_some_and(|rest| rest.is_zero());
        if self.stopped || (!due && self.looked.is_some_and(|looked| looked.elapsed() < LOOK)) {
            return;
        }
        match self.ready_now() {
            Ok(ready) => self.ready = ready,
            Err(error) => self.give_up(error),
        }
        self.looked = Some(Instant::now());
    }

    /// What runs is brought to its end first.
    fn give_up(&mut self, error: anyhow::Error) {
        self.trouble = Some(error);
        self.stopped = true;
    }

    /// Looks how many of each limited agent others run, now and then and while something could start.
    fn count(&mut self) -> Result<()> {
        let recent = self.counted.is_some_and(|counted| counted.elapsed() < COUNT);
        if self.stopped || recent || self.ready.is_empty() || self.running.len() >= self.request.jobs {
            return Ok(());
        }
        self.counted = Some(Instant::now());
        let mut waits = None;
        for agent in &mut self.agents {
            let Some(most) = agent.most else { continue };
            let mut others = room::at_work(self.ctx, &agent.name)?;
            others.retain(|id| !self.running.keys().any(|own| own.as_str() == id));
            agent.elsewhere = u32::try_from(others.len()).unwrap_or(u32::MAX);
            waits = waits.or((!agent.has_room()).then(|| room::words(&agent.name, most, &others)));
        }
        let alone = self.running.is_empty() && !self.agents.iter().any(Share::has_room);
        if let (Some(waits), true, false) = (waits, alone, self.told) {
            self.ctx.out.note(format!("Waiting: {waits}"));
            self.told = true;
        }
        Ok(())
    }

    /// When the first spec that is held back may start.
    fn held_back(&self) -> Option<Duration> {
        let held = self.held_back.iter().filter(|(id, _)| !self.tried.contains(*id) && !self.ready.contains(id));
        held.map(|(_, until)| until.saturating_duration_since(Instant::now())).min()
    }

    /// What failed a moment ago is left alone for a time; what is used up, for good.
    fn unfinished(&mut self, specs: &[Listed]) -> Result<Vec<SpecId>> {
        let (list, used_up) = resume::unfinished(self.ctx, specs, &self.request.options)?;
        for id in used_up {
            if self.tried.insert(id.clone()) {
                let why = anyhow!("it was started as often as chant.maxAttempts allows; start over: git chant reset {id}");
                self.done.push(Worked { id, what: What::NotStarted(why) });
            }
        }
        let mut ready = Vec::new();
        for Unfinished { id, rest } in list.into_iter().filter(|spec| !self.tried.contains(&spec.id)) {
            if !rest.is_zero() && !self.held_back.contains_key(&id) {
                self.ctx.out.note(format!("{id} failed a moment ago; it is tried again in {} s (chant.retryDelay)", rest.as_secs()));
            }
            let until = *self.held_back.entry(id.clone()).or_insert_with(|| Instant::now() + rest);
            if until <= Instant::now() {
                ready.push(id);
            }
        }
        Ok(ready)
    }

    fn ready_now(&mut self) -> Result<Vec<SpecId>> {
        let (specs, _) = self.ctx.store().list()?;
        if self.request.which == Which::Unfinished {
            return self.unfinished(&specs);
        }
        let graph = find::graph(self.ctx, &specs)?;
        let untried = |id: &&SpecId| !self.tried.contains(*id);
        Ok(match &self.request.which {
            Which::Unfinished => Vec::new(),
            Which::Ready(labels) => {
                let wanted: BTreeSet<&SpecId> = specs.iter().filter(|spec| spec.has_one_of(labels)).map(|spec| &spec.id).collect();
                next::ready(self.ctx)?.into_iter().filter(|id| wanted.contains(id) && untried(&id)).collect()
            }
            Which::These(ids) => {
                let open: Vec<&SpecId> = ids.iter().filter(untried).collect();
                // One that is no more pending is tried too: its refusal says why, and what to do.
                let able = |id: &&&SpecId| graph.shown(id) != Some(Shown::Blocked);
                let ready: Vec<SpecId> = open.iter().filter(able).map(|id| (*id).clone()).collect();
                let forced = self.request.options.force && ready.is_empty() && self.running.is_empty();
                if forced { open.into_iter().take(1).cloned().collect() } else { ready }
            }
        })
    }

    /// What the next step is decided from.
    pub(super) fn now(&self) -> Now<'_> {
        Now {
            ready: &self.ready,
            agents: &self.agents,
            running: self.running.len(),
            jobs: self.request.jobs,
            left: self.request.most.map(|most| most.saturating_sub(self.started)),
            since_start: self.last_start.map(|start| start.elapsed()),
            stagger: self.stagger,
            held_back: self.held_back(),
            stopping: self.stopped,
        }
    }

    /// A spec is being started; the agent's name.
    pub(super) fn begin(&mut self, id: &SpecId, agent: usize) -> String {
        self.ready.retain(|ready| ready != id);
        self.tried.insert(id.clone());
        self.started += 1;
        self.running.insert(id.clone(), agent);
        self.last_start = Some(Instant::now());
        let agent = &mut self.agents[agent];
        agent.running += 1;
        agent.started += 1;
        agent.name.clone()
    }

    /// A spec is done with.
    pub(super) fn end(&mut self, worked: Worked) {
        if let Some(agent) = self.running.remove(&worked.id) {
            self.agents[agent].running -= 1;
        }
        self.looked = None;
        if self.is_anothers(&worked) {
            return;
        }
        self.stopped |= self.request.chain && !worked.is_done();
        self.done.push(worked);
    }

    /// True for one that nobody named and that somebody else was faster to start.
    fn is_anothers(&self, worked: &Worked) -> bool {
        let named = matches!(self.request.which, Which::These(_));
        let pending = || self.ctx.store().load(&worked.id).ok().flatten().is_some_and(|spec| spec.event.status == Status::Pending);
        !named && matches!(worked.what, What::NotStarted(_)) && !pending()
    }

    /// What became of all of them.
    pub(super) fn finish(mut self, teller: &dyn Teller) -> Result<Vec<Worked>> {
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        let (specs, _) = self.ctx.store().list()?;
        let graph = find::graph(self.ctx, &specs)?;
        let left: Vec<SpecId> = match &self.request.which {
            Which::Unfinished => Vec::new(),
            Which::These(ids) => ids.iter().filter(|id| !self.tried.contains(id)).cloned().collect(),
            Which::Ready(labels) => {
                specs.iter().filter(|spec| spec.has_one_of(labels) && self.is_let_down(&graph, spec)).map(id_of).collect()
            }
        };
        for id in left {
            let worked = Worked { what: What::NotStarted(why_not(&graph, &id)), id };
            teller.ended(&worked);
            self.done.push(worked);
        }
        Ok(self.done)
    }

    /// True for a spec that waits, directly or not, for one that was tried here and is not completed.
    fn is_let_down(&self, graph: &Graph, spec: &Listed) -> bool {
        let open = |id: &SpecId| graph.shown(id) != Some(Shown::Stored(Status::Completed));
        let waits = graph.shown(&spec.id) == Some(Shown::Blocked) && !self.tried.contains(&spec.id);
        waits && graph.dependencies(&spec.id).iter().any(|id| self.tried.contains(id) && open(id))
    }
}

fn id_of(spec: &Listed) -> SpecId {
    spec.id.clone()
}

fn why_not(graph: &Graph, id: &SpecId) -> anyhow::Error {
    let blockers: Vec<String> = match graph.shown(id) {
        Some(Shown::Blocked) => graph.blockers(id).iter().map(ToString::to_string).collect(),
        Some(Shown::Stored(Status::Completed)) => vec!["it is completed".to_owned()],
        _ => vec!["its turn did not come".to_owned()],
    };
    anyhow!(blockers.join("; "))
}

/// The agents that share the work: those named, else every value of `chant.agent`, else the one that a single run would have.
fn agents(ctx: &Context, options: &Options) -> Result<Vec<Share>> {
    let names: Vec<String> = match &options.agent {
        Some(names) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        None => ctx.repo.config_all("chant.agent").into_iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect(),
    };
    let mut names: Vec<Option<String>> = names.into_iter().map(Some).collect();
    if names.is_empty() {
        names.push(None);
    }
    let mut shares: Vec<Share> = Vec::new();
    for name in names {
        let agent = Agent::resolve(name.as_deref(), &ctx.repo)?;
        if agent.is_interactive() {
            let failure = Failure::new(format!("'{}' needs your terminal, for one spec at a time", agent.name()));
            return Err(failure.hint(format!("git chant work ID --agent {}", agent.name())).into());
        }
        if shares.iter().any(|share| share.name == agent.name()) {
            continue;
        }
        let (weight, most) = (agent.weight(), agent.max_concurrent());
        shares.push(Share { name: agent.name().to_owned(), weight, most, running: 0, elsewhere: 0, started: 0 });
    }
    Ok(shares)
}
