//! Runs that ended without us, and work that is put aside: nothing that was committed becomes unreachable.

use super::plan::worktrees_dir;
use crate::agent::{Liveness, RunDir, run_dir};
use crate::context::Context;
use crate::failure::Failure;
use crate::git::{Git, Oid, RefChange, RefUpdate, worktrees};
use crate::spec::{SpecId, Status};
use crate::store::runs::RunRecord;
use anyhow::{Context as _, Result, bail};
use std::time::Duration;

/// Says which runs of ours ended without git-chant, and how to go on; of questions that did, nothing stays. Called by commands that people
/// type.
pub fn report(ctx: &Context) -> Result<()> {
    run_dir::sweep(ctx.repo.common_dir());
    drop(super::idle::sweep(ctx));
    let mut dead = 0;
    for dir in RunDir::list(ctx.repo.common_dir())? {
        let state = dir.liveness();
        if state == Liveness::Working {
            continue;
        }
        if dir.is_question() {
            warn_of(ctx, super::question::clear(ctx, dir));
            continue;
        }
        let Some(id) = dir.spec_id().and_then(|id| SpecId::parse(&id).ok()) else { continue };
        let spec = ctx.store().load(&id)?;
        if spec.is_some_and(|spec| spec.event.status == Status::InProgress) {
            warn_of(ctx, keep_what_is_there(ctx, &id, dir.run_id()));
            let words = if state == Liveness::Orphaned { "git-chant died, its agent is still working" } else { "its run died" };
            dead += 1;
            ctx.out.warning(format!("{id} is in progress, but {words}."));
            ctx.out.hint(format!("go on: git chant resume {id}; start over: git chant reset {id}"));
        } else if state == Liveness::Dead && is_unprepared(ctx, &id) {
            // Killed before `start` or after the end. What its agent printed, if there was one, is kept.
            warn_of(ctx, save_run(ctx, &id, &dir).map(|()| drop(dir.remove())));
        }
    }
    if dead > 1 {
        ctx.out.hint("go on with all of them: git chant resume --all");
    }
    Ok(())
}

