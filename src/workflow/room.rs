//! Room for one more of an agent: `chant.agent.<name>.maxConcurrent` holds for all git-chants of a repository.
//!
//! What counts are runs that are alive ([`RunDir::liveness`]), so whatever ends a run makes room, a kill too, and nothing has to be taken
//! back. An agent that outlived its git-chant counts as long as it works. A spec's own earlier run does not: it is ended for the next one.

use super::plan::Plan;
use crate::agent::run_dir::{self, NewRun};
use crate::agent::{RunDir, stop_asked};
use crate::context::Context;
use crate::failure::Failure;
use crate::spec::SpecId;
use crate::spec::words::listed;
use anyhow::Result;
use std::time::Duration;

/// How often we look whether a run has ended.
const POLL: Duration = Duration::from_millis(250);

/// What came of asking for room.
#[derive(Debug)]
pub enum Room {
    /// There was some, and this is who takes it.
    Taken(RunDir),
    /// There is none yet.
    None(Full),
}

/// An agent that is at work as often as it may be.
#[derive(Debug)]
pub struct Full {
    agent: String,
    most: u32,
    id: SpecId,
}

/// The specs on which an agent works, whoever started it.
pub fn at_work(ctx: &Context, agent: &str) -> Result<Vec<String>> {
    run_dir::at_work(ctx.repo.common_dir(), agent)
}

/// The directory of the plan's run, where there is room for its agent.
pub fn take(ctx: &Context, plan: &Plan, run_id: &str) -> Result<Room> {
    let (agent, spec_id) = (plan.agent.name(), plan.spec.id.as_str());
    let most = plan.agent.max_concurrent();
    let made = RunDir::create_within(ctx.repo.common_dir(), &NewRun { run_id, spec_id, agent, most })?;
    Ok(match made {
        Some(dir) => Room::Taken(dir),
        None => Room::None(Full { agent: agent.to_owned(), most: most.unwrap_or(u32::MAX), id: plan.spec.id.clone() }),
    })
}

impl Full {
    /// Waits until there may be room, and says once what for.
    pub fn wait(&self, ctx: &Context, told: &mut bool) -> Result<()> {
        loop {
            let mut others = at_work(ctx, &self.agent)?;
            others.retain(|id| id != self.id.as_str());
            if others.len() < self.most as usize {
                return Ok(());
            }
            let busy = words(&self.agent, self.most, &others);
            if ctx.inside_run.is_some() {
                // The run that waits may be one of those that it waits for.
                return Err(Failure::new(busy).hint(format!("start it outside of a run: git chant work {}", self.id)).into());
            }
            if stop_asked() {
                return Err(Failure::new(format!("interrupted while it waited: {busy}")).into());
            }
            if !std::mem::replace(told, true) {
                ctx.out.note(format!("{} waits: {busy}", self.id));
            }
            std::thread::sleep(POLL);
        }
    }
}

/// What an agent is at, for people.
pub fn words(agent: &str, most: u32, at: &[String]) -> String {
    format!("'{agent}' already works on {}; at most {most} at once (chant.agent.{agent}.maxConcurrent)", listed(at, 3))
}
