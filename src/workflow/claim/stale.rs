//! Whether the holder of a claim is alive, judged by this machine's clock alone: since when have we seen no new sign of it?

use super::{Claim, held_elsewhere, of};
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::settings;
use crate::spec::{SpecId, Status};
use crate::store::Spec;
use crate::store::transport::transport;
use crate::workflow::fold::{self, Move};
use anyhow::Result;
use std::path::PathBuf;
use std::time::Duration;

/// How long a claim has stood still before our eyes, and how long it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// Since we first saw its newest sign of life.
    pub unmoved: Duration,
    /// `chant.claimTimeout`.
    pub timeout: Duration,
}

impl Age {
    /// True where the holder is taken for dead.
    pub fn is_stale(self) -> bool {
        self.unmoved >= self.timeout
    }

    /// What is left until then.
    pub fn left(self) -> Duration {
        self.timeout.saturating_sub(self.unmoved)
    }
}

/// `chant.claimTimeout`.
pub fn timeout(ctx: &Context) -> Result<Duration> {
    settings::time(&ctx.repo, "chant.claimTimeout")
}

/// How long a claim has stood still. The first look begins the count.
pub fn age(ctx: &Context, id: &SpecId, claim: &Claim) -> Result<Age> {
    let (path, sign, now) = (file(ctx, id), claim.sign.to_string(), context::now_seconds());
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let known = text.trim().split_once(' ').filter(|(seen, _)| *seen == sign).and_then(|(_, since)| since.parse::<u64>().ok());
    // A clock that went back has seen nothing yet.
    let since = match known.filter(|since| *since <= now) {
        Some(since) => since,
        None => {
            crate::workflow::files::replace(&path, format!("{sign} {now}\n").as_bytes())?;
            now
        }
    };
    Ok(Age { unmoved: Duration::from_secs(now - since), timeout: timeout(ctx)? })
}

/// Asks the remote once more, and refuses where a claim is not stale. The version that was judged: one with a newer sign of life is another.
pub fn may_take_over(ctx: &Context, remote: &str, id: &SpecId) -> Result<Spec> {
    transport(&ctx.repo, remote, &[])?.fetch()?;
    fold::fold(&ctx.store(), remote)?;
    let spec = ctx.store().require(id)?;
    let Some(claim) = held_elsewhere(ctx, &spec)? else {
        return Err(Failure::new(format!("no other clone has a claim on {id}")).hint(format!("git chant show {id}")).into());
    };
    let age = age(ctx, id, &claim)?;
    if age.is_stale() {
        return Ok(spec);
    }
    Err(Failure::new(format!(
        "{id} is claimed by {claim}, and this clone has seen no sign of life for {} only; that is stale after {} (chant.claimTimeout)",
        words(age.unmoved),
        words(age.timeout)
    ))
    .hint(format!("in {}: git chant reset --stale {id}", words(whole_minutes(age.left()))))
    .into())
}

/// Up to the next minute: whoever comes then must not be sent away again.
fn whole_minutes(time: Duration) -> Duration {
    if time.as_secs() < 60 { time } else { Duration::from_secs(time.as_secs().div_ceil(60) * 60) }
}

/// `90s`, `15m`, `2h 5m`.
fn words(time: Duration) -> String {
    match (time.as_secs() / 3600, time.as_secs() / 60 % 60, time.as_secs()) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, _) => format!("{minutes}m"),
        (hours, 0, _) => format!("{hours}h"),
        (hours, minutes, _) => format!("{hours}h {minutes}m"),
    }
}

/// Remembers when we first saw what other clones' claims are now. Of specs that moved just now; the others were looked at when they did.
pub fn observe(ctx: &Context, moves: &[Move]) -> Result<()> {
    for moved in moves {
        if moved.event.status != Status::InProgress {
            // Best effort: what is not there is not there.
            drop(std::fs::remove_file(file(ctx, &moved.id)));
            continue;
        }
        let Some(spec) = ctx.store().load(&moved.id)? else { continue };
        if let Some(claim) = of(&ctx.store(), &spec)? {
            age(ctx, &moved.id, &claim)?;
        }
    }
    Ok(())
}

fn file(ctx: &Context, id: &SpecId) -> PathBuf {
    ctx.repo.common_dir().join("chant/claims").join(id.as_str())
}
