//! Before an agent runs: branch, worktree and prompt, and last of all the `start` event. Whatever can fail is done before
//! the event that says it happened, so a spec is never in progress with nobody working.

use super::outside::{Looking, Outside};
use super::plan::{Plan, compose};
use super::room::{self, Full, Room};
use super::{absent, claim, idle, verify};
use crate::agent::RunDir;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::git::checkout::PathCommit;
use crate::git::{MergeCommit, Oid, RefChange, RefUpdate, Repository};
use crate::output::Held;
use crate::settings;
use crate::spec::{Document, EventKind, SpecId, Status, intent};
use crate::store::runs::kept_ref;
use crate::store::{Change, SPEC_DIR, Spec, spec_path};
use anyhow::{Context as _, Result, bail};
use std::fs::File;

/// A run that has begun; its locks are held until this is dropped.
pub struct Started {
    /// The plan.
    pub plan: Plan,
    /// The spec after `start`.
    pub spec: Spec,
    /// The run's directory.
    pub dir: RunDir,
    /// The commit on which the agent begins.
    pub base: Oid,
    /// What is outside of its worktree.
    pub outside: Outside,
    _lock: File,
    _held: Held,
}

/// What came of beginning a run.
pub enum Begun {
    /// It is on.
    Yes(Box<Started>),
    /// The spec changed since the plan was made: plan again.
    Changed,
    /// Its agent is at work as often as it may be: wait, and plan again.
    Full(Full),
}

/// Makes branch, worktree and prompt, and records `start`. On any failure what was made is taken back.
pub fn begin(ctx: &Context, plan: Plan) -> Result<Begun> {
    let held = ctx.out.hold();
    let lock = lock(ctx, &plan.spec.id)?;
    if !is_unchanged(ctx, &plan)? {
        return Ok(Begun::Changed);
    }
    let run_id = new_run_id();
    let dir = match room::take(ctx, &plan, &run_id)? {
        Room::Taken(dir) => dir,
        Room::None(full) => return Ok(Begun::Full(full)),
    };
    let full = plan.spec.id.branch_ref();
    let made = super::recover::set_aside(ctx, &plan.spec.id, "left over").and_then(|_| {
        let first = first_commit(ctx, &plan)?;
        match ctx.repo.update_refs(&[RefChange::new(&full, None, Some(first))], "chant: start")? {
            RefUpdate::Done => Ok(()),
            RefUpdate::Lost => bail!("branch {} appeared meanwhile", plan.spec.id.branch()),
        }
    });
    if let Err(error) = made {
        dir.remove()?;
        return Err(error);
    }
    let looking = Looking::begin(ctx, &plan.worktree);
    match prepare(ctx, &plan, &dir, &run_id) {
        Ok(Some((base, spec))) => {
            let outside = looking.end_just_now(ctx, &plan.worktree);
            Ok(Begun::Yes(Box::new(Started { plan, spec, dir, base, outside, _lock: lock, _held: held })))
        }
        not_begun => {
            take_back(ctx, &plan, &run_id);
            dir.remove()?;
            not_begun.map(|_| Begun::Changed)
        }
    }
}

/// Plans and begins until it takes. Whoever edits or approves meanwhile is not refused for it, and neither is the start; where
/// there is no room, it waits.
pub fn until_it_takes(ctx: &Context, id: &SpecId, mut begin: impl FnMut() -> Result<Begun>) -> Result<Started> {
    let (mut tries, mut told) = (0, false);
    while tries < TRIES {
        match begin()? {
            Begun::Yes(started) => return Ok(*started),
            Begun::Changed => tries += 1,
            Begun::Full(full) => full.wait(ctx, &mut told)?,
        }
    }
    Err(Failure::new(format!("{id} kept changing while its run was being prepared")).hint(format!("git chant history {id}")).into())
}

/// How often a run is prepared anew. Each time makes a worktree, so somebody who changes the spec without end ends it.
const TRIES: usize = 20;

