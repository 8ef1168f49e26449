//! Worktrees handed from one finished run to the next, where one command works many specs. None is left when the command ends.

use super::finish::in_the_way;
use super::plan::worktrees_dir;
use crate::context::Context;
use crate::git::idle::IdleWorktrees;
use anyhow::Result;
use std::path::{Path, PathBuf};

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
    let left: Vec<PathBuf> = std::iter::from_fn(|| idle.take()).collect();
    // git takes away one after the other, and all of its time goes into files.
    std::thread::scope(|scope| left.iter().for_each(|waiting| drop(scope.spawn(|| remove_files(waiting)))));
    for waiting in left {
        drop(ctx.repo.remove_saved_worktree(&waiting));
    }
}

/// Everything but the file by which git knows the worktree.
fn remove_files(worktree: &Path) {
    for entry in std::fs::read_dir(worktree).into_iter().flatten().flatten().filter(|entry| entry.file_name() != ".git") {
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        drop(if is_dir { std::fs::remove_dir_all(entry.path()) } else { std::fs::remove_file(entry.path()) });
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
