//! After an agent ran: what it left is committed, the criteria are checked, and `finish` or `fail` says what came of it.
//!
//! The event and the branch move in one ref transaction. An attempt that is not the current one any more writes nothing.

mod document;
mod leftovers;
mod record;

pub(super) use document::{combine, finish_change, finish_commit, finish_document, on_branch, settle_boxes};
pub use leftovers::{commit_leftovers, in_the_way, take_away, tidy};
pub use record::run_record;

use super::verify::Check;
use super::{claim, verify};
use crate::agent::settings::CommitBy;
use crate::agent::transcript::{Facts, Format};
use crate::context::Context;
use crate::git::{Oid, RefChange};
use crate::spec::{Document, EventKind, SpecId, Status, intent};
use crate::store::Change;
use anyhow::Result;
use document::{at_start, ended};
use leftovers::keep_all;
use record::{Record, is_current, record, record_until_it_takes};
use std::path::PathBuf;

/// A run whose agent has ended, or that has none.
#[derive(Clone, Debug)]
pub struct Work {
    /// The spec's id.
    pub id: SpecId,
    /// The run; empty for work that was done by hand.
    pub run: String,
    /// The attempt that it is.
    pub attempt: u32,
    /// The commit on which it began.
    pub base: Oid,
    /// Its worktree, if that is still there.
    pub worktree: Option<PathBuf>,
    /// The model that was asked for.
    pub model: Option<String>,
    /// Who commits what the agent made.
    pub commit_by: CommitBy,
    /// What the agent printed.
    pub transcript: Vec<u8>,
    /// What changed outside of its worktree meanwhile, a line each.
    pub outside: Vec<String>,
    /// What kind of output that is.
    pub format: Format,
    /// What it says about the run.
    pub facts: Facts,
    /// The commit whose conflicts with the work were to be settled.
    pub settled: Option<Oid>,
    /// Nothing has to be changed: others did the work.
    pub idle_is_fine: bool,
}

impl Work {
    /// The agent's own words, for the document: all that it printed, or the last that it said where the rest is events for machines.
    fn said(&self) -> String {
        match self.format.is_plain() {
            true => String::from_utf8_lossy(&self.transcript).into_owned(),
            false => self.facts.last_words.clone().unwrap_or_default(),
        }
    }

    /// Why nothing was changed, as far as the agent told.
    fn idle_reason(&self) -> String {
        let trouble = self.facts.trouble.as_ref().map(|trouble| format!(" ({trouble})")).unwrap_or_default();
        format!("{IDLE}{trouble}")
    }
}

/// How the reason begins of a run that changed nothing.
const IDLE: &str = "the agent changed nothing";

/// What may be done about a failure, beside going on and starting over. It is advice for now: the reason alone is recorded.
pub fn advice(id: &SpecId, reason: &str) -> Vec<String> {
    if reason.starts_with(IDLE) {
        return vec![
            format!("what it said: git chant log {id}"),
            format!("if nothing was left to do, and every criterion holds: git chant finalize {id}"),
        ];
    }
    let checked = reason.starts_with("criteri") && reason.ends_with(" failed");
    if checked { vec![format!("what was checked, and how it failed: git chant verify {id}")] } else { Vec::new() }
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Completed; the work tip.
    Finished(Oid),
    /// Stopped by a person, and why.
    Paused(String),
    /// Failed, and why.
    Failed(String),
    /// The intent changed; a person decides.
    NeedsAttention(String),
    /// Another attempt has begun or the run was reset: nothing was recorded.
    Overtaken,
}

/// Why a run ends without a look at its criteria.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// The agent itself failed.
    Failed(String),
    /// A person stopped it.
    Paused(String),
}

/// What a pause says for which no reason was given.
pub const PAUSED: &str = "paused by a person";

/// Ends a run. `left` is what came of [`commit_leftovers`]; `halt` is why there is nothing to check, if the agent itself failed or was
/// stopped.
pub fn conclude(ctx: &Context, work: &Work, left: Result<()>, halt: Option<Halt>) -> Result<Conclusion> {
    // What a person did to the file meanwhile counts: the outcome is decided from the spec as it is now.
    if let Err(error) = super::pickup::pick_up(ctx) {
        ctx.out.warning(format!("the files of this checkout could not be looked at: {error:#}"));
    }
    let tip = tip(ctx, work)?;
    if !work.run.is_empty() {
        keep_all(ctx, work, tip)?;
    }
    // Before anything is checked that would be for nothing.
    claim::look(ctx, &ctx.store().require(&work.id)?);
    let spec = ctx.store().require(&work.id)?;
    if !is_current(work, &spec) {
        return Ok(Conclusion::Overtaken);
    }
    let halt = match halt {
        Some(halt) => Some(halt),
        None => left.err().map(|error| Halt::Failed(format!("what the agent left could not be committed: {error:#}"))),
    };
    let began = at_start(ctx, &spec)?;
    let ended = ended(ctx, work, tip)?.unwrap_or_else(|| began.clone());
    if intent::id(&began) != intent::id(&ended) {
        return needs_attention(ctx, work, tip, &began, &ended);
    }
    match halt {
        Some(Halt::Failed(reason)) => return fail(ctx, work, tip, &reason),
        Some(Halt::Paused(reason)) => return paused(ctx, work, tip, &reason),
        None => {}
    }
    if let Some(reason) = super::settle::left_open(ctx, work, tip)? {
        return fail(ctx, work, tip, &reason);
    }
    if !work.idle_is_fine && !did_anything(ctx, work, tip, &began, &ended)? {
        return fail(ctx, work, tip, &work.idle_reason());
    }
    complete(ctx, work, tip, &began, &ended)
}

