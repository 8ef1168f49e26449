//! Edits that people make to spec files by hand: seen before a command decides anything, and recorded as events.
//!
//! Nothing is dropped: a file that cannot be read as a spec stays as it is and is named. Nothing is invented: an old checkout is no edit.

use super::{files, find};
use crate::context::Context;
use crate::git::{Oid, Signature};
use crate::spec::{Document, EventKind, Shown, SpecId, Status, intent};
use crate::store::import::ImportFile;
use crate::store::view::{Look, Observation};
use crate::store::{Change, Recorded, Spec, spec_path};
use anyhow::Result;

/// Looks at every spec file of this checkout that is not as it was, and records what people did to it.
///
/// Inside a run, and in a run's worktree, nothing is picked up: what counts there is decided when the run ends.
pub fn pick_up(ctx: &Context) -> Result<()> {
    let look = begin(ctx)?;
    end(ctx, look).map(drop)
}

/// The first half of [`pick_up`]: git compares the files while the caller does other things.
pub fn begin(ctx: &Context) -> Result<Option<Look>> {
    let blind = ctx.inside_run.is_some() || is_run_worktree(ctx)?;
    if blind { Ok(None) } else { ctx.store().begin_look().map(Some) }
}

/// The second half: records what people did. True when there was anything to look at, so that what was read before may be old.
pub fn end(ctx: &Context, look: Option<Look>) -> Result<bool> {
    let Some(look) = look else { return Ok(false) };
    let (mut view, mut seen) = ctx.store().look(look)?;
    let any = !seen.is_empty();
    // Whoever writes these files holds the lock; what they were before we had it may be old.
    let held = any.then(|| files::lock(ctx)).transpose()?;
    if any {
        (view, seen) = ctx.store().look(ctx.store().begin_look()?)?;
    }
    for observation in &mut seen {
        if observation.file.is_none() || observation.file == observation.view {
            continue;
        }
        if let Err(error) = take(ctx, observation) {
            ctx.out.warning(format!("{}: {error:#}", spec_path(&observation.id)));
            ctx.out.hint(format!("the file is as you left it; git chant edit {}", observation.id));
            // Not seen, so that the next command looks again.
            observation.file = observation.view;
        }
    }
    ctx.store().remember(&view, &seen)?;
    drop(held);
    Ok(any)
}

/// True in the linked worktree of a run, whose branch is `chant/<id>`.
fn is_run_worktree(ctx: &Context) -> Result<bool> {
    let linked = ctx.repo.git_dir().join("commondir").exists();
    Ok(linked && ctx.repo.current_branch()?.is_some_and(|branch| branch.starts_with("chant/")))
}

fn take(ctx: &Context, seen: &mut Observation) -> Result<()> {
    let store = ctx.store();
    let (Some(blob), Some(bytes)) = (seen.file, store.read_file(&seen.id)?) else { return Ok(()) };
    let document = Document::parse(bytes);
    let uncommitted = seen.file != seen.head;
    let Some(spec) = store.load(&seen.id)? else {
        return adopt(ctx, &seen.id, document, uncommitted);
    };
    if spec.event.blob == blob.to_string() {
        return Ok(());
    }
    let Some((base, author)) = base_of_edit(ctx, &spec, seen, blob, uncommitted)? else { return Ok(()) };
    document.front()?;
    if uncommitted {
        store.trust(&intent::id(&document))?;
    }
    let recorded = record(ctx, &spec.id, &base, &document, author)?;
    let now = ctx.repo.hash_blob(recorded.document.as_bytes())?;
    if now != blob {
        // Joined with what others did, or a status that was not granted: the person's bytes are in the history.
        if let Some(path) = store.file(&spec.id) {
            files::replace(&path, recorded.document.as_bytes())?;
        }
        seen.file = Some(now);
    }
    store.remember_file(&spec.id, now)?;
    files::commit_file(ctx, &spec.id, now, &format!("chant({}): edit spec\n", spec.id))
}