/// False for a plan that was made from a version that is not the tip any more: under the lock nobody else starts or ends a run.
fn is_unchanged(ctx: &Context, plan: &Plan) -> Result<bool> {
    Ok(ctx.repo.reference(&plan.spec.id.ref_name())? == Some(plan.spec.tip))
}

/// The spec as a run finds it.
fn as_started(ctx: &Context, plan: &Plan) -> Result<Document> {
    let change = Change { new_attempt: true, ..Change::new(EventKind::Start).status(Status::InProgress) };
    Ok(ctx.store().prepare(&plan.spec, &change)?.document)
}

/// The gate recognises a run's work by this message.
fn start_message(id: &SpecId) -> String {
    crate::gate::start_subject(id.as_str()) + "\n"
}

/// What a run's branch begins with: the target, the unmerged work that the spec builds upon, and on top of it the spec. The worktree is made
/// from it: every merge or commit in a large checkout takes as long as everything else that we do.
fn first_commit(ctx: &Context, plan: &Plan) -> Result<Oid> {
    let id = &plan.spec.id;
    let base = plan.inputs.iter().try_fold(plan.base, |base, (input, tip)| take_in(ctx, id, base, (input, *tip)))?;
    if ctx.silent() {
        return Ok(base);
    }
    let document = as_started(ctx, plan)?;
    let change = (spec_path(id), Some(ctx.repo.write_blob(document.as_bytes())?));
    let made = ctx.repo.commit_on(base, &[change], &start_message(id));
    let made = made.with_context(|| format!("could not commit the spec on {}", id.branch()))?;
    Ok(made.unwrap_or(base))
}

fn prepare(ctx: &Context, plan: &Plan, dir: &RunDir, run_id: &str) -> Result<Option<(Oid, Spec)>> {
    let (id, branch) = (&plan.spec.id, plan.spec.id.branch());
    let full = format!("refs/heads/{branch}");
    dir.set_worktree(&plan.worktree)?;
    idle::make(ctx, &plan.worktree, &branch, &format!("git-chant run {run_id}"))?;
    super::setup::prepare(ctx, &plan.worktree)?;
    let tree = Repository::open(&plan.worktree)?;
    let change = Change::new(EventKind::Start)
        .status(Status::InProgress)
        .with("Run", run_id)
        .with("Intent", intent::id(&plan.spec.document))
        .with("Target", &plan.target)
        .with("Agent", plan.agent.name());
    let mut change = Change { new_attempt: true, ..change };
    let document = as_started(ctx, plan)?;
    // Its first commit may hold it already; what git writes into a checkout may still have other line ends.
    if std::fs::read(plan.worktree.join(spec_path(id))).ok().as_deref() != Some(document.as_bytes()) {
        write_spec(ctx, &tree, id, document.as_bytes(), &start_message(id))?;
    }
    let base = ctx.repo.reference(&full)?.context("the branch was just made")?;
    change = change.with("Base", base);
    dir.set_prompt(compose(ctx, plan, &plan.worktree)?.as_bytes())?;
    ctx.store().keep(run_id, base)?;
    let spec = claim::record_start(ctx, plan.options.claim.as_deref(), &plan.spec, &change)?;
    Ok(spec.map(|spec| (base, spec)))
}

/// Writes the spec's file in a run's worktree, and commits it there unless specs are kept out of every commit.
pub fn write_spec(ctx: &Context, tree: &Repository, id: &SpecId, bytes: &[u8], message: &str) -> Result<()> {
    let top = tree.require_work_dir()?;
    super::files::replace(&top.join(SPEC_DIR).join(id.file_name()), bytes)?;
    if ctx.silent() {
        return Ok(());
    }
    let blob = tree.write_blob(bytes)?;
    match tree.commit_path(&spec_path(id), blob, message)? {
        PathCommit::Done(_) | PathCommit::Already => Ok(()),
        PathCommit::NotCommitted(reason) => bail!("could not commit the spec on {}: {reason}", id.branch()),
    }
}

