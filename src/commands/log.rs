use crate::agent::Liveness;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::safe;
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
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let (spec, _) = find::spec_or_archived(ctx, &args.id)?;
    if let Some(dir) = recover::run_of(ctx, &spec.id)? {
        let mut log = match File::open(dir.log_path()) {
            // Killed before its agent ran.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Outcome::Yes),
            log => log.with_context(|| format!("could not read the log of {}", dir.run_id()))?,
        };
        loop {
            // Asked before reading: what is printed between the two is read by the next turn.
            let alive = dir.liveness() != Liveness::Dead;
            let mut new = Vec::new();
            log.read_to_end(&mut new).context("could not read the log")?;
            ctx.out.raw(safe(&String::from_utf8_lossy(&new)).as_bytes());
            if !args.follow || !alive {
                return Ok(Outcome::Yes);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let run = verify::facts(ctx, &spec)?.start.map(|start| start.run);
    let transcript = run.as_deref().map(|run| ctx.store().transcript(&spec.id, run)).transpose()?.flatten();
    match transcript {
        Some(bytes) => {
            ctx.out.raw(safe(&String::from_utf8_lossy(&bytes)).as_bytes());
            tell_outside(ctx, &spec, run.as_deref().unwrap_or_default())?;
            Ok(Outcome::Yes)
        }
        None => {
            Err(Failure::new(format!("no run of {} is recorded in this clone", spec.id)).hint(format!("git chant work {}", spec.id)).into())
        }
    }
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
