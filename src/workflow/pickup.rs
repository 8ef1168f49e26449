//! Edits that people make to spec files by hand: seen before a command decides anything, and recorded as events.
//!
//! Nothing is dropped: a file that cannot be read as a spec stays as it is and is named. Nothing is invented: an old checkout is no edit.

mod all;

use super::{files, find, inside, rename};
use crate::context::Context;
use crate::git::{Oid, Signature};
use crate::output::safe;
use crate::spec::graph::Blocker;
use crate::spec::{Document, EventKind, Shown, SpecId, Status};
use crate::store::import::ImportFile;
use crate::store::view::{Look, Observation};
use crate::store::{Change, Recorded, SPEC_DIR, Spec, Store, spec_path};
use all::All;
use anyhow::Result;

/// Looks at every spec file of this checkout that is not as it was, and records what people did to it.
///
/// Inside a run, and in a run's worktree, nothing is picked up: what counts there is decided when the run ends. Nor is it in a clone that
/// is not set up: `init` asks the remote first which of the files are known there.
pub fn pick_up(ctx: &Context) -> Result<()> {
    let look = begin(ctx)?;
    end(ctx, look)?.tell(ctx)
}

/// The first half of [`pick_up`]: git compares the files while the caller does other things.
pub fn begin(ctx: &Context) -> Result<Option<Look>> {
    if ctx.inside_run.is_some() || is_run_worktree(ctx)? {
        return Ok(None);
    }
    files::finish_commit(ctx)?;
    if ctx.is_set_up() {
        return ctx.store().begin_look().map(Some);
    }
    if ctx.store().has_files() {
        ctx.out.hint(format!("the files in {SPEC_DIR} are not looked at before this clone is set up: git chant init"));
    }
    Ok(None)
}

/// The second half: records what people did.
pub fn end(ctx: &Context, look: Option<Look>) -> Result<News> {
    let Some(look) = look else { return Ok(News::default()) };
    let mut looked = ctx.store().look(look)?;
    let any = looked.has_news();
    // Whoever writes these files holds the lock; what they were before we had it may be old.
    let held = any.then(|| files::lock(ctx)).transpose()?;
    if any {
        looked = ctx.store().look(ctx.store().begin_look()?)?;
    }
    for reason in &looked.misnamed {
        ctx.out.warning(format!("a file in {SPEC_DIR} is passed over: {reason}"));
        ctx.out.hint("give it another name, with git mv where git knows it");
    }
    for id in &looked.conflicts {
        let path = spec_path(id);
        ctx.out.hint(format!("{path} is not looked at before its conflict is settled: edit it, then: git add {path}"));
    }
    let mut all = All::default();
    all.take(ctx, &mut looked.seen);
    all.adopt(ctx, &mut looked.seen);
    if any || looked.seen.is_empty() {
        ctx.store().remember(&looked.view, &looked.seen)?;
    }
    all.commit(ctx)?;
    let old = all.old;
    drop(held);
    Ok(News { any, old })
}

/// What a look at the files found.
#[derive(Default)]
pub struct News {
    /// There was something to look at, so that what was read before may be old.
    pub any: bool,
    /// Specs whose files are older versions of them.
    old: Vec<SpecId>,
}

impl News {
    /// Says which files are older than their specs.
    pub fn tell(&self, ctx: &Context) -> Result<()> {
        let Some(id) = self.old.first() else { return Ok(()) };
        let show = format!("git chant show {id} --body");
        ctx.out.hint(match self.old.len() {
            1 if ctx.repo.reference(&id.branch_ref())?.is_some() => {
                format!("{} is older than the spec here; the newer text comes with {}, or: {show}", spec_path(id), id.branch())
            }
            1 => format!("{} is older than the spec here; the newer text: {show}", spec_path(id)),
            many => format!("{many} files in {SPEC_DIR} are older than their specs here; the newer text of the first: {show}"),
        });
        Ok(())
    }
}

/// True in the linked worktree of a run, whose branch is `chant/<id>`.
fn is_run_worktree(ctx: &Context) -> Result<bool> {
    let linked = ctx.repo.git_dir().join("commondir").exists();
    Ok(linked && ctx.repo.current_branch()?.is_some_and(|branch| branch.starts_with("chant/")))
}

