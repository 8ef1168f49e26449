use crate::context::Context;
use crate::failure::Outcome;
use crate::spec::{EventKind, SpecId, Status};
use crate::store::Change;
use crate::workflow::{claim, files, find, recover, start};
use anyhow::Result;

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
    let id = find::spec(ctx, &args.id)?.id;
    match &args.stale {
        Some(remote) => {
            let remote = ctx.repo.require_remote(Some(remote.as_str()).filter(|name| !name.is_empty()))?;
            claim::may_take_over(ctx, &remote, &id)?;
            take_back(ctx, &id, &args.reason, Some(&remote))?;
        }
        None => drop(to_pending(ctx, &id, &args.reason)?),
    }
    ctx.out.line(format!("Reset {id}; start it again: git chant work {id}"));
    Ok(Outcome::Yes)
}

/// Ends what is left of a dead run, puts its work aside, and takes the spec back to pending. Boxes are unticked: they were claims about
/// work that does not count any more.
pub fn to_pending(ctx: &Context, id: &SpecId, reason: &str) -> Result<bool> {
    claim::refuse_elsewhere(ctx, &ctx.store().require(id)?)?;
    take_back(ctx, id, reason, None)
}

/// `from` is the remote at which another clone holds a claim that is stale.
fn take_back(ctx: &Context, id: &SpecId, reason: &str, from: Option<&str>) -> Result<bool> {
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
        let mut document = spec.document.clone();
        for field in ["completed_at", "commits", "model"] {
            document.remove(field);
        }
        for number in 1..=document.criteria().len() {
            document.set_box(number, false)?;
        }
        let change = Change { new_attempt: true, ..Change::new(EventKind::Reset).status(Status::Pending).text(reason).document(document) };
        let change = match &aside {
            Some(branch) => change.with("Aside", branch),
            None => change,
        };
        let done = match from {
            Some(remote) => Some(claim::take_over(ctx, remote, &spec, &change)?),
            None => claim::record_end(ctx, &spec, &change, &[])?,
        };
        if done.is_some() {
            break done;
        }
    };
    if let Some(dead) = dead {
        dead.remove()?;
    }
    let Some(spec) = spec else { return Ok(false) };
    files::write_back(ctx, was, &spec, "reset")?;
    Ok(true)
}
