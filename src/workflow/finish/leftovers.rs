//! What a run leaves in its worktree: committed, kept from gc, and cleared away where nothing is lost by it.

use super::Work;
use crate::agent::settings::CommitBy;
use crate::context::Context;
use crate::git::{Git, Oid, RefChange, RefUpdate, Repository, worktrees};
use crate::store::SPEC_DIR;
use crate::workflow::setup;
use anyhow::Result;
use std::path::Path;

/// Commits what the agent left behind in its worktree, with the repository's hooks, as an ordinary commit would run them.
pub(super) fn commit_leftovers(ctx: &Context, work: &Work) -> Result<()> {
    let Some(worktree) = work.worktree.as_deref().filter(|path| path.exists()) else { return Ok(()) };
    let git = Git::at(worktree);
    let branch = git.command(["symbolic-ref", "-q", "HEAD"]).run_raw()?;
    let expected = format!("refs/heads/{}", work.id.branch());
    if String::from_utf8_lossy(&branch.stdout).trim() != expected {
        anyhow::bail!("its worktree is not on {} any more", work.id.branch());
    }
    // `git add` would make resolved ones of them, markers and all.
    let conflicts = git.command(["diff", "--name-only", "--diff-filter=U"]).line()?;
    if !conflicts.is_empty() {
        anyhow::bail!("it left conflicts in {}", conflicts.lines().collect::<Vec<_>>().join(", "));
    }
    let merging = git.command(["rev-parse", "--verify", "--quiet", "MERGE_HEAD"]).succeeds()?;
    if work.commit_by == CommitBy::Agent {
        refuse_uncommitted(work, &git)?;
    }
    let folded = if work.commit_by == CommitBy::Chant && !merging { fold(ctx, work)? } else { None };
    let done = commit_all(work, &git, merging);
    if let (Err(_), Some(tip)) = (&done, folded) {
        // A hook refused: the agent's own commits are the work again.
        move_branch(ctx, work, work.base, tip)?;
    }
    done
}

/// A merge is concluded although it changes nothing: what was settled is settled.
fn commit_all(work: &Work, git: &Git, merging: bool) -> Result<()> {
    git.command(["add", "--all"]).output()?;
    if !merging && git.command(["diff", "--cached", "--quiet"]).succeeds()? {
        return Ok(());
    }
    let what = if work.commit_by == CommitBy::Chant { "work" } else { "commit what the agent left" };
    let message = format!("chant({}): {what}", work.id);
    git.command(["commit", "--quiet", "-m", &message]).with_hooks().output().map(drop)
}

/// Everything counts but the spec's own file, whose ticks are no work.
fn refuse_uncommitted(work: &Work, git: &Git) -> Result<()> {
    let own = format!(":(exclude,top){}", crate::store::spec_path(&work.id));
    let left = git.command(["status", "--porcelain", "--untracked-files=all", "--", ":(top)", &own]).line()?;
    if left.is_empty() {
        return Ok(());
    }
    let files: Vec<&str> = left.lines().take(10).map(str::trim).collect();
    anyhow::bail!("the agent is to commit its work itself (commit=agent), and left: {}", files.join(", "))
}

/// Takes the branch back to where the agent began, and leaves its files and index as they are; the tip that was. What it merged is not
/// folded: a merge would be lost with its parents.
fn fold(ctx: &Context, work: &Work) -> Result<Option<Oid>> {
    let Some(tip) = ctx.repo.reference(&format!("refs/heads/{}", work.id.branch()))? else { return Ok(None) };
    let range = format!("{}..{tip}", work.base);
    let can = tip != work.base && ctx.repo.is_ancestor(work.base, tip)? && ctx.repo.rev_list(&["--merges", &range])?.is_empty();
    if !can || work.run.is_empty() {
        return Ok(None);
    }
    ctx.store().keep_aside(&work.run, tip)?;
    move_branch(ctx, work, tip, work.base)?;
    Ok(Some(tip))
}

fn move_branch(ctx: &Context, work: &Work, from: Oid, to: Oid) -> Result<()> {
    let change = RefChange::new(format!("refs/heads/{}", work.id.branch()), Some(from), Some(to));
    match ctx.repo.update_refs(&[change], "chant: fold the agent's commits")? {
        RefUpdate::Done => Ok(()),
        RefUpdate::Lost => anyhow::bail!("{} moved while its commits were folded", work.id.branch()),
    }
}

/// Keeps the work tip from gc, and what the agent made on the way and left behind (a reset, a detached HEAD), as the reflogs tell it.
pub(super) fn keep_all(ctx: &Context, work: &Work, tip: Oid) -> Result<()> {
    ctx.store().keep(&work.run, tip)?;
    let log = |git: &Git, name: &str| git.command(["log", "-g", "-n", "500", "--format=%H", name, "--"]).line().unwrap_or_default();
    let mut seen = log(ctx.repo.git(), &work.id.branch());
    if let Some(worktree) = work.worktree.as_deref().filter(|path| path.exists()) {
        seen = format!("{seen}\n{}", log(&Git::at(worktree), "HEAD"));
    }
    let (tip, base) = (tip.to_string(), work.base.to_string());
    let mut args: Vec<&str> = seen.lines().filter(|line| !line.is_empty()).collect();
    if args.is_empty() {
        return Ok(());
    }
    args.extend(["--not", &tip, &base]);
    for left in ctx.repo.rev_list(&args)? {
        ctx.store().keep_aside(&work.run, left)?;
    }
    Ok(())
}

/// Removes a finished run's worktree where nothing is lost by it; else unlocks it and says what lies there.
pub fn tidy(ctx: &Context, worktree: &Path) -> Result<()> {
    if !worktree.exists() {
        // The agent took it away, or a person; git still knows it.
        return ctx.repo.forget_worktree(worktree);
    }
    ctx.repo.unlock_worktree(worktree)?;
    if !in_the_way(ctx, worktree)?.is_empty() {
        ctx.out.note(format!("The worktree stays, it holds files that no commit has: {}", worktree.display()));
        return Ok(());
    }
    take_away(ctx, worktree)
}

/// What would be lost with a worktree: what no commit holds, but for what we put there ourselves, and worktrees inside of it.
pub fn in_the_way(ctx: &Context, worktree: &Path) -> Result<Vec<String>> {
    let own = format!("!! {SPEC_DIR}/");
    let made = setup::made(worktree);
    let ours = |entry: &String| made.contains(entry) || (ctx.silent() && (entry.starts_with(&own) || entry == "!! .chant/"));
    let mut list: Vec<String> = worktrees::unsaved(worktree)?.into_iter().filter(|entry| !ours(entry)).collect();
    let inside = ctx.repo.worktrees()?.into_iter().filter(|tree| tree.path != worktree && tree.path.starts_with(worktree));
    list.extend(inside.map(|tree| tree.path.display().to_string()));
    Ok(list)
}

/// Removes an unlocked worktree that has nothing [`in_the_way`].
pub fn take_away(ctx: &Context, worktree: &Path) -> Result<()> {
    if ctx.silent() {
        // The excluded copy of the spec is the only thing in it that git does not know.
        drop(std::fs::remove_dir_all(worktree.join(SPEC_DIR)));
    }
    let _opened = Repository::open(worktree)?;
    ctx.repo.remove_worktree(worktree)
}
