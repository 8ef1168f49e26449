//! While a run is on, its claim is renewed: a sign of life for the others, who judge by their own clocks.

use super::{Offer, held, offer, record_taken, timeout};
use crate::context::Context;
use crate::git::Repository;
use crate::output::safe;
use crate::spec::{EventKind, SpecId};
use crate::store::{Change, Spec, newest};
use anyhow::Result;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Renews a claim from its making to its end.
pub struct Renewal {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Renewal {
    /// Begins to renew the claim that a run of this clone holds.
    pub fn begin(ctx: &Context, id: &SpecId, run: &str) -> Result<Self> {
        // Twice in its time, and once more for a remote that is not always there.
        let every = (timeout(ctx)? / 3).max(Duration::from_millis(200));
        let (stop, stopped) = channel();
        let (path, id, run) = (ctx.repo.common_dir().to_owned(), id.clone(), run.to_owned());
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                // What does not reach the remote now is tried again. A run that lost its claim goes on, for nobody but a person knows what
                // its work is worth; it is kept beside when the run ends.
                if let Ok(Sign::Lost) = renew(&path, &id, &run) {
                    break;
                }
            }
        });
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// What became of a sign of life.
enum Sign {
    Given,
    /// Somebody took the spec over.
    Lost,
}

fn renew(common_dir: &Path, id: &SpecId, run: &str) -> Result<Sign> {
    let ctx = Context::of(Repository::open(common_dir)?);
    let spec = ctx.store().require(id)?;
    let Some(claim) = held(&ctx, &spec)?.filter(|claim| claim.run == run) else { return whether_lost(&ctx, &spec, run) };
    let change = Change::new(EventKind::Claim).with("Run", run).with("Claim", &claim.remote);
    let next = ctx.store().prepare(&spec, &change)?;
    match offer(&ctx, &claim.remote, &next, &[])? {
        Offer::Taken => drop(record_taken(&ctx, &claim.remote, spec.tip, &next)?),
        Offer::Moved => return whether_lost(&ctx, &ctx.store().require(id)?, run),
        Offer::No(_) => {}
    }
    Ok(Sign::Given)
}

/// Says it where a later attempt is the current one.
fn whether_lost(ctx: &Context, spec: &Spec, run: &str) -> Result<Sign> {
    let history = ctx.store().history(spec.tip)?;
    let start = history.iter().find(|recorded| recorded.event.kind == EventKind::Start && recorded.event.extra("Run") == Some(run));
    if start.is_none_or(|start| start.event.attempt >= spec.event.attempt) {
        return Ok(Sign::Given);
    }
    let by = newest(&history, EventKind::Reset).map(|reset| format!(" by {}", safe(&reset.author.name)));
    ctx.out.warning(format!(
        "{} was taken over{}; what this run makes is kept on {}@{run} and does not count",
        spec.id,
        by.unwrap_or_default(),
        spec.id.branch()
    ));
    ctx.out.hint("stop the agent: Ctrl-C");
    Ok(Sign::Lost)
}