/// What a file was found to be.
enum Taken {
    /// Nothing is left to do.
    Whole,
    /// An edit, recorded; the file's blob now.
    Edit(Oid),
    /// A file that is to become a spec.
    New(ImportFile),
    /// What its spec was before.
    Old,
}

fn take(ctx: &Context, seen: &mut Observation) -> Result<Taken> {
    let store = ctx.store();
    let (Some(blob), Some(bytes)) = (seen.file, store.read_file(&seen.id)?) else { return Ok(Taken::Whole) };
    let document = Document::parse(bytes);
    let uncommitted = seen.file != seen.head;
    let Some(spec) = store.load(&seen.id)? else {
        return adopted(ctx, &seen.id, &document, uncommitted);
    };
    if spec.event.blob == blob.to_string() {
        return Ok(Taken::Whole);
    }
    if let Some(other) = rename::meant(ctx, &spec, &[seen.view, seen.head])? {
        rename::give_way(ctx, &seen.id, &other)?;
        ctx.out.note(format!("{} was made from a spec that is {other} now; so is its file.", spec_path(&seen.id)));
        seen.file = store.read_file(&seen.id)?.map(|bytes| ctx.repo.hash_blob(&bytes)).transpose()?;
        return Ok(Taken::Whole);
    }
    let Some(edit) = base_of_edit(ctx, &spec, seen, document, blob)? else { return Ok(Taken::Old) };
    edit.newest().front()?;
    if uncommitted {
        inside::trust(ctx, edit.newest())?;
    }
    let recorded = record(ctx, &spec.id, &edit)?;
    let now = ctx.repo.hash_blob(recorded.document.as_bytes())?;
    if now != blob {
        // Joined with what others did, or a status that was not granted: the person's bytes are in the history.
        if let Some(path) = store.file(&spec.id) {
            files::replace(&path, recorded.document.as_bytes())?;
        }
        seen.file = Some(now);
    }
    Ok(Taken::Edit(now))
}

/// A file whose id no spec has: somebody wrote it by hand, or it came with a branch.
fn adopted(ctx: &Context, id: &SpecId, document: &Document, uncommitted: bool) -> Result<Taken> {
    let store = ctx.store();
    if store.archived()?.contains_key(id) {
        return Ok(Taken::Whole);
    }
    document.front()?;
    if uncommitted {
        inside::trust(ctx, document)?;
    }
    Ok(Taken::New(ImportFile { id: id.clone(), bytes: document.as_bytes().to_vec() }))
}

/// What a person did to a file.
struct Edit {
    /// The version that it was made from.
    base: Recorded,
    /// Earlier steps of it that were committed, oldest first.
    before: Vec<Step>,
    /// The file as it is.
    last: Step,
}

/// One version that a person made.
struct Step {
    document: Document,
    /// Who made it, where a commit says so.
    author: Option<Signature>,
    /// Versions that a merge brought together here: whoever settled it knew them.
    knew: Vec<Oid>,
}

impl Edit {
    fn newest(&self) -> &Document {
        &self.last.document
    }
}

