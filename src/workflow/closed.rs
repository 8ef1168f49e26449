//! Folding what was merged or cancelled long ago into the archive, so that listings and fetches stay as small as the live work. No file
//! is moved: `git chant archive` does that.

use super::files;
use crate::context::{self, Context};
use crate::git::Oid;
use crate::settings;
use crate::spec::{EventKind, Status};
use crate::store::Listed;
use anyhow::Result;

const DAY: i64 = 24 * 60 * 60;

/// [`fold_old`] where it is time to look again: a thirtieth of `chant.archiveAfter` (a day) after the last look. Looking reads every spec, and
/// nothing gets old faster than that.
pub fn fold_old_now_and_then(ctx: &Context) -> Result<Vec<Listed>> {
    let (now, limit) = (context::now_utc_seconds()?, limit(ctx)?);
    let path = ctx.repo.common_dir().join("chant/archive-looked");
    let setting = ctx.repo.config("chant.archiveAfter").unwrap_or_default();
    let last = std::fs::read_to_string(&path).ok();
    let last = last.as_deref().and_then(|text| text.strip_suffix('\n')?.split_once(' ')).filter(|(_, said)| *said == setting);
    // A clock that went back has not looked yet.
    let since = last.and_then(|(at, _)| at.parse::<i64>().ok()).map(|at| now - at).filter(|since| *since >= 0);
    if since.is_some_and(|since| since < (now - limit) / 30) {
        return Ok(Vec::new());
    }
    let old = fold_before(ctx, limit)?;
    // Best effort: whoever cannot write here looks again.
    drop(files::replace(&path, format!("{now} {setting}\n").as_bytes()));
    Ok(old)
}

/// Archives what has been closed since before `chant.archiveAfter` (30 days), and returns it.
pub fn fold_old(ctx: &Context) -> Result<Vec<Listed>> {
    fold_before(ctx, limit(ctx)?)
}

fn fold_before(ctx: &Context, limit: i64) -> Result<Vec<Listed>> {
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

/// Cancelled, or merged as it was finished last, and no branch of it is left here.
fn is_settled(ctx: &Context, spec: &Listed) -> Result<bool> {
    if ctx.repo.reference(&spec.id.branch_ref())?.is_some() {
        return Ok(false);
    }
    Ok(spec.event.status == Status::Cancelled || is_merged(ctx, spec.tip)?)
}

/// True where the newest events say so. What an earlier attempt merged says nothing about work that was finished since.
pub fn is_merged(ctx: &Context, tip: Oid) -> Result<bool> {
    let history = ctx.store().history(tip)?;
    let newest = history.iter().map(|recorded| recorded.event.kind).find(|kind| matches!(kind, EventKind::Merge | EventKind::Finish));
    Ok(newest == Some(EventKind::Merge))
}

/// What was closed before this second is old.
fn limit(ctx: &Context) -> Result<i64> {
    let now = context::now_utc_seconds()?;
    let Some(expiry) = settings::archive_before(&ctx.repo)? else { return Ok(now - 30 * DAY) };
    Ok(now.saturating_sub(jiff::Timestamp::now().as_second().saturating_sub(expiry)))
}
