use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::safe;
use crate::spec::{Approval, EventKind, Status, intent};
use crate::store::Change;
use crate::workflow::{find, inside, judge};
use anyhow::Result;

/// Arguments of `git chant approve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// On whose behalf; the event's author is who types
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// A word to go with it
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "")]
    message: String,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    if inside::a_run(ctx) {
        return Err(Failure::new("a run cannot approve").hint("a person approves, in a terminal outside of the run").into());
    }
    let id = find::spec(ctx, &args.id)?.id;
    let by = match &args.by {
        Some(by) => by.clone(),
        None => ctx.repo.author()?.name,
    };
    let signs = ctx.repo.config_bool("commit.gpgSign", false) || ctx.store().requires_signed()?;
    let again = args.by.is_none() && args.message.is_empty();
    let spec = ctx.store().amend(&id, |spec| {
        // First, so that nobody finds an approved version that is not trusted. What another clone has approved is trusted here by whoever
        // approves it here.
        ctx.store().trust(&intent::id(&spec.document))?;
        let approved = again && spec.event.approval == Approval::Approved && spec.event.status != Status::NeedsAttention;
        // One that was given without a signature is given again where it will have one.
        if approved && (!signs || judge::is_signed(ctx, spec, EventKind::Approve, &[])?) {
            return Ok(None);
        }
        let mut change = Change::new(EventKind::Approve).text(&args.message).with("By", &by).with("Intent", intent::id(&spec.document));
        change.approval = Some(Approval::Approved);
        // What needed attention was the changed intent: approved, its work is judged as any other failed attempt's.
        if spec.event.status == Status::NeedsAttention {
            change.status = Some(Status::Failed);
        }
        Ok(Some(change))
    })?;
    let Some(spec) = spec else {
        ctx.out.line(format!("{id} is approved already."));
        return Ok(Outcome::Yes);
    };
    ctx.out.line(format!("Approved: {id} (by {})", safe(&by)));
    if spec.event.status == Status::Failed {
        ctx.out.hint(format!("complete its work as it is: git chant finalize {id}; or go on: git chant resume {id}"));
    }
    Ok(Outcome::Yes)
}
