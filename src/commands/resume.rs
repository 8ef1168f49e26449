use super::work::How;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::spec::Status;
use crate::workflow::{find, plan, recover, start};
use anyhow::Result;

/// Arguments of `git chant resume`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    #[command(flatten)]
    how: How,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let spec = find::spec(ctx, &args.id)?;
    let id = spec.id.clone();
    let mut dead = None;
    match spec.event.status {
        Status::InProgress => dead = recover::end_dead_run(ctx, &id)?,
        Status::Failed | Status::Paused => {}
        Status::Pending => return Err(Failure::new(format!("{id} has no run to go on with")).hint(format!("git chant work {id}")).into()),
        Status::NeedsAttention => {
            return Err(Failure::new(format!("{id} needs attention: its intent changed")).hint(format!("git chant show {id}")).into());
        }
        Status::Completed | Status::Cancelled => {
            return Err(Failure::new(format!("{id} is {}", spec.event.status)).hint(format!("git chant reset {id}")).into());
        }
    }
    let json = args.how.json;
    let mut plan = plan::plan_unchecked(ctx, spec, args.how.options())?;
    // The first attempt took them in; nothing is taken in again.
    plan.inputs.clear();
    let started = start::go_on(ctx, plan)?;
    if let Some(dead) = dead {
        dead.remove()?;
    }
    super::work::run_one(ctx, started, json, false)
}
