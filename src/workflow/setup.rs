//! What a fresh worktree needs before anybody works in it: `chant.worktreeSetup`, a line for the shell in git config.
//!
//! It runs in the worktree, with `CHANT_ROOT` (the main worktree, where `.env` and dependencies are) and `CHANT_WORKTREE`. The ignored
//! files that it makes are remembered, so that they do not keep a finished worktree from being removed.

use super::shell;
use crate::agent::process::Ended;
use crate::context::Context;
use crate::failure::Failure;
use crate::git::{Repository, worktrees};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longer than any setup should take; a hang must not hold a run up for ever.
const MOST: Duration = Duration::from_secs(30 * 60);

fn line(ctx: &Context) -> Option<String> {
    ctx.repo.config("chant.worktreeSetup").filter(|line| !line.trim().is_empty())
}

/// False for a worktree that still has to be prepared: what was to do it failed, or was ended.
pub fn is_done(ctx: &Context, worktree: &Path) -> Result<bool> {
    Ok(line(ctx).is_none() || list(worktree)?.exists())
}

/// Prepares a worktree in which that was not done yet.
pub fn prepare(ctx: &Context, worktree: &Path) -> Result<()> {
    let Some(line) = line(ctx) else { return Ok(()) };
    let root = ctx.repo.main_worktree().unwrap_or_else(|| ctx.repo.common_dir().to_owned());
    let env = vec![("CHANT_ROOT".into(), root.into()), ("CHANT_WORKTREE".into(), worktree.into())];
    let ran = shell::run(&line, worktree, env, Some(MOST))?;
    if ran.ended != Ended::Exited(0) {
        let how = match ran.ended {
            Ended::Exited(code) => format!("exited with {code}"),
            Ended::TimedOut => "took too long".to_owned(),
            Ended::TooMuchOutput => "printed too much".to_owned(),
            _ => "was ended".to_owned(),
        };
        return Err(Failure::new(format!("the setup of the worktree {how} (chant.worktreeSetup){}", ran.last_lines()))
            .hint("see the command: git config chant.worktreeSetup")
            .into());
    }
    let made: Vec<String> = worktrees::unsaved(worktree)?.into_iter().filter(|entry| entry.starts_with("!! ")).collect();
    std::fs::write(list(worktree)?, made.join("\0")).context("could not remember what the setup made")
}

/// The ignored files that the setup of a worktree made, as git names them.
pub fn made(worktree: &Path) -> Vec<String> {
    let text = list(worktree).and_then(|path| Ok(std::fs::read_to_string(path)?)).unwrap_or_default();
    text.split('\0').filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

/// In the worktree's own git directory: it goes when the worktree does.
fn list(worktree: &Path) -> Result<PathBuf> {
    Ok(Repository::open(worktree)?.git_dir().join("chant-setup"))
}
