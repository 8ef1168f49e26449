//! Finished work that conflicts with its target: the target is merged into it in its own worktree, an agent settles the conflicts, and
//! everything is checked again. It is another attempt like any other: bounded, recorded, and failed where conflicts stay.

use super::finish::Work;
use super::plan::{self, Options, Plan};
use super::start::{self, Started};
use crate::context::Context;
use crate::failure::Failure;
use crate::git::{Git, Oid};
use crate::spec::{EventKind, SpecId, Status};
use crate::store::{Spec, newest};
use anyhow::Result;

/// The prompt of such an attempt, unless another one is asked for.
pub const PROMPT: &str = "merge-conflict";

/// Begins the attempt on completed work.
pub fn begin(ctx: &Context, id: &SpecId, target: &str, options: &Options) -> Result<Started> {
    let options =
        Options { prompt: options.prompt.clone().or(Some(PROMPT.to_owned())), target: Some(target.to_owned()), ..options.clone() };
    start::until_it_takes(ctx, id, || {
        let spec = ctx.store().require(id)?;
        if spec.event.status != Status::Completed {
            return Err(Failure::new(format!("{id} is {}", spec.event.status)).hint(format!("git chant show {id}")).into());
        }
        let mut plan = plan::plan_unchecked(ctx, spec, options.clone())?;
        plan.inputs.clear();
        plan.settles = true;
        start::go_on(ctx, plan)
    })
}

/// True where the last attempt was to settle conflicts, so that whoever goes on with it is held to that.
pub fn is_under_way(ctx: &Context, spec: &Spec) -> Result<bool> {
    let history = ctx.store().history(spec.tip)?;
    Ok(newest(&history, EventKind::Start).is_some_and(|start| start.event.extra(start::SETTLES).is_some()))
}

/// Merges the target into the work. Conflicts stay in the worktree, for the agent.
pub fn bring_in(plan: &Plan) -> Result<()> {
    let git = Git::at(&plan.worktree);
    if git.command(["rev-parse", "--verify", "--quiet", "MERGE_HEAD"]).succeeds()? {
        // The last attempt left it.
        return Ok(());
    }
    let message = format!("chant({}): bring in {}", plan.spec.id, plan.target);
    let output = git.command(["merge", "--quiet", "--no-ff", "--no-edit", "-m", &message, &plan.base.to_string()]).run_raw()?;
    let conflicts = git.command(["diff", "--name-only", "--diff-filter=U"]).line()?;
    if output.status.success() || !conflicts.is_empty() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{} could not be brought in: {}", plan.target, said.trim()))
        .hint(format!("git chant show {}", plan.spec.id))
        .into())
}

/// What was to be settled and is not: the target is not in the work, or markers are.
pub fn left_open(ctx: &Context, work: &Work, tip: Oid) -> Result<Option<String>> {
    let Some(target) = work.settled else { return Ok(None) };
    if !ctx.repo.is_ancestor(target, tip)? {
        return Ok(Some("the merge was not concluded: what was to be brought in is not in the work".to_owned()));
    }
    let (target, tip) = (target.to_string(), tip.to_string());
    let said = ctx.repo.git().command(["diff", "--check", &target, &tip]).run_raw()?.stdout;
    let said = String::from_utf8_lossy(&said);
    let mut marked: Vec<&str> = said.lines().filter_map(|line| line.strip_suffix(": leftover conflict marker")).collect();
    marked.truncate(5);
    Ok((!marked.is_empty()).then(|| format!("conflict markers are left in {}", marked.join(", "))))
}
