use crate::context::Context;
use crate::failure::Outcome;
use crate::spec::{Approval, EventKind, SpecId, Status};
use crate::store::{Change, Spec};
use crate::workflow::merge::merged_into;
use crate::workflow::{claim, files, find, recover, start, verify};
use anyhow::{Context as _, Result};

/// Arguments of `git chant reset`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// Why
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "")]
    reason: String,
    /// Take the spec from another clone whose claim this one has seen unmoved for `chant.claimTimeout` (30m)
    #[arg(long, value_name = "REMOTE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    stale: Option<String>,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let spec = find::spec(ctx, &args.id)?;
    let merged = merged_into(ctx, &verify::facts(ctx, &spec)?)?.filter(|_| spec.event.status == Status::Completed);
    let id = spec.id;
    match &args.stale {
        Some(remote) => {
            let remote = ctx.repo.require_remote(Some(remote.as_str()).filter(|name| !name.is_empty()))?;
            let spec = claim::may_take_over(ctx, &remote, &id)?;
            take_from(ctx, &remote, &spec, &args.reason)?;
        }
        None => drop(to_pending(ctx, &id, &args.reason)?),
    }
    if let Some(target) = merged {
        ctx.out.note(format!("{id} is merged into {target}; its work stays there, and a new attempt begins on top of it."));
    }
    let rejected = ctx.store().require(&id)?.event.approval == Approval::Rejected;
    let next = if rejected { "it was rejected; approve it first: git chant approve" } else { "start it again: git chant work" };
    ctx.out.line(format!("Reset {id}; {next} {id}"));
    Ok(Outcome::Yes)
}

/// Ends what is left of a dead run, puts its work aside, and takes the spec back to pending. Boxes are unticked: they were claims about
/// work that does not count any more.
pub fn to_pending(ctx: &Context, id: &SpecId, reason: &str) -> Result<bool> {
    claim::refuse_elsewhere(ctx, &ctx.store().require(id)?)?;
    let dead = recover::end_dead_run(ctx, id)?;
    let _lock = start::lock(ctx, id)?;
    let aside = recover::set_aside(ctx, id, "not committed")?;
    let mut was = None;
    let spec = loop {
        let spec = ctx.store().require(id)?;
        if spec.event.status == Status::Pending && aside.is_none() {
            break None;
        }
        was = Some(ctx.repo.hash_blob(spec.document.as_bytes())?);
        let change = match &aside {
            Some(branch) => change(&spec, reason)?.with("Aside", branch),
            None => change(&spec, reason)?,
        };
        if let Some(done) = claim::record_end(ctx, &spec, &change, &[])? {
            break Some(done);
        }
    };
    if let Some(dead) = dead {
        dead.remove()?;
    }
    let Some(spec) = spec else { return Ok(false) };
    files::write_back(ctx, was, &spec, "reset")?;
    Ok(true)
}

/// The same of a spec that another clone has claimed and left. The remote is asked first: where it says no, nothing happens here either.
fn take_from(ctx: &Context, remote: &str, spec: &Spec, reason: &str) -> Result<()> {
    let id = &spec.id;
    let dead = recover::end_dead_run(ctx, id)?;
    let _lock = start::lock(ctx, id)?;
    let done = claim::take_over(ctx, remote, spec, &change(spec, reason)?)?;
    if let Some(dead) = dead {
        dead.remove()?;
    }
    files::write_back(ctx, Some(ctx.repo.hash_blob(spec.document.as_bytes())?), &done, "reset")?;
    // What an earlier attempt of this clone left. Should it stay, the next start meets it, and says the same.
    recover::set_aside(ctx, id, "not committed").with_context(|| format!("{id} is reset, and its earlier work is where it was"))?;
    Ok(())
}

fn change(spec: &Spec, reason: &str) -> Result<Change> {
    let mut document = spec.document.clone();
    for field in ["completed_at", "commits", "model"] {
        document.remove(field);
    }
    for number in 1..=document.criteria().len() {
        document.set_box(number, false)?;
    }
    Ok(Change { new_attempt: true, ..Change::new(EventKind::Reset).status(Status::Pending).text(reason).document(document) })
}
