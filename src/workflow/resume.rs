//! Going on with a spec from the work that its last run left.

use super::plan::{self, Options};
use super::start::{self, Started};
use super::{claim, recover, session, settle, verify, watch};
use crate::agent::{Liveness, RunDir};
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::settings;
use crate::spec::{Facts, SpecId, Status};
use crate::store::{Listed, Spec};
use anyhow::Result;
use std::collections::BTreeSet;
use std::time::Duration;

/// Begins another attempt, in the client's last session where it has one and `new_session` does not forbid it. A dead run is ended first.
pub fn begin(ctx: &Context, id: &SpecId, options: &Options, new_session: bool) -> Result<Started> {
    let mut dead = None;
    let started = start::until_it_takes(ctx, id, || {
        let spec = ctx.store().require(id)?;
        may_resume(ctx, &spec)?;
        claim::refuse_elsewhere(ctx, &spec)?;
        if spec.event.status == Status::InProgress && dead.is_none() {
            dead = recover::end_dead_run(ctx, id)?;
        }
        let mut options = options.clone();
        // A claim that this clone holds is held on to.
        options.claim = options.claim.or(claim::held(ctx, &spec)?.map(|claim| claim.remote));
        let settles = settle::is_under_way(ctx, &spec)?;
        if settles {
            options.prompt = options.prompt.or(Some(settle::PROMPT.to_owned()));
        }
        let mut plan = plan::plan_unchecked(ctx, spec, options)?;
        plan.settles = settles;
        // The first attempt took them in; nothing is taken in again.
        plan.inputs.clear();
        if !new_session {
            plan.options.session = session::last(ctx, &plan.spec, &plan.agent, dead.as_ref())?;
        }
        start::go_on(ctx, plan)
    })?;
    if let Some(dead) = dead {
        dead.remove()?;
    }
    Ok(started)
}

/// Refuses a spec that has no unfinished work to go on with.
fn may_resume(ctx: &Context, spec: &Spec) -> Result<()> {
    let id = &spec.id;
    let refusal = match spec.event.status {
        Status::InProgress | Status::Failed | Status::Paused => return Ok(()),
        Status::Pending => Failure::new(format!("{id} has no run to go on with")).hint(format!("git chant work {id}")),
        Status::NeedsAttention => {
            plan::after_other_intent(id).into_iter().fold(Failure::new(format!("{id} needs attention: its intent changed")), Failure::hint)
        }
        Status::Completed => plan::is_done(ctx, spec)?,
        Status::Cancelled => Failure::new(format!("{id} is cancelled")).hint(format!("git chant reset {id}")),
    };
    Err(refusal.into())
}

/// A spec that can be gone on with, and how long it should be left alone first.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// The spec.
    pub id: SpecId,
    /// The rest of its back-off; zero where its run did not fail by itself.
    pub rest: Duration,
}

/// Specs whose run failed, or died on this machine. Those whose attempts are used up are in the second list, and nobody goes on with them.
pub fn unfinished(ctx: &Context, specs: &[Listed], options: &Options) -> Result<(Vec<Unfinished>, Vec<SpecId>)> {
    let (mut list, mut used_up) = (Vec::new(), Vec::new());
    let dirs = RunDir::list(ctx.repo.common_dir())?;
    let dead = dirs.iter().filter(|dir| !dir.is_question() && dir.liveness() != Liveness::Working).filter_map(RunDir::spec_id);
    let dead: BTreeSet<String> = dead.collect();
    for spec in specs {
        let unfinished = match spec.event.status {
            Status::Failed => ctx.repo.reference(&spec.id.branch_ref())?.is_some(),
            Status::InProgress => dead.contains(spec.id.as_str()),
            _ => false,
        };
        if !unfinished {
            continue;
        }
        let loaded = ctx.store().load_at(&spec.id, spec.tip)?;
        let facts = verify::facts(ctx, &loaded)?;
        if facts.starts_since_reset >= start::max_attempts(ctx)? && !options.force {
            used_up.push(spec.id.clone());
        } else {
            list.push(Unfinished { id: spec.id.clone(), rest: rest(ctx, &loaded, &facts)? });
        }
    }
    Ok((list, used_up))
}

/// What is left of the time for which a failed spec is left alone: `chant.retryDelay`, twice as long after every further failure.
fn rest(ctx: &Context, spec: &Spec, facts: &Facts) -> Result<Duration> {
    let failed = spec.event.status == Status::Failed && spec.event.text.trim() != watch::INTERRUPTED;
    if !failed {
        return Ok(Duration::ZERO);
    }
    let delay = settings::time(&ctx.repo, "chant.retryDelay")?.saturating_mul(1 << facts.starts_since_reset.saturating_sub(1).min(10));
    let since = context::now_utc_seconds()?.saturating_sub(ctx.repo.commit(spec.tip)?.author.seconds);
    // A clock that was wrong must not hold it back for longer.
    Ok(delay.saturating_sub(Duration::from_secs(u64::try_from(since).unwrap_or(0))))
}