/// Why nobody goes on with what has no branch here: nothing was begun, or it was in another clone.
fn no_branch(ctx: &Context, spec: &Spec) -> Result<Failure> {
    let id = &spec.id;
    if spec.event.status == Status::Paused && verify::facts(ctx, spec)?.start.is_none() {
        let failure = Failure::new(format!("{id} was paused before it was started"));
        return Ok(failure.hint(format!("take it up: git chant reset {id}, then git chant work {id}")));
    }
    let failure = Failure::new(format!("{id} has no branch here to go on from"));
    let failure = absent::hints(ctx, id).into_iter().fold(failure, Failure::hint);
    Ok(failure.hint(format!("or start over: git chant reset {id}")))
}

/// Begins another attempt on the branch and in the worktree of the last one.
pub fn go_on(ctx: &Context, plan: Plan) -> Result<Begun> {
    super::plan::may_run(ctx, &plan.spec, &plan.options)?;
    let held = ctx.out.hold();
    let lock = lock(ctx, &plan.spec.id)?;
    if !is_unchanged(ctx, &plan)? {
        return Ok(Begun::Changed);
    }
    let run_id = new_run_id();
    let id = &plan.spec.id;
    let tip = ctx.repo.reference(&id.branch_ref())?;
    let Some(tip) = tip else { return Err(no_branch(ctx, &plan.spec)?.into()) };
    let dir = match room::take(ctx, &plan, &run_id)? {
        Room::Taken(dir) => dir,
        Room::None(full) => return Ok(Begun::Full(full)),
    };
    let looking = Looking::begin(ctx, &plan.worktree);
    match prepare_again(ctx, &plan, &dir, tip) {
        Ok(Some((base, spec))) => {
            let outside = looking.end_just_now(ctx, &plan.worktree);
            Ok(Begun::Yes(Box::new(Started { plan, spec, dir, base, outside, _lock: lock, _held: held })))
        }
        not_begun => {
            // Nobody works in it; the next try locks it again. The branch keeps what there is.
            ctx.repo.unlock_worktree(&plan.worktree)?;
            ctx.store().forget_kept(&run_id)?;
            dir.remove()?;
            not_begun.map(|_| Begun::Changed)
        }
    }
}

/// The trailer of a start whose agent is to settle conflicts with the target.
pub const SETTLES: &str = "Settles";

fn prepare_again(ctx: &Context, plan: &Plan, dir: &RunDir, tip: Oid) -> Result<Option<(Oid, Spec)>> {
    let branch = plan.spec.id.branch();
    ctx.repo.forget_worktree(&plan.worktree)?;
    let reason = format!("git-chant run {}", dir.run_id());
    match ctx.repo.worktree_of(&format!("refs/heads/{branch}"))? {
        Some(_) => ctx.repo.lock_worktree(&plan.worktree, &reason)?,
        None => idle::make(ctx, &plan.worktree, &branch, &reason)?,
    }
    verify::put_aside_of_killed(ctx, dir.run_id(), &plan.worktree)?;
    if !super::setup::is_done(ctx, &plan.worktree)? {
        super::setup::prepare(ctx, &plan.worktree)?;
    }
    dir.set_worktree(&plan.worktree)?;
    let prompt = super::session::going_on(ctx, &plan.spec)? + &compose(ctx, plan, &plan.worktree)?;
    dir.set_prompt(prompt.as_bytes())?;
    ctx.store().keep(dir.run_id(), tip)?;
    refresh_spec(ctx, plan)?;
    // The work began where the first attempt on this branch began: what came since is the work.
    let began = verify::facts(ctx, &plan.spec)?.start.and_then(|start| Oid::from_hex(&start.base)).unwrap_or(tip);
    let change = Change::new(EventKind::Start)
        .status(Status::InProgress)
        .with("Run", dir.run_id())
        .with("Intent", intent::id(&plan.spec.document))
        .with("Target", &plan.target)
        .with("Agent", plan.agent.name())
        .with("Base", began);
    let change = if plan.settles { change.with(SETTLES, plan.base) } else { change };
    let change = Change { new_attempt: true, ..change };
    let spec = claim::record_start(ctx, plan.options.claim.as_deref(), &plan.spec, &change)?;
    Ok(spec.map(|spec| (began, spec)))
}

