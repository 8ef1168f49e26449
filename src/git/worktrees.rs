//! Linked worktrees, by git's own command.

use super::{Git, Oid, Repository};
use anyhow::{Context as _, Result};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// One worktree, as `git worktree list --porcelain` tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worktree {
    /// Its top directory.
    pub path: PathBuf,
    /// The full name of the branch checked out; `None` when detached or bare.
    pub branch: Option<String>,
    /// True when locked.
    pub locked: bool,
    /// True when its directory is gone.
    pub prunable: bool,
}

impl Repository {
    /// Every worktree of the repository; the first is the main one.
    pub fn worktrees(&self) -> Result<Vec<Worktree>> {
        let output = self.git().command(["worktree", "list", "--porcelain", "-z"]).output()?;
        Ok(parse(&output))
    }

    /// The worktree that has this branch (full name) checked out, if any.
    pub fn worktree_of(&self, branch: &str) -> Result<Option<Worktree>> {
        Ok(self.worktrees()?.into_iter().find(|tree| tree.branch.as_deref() == Some(branch) && !tree.prunable))
    }

    /// Makes a linked worktree of an existing branch at `path`, locked for `reason`.
    pub fn add_worktree(&self, path: &Path, branch: &str, reason: &str) -> Result<()> {
        let command = self.git().command(["worktree", "add", "--quiet", "--lock", "--reason", reason, "--"]).arg(path).arg(branch);
        command.output().with_context(|| format!("could not make the worktree {}", path.display())).map(drop)
    }

    /// Makes a linked worktree with a detached HEAD at `commit`.
    pub fn add_detached_worktree(&self, path: &Path, commit: Oid) -> Result<()> {
        let command = self.git().command(["worktree", "add", "--quiet", "--detach", "--"]).arg(path).arg(commit.to_string());
        command.output().with_context(|| format!("could not make the worktree {}", path.display())).map(drop)
    }

    /// Unlocks a worktree; one that is not locked is fine.
    pub fn unlock_worktree(&self, path: &Path) -> Result<()> {
        self.git().command(["worktree", "unlock", "--"]).arg(path).run_raw().map(drop)
    }

    /// Locks a worktree; one that is locked is fine.
    pub fn lock_worktree(&self, path: &Path, reason: &str) -> Result<()> {
        self.git().command(["worktree", "lock", "--reason", reason, "--"]).arg(path).run_raw().map(drop)
    }

    /// Removes an unlocked worktree; git refuses one that holds modified or untracked files.
    pub fn remove_worktree(&self, path: &Path) -> Result<()> {
        self.git().command(["worktree", "remove", "--"]).arg(path).output().map(drop)
    }

    /// Forgets worktrees whose directories are gone. A locked one is remembered for ever by git: it may be on a disk that comes back.
    pub fn prune_worktrees(&self) -> Result<()> {
        self.git().command(["worktree", "prune"]).output().map(drop)
    }

    /// Forgets this worktree of ours if its directory is gone, although it is locked.
    pub fn forget_worktree(&self, path: &Path) -> Result<()> {
        if !path.exists() {
            self.unlock_worktree(path)?;
        }
        self.prune_worktrees()
    }
}

/// What lies in a worktree that no commit holds: modified, staged, untracked, and ignored files (each a path git prints).
pub fn unsaved(path: &Path) -> Result<Vec<String>> {
    let output = Git::at(path).command(["status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignored=traditional"]).output()?;
    let entries = output.split(|&byte| byte == 0).filter(|entry| entry.len() > 3);
    Ok(entries.map(|entry| String::from_utf8_lossy(entry).into_owned()).collect())
}

fn parse(porcelain: &[u8]) -> Vec<Worktree> {
    let mut list: Vec<Worktree> = Vec::new();
    for line in porcelain.split(|&byte| byte == 0) {
        let (key, value) = line.split_at(line.iter().position(|&b| b == b' ').unwrap_or(line.len()));
        let value = value.get(1..).unwrap_or_default();
        if key == b"worktree" {
            let path = PathBuf::from(std::ffi::OsString::from_vec(value.to_vec()));
            list.push(Worktree { path, ..Worktree::default() });
        } else if let Some(tree) = list.last_mut() {
            match key {
                b"branch" => tree.branch = Some(String::from_utf8_lossy(value).into_owned()),
                b"locked" => tree.locked = true,
                b"prunable" => tree.prunable = true,
                _ => {}
            }
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_newlines_and_spaces_survive() {
        let text = b"worktree /a b\nc\0HEAD 12\0branch refs/heads/main\0\0worktree /x\0HEAD 12\0detached\0locked why\0\0";
        let list = parse(text);
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].path, Path::new("/a b\nc"));
        assert_eq!(list[0].branch.as_deref(), Some("refs/heads/main"));
        assert!(list[1].locked && list[1].branch.is_none());
    }
}
