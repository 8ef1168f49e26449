use crate::context::Context;
use crate::failure::Outcome;
use crate::workflow::find;
use crate::workflow::plan::{self, Options};
use anyhow::Result;

/// Arguments of `git chant prep`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// The prompt, in place of the spec's own
    #[arg(long, value_name = "NAME")]
    prompt: Option<String>,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let spec = find::spec(ctx, &args.id)?;
    // Any agent gets the same prompt; `manual` always exists.
    let options = Options { prompt: args.prompt, agent: Some("manual".to_owned()), ..Options::default() };
    let plan = plan::plan_unchecked(ctx, spec, options)?;
    let root = ctx.repo.work_dir().unwrap_or_else(|| ctx.repo.common_dir().to_owned());
    ctx.out.document(plan::compose(ctx, &plan, &root)?.as_bytes());
    Ok(Outcome::Yes)
}