/// The version that an edit was made from, and who made it where a commit says so; `None` where the file is no edit.
fn base_of_edit(ctx: &Context, spec: &Spec, seen: &Observation, document: Document, blob: Oid) -> Result<Option<Edit>> {
    let mut history = ctx.store().history(spec.tip)?;
    history.reverse();
    let with_blob = |blob: Option<Oid>| {
        let blob = blob?.to_string();
        history.iter().rfind(|recorded| recorded.event.blob == blob).cloned()
    };
    let head = ctx.repo.head()?.commit;
    let mut versions = head.map_or_else(|| Ok(Vec::new()), |head| ctx.repo.path_history(head, &spec_path(&spec.id)))?;
    versions.reverse();
    let places = places(&history, &versions);
    let known = places.iter().rposition(Option::is_some);
    let root = || history[0].clone();
    let in_branch = || known.and_then(|at| places[at]).map(|place| history[place].clone());
    // HEAD's bytes again although HEAD has not moved: an edit that was not committed is undone.
    let again = seen.file == seen.head && seen.head == seen.head_before && seen.view.is_some();
    let undone = again && !is_a_runs(&history, seen.head, seen.view);
    if undone || seen.file != seen.head {
        let base = with_blob(seen.view).or_else(|| with_blob(seen.head)).or_else(in_branch).unwrap_or_else(root);
        return Ok(Some(Edit { base, before: Vec::new(), last: Step { document, author: None, knew: Vec::new() } }));
    }
    let step = |commit: Oid, document: Document| -> Result<Step> {
        let commit = ctx.repo.commit(commit)?;
        let at = |parent: &Oid| ctx.repo.entry_at(*parent, spec_path(&spec.id).as_bytes());
        let sides = commit.parents.iter().skip(1).map(at).collect::<Result<Vec<_>>>()?;
        let knew = sides.into_iter().flatten().filter_map(|(blob, _)| Some(with_blob(Some(blob))?.id)).collect();
        Ok(Step { document, author: Some(commit.author), knew })
    };
    let Some((newest, earlier)) = versions.split_last().filter(|(newest, _)| newest.1 == blob) else { return Ok(None) };
    let last = step(newest.0, document)?;
    match known {
        Some(known) if known + 1 == versions.len() => Ok(None),
        // Every commit since a version that the spec has is a step of its own, so that every clone makes the same events.
        Some(known) => {
            let steps = earlier[known + 1..].iter().map(|(commit, blob)| step(*commit, Document::parse(ctx.repo.blob(*blob)?)));
            let before = steps.filter(|step| step.as_ref().map_or(true, |step| step.document.front().is_ok())).collect::<Result<_>>()?;
            Ok(Some(Edit { base: in_branch().unwrap_or_else(root), before, last }))
        }
        None => {
            let base = with_blob(seen.view).unwrap_or_else(root);
            Ok(Some(Edit { base, before: Vec::new(), last }))
        }
    }
}

/// True where a run made what this checkout held since HEAD's version: that came from the run's branch (a merge that is not committed, a
/// `git checkout BRANCH -- FILE`), and whoever gives that up has edited nothing.
fn is_a_runs(history: &[Recorded], head: Option<Oid>, view: Option<Oid>) -> bool {
    let place = |blob: Option<Oid>| blob.and_then(|blob| history.iter().rposition(|recorded| recorded.event.blob == blob.to_string()));
    let (Some(head), Some(view)) = (place(head), place(view)) else { return false };
    let by_a_run = |kind| matches!(kind, EventKind::Start | EventKind::Finish | EventKind::Fail | EventKind::Attention);
    head < view && history[head + 1..=view].iter().any(|recorded| by_a_run(recorded.event.kind))
}

/// Where each of a branch's versions is among a spec's events, both oldest first, each at or after the one before it. A version that is
/// nowhere from there on is one that the spec does not know, or an old one that somebody put back.
fn places(history: &[Recorded], versions: &[(Oid, Oid)]) -> Vec<Option<usize>> {
    let mut from = 0;
    let place = |(_, blob): &(Oid, Oid)| {
        let blob = blob.to_string();
        let found = history[from..].iter().position(|recorded| recorded.event.blob == blob).map(|at| from + at);
        from = found.unwrap_or(from);
        found
    };
    versions.iter().map(place).collect()
}

