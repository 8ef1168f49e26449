use crate::context::Context;
use crate::failure::Outcome;
use crate::store::transport::transport;
use crate::workflow::sync::{self, Options, Report};
use anyhow::Result;

/// Arguments of `git chant push`.
///
/// What the remote has is fetched and folded in first; nothing there is ever overwritten.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The remote; else `chant.remote`, that of the branch's upstream, or origin
    remote: Option<String>,
    /// Push runs too: prompts, transcripts and results, which may hold secrets
    #[arg(long)]
    runs: bool,
    /// Push the branches of specs too
    #[arg(long)]
    branches: bool,
    /// Say what would be pushed, and push nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let remote = ctx.repo.require_remote(args.remote.as_deref())?;
    let options = Options { runs: args.runs, branches: args.branches };
    let more: Vec<String> = args.branches.then(|| sync::branch_refspec(&remote)).into_iter().collect();
    let way = transport(&ctx.repo, &remote, &more)?;
    let (store, mut report) = (ctx.store(), Report::default());
    let seen = store.seen(&remote)?.runs;
    if args.runs && store.state()?.runs.keys().any(|run| !seen.contains_key(run)) {
        ctx.out.warning("transcripts of runs may hold secrets; whoever can read the remote can read them");
    }
    if args.dry_run {
        sync::dry_run(&store, &*way, options, &mut report)?;
        report.moves.clear();
        super::sync::tell(ctx, &report, "would push")?;
        super::sync::tell_up_to_date(ctx, &remote, &report);
        return Ok(Outcome::Yes);
    }
    let done = sync::push(&store, &*way, options, &mut report);
    if done.is_ok() {
        sync::subscribe_late(ctx, &remote)?;
    }
    super::sync::tell(ctx, &report, "pushed")?;
    done?;
    super::sync::tell_up_to_date(ctx, &remote, &report);
    Ok(Outcome::Yes)
}
