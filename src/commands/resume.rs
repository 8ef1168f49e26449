use super::work::How;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::spec::Status;
use crate::store::Spec;
use crate::workflow::{claim, find, plan, recover, session, start};
use anyhow::Result;

/// Arguments of `git chant resume`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// Begin a new session of the agent's client, in place of going on with its last one
    #[arg(long)]
    new_session: bool,
    #[command(flatten)]
    how: How,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let id = find::spec(ctx, &args.id)?.id;
    let json = args.how.json;
    let options = args.how.options(ctx)?;
    let mut dead = None;
    let started = start::until_it_takes(&id, || {
        let spec = ctx.store().require(&id)?;
        may_resume(&spec)?;
        claim::refuse_elsewhere(ctx, &spec)?;
        if spec.event.status == Status::InProgress && dead.is_none() {
            dead = recover::end_dead_run(ctx, &id)?;
        }
        let mut options = options.clone();
        // A claim that this clone holds is held on to.
        options.claim = options.claim.or(claim::held(ctx, &spec)?.map(|claim| claim.remote));
        let mut plan = plan::plan_unchecked(ctx, spec, options)?;
        // The first attempt took them in; nothing is taken in again.
        plan.inputs.clear();
        if !args.new_session {
            plan.options.session = session::last(ctx, &plan.spec, &plan.agent, dead.as_ref())?;
        }
        start::go_on(ctx, plan)
    })?;
    if let Some(dead) = dead {
        dead.remove()?;
    }
    super::work::run_one(ctx, started, super::work::Tell { json, merges: false }).map(|ended| ended.outcome)
}

/// Refuses a spec that has no unfinished work to go on with.
fn may_resume(spec: &Spec) -> Result<()> {
    let id = &spec.id;
    let refusal = match spec.event.status {
        Status::InProgress | Status::Failed | Status::Paused => return Ok(()),
        Status::Pending => Failure::new(format!("{id} has no run to go on with")).hint(format!("git chant work {id}")),
        Status::NeedsAttention => Failure::new(format!("{id} needs attention: its intent changed")).hint(format!("git chant show {id}")),
        Status::Completed | Status::Cancelled => {
            Failure::new(format!("{id} is {}", spec.event.status)).hint(format!("git chant reset {id}"))
        }
    };
    Err(refusal.into())
}
