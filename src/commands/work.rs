use crate::context::Context;
use crate::failure::Outcome;
use crate::output::{Colour, safe};
use crate::workflow::finish::Conclusion;
use crate::workflow::plan::{self, Options, Plan};
use crate::workflow::{find, start, work};
use anyhow::Result;
use std::time::Duration;

/// Arguments of `git chant work`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    #[command(flatten)]
    how: How,
    /// Merge the work into its target when it is done
    #[arg(long)]
    merge: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// How to run an agent.
#[derive(Debug, clap::Args)]
pub struct How {
    /// The agent: a name from git config (`chant.agent.NAME.command`), `script` or `manual`
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The prompt, in place of the spec's own
    #[arg(long, value_name = "NAME")]
    prompt: Option<String>,
    /// The model, handed to the agent as `CHANT_MODEL`
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// End the agent after this time (90s, 15m, 2h)
    #[arg(long, value_name = "DURATION", value_parser = plan::parse_duration)]
    timeout: Option<Duration>,
    /// The branch that the work is meant for
    #[arg(long, value_name = "BRANCH")]
    target: Option<String>,
    /// Start although dependencies are open or its attempts are used up
    #[arg(long)]
    force: bool,
    /// Run commands that came from another clone
    #[arg(long)]
    trust: bool,
}

impl How {
    /// The options of a run.
    pub fn options(self) -> Options {
        Options {
            agent: self.agent,
            prompt: self.prompt,
            model: self.model,
            timeout: self.timeout,
            target: self.target,
            force: self.force,
            trust: self.trust,
        }
    }
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let spec = find::spec(ctx, &args.id)?;
    let plan = plan::plan(ctx, spec, args.how.options())?;
    if args.dry_run {
        print_plan(ctx, &plan);
        return Ok(Outcome::Yes);
    }
    let (id, target) = (plan.spec.id.clone(), plan.target.clone());
    let started = start::begin(ctx, plan)?;
    announce(ctx, &started);
    let conclusion = work::run(ctx, started)?;
    let outcome = report(ctx, &id, &conclusion, args.merge);
    if outcome == Outcome::Yes && args.merge {
        return super::merge::merge_all(ctx, vec![ctx.store().require(&id)?], &target);
    }
    Ok(outcome)
}

/// Says that a run has begun.
pub fn announce(ctx: &Context, started: &start::Started) {
    ctx.out.line(format!("Working {}: {}", started.spec.id, safe(&started.spec.event.title)));
    for (input, _) in &started.plan.inputs {
        ctx.out.line(format!("> taking in the unmerged work of {input}"));
    }
    ctx.out.line(format!("> {} in {}", started.plan.agent.name(), started.plan.worktree.display()));
}

/// Says how a run ended, and what to do next.
pub fn report(ctx: &Context, id: &crate::spec::SpecId, conclusion: &Conclusion, merges_itself: bool) -> Outcome {
    let bad = |word: &str| ctx.out.paint(Colour::Red, word, 0);
    match conclusion {
        Conclusion::Finished(_) => {
            let next = if merges_itself { String::new() } else { format!("; merge it: git chant merge {id}") };
            ctx.out.line(format!("{} {id} completed{next}", ctx.out.paint(Colour::Green, "✓", 0)));
            return Outcome::Yes;
        }
        Conclusion::Failed(reason) => {
            ctx.out.line(format!("{} {id} failed: {}", bad("✗"), safe(reason)));
            ctx.out.hint(format!("its branch and worktree are kept; go on: git chant resume {id}; start over: git chant reset {id}"));
        }
        Conclusion::NeedsAttention(reason) => {
            ctx.out.line(format!("{} {id} needs attention: {}", bad("✗"), safe(reason)));
            ctx.out.hint(format!("accept the change: git chant edit {id}, then git chant approve {id}; start over: git chant reset {id}"));
        }
        Conclusion::Overtaken => {
            ctx.out.line(format!("{} {id} went on without this run; its work is kept, nothing was recorded", bad("✗")));
            ctx.out.hint(format!("git chant history {id}"));
        }
    }
    Outcome::No
}

fn print_plan(ctx: &Context, plan: &Plan) {
    let out = &ctx.out;
    out.line(format!("Would work {}: {}", plan.spec.id, safe(&plan.spec.document.title())));
    out.line(format!("agent:     {}", plan.agent.name()));
    out.line(format!("prompt:    {}", plan.prompt));
    out.line(format!("branch:    {} from {} ({})", plan.spec.id.branch(), plan.target, plan.base.short()));
    for (input, tip) in &plan.inputs {
        out.line(format!("takes in:  {input} ({})", tip.short()));
    }
    out.line(format!("worktree:  {}", plan.worktree.display()));
}
