//! Bringing finished work into its target: the gate first, then an ordinary merge where the target is checked out, else one without a
//! checkout. A conflict leaves nothing half done.

mod checkout;

use super::ask::Refusal;
use super::judge::{self, Asked};
use super::{absent, finish, overrule, pickup, plan, start, verify};
use crate::context::Context;
use crate::failure::Failure;
use crate::gate::{Decision, Reason, VerifyMode};
use crate::git::{Commit, MergeCommit, Oid, RefChange, RefUpdate, Repository, lock_file};
use crate::spec::words::branch_name;
use crate::spec::{EventKind, Facts, SpecId, Status};
use crate::store::{Change, Spec};
use anyhow::{Context as _, Result};
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

/// What became of one spec's merge.
#[derive(Clone, Debug)]
pub enum Merged {
    /// The target has it now.
    Done,
    /// The target had it before.
    Already,
    /// The gate says no.
    Refused(Vec<Reason>),
    /// It does not merge; the files in conflict. Nothing was changed.
    Conflict(Vec<String>),
}

/// The branch that has a finished spec's work: the one that its run was started for, however the work came there.
pub fn merged_into(ctx: &Context, facts: &Facts) -> Result<Option<String>> {
    let (Some(start), Some(finish)) = (&facts.start, &facts.finish) else { return Ok(None) };
    let target = ctx.repo.reference(&format!("refs/heads/{}", start.target))?;
    let (Some(tip), Some(target)) = (Oid::from_hex(&finish.tip).filter(|tip| ctx.repo.has_object(*tip)), target) else { return Ok(None) };
    Ok(holds(ctx, tip, &facts.marked, target)?.then(|| start.target.clone()))
}

/// How often a merge is made anew because its target or its spec moved meanwhile.
const TRIES: usize = 10;

/// How long a merge waits for others of ours, and others for a merge. It is for quiet only: what is right is held by git's own locks.
const PATIENCE: Duration = Duration::from_secs(30);

/// A time in which nobody of ours merges. Merges take it for themselves while they are in a checkout; those who look at checkouts share
/// it, so that they see none half merged.
pub fn quiet(common_dir: &Path, merges: bool) -> Result<File> {
    wait_for(common_dir, "merge.lock", merges)
}

/// One merge after the other: of two at once the second is made, and checked, anew.
fn turn(common_dir: &Path) -> Result<File> {
    wait_for(common_dir, "merges.lock", true)
}

fn wait_for(common_dir: &Path, name: &str, alone: bool) -> Result<File> {
    let file = lock_file(common_dir, name)?;
    let deadline = Instant::now() + PATIENCE;
    let taken = || if alone { file.try_lock() } else { file.try_lock_shared() };
    while taken().is_err() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(file)
}

/// True where a commit is the merge of a spec's finished work, as it was recorded.
pub fn is_of_ours(ctx: &Context, commit: &Commit) -> Result<bool> {
    let message = String::from_utf8_lossy(&commit.message);
    let id = message.strip_prefix("chant(").and_then(|rest| SpecId::parse(rest.split_once("): merge ")?.0).ok());
    let (Some(id), [_, tip]) = (id, commit.parents.as_slice()) else { return Ok(false) };
    let Some(spec) = ctx.store().load(&id)? else { return Ok(false) };
    Ok(verify::facts(ctx, &spec)?.finish.is_some_and(|finish| finish.tip == tip.to_string()))
}

/// [`merge`], made anew where the target or the spec moved while it was made.
pub fn until_it_takes(ctx: &Context, id: &SpecId, target: &str) -> Result<Merged> {
    // Whoever merges judges, and where the target is checked out nowhere no hook does so again.
    let judging = ctx.to_judge()?;
    let ctx = judging.as_ref().unwrap_or(ctx);
    let _turn = turn(ctx.repo.common_dir())?;
    let full = format!("refs/heads/{target}");
    let mut tries = 0;
    loop {
        tries += 1;
        let before = ctx.repo.reference(&full)?;
        let spec = ctx.store().require(id)?;
        let merged = merge(ctx, &spec, target);
        let still = || anyhow::Ok(ctx.repo.reference(&full)? == before && ctx.store().require(id)?.tip == spec.tip);
        if merged.is_ok() || tries == TRIES || still()? {
            return merged;
        }
    }
}

