use super::work::{Tell, run_one};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::git::Oid;
use crate::output::{Colour, safe};
use crate::spec::{SpecId, Status};
use crate::store::Spec;
use crate::workflow::closed;
use crate::workflow::graceful::Graceful;
use crate::workflow::merge::{self as workflow, Merged, until_it_takes};
use crate::workflow::plan::Options;
use crate::workflow::{absent, find, inside, plan, settle, verify};
use anyhow::Result;

/// Arguments of `git chant merge`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The specs
    #[arg(value_name = "ID", required_unless_present_any = ["all", "mark"])]
    ids: Vec<String>,
    /// Every completed spec whose work is not merged yet
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Declare that a commit of the target holds the spec's work, where git cannot see that
    #[arg(long, num_args = 2, value_names = ["ID", "COMMIT"], conflicts_with_all = ["ids", "all"])]
    mark: Vec<String>,
    /// The branch to merge into; else the one checked out
    #[arg(long, value_name = "BRANCH")]
    target: Option<String>,
    /// Let an agent settle conflicts: the target is brought into the work in its own worktree, and everything is checked again
    #[arg(long, conflicts_with = "mark")]
    auto: bool,
    /// The agent for `--auto`
    #[arg(long, value_name = "NAME", requires = "auto")]
    agent: Option<String>,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let auto = args.auto.then(|| Options { agent: args.agent.clone(), ..Options::default() });
    let target = match args.target {
        Some(target) => target,
        None => plan::target(ctx)?,
    };
    if let [id, commit] = &args.mark[..] {
        return mark(ctx, id, commit, &target);
    }
    let specs =
        if args.all { unmerged(ctx, &target)? } else { args.ids.iter().map(|query| find::spec(ctx, query)).collect::<Result<_>>()? };
    if specs.is_empty() {
        ctx.out.line("Nothing to merge.");
        return Ok(Outcome::Yes);
    }
    merge_with(ctx, specs, &target, auto.as_ref())
}

fn mark(ctx: &Context, id: &str, commit: &str, target: &str) -> Result<Outcome> {
    if inside::a_run(ctx) {
        return Err(Failure::new("a run cannot declare its work merged").hint("a person does, in a terminal outside of the run").into());
    }
    let spec = find::spec(ctx, id)?;
    let unknown = |_| Failure::new(format!("'{}' names no commit", safe(commit))).hint("git log --oneline");
    let commit = ctx.repo.resolve_commit(commit).map_err(unknown)?;
    workflow::mark(ctx, &spec, target, commit)?;
    ctx.out.line(format!("Marked: {} is merged into {} as {}", spec.id, safe(target), commit.short()));
    Ok(Outcome::Yes)
}

/// The completed specs whose work tip the target does not have.
fn unmerged(ctx: &Context, target: &str) -> Result<Vec<Spec>> {
    let tip = ctx.repo.reference(&format!("refs/heads/{target}"))?;
    let mut list = Vec::new();
    for listed in ctx.store().list()?.0.iter().filter(|spec| spec.event.status == Status::Completed) {
        let spec = ctx.store().load_at(&listed.id, listed.tip)?;
        let facts = verify::facts(ctx, &spec)?;
        let work = facts.finish.as_ref().and_then(|finish| Oid::from_hex(&finish.tip));
        let (Some(work), Some(tip)) = (work, tip) else { continue };
        if !workflow::holds(ctx, work, &facts.marked, tip)? {
            list.push(spec);
        }
    }
    Ok(list)
}

/// Merges specs in dependency order. One that cannot be merged does not stop the others.
pub fn merge_all(ctx: &Context, specs: Vec<Spec>, target: &str) -> Result<Outcome> {
    merge_with(ctx, specs, target, None)
}

