//! Folding what was merged or cancelled long ago into the archive, so that listings and fetches stay as small as the live work. No file
//! is moved: `git chant archive` does that.

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::spec::{EventKind, Status};
use crate::store::Listed;
use anyhow::{Context as _, Result};

const DAY: i64 = 24 * 60 * 60;

/// Archives what has been closed since before `chant.archiveAfter` (30 days), and returns it.
pub fn fold_old(ctx: &Context) -> Result<Vec<Listed>> {
    let limit = limit(ctx)?;
    let mut old = Vec::new();
    for spec in ctx.store().list()?.0.into_iter().filter(|spec| spec.event.status.is_closed()) {
        if ctx.repo.commit(spec.tip)?.author.seconds < limit && is_settled(ctx, &spec)? {
            old.push(spec);
        }
    }
    let folded = ctx.store().archive(&old)?;
    old.retain(|spec| folded.contains(&spec.id));
    Ok(old)
}

/// Cancelled, or merged, and no branch of it is left here.
fn is_settled(ctx: &Context, spec: &Listed) -> Result<bool> {
    if ctx.repo.reference(&format!("refs/heads/{}", spec.id.branch()))?.is_some() {
        return Ok(false);
    }
    let merged = |tip| -> Result<bool> { Ok(ctx.store().history(tip)?.iter().any(|recorded| recorded.event.kind == EventKind::Merge)) };
    Ok(spec.event.status == Status::Cancelled || merged(spec.tip)?)
}

/// What was closed before this second is old.
fn limit(ctx: &Context) -> Result<i64> {
    let now: jiff::Timestamp = context::now_utc().parse().context("now is a date")?;
    let Some(value) = ctx.repo.config("chant.archiveAfter") else { return Ok(now.as_second() - 30 * DAY) };
    let read = ctx.repo.git().command(["config", "--type=expiry-date", "--get", "chant.archiveAfter"]).line();
    let expiry = read.ok().and_then(|line| line.parse::<i64>().ok());
    let expiry = expiry.ok_or_else(|| {
        Failure::new(format!("chant.archiveAfter is '{}', which is no span of time", value.escape_debug()))
            .hint("git config chant.archiveAfter '30 days'")
            .hint("or: git config chant.archiveAfter never")
    })?;
    Ok(now.as_second().saturating_sub(jiff::Timestamp::now().as_second().saturating_sub(expiry)))
}