/// A file whose id no spec has: somebody wrote it by hand, or it came with a branch.
fn adopt(ctx: &Context, id: &SpecId, document: Document, uncommitted: bool) -> Result<()> {
    let store = ctx.store();
    if store.archived()?.contains_key(id) {
        return Ok(());
    }
    document.front()?;
    if uncommitted {
        store.trust(&intent::id(&document))?;
    }
    let blob = ctx.repo.hash_blob(document.as_bytes())?;
    store.import(&[ImportFile { id: id.clone(), bytes: document.as_bytes().to_vec() }])?;
    ctx.out.note(format!("Took over {} as spec {id}.", spec_path(id)));
    store.remember_file(id, blob)?;
    files::commit_file(ctx, id, blob, &format!("chant({id}): add spec\n"))
}

/// The version that an edit was made from, and who made it where a commit says so; `None` where the file is no edit.
fn base_of_edit(
    ctx: &Context,
    spec: &Spec,
    seen: &Observation,
    blob: Oid,
    uncommitted: bool,
) -> Result<Option<(Recorded, Option<Signature>)>> {
    let store = ctx.store();
    if uncommitted {
        for version in [seen.view, seen.head].into_iter().flatten() {
            if let Some(base) = store.event_with_blob(spec, version)? {
                return Ok(Some((base, None)));
            }
        }
        return Ok(store.history(spec.tip)?.pop().map(|root| (root, None)));
    }
    let Some(head) = ctx.repo.head()?.commit else { return Ok(None) };
    let versions = ctx.repo.path_history(head, &spec_path(&spec.id))?;
    let author = versions.first().map(|(commit, _)| ctx.repo.commit(*commit)).transpose()?.map(|commit| commit.author);
    let history = store.history(spec.tip)?;
    let place = |blob: Oid| history.iter().position(|recorded| recorded.event.blob == blob.to_string());
    // The branch's earlier versions of the file, newest first, as places in the spec's history (0 is the tip).
    let mut earlier = versions.iter().skip(1).filter_map(|(_, blob)| place(*blob));
    match place(blob) {
        None => {
            let base = earlier.next().unwrap_or(history.len() - 1);
            Ok(Some((history[base].clone(), author)))
        }
        // A version from before one that this branch held already: somebody put it back.
        Some(known) => match earlier.find(|place| *place < known) {
            Some(base) => Ok(Some((history[base].clone(), author))),
            None => {
                ctx.out.hint(format!("{} is an older version here; git chant show {}", spec_path(&spec.id), spec.id));
                Ok(None)
            }
        },
    }
}

/// Records an edit on the version it was made from, joined with the tip where that has moved on.
fn record(ctx: &Context, id: &SpecId, base: &Recorded, document: &Document, author: Option<Signature>) -> Result<Spec> {
    let store = ctx.store();
    loop {
        let tip = store.require(id)?;
        let from = store.load_at(id, base.id)?;
        let (change, refused) = requested(&from, &tip, document, author.clone())?;
        let edited = store.prepare(&from, &change)?;
        let next = if from.tip == tip.tip { edited } else { store.join(&tip, &edited)? };
        let Some(next) = store.publish(&next, Some(tip.tip), &[])? else { continue };
        ctx.out.note(format!("Recorded your edit of {id}."));
        if let Some(reason) = refused {
            ctx.out.warning(reason);
        }
        if wants(document, &from) == Some(Status::Completed) {
            return super::finalize::finalize_on_request(ctx, &next);
        }
        return Ok(next);
    }
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
            let reason = format!("{} is in progress; its status was put back. Stop the run first: git chant reset {}", from.id, from.id);
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

/// For `show`: why a pending spec cannot start, one line each.
pub fn blockers(ctx: &Context, id: &SpecId) -> Result<Vec<String>> {
    let (specs, _) = ctx.store().list()?;
    let graph = find::graph(ctx, &specs)?;
    match find::shown(&graph, id) {
        Shown::Blocked => Ok(graph.blockers(id).iter().map(ToString::to_string).collect()),
        _ => Ok(Vec::new()),
    }
}