/// Gives a worktree that is gone on in the spec as it is now, where people changed what it asks for since; else its ticks stay.
fn refresh_spec(ctx: &Context, plan: &Plan) -> Result<()> {
    let file = plan.worktree.join(spec_path(&plan.spec.id));
    let there = std::fs::read(&file).ok().map(crate::spec::Document::parse);
    if there.is_some_and(|document| intent::id(&document) == intent::id(&plan.spec.document)) {
        return Ok(());
    }
    let tree = Repository::open(&plan.worktree)?;
    write_spec(ctx, &tree, &plan.spec.id, plan.spec.document.as_bytes(), &format!("chant({}): go on\n", plan.spec.id))
}

/// How many runs of a spec are started until a person resets it.
pub fn max_attempts(ctx: &Context) -> Result<u32> {
    settings::number(&ctx.repo, "chant.maxAttempts")
}

/// Merges the unmerged work of another spec.
fn take_in(ctx: &Context, id: &SpecId, base: Oid, (input, tip): (&SpecId, Oid)) -> Result<Oid> {
    if ctx.repo.is_ancestor(tip, base)? {
        return Ok(base);
    }
    match ctx.repo.merge_commit(base, tip, &format!("chant({id}): take in {input}\n"))? {
        MergeCommit::Made(commit) => Ok(commit),
        MergeCommit::Conflicts(files) => {
            let files = files.join(", ");
            Err(Failure::new(format!("the unmerged work of {input} does not merge with the rest: conflicts in {files}"))
                .hint(format!("git chant merge {input}"))
                .into())
        }
    }
}

fn take_back(ctx: &Context, plan: &Plan, run_id: &str) {
    // The worktree holds nothing but what we put there; whatever does not go is said by the next start.
    let removed = match plan.worktree.is_dir() {
        true => ctx.repo.unlock_worktree(&plan.worktree).and_then(|()| ctx.repo.remove_worktree(&plan.worktree)),
        // It could not even be made.
        false => ctx.repo.forget_worktree(&plan.worktree),
    };
    let branch = plan.spec.id.branch_ref();
    if let (Ok(()), Ok(Some(tip))) = (removed, ctx.repo.reference(&branch)) {
        let kept = ctx.store().kept(run_id).ok().flatten();
        let kept = kept.map(|kept| RefChange::new(kept_ref(run_id), Some(kept), None));
        let changes: Vec<RefChange> = kept.into_iter().chain([RefChange::new(branch, Some(tip), None)]).collect();
        drop(ctx.repo.update_refs(&changes, "chant: take back"));
    }
}

/// One process at a time prepares, ends or resets a run of a spec.
pub fn lock(ctx: &Context, id: &SpecId) -> Result<File> {
    let file = ctx.repo.lock_file(&format!("locks/{id}"))?;
    // Long enough for another command to look at the run, too short for a run.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(1);
    while file.try_lock().is_err() {
        if std::time::Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(20));
            continue;
        }
        if super::recover::run_of(ctx, id)?.is_some() {
            return Err(super::recover::working_on(id).into());
        }
        return Err(Failure::new(format!("another git chant is working on {id}")).hint(format!("git chant log {id} --follow")).into());
    }
    Ok(file)
}

fn new_run_id() -> String {
    let time = context::now_utc().replace(['-', ':'], "");
    format!("{time}-{:06x}", fastrand::u32(..0x0100_0000))
}
