use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::safe;
use crate::spec::{SpecId, Status};
use crate::workflow::{clean, find};
use anyhow::Result;
use serde_json::json;

/// Arguments of `git chant worktree`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// List the worktrees of runs
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print where the worktree of a spec is
    Path {
        /// The spec: its id, or a part of it that only one has
        id: String,
    },
    /// Remove the worktree of a spec, if nothing is lost by it; its branch stays
    Remove {
        /// The spec: its id, or a part of it that only one has
        id: String,
    },
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let all = clean::worktrees(ctx)?;
    match args.what {
        What::List { json: true } => {
            let list: Vec<_> = all.iter().map(|tree| json!({ "id": tree.id.as_str(), "path": tree.path, "state": tree.state() })).collect();
            ctx.out.json(&json!(list));
        }
        What::List { json: false } => {
            for tree in &all {
                ctx.out.line(safe(&format!("{}  {}  {}", tree.id, tree.path.display(), tree.state())));
            }
        }
        What::Path { id } => {
            let id = find::spec_or_archived(ctx, &id)?.0.id;
            let Some(tree) = all.iter().find(|tree| tree.id == id) else {
                return Err(Failure::new(format!("{id} has no worktree here")).hint(without_worktree(ctx, &id)?).into());
            };
            ctx.out.line(tree.path.display().to_string());
        }
        What::Remove { id } => {
            let id = find::spec_or_archived(ctx, &id)?.0.id;
            let Some(tree) = all.into_iter().find(|tree| tree.id == id) else {
                return Err(Failure::new(format!("{id} has no worktree here")).hint("git chant worktree list").into());
            };
            clean::remove(ctx, &tree)?;
            ctx.out.line(format!("Removed {}; its branch stays.", tree.path.display()));
        }
    }
    Ok(Outcome::Yes)
}

/// What to do about a spec that has no worktree.
fn without_worktree(ctx: &Context, id: &SpecId) -> Result<String> {
    let (spec, archived) = find::spec_or_archived(ctx, id.as_str())?;
    Ok(match spec.event.status {
        _ if ctx.repo.reference(&id.branch_ref())?.is_some() => {
            format!("its worktree was removed when the run ended; its branch: git switch {}", id.branch())
        }
        Status::Pending if !archived => format!("git chant work {id}"),
        _ => format!("git chant show {id}"),
    })
}
