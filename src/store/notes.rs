//! The view on commits: one line for each event that concerns a commit, for `git log --notes=chant`. Best effort, never decisive.
//!
//! Written as a tree of our own with a compare-and-swap on the notes ref, because `git notes append` loses lines beside another one.

use super::Store;
use crate::git::{CommitDraft, Oid, RefChange, RefUpdate};
use anyhow::Result;

/// The notes that `git log --notes=chant` shows.
pub const NOTES_REF: &str = "refs/notes/chant";

impl Store<'_> {
    /// Adds a line to the note of a commit. Concurrent writers keep each other's lines; after many lost races it gives up silently.
    pub fn note(&self, commit: Oid, line: &str) -> Result<()> {
        for _ in 0..20 {
            let old = self.repo.reference(NOTES_REF)?;
            let tree = old.map(|old| self.repo.commit(old)).transpose()?.map(|commit| commit.tree);
            let path = self.note_path(tree, commit)?;
            let mut text = match tree.map(|tree| self.repo.entry_at(tree, path.as_bytes())).transpose()?.flatten() {
                Some((blob, _)) => self.repo.blob(blob)?,
                None => Vec::new(),
            };
            let line = format!("{}\n", crate::spec::event::one_line(line));
            if text.split_inclusive(|&byte| byte == b'\n').any(|have| have == line.as_bytes()) {
                return Ok(());
            }
            text.extend_from_slice(line.as_bytes());
            let blob = self.repo.write_blob(&text)?;
            let tree = self.repo.edit_tree(tree, &[(path.into_bytes(), Some(blob))])?;
            let who = self.repo.committer()?;
            let draft = CommitDraft {
                tree,
                parents: old.into_iter().collect(),
                message: "Notes added by 'git chant'\n".to_owned(),
                author: who.clone(),
                committer: who,
            };
            let new = self.repo.write_commit(&draft)?;
            if self.repo.update_refs(&[RefChange::new(NOTES_REF, old, Some(new))], "chant: note")? == RefUpdate::Done {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The note of a commit; empty where there is none.
    pub fn note_of(&self, commit: Oid) -> Result<Vec<u8>> {
        let Some(at) = self.repo.reference(NOTES_REF)? else { return Ok(Vec::new()) };
        let tree = self.repo.commit(at)?.tree;
        match self.repo.entry_at(tree, self.note_path(Some(tree), commit)?.as_bytes())? {
            Some((blob, _)) => self.repo.blob(blob),
            None => Ok(Vec::new()),
        }
    }

    /// Where git looks for a commit's note: flat, or in the fan-out that `git notes` itself may have made of the tree.
    fn note_path(&self, tree: Option<Oid>, commit: Oid) -> Result<String> {
        let hex = commit.to_string();
        let fanned = format!("{}/{}", &hex[..2], &hex[2..]);
        let Some(tree) = tree else { return Ok(hex) };
        let has_fan_out = self.repo.tree_entries(tree)?.iter().any(|(name, _)| name.len() == 2);
        Ok(if has_fan_out { fanned } else { hex })
    }
}
