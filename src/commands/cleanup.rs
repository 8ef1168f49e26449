use crate::context::Context;
use crate::failure::Outcome;
use crate::workflow::clean;
use anyhow::Result;

/// Arguments of `git chant cleanup`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let mut removed = 0;
    for tree in clean::worktrees(ctx)? {
        let path = tree.path.display();
        if let Some(reason) = clean::why_not(ctx, &tree)? {
            ctx.out.note(format!("{path} stays: {reason}"));
            continue;
        }
        removed += 1;
        if args.dry_run {
            ctx.out.line(format!("Would remove {path}"));
        } else {
            clean::remove(ctx, &tree)?;
            ctx.out.line(format!("Removed {path}"));
        }
    }
    if removed == 0 {
        ctx.out.line("Nothing to remove.");
    }
    Ok(Outcome::Yes)
}