/// Records an edit on the version it was made from, joined with the tip where that has moved on.
fn record(ctx: &Context, id: &SpecId, edit: &Edit) -> Result<Spec> {
    let store = ctx.store();
    loop {
        let tip = store.require(id)?;
        let joined = |next: &Spec| if edit.base.id == tip.tip { Ok(next.clone()) } else { store.join(&tip, next) };
        let mut from = store.load_at(id, edit.base.id)?;
        for step in &edit.before {
            from = knowing(&store, from, step)?;
            let (change, _) = requested(&from, &tip, &step.document, step.author.clone())?;
            from = store.prepare(&from, &change)?;
        }
        from = knowing(&store, from, &edit.last)?;
        // Where the steps before and what we had make up the file already, the last commit only put the two together.
        let alone = edit.before.is_empty() && edit.last.knew.is_empty();
        let together = if alone { None } else { Some(joined(&from)?).filter(|spec| spec.document == *edit.newest()) };
        let (change, refused) = requested(&from, &tip, edit.newest(), edit.last.author.clone())?;
        let next = match &together {
            Some(together) => together.clone(),
            None => joined(&store.prepare(&from, &change)?)?,
        };
        inside::trust_made_from(ctx, &[&tip.document, edit.newest()], &next.document)?;
        let Some(next) = store.publish(&next, Some(tip.tip), &[])? else { continue };
        let reset = together.is_none() && change.kind == EventKind::Reset;
        let what = if reset { format!(": taken back to the start, attempt {}", next.event.attempt) } else { String::new() };
        ctx.out.note(format!("Recorded your edit of {id}{what}."));
        let beside: Vec<&str> = next.event.extras("Conflict").chain(next.event.extras("Collided")).collect();
        if !beside.is_empty() && next.event.kind == EventKind::Join {
            let what = safe(&beside.join(" and "));
            ctx.out.warning(format!("somebody else changed its {what} at once, and one version was taken"));
            ctx.out.hint(format!("see both: git chant history {id}; settle it: git chant edit {id}"));
        }
        let completed = together.is_none() && refused.is_none() && wants(edit.newest(), &from) == Some(Status::Completed);
        if let Some(reason) = refused.filter(|_| together.is_none()) {
            ctx.out.warning(reason);
        }
        return if completed { super::finalize::finalize_on_request(ctx, &next) } else { Ok(next) };
    }
}

/// The version that a step was made from, together with those that a merge brought to it.
fn knowing(store: &Store<'_>, from: Spec, step: &Step) -> Result<Spec> {
    step.knew.iter().try_fold(from, |from, other| store.join(&from, &store.load_at(&from.id, *other)?))
}

/// The status that a file asks for, where it is another than the version it was made from had.
fn wants(document: &Document, from: &Spec) -> Option<Status> {
    let said = document.front().ok()?.status().ok()??;
    let had = from.document.front().ok().and_then(|front| front.status().ok().flatten()).unwrap_or(from.event.status);
    (said != had).then_some(said)
}

/// A hand-edited `status:` is a request for the verb. Granted ones come with the edit; for others the status line is put back.
fn requested(from: &Spec, tip: &Spec, document: &Document, author: Option<Signature>) -> Result<(Change, Option<String>)> {
    let status_word = document.front()?.status()?;
    let mut change = Change::new(EventKind::Edit).document(document.clone());
    change.author = author;
    let running = tip.event.status == Status::InProgress;
    let put_back = |change: Change| {
        let mut document = document.clone();
        match from.document.front().ok().and_then(|front| front.status) {
            Some(word) => document.set("status", word.into()),
            None => document.remove("status"),
        }
        change.document(document)
    };
    match wants(document, from) {
        None => Ok((change, None)),
        Some(_) if running => {
            let reason = format!("{} is in progress; its status was put back. Stop the run first: git chant pause {}", from.id, from.id);
            Ok((put_back(change), Some(reason)))
        }
        Some(Status::Pending) => {
            change.kind = EventKind::Reset;
            change.new_attempt = true;
            Ok((change.status(Status::Pending), None))
        }
        Some(status @ (Status::Cancelled | Status::Paused)) => {
            change.kind = if status == Status::Paused { EventKind::Pause } else { EventKind::Cancel };
            Ok((change.status(status), None))
        }
        Some(Status::Completed) => Ok((put_back(change), None)),
        Some(_) => {
            let word = status_word.map_or("that", Status::as_str);
            Ok((put_back(change), Some(format!("'{word}' is a status that only a run gives; it was put back."))))
        }
    }
}

/// Why a pending spec cannot start.
pub fn blockers(ctx: &Context, id: &SpecId) -> Result<Vec<Blocker>> {
    let (specs, _) = ctx.store().list()?;
    let graph = find::graph(ctx, &specs)?;
    match find::shown(&graph, id) {
        Shown::Blocked => Ok(graph.blockers(id)),
        _ => Ok(Vec::new()),
    }
}
