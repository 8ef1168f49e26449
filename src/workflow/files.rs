//! Writing a spec's file into this checkout, and committing just that.

use crate::context::Context;
use crate::git::Oid;
use crate::git::checkout::PathCommit;
use crate::spec::{Document, EventKind, SpecId, intent};
use crate::store::{SPEC_DIR, Spec, spec_path};
use anyhow::{Context as _, Result};
use std::io::Write as _;
use std::path::Path;

/// Writes the spec's document to its file, and commits that path, after a verb changed the spec from a document whose blob was `was`
/// (`None`: the spec is new).
///
/// Of several verbs at once, the one whose version the file still is writes what all of them made. A file that is none of these versions
/// (another branch is checked out, or somebody is editing it) is left as it is: the next command will see it. From inside a run only
/// refs are written.
pub fn write_back(ctx: &Context, was: Option<Oid>, spec: &Spec, what: &str) -> Result<()> {
    if ctx.inside_run.is_some() {
        return Ok(());
    }
    let Some(path) = ctx.store().file(&spec.id) else { return Ok(()) };
    let _lock = lock(ctx)?;
    let now = ctx.store().read_file(&spec.id)?.map(|bytes| ctx.repo.hash_blob(&bytes)).transpose()?;
    let (newest, since) = since(ctx, spec)?;
    let in_between = now.is_some_and(|now| since.contains(&now.to_string()));
    if now != was && !in_between {
        return now.map_or(Ok(()), |now| left_alone(ctx, &newest, now));
    }
    let blob = ctx.repo.hash_blob(newest.document.as_bytes())?;
    if now != Some(blob) {
        replace(&path, newest.document.as_bytes())?;
    }
    ctx.store().remember_file(&spec.id, blob)?;
    commit_file(ctx, &spec.id, blob, &format!("chant({}): {what}\n", spec.id))
}

/// Says why a file was not written, unless the newer text comes by itself, with the run's branch, or asks for nothing else.
fn left_alone(ctx: &Context, spec: &Spec, now: Oid) -> Result<()> {
    let (id, path) = (&spec.id, spec_path(&spec.id));
    if ctx.store().last_seen(id)? != Some(now) {
        ctx.out.note(format!("{path} was edited meanwhile and is left as it is; the next command looks at it."));
    } else if ctx.repo.reference(&id.branch_ref())?.is_none() && is_behind(ctx, spec)? {
        ctx.out.note(format!("{path} here is older than the spec and was not changed; the spec as it is now: git chant show {id} --body"));
    }
    Ok(())
}

/// The same after a run: what that adds comes with its branch, so a file that nobody touched since is left to that without a word.
pub fn write_back_unless_behind(ctx: &Context, was: Option<Oid>, spec: &Spec, what: &str) -> Result<()> {
    let now = ctx.store().read_file(&spec.id)?.map(|bytes| ctx.repo.hash_blob(&bytes)).transpose()?;
    let untouched = now.is_some() && ctx.store().last_seen(&spec.id)? == now;
    if untouched && now != was { Ok(()) } else { write_back(ctx, was, spec, what) }
}

/// The newest version that verbs have made from this one, and the blobs on the way there, both ends included. What a run adds comes with
/// its branch.
fn since(ctx: &Context, spec: &Spec) -> Result<(Spec, Vec<String>)> {
    let mut blobs = vec![spec.event.blob.clone()];
    let tip = ctx.store().load(&spec.id)?.map_or(spec.tip, |now| now.tip);
    let mut newest = spec.tip;
    if tip != spec.tip {
        for recorded in ctx.store().history(tip)?.into_iter().rev().filter(|recorded| recorded.id != spec.tip) {
            if !recorded.parents.contains(&newest) {
                continue;
            }
            if recorded.event.kind == EventKind::Start {
                break;
            }
            newest = recorded.id;
            blobs.push(recorded.event.blob);
        }
    }
    let spec = if newest == spec.tip { spec.clone() } else { ctx.store().load_at(&spec.id, newest)? };
    Ok((spec, blobs))
}

/// One process at a time looks at and writes the spec files of a checkout. Held for moments only.
pub fn lock(ctx: &Context) -> Result<std::fs::File> {
    let file = crate::git::lock_file(ctx.repo.git_dir(), "files.lock")?;
    file.lock().context("could not lock this checkout's spec files")?;
    Ok(file)
}

/// Brings a commit of spec files to its end that an earlier command was killed over.
pub fn finish_commit(ctx: &Context) -> Result<()> {
    if ctx.repo.work_dir().is_none() || !ctx.repo.has_unfinished_commit() {
        return Ok(());
    }
    let _lock = lock(ctx)?;
    ctx.repo.finish_commit()
}

/// In silent mode no branch brings a finished document here, so the file follows the spec, unless a person is editing it.
pub fn follow(ctx: &Context, id: &SpecId) -> Result<()> {
    if ctx.silent() { write_newest(ctx, id, |_, _| Ok(true)) } else { Ok(()) }
}

