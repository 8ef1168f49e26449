use super::many::{self, Several};
use crate::agent::Agent;
use crate::agent::transcript::Facts;
use crate::context::Context;
use crate::failure::Outcome;
use crate::output::{Colour, Output, safe};
use crate::spec::SpecId;
use crate::workflow::finish::{Conclusion, advice};
use crate::workflow::graceful::Graceful;
use crate::workflow::live::{Bar, Events, Lines, facts_json};
use crate::workflow::merge::{self, Merged};
use crate::workflow::plan::{self, Options, Plan};
use crate::workflow::watch::INTERRUPTED;
use crate::workflow::{claim, find, members, next, start, work};
use anyhow::Result;
use serde_json::json;
use std::time::Duration;

/// Arguments of `git chant work`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The specs: ids, or parts of them that only one has
    #[arg(value_name = "ID", required_unless_present_any = ["next", "all", "label", "parallel", "chain"], conflicts_with = "next")]
    ids: Vec<String>,
    /// Work the first ready spec: the largest `priority:` in the front matter (none is 0), then the oldest
    #[arg(long, conflicts_with_all = ["all", "label", "parallel", "chain", "max"])]
    next: bool,
    /// Go on with the next one, and wait for more, until Ctrl-C
    #[arg(long = "loop", requires = "next", conflicts_with = "dry_run")]
    keep_going: bool,
    #[command(flatten)]
    several: Several,
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
    /// The agent: one that `git chant agents` lists, `script` or `manual`
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The prompt, in place of the spec's own
    #[arg(long, value_name = "NAME")]
    prompt: Option<String>,
    /// The model that the agent is to use
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
    /// Let no other clone start it: the remote takes the start before the agent runs (default: `chant.claim`)
    #[arg(long, value_name = "REMOTE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    claim: Option<String>,
    /// Ask no remote, whatever `chant.claim` says
    #[arg(long, conflicts_with = "claim")]
    no_claim: bool,
    /// Print what happens as JSON, one event a line
    #[arg(long)]
    pub json: bool,
}

impl How {
    /// The options of a run.
    pub fn options(self, ctx: &Context) -> Result<Options> {
        let claim = if self.no_claim { None } else { claim::remote(ctx, self.claim.as_deref())? };
        Ok(Options {
            claim,
            agent: self.agent,
            prompt: self.prompt,
            model: self.model,
            session: None,
            timeout: self.timeout,
            target: self.target,
            force: self.force,
            trust: self.trust,
        })
    }
}

pub fn run(ctx: &Context, mut args: Args) -> Result<Outcome> {
    let tell = Tell { json: args.how.json, merges: args.merge };
    let options = args.how.options(ctx)?;
    if args.keep_going {
        return super::work_loop::run(&options, tell);
    }
    args.several.take_id(&mut args.ids);
    if !args.next && (args.several.is_asked() || args.ids.len() > 1 || is_driver(ctx, &args.ids)?) {
        let request = args.several.request(ctx, &args.ids, options, tell.merges)?;
        return if args.dry_run { many::dry_run(ctx, &request) } else { many::run(ctx, &request, tell.json) };
    }
    let id = match args.ids.first() {
        Some(id) => Some(find::spec(ctx, id)?.id),
        None if args.dry_run => next::ready(ctx)?.into_iter().next(),
        None => None,
    };
    let started = match &id {
        Some(id) if args.dry_run => {
            print_plan(ctx, &plan::plan(ctx, ctx.store().require(id)?, options)?);
            return Ok(Outcome::Yes);
        }
        Some(id) => Some(next::begin(ctx, id, &options)?),
        None if args.dry_run => None,
        None => next::begin_next(ctx, &options, &mut next::PassedOver::new())?,
    };
    let Some(started) = started else {
        let none = "No spec is ready.";
        if tell.json {
            ctx.out.note(none);
        } else {
            ctx.out.line(none);
        }
        ctx.out.hint("git chant list");
        return Ok(Outcome::No);
    };
    run_and_merge(ctx, started, tell).map(|ended| ended.outcome)
}

