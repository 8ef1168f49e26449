//! A commit of paths that was cut between index and branch: the next command brings it to its end, or takes it back.

use super::checkout::PathCommit;
use super::{Oid, Repository};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// Blobs at paths; `None` removes the path.
type Changes = Vec<(String, Option<Oid>)>;

impl Repository {
    fn unfinished_path(&self) -> PathBuf {
        self.git_dir().join("chant/unfinished-commit")
    }

    /// True where somebody was killed over one, or is at it.
    pub fn has_unfinished_commit(&self) -> bool {
        self.unfinished_path().exists()
    }

    /// Notes a commit that is about to be staged.
    pub(super) fn note_commit(&self, changes: &[(String, Option<Oid>)], message: &str) -> Result<()> {
        let path = self.unfinished_path();
        let changes: Vec<Value> = changes.iter().map(|(path, blob)| json!([path, blob.map(|blob| blob.to_string())])).collect();
        fs::create_dir_all(path.parent().context("a file lies in a directory")?)?;
        fs::write(&path, json!({ "message": message, "changes": changes }).to_string())
            .with_context(|| format!("could not write {}", path.display()))
    }

    /// It is made, or taken back.
    pub(super) fn forget_commit(&self) {
        // What stays is looked at, and found to be done, by the next command.
        drop(fs::remove_file(self.unfinished_path()));
    }

    /// The commit that somebody was killed over.
    fn unfinished(&self) -> Option<(Changes, String)> {
        let note: Value = serde_json::from_slice(&fs::read(self.unfinished_path()).ok()?).ok()?;
        let change = |entry: &Value| Some((entry.get(0)?.as_str()?.to_owned(), entry.get(1)?.as_str().and_then(Oid::from_hex)));
        let changes = note["changes"].as_array()?.iter().map(change).collect::<Option<Changes>>()?;
        Some((changes, note["message"].as_str()?.to_owned()))
    }

    /// Brings it to its end. Where a person went on with one of the files, what was staged is taken back, and their edit is theirs. The
    /// caller holds the lock under which such commits are made.
    pub fn finish_commit(&self) -> Result<()> {
        if !self.has_unfinished_commit() {
            return Ok(());
        }
        let Some((changes, message)) = self.unfinished() else {
            // Killed while it was noted: nothing was staged yet.
            self.forget_commit();
            return Ok(());
        };
        let top = self.require_work_dir()?;
        for (path, blob) in &changes {
            let there = fs::read(top.join(path)).ok().map(|bytes| self.hash_blob(&bytes)).transpose()?;
            if there != *blob {
                return self.take_back(&changes);
            }
        }
        match self.commit_staged_paths(&changes, &message)? {
            // Something is under way here; it can wait.
            PathCommit::NotCommitted(_) => Ok(()),
            PathCommit::Done(_) | PathCommit::Already => {
                self.forget_commit();
                Ok(())
            }
        }
    }

    fn take_back(&self, changes: &Changes) -> Result<()> {
        for (path, blob) in changes {
            if self.index_blobs(&[path])?.get(path).copied() == *blob {
                self.unstage(&[path])?;
            }
        }
        self.forget_commit();
        Ok(())
    }
}
