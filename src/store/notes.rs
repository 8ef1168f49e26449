//! The view on commits: one line for each event that concerns a commit, for `git log --notes=chant`. Best effort, never decisive.
//!
//! Written as a tree of our own with a compare-and-swap on the notes ref, because `git notes append` loses lines beside another one.

use super::Store;
use crate::git::{CommitDraft, Oid, RefChange, RefUpdate};
use anyhow::Result;
use std::collections::BTreeMap;

/// The notes that `git log --notes=chant` shows.
pub const NOTES_REF: &str = "refs/notes/chant";

impl Store<'_> {
    /// Adds a line to the note of a commit. Concurrent writers keep each other's lines; after many lost races it gives up silently.
    pub fn note(&self, commit: Oid, line: &str) -> Result<()> {
        let line = format!("{}\n", crate::spec::event::one_line(line)).into_bytes();
        self.change_note(commit, |text| match lines(text).any(|have| have == line) {
            true => text.to_vec(),
            false => [text, &line].concat(),
        })
    }

    /// Takes a line out of the note of a commit.
    pub fn unnote(&self, commit: Oid, line: &str) -> Result<()> {
        let line = format!("{line}\n").into_bytes();
        self.change_note(commit, |text| lines(text).filter(|have| *have != line).collect::<Vec<_>>().concat())
    }

    fn change_note(&self, commit: Oid, change: impl Fn(&[u8]) -> Vec<u8>) -> Result<()> {
        for _ in 0..20 {
            let old = self.repo.reference(NOTES_REF)?;
            let tree = old.map(|old| self.repo.commit(old)).transpose()?.map(|commit| commit.tree);
            let path = self.note_path(tree, commit)?;
            let text = match tree.map(|tree| self.repo.entry_at(tree, path.as_bytes())).transpose()?.flatten() {
                Some((blob, _)) => self.repo.blob(blob)?,
                None => Vec::new(),
            };
            let new = change(&text);
            if new == text {
                return Ok(());
            }
            let blob = if new.is_empty() { None } else { Some(self.repo.write_blob(&new)?) };
            let tree = self.repo.edit_tree(tree, &[(path.into_bytes(), blob)])?;
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

    /// Every commit's note.
    pub fn notes(&self) -> Result<BTreeMap<Oid, Vec<u8>>> {
        let Some(at) = self.repo.reference(NOTES_REF)? else { return Ok(BTreeMap::new()) };
        let notes = self.read_notes(at)?.into_iter().filter_map(|(commit, blob)| Some((Oid::from_hex(&commit)?, blob)));
        notes.map(|(commit, blob)| Ok((commit, self.repo.blob(blob)?))).collect()
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

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&byte| byte == b'\n')
}
