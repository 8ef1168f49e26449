//! While a run is on, its claim is renewed: a sign of life for the others, who judge by their own clocks.

use super::{Offer, held, offer, record_taken, timeout};
use crate::context::Context;
use crate::git::Repository;
use crate::spec::{EventKind, SpecId};
use crate::store::Change;
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
                // What does not reach the remote now is tried again; a claim that is lost is seen when the run ends.
                drop(renew(&path, &id, &run));
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

fn renew(common_dir: &Path, id: &SpecId, run: &str) -> Result<()> {
    let ctx = Context::of(Repository::open(common_dir)?);
    let spec = ctx.store().require(id)?;
    let Some(claim) = held(&ctx, &spec)?.filter(|claim| claim.run == run) else { return Ok(()) };
    let change = Change::new(EventKind::Claim).with("Run", run).with("Claim", &claim.remote);
    let next = ctx.store().prepare(&spec, &change)?;
    if let Offer::Taken = offer(&ctx, &claim.remote, &next, &[])? {
        record_taken(&ctx, &claim.remote, spec.tip, &next)?;
    }
    Ok(())
}
