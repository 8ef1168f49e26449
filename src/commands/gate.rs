use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::gate::{Decision, Reason};
use crate::output::safe;
use crate::workflow::judge::{self, Asked};
use crate::workflow::plan;
use anyhow::Result;

/// Arguments of `git chant gate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What would come in; else HEAD
    #[arg(value_name = "COMMIT", default_value = "HEAD")]
    commit: String,
    /// The protected branch; else the one checked out
    #[arg(long, value_name = "BRANCH")]
    target: Option<String>,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let target = match args.target {
        Some(target) => target,
        None => plan::target(ctx)?,
    };
    let unknown = |_| Failure::new(format!("'{}' names no commit", safe(&args.commit))).hint("git branch --all");
    let commit = ctx.repo.resolve_commit(&args.commit).map_err(unknown)?;
    let branch = ctx.repo.reference(&format!("refs/heads/{}", args.commit))?.map(|_| args.commit.clone());
    let Some(current) = ctx.repo.reference(&format!("refs/heads/{target}"))? else {
        return Err(Failure::new(format!("there is no branch '{}' to come into", safe(&target))).hint("git branch").into());
    };
    let asked = Asked { target: target.clone(), current: Some(current), heads: vec![(commit, branch)], result: Some(commit) };
    match judge::ask(ctx, &asked)? {
        Decision::Allow { notes } => {
            ctx.out.line(format!("{} may come into {target}.", safe(&args.commit)));
            for note in notes {
                ctx.out.note(format!("note: {}", safe(&note)));
            }
            Ok(Outcome::Yes)
        }
        Decision::Refuse(reasons) => {
            ctx.out.line(format!("{} may not come into {target}:", safe(&args.commit)));
            print_reasons(ctx, &reasons);
            Ok(Outcome::No)
        }
    }
}

/// Every reason, each with the command that mends it.
pub fn print_reasons(ctx: &Context, reasons: &[Reason]) {
    for reason in reasons {
        ctx.out.error(safe(&reason.to_string()));
        if let Some(detail) = reason.detail() {
            ctx.out.note(safe(&detail.lines().map(|line| format!("       {line}\n")).collect::<String>()));
        }
        ctx.out.hint(safe(&reason.mend()));
    }
}