/// Merges a spec's work tip into `target`.
pub fn merge(ctx: &Context, spec: &Spec, target: &str) -> Result<Merged> {
    let facts = verify::facts(ctx, spec)?;
    let full = format!("refs/heads/{target}");
    let current = ctx.repo.reference(&full)?.ok_or_else(|| plan::no_commit_yet(target))?;
    if let Some(tip) = absent::tip(ctx, spec, &facts, Some(current))? {
        return Err(absent::refusal(ctx, &spec.id, tip).into());
    }
    // What the target holds in other commits, as a person declared, needs none of its own here.
    let tip = tip_to_merge(ctx, spec, &facts)?.filter(|tip| ctx.repo.has_object(*tip)).unwrap_or(current);
    let is_there = holds(ctx, tip, &facts.marked, current)?;
    let message = format!("chant({}): merge {}\n\nChant-Spec: {}\n", spec.id, spec.event.title, spec.id);
    let mut asked =
        Asked { target: target.to_owned(), current: Some(current), heads: vec![(tip, Some(spec.id.branch()))], ..Asked::default() };
    if !is_there && judge::settings(&ctx.repo, Some(current))?.verify == VerifyMode::Merge {
        // The branch moves only to what was checked: the merge is made first, and checked where nobody works.
        match ctx.repo.merge_commit(current, tip, &message)? {
            MergeCommit::Made(commit) => asked.result = Some(commit),
            MergeCommit::Conflicts(conflicts) => return Ok(Merged::Conflict(conflicts)),
        }
        if let (Some(result), true) = (asked.result, spec.event.status == Status::Completed) {
            verify::require_trust(ctx, spec, false)?;
            verify::verify(ctx, spec, result, verify::Recorded::Believed)?;
        }
    }
    // The gate is not asked about a spec of which nothing comes in, or nothing but planning: a run that changed nothing.
    let open =
        (spec.event.status != Status::Completed).then(|| Reason::NotCompleted { id: spec.id.to_string(), status: spec.event.status });
    if let Some(reasons) = refused(ctx, &asked, open.clone().filter(|_| !is_there))? {
        return Ok(Merged::Refused(reasons));
    }
    if let Some(open) = open.filter(|_| is_there) {
        return Ok(Merged::Refused(vec![open]));
    }
    // What takes its time (commands of criteria) is over: whoever begins or ends a run waits for this.
    let _quiet = quiet(ctx.repo.common_dir(), true)?;
    if !is_there {
        let conflicts = match ctx.repo.worktree_of(&full)? {
            Some(tree) => {
                require_idle(spec, &tree.path)?;
                checkout::merge(
                    ctx,
                    &checkout::Merge { spec, worktree: &tree.path, current, tip, checked: asked.result, message: &message },
                )?
            }
            None => without_checkout(ctx, spec, &full, &asked, &message)?,
        };
        if !conflicts.is_empty() {
            return Ok(Merged::Conflict(conflicts));
        }
    }
    done(ctx, spec, &full)?;
    Ok(if is_there { Merged::Already } else { Merged::Done })
}

/// The finished work, and what was put on its branch since, which the gate has a word about; work that is not finished as it stands.
fn tip_to_merge(ctx: &Context, spec: &Spec, facts: &Facts) -> Result<Option<Oid>> {
    let branch = ctx.repo.reference(&spec.id.branch_ref())?;
    match (facts.finish.as_ref().and_then(|finish| Oid::from_hex(&finish.tip)), branch) {
        (Some(tip), Some(branch)) if ctx.repo.has_object(tip) && ctx.repo.is_ancestor(tip, branch)? => Ok(Some(branch)),
        (Some(tip), _) => Ok(Some(tip)),
        (None, branch) => Ok(branch),
    }
}

/// Why not, unless a person lets it through all the same.
fn refused(ctx: &Context, asked: &Asked, open: Option<Reason>) -> Result<Option<Vec<Reason>>> {
    let reasons = match (judge::ask(ctx, asked)?, open) {
        (Decision::Refuse(reasons), _) => reasons,
        (_, Some(open)) => vec![open],
        (_, None) => return Ok(None),
    };
    let Some(why) = overrule::word() else { return Ok(Some(reasons)) };
    let tips = asked.heads.iter().map(|(tip, _)| *tip).collect();
    overrule::overrule(ctx, &[Refusal { target: asked.target.clone(), reasons, tips }], &why)?;
    ctx.out.warning(format!("let through: {}", crate::output::safe(&why)));
    Ok(None)
}

