//! Recording how a run ended: event, branch and run in one transaction, and only while its attempt is the current one.

use super::Work;
use crate::context::Context;
use crate::failure::Failure;
use crate::git::{Oid, RefChange};
use crate::spec::Status;
use crate::store::runs::RunRecord;
use crate::store::{Change, Spec};
use crate::workflow::claim;
use anyhow::Result;

/// What became of an event that ends a run.
pub(super) enum Record {
    Done,
    /// Another attempt is the current one.
    Overtaken,
    /// The spec has a newer event: decide again.
    Again,
}

pub(super) fn is_current(work: &Work, spec: &Spec) -> bool {
    spec.event.attempt == work.attempt && spec.event.status == Status::InProgress
}

/// For events that take no document with them, and so need no new decision when somebody else adds one.
pub(super) fn record_until_it_takes(ctx: &Context, work: &Work, change: &Change, result: &str) -> Result<bool> {
    loop {
        let spec = ctx.store().require(&work.id)?;
        match record(ctx, work, &spec, change, None, result)? {
            Record::Done => return Ok(true),
            Record::Overtaken => return Ok(false),
            Record::Again => {}
        }
    }
}

/// Appends the event to this version while this attempt is the current one. Event, branch and run move in one transaction.
pub(super) fn record(ctx: &Context, work: &Work, spec: &Spec, change: &Change, branch: Option<RefChange>, result: &str) -> Result<Record> {
    if !is_current(work, spec) {
        return Ok(Record::Overtaken);
    }
    let change = &with_outside(work, &spent(work, change.clone()));
    let tip = change.extra.iter().find(|(key, _)| key == "Tip").and_then(|(_, tip)| Oid::from_hex(tip));
    let moved = branch.clone();
    let mut others: Vec<RefChange> = branch.into_iter().collect();
    if !work.run.is_empty() {
        others.extend(ctx.store().write_run(&run_record(ctx, work, result, tip))?);
        others.extend(tip.map(|tip| ctx.store().keeping(&work.run, tip)).transpose()?.flatten());
    }
    if claim::record_end(ctx, spec, change, &others)?.is_none() {
        if let Some(branch) = moved.filter(|branch| ctx.repo.reference(&branch.name).ok().flatten() != branch.old) {
            // New work on the branch: the run is not over.
            return Err(Failure::new(format!("{} moved while the run was being ended", branch.name))
                .hint(format!("git chant finalize {}", work.id))
                .into());
        }
        return Ok(Record::Again);
    }
    if let Some(tip) = tip.filter(|_| !work.run.is_empty()) {
        let first = result.lines().next().unwrap_or_default();
        let how = if first == "completed" { format!(" {first}") } else { format!(": {first}") };
        ctx.store().note(tip, &format!("{}: attempt {}{how}", work.id, work.attempt))?;
    }
    Ok(Record::Done)
}

/// The event with what changed outside of the worktree.
fn with_outside(work: &Work, change: &Change) -> Change {
    work.outside.iter().fold(change.clone(), |change, line| change.with("Outside", line))
}

/// The reason, and below it what changed outside of the worktree.
fn result(work: &Work, reason: &str) -> String {
    if work.outside.is_empty() {
        return reason.to_owned();
    }
    let lines: String = work.outside.iter().map(|line| format!("- {line}\n")).collect();
    format!("{reason}\n\nOutside of its worktree, while it was on:\n{lines}").trim().to_owned()
}

/// The run as it is kept on a ref.
pub fn run_record<'a>(ctx: &Context, work: &'a Work, how: &str, tip: Option<Oid>) -> RunRecord<'a> {
    let prompt = std::fs::read(ctx.repo.common_dir().join("chant/runs").join(&work.run).join("prompt.md")).unwrap_or_default();
    let result = result(work, how);
    RunRecord { id: &work.id, run: &work.run, prompt, transcript: &work.transcript, format: work.format.as_str(), result, tip }
}

/// Adds what the run used to the event that ends it, so that every clone can sum it up.
fn spent(work: &Work, mut change: Change) -> Change {
    let facts = &work.facts;
    let tokens = facts.tokens.map(|tokens| format!("in={} cached={} out={}", tokens.input, tokens.cached, tokens.output));
    let told = [
        ("Session", facts.session.clone()),
        ("Model", facts.model.clone().or_else(|| work.model.clone())),
        ("Tokens", tokens),
        ("Cost", facts.cost.map(|cost| format!("{cost:.6}"))),
    ];
    for (key, value) in told {
        if let Some(value) = value {
            change = change.with(key, value);
        }
    }
    change
}
