//! Two specs had one id: ours is called otherwise now, and what bore its name follows.
//!
//! The transaction that renames leaves a mark, which goes when the files of this checkout have followed: a kill in between is mended by
//! the next command. Other worktrees follow when somebody edits the file there.

use super::files;
use crate::context::Context;
use crate::git::checkout::PathCommit;
use crate::git::{Oid, RefChange, RefUpdate};
use crate::spec::SpecId;
use crate::store::sync::{State, run_ref};
use crate::store::{Spec, Store, spec_path};
use anyhow::Result;

/// Renames whose files have not followed yet, by the new name; each holds the spec as it was then.
const MARKS: &str = "refs/chant-renamed/";

/// The refs that rename a spec of ours; its live ref itself is theirs to move.
pub fn changes(ours: &Spec, to: &SpecId, state: &State, theirs: &State) -> Vec<RefChange> {
    let new = |name: String, tip: Oid| RefChange::new(name, None, Some(tip));
    let mut list = vec![new(to.ref_name(), ours.tip), new(format!("{MARKS}{to}"), ours.tip)];
    let below = format!("{}/", ours.id);
    for (name, tip) in state.runs.iter().filter(|(name, _)| name.starts_with(&below) && !theirs.runs.contains_key(*name)) {
        list.push(new(run_ref(&name.replacen(ours.id.as_str(), to.as_str(), 1)), *tip));
        list.push(RefChange::new(run_ref(name), Some(*tip), None));
    }
    list
}

/// True where a branch holds work of ours under the name: its commits name the id, which the gate would take for theirs.
pub fn has_work(store: &Store<'_>, ours: &Spec) -> Result<bool> {
    let branch = store.repo.reference(&ours.id.branch_ref())?;
    Ok(ours.event.attempt > 0 && branch.is_some())
}

/// Brings the files of this checkout after every rename that is marked.
pub fn finish(ctx: &Context) -> Result<()> {
    if ctx.inside_run.is_some() {
        return Ok(());
    }
    for (name, tip) in ctx.repo.references(MARKS)? {
        let to = name.strip_prefix(MARKS).and_then(|id| SpecId::parse(id).ok());
        if let Some((from, to)) = to.and_then(|to| Some((to.driver()?, to))) {
            let _lock = files::lock(ctx)?;
            give_way(ctx, &from, &to)?;
        }
        // Lost: another command was as fast, and has done the same.
        match ctx.repo.update_refs(&[RefChange::new(name, Some(tip), None)], "chant: rename")? {
            RefUpdate::Done | RefUpdate::Lost => {}
        }
    }
    Ok(())
}

/// The spec that a file was made from, where that is one that had to give this id away. `made_from` are what was last seen of the file, and
/// what its branch has: one from before the rename brings it back under the old name.
pub fn meant(ctx: &Context, kept: &Spec, made_from: &[Option<Oid>]) -> Result<Option<SpecId>> {
    let store = ctx.store();
    for blob in made_from.iter().flatten() {
        if store.event_with_blob(kept, *blob)?.is_some() {
            continue;
        }
        for ours in store.gave_away(&kept.id)? {
            if store.event_with_blob(&ours, *blob)?.is_some() {
                return Ok(Some(ours.id));
            }
        }
    }
    Ok(None)
}

/// The file moves to the new name; the old one shows the spec that keeps it. The caller holds the lock of this checkout's files.
pub fn give_way(ctx: &Context, from: &SpecId, to: &SpecId) -> Result<()> {
    let store = ctx.store();
    let (Some(old), Some(new)) = (store.file(from), store.file(to)) else { return Ok(()) };
    let live = store.load(to)?;
    let archived = live.is_none();
    let ours = if archived { store.load_archived(to)? } else { live };
    let (Some(kept), Some(ours)) = (store.load(from)?, ours) else { return Ok(()) };
    let Some(bytes) = store.read_file(from)? else { return Ok(()) };
    let now = ctx.repo.hash_blob(&bytes)?;
    let newest = ctx.repo.hash_blob(ours.document.as_bytes())?;
    let write = |bytes: &[u8]| if new.exists() { Ok(()) } else { files::replace(&new, bytes) };
    if ctx.repo.is_in_conflict(&spec_path(from))? {
        write(ours.document.as_bytes())?;
        let (path, other, spec) = (spec_path(from), spec_path(to), from.ref_name());
        ctx.out.note(format!("{path} is in conflict: git has mixed two specs. Yours is in {other} now."));
        ctx.out.hint(format!("git show {spec}:spec.md >{path} && git add {path} {other}"));
        return store.remember_file(to, newest);
    }
    let was_ours = |blob: Oid| Ok::<_, anyhow::Error>(store.event_with_blob(&ours, blob)?.is_some());
    let mut edited = false;
    if store.event_with_blob(&kept, now)?.is_some() {
        // A merge has brought the file of the spec that keeps the name.
        let seen = store.last_seen(from)?.map(was_ours).transpose()?;
        if seen != Some(true) || new.exists() {
            return Ok(());
        }
        write(ours.document.as_bytes())?;
    } else if was_ours(now)? {
        // The archive has what was archived.
        if !archived {
            write(ours.document.as_bytes())?;
        }
    } else {
        edited = true;
        write(&bytes)?;
        if store.read_file(to)?.as_ref() != Some(&bytes) {
            return Ok(());
        }
    }
    files::replace(&old, kept.document.as_bytes())?;
    let mut names = vec![(from.clone(), ctx.repo.hash_blob(kept.document.as_bytes())?)];
    // A file that was there already may hold an edit.
    if edited || store.read_file(to)?.as_deref() == Some(ours.document.as_bytes()) {
        names.push((to.clone(), newest));
    }
    store.remember_files(&names)?;
    // Bytes that a person is still changing are not committed; the next command records them as an edit.
    if edited || !ctx.commits_files() {
        return Ok(());
    }
    let paths: Vec<_> = names.iter().map(|(id, blob)| (spec_path(id), Some(*blob))).collect();
    match ctx.repo.commit_paths(&paths, &format!("chant({to}): rename from {from}\n"))? {
        PathCommit::Done(_) | PathCommit::Already => store.remember_files(&names),
        PathCommit::NotCommitted(reason) => {
            ctx.out.note(format!("{} is written but not committed: {reason}.", spec_path(to)));
            Ok(())
        }
    }
}

/// What somebody should know of a rename: that it was, and which specs of ours name the old id still.
pub fn remarks(ctx: &Context, from: &SpecId, to: &SpecId) -> Result<Vec<String>> {
    let mut lines = vec![format!("Another spec has the id {from} there and keeps it; yours is {to} now.")];
    let (specs, _) = ctx.store().list()?;
    for spec in specs.iter().filter(|spec| spec.event.depends_on.iter().any(|id| id == from.as_str())) {
        let id = &spec.id;
        lines.push(format!("{id} depends on {from}; if it means yours: git chant edit {id} --no-depends-on {from} --depends-on {to}"));
    }
    Ok(lines)
}
