//! Stopping a run on behalf of a person: its git-chant is asked to, keeps the work and writes down that the spec is paused. Where that
//! git-chant is gone, it is done here.

use super::finish::PAUSED;
use super::plan::worktrees_dir;
use super::{claim, files, recover, start};
use crate::agent::transcript::Reader;
use crate::agent::{Liveness, RunDir};
use crate::context::Context;
use crate::failure::Failure;
use crate::spec::{EventKind, SpecId, Status};
use crate::store::{Change, Spec};
use anyhow::Result;
use std::time::{Duration, Instant};

/// How long a git-chant may take to stop its agent and to write down how the run ended.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pauses a spec that is in progress.
pub fn pause(ctx: &Context, id: &SpecId, reason: &str) -> Result<()> {
    let spec = ctx.store().require(id)?;
    claim::refuse_elsewhere(ctx, &spec)?;
    let attempt = spec.event.attempt;
    let reason = if reason.trim().is_empty() { PAUSED } else { reason };
    let Some(dir) = recover::run_of(ctx, id)?.filter(|dir| dir.liveness() == Liveness::Working) else {
        return pause_dead_run(ctx, id, attempt, reason);
    };
    dir.ask_to_pause(reason)?;
    wait_for_end(id, &dir)?;
    match ended_by_itself(&ctx.store().require(id)?, attempt) {
        Some(ended) => ended,
        // Its git-chant was killed meanwhile.
        None => pause_dead_run(ctx, id, attempt, reason),
    }
}

/// What became of a run that ended, or made way for another, before it could be paused; `None` where it did not.
fn ended_by_itself(spec: &Spec, attempt: u32) -> Option<Result<()>> {
    let (id, status) = (&spec.id, spec.event.status);
    let why = match status {
        Status::InProgress if spec.event.attempt == attempt => return None,
        Status::Paused => return Some(Ok(())),
        Status::InProgress => format!("{id} was begun anew before it could be paused"),
        // Its git-chant may have merged it by now.
        Status::Completed => format!("{id} was completed before it could be paused"),
        _ => format!("{id} is {status}: it ended before it could be paused"),
    };
    Some(Err(Failure::new(why).hint(format!("git chant show {id}")).into()))
}

/// Waits until the git-chant that takes care of a run has brought it to its end.
pub fn wait_for_end(id: &SpecId, dir: &RunDir) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while dir.path().exists() && dir.liveness() == Liveness::Working {
        if Instant::now() >= deadline {
            let failure = Failure::new(format!("the git chant that works on {id} does not end"));
            return Err(failure.hint("end it with Ctrl-C in its terminal first").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn pause_dead_run(ctx: &Context, id: &SpecId, attempt: u32, reason: &str) -> Result<()> {
    let dead = recover::end_dead_run(ctx, id)?;
    let _lock = start::lock(ctx, id)?;
    let mut change = Change::new(EventKind::Pause).status(Status::Paused).text(reason);
    if let Some(dead) = &dead {
        change = change.with("Run", dead.run_id());
        let log = std::fs::read(dead.log_path()).unwrap_or_default();
        if let Some(session) = Reader::all(dead.format(), &log).1.session {
            change = change.with("Session", session);
        }
    }
    let (was, paused) = loop {
        let spec = ctx.store().require(id)?;
        if let Some(ended) = ended_by_itself(&spec, attempt) {
            return ended;
        }
        let was = ctx.repo.hash_blob(spec.document.as_bytes())?;
        if let Some(paused) = claim::record_end(ctx, &spec, &change, &[])? {
            break (was, paused);
        }
    };
    let worktree = worktrees_dir(&ctx.repo).join(id.as_str());
    ctx.repo.unlock_worktree(&worktree)?;
    ctx.repo.forget_worktree(&worktree)?;
    if let Some(dead) = dead {
        dead.remove()?;
    }
    files::write_back_unless_behind(ctx, Some(was), &paused, "pause")?;
    Ok(())
}
