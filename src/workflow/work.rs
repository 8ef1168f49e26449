//! One run of one spec, from the plan to its end.

use super::finish::{Conclusion, Work, conclude, give_up, run_record, tidy};
use super::outside::Difference;
use super::start::Started;
use crate::agent::process::{Ended, Task, run as run_process};
use crate::context::Context;
use crate::output::safe;
use crate::store::spec_path;
use anyhow::{Context as _, Result};
use std::ffi::OsString;
use std::time::Duration;

/// Runs the agent of a begun run and ends the run. Its directory goes once everything in it is on refs.
pub fn run(ctx: &Context, started: Started) -> Result<Conclusion> {
    let outside = super::outside::look(ctx, &started.plan.worktree);
    let failure = run_agent(ctx, &started)?;
    let outside = super::outside::compare(ctx, started.dir.run_id(), &started.plan.worktree, &outside);
    let transcript = std::fs::read(started.dir.log_path()).unwrap_or_default();
    let work = Work {
        id: started.spec.id.clone(),
        run: started.dir.run_id().to_owned(),
        attempt: started.spec.event.attempt,
        base: started.base,
        worktree: Some(started.plan.worktree.clone()),
        model: started.plan.options.model.clone(),
        transcript,
        outside: outside.iter().map(|difference| difference.what.clone()).collect(),
    };
    let conclusion = match conclude(ctx, &work, failure) {
        Ok(conclusion) => conclusion,
        Err(error) => give_up(ctx, &work, &error)?,
    };
    if conclusion == Conclusion::Overtaken {
        ctx.store().record_run(&run_record(ctx, &work, "overtaken by another attempt", None))?;
    }
    if let Conclusion::Finished(_) = conclusion {
        tidy(ctx, &started.plan.worktree)?;
    } else {
        ctx.repo.unlock_worktree(&started.plan.worktree)?;
    }
    started.dir.remove()?;
    super::files::follow(ctx, &work.id)?;
    tell(ctx, &outside);
    Ok(conclusion)
}

/// Says loudly what changed elsewhere: at the end, where it is read.
fn tell(ctx: &Context, outside: &[Difference]) {
    if outside.is_empty() {
        return;
    }
    ctx.out.warning("while the agent worked, something outside of its worktree changed. If it was not you, it was the agent:");
    for difference in outside {
        ctx.out.warning(format!("- {}", safe(&difference.what)));
        ctx.out.hint(safe(&difference.see));
    }
}

/// `None` when the agent exited 0, which says nothing about the work; else why that alone is a failure.
fn run_agent(ctx: &Context, started: &Started) -> Result<Option<String>> {
    let plan = &started.plan;
    let (program, args) = plan.agent.invocation(plan.spec.document.body())?;
    let task = Task {
        program,
        args,
        cwd: plan.worktree.clone(),
        env: environment(started),
        prompt_file: started.dir.prompt_path(),
        log: started.dir.open_log()?,
        group_file: Some(started.dir.group_path()),
        timeout: plan.options.timeout,
        grace: Duration::from_secs(5),
        interactive: plan.agent.is_interactive(),
    };
    let mut line = Vec::new();
    let ended = run_process(task, &mut |bytes| {
        line.extend_from_slice(bytes);
        if let Some(end) = line.iter().rposition(|&byte| byte == b'\n') {
            let whole: Vec<u8> = line.drain(..=end).collect();
            ctx.out.raw(safe(&String::from_utf8_lossy(&whole)).as_bytes());
        }
    });
    if !line.is_empty() {
        ctx.out.line(safe(&String::from_utf8_lossy(&line)));
    }
    Ok(match ended.with_context(|| format!("could not run the agent '{}'", plan.agent.name())) {
        Ok(Ended::Exited(0)) => None,
        Ok(Ended::Exited(code)) => Some(format!("the agent exited with {code}")),
        Ok(Ended::Signalled(signal)) => Some(format!("the agent was ended by signal {signal}")),
        Ok(Ended::TimedOut) => Some("the agent ran out of time".to_owned()),
        Ok(Ended::Interrupted) => Some("interrupted".to_owned()),
        Err(error) => Some(format!("{error:#}")),
    })
}

fn environment(started: &Started) -> Vec<(OsString, OsString)> {
    let plan = &started.plan;
    let id = &plan.spec.id;
    let mut list: Vec<(OsString, OsString)> = vec![
        ("CHANT_SPEC_ID".into(), id.as_str().into()),
        ("CHANT_SPEC_FILE".into(), plan.worktree.join(spec_path(id)).into()),
        ("CHANT_WORKTREE".into(), plan.worktree.clone().into()),
        ("CHANT_BRANCH".into(), id.branch().into()),
        ("CHANT_RUN_ID".into(), started.dir.run_id().into()),
        ("CHANT_PROMPT_FILE".into(), started.dir.prompt_path().into()),
        ("CHANT_ATTEMPT".into(), started.spec.event.attempt.to_string().into()),
    ];
    if let Some(model) = &plan.options.model {
        list.push(("CHANT_MODEL".into(), model.into()));
    }
    list
}
