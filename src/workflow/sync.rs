//! Sharing specs with a remote: fetch, fold, push without force, again until it takes.

mod remotes;
mod tell;

pub use remotes::{subscribe, subscribe_late};
use tell::specs;
pub use tell::{remarks, summary, word};

use super::files;
use super::fold::{self, Move, MoveKind, Plan};
use crate::context::Context;
use crate::failure::Failure;
use crate::git::{Oid, PushIf, PushRef, Pushed, Refused};
use crate::output::safe;
use crate::settings;
use crate::spec::{Event, SpecId};
use crate::store::notes::NOTES_REF;
use crate::store::standing::Standing;
use crate::store::sync::{State, Transport, run_ref};
use crate::store::transport::{look_at_branch, transport};
use crate::store::{ARCHIVE_REF, Relation, SPEC_REFS, Store};
use anyhow::Result;
use std::collections::BTreeMap;

/// What to push beside specs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Runs: prompts, transcripts, results.
    pub runs: bool,
    /// The branches of specs.
    pub branches: bool,
}

/// What happened; it is true as far as it goes, also where an error ended it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Specs that moved here.
    pub moves: Vec<Move>,
    /// What is left alone, and why.
    pub skipped: Vec<String>,
    /// Specs that moved on the remote, with their titles.
    pub pushed: Vec<(SpecId, String)>,
    /// Specs that only the archive has there now.
    pub archived: Vec<SpecId>,
    /// Whatever else moved there, by its full name.
    pub others: Vec<String>,
}

impl Report {
    fn fold(&mut self, plan: &Plan) {
        self.moves.extend(plan.moves.iter().cloned());
        self.skip(plan.skipped.iter().cloned());
    }

    fn skip(&mut self, lines: impl IntoIterator<Item = String>) {
        for line in lines {
            if !self.skipped.contains(&line) {
                self.skipped.push(line);
            }
        }
    }
}

/// How often a push is tried that the remote refuses although nothing moved there: it may be busy.
const REFUSALS: u32 = 3;

/// Fetches. What lies beside is folded in at once: nobody pushes there any more.
fn bring(store: &Store<'_>, transport: &dyn Transport, report: &mut Report) -> Result<()> {
    transport.fetch()?;
    if let Some(beside) = transport.beside() {
        report.fold(&fold::fold(store, beside)?);
    }
    Ok(())
}

/// Fetches and folds in.
pub fn fetch(store: &Store<'_>, transport: &dyn Transport, report: &mut Report) -> Result<()> {
    bring(store, transport, report)?;
    report.fold(&fold::fold(store, transport.remote())?);
    Ok(())
}

/// Fetches, folds in, and pushes what the remote lacks, again and again until it takes. One fetch and at most one push, unless
/// somebody else pushes at the same time.
pub fn push(store: &Store<'_>, transport: &dyn Transport, options: Options, report: &mut Report) -> Result<()> {
    let (mut refusals, mut without_notes) = (0, false);
    loop {
        bring(store, transport, report)?;
        if options == Options::default() && store.standing(transport.remote())? == Standing::Same {
            return Ok(());
        }
        let plan = fold::fold(store, transport.remote())?;
        report.fold(&plan);
        let seen = store.seen(transport.remote())?;
        let ours = store.state()?;
        let mut outgoing = outgoing(store, (&ours, &seen), transport.remote(), options, report)?;
        outgoing.retain(|to| !is_held(&plan, to));
        outgoing.retain(|to| !without_notes || to.name != NOTES_REF);
        if outgoing.is_empty() {
            return Ok(());
        }
        let refused = match transport.push(&outgoing)? {
            Pushed::Done => {
                store.saw(transport.remote(), &outgoing)?;
                pushed(store, &outgoing, report);
                return Ok(());
            }
            Pushed::Refused(refused) => refused,
        };
        // Notes are a view: they never stand in the way.
        if !without_notes && refused.iter().any(|one| one.name == NOTES_REF && one.by_remote) {
            without_notes = true;
            continue;
        }
        transport.fetch()?;
        if store.seen(transport.remote())? == seen {
            refusals += 1;
            if refusals == REFUSALS || is_final(&refused) {
                return Err(refusal(transport.remote(), &refused).into());
            }
            std::thread::sleep(std::time::Duration::from_millis(30 * u64::from(refusals)));
        }
    }
}

