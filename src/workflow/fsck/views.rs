//! The archive's index, notes, files, and what a checkout was last seen to hold.

use super::Check;
use crate::git::Oid;
use crate::spec::{EventKind, SpecId};
use crate::store::notes::NOTES_REF;
use crate::store::{ARCHIVE_REF, spec_path};
use crate::workflow::files;
use anyhow::Result;

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

    /// Commits that runs of this clone finished say so in their notes. Other clones' notes come when they do.
    pub(super) fn notes(&mut self) -> Result<()> {
        if let Some(at) = self.ctx.repo.reference(NOTES_REF)?
            && self.ctx.repo.commit(at).and_then(|commit| self.ctx.repo.tree_entries(commit.tree)).is_err()
        {
            self.wrong(NOTES_REF, "it holds no notes", format!("git update-ref -d {NOTES_REF}, then: git chant fsck --repair"));
            return Ok(());
        }
        let store = self.ctx.store();
        for id in store.ids()? {
            // What is wrong with the spec itself is said elsewhere.
            let Some(history) = store.load(&id).ok().flatten().and_then(|spec| store.history(spec.tip).ok()) else { continue };
            for event in history.iter().map(|recorded| &recorded.event).filter(|event| event.kind == EventKind::Finish) {
                let tip = event.extra("Tip").and_then(Oid::from_hex).filter(|tip| self.ctx.repo.has_object(*tip));
                let run = event.extra("Run").unwrap_or_default();
                let (Some(tip), true) = (tip, !run.is_empty() && store.kept(run)?.is_some()) else { continue };
                let said = format!(": attempt {} completed", event.attempt);
                let have = store.note_of(tip)?;
                if !String::from_utf8_lossy(&have).lines().any(|line| line.ends_with(&said)) {
                    let text = format!("the note of {} does not tell that it finished", tip.short());
                    let line = format!("{id}{said}");
                    self.stale(id.as_str(), text, |ctx| ctx.store().note(tip, &line).map(|()| true));
                }
            }
        }
        Ok(())
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
                Ok(None) => {
                    let text = "it is no version of its spec, and could not be taken in as an edit";
                    self.wrong(spec_path(&id), text, format!("git chant edit {id}"));
                }
                // An old checkout, or a spec whose events cannot be read, which was said.
                Ok(Some(_)) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn follow(&mut self, id: &SpecId) {
        self.stale(spec_path(id), "it is an older version of its spec", |ctx| files::follow(ctx, id).map(|()| true));
    }
}