fn tip(ctx: &Context, work: &Work) -> Result<Oid> {
    let branch = work.id.branch_ref();
    Ok(ctx.repo.reference(&branch)?.unwrap_or(work.base))
}

fn did_anything(ctx: &Context, work: &Work, tip: Oid, began: &Document, ended: &Document) -> Result<bool> {
    let ticked = |document: &Document| document.criteria().iter().map(|criterion| criterion.ticked).collect::<Vec<_>>();
    Ok(ctx.repo.code_tree(work.base)? != ctx.repo.code_tree(tip)? || ticked(began) != ticked(ended))
}

/// How the event begins of a run that ended with another intent; the difference follows.
pub const CHANGED_BY_RUN: &str = "the run changed what the spec asks for";

fn needs_attention(ctx: &Context, work: &Work, tip: Oid, began: &Document, ended: &Document) -> Result<Conclusion> {
    let diff = intent::diff(began, ended);
    attention(ctx, work, tip, format!("{CHANGED_BY_RUN}:\n\n{diff}"))
}

fn attention(ctx: &Context, work: &Work, tip: Oid, reason: String) -> Result<Conclusion> {
    let change = Change::new(EventKind::Attention).status(Status::NeedsAttention).text(&reason).with("Run", &work.run).with("Tip", tip);
    match record_until_it_takes(ctx, work, &change, &reason)? {
        true => Ok(Conclusion::NeedsAttention(reason)),
        false => Ok(Conclusion::Overtaken),
    }
}

fn fail(ctx: &Context, work: &Work, tip: Oid, reason: &str) -> Result<Conclusion> {
    let change = Change::new(EventKind::Fail).status(Status::Failed).text(reason).with("Run", &work.run).with("Tip", tip);
    match record_until_it_takes(ctx, work, &change, reason)? {
        true => Ok(Conclusion::Failed(reason.to_owned())),
        false => Ok(Conclusion::Overtaken),
    }
}

fn paused(ctx: &Context, work: &Work, tip: Oid, reason: &str) -> Result<Conclusion> {
    let change = Change::new(EventKind::Pause).status(Status::Paused).text(reason).with("Run", &work.run).with("Tip", tip);
    match record_until_it_takes(ctx, work, &change, reason)? {
        true => Ok(Conclusion::Paused(reason.to_owned())),
        false => Ok(Conclusion::Overtaken),
    }
}

fn complete(ctx: &Context, work: &Work, tip: Oid, began: &Document, ended: &Document) -> Result<Conclusion> {
    let mut checks = None;
    loop {
        if let Some(conclusion) = complete_once(ctx, work, tip, [began, ended], &mut checks)? {
            return Ok(conclusion);
        }
    }
}

/// One try, decided from the newest version of the spec. `None`: somebody added an event meanwhile; what was checked is not checked again.
fn complete_once(
    ctx: &Context,
    work: &Work,
    tip: Oid,
    [began, ended]: [&Document; 2],
    checked: &mut Option<Vec<Check>>,
) -> Result<Option<Conclusion>> {
    let spec = &ctx.store().require(&work.id)?;
    // An intent that changed says more than a criterion that fails for it.
    let edited = combine(spec, began, ended);
    if intent::id(&edited) != intent::id(began) {
        let reason = format!("it was edited while the run was on:\n\n{}", intent::diff(began, &edited));
        return attention(ctx, work, tip, reason).map(Some);
    }
    if checked.is_none() {
        *checked = match verify::verify_run(ctx, spec, work, tip) {
            Ok(checks) => Some(checks),
            Err(error) => return fail(ctx, work, tip, &format!("its criteria could not be checked: {error:#}")).map(Some),
        };
    }
    let checks = checked.as_deref().unwrap_or_default();
    // The verdicts are events too: what a person did while the commands ran counts.
    let spec = ctx.store().require(&work.id)?;
    let mut document = combine(&spec, began, ended);
    if intent::id(&document) != intent::id(began) {
        // Edited while the commands ran: the next try says so.
        return Ok(None);
    }
    if let Some(unsettled) = settle_boxes(&mut document, checks)? {
        return fail(ctx, work, tip, &unsettled.to_string()).map(Some);
    }
    finish_document(ctx, work, tip, &mut document)?;
    let commit = finish_commit(ctx, work, tip, &document)?;
    let change = finish_change(ctx, work, commit, document)?;
    let branch = RefChange::new(work.id.branch_ref(), Some(tip), Some(commit));
    Ok(match record(ctx, work, &spec, &change, (commit != tip).then_some(branch), "completed")? {
        Record::Done => Some(Conclusion::Finished(commit)),
        Record::Overtaken => Some(Conclusion::Overtaken),
        Record::Again => None,
    })
}

/// How much of a transcript is kept where there is no room for all.
const LAST_WORDS: usize = 64 * 1024;

/// The same where only a little room is left: the end of what the agent printed has to do.
pub fn give_up_on_a_full_disk(ctx: &Context, work: &Work, error: &anyhow::Error) -> Result<Conclusion> {
    let from = work.transcript.len().saturating_sub(LAST_WORDS);
    let short = Work { transcript: work.transcript[from..].to_vec(), ..work.clone() };
    let tip = tip(ctx, work)?;
    let reason =
        format!("the disk is full; uncommitted work is still in the worktree; free some space, then: git chant resume {}", work.id);
    ctx.out.warning(format!("{error:#}"));
    fail(ctx, &short, tip, &reason)
}

/// Ends a run for which [`conclude`] itself could not be carried out.
pub fn give_up(ctx: &Context, work: &Work, error: &anyhow::Error) -> Result<Conclusion> {
    let tip = tip(ctx, work)?;
    fail(ctx, work, tip, &format!("the run could not be ended: {error:#}"))
}
