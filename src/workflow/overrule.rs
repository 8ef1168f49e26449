//! Letting work through the gate in spite of it: a person's word, said on purpose and recorded.

use super::ask::Refusal;
use super::{inside, judge, plan};
use crate::context::Context;
use crate::failure::Failure;
use crate::spec::{EventKind, SpecId, event::one_line};
use crate::store::Change;
use anyhow::Result;
use std::collections::BTreeSet;

/// The variable that says why.
pub const VARIABLE: &str = "GIT_CHANT_OVERRIDE";

/// Why this command is to be let through, where somebody says so.
pub fn word() -> Option<String> {
    std::env::var(VARIABLE).ok().map(|why| one_line(&why)).filter(|why| !why.is_empty())
}

/// Records what a person lets through, on every spec that it is about and as a note on what comes in; refused inside a run, and where
/// the settings say so.
pub fn overrule(ctx: &Context, refusals: &[Refusal], why: &str) -> Result<()> {
    let here = std::env::current_dir().unwrap_or_default();
    if inside::a_run(ctx) || here.starts_with(plan::worktrees_dir(&ctx.repo)) {
        return Err(Failure::new(format!("{VARIABLE} is for people, and this is a run"))
            .hint("a person decides, in a terminal outside of the run")
            .into());
    }
    for refusal in refusals {
        let current = ctx.repo.reference(&format!("refs/heads/{}", refusal.target))?;
        if !judge::of_branch(&ctx.repo, current)?.allow_override {
            return Err(Failure::new(format!("overrides are turned off here (chant.allowOverride), so {VARIABLE} says nothing"))
                .hint("what stands in the way is listed above, each with its command")
                .into());
        }
    }
    refusals.iter().try_for_each(|refusal| record(ctx, refusal, why))
}

fn record(ctx: &Context, refusal: &Refusal, why: &str) -> Result<()> {
    let ids: BTreeSet<&str> = refusal.reasons.iter().filter_map(crate::gate::Reason::spec).collect();
    let kinds: BTreeSet<&str> = refusal.reasons.iter().map(crate::gate::Reason::kind).collect();
    let mut change = Change::new(EventKind::Override).text(why).with("Target", &refusal.target);
    for tip in &refusal.tips {
        change = change.with("Tip", tip);
    }
    for kind in kinds {
        change = change.with("Reason", kind);
    }
    let mut named = Vec::new();
    for id in ids.into_iter().filter_map(|id| SpecId::parse(id).ok()) {
        if ctx.store().load(&id)?.is_some() {
            ctx.store().amend(&id, |_| Ok(Some(change.clone())))?;
            named.push(id.to_string());
        }
    }
    let who = ctx.repo.committer()?.name;
    let what = if named.is_empty() { "no spec".to_owned() } else { named.join(", ") };
    for tip in &refusal.tips {
        ctx.store().note(*tip, &format!("override by {who} into {}: {why} ({what})", refusal.target))?;
    }
    Ok(())
}
