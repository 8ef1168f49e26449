use crate::agent::transcript::{Format, Item, Reader};
use crate::agent::{Liveness, RunDir};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::safe;
use crate::spec::runs::{Run, Used};
use crate::spec::{EventKind, SpecId};
use crate::store::Spec;
use crate::workflow::{find, recover, verify};
use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::Read as _;
use std::time::Duration;

/// Arguments of `git chant log`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// Go on printing until the run ends
    #[arg(long, short = 'f')]
    follow: bool,
    /// Which run, counted from 1; the last one unless given
    #[arg(long, value_name = "N")]
    run: Option<usize>,
    /// Print the agent's output byte for byte
    #[arg(long)]
    raw: bool,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let (spec, _) = find::spec_or_archived(ctx, &args.id)?;
    let runs = verify::facts(ctx, &spec)?.runs;
    let number = args.run.unwrap_or(runs.len());
    let chosen = number.checked_sub(1).and_then(|index| runs.get(index));
    if args.run.is_some() && chosen.is_none() {
        let failure = Failure::new(format!("{} has {}, and no run {number}", spec.id, counted(runs.len())));
        return Err(failure.hint(format!("git chant log {}", spec.id)).into());
    }
    // A run under way is newer than every event but its start.
    let live = recover::run_of(ctx, &spec.id)?.filter(|dir| args.run.is_none() || chosen.is_some_and(|run| run.id == dir.run_id()));
    let asked = || recover::question_of(ctx, &spec.id).map(|dir| dir.filter(|_| args.run.is_none()));
    if let Some(dir) = live.map_or_else(asked, |dir| Ok(Some(dir)))? {
        if !follow(ctx, &dir, &args)? && args.follow {
            // It was over between two looks, and what it said is on its ref.
            told(ctx, &spec.id, dir.run_id(), args.raw)?;
        }
        return Ok(Outcome::Yes);
    }
    let Some(chosen) = chosen else { return Err(no_run(&spec.id, runs.len())) };
    if !told(ctx, &spec.id, &chosen.id, args.raw)? {
        return Err(no_run(&spec.id, runs.len()));
    }
    if !args.raw {
        summary(ctx, &runs, chosen, number);
        tell_outside(ctx, &spec, &chosen.id)?;
    }
    Ok(Outcome::Yes)
}

/// Prints what is recorded of a run's words; false where none are.
fn told(ctx: &Context, id: &SpecId, run: &str, raw: bool) -> Result<bool> {
    let Some(bytes) = ctx.store().transcript(id, run)? else { return Ok(false) };
    if raw {
        ctx.out.raw(&bytes);
    } else {
        let format = Format::of(&ctx.store().transcript_format(id, run)?).unwrap_or(Format::Text);
        print(ctx, &Reader::all(format, &bytes).0);
    }
    Ok(true)
}

/// What the run's end says about the world outside of its worktree; the transcript is no place for it.
fn tell_outside(ctx: &Context, spec: &Spec, run: &str) -> Result<()> {
    let history = ctx.store().history(spec.tip)?;
    for recorded in history.iter().filter(|recorded| recorded.event.extra("Run") == Some(run)) {
        for line in recorded.event.extras("Outside") {
            ctx.out.warning(format!("outside of its worktree, while it was on: {}", safe(line)));
        }
    }
    Ok(())
}

fn no_run(id: &SpecId, runs: usize) -> anyhow::Error {
    Failure::new(format!("no run of {id} is recorded in this clone"))
        .hint(match runs {
            0 => format!("git chant work {id}"),
            _ => "transcripts stay where the run was; there: git chant push --runs".to_owned(),
        })
        .into()
}

fn print(ctx: &Context, items: &[Item]) {
    for item in items {
        ctx.out.line(safe(&item.rendered()));
    }
}

/// Prints the log of a run that has no end yet, and goes on until it has if asked to; false where it never had a log to see.
fn follow(ctx: &Context, dir: &RunDir, args: &Args) -> Result<bool> {
    let (mut log, mut reader) = (None, Reader::new(Format::Text));
    loop {
        // Asked before reading: what is printed between the two is read by the next turn.
        let goes_on = args.follow && dir.liveness() != Liveness::Dead;
        if log.is_none() {
            log = open(dir)?;
            reader = Reader::new(dir.format());
        }
        let mut new = Vec::new();
        if let Some(log) = &mut log {
            log.read_to_end(&mut new).context("could not read the log")?;
        }
        if args.raw {
            ctx.out.raw(&new);
        } else {
            print(ctx, &reader.feed(&new));
        }
        if !goes_on {
            if !args.raw {
                print(ctx, &reader.end());
            }
            return Ok(log.is_some());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The log of a run; none where its agent has not begun yet, or was never started.
fn open(dir: &RunDir) -> Result<Option<File>> {
    match File::open(dir.log_path()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        log => log.map(Some).with_context(|| format!("could not read the log of {}", dir.run_id())),
    }
}

/// How the run ended and what it used; and all runs together, where there are several. Beside the transcript, so on standard error.
fn summary(ctx: &Context, runs: &[Run], chosen: &Run, number: usize) {
    let ended = match chosen.ended {
        Some(EventKind::Finish) => "completed".to_owned(),
        Some(EventKind::Attention) => "needs attention".to_owned(),
        Some(EventKind::Pause) => format!("paused: {}", safe(&chosen.reason)),
        Some(_) => format!("failed: {}", safe(&chosen.reason)),
        None => "it has no recorded end".to_owned(),
    };
    let mut words = vec![format!("Run {number} of {}: {}", runs.len(), safe(&chosen.agent)), ended];
    words.extend(chosen.model.as_deref().map(safe));
    words.extend(used(chosen.used));
    ctx.out.note(words.join(", "));
    let sum = runs.iter().fold(Used::default(), |sum, run| sum.plus(run.used));
    if let Some(words) = used(sum).filter(|_| runs.len() > 1) {
        ctx.out.note(format!("All runs: {words}"));
    }
}

/// `1 run`, `2 runs`.
pub fn counted(runs: usize) -> String {
    if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") }
}

/// `51549 tokens in, 81 out, $0.2078`.
pub fn used(used: Used) -> Option<String> {
    if used.is_unknown() {
        return None;
    }
    let cost = used.cost().map(|cost| format!(", ${cost}")).unwrap_or_default();
    Some(format!("{} tokens in, {} out{cost}", used.input, used.output))
}
