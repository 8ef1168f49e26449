//! What an agent is to run and where: the same for a run and for a question.

use super::plan::Plan;
use crate::agent::group::RUN_ID;
use crate::agent::process::Task;
use crate::agent::{Place, RunDir};
use crate::context::Context;
use crate::git::Repository;
use crate::store::spec_path;
use anyhow::Result;
use std::ffi::OsString;
use std::path::PathBuf;

/// The task of a plan's agent, whose prompt is there; with variables of its own for it.
pub(super) fn task(ctx: &Context, plan: &Plan, dir: &RunDir, variables: Vec<(OsString, OsString)>) -> Result<Task> {
    let place = place(ctx, plan, dir)?;
    let invocation = plan.agent.invocation(plan.spec.document.body(), &place)?;
    dir.set_format(plan.agent.format())?;
    let mut env = variables;
    env.push((RUN_ID.into(), dir.run_id().into()));
    if !plan.agent.is_interactive() {
        env.extend(identity(ctx)?);
    }
    env.extend(invocation.env);
    let limits = plan.agent.limits();
    Ok(Task {
        program: invocation.program,
        args: invocation.args,
        cwd: plan.worktree.clone(),
        env,
        prompt_file: if invocation.prompt_on_stdin { place.prompt_file } else { PathBuf::from("/dev/null") },
        log: dir.open_log()?,
        group_file: Some(dir.group_path()),
        timeout: plan.options.timeout.or(limits.time),
        idle: limits.idle,
        max_output: limits.output,
        grace: limits.grace,
        interactive: plan.agent.is_interactive(),
    })
}

fn place(ctx: &Context, plan: &Plan, dir: &RunDir) -> Result<Place> {
    Ok(Place {
        prompt_file: dir.prompt_path(),
        worktree: plan.worktree.clone(),
        spec_id: plan.spec.id.to_string(),
        spec_file: plan.worktree.join(spec_path(&plan.spec.id)),
        model: plan.options.model.clone(),
        session: plan.options.session.clone(),
        git_common_dir: ctx.repo.common_dir().to_owned(),
        git_dir: Repository::open(&plan.worktree)?.git_dir().to_owned(),
        log_dir: dir.path().to_owned(),
        max_cost: plan.agent.limits().cost,
    })
}

/// Who a program is that nobody sits at.
fn identity(ctx: &Context) -> Result<Vec<(OsString, OsString)>> {
    // Some clients take the user's own git configuration away from the commands that they run, and nobody could commit there.
    let (author, committer) = (ctx.repo.author()?, ctx.repo.committer()?);
    Ok(vec![
        ("GIT_AUTHOR_NAME".into(), author.name.into()),
        ("GIT_AUTHOR_EMAIL".into(), author.email.into()),
        ("GIT_COMMITTER_NAME".into(), committer.name.into()),
        ("GIT_COMMITTER_EMAIL".into(), committer.email.into()),
        // Nobody is there to answer.
        ("GIT_TERMINAL_PROMPT".into(), "0".into()),
        ("GIT_EDITOR".into(), "true".into()),
    ])
}