/// True where a commit has the work: its tip, or what a person declared to hold it.
pub fn holds(ctx: &Context, tip: Oid, marked: &[String], commit: Oid) -> Result<bool> {
    let marked = marked.iter().filter_map(|mark| Oid::from_hex(mark));
    for place in std::iter::once(tip).chain(marked).filter(|place| ctx.repo.has_object(*place)) {
        if ctx.repo.is_ancestor(place, commit)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Declares that a commit holds a spec's work, where git cannot see it: it was taken over by hand, or by another tool. The work itself need
/// not be here: of what a host squashed, no clone but the one where it was done may have the commits.
pub fn mark(ctx: &Context, spec: &Spec, target: &str, commit: Oid) -> Result<()> {
    if spec.event.status != Status::Completed {
        return Err(Failure::new(format!("{} is {}, so there is no finished work to be merged", spec.id, spec.event.status))
            .hint(format!("git chant finalize {}", spec.id))
            .into());
    }
    let change = Change::new(EventKind::Merge).with("Target", target).with("Merged", commit).with("Marked", commit);
    ctx.store().amend(&spec.id, |_| Ok(Some(change.clone()))).map(drop)
}

/// What git is in the middle of in a checkout is somebody's: it is neither ended nor merged beside. A bisect minds no merge.
fn require_idle(spec: &Spec, worktree: &Path) -> Result<()> {
    match Repository::open(worktree)?.operation() {
        None | Some("bisect") => Ok(()),
        Some(word) => Err(in_the_middle(spec, word, worktree).into()),
    }
}

fn in_the_middle(spec: &Spec, word: &str, worktree: &Path) -> Failure {
    Failure::new(format!("git {word} is not finished in {}", worktree.display()))
        .hint(format!("finish it: git {word} --continue"))
        .hint(format!("or give it up: git {word} --abort"))
        .hint(format!("then: git chant merge {}", spec.id))
}

/// Moves a branch that is checked out nowhere to the merge.
fn without_checkout(ctx: &Context, spec: &Spec, full: &str, asked: &Asked, message: &str) -> Result<Vec<String>> {
    let (Some(current), [(tip, _)]) = (asked.current, &asked.heads[..]) else { return Ok(Vec::new()) };
    if let Some(worktree) = ctx.repo.worktree_rebasing(full)? {
        return Err(in_the_middle(spec, "rebase", &worktree.path).into());
    }
    let commit = match asked.result {
        Some(commit) => commit,
        None => match ctx.repo.merge_commit(current, *tip, message)? {
            MergeCommit::Made(commit) => commit,
            MergeCommit::Conflicts(conflicts) => return Ok(conflicts),
        },
    };
    match ctx.repo.update_refs(&[RefChange::new(full, Some(current), Some(commit))], "chant: merge")? {
        RefUpdate::Done => {
            // No hook saw this move, and settings may have come with it; a hook that cannot be renewed is named by the doctor.
            drop(super::hooks::refresh(ctx, None));
            Ok(Vec::new())
        }
        RefUpdate::Lost => Err(Failure::new(format!("{full} moved meanwhile")).hint("git chant merge --all").into()),
    }
}

/// Records the merge, and removes the run's worktree and the branch, which the target now contains.
fn done(ctx: &Context, spec: &Spec, target: &str) -> Result<()> {
    let merged = ctx.repo.reference(target)?.context("the target is there")?;
    let change = Change::new(EventKind::Merge).with("Target", branch_name(target)).with("Merged", merged);
    ctx.store().amend(&spec.id, |now| Ok((now.event.kind != EventKind::Merge).then(|| change.clone())))?;
    pickup::pick_up(ctx)?;
    clear_away(ctx, spec, merged)
}

/// Removes worktree and branch of what was merged. While git merged somebody may have begun another attempt: both are that one's then.
fn clear_away(ctx: &Context, spec: &Spec, merged: Oid) -> Result<()> {
    let Ok(_nobody_starts_it) = start::lock(ctx, &spec.id) else { return Ok(()) };
    let now = ctx.store().require(&spec.id)?;
    if (now.event.status, now.event.attempt) != (spec.event.status, spec.event.attempt) {
        return Ok(());
    }
    finish::tidy(ctx, &plan::worktrees_dir(&ctx.repo).join(spec.id.as_str()))?;
    let branch = spec.id.branch_ref();
    let Some(tip) = ctx.repo.reference(&branch)? else { return Ok(()) };
    if ctx.repo.worktree_of(&branch)?.is_none() && ctx.repo.is_ancestor(tip, merged)? {
        // Lost: somebody committed to it, and it stays.
        match ctx.repo.update_refs(&[RefChange::new(branch, Some(tip), None)], "chant: merged")? {
            RefUpdate::Done | RefUpdate::Lost => {}
        }
    }
    Ok(())
}
