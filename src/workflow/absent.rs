//! Finished work that is in another clone only: its spec came here, and its commits did not.

use super::merge;
use crate::context::Context;
use crate::failure::Failure;
use crate::git::Oid;
use crate::spec::{Facts, SpecId, Status};
use crate::store::Spec;
use anyhow::Result;

/// The work tip of a completed spec where this clone lacks it, and `commit` does not hold the work in another way either.
pub fn tip(ctx: &Context, spec: &Spec, facts: &Facts, commit: Option<Oid>) -> Result<Option<Oid>> {
    let tip = facts.finish.as_ref().and_then(|finish| Oid::from_hex(&finish.tip));
    let Some(tip) = tip.filter(|tip| spec.event.status == Status::Completed && !ctx.repo.has_object(*tip)) else { return Ok(None) };
    let held = commit.map(|commit| merge::holds(ctx, tip, &facts.marked, commit)).transpose()?;
    Ok((held != Some(true)).then_some(tip))
}

/// Says so, and how the work comes here.
pub fn refusal(ctx: &Context, id: &SpecId, tip: Oid) -> Failure {
    hints(ctx, id).into_iter().fold(Failure::new(words(id, tip)), Failure::hint)
}

/// The same in one line.
pub fn words(id: &SpecId, tip: Oid) -> String {
    format!("the work of {id} ({}) is not in this clone", tip.short())
}

/// How work comes here from the clone where it was done.
pub fn hints(ctx: &Context, id: &SpecId) -> [String; 2] {
    let remote = ctx.repo.default_remote().ok().flatten().unwrap_or_else(|| "REMOTE".to_owned());
    let branch = id.branch();
    ["where it was worked: git chant push --branches".to_owned(), format!("then here: git fetch {remote} {branch}:{branch}")]
}
