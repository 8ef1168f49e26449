//! Worktrees handed from one finished run to the next, where one command works many specs. None is left when the command ends.

use super::finish::in_the_way;
use super::plan::worktrees_dir;
use crate::context::Context;
use crate::git::idle::IdleWorktrees;
use anyhow::Result;
use std::path::Path;

/// Makes the worktree of a run, locked for `reason`: of an idle one where there is any.
pub fn make(ctx: &Context, path: &Path, branch: &str, reason: &str) -> Result<()> {
    while let Some(waiting) = ctx.idle.as_ref().and_then(|idle| idle.take()) {
        // One that cannot be handed over is gone, and nothing was lost with it.
        if ctx.repo.hand_over(&waiting, path, branch, reason).is_ok() {
            return Ok(());
        }
    }
    ctx.repo.add_worktree(path, branch, reason)
}

/// True where the worktree of a finished run may be of use to a run to come.
pub fn wants(ctx: &Context) -> bool {
    // What was put into it for the last run is not to be found by the next.
    ctx.idle.is_some() && !ctx.silent() && ctx.repo.config("chant.worktreeSetup").is_none()
}

/// Keeps a worktree that is [as git made it](crate::git::idle::is_as_made) and has nothing [`in_the_way`] for a run to come; false where
/// it is to be taken away.
pub fn keep(ctx: &Context, worktree: &Path) -> bool {
    let Some(idle) = &ctx.idle else { return false };
    ctx.repo.make_idle(idle, worktree).is_ok() || !worktree.exists()
}

/// Takes away what a command has left over at its end. What does not go is swept by the next command.
pub fn clear(ctx: &Context, idle: &IdleWorktrees) {
    while let Some(waiting) = idle.take() {
        drop(ctx.repo.remove_saved_worktree(&waiting));
    }
}

/// Takes away what a command left that was killed. Best effort: they are in nobody's way.
pub fn sweep(ctx: &Context) -> Result<()> {
    for waiting in ctx.repo.left_idle(&worktrees_dir(&ctx.repo))? {
        // Whoever was killed may have been about to remove it.
        if in_the_way(ctx, &waiting)?.iter().all(|entry| entry.starts_with(" D ")) {
            ctx.repo.remove_saved_worktree(&waiting)?;
        }
    }
    Ok(())
}
