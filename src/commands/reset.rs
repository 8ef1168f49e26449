use crate::context::Context;
use crate::failure::Outcome;
use crate::spec::{EventKind, SpecId, Status};
use crate::store::Change;
use crate::workflow::{files, find, recover, start};
use anyhow::Result;

/// Arguments of `git chant reset`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// Why
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "")]
    reason: String,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let id = find::spec(ctx, &args.id)?.id;
    to_pending(ctx, &id, &args.reason)?;
    ctx.out.line(format!("Reset {id}; start it again: git chant work {id}"));
    Ok(Outcome::Yes)
}

/// Ends what is left of a dead run, puts its work aside, and takes the spec back to pending. Boxes are unticked: they were claims about
/// work that does not count any more.
pub fn to_pending(ctx: &Context, id: &SpecId, reason: &str) -> Result<bool> {
    let dead = recover::end_dead_run(ctx, id)?;
    let _lock = start::lock(ctx, id)?;
    let aside = recover::set_aside(ctx, id, "not committed")?;
    let mut was = None;
    let spec = ctx.store().amend(id, |spec| {
        if spec.event.status == Status::Pending && aside.is_none() {
            return Ok(None);
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
        Ok(Some(match &aside {
            Some(branch) => change.with("Aside", branch),
            None => change,
        }))
    })?;
    if let Some(dead) = dead {
        dead.remove()?;
    }
    let Some(spec) = spec else { return Ok(false) };
    files::write_back(ctx, was, &spec, "reset")?;
    Ok(true)
}
