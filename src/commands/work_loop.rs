//! `git chant work --next --loop`: one ready spec after the other, until somebody ends us.

use super::work::{Tell, run_and_merge};
use crate::context::Context;
use crate::failure::Outcome;
use crate::output::safe;
use crate::workflow::next::PassedOver;
use crate::workflow::plan::Options;
use crate::workflow::{next, pickup, sync};
use anyhow::Result;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The shortest and the longest time between two looks at a remote that has nothing for us.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A spec that fails is not ready any more, and one that cannot be started is passed over: none is tried twice in a row.
pub fn run(options: &Options, tell: Tell) -> Result<Outcome> {
    let (mut passed_over, mut pause, mut waiting) = (PassedOver::new(), PAUSES.0, false);
    loop {
        // Files, settings and refs as they are now: this may run for days.
        let ctx = Context::discover()?;
        sync::fold_seen(&ctx)?;
        pickup::pick_up(&ctx)?;
        match next::begin_next(&ctx, options, &mut passed_over) {
            Ok(Some(started)) => {
                let ended = run_and_merge(&ctx, started, tell)?;
                if ended.interrupted {
                    return Ok(ended.outcome);
                }
                (pause, waiting) = (PAUSES.0, false);
                continue;
            }
            Ok(None) if !waiting => {
                ctx.out.note("No spec is ready; waiting for one. Ctrl-C ends this.");
                waiting = true;
            }
            Ok(None) => {}
            Err(error) => ctx.out.warning(safe(&format!("{error:#}; trying again in {} s", pause.as_secs()))),
        }
        if wait(&ctx, pause)? {
            pause = PAUSES.0;
        } else {
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}

/// Waits, and no longer than until a spec moves here: true where one did. A remote is asked by the caller, ever less often.
fn wait(ctx: &Context, pause: Duration) -> Result<bool> {
    let before = ctx.store().state()?;
    let until = Instant::now() + pause;
    while Instant::now() < until {
        sleep(PAUSES.0.min(until.saturating_duration_since(Instant::now())));
        if ctx.store().state()? != before {
            return Ok(true);
        }
    }
    Ok(false)
}