/// True where the one spec that is named has members to work first.
fn is_driver(ctx: &Context, ids: &[String]) -> Result<bool> {
    let id = ids.first().map(|query| find::spec(ctx, query)).transpose()?.map(|spec| spec.id);
    Ok(id.map_or(Ok(Vec::new()), |id| members::expand(ctx, &[id]))?.len() > 1)
}

/// How a run is told, and whether its work is merged.
#[derive(Clone, Copy, Debug)]
pub struct Tell {
    /// As JSON, one event a line.
    pub json: bool,
    /// Finished work is merged at once.
    pub merges: bool,
}

/// What came of a run.
pub struct Ended {
    /// The answer.
    pub outcome: Outcome,
    /// Somebody asked us to end.
    pub interrupted: bool,
}

/// Sees a begun run to its end, and merges its work where that was asked for.
pub fn run_and_merge(ctx: &Context, started: start::Started, tell: Tell) -> Result<Ended> {
    let (id, target) = (started.spec.id.clone(), started.plan.target.clone());
    let graceful = Graceful::begin(ctx)?;
    let mut ended = run_one(ctx, started, tell)?;
    if ended.outcome == Outcome::Yes && tell.merges {
        ended.outcome = match tell.json {
            true => merge_for_machines(ctx, &id, &target),
            false => super::merge::merge_all(ctx, vec![ctx.store().require(&id)?], &target)?,
        };
    }
    ended.interrupted |= graceful.end();
    Ok(ended)
}

fn merge_for_machines(ctx: &Context, id: &SpecId, target: &str) -> Outcome {
    let merged = merge::until_it_takes(ctx, id, target);
    ctx.out.json_line(&many::merge_event(id, &merged));
    if matches!(merged, Ok(Merged::Done | Merged::Already)) { Outcome::Yes } else { Outcome::No }
}

/// Runs what has begun, and tells it as it was asked for.
pub fn run_one(ctx: &Context, started: start::Started, tell: Tell) -> Result<Ended> {
    let (id, run) = (started.spec.id.clone(), started.dir.run_id().to_owned());
    let went_on = started.plan.options.session.is_some();
    let interrupted = |report: &work::Report| matches!(&report.conclusion, Conclusion::Failed(why) if why == INTERRUPTED);
    if tell.json {
        ctx.out.json_line(&started_json(&started));
        let report = work::run(ctx, started, &mut Events::new(ctx.out, &id, &run))?;
        ctx.out.json_line(&ended(&report));
        let outcome = if matches!(report.conclusion, Conclusion::Finished(_)) { Outcome::Yes } else { Outcome::No };
        return Ok(Ended { outcome, interrupted: interrupted(&report) });
    }
    announce(ctx.out, &started, "");
    let report = if ctx.out.moves() && !started.plan.agent.is_interactive() {
        work::run(ctx, started, &mut Bar::new(ctx.out, &id))?
    } else {
        work::run(ctx, started, &mut Lines::new(ctx.out, ""))?
    };
    tell_used(ctx.out, &report, "");
    let outcome = self::report(ctx.out, &id, &report.conclusion, "", tell.merges);
    if went_on && matches!(report.conclusion, Conclusion::Failed(_)) && report.facts.tokens.is_none() {
        // Clients forget sessions: after an update, or when they clear their own files.
        ctx.out.hint(format!("if the client has forgotten its last session: git chant resume {id} --new-session"));
    }
    Ok(Ended { outcome, interrupted: interrupted(&report) })
}

/// Says what a run used, as far as the agent told.
pub fn tell_used(out: Output, report: &work::Report, prefix: &str) {
    if let Some(words) = used(&report.facts) {
        out.line(format!("{prefix}{words}"));
    }
}

