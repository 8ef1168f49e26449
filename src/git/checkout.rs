//! One checkout: its branch, what is under way in it, what differs from HEAD, and committing one path without touching another.

use super::{CommitDraft, Oid, RefChange, RefUpdate, Repository};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::process::{Child, Stdio};

/// What HEAD is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The full name of the branch; `None` when detached.
    pub branch: Option<String>,
    /// The commit; `None` on a branch that has none yet.
    pub commit: Option<Oid>,
}

/// Whether [`Repository::commit_path`] made its commit.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathCommit {
    /// The branch gained one commit for the path.
    Done(Oid),
    /// HEAD has it already: nothing changed, or somebody else's commit took it along.
    Already,
    /// It did not; the words say why, for people.
    NotCommitted(String),
}

/// A `git status` that is on its way.
#[must_use]
pub struct PendingStatus(Child);

impl PendingStatus {
    /// Waits for it, and returns the paths; true for one that is in conflict.
    pub fn paths(self) -> Result<Vec<(Vec<u8>, bool)>> {
        let output = self.0.wait_with_output().context("could not read from git status")?;
        if !output.status.success() {
            bail!("git status failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let entries = output.stdout.split(|&byte| byte == 0).filter(|entry| entry.len() > 3);
        let conflict = |state: &[u8]| state.contains(&b'U') || state == b"AA" || state == b"DD";
        Ok(entries.map(|entry| (entry[3..].to_vec(), conflict(&entry[..2]))).collect())
    }
}

impl Repository {
    /// What HEAD is in this checkout.
    pub fn head(&self) -> Result<Head> {
        let symbolic = self.git().command(["symbolic-ref", "-q", "HEAD"]);
        let branch = if self.reftable() {
            let output = symbolic.run_raw()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        } else {
            let head = self.gix.head().context("could not read HEAD")?;
            head.referent_name().map(|name| name.as_bstr().to_string())
        };
        let commit = match &branch {
            Some(branch) => self.reference(branch)?,
            None => self.reference("HEAD")?,
        };
        Ok(Head { branch, commit })
    }

    /// The branch checked out here, without `refs/heads/`.
    pub fn current_branch(&self) -> Result<Option<String>> {
        Ok(self.head()?.branch.and_then(|name| name.strip_prefix("refs/heads/").map(str::to_owned)))
    }

    /// What git is in the middle of in this checkout, as the word for it. The files are those of git's own `wt-status.c`.
    pub fn operation(&self) -> Option<&'static str> {
        const MARKS: &[(&str, &str)] = &[
            ("MERGE_HEAD", "merge"),
            ("rebase-apply/applying", "am"),
            ("rebase-apply", "rebase"),
            ("rebase-merge", "rebase"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("REVERT_HEAD", "revert"),
            ("sequencer", "cherry-pick"),
            ("BISECT_LOG", "bisect"),
        ];
        MARKS.iter().find(|(file, _)| self.git_dir().join(file).exists()).map(|(_, word)| *word)
    }

    /// Asks which paths below `dir` (relative to the top, git's bytes) differ from HEAD in file or index entry, untracked ones included.
    /// git works on it while the caller does other things.
    pub fn changed_under(&self, dir: &str) -> Result<PendingStatus> {
        let args = ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all", "--", dir];
        let mut process = self.git().command(args).into_process();
        process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(PendingStatus(process.spawn().context("could not start git status")?))
    }

    /// True for a path that git could not merge, until somebody has said how (`git add`).
    pub fn is_in_conflict(&self, path: &str) -> Result<bool> {
        Ok(!self.git().command(["ls-files", "--unmerged", "-z", "--", path]).output()?.is_empty())
    }

    /// The index entries of paths, where there is just one and it is no conflict.
    pub(super) fn index_blobs(&self, paths: &[&str]) -> Result<BTreeMap<String, Oid>> {
        let text = self.git().command(["ls-files", "--stage", "-z", "--"]).args(paths).output()?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let (mut blobs, mut conflicts) = (BTreeMap::new(), Vec::new());
        for entry in text.split('\0') {
            let Some((stage, path)) = entry.split_once('\t') else { continue };
            if let Some(blob) = stage.split(' ').nth(1).and_then(Oid::from_hex)
                && blobs.insert(path.to_owned(), blob).is_some()
            {
                conflicts.push(path);
            }
        }
        blobs.retain(|path, _| !conflicts.contains(&path.as_str()));
        Ok(blobs)
    }

    /// Commits this blob at `path` on the current branch: see [`Repository::commit_paths`].
    pub fn commit_path(&self, path: &str, blob: Oid, message: &str) -> Result<PathCommit> {
        self.commit_paths(&[(path.to_owned(), Some(blob))], message)
    }

    /// Commits blobs at paths (`None` removes the path) on the current branch, by plumbing: no hook runs and no other index entry changes.
    ///
    /// The working tree must hold them already. They are not committed, and the words say why, unless HEAD is a branch with a commit,
    /// nothing is under way, and none of the paths has anything staged. Signed where `commit.gpgSign` asks for it.
    pub fn commit_paths(&self, changes: &[(String, Option<Oid>)], message: &str) -> Result<PathCommit> {
        self.commit_paths_as(changes, message, false)
    }

    /// The same where they may be staged already.
    pub(super) fn commit_staged_paths(&self, changes: &[(String, Option<Oid>)], message: &str) -> Result<PathCommit> {
        self.commit_paths_as(changes, message, true)
    }

    fn commit_paths_as(&self, changes: &[(String, Option<Oid>)], message: &str, staged: bool) -> Result<PathCommit> {
        for _ in 0..20 {
            let head = self.head()?;
            if let Some(reason) = self.why_not_commit(&head) {
                return Ok(PathCommit::NotCommitted(reason));
            }
            let paths: Vec<&str> = changes.iter().map(|(path, _)| path.as_str()).collect();
            let entries = self.index_blobs(&paths)?;
            for (path, blob) in changes {
                let index = entries.get(path).copied();
                let in_head = head.commit.map(|commit| self.entry_at(commit, path.as_bytes())).transpose()?.flatten().map(|(id, _)| id);
                if index != in_head && !(staged && index == *blob) {
                    return Ok(PathCommit::NotCommitted(format!("{path} is staged")));
                }
            }
            let (Some(branch), Some(parent)) = (head.branch, head.commit) else { continue };
            let commit = match self.commit_on(parent, changes, message) {
                Ok(Some(commit)) => commit,
                Ok(None) => return Ok(PathCommit::Already),
                Err(error) => return Ok(PathCommit::NotCommitted(format!("the commit could not be made: {error:#}"))),
            };
            // The entries first: were we killed between the two, the files are merely staged, never "deleted" by the next commit; and the
            // note lets the next command finish it.
            if let Err(error) = self.note_commit(changes, message).and_then(|()| self.stage(changes)) {
                self.forget_commit();
                return Ok(PathCommit::NotCommitted(format!("{error:#}")));
            }
            let moved = self.update_refs(&[RefChange::new(branch, Some(parent), Some(commit))], &format!("chant: {}", subject(message)))?;
            if moved == RefUpdate::Lost {
                // Somebody committed meanwhile: our entries still are the only staged difference of these paths.
                self.unstage(&paths)?;
            }
            self.forget_commit();
            if moved == RefUpdate::Done {
                return Ok(PathCommit::Done(commit));
            }
        }
        Ok(PathCommit::NotCommitted("the branch kept moving".to_owned()))
    }

    /// Writes a commit on `parent` with these blobs at these paths (`None` removes the path); no ref moves. `None`: they are there already.
    /// Signed where `commit.gpgSign` asks for it.
    pub fn commit_on(&self, parent: Oid, changes: &[(String, Option<Oid>)], message: &str) -> Result<Option<Oid>> {
        let before = self.commit(parent)?.tree;
        let edits: Vec<_> = changes.iter().map(|(path, blob)| (path.as_bytes().to_vec(), *blob)).collect();
        let tree = self.edit_tree(Some(before), &edits)?;
        if tree == before {
            return Ok(None);
        }
        self.signed_or_plain_commit(tree, parent, message).map(Some)
    }

    fn why_not_commit(&self, head: &Head) -> Option<String> {
        if head.branch.is_none() {
            return Some("HEAD is detached".to_owned());
        }
        if head.commit.is_none() {
            return Some("the branch has no commit yet".to_owned());
        }
        if self.index_is_elsewhere() {
            return Some("git is in the middle of a commit (GIT_INDEX_FILE is set)".to_owned());
        }
        self.operation().map(|operation| format!("a {operation} is under way"))
    }

    /// Makes these the index entries. git takes the files, with their times, so that they do not look changed to what only compares
    /// times; where it made something else of one (`core.autocrlf`, a filter, somebody who saved it just now) the entry is set.
    fn stage(&self, changes: &[(String, Option<Oid>)]) -> Result<()> {
        let paths: Vec<&str> = changes.iter().map(|(path, _)| path.as_str()).collect();
        self.change_index(&["update-index", "--add", "--remove", "--"], &paths)?;
        let entries = self.index_blobs(&paths)?;
        for (path, blob) in changes.iter().filter(|(path, blob)| entries.get(path) != blob.as_ref()) {
            match blob {
                Some(blob) => self.change_index(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")], &[])?,
                None => self.change_index(&["update-index", "--force-remove", "--"], &[path])?,
            }
        }
        Ok(())
    }

    /// Puts HEAD's entries back into the index.
    pub(super) fn unstage(&self, paths: &[&str]) -> Result<()> {
        self.change_index(&["reset", "-q", "--"], paths)
    }

    /// Another process's `index.lock` is waited for.
    fn change_index(&self, args: &[&str], paths: &[&str]) -> Result<()> {
        for attempt in 0..60_u64 {
            let output = self.git().command(args).args(paths).run_raw()?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() {
                return Ok(());
            }
            // "fatal: Unable to create '….git/index.lock': File exists."
            if !said.contains("index.lock") {
                bail!("git {} failed: {}", args[0], said.trim());
            }
            std::thread::sleep(std::time::Duration::from_millis(10 + attempt));
        }
        bail!("another git process holds index.lock")
    }

    fn signed_or_plain_commit(&self, tree: Oid, parent: Oid, message: &str) -> Result<Oid> {
        if self.config_bool("commit.gpgSign", false) {
            let (tree, parent) = (tree.to_string(), parent.to_string());
            return self.git().command(["commit-tree", "-S", "-p", &parent, &tree]).stdin(message).line()?.parse();
        }
        let draft =
            CommitDraft { tree, parents: vec![parent], message: message.to_owned(), author: self.author()?, committer: self.committer()? };
        self.write_commit(&draft)
    }
}

fn subject(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}
