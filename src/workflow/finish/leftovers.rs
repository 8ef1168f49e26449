//! What a run leaves in its worktree: committed, kept from gc, and cleared away where nothing is lost by it.

use super::Work;
use crate::agent::settings::CommitBy;
use crate::context::Context;
use crate::git::idle::is_as_made;
use crate::git::worktrees::{self, Changes};
use crate::git::{Git, Oid, RefChange, RefUpdate, Repository};
use crate::spec::words::listed;
use crate::store::{SPEC_DIR, spec_path};
use crate::workflow::{idle, setup, verify};
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::Path;

/// Commits what the agent left behind in its worktree, with the repository's hooks, as an ordinary commit would run them.
pub fn commit_leftovers(ctx: &Context, work: &Work) -> Result<()> {
    let Some(worktree) = work.worktree.as_deref().filter(|path| path.exists()) else { return Ok(()) };
    let tree = Repository::open(worktree)?;
    if tree.current_branch()? != Some(work.id.branch()) {
        anyhow::bail!("its worktree is not on {} any more", work.id.branch());
    }
    let changes = Changes::of(worktree)?;
    // `git add` would make resolved ones of them, markers and all.
    if !changes.conflicts.is_empty() {
        anyhow::bail!("it left conflicts in {}", changes.conflicts.join(", "));
    }
    let merging = tree.git_dir().join("MERGE_HEAD").exists();
    if work.commit_by == CommitBy::Agent {
        refuse_uncommitted(work, &changes)?;
    }
    let folded = if work.commit_by == CommitBy::Chant && !merging { fold(ctx, work)? } else { None };
    let done = commit_all(work, tree.git(), &changes, merging || folded.is_some());
    if let (Err(_), Some(tip)) = (&done, folded) {
        // A hook refused: the agent's own commits are the work again.
        move_branch(ctx, work, work.base, tip)?;
    }
    done
}

/// A merge is concluded although it changes nothing: what was settled is settled.
fn commit_all(work: &Work, git: &Git, changes: &Changes, anyway: bool) -> Result<()> {
    if changes.paths().is_empty() && !anyway {
        return Ok(());
    }
    add(git, &changes.files)?;
    // Only then can it all come to nothing: a file that was put back.
    if !anyway && !changes.staged.is_empty() && git.command(["diff", "--cached", "--quiet"]).succeeds()? {
        return Ok(());
    }
    let what = if work.commit_by == CommitBy::Chant { "work" } else { "commit what the agent left" };
    let message = format!("chant({0}): {what}\n\nChant-Spec: {0}", work.id);
    git.command(["commit", "--quiet", "-m", &message]).with_hooks().output().map(drop)
}

/// Takes these files into the index, and no other is looked at.
fn add(git: &Git, files: &[Vec<u8>]) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let these = ["--literal-pathspecs", "add", "--all", "--pathspec-from-file=-", "--pathspec-file-nul"];
    if git.command(these).stdin(files.join(&0)).succeeds()? {
        return Ok(());
    }
    // One of them is gone again, or cannot be taken by name.
    git.command(["add", "--all"]).output().map(drop)
}

/// Everything counts but the spec's own file, whose ticks are no work.
fn refuse_uncommitted(work: &Work, changes: &Changes) -> Result<()> {
    let own = spec_path(&work.id);
    let left: Vec<_> = changes.paths().into_iter().filter(|path| *path != own.as_bytes()).map(String::from_utf8_lossy).collect();
    if left.is_empty() {
        return Ok(());
    }
    anyhow::bail!("the agent is to commit its work itself (commit=agent), and left: {}", listed(&left, 10))
}

/// Takes the branch back to where the agent began, and leaves its files and index as they are; the tip that was. What it merged is not
/// folded: a merge would be lost with its parents.
fn fold(ctx: &Context, work: &Work) -> Result<Option<Oid>> {
    let Some(tip) = ctx.repo.reference(&work.id.branch_ref())? else { return Ok(None) };
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
    let change = RefChange::new(work.id.branch_ref(), Some(from), Some(to));
    match ctx.repo.update_refs(&[change], "chant: fold the agent's commits")? {
        RefUpdate::Done => Ok(()),
        RefUpdate::Lost => anyhow::bail!("{} moved while its commits were folded", work.id.branch()),
    }
}

/// Keeps the work tip from gc, and what the agent made on the way and left behind (a reset, a detached HEAD), as the reflogs tell it.
pub(super) fn keep_all(ctx: &Context, work: &Work, tip: Oid) -> Result<()> {
    ctx.store().keep(&work.run, tip)?;
    let mut seen: BTreeSet<Oid> = ctx.repo.reflog(&work.id.branch_ref()).into_iter().collect();
    if let Some(worktree) = work.worktree.as_deref().filter(|path| path.exists()) {
        seen.extend(Repository::open(worktree)?.reflog("HEAD"));
    }
    seen.retain(|id| *id != tip && *id != work.base && ctx.repo.has_object(*id));
    if seen.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = seen.iter().chain([&tip, &work.base]).map(ToString::to_string).collect();
    let mut args: Vec<&str> = names.iter().map(String::as_str).collect();
    args.insert(seen.len(), "--not");
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
    let wanted = idle::wants(ctx);
    let (in_the_way, as_made) = std::thread::scope(|scope| {
        // Each reads all of the worktree.
        let as_made = scope.spawn(|| wanted && is_as_made(worktree).unwrap_or(false));
        (in_the_way(ctx, worktree), as_made.join().unwrap_or(false))
    });
    if !in_the_way?.is_empty() {
        ctx.repo.unlock_worktree(worktree)?;
        ctx.out.note(format!("The worktree is kept because it holds files that are in no commit: {}", worktree.display()));
        return Ok(());
    }
    if as_made && idle::keep(ctx, worktree) {
        return Ok(());
    }
    take_away(ctx, worktree)
}

/// What would be lost with a worktree: what no commit holds, but for what we put there ourselves, and worktrees inside of it.
pub fn in_the_way(ctx: &Context, worktree: &Path) -> Result<Vec<String>> {
    let own = format!("!! {SPEC_DIR}/");
    let made: Vec<String> = setup::made(worktree).into_iter().chain(verify::made(worktree)).collect();
    let ours = |entry: &String| made.contains(entry) || (ctx.silent() && (entry.starts_with(&own) || entry == "!! .chant/"));
    let mut list: Vec<String> = worktrees::unsaved(worktree)?.into_iter().filter(|entry| !ours(entry)).collect();
    let inside = ctx.repo.worktrees()?.into_iter().filter(|tree| tree.path != worktree && tree.path.starts_with(worktree));
    list.extend(inside.map(|tree| tree.path.display().to_string()));
    Ok(list)
}

/// Removes a worktree that has nothing [`in_the_way`].
pub fn take_away(ctx: &Context, worktree: &Path) -> Result<()> {
    if ctx.silent() {
        // The excluded copy of the spec is the only thing in it that git does not know.
        drop(std::fs::remove_dir_all(worktree.join(SPEC_DIR)));
    }
    let _opened = Repository::open(worktree)?;
    ctx.repo.remove_saved_worktree(worktree)
}