/// Merges a spec; where it conflicts, once more after an agent has settled that.
fn merge_one(ctx: &Context, id: &SpecId, target: &str, auto: Option<&Options>) -> Result<Merged> {
    let merged = until_it_takes(ctx, id, target)?;
    let (Merged::Conflict(files), Some(options)) = (&merged, auto) else { return Ok(merged) };
    ctx.out.line(format!("> {id} conflicts with {target} in {}", safe(&files.join(", "))));
    let started = settle::begin(ctx, id, target, options)?;
    match run_one(ctx, started, Tell { json: false, merges: true })?.outcome {
        Outcome::Yes => until_it_takes(ctx, id, target),
        Outcome::No => Ok(merged),
    }
}

/// The tip of finished work that is in another clone only.
fn elsewhere(ctx: &Context, spec: &Spec, target: &str) -> Result<Option<Oid>> {
    let current = ctx.repo.reference(&format!("refs/heads/{target}"))?;
    absent::tip(ctx, spec, &verify::facts(ctx, spec)?, current)
}

fn merge_with(ctx: &Context, specs: Vec<Spec>, target: &str, auto: Option<&Options>) -> Result<Outcome> {
    let ids: Vec<_> = specs.iter().map(|spec| spec.id.clone()).collect();
    let graph = find::graph(ctx, &ctx.store().list()?.0)?;
    let order = graph.order(&ids).map_err(|cycle| Failure::new(cycle.to_string()).hint("git chant edit ID --no-depends-on OTHER"))?;
    let plural = if order.len() == 1 { "spec" } else { "specs" };
    let is_here = ctx.repo.current_branch()?.is_some_and(|branch| branch == target);
    let into = if is_here { String::new() } else { format!(" into {target}") };
    ctx.out.line(format!("Merging {} {plural}{into}...", order.len()));
    let (mut failed, mut merged) = (0, 0);
    // Only agents are ended; git's own merge outlives us.
    let graceful = auto.map(|_| Graceful::begin(ctx)).transpose()?;
    for (done, id) in order.iter().enumerate() {
        if graceful.as_ref().is_some_and(Graceful::asked) {
            failed += order.len() - done;
            break;
        }
        let spec = ctx.store().require(id)?;
        let done = |what: &str| ctx.out.line(format!("{} {id} ({}){what}", ctx.out.paint(Colour::Green, "✓", 0), safe(&spec.event.title)));
        if let Some(tip) = elsewhere(ctx, &spec, target)?.filter(|_| order.len() > 1) {
            failed += 1;
            ctx.out.line(format!("{} {}", ctx.out.paint(Colour::Red, "✗", 0), absent::words(id, tip)));
            for hint in absent::hints(ctx, id) {
                ctx.out.hint(hint);
            }
            continue;
        }
        match merge_one(ctx, id, target, auto)? {
            Merged::Done => {
                merged += 1;
                done("");
            }
            Merged::Already => done(", merged already"),
            Merged::Refused(reasons) => {
                failed += 1;
                ctx.out.line(format!("{} {id}: refused", ctx.out.paint(Colour::Red, "✗", 0)));
                super::gate::print_reasons(ctx, &reasons);
            }
            Merged::Conflict(files) => {
                failed += 1;
                ctx.out.line(format!(
                    "{} {id}: conflicts with {target} in {}",
                    ctx.out.paint(Colour::Red, "✗", 0),
                    safe(&files.join(", "))
                ));
                if auto.is_none() {
                    ctx.out.hint(format!("nothing was changed; let an agent settle it: git chant merge {id} --auto"));
                    ctx.out.hint(format!("or bring {target} into it yourself: git switch {} && git merge {target}", id.branch()));
                    ctx.out.hint(format!("and once that is resolved and committed, finish the work again: git chant finalize {id}"));
                }
            }
        }
    }
    for spec in closed::fold_old(ctx)? {
        ctx.out.line(format!("Archived: {} ({})", spec.id, safe(&spec.event.title)));
    }
    if failed == 0 {
        ctx.out.line(match (merged, order.len()) {
            (0, _) => "Nothing to merge.",
            (_, 1) => "Merged.",
            _ => "All specs merged.",
        });
        return Ok(Outcome::Yes);
    }
    ctx.out.line(format!("{failed} of {} not merged.", order.len()));
    Ok(Outcome::No)
}
