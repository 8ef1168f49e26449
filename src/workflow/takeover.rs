//! A person goes on with what an agent began: the run is stopped, and what it said and did is written into the spec.

use super::plan::worktrees_dir;
use super::{claim, files, pause, recover, start, verify};
use crate::agent::transcript::{Format, Reader};
use crate::agent::{Liveness, RunDir};
use crate::context::Context;
use crate::failure::Failure;
use crate::git::{Git, Oid};
use crate::output::safe;
use crate::spec::{EventKind, SpecId, Status};
use crate::store::{Change, Spec};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Stops the run, if one is on, pauses the spec with a summary in it, and returns the worktree to go on in.
pub fn take_over(ctx: &Context, id: &SpecId) -> Result<PathBuf> {
    claim::refuse_elsewhere(ctx, &ctx.store().require(id)?)?;
    stop_live_run(ctx, id)?;
    let dead = recover::end_dead_run(ctx, id)?;
    let _lock = start::lock(ctx, id)?;
    let spec = ctx.store().require(id)?;
    let full = id.branch_ref();
    may_take_over(ctx, &spec, ctx.repo.reference(&full)?.is_some())?;
    let path = worktrees_dir(&ctx.repo).join(id.as_str());
    ctx.repo.forget_worktree(&path)?;
    match ctx.repo.worktree_of(&full)? {
        Some(_) => ctx.repo.unlock_worktree(&path)?,
        None => {
            ctx.repo.add_worktree(&path, &id.branch(), "git-chant takeover")?;
            ctx.repo.unlock_worktree(&path)?;
        }
    }
    let summary = summary(ctx, &spec, &path, dead.as_ref())?;
    let (was, paused) = record(ctx, id, &summary)?;
    if let Some(dead) = dead {
        dead.remove()?;
    }
    files::write_back_unless_behind(ctx, Some(was), &paused, "take over")?;
    Ok(path)
}

/// Refuses what nobody began, what is done, and what another clone is at.
fn may_take_over(ctx: &Context, spec: &Spec, has_branch: bool) -> Result<()> {
    claim::refuse_elsewhere(ctx, spec)?;
    let may = matches!(spec.event.status, Status::InProgress | Status::Failed | Status::Paused | Status::NeedsAttention);
    if may && has_branch {
        return Ok(());
    }
    let failure = Failure::new(format!("{} is {}, and no agent is working on it", spec.id, spec.event.status));
    let failure = match spec.event.status {
        Status::Pending => failure.hint(format!("work by hand: git chant work {} --agent manual", spec.id)),
        _ => failure,
    };
    Err(failure.hint(format!("git chant show {}", spec.id)).into())
}

/// Pauses the spec with the summary in it, and takes our claim back with that. Returns what its document was, too.
fn record(ctx: &Context, id: &SpecId, summary: &str) -> Result<(Oid, Spec)> {
    loop {
        let spec = ctx.store().require(id)?;
        may_take_over(ctx, &spec, true)?;
        let mut document = spec.document.clone();
        document.append_tool_section("Agent Output", summary);
        let change = Change::new(EventKind::Pause).status(Status::Paused).text(TAKEN_OVER).document(document);
        if let Some(paused) = claim::record_end(ctx, &spec, &change, &[])? {
            return Ok((ctx.repo.hash_blob(spec.document.as_bytes())?, paused));
        }
    }
}

/// Why a run was paused whose agent was stopped for a person.
const TAKEN_OVER: &str = "taken over by a person";

/// Asks the git-chant that takes care of a run to stop it, and waits until that has written down how it ended.
fn stop_live_run(ctx: &Context, id: &SpecId) -> Result<()> {
    let Some(dir) = recover::run_of(ctx, id)?.filter(|dir| dir.liveness() == Liveness::Working) else { return Ok(()) };
    dir.ask_to_pause(TAKEN_OVER)?;
    pause::wait_for_end(id, &dir)
}

/// How the last run ended, what it changed and what its agent said last.
fn summary(ctx: &Context, spec: &Spec, worktree: &Path, dead: Option<&RunDir>) -> Result<String> {
    let facts = verify::facts(ctx, spec)?;
    let run = facts.runs.last();
    let mut text = match run.map(|run| run.reason.as_str()).filter(|reason| !reason.is_empty() && *reason != TAKEN_OVER) {
        Some(reason) => format!("Taken over. The last run ended with: {reason}\n"),
        None => "Taken over while it was worked on.\n".to_owned(),
    };
    let git = Git::at(worktree);
    if let Some(base) = facts.start.as_ref().and_then(|start| Oid::from_hex(&start.base)) {
        text.push_str("\nChanged since it began, committed or not:\n");
        text.push_str(&git.command(["diff", "--stat", &base.to_string(), "--"]).line()?);
        let new = git.command(["ls-files", "--others", "--exclude-standard"]).line()?;
        text.extend(new.lines().take(50).map(|file| format!("\n new: {file}")));
        text.push('\n');
    }
    let (format, log) = match (dead, run) {
        (Some(dead), _) => (dead.format(), std::fs::read(dead.log_path()).unwrap_or_default()),
        (None, Some(run)) => {
            let word = ctx.store().transcript_format(&spec.id, &run.id)?;
            (Format::of(&word).unwrap_or(Format::Text), ctx.store().transcript(&spec.id, &run.id)?.unwrap_or_default())
        }
        (None, None) => (Format::Text, Vec::new()),
    };
    let items = Reader::all(format, &log).0;
    let lines: Vec<String> = items.iter().map(|item| safe(&item.rendered())).collect();
    if !lines.is_empty() {
        text.push_str("\nThe last that its agent said and did:\n");
        text.extend(lines[lines.len().saturating_sub(15)..].iter().map(|line| format!("{line}\n")));
    }
    Ok(safe(&text))
}
