//! The archive's index, notes, files, and what a checkout was last seen to hold.

use super::Check;
use crate::git::Oid;
use crate::output::safe;
use crate::spec::{EventKind, SpecId};
use crate::store::notes::NOTES_REF;
use crate::store::{ARCHIVE_REF, SPEC_REFS, spec_path};
use crate::workflow::files;
use anyhow::Result;
use std::collections::BTreeMap;

/// A run that finished: its name, its tip, and what a note of it ends with.
type Finished = (String, Oid, String);

impl Check<'_> {
    pub(super) fn archive(&mut self) {
        let check = match self.ctx.store().check_archive_of_ours() {
            Ok(check) => check,
            Err(error) => return self.wrong(ARCHIVE_REF, format!("it cannot be read: {error:#}"), "git fsck --connectivity-only"),
        };
        for text in &check.lost {
            self.wrong(ARCHIVE_REF, text, format!("git log -p --cc {ARCHIVE_REF}"));
        }
        if !check.stale.is_empty() {
            let text = check.stale.join("; ");
            self.stale(ARCHIVE_REF, text, |ctx| ctx.store().rebuild_archive(&check));
        }
    }

    /// Commits that runs of this clone finished say so in their notes, and no note tells of a run that never finished there. What other
    /// clones' runs finished is told by notes of theirs, which come when they do.
    pub(super) fn notes(&mut self) -> Result<()> {
        let store = self.ctx.store();
        let notes = match store.notes() {
            Ok(notes) => notes,
            // A commit that cannot be read may have lines of people's own.
            Err(_) if self.ctx.repo.reference(NOTES_REF)?.is_none_or(|at| !self.ctx.repo.is_no_commit(at)) => {
                self.wrong(NOTES_REF, "it holds no notes", format!("git update-ref -d {NOTES_REF}, then: git chant fsck --repair"));
                return Ok(());
            }
            Err(_) => {
                self.stale(NOTES_REF, "it holds no notes", |ctx| ctx.store().drop_notes());
                BTreeMap::new()
            }
        };
        let finished = self.finished()?;
        for (id, all) in &finished {
            for (run, tip, said) in all.iter().filter(|(run, ..)| !run.is_empty()) {
                let ours = store.kept(run)?.is_some() && self.ctx.repo.has_object(*tip);
                let have = notes.get(tip).map(Vec::as_slice).unwrap_or_default();
                if ours && !String::from_utf8_lossy(have).lines().any(|line| line.ends_with(said)) {
                    let text = format!("the note of {} does not tell that it finished", tip.short());
                    let line = format!("{id}{said}");
                    self.stale(id.as_str(), text, |ctx| ctx.store().note(*tip, &line).map(|()| true));
                }
            }
        }
        for (commit, text) in &notes {
            for line in String::from_utf8_lossy(text).lines() {
                let Some((id, _)) = line.split_once(": attempt ").filter(|(_, rest)| is_end(rest)) else { continue };
                // A spec that had to give its id away is told of under its old one.
                let family = |(other, _): &(&SpecId, _)| other.as_str() == id || other.driver().is_some_and(|driver| driver.as_str() == id);
                let mut known = finished.iter().filter(family).peekable();
                if known.peek().is_none() || known.any(|(_, all)| all.iter().any(|(_, tip, said)| tip == commit && line.ends_with(said))) {
                    continue;
                }
                let text = format!("the note of {} tells of a run that did not finish there: {line}", commit.short());
                self.stale(safe(id), text, |ctx| ctx.store().unnote(*commit, line).map(|()| true));
            }
        }
        Ok(())
    }

    /// What runs finished, live and archived: the run, its tip, and what a note of it ends with. What is wrong with a spec itself is said
    /// elsewhere.
    fn finished(&self) -> Result<BTreeMap<SpecId, Vec<Finished>>> {
        let store = self.ctx.store();
        let live = self.ctx.repo.references(SPEC_REFS)?;
        let live = live.into_iter().filter_map(|(name, tip)| Some((SpecId::parse(name.strip_prefix(SPEC_REFS)?).ok()?, tip)));
        let mut found: BTreeMap<SpecId, Vec<_>> = BTreeMap::new();
        for (id, tip) in store.archived().unwrap_or_default().into_iter().chain(live) {
            let Ok(history) = store.history(tip) else { continue };
            let all = found.entry(id).or_default();
            for event in history.iter().map(|recorded| &recorded.event).filter(|event| event.kind == EventKind::Finish) {
                if let Some(tip) = event.extra("Tip").and_then(Oid::from_hex) {
                    let run = event.extra("Run").unwrap_or_default().to_owned();
                    all.push((run, tip, format!(": attempt {} completed", event.attempt)));
                }
            }
        }
        Ok(found)
    }

    pub(super) fn view(&mut self) -> Result<()> {
        if let Some(error) = self.ctx.store().check_view()? {
            let text = format!("what this checkout's files were last made from cannot be read: {error}");
            self.stale("refs/worktree/chant/view", text, |ctx| ctx.store().drop_view().map(|()| true));
        }
        Ok(())
    }

    /// Files of this checkout that are no version of their spec: whoever looks first takes an edit in, so this one could not be.
    pub(super) fn files(&mut self) -> Result<()> {
        let store = self.ctx.store();
        for id in store.ids()? {
            let (Ok(Some(bytes)), Ok(Some(spec))) = (store.read_file(&id), store.load(&id)) else { continue };
            let blob = self.ctx.repo.hash_blob(&bytes)?;
            if spec.event.blob == blob.to_string() || bytes == spec.document.as_bytes() {
                continue;
            }
            match store.event_with_blob(&spec, blob) {
                Ok(Some(_)) if self.ctx.silent() => self.follow(&id),
                Ok(None) if self.ctx.repo.is_in_conflict(&spec_path(&id))? => {
                    let path = spec_path(&id);
                    self.wrong(&path, "it is in conflict: edit it, then say that it is settled", format!("git add {path}"));
                }
                Ok(None) => {
                    let text = "it is no version of its spec, and could not be taken in as an edit";
                    self.wrong(spec_path(&id), text, format!("git chant edit {id}"));
                }
                // An old checkout, or a spec whose events cannot be read, which was said.
                Ok(Some(_)) | Err(_) => {}
            }
        }
        for (id, error) in files::unreadable(self.ctx)? {
            // Those of specs are no version of them.
            if store.load(&id).is_ok_and(|spec| spec.is_none()) {
                let path = spec_path(&id);
                self.wrong(&path, format!("it cannot be read as a spec: {error}"), format!("$(git var GIT_EDITOR) {path}"));
            }
        }
        Ok(())
    }

    fn follow(&mut self, id: &SpecId) {
        self.stale(spec_path(id), "it is an older version of its spec", |ctx| files::follow(ctx, id).map(|()| true));
    }
}

/// What a note says of a run that finished: `2 completed`.
fn is_end(rest: &str) -> bool {
    rest.split_once(' ').is_some_and(|(attempt, how)| attempt.parse::<u32>().is_ok() && how == "completed")
}