/// What a push would move, had it fetched just now; nothing moves here or there.
pub fn dry_run(store: &Store<'_>, transport: &dyn Transport, options: Options, report: &mut Report) -> Result<()> {
    transport.fetch()?;
    let (mut state, seen) = (store.state()?, store.seen(transport.remote())?);
    let plan = fold::plan(store, &state, &seen)?;
    for change in &plan.changes {
        let id = change.name.strip_prefix(SPEC_REFS).and_then(|id| SpecId::parse(id).ok());
        match (id, change.new) {
            (Some(id), Some(new)) => drop(state.specs.insert(id, new)),
            (Some(id), None) => drop(state.specs.remove(&id)),
            (None, new) if change.name == ARCHIVE_REF => state.archive = new,
            (None, new) if change.name == NOTES_REF => state.notes = new,
            (None, _) => {}
        }
    }
    report.fold(&plan);
    let mut outgoing = outgoing(store, (&state, &seen), transport.remote(), options, report)?;
    outgoing.retain(|to| !is_held(&plan, to));
    pushed(store, &outgoing, report);
    Ok(())
}

/// The refs that a remote lacks.
fn outgoing(
    store: &Store<'_>,
    (ours, seen): (&State, &State),
    remote: &str,
    options: Options,
    report: &mut Report,
) -> Result<Vec<PushRef>> {
    let differs = |theirs: Option<&Oid>, ours: Oid| theirs != Some(&ours);
    let specs = ours.specs.iter().filter(|(id, tip)| differs(seen.specs.get(id), **tip));
    let mut list: Vec<PushRef> = specs.map(|(id, tip)| PushRef::forward(id.ref_name(), *tip)).collect();
    list.extend(closed(store, ours, seen)?);
    if let Some(notes) = ours.notes.filter(|notes| seen.notes != Some(*notes)) {
        // Ours have every line that theirs had; should somebody be faster, their next push puts back what is missing.
        list.push(PushRef { name: NOTES_REF.to_owned(), new: Some(notes), only: PushIf::Always });
    }
    if options.runs {
        let runs = ours.runs.iter().filter(|(run, _)| !seen.runs.contains_key(*run));
        list.extend(runs.map(|(run, tip)| PushRef::forward(run_ref(run), *tip)));
    }
    if options.branches {
        list.extend(branches(store, ours, remote, report)?);
    }
    Ok(list)
}

/// Our archive, and the live refs there that it makes needless: one push moves both, or neither.
fn closed(store: &Store<'_>, ours: &State, seen: &State) -> Result<Vec<PushRef>> {
    let Some(archive) = ours.archive else { return Ok(Vec::new()) };
    let mut list = Vec::new();
    if seen.archive != Some(archive) {
        list.push(PushRef::forward(ARCHIVE_REF, archive));
    }
    let gone: Vec<_> = seen.specs.iter().filter(|(id, _)| !ours.specs.contains_key(*id)).collect();
    let archived = if gone.is_empty() { BTreeMap::new() } else { store.archived()? };
    for (id, theirs) in gone {
        let Some(tip) = archived.get(id) else { continue };
        if matches!(store.relation(*theirs, *tip), Ok(Relation::Same | Relation::Behind)) {
            list.push(PushRef::delete(id.ref_name(), *theirs));
        }
    }
    Ok(list)
}

/// The branches of specs that go on from what the remote's are.
fn branches(store: &Store<'_>, ours: &State, remote: &str, report: &mut Report) -> Result<Vec<PushRef>> {
    let prefix = "refs/heads/chant/";
    let theirs: BTreeMap<String, Oid> = store.repo.references(&format!("refs/remotes/{remote}/chant/"))?.into_iter().collect();
    let mut list = Vec::new();
    for (name, tip) in store.repo.references(prefix)? {
        let Some(id) = name.strip_prefix(prefix).and_then(|id| SpecId::parse(id).ok()).filter(|id| ours.specs.contains_key(id)) else {
            continue;
        };
        match theirs.get(&format!("refs/remotes/{remote}/chant/{id}")) {
            Some(theirs) if store.repo.is_ancestor(tip, *theirs)? => {}
            Some(theirs) if !store.repo.is_ancestor(*theirs, tip)? => report.skip([format!(
                "chant/{id} is not pushed: {remote} has other commits on it. See them: git log chant/{id}..{remote}/chant/{id}"
            )]),
            _ => list.push(PushRef::forward(name, tip)),
        }
    }
    Ok(list)
}

/// The refspec that brings the branches of specs, as an ordinary fetch does.
pub fn branch_refspec(remote: &str) -> String {
    format!("+refs/heads/chant/*:refs/remotes/{remote}/chant/*")
}

/// Names what a push has moved.
fn pushed(store: &Store<'_>, outgoing: &[PushRef], report: &mut Report) {
    for to in outgoing {
        let id = to.name.strip_prefix(SPEC_REFS).and_then(|id| SpecId::parse(id).ok());
        match (id, to.new) {
            (Some(id), Some(tip)) => {
                let title = store.repo.read_message(tip, |message| Event::parse(message).ok()).map(|event| event.title);
                report.pushed.push((id, title.unwrap_or_default()));
            }
            (Some(id), None) => report.archived.push(id),
            (None, _) => report.others.push(to.name.clone()),
        }
    }
}

