use crate::context::Context;
use crate::failure::Outcome;
use crate::workflow::{find, takeover};
use anyhow::Result;

/// Arguments of `git chant takeover`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let id = find::spec(ctx, &args.id)?.id;
    let path = takeover::take_over(ctx, &id)?;
    ctx.out.line(path.display().to_string());
    ctx.out.note(format!("{id} is yours and paused; what the agent did and said is in its spec."));
    ctx.out.hint(format!("go on there: cd '{}'", path.display()));
    ctx.out.hint(format!("when it is done: git chant finalize {id}; to give it back to an agent: git chant resume {id}"));
    Ok(Outcome::Yes)
}
