//! Completing a spec whose work was done by hand, or whose run ended without us.

use super::finish::{Work, combine, finish_change, finish_commit, finish_document, on_branch, settle_boxes};
use super::{claim, inside, plan, start, verify};
use crate::agent::transcript::{Facts, Format};
use crate::context::Context;
use crate::failure::Failure;
use crate::git::{Oid, RefChange};
use crate::spec::{Document, intent};
use crate::store::Spec;
use anyhow::Result;

/// `status: completed` written by hand: `finalize`, whose refusal is only said, because the person's edit is recorded already.
pub fn finalize_on_request(ctx: &Context, spec: &Spec) -> Result<Spec> {
    match finalize(ctx, spec) {
        Ok(finalized) => Ok(finalized.spec),
        Err(error) => {
            ctx.out.warning(format!("{} is not completed: {error:#}", spec.id));
            ctx.out.hint(format!("git chant finalize {}", spec.id));
            ctx.store().require(&spec.id)
        }
    }
}

/// A spec that was completed.
pub struct Finalized {
    /// The version that it was completed from.
    pub from: Spec,
    /// The spec now.
    pub spec: Spec,
}

/// Completes a spec whose work was done without a run of ours, or whose run ended without us. The work is its branch `chant/<id>`, or,
/// where there is none, what is checked out here. Every executable criterion must pass, and every other box must be ticked.
pub fn finalize(ctx: &Context, spec: &Spec) -> Result<Finalized> {
    if inside::a_run(ctx) {
        return Err(Failure::new("a run cannot complete a spec by itself")
            .hint("its own is checked when it ends; of others a person says so")
            .into());
    }
    claim::refuse_elsewhere(ctx, spec)?;
    let _nobody_starts_it = start::lock(ctx, &spec.id)?;
    let name = spec.id.branch_ref();
    let branch = ctx.repo.reference(&name)?;
    let no_commit = || Failure::new("there is no commit to finalize").hint(format!("git commit, then: git chant finalize {}", spec.id));
    let tip = branch.or(ctx.repo.head()?.commit).ok_or_else(no_commit)?;
    verify::require_trust(ctx, spec, false)?;
    let checks = verify::verify(ctx, spec, tip, verify::Recorded::Believed)?;
    let work = work_at(ctx, spec, tip)?;
    let ended = match branch {
        Some(_) => with_ticks_of_branch(ctx, spec, &work, tip)?,
        None => spec.document.clone(),
    };
    loop {
        let from = unless_moved(ctx, spec, &name, branch)?;
        let mut document = combine(&from, &spec.document, &ended);
        if let Some(unsettled) = settle_boxes(&mut document, &checks)? {
            return Err(Failure::new(unsettled.to_string()).hint(unsettled.next(&spec.id)).into());
        }
        finish_document(ctx, &work, tip, &mut document)?;
        let commit = if branch.is_some() { finish_commit(ctx, &work, tip, &document)? } else { tip };
        let change = finish_change(ctx, &work, commit, document)?;
        let moved = branch.filter(|old| *old != commit).map(|old| RefChange::new(&name, Some(old), Some(commit)));
        if let Some(spec) = claim::record_end(ctx, &from, &change, moved.as_slice())? {
            return Ok(Finalized { from, spec });
        }
    }
}

/// The spec's document, with what the one on its branch says is done. Another intent's ticks are nobody's claim.
fn with_ticks_of_branch(ctx: &Context, spec: &Spec, work: &Work, tip: Oid) -> Result<Document> {
    let mut document = spec.document.clone();
    let there = on_branch(ctx, work, tip)?.map(|there| there.criteria()).unwrap_or_default();
    for (index, criterion) in there.iter().enumerate().filter(|(_, criterion)| criterion.ticked) {
        if document.criteria().get(index).is_some_and(|own| own.text == criterion.text) {
            document.set_box(index + 1, true)?;
        }
    }
    Ok(document)
}

/// The spec as it is now. What a person did while the commands ran counts: what was checked must still be what it asks for, its branch
/// what was checked, and nobody may have taken it back meanwhile.
fn unless_moved(ctx: &Context, spec: &Spec, branch: &str, tip: Option<Oid>) -> Result<Spec> {
    let id = &spec.id;
    let now = ctx.store().require(id)?;
    let again = |what: String| Failure::new(format!("{what} while its criteria were checked")).hint(format!("git chant finalize {id}"));
    if intent::id(&now.document) != intent::id(&spec.document) {
        return Err(again(format!("{id} was edited")).into());
    }
    if now.event.status != spec.event.status || now.event.attempt != spec.event.attempt {
        let became = format!("{id} became {}", now.event.status);
        return Err(Failure::new(format!("{became} while its criteria were checked")).hint(format!("git chant history {id}")).into());
    }
    if ctx.repo.reference(branch)? != tip {
        return Err(again(format!("{} moved", id.branch())).into());
    }
    Ok(now)
}

/// True where a spec's branch is no more what its finish recorded.
pub fn went_on(ctx: &Context, spec: &Spec) -> Result<bool> {
    let branch = ctx.repo.reference(&spec.id.branch_ref())?;
    let tip = verify::facts(ctx, spec)?.finish.and_then(|finish| Oid::from_hex(&finish.tip));
    Ok(branch.is_some() && branch != tip)
}

/// Work that no run of ours ends.
fn work_at(ctx: &Context, spec: &Spec, tip: Oid) -> Result<Work> {
    Ok(Work {
        id: spec.id.clone(),
        run: String::new(),
        attempt: spec.event.attempt,
        base: verify::facts(ctx, spec)?.start.and_then(|start| Oid::from_hex(&start.base)).unwrap_or(tip),
        worktree: Some(plan::worktrees_dir(&ctx.repo).join(spec.id.as_str())).filter(|path| path.exists()),
        model: None,
        commit_by: crate::agent::settings::CommitBy::Both,
        transcript: Vec::new(),
        outside: Vec::new(),
        format: Format::Text,
        facts: Facts::default(),
        settled: None,
        idle_is_fine: false,
    })
}
