use crate::context::Context;
use crate::failure::Outcome;
use crate::store::transport::transport;
use crate::workflow::sync::{self, Report};
use anyhow::Result;

/// Arguments of `git chant fetch`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The remote; else `chant.remote`, that of the branch's upstream, or origin
    remote: Option<String>,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let remote = ctx.repo.require_remote(args.remote.as_deref())?;
    let mut report = Report::default();
    let way = transport(&ctx.repo, &remote, &[])?;
    let done = sync::fetch(&ctx.store(), &*way, &mut report);
    if done.is_ok() {
        sync::subscribe_late(ctx, &remote)?;
    }
    super::sync::tell(ctx, &report, "pushed")?;
    done?;
    super::sync::tell_up_to_date(ctx, &remote, &report);
    Ok(Outcome::Yes)
}
