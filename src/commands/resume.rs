use super::many;
use super::work::{How, Tell, run_and_merge};
use crate::context::Context;
use crate::failure::Outcome;
use crate::workflow::many::{Request, Which};
use crate::workflow::{find, resume};
use anyhow::Result;

/// Arguments of `git chant resume`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<String>,
    /// Every spec whose run failed or died here, and that has attempts left; one that has just failed is left alone for a while
    #[arg(long)]
    all: bool,
    /// Several at once: this many, else `chant.jobs`, else 4
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "", requires = "all")]
    parallel: Option<String>,
    /// Begin a new session of the agent's client, in place of going on with its last one
    #[arg(long, conflicts_with = "all")]
    new_session: bool,
    /// Merge the work into its target when it is done
    #[arg(long)]
    merge: bool,
    #[command(flatten)]
    how: How,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let json = args.how.json;
    let options = args.how.options(ctx)?;
    let Some(query) = &args.id else {
        let jobs = many::jobs(ctx, args.parallel.as_deref())?;
        let request = Request { which: Which::Unfinished, jobs, most: None, chain: false, merge: args.merge, options };
        return many::run(ctx, &request, json);
    };
    let id = find::spec(ctx, query)?.id;
    let started = resume::begin(ctx, &id, &options, args.new_session)?;
    run_and_merge(ctx, started, Tell { json, merges: args.merge }).map(|ended| ended.outcome)
}
