use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::git::Oid;
use crate::spec::{EventKind, SpecId, Status};
use crate::store::{Change, Spec};
use crate::workflow::merge::merged_into;
use crate::workflow::{files, find, pause, plan, verify};
use anyhow::Result;

/// Arguments of `git chant cancel`.
#[derive(Debug, clap::Args)]
pub struct CancelArgs {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// Why
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "")]
    reason: String,
}

/// Arguments of `git chant pause`. A run that is on is stopped; its work is kept, and `git chant resume` goes on with it.
#[derive(Debug, clap::Args)]
pub struct PauseArgs {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// Why
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "")]
    reason: String,
}

pub fn cancel(ctx: &Context, args: CancelArgs) -> Result<Outcome> {
    let id = find::spec(ctx, &args.id)?.id;
    let done = give_up(ctx, &id, &args.reason)?;
    ctx.out.line(if done {
        format!("Cancelled {id}; take it up again: git chant reset {id}")
    } else {
        format!("{id} was cancelled already.")
    });
    Ok(Outcome::Yes)
}

/// Cancels a spec, unless its work is in its target already.
pub fn give_up(ctx: &Context, id: &SpecId, reason: &str) -> Result<bool> {
    refuse_merged(ctx, &ctx.store().require(id)?)?;
    stop(ctx, id, EventKind::Cancel, Status::Cancelled, reason)
}

fn refuse_merged(ctx: &Context, spec: &Spec) -> Result<()> {
    let id = &spec.id;
    if spec.event.status != Status::Completed {
        return Ok(());
    }
    let Some(target) = merged_into(ctx, &verify::facts(ctx, spec)?)? else { return Ok(()) };
    let history = ctx.store().history(spec.tip)?;
    let recorded = history.iter().find_map(|recorded| recorded.event.extra("Merged").and_then(Oid::from_hex));
    let merge = recorded.filter(|merge| ctx.repo.commit(*merge).is_ok_and(|merge| merge.parents.len() == 2));
    let revert = merge.map_or_else(|| "git revert COMMIT".to_owned(), |merge| format!("git revert -m 1 {}", merge.short()));
    Err(Failure::new(format!("the work of {id} is in {target} already"))
        .hint(format!("undo the work: {revert}"))
        .hint(format!("clear the spec away: git chant archive {id}"))
        .into())
}

pub fn pause(ctx: &Context, args: PauseArgs) -> Result<Outcome> {
    let id = find::spec(ctx, &args.id)?.id;
    let done = put_aside(ctx, &id, &args.reason)?;
    // One that was begun has work to go on with.
    let verb = if ctx.repo.reference(&id.branch_ref())?.is_some() { "resume" } else { "reset" };
    ctx.out.line(if done { format!("Paused {id}; take it up again: git chant {verb} {id}") } else { format!("{id} was paused already.") });
    Ok(Outcome::Yes)
}

/// Pauses a spec; a run that is on is stopped, and its work kept.
pub fn put_aside(ctx: &Context, id: &SpecId, reason: &str) -> Result<bool> {
    let spec = ctx.store().require(id)?;
    match spec.event.status {
        Status::InProgress => return pause::pause(ctx, id, reason).map(|()| true),
        // What is in its target already can wait for nothing.
        Status::Completed if merged_into(ctx, &verify::facts(ctx, &spec)?)?.is_some() => return Err(plan::is_done(ctx, &spec)?.into()),
        _ => {}
    }
    stop(ctx, id, EventKind::Pause, Status::Paused, reason)
}

/// Stops a spec that nobody is working on.
fn stop(ctx: &Context, id: &SpecId, kind: EventKind, status: Status, reason: &str) -> Result<bool> {
    let mut was = None;
    let spec = ctx.store().amend(id, |spec| {
        if spec.event.status == status {
            return Ok(None);
        }
        if spec.event.status == Status::InProgress {
            return Err(Failure::new(format!("{id} is in progress")).hint(format!("stop the run first: git chant pause {id}")).into());
        }
        was = Some(ctx.repo.hash_blob(spec.document.as_bytes())?);
        Ok(Some(Change::new(kind).status(status).text(reason)))
    })?;
    let Some(spec) = spec else { return Ok(false) };
    files::write_back(ctx, was, &spec, kind.as_str())?;
    Ok(true)
}
