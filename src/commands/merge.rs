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

/// What became of one of the specs.
enum One {
    Tried(Merged),
    Elsewhere(Oid),
}

/// Says what became of one of the specs, and how to go on.
fn tell(ctx: &Context, spec: &Spec, target: &str, outcome: &One, settled: bool) {
    let (out, id) = (&ctx.out, &spec.id);
    let done = |what: &str| out.line(format!("{} {id} ({}){what}", out.paint(Colour::Green, "✓", 0), safe(&spec.event.title)));
    let not_done = |what: String| out.line(format!("{} {what}", out.paint(Colour::Red, "✗", 0)));
    match outcome {
        One::Tried(Merged::Done) => done(""),
        One::Tried(Merged::Already) => done(", merged already"),
        One::Tried(Merged::Refused(reasons)) => {
            not_done(format!("{id}: refused"));
            super::gate::print_reasons(ctx, reasons);
        }
        One::Tried(Merged::Conflict(files)) => {
            not_done(format!("{id}: conflicts with {target} in {}", safe(&files.join(", "))));
            if !settled {
                out.hint(format!("nothing was changed; let an agent settle it: git chant merge {id} --auto"));
                out.hint(format!("or bring {target} into it yourself: git switch {} && git merge {target}", id.branch()));
                out.hint(format!("and once that is resolved and committed, finish the work again: git chant finalize {id}"));
            }
        }
        One::Elsewhere(tip) => {
            not_done(absent::words(id, *tip));
            for hint in absent::hints(ctx, id) {
                out.hint(hint);
            }
        }
    }
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
        // One alone is refused by the merge itself.
        let elsewhere = if order.len() > 1 { elsewhere(ctx, &spec, target)? } else { None };
        let outcome = match elsewhere {
            Some(tip) => One::Elsewhere(tip),
            None => One::Tried(merge_one(ctx, id, target, auto)?),
        };
        merged += usize::from(matches!(outcome, One::Tried(Merged::Done)));
        failed += usize::from(!matches!(outcome, One::Tried(Merged::Done | Merged::Already)));
        tell(ctx, &spec, target, &outcome, auto.is_some());
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
