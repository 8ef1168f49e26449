//! Runs on refs: what an agent was asked, what it said and how it ended, written once and never moved; and what keeps its commits.

use super::Store;
use super::sync::run_ref;
use crate::git::{CommitDraft, Oid, RefChange, RefUpdate};
use crate::spec::SpecId;
use anyhow::Result;

/// What a run leaves behind.
#[derive(Clone, Debug)]
pub struct RunRecord<'a> {
    /// Whose run.
    pub id: &'a SpecId,
    /// Which run.
    pub run: &'a str,
    /// The prompt, as the agent got it.
    pub prompt: Vec<u8>,
    /// All that it printed.
    pub transcript: &'a [u8],
    /// What kind of output that is.
    pub format: &'a str,
    /// How it ended, in words.
    pub result: String,
    /// The work tip, where there is one.
    pub tip: Option<Oid>,
}

/// The ref that keeps what a run has made.
pub fn kept_ref(run: &str) -> String {
    format!("refs/chant-kept/{run}")
}

impl Store<'_> {
    /// Writes a run's commit, and returns the ref that is to be made for it; none where there is one already, which stays as it is.
    pub fn write_run(&self, record: &RunRecord<'_>) -> Result<Option<RefChange>> {
        let name = run_ref(&format!("{}/{}", record.id, record.run));
        if self.repo.reference(&name)?.is_some() {
            return Ok(None);
        }
        let files = [
            ("format", record.format.as_bytes()),
            ("prompt.md", record.prompt.as_slice()),
            ("result", record.result.as_bytes()),
            ("transcript", record.transcript),
        ];
        let mut entries = Vec::new();
        for (file, bytes) in files {
            entries.push((file.as_bytes().to_vec(), Some(self.repo.write_blob(bytes)?)));
        }
        let tree = self.repo.edit_tree(None, &entries)?;
        let tip = record.tip.map(|tip| format!("Chant-Tip: {tip}\n")).unwrap_or_default();
        let message = format!("run: {}\n\n{}\n\nChant-Run: {}\n{tip}", record.id, record.result, record.run);
        let who = self.repo.committer()?;
        let commit = self.repo.write_commit(&CommitDraft { tree, parents: Vec::new(), message, author: who.clone(), committer: who })?;
        Ok(Some(RefChange::new(name, None, Some(commit))))
    }

    /// Records a run by itself, where no event of the spec goes with it.
    pub fn record_run(&self, record: &RunRecord<'_>) -> Result<()> {
        let change: Vec<RefChange> = self.write_run(record)?.into_iter().collect();
        match self.repo.update_refs(&change, "chant: run")? {
            RefUpdate::Done | RefUpdate::Lost => Ok(()),
        }
    }

    /// The transcript of a run, where it is on a ref.
    pub fn transcript(&self, id: &SpecId, run: &str) -> Result<Option<Vec<u8>>> {
        self.run_file(id, run, "transcript")
    }

    /// What kind of output a run's transcript is; empty for one that was recorded without.
    pub fn transcript_format(&self, id: &SpecId, run: &str) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.run_file(id, run, "format")?.unwrap_or_default()).into_owned())
    }

    fn run_file(&self, id: &SpecId, run: &str, file: &str) -> Result<Option<Vec<u8>>> {
        let Some(commit) = self.repo.reference(&run_ref(&format!("{id}/{run}")))? else { return Ok(None) };
        let Some((blob, _)) = self.repo.entry_at(commit, file.as_bytes())? else { return Ok(None) };
        Ok(Some(self.repo.blob(blob)?))
    }

    /// Keeps what a run has made so far from `git gc`, whatever becomes of its branch.
    pub fn keep(&self, run: &str, tip: Oid) -> Result<()> {
        while let Some(change) = self.keeping(run, tip)? {
            if self.repo.update_refs(&[change], "chant: keep")? == RefUpdate::Done {
                break;
            }
        }
        Ok(())
    }

    /// The change that keeps it, to be made with others; none where it is kept already.
    pub fn keeping(&self, run: &str, tip: Oid) -> Result<Option<RefChange>> {
        let name = kept_ref(run);
        let old = self.repo.reference(&name)?;
        if old == Some(tip) {
            return Ok(None);
        }
        // What was kept stays kept: a tip that left the old one behind (a reset by the agent) gets a ref of its own.
        if let Some(old) = old.filter(|old| !self.repo.is_ancestor(*old, tip).unwrap_or(false)) {
            self.keep_aside(run, old)?;
        }
        Ok(Some(RefChange::new(name, old, Some(tip))))
    }

    /// Keeps a commit of a run that its work tip does not contain.
    pub fn keep_aside(&self, run: &str, commit: Oid) -> Result<()> {
        let name = format!("refs/chant-kept/{run}.{}", commit.short());
        match self.repo.update_refs(&[RefChange::new(name, None, Some(commit))], "chant: keep")? {
            RefUpdate::Done | RefUpdate::Lost => Ok(()),
        }
    }

    /// Keeps no longer what a run of which nothing is recorded began with.
    pub fn forget_kept(&self, run: &str) -> Result<()> {
        let Some(kept) = self.kept(run)? else { return Ok(()) };
        match self.repo.update_refs(&[RefChange::new(kept_ref(run), Some(kept), None)], "chant: take back")? {
            RefUpdate::Done | RefUpdate::Lost => Ok(()),
        }
    }

    /// What is kept of a run.
    pub fn kept(&self, run: &str) -> Result<Option<Oid>> {
        self.repo.reference(&kept_ref(run))
    }
}