/// `> claude-opus-5-5, 12.6k in, 950 out, $0.2500`.
pub fn used(facts: &Facts) -> Option<String> {
    let model = facts.model.as_deref().map(|model| format!("{}, ", safe(model))).unwrap_or_default();
    let cost = facts.cost.map(|cost| format!(", ${cost:.4}")).unwrap_or_default();
    facts.tokens.map(|tokens| format!("> {model}{tokens}{cost}"))
}

/// The start of a run, for machines.
pub fn started_json(started: &start::Started) -> serde_json::Value {
    let (id, run, agent) = (started.spec.id.as_str(), started.dir.run_id(), started.plan.agent.name());
    json!({ "event": "start", "id": id, "run": run, "agent": agent, "worktree": started.plan.worktree })
}

/// The end of a run, for machines.
pub fn ended(report: &work::Report) -> serde_json::Value {
    let (outcome, reason, tip) = match &report.conclusion {
        Conclusion::Finished(tip) => ("completed", None, Some(tip.to_string())),
        Conclusion::Paused(reason) => ("paused", Some(reason), None),
        Conclusion::Failed(reason) => ("failed", Some(reason), None),
        Conclusion::NeedsAttention(reason) => ("needs_attention", Some(reason), None),
        Conclusion::Overtaken => ("overtaken", None, None),
    };
    json!({
        "event": "end",
        "id": report.id.as_str(),
        "run": report.run,
        "outcome": outcome,
        "reason": reason,
        "tip": tip,
        "seconds": report.took.as_secs(),
        "outside": report.outside.iter().map(|difference| difference.what.as_str()).collect::<Vec<_>>(),
        "facts": facts_json(&report.facts),
    })
}

/// Says that a run has begun.
pub fn announce(out: Output, started: &start::Started, prefix: &str) {
    out.line(format!("{prefix}Working {}: {}", started.spec.id, safe(&started.spec.event.title)));
    for (input, _) in &started.plan.inputs {
        out.line(format!("{prefix}> taking in the unmerged work of {input}"));
    }
    if started.plan.agent == Agent::Members {
        return out.line(format!("{prefix}> its members are done; commands decide the rest"));
    }
    out.line(format!("{prefix}> {} in {}", started.plan.agent.name(), started.plan.worktree.display()));
    if let Agent::Client(client) = &started.plan.agent
        && client.found
    {
        out.hint(format!(
            "no agent is configured, so '{}', which is installed, is used; choose with: git config chant.agent NAME",
            client.name
        ));
    }
}

/// Says how a run ended, and what to do next.
pub fn report(out: Output, id: &SpecId, conclusion: &Conclusion, prefix: &str, merges_itself: bool) -> Outcome {
    let bad = |word: &str| out.paint(Colour::Red, word, 0);
    match conclusion {
        Conclusion::Finished(_) => {
            let next = if merges_itself { String::new() } else { format!("; merge it: git chant merge {id}") };
            out.line(format!("{prefix}{} {id} completed{next}", out.paint(Colour::Green, "✓", 0)));
            return Outcome::Yes;
        }
        Conclusion::Paused(reason) => {
            out.line(format!("{prefix}{} {id} paused: {}", bad("✗"), safe(reason)));
            out.hint(format!("its branch and worktree are kept; go on: git chant resume {id}; start over: git chant reset {id}"));
        }
        Conclusion::Failed(reason) => {
            out.line(format!("{prefix}{} {id} failed: {}", bad("✗"), safe(reason)));
            for line in advice(id, reason) {
                out.hint(line);
            }
            out.hint(format!("its branch and worktree are kept; go on: git chant resume {id}; start over: git chant reset {id}"));
        }
        Conclusion::NeedsAttention(reason) => {
            out.line(format!("{prefix}{} {id} needs attention: {}", bad("✗"), safe(reason)));
            for hint in plan::after_other_intent(id) {
                out.hint(hint);
            }
        }
        Conclusion::Overtaken => {
            out.line(format!("{prefix}{} {id} went on without this run; its work is kept, nothing was recorded", bad("✗")));
            out.hint(format!("git chant history {id}"));
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