/// The specs in progress here whose git-chant is gone.
pub fn died(ctx: &Context) -> Result<Vec<SpecId>> {
    let mut ids = Vec::new();
    for dir in RunDir::list(ctx.repo.common_dir())?.iter().filter(|dir| !dir.is_question() && dir.liveness() != Liveness::Working) {
        let Some(id) = dir.spec_id().and_then(|id| SpecId::parse(&id).ok()) else { continue };
        if ctx.store().load(&id)?.is_some_and(|spec| spec.event.status == Status::InProgress) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// Looking must work where writing does not: on a full disk.
fn warn_of(ctx: &Context, done: Result<()>) {
    if let Err(error) = done {
        ctx.out.warning(format!("{error:#}"));
    }
}

/// A dead run whose spec nobody is preparing right now.
fn is_unprepared(ctx: &Context, id: &SpecId) -> bool {
    super::start::lock(ctx, id).is_ok()
}

fn keep_what_is_there(ctx: &Context, id: &SpecId, run: &str) -> Result<()> {
    match ctx.repo.reference(&id.branch_ref())? {
        Some(tip) => ctx.store().keep(run, tip),
        None => Ok(()),
    }
}

/// The run directory of a spec's unfinished run, if one is on this machine.
pub fn run_of(ctx: &Context, id: &SpecId) -> Result<Option<RunDir>> {
    let mut runs = RunDir::list(ctx.repo.common_dir())?;
    runs.retain(|dir| !dir.is_question() && dir.spec_id().as_deref() == Some(id.as_str()));
    Ok(runs.pop())
}

/// The directory of a question about a spec, while an agent is at it.
pub fn question_of(ctx: &Context, id: &SpecId) -> Result<Option<RunDir>> {
    let runs = RunDir::list(ctx.repo.common_dir())?;
    Ok(runs.into_iter().find(|dir| dir.is_question() && dir.spec_id().as_deref() == Some(id.as_str())))
}

/// Puts on a ref what a run without an end of its own has left in its directory.
fn save_run(ctx: &Context, id: &SpecId, dir: &RunDir) -> Result<()> {
    let transcript = std::fs::read(dir.log_path()).unwrap_or_default();
    if transcript.is_empty() {
        return Ok(());
    }
    let prompt = std::fs::read(dir.prompt_path()).unwrap_or_default();
    let tip = ctx.repo.reference(&id.branch_ref())?;
    let record = RunRecord {
        id,
        run: dir.run_id(),
        prompt,
        transcript: &transcript,
        format: dir.format().as_str(),
        result: "ended without git-chant".to_owned(),
        tip,
    };
    ctx.store().record_run(&record)
}

/// Why nothing else is done to a spec while its run is on.
pub fn working_on(id: &SpecId) -> Failure {
    Failure::new(format!("a run is working on {id}"))
        .hint(format!("stop it and keep its work: git chant pause {id}"))
        .hint(format!("watch it: git chant log {id} --follow"))
}

/// Ends whatever still works on a spec without git-chant, and puts its log on a ref. The caller removes the directory once the event
/// that comes next is recorded: until then it is what tells the next command about the dead run.
pub fn end_dead_run(ctx: &Context, id: &SpecId) -> Result<Option<RunDir>> {
    let Some(mut dir) = run_of(ctx, id)? else { return Ok(None) };
    if !dir.claim()? {
        return Err(working_on(id).into());
    }
    dir.end_agent(Duration::from_secs(5))?;
    dir.retire()?;
    save_run(ctx, id, &dir)?;
    keep_what_is_there(ctx, id, dir.run_id())?;
    Ok(Some(dir))
}

/// Puts the branch and the worktree of an earlier attempt aside, if there are any: what lies uncommitted is committed, the worktree goes
/// where nothing is lost by it (else it is moved), and the branch becomes `chant/<id>@<n>`. Returns that name.
pub fn set_aside(ctx: &Context, id: &SpecId, why: &str) -> Result<Option<String>> {
    set_aside_as(ctx, id, why, None)
}

/// The same, as `chant/<id>@<name>` where that is free.
pub fn set_aside_as(ctx: &Context, id: &SpecId, why: &str, name: Option<&str>) -> Result<Option<String>> {
    let path = worktrees_dir(&ctx.repo).join(id.as_str());
    let full = id.branch_ref();
    if path.exists() {
        save_worktree(ctx, id, &path, why)?;
    }
    ctx.repo.forget_worktree(&path)?;
    let Some(tip) = ctx.repo.reference(&full)? else { return Ok(None) };
    if let Some(tree) = ctx.repo.worktree_of(&full)? {
        return Err(Failure::new(format!("{} is checked out in {}", id.branch(), tree.path.display()))
            .hint(format!("git -C '{}' switch --detach", tree.path.display()))
            .into());
    }
    let aside = free_name(ctx, id, name)?;
    let changes = [RefChange::new(format!("refs/heads/{aside}"), None, Some(tip)), RefChange::new(&full, Some(tip), None)];
    if ctx.repo.update_refs(&changes, "chant: set aside")? == RefUpdate::Lost {
        bail!("{} moved while it was put aside", id.branch());
    }
    ctx.out.note(format!("Earlier work of {id} is kept on {aside}."));
    Ok(Some(aside))
}

fn free_name(ctx: &Context, id: &SpecId, wanted: Option<&str>) -> Result<String> {
    for name in wanted.map(str::to_owned).into_iter().chain((1..u64::MAX).map(|number| number.to_string())) {
        let name = format!("chant/{id}@{name}");
        if ctx.repo.reference(&format!("refs/heads/{name}"))?.is_none() {
            return Ok(name);
        }
    }
    bail!("every name for earlier work of {id} is taken")
}

fn save_worktree(ctx: &Context, id: &SpecId, path: &std::path::Path, why: &str) -> Result<()> {
    let known = path.canonicalize().ok().and_then(|path| ctx.repo.worktrees().ok()?.into_iter().find(|tree| tree.path == path));
    let Some(known) = known else {
        bail!("{} is in the way and is no worktree of this repository; move it elsewhere", path.display());
    };
    ctx.repo.unlock_worktree(path)?;
    let git = Git::at(path);
    git.command(["add", "--all"]).output()?;
    if !git.command(["diff", "--cached", "--quiet"]).succeeds()? {
        let message = format!("chant({id}): keep what was {why}");
        // Without hooks: this is a rescue, and a hook that refuses must not make it fail.
        git.command(["commit", "--quiet", "--no-verify", "-m", &message]).output()?;
    }
    if known.branch.is_none() {
        let head: Oid = git.command(["rev-parse", "HEAD"]).line()?.parse()?;
        ctx.store().keep(&format!("{id}.detached"), head)?;
    }
    let unsaved = worktrees::unsaved(path)?;
    if unsaved.is_empty() {
        return ctx.repo.remove_saved_worktree(path);
    }
    if let Some(inside) = unsaved.iter().find(|entry| entry.starts_with("   ")) {
        // git moves no worktree with one in it, and its commits may be nowhere else.
        let failure = Failure::new(format!("{} holds a repository of its own, {}", path.display(), inside.trim()));
        return Err(failure
            .hint(format!("take from it what you need, then: git worktree remove --force '{}'", path.display()))
            .hint(format!("git chant reset {id}"))
            .into());
    }
    // Ignored files that somebody may want: the worktree is moved, not removed.
    for number in 1.. {
        let name = format!("{}@{number}", path.file_name().context("a worktree has a name")?.to_string_lossy());
        let target = path.with_file_name(name);
        if !target.exists() {
            ctx.repo.move_worktree(path, &target)?;
            Git::at(&target).command(["checkout", "--quiet", "--detach"]).output()?;
            ctx.out.note(format!("The earlier worktree holds ignored files; it is now {}", target.display()));
            return Ok(());
        }
    }
    Ok(())
}
