//! Completing a spec whose work was done by hand, or whose run ended without us.

use super::finish::{Work, finish_commit, finish_document, inputs, numbered_open, on_branch};
use super::{claim, inside, plan, verify};
use crate::agent::transcript::{Facts, Format};
use crate::context::Context;
use crate::failure::Failure;
use crate::git::{Oid, RefChange};
use crate::spec::{EventKind, Status};
use crate::store::{Change, Spec};
use anyhow::Result;

/// `status: completed` written by hand: `finalize`, whose refusal is only said, because the person's edit is recorded already.
pub fn finalize_on_request(ctx: &Context, spec: &Spec) -> Result<Spec> {
    match finalize(ctx, spec) {
        Ok(spec) => Ok(spec),
        Err(error) => {
            ctx.out.warning(format!("{} is not completed: {error:#}", spec.id));
            ctx.out.hint(format!("git chant finalize {}", spec.id));
            ctx.store().require(&spec.id)
        }
    }
}

/// Completes a spec whose work was done without a run of ours, or whose run ended without us. The work is its branch `chant/<id>`, or,
/// where there is none, what is checked out here. Every executable criterion must pass, and every other box must be ticked.
pub fn finalize(ctx: &Context, spec: &Spec) -> Result<Spec> {
    if inside::a_run(ctx) {
        return Err(Failure::new("a run cannot complete a spec by itself")
            .hint("its own is checked when it ends; of others a person says so")
            .into());
    }
    claim::refuse_elsewhere(ctx, spec)?;
    let branch = ctx.repo.reference(&format!("refs/heads/{}", spec.id.branch()))?;
    let no_commit = || Failure::new("there is no commit to finalize").hint(format!("git commit, then: git chant finalize {}", spec.id));
    let tip = branch.or(ctx.repo.head()?.commit).ok_or_else(no_commit)?;
    verify::require_trust(ctx, spec, false)?;
    let checks = verify::verify(ctx, spec, tip, verify::Recorded::Believed)?;
    let failed: Vec<String> = checks.iter().filter(|check| check.failed()).map(|check| check.number.to_string()).collect();
    let mut document = spec.document.clone();
    if let Some(there) = on_branch(ctx, &work_at(spec, tip), tip)?.filter(|_| branch.is_some()) {
        for (index, criterion) in there.criteria().iter().enumerate().filter(|(_, criterion)| criterion.ticked) {
            // The same criterion in the same place; another intent's ticks are nobody's claim.
            if document.criteria().get(index).is_some_and(|own| own.text == criterion.text) {
                document.set_box(index + 1, true)?;
            }
        }
    }
    for check in checks.iter().filter(|check| check.word() == "PASS") {
        document.set_box(check.number, true)?;
    }
    let open = numbered_open(&document);
    if !failed.is_empty() {
        return Err(Failure::new(format!("criterion {} failed", failed.join(", "))).hint(format!("git chant verify {}", spec.id)).into());
    }
    if !open.is_empty() {
        let hint = format!("git chant check {} {}", spec.id, open.join(" "));
        return Err(Failure::new(format!("criterion {} is not ticked, and no command decides it", open.join(", "))).hint(hint).into());
    }
    let work =
        Work { worktree: Some(plan::worktrees_dir(&ctx.repo).join(spec.id.as_str())).filter(|path| path.exists()), ..work_at(spec, tip) };
    let mut work = work;
    work.base = verify::facts(ctx, spec)?.start.and_then(|start| Oid::from_hex(&start.base)).unwrap_or(tip);
    finish_document(ctx, &work, tip, &mut document)?;
    let commit = if branch.is_some() { finish_commit(ctx, &work, tip, &document)? } else { tip };
    let inputs = inputs(ctx, &document, commit)?;
    let change = Change { inputs, ..Change::new(EventKind::Finish) }.status(Status::Completed).document(document);
    let change = change.with("Tip", commit).with("Code-Tree", ctx.repo.code_tree(commit)?);
    let moved = RefChange::new(format!("refs/heads/{}", spec.id.branch()), branch, Some(commit));
    loop {
        let now = ctx.store().require(&spec.id)?;
        let others: Vec<RefChange> = branch.is_some_and(|old| old != commit).then(|| moved.clone()).into_iter().collect();
        if let Some(done) = claim::record_end(ctx, &now, &change, &others)? {
            return Ok(done);
        }
    }
}

/// True where a spec's branch is no more what its finish recorded.
pub fn went_on(ctx: &Context, spec: &Spec) -> Result<bool> {
    let branch = ctx.repo.reference(&format!("refs/heads/{}", spec.id.branch()))?;
    let tip = verify::facts(ctx, spec)?.finish.and_then(|finish| Oid::from_hex(&finish.tip));
    Ok(branch.is_some() && branch != tip)
}

fn work_at(spec: &Spec, tip: Oid) -> Work {
    Work {
        id: spec.id.clone(),
        run: String::new(),
        attempt: spec.event.attempt,
        base: tip,
        worktree: None,
        model: None,
        commit_by: crate::agent::settings::CommitBy::Both,
        transcript: Vec::new(),
        outside: Vec::new(),
        format: Format::Text,
        facts: Facts::default(),
        settled: None,
        idle_is_fine: false,
    }
}
