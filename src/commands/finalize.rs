use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::spec::Status;
use crate::workflow::{files, finalize, find, recover};
use anyhow::{Context as _, Result};

/// Arguments of `git chant finalize`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let spec = find::spec(ctx, &args.id)?;
    let id = spec.id.clone();
    let mut dead = None;
    match spec.event.status {
        // Work that went on after its finish is finished again.
        Status::Completed if !finalize::went_on(ctx, &spec)? => {
            ctx.out.line(format!("{id} is completed already."));
            return Ok(Outcome::Yes);
        }
        Status::Cancelled => return Err(Failure::new(format!("{id} is cancelled")).hint(format!("git chant reset {id}")).into()),
        Status::InProgress => dead = recover::end_dead_run(ctx, &id)?,
        _ => {}
    }
    let has_branch = ctx.repo.reference(&id.branch_ref())?.is_some();
    let again = if spec.event.status == Status::Completed { " again" } else { "" };
    let done = finalize::finalize(ctx, &spec).with_context(|| format!("{id} is not completed{again}"))?;
    if let Some(dead) = dead {
        dead.remove()?;
    }
    if !has_branch {
        files::write_back(ctx, Some(ctx.repo.hash_blob(done.from.document.as_bytes())?), &done.spec, "finish")?;
    }
    ctx.out.line(format!("Completed: {id}"));
    Ok(Outcome::Yes)
}