/// True for what stays as it is on the remote because what it has there is no spec, or no archive.
fn is_held(plan: &Plan, to: &PushRef) -> bool {
    let spec = to.name.strip_prefix(SPEC_REFS);
    let closes = to.name == ARCHIVE_REF || (spec.is_some() && to.new.is_none());
    (plan.archive_held && closes) || spec.is_some_and(|id| plan.held.iter().any(|held| held.as_str() == id))
}

/// True where trying again cannot help.
pub fn is_final(refused: &[Refused]) -> bool {
    refused
        .iter()
        .any(|one| one.by_remote && ["hook declined", "hidden ref", "prohibited", "denied"].iter().any(|word| one.why.contains(word)))
}

/// Why nothing was pushed, and whom to ask.
pub fn refusal(remote: &str, refused: &[Refused]) -> Failure {
    let one = refused.first();
    let what = one.map_or("the push", |one| one.name.as_str());
    let why = one.map_or("", |one| one.why.as_str());
    Failure::new(format!("{remote} does not take {what} ({why}); your specs are as they were"))
        .hint(format!("ask whoever runs {remote} to accept refs/chant/* and refs/notes/chant, then: git chant push {remote}"))
        .hint("where a host takes branches only: git config chant.transport branch")
}

/// Folds in what an ordinary `git fetch` or `git pull` has brought, and says so.
pub fn fold_seen(ctx: &Context) -> Result<()> {
    super::rename::finish(ctx)?;
    let store = ctx.store();
    for remote in ctx.repo.remotes() {
        // What somebody put there that nobody can read is no reason to do nothing here.
        if let Err(error) = look_at_branch(&store, &remote) {
            ctx.out.warning(safe(&format!("{remote}: {error:#}")));
            error.chain().filter_map(|cause| cause.downcast_ref::<Failure>()).flat_map(Failure::hints).for_each(|hint| ctx.out.hint(hint));
        }
    }
    remotes::follow(ctx)?;
    // The common case, in which nothing is read but names.
    if store.has_all_seen()? {
        return Ok(());
    }
    for remote in store.seen_remotes()? {
        if remotes::is_gone(ctx, &remote) {
            remotes::forget(ctx, &remote)?;
        } else {
            fold_in(ctx, &remote)?;
        }
    }
    Ok(())
}

/// Folds in what a remote had when it was last seen, and says what moved.
fn fold_in(ctx: &Context, remote: &str) -> Result<Plan> {
    let plan = fold::fold(&ctx.store(), remote)?;
    after_fold(ctx, &plan.moves)?;
    if let Some(line) = summary(remote, &plan.moves) {
        ctx.out.note(line);
    }
    remarks(ctx, &plan.moves)?.iter().for_each(|line| ctx.out.note(line));
    Ok(plan)
}

/// With `chant.autoPush`, specs go along with an ordinary `git push`; our own runs no hooks, so it does not come back here. What fails is
/// said, and stops nobody's push.
pub fn carry(ctx: &Context, remote: &str) {
    let setting = "chant.autoPush";
    if let Some(fault) = ctx.repo.config(setting).and_then(|text| settings::fault(setting, &text)) {
        ctx.out.warning(format!("{fault}; specs were not pushed along"));
        ctx.out.hint(fault.mend);
    }
    if !ctx.repo.config_bool(setting, false) || !ctx.repo.remotes().iter().any(|name| name == remote) {
        return;
    }
    let mut report = Report::default();
    let pushed = transport(&ctx.repo, remote, &[]).and_then(|way| push(&ctx.store(), &*way, Options::default(), &mut report));
    if let Some(line) = summary(remote, &report.moves) {
        ctx.out.note(line);
    }
    if !report.pushed.is_empty() {
        ctx.out.note(format!("To {remote}: {} pushed along (chant.autoPush).", specs(report.pushed.len())));
    }
    let told = after_fold(ctx, &report.moves).and_then(|()| remarks(ctx, &report.moves));
    told.iter().flatten().for_each(|line| ctx.out.note(line));
    if let Err(error) = told.and(pushed) {
        ctx.out.warning(safe(&format!("specs were not pushed along: {error:#}")));
        ctx.out.hint(format!("git chant push {remote}"));
    }
}

/// What a fold means for the files of this checkout.
pub fn after_fold(ctx: &Context, moves: &[Move]) -> Result<()> {
    super::claim::observe(ctx, moves)?;
    moves
        .iter()
        .filter(|moved| !matches!(moved.kind, MoveKind::Renamed { .. }))
        .try_for_each(|moved| files::follow_fetched(ctx, &moved.id))?;
    super::rename::finish(ctx)
}