/// After a fetch. A file that is in no commit here comes with no branch either, and follows what others made of the text. What runs make
/// of it is left to the branches of runs.
pub fn follow_fetched(ctx: &Context, id: &SpecId) -> Result<()> {
    if ctx.silent() {
        return follow(ctx, id);
    }
    write_newest(ctx, id, |spec, bytes| {
        let head = ctx.repo.head()?.commit.map(|commit| ctx.repo.entry_at(commit, spec_path(id).as_bytes())).transpose()?.flatten();
        let committed = head.is_some_and(|(blob, _)| ctx.repo.hash_blob(bytes).is_ok_and(|now| now == blob));
        Ok(!committed && intent::of(&Document::parse(bytes)) != intent::of(&spec.document))
    })
}

/// Writes a spec to its file where that holds an older version of it, is as it was last seen, and `may` be written.
fn write_newest(ctx: &Context, id: &SpecId, may: impl Fn(&Spec, &[u8]) -> Result<bool>) -> Result<()> {
    let store = ctx.store();
    let (Some(path), None) = (store.file(id).filter(|path| path.exists()), &ctx.inside_run) else { return Ok(()) };
    let _lock = lock(ctx)?;
    let (Some(spec), Some(bytes)) = (store.load(id)?, store.read_file(id)?) else { return Ok(()) };
    if bytes == spec.document.as_bytes() || !may(&spec, &bytes)? {
        return Ok(());
    }
    let now = ctx.repo.hash_blob(&bytes)?;
    // What is not as it was last seen is an edit, whatever its bytes.
    if store.last_seen(id)? != Some(now) || store.event_with_blob(&spec, now)?.is_none() {
        return Ok(());
    }
    replace(&path, spec.document.as_bytes())?;
    store.remember_file(id, ctx.repo.hash_blob(spec.document.as_bytes())?)
}

/// True where the file here asks for something else than its spec, and nobody has changed it: a branch that is not here yet has the newer one.
pub fn is_behind(ctx: &Context, spec: &Spec) -> Result<bool> {
    let store = ctx.store();
    let Some(bytes) = store.read_file(&spec.id)?.filter(|_| !ctx.silent()) else { return Ok(false) };
    let blob = ctx.repo.hash_blob(&bytes)?;
    let differs = blob.to_string() != spec.event.blob && intent::of(&Document::parse(bytes)) != intent::of(&spec.document);
    Ok(differs && store.event_with_blob(spec, blob)?.is_some())
}

/// The spec files of this checkout that cannot be read as specs, and why: every look leaves them as they are.
pub fn unreadable(ctx: &Context) -> Result<Vec<(SpecId, String)>> {
    let entries = ctx.repo.work_dir().and_then(|top| std::fs::read_dir(top.join(SPEC_DIR)).ok());
    let names = entries.into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found = Vec::new();
    for id in names.filter_map(|name| SpecId::parse(name.strip_suffix(".md")?).ok()) {
        let Some(bytes) = ctx.store().read_file(&id)? else { continue };
        if let Err(error) = Document::parse(bytes).front()
            && !ctx.repo.is_in_conflict(&spec_path(&id))?
        {
            found.push((id, format!("{error:#}")));
        }
    }
    found.sort();
    Ok(found)
}

/// Commits a spec's file as it is on disk, where this checkout may; else says in one line that it is not committed.
pub fn commit_file(ctx: &Context, id: &SpecId, blob: Oid, message: &str) -> Result<()> {
    commit_files(ctx, &[(id.clone(), blob)], message)
}

/// The most files in one commit: their names are arguments of git.
const MOST: usize = 500;

/// The same for many files, in a commit together. Where one of them cannot be, each is tried by itself.
pub fn commit_files(ctx: &Context, files: &[(SpecId, Oid)], message: &str) -> Result<()> {
    if !ctx.commits_files() {
        return Ok(());
    }
    let head = ctx.repo.head()?.commit;
    let mut new = Vec::new();
    for (id, blob) in files {
        let there = head.map(|commit| ctx.repo.entry_at(commit, spec_path(id).as_bytes())).transpose()?.flatten();
        if there.is_none_or(|(there, _)| there != *blob) {
            new.push((id.clone(), *blob));
        }
    }
    for some in new.chunks(MOST) {
        let paths: Vec<_> = some.iter().map(|(id, blob)| (spec_path(id), Some(*blob))).collect();
        match (ctx.repo.commit_paths(&paths, message)?, some) {
            (PathCommit::Done(_) | PathCommit::Already, _) => ctx.store().remember_files(some)?,
            (PathCommit::NotCommitted(reason), [(id, _)]) => {
                ctx.out.note(format!("{} is written but not committed: {reason}.", spec_path(id)));
            }
            (PathCommit::NotCommitted(_), _) => {
                for one in some {
                    commit_files(ctx, std::slice::from_ref(one), message)?;
                }
            }
        }
    }
    Ok(())
}

/// Puts these bytes at a path by writing beside it and renaming: a reader sees the old file or the new one, never half.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let dir = path.parent().context("a file lies in a directory")?;
    std::fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
    let mut file =
        tempfile::Builder::new().prefix(".chant-").tempfile_in(dir).with_context(|| format!("could not write in {}", dir.display()))?;
    file.write_all(bytes).with_context(|| format!("could not write {}", path.display()))?;
    let mode = std::fs::metadata(path).map_or_else(|_| new_file_mode(), |meta| meta.permissions());
    file.as_file().set_permissions(mode).with_context(|| format!("could not set the mode of {}", path.display()))?;
    file.persist(path).with_context(|| format!("could not write {}", path.display()))?;
    Ok(())
}

fn new_file_mode() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::Permissions::from_mode(0o644)
}
