//! A question to an agent: it answers in words, in a worktree of its own, and is to change nothing. No spec is in progress for it; but it
//! is counted, bounded and ended as a run is, and what a killed git-chant leaves of it is cleared away by the next command.

use super::graceful::Graceful;
use super::live::Live;
use super::plan::{self, Plan, worktrees_dir};
use super::room::{self, Room};
use super::task::task;
use super::watch::{Watcher, overspent, why_failed};
use super::{outside, start, work};
use crate::agent::process::run_watched;
use crate::agent::run_dir::QUESTION;
use crate::agent::transcript::Facts;
use crate::agent::{Liveness, RunDir};
use crate::context::Context;
use anyhow::{Context as _, Result};
use std::path::Path;
use std::time::Duration;

/// What came of a question.
pub struct Answer {
    /// Why there is none.
    pub trouble: Option<String>,
    /// What the agent said.
    pub words: String,
    /// What its output says of it.
    pub facts: Facts,
}

/// Asks with the plan's prompt.
pub fn ask(ctx: &Context, mut plan: Plan, live: &mut dyn Live) -> Result<Answer> {
    let graceful = Graceful::begin(ctx)?;
    let _nobody_starts_it = start::lock(ctx, &plan.spec.id)?;
    let dir = directory(ctx, &plan)?;
    plan.worktree = worktrees_dir(&ctx.repo).join(format!(".{}", dir.run_id()));
    let before = outside::look(ctx, &plan.worktree);
    let answer = make_worktree(ctx, &plan, &dir).and_then(|()| answer(ctx, &plan, &dir, live));
    live.goes_on("clearing up");
    let changed = outside::compare(ctx, dir.run_id(), &before, &outside::look(ctx, &plan.worktree));
    take_away(ctx, &plan.worktree);
    dir.remove()?;
    graceful.end();
    work::tell(ctx, &changed);
    answer
}

/// As a run, it waits for room.
fn directory(ctx: &Context, plan: &Plan) -> Result<RunDir> {
    let mut told = false;
    loop {
        match room::take(ctx, plan, &format!("{QUESTION}{:08x}", fastrand::u32(..)))? {
            Room::Taken(dir) => return Ok(dir),
            Room::None(full) => full.wait(ctx, &mut told)?,
        }
    }
}

fn make_worktree(ctx: &Context, plan: &Plan, dir: &RunDir) -> Result<()> {
    dir.set_worktree(&plan.worktree)?;
    ctx.repo.add_detached_worktree(&plan.worktree, plan.base)?;
    ctx.repo.lock_worktree(&plan.worktree, &format!("git-chant question {}", dir.run_id()))
}

fn answer(ctx: &Context, plan: &Plan, dir: &RunDir, live: &mut dyn Live) -> Result<Answer> {
    dir.set_prompt(plan::ask(ctx, plan)?.as_bytes())?;
    let task = task(ctx, plan, dir, Vec::new())?;
    let mut watch = Watcher::new(&plan.agent, live, dir);
    let ended = run_watched(task, &mut watch).with_context(|| format!("could not run the agent '{}'", plan.agent.name()))?;
    let (facts, paused) = watch.end();
    if let Some(words) = overspent(&plan.agent, &facts) {
        ctx.out.warning(words);
    }
    let words = match plan.agent.format().is_plain() {
        true => String::from_utf8_lossy(&std::fs::read(dir.log_path()).context("could not read what the agent said")?).into_owned(),
        false => facts.last_words.clone().unwrap_or_default(),
    };
    Ok(Answer { trouble: paused.or_else(|| why_failed(plan, ended, &facts)), words, facts })
}

/// Removes the worktree unless something was changed in it: that is kept, and said.
fn take_away(ctx: &Context, worktree: &Path) {
    if !worktree.exists() {
        drop(ctx.repo.forget_worktree(worktree));
        return;
    }
    if let Err(error) = ctx.repo.unlock_worktree(worktree).and_then(|()| ctx.repo.remove_worktree(worktree)) {
        ctx.out.warning(format!("the agent changed something, which is kept in {}: {error:#}", worktree.display()));
        ctx.out.hint(format!("if it is of no use: git worktree remove --force '{}'", worktree.display()));
    }
}

/// Clears away what a question left whose git-chant was killed: its agent, which nobody hears any more, its worktree and its directory.
pub fn clear(ctx: &Context, mut dir: RunDir) -> Result<()> {
    if dir.liveness() == Liveness::Working || !dir.claim()? {
        return Ok(());
    }
    dir.end_agent(Duration::from_secs(5))?;
    if let Some(worktree) = dir.worktree() {
        take_away(ctx, &worktree);
    }
    let id = dir.spec_id().unwrap_or_default();
    dir.remove()?;
    ctx.out.note(format!("A question about {} was interrupted; its leftovers were removed.", crate::output::safe(&id)));
    Ok(())
}
