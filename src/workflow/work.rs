//! One run of one spec, from the plan to its end.

use super::claim::Renewal;
use super::finish::{Conclusion, Halt, Work, commit_leftovers, conclude, give_up, give_up_on_a_full_disk, run_record, tidy};
use super::live::Live;
use super::outside::{self, Difference, Looking};
use super::recover;
use super::start::Started;
use super::task::task;
use super::watch::{Watcher, overspent, why_failed};
use crate::agent::Agent;
use crate::agent::process::{Task, run_watched};
use crate::agent::settings::CommitBy;
use crate::agent::transcript::Facts;
use crate::context::Context;
use crate::output::safe;
use crate::spec::SpecId;
use anyhow::{Context as _, Result};
use std::ffi::OsString;
use std::time::{Duration, Instant};

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The spec.
    pub id: SpecId,
    /// The run.
    pub run: String,
    /// How it ended.
    pub conclusion: Conclusion,
    /// What the agent's output says.
    pub facts: Facts,
    /// What changed outside of its worktree meanwhile.
    pub outside: Vec<Difference>,
    /// How long the agent ran.
    pub took: Duration,
}

/// Runs the agent of a begun run and ends the run. Its directory goes once everything in it is on refs.
pub fn run(ctx: &Context, started: Started, live: &mut dyn Live) -> Result<Report> {
    let claimed = started.plan.options.claim.is_some();
    let renewal = claimed.then(|| Renewal::begin(ctx, &started.spec.id, started.dir.run_id())).transpose()?;
    let began = Instant::now();
    let (halt, facts) = run_agent(ctx, &started, live);
    let took = began.elapsed();
    if let Some(words) = overspent(&started.plan.agent, &facts) {
        ctx.out.warning(format!("{}: {words}", started.spec.id));
    }
    let looking = Looking::begin(ctx, &started.plan.worktree);
    let mut work = work_of(ctx, &started, facts)?;
    let left = commit_leftovers(ctx, &work);
    let outside = what_changed(ctx, &started, looking);
    work.outside = outside.iter().map(|difference| difference.what.clone()).collect();
    let conclusion = match conclude(ctx, &work, left, halt) {
        Ok(conclusion) => conclusion,
        Err(error) if started.dir.make_room() => give_up_on_a_full_disk(ctx, &work, &error)?,
        Err(error) => give_up(ctx, &work, &error)?,
    };
    drop(renewal);
    clear_up(ctx, &started, &work, &conclusion)?;
    started.dir.remove()?;
    super::files::follow(ctx, &work.id)?;
    tell(ctx, &outside);
    Ok(Report { id: work.id, run: work.run, conclusion, facts: work.facts, outside, took })
}

/// What the agent of a run leaves to be ended.
fn work_of(ctx: &Context, started: &Started, facts: Facts) -> Result<Work> {
    Ok(Work {
        id: started.spec.id.clone(),
        run: started.dir.run_id().to_owned(),
        attempt: started.spec.event.attempt,
        base: started.base,
        worktree: Some(started.plan.worktree.clone()),
        model: started.plan.options.model.clone(),
        commit_by: CommitBy::read(started.plan.agent.name(), &ctx.repo)?,
        transcript: std::fs::read(started.dir.log_path()).unwrap_or_default(),
        outside: Vec::new(),
        format: started.plan.agent.format(),
        facts,
        settled: started.plan.settles.then_some(started.plan.base),
        idle_is_fine: started.plan.agent == Agent::Members,
    })
}

/// What changed outside of the worktree meanwhile. The run's own spec is put back; where that fails, the run ends all the same, or says
/// itself why it cannot.
fn what_changed(ctx: &Context, started: &Started, looking: Looking) -> Vec<Difference> {
    let put_back = outside::put_back(ctx, &started.spec).unwrap_or_else(|error| {
        ctx.out.warning(format!("{} could not be put back: {error:#}", started.spec.id));
        None
    });
    let mut list = outside::compare(ctx, started.dir.run_id(), &started.outside, &looking.end(ctx));
    list.extend(put_back);
    list
}

/// What stays of a run that has ended: of a finished one the branch, else its worktree too.
fn clear_up(ctx: &Context, started: &Started, work: &Work, conclusion: &Conclusion) -> Result<()> {
    let worktree = &started.plan.worktree;
    if *conclusion == Conclusion::Overtaken {
        ctx.store().record_run(&run_record(ctx, work, "overtaken by another attempt", None))?;
        if started.plan.options.claim.is_some() {
            // Its name is the other attempt's now.
            return recover::set_aside_as(ctx, &work.id, "not committed when the claim was lost", Some(&work.run)).map(drop);
        }
    }
    if let Conclusion::Finished(_) = conclusion {
        return tidy(ctx, worktree);
    }
    ctx.repo.unlock_worktree(worktree)?;
    ctx.repo.forget_worktree(worktree)
}

/// Says loudly what changed elsewhere: at the end, where it is read.
pub(super) fn tell(ctx: &Context, outside: &[Difference]) {
    if outside.is_empty() {
        return;
    }
    ctx.out.warning("while the agent worked, something outside of its worktree changed. If it was not you, it was the agent:");
    for difference in outside {
        ctx.out.warning(format!("- {}", safe(&difference.what)));
        ctx.out.hint(safe(&difference.see));
    }
}

/// Why there is nothing to check, as far as the agent and its output tell (nothing says nothing about the work), and the facts in its
/// output.
fn run_agent(ctx: &Context, started: &Started, live: &mut dyn Live) -> (Option<Halt>, Facts) {
    let plan = &started.plan;
    let mut watch = Watcher::new(&plan.agent, live, &started.dir);
    let ended = prepare(ctx, started)
        .and_then(|task| run_watched(task, &mut watch).with_context(|| format!("could not run the agent '{}'", plan.agent.name())));
    let (facts, paused) = watch.end();
    live.goes_on("looking at what it made");
    let failure = match ended {
        Ok(_) if paused.is_some() => return (paused.map(Halt::Paused), facts),
        Ok(_) if plan.agent.is_interactive() => None,
        Ok(ended) => why_failed(plan, ended, &facts),
        Err(error) => Some(format!("{error:#}")),
    };
    (failure.map(Halt::Failed), facts)
}

fn prepare(ctx: &Context, started: &Started) -> Result<Task> {
    let plan = &started.plan;
    if plan.settles {
        super::settle::bring_in(plan)?;
    }
    let variables: Vec<(OsString, OsString)> = vec![
        ("CHANT_BRANCH".into(), plan.spec.id.branch().into()),
        ("CHANT_ATTEMPT".into(), started.spec.event.attempt.to_string().into()),
    ];
    task(ctx, plan, &started.dir, variables)
}
