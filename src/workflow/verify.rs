//! Running executable criteria at a commit, and recording what came of it.

mod place;

use super::finish::Work;
use super::{inside, judge};
use crate::context::Context;
use crate::failure::Failure;
use crate::git::Oid;
use crate::spec::{Criterion, EventKind, Facts, Ran, intent};
use crate::store::{Change, Spec, newest};
use anyhow::Result;
use place::Place;
use std::time::{Duration, Instant};

pub use place::{made, put_aside_of_killed};

/// What to think of passes that are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The same command is not run twice on the same code tree.
    Believed,
    /// Those from before the run that is ending: what is recorded while an agent works may be of its making, with programs of its own.
    BeforeRun,
    /// Everything is run here and now: whoever can write to the specs' refs can write a pass there.
    Ignored,
}

/// What became of one criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It exited 0, here and now.
    Pass,
    /// It passed before on the same code tree, so it was not run again.
    Reused,
    /// It did not; the reason is for people.
    Fail {
        /// Its exit code.
        exit: i32,
        /// Why, with the last lines that it printed.
        reason: String,
    },
    /// It has no command: only a person or the agent can say.
    Skip,
}

/// A criterion with its verdict.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its number, from 1.
    pub number: usize,
    /// The criterion.
    pub criterion: Criterion,
    /// What became of it.
    pub verdict: Verdict,
    /// How long it ran.
    pub took: Duration,
}

impl Check {
    /// The word that people and machines see: `PASS`, `FAIL` or `SKIP`.
    pub fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Pass | Verdict::Reused => "PASS",
            Verdict::Fail { .. } => "FAIL",
            Verdict::Skip => "SKIP",
        }
    }

    /// True where its command failed.
    pub fn failed(&self) -> bool {
        matches!(self.verdict, Verdict::Fail { .. })
    }
}

/// The facts of a spec's history, as the settings here have them.
pub fn facts(ctx: &Context, spec: &Spec) -> Result<Facts> {
    facts_by(ctx, spec, judge::settings(&ctx.repo, ctx.repo.head()?.commit)?.require_signed)
}

/// The facts of a spec's history; where signatures are asked for, what has none that git believes is nobody's word.
pub fn facts_by(ctx: &Context, spec: &Spec, require_signed: bool) -> Result<Facts> {
    let history = ctx.store().history(spec.tip)?;
    let events = history.iter().map(|recorded| &recorded.event);
    Ok(match require_signed {
        false => Facts::of(events),
        true => Facts::of_believed(events, |number| ctx.repo.has_good_signature(history[number].id).unwrap_or(false)),
    })
}

/// What was known when the newest run began.
fn facts_before_run(ctx: &Context, spec: &Spec) -> Result<Facts> {
    let history = ctx.store().history(spec.tip)?;
    match newest(&history, EventKind::Start) {
        Some(start) => facts(ctx, &ctx.store().load_at(&spec.id, start.id)?),
        None => Ok(Facts::default()),
    }
}

/// Refuses a spec whose commands this clone neither wrote nor approved.
pub fn require_trust(ctx: &Context, spec: &Spec, trusted_by_flag: bool) -> Result<()> {
    if trusted_by_flag || ctx.store().trusts(&intent::id(&spec.document)) {
        return Ok(());
    }
    let message = format!("{} holds commands that this clone neither wrote nor approved", spec.id);
    Err(Failure::new(message)
        .hint(format!("read it: git chant show {} --body", spec.id))
        .hint(format!("approve it: git chant approve {}", spec.id))
        .hint("or run it this once with: --trust")
        .into())
}

/// Runs every executable criterion of the spec on the code tree of `commit`, in a worktree of our own, and records the verdicts as an
/// event and as a note.
///
/// A pass on the same code tree and command is reused, unless recorded ones are ignored; a failure never is, nor a pass in the worktree of
/// a run. Nothing is recorded where nothing was run; nor inside a run, whose surroundings (its `PATH`) are the agent's.
pub fn verify(ctx: &Context, spec: &Spec, commit: Oid, recorded: Recorded) -> Result<Vec<Check>> {
    check(ctx, spec, commit, recorded, None)
}

