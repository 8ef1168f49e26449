use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::spec::{Approval, EventKind, intent};
use crate::store::Change;
use crate::workflow::{find, inside};
use anyhow::Result;

/// Arguments of `git chant reject`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// Why; it is recorded with the event
    #[arg(long, short = 'm', value_name = "TEXT")]
    reason: String,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    if inside::a_run(ctx) {
        return Err(Failure::new("a run cannot reject").hint("a person rejects, in a terminal outside of the run").into());
    }
    let id = find::spec(ctx, &args.id)?.id;
    if args.reason.trim().is_empty() {
        let failure = Failure::new("a rejection needs a reason: it is all that whoever goes on with it is told");
        return Err(failure.hint(format!("git chant reject {id} --reason 'What is wrong with it'")).into());
    }
    ctx.store().amend(&id, |spec| {
        let mut change = Change::new(EventKind::Reject).text(&args.reason).with("Intent", intent::id(&spec.document));
        change.approval = Some(Approval::Rejected);
        Ok(Some(change))
    })?;
    ctx.out.line(format!("Rejected: {id}; it neither starts nor merges until it is approved."));
    ctx.out.hint(format!("change it: git chant edit {id}; then: git chant approve {id}"));
    Ok(Outcome::Yes)
}