/// The same at the end of a run, in its own worktree where `chant.verifyIn` says so.
pub fn verify_run(ctx: &Context, spec: &Spec, work: &Work, tip: Oid) -> Result<Vec<Check>> {
    check(ctx, spec, tip, Recorded::BeforeRun, place::of_run(ctx, spec, work, tip)?)
}

fn check(ctx: &Context, spec: &Spec, commit: Oid, recorded: Recorded, mut place: Option<Place>) -> Result<Vec<Check>> {
    let facts = match recorded {
        Recorded::BeforeRun => facts_before_run(ctx, spec)?,
        Recorded::Believed | Recorded::Ignored => facts(ctx, spec)?,
    };
    let tree = ctx.repo.code_tree(commit)?;
    let in_run = place.as_ref().is_some_and(Place::is_of_run);
    // Whoever checks by themselves wants more than a pass among what an agent left.
    let enough = if in_run { Ran::InRun } else { Ran::Alone };
    let passed = |command: &str| facts.passed(&tree.to_string(), &intent::command_digest(command)).is_some_and(|ran| ran >= enough);
    let mut ran_any = false;
    let checks: Result<Vec<Check>> = spec
        .document
        .criteria()
        .into_iter()
        .enumerate()
        .map(|(index, criterion)| {
            let began = Instant::now();
            let verdict = match &criterion.command {
                None => Verdict::Skip,
                Some(command) if recorded != Recorded::Ignored && passed(command) => Verdict::Reused,
                Some(command) => {
                    let place = match &mut place {
                        Some(place) => place,
                        None => place.insert(Place::prepare(ctx, commit)?),
                    };
                    ran_any = true;
                    place.run(ctx, spec, command)?
                }
            };
            Ok(Check { number: index + 1, criterion, verdict, took: began.elapsed() })
        })
        .collect();
    // Also where they were interrupted.
    let left = place.map_or(Ok(()), Place::leave);
    let checks = checks?;
    left?;
    if ran_any && (recorded == Recorded::BeforeRun || !inside::a_run(ctx)) {
        let mut change = Change::new(EventKind::Verify).with("Tip", commit).with("Code-Tree", tree);
        if recorded != Recorded::Believed {
            change = change.with("Fresh", true);
        }
        if in_run {
            change = change.with("Where", "run").text("Checked in the agent's worktree.\n");
        }
        record(ctx, spec, change, &checks)?;
        let failed = checks.iter().filter(|check| check.failed()).count();
        let result = if failed == 0 {
            "verified".to_owned()
        } else {
            format!("{failed} {} failed", if failed == 1 { "criterion" } else { "criteria" })
        };
        let place = if in_run { " in the agent's worktree," } else { "" };
        ctx.store().note(commit, &format!("{}: {result}{place} on code tree {}", spec.id, tree.short()))?;
    }
    Ok(checks)
}

fn record(ctx: &Context, spec: &Spec, mut change: Change, checks: &[Check]) -> Result<()> {
    for check in checks {
        let Some(command) = &check.criterion.command else { continue };
        let (word, exit) = match &check.verdict {
            Verdict::Pass | Verdict::Reused => ("pass", 0),
            Verdict::Fail { exit, .. } => ("fail", *exit),
            Verdict::Skip => continue,
        };
        change.text.push_str(&format!("{} {}. {}\n", check.word(), check.number, check.criterion.text));
        let digest = intent::command_digest(command);
        change = change.with("Verdict", format!("{word} {digest} exit={exit} ms={}", check.took.as_millis()));
    }
    let recorded = ctx.store().amend(&spec.id, |_| Ok(Some(change.clone())))?;
    let unsigned = |spec: &Spec| ctx.repo.has_good_signature(spec.tip).map(|good| !good);
    if ctx.store().requires_signed()? && recorded.as_ref().map(unsigned).transpose()?.unwrap_or(false) {
        ctx.out.warning("git does not trust the signature on these verdicts, so chant.requireSigned ignores their passes");
        ctx.out.hint("git config user.signingKey KEY");
    }
    Ok(())
}
