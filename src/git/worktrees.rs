//! Linked worktrees, by git's own command.

use super::{Git, Oid, Repository};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::DirEntry;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// Held while git changes what it knows of worktrees, and shared while it lists them.
const LOCK: &str = "worktrees.lock";

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
        let lock = self.lock_file(LOCK)?;
        lock.lock_shared().context("could not lock the worktrees")?;
        let mut list = parse(&self.worktree_command(&["list", "--porcelain", "-z"])?);
        // Of a git directory elsewhere, git takes the directory itself for the main worktree.
        if let (Some(main), Some(top)) = (list.first_mut(), self.main_worktree()) {
            main.path = top;
        }
        Ok(list)
    }

    /// The worktree that has this branch (full name) checked out, if any.
    pub fn worktree_of(&self, branch: &str) -> Result<Option<Worktree>> {
        Ok(self.worktrees()?.into_iter().find(|tree| tree.branch.as_deref() == Some(branch) && !tree.prunable))
    }

    /// The worktree in which this branch (full name) is being rebased: its HEAD is detached, and at the end the branch must be where it was.
    pub fn worktree_rebasing(&self, branch: &str) -> Result<Option<Worktree>> {
        let is_rebasing = |tree: &Worktree| {
            let Ok(there) = Self::open(&tree.path) else { return false };
            let name = |dir: &str| std::fs::read_to_string(there.git_dir().join(dir).join("head-name")).unwrap_or_default();
            ["rebase-merge", "rebase-apply"].into_iter().any(|dir| name(dir).trim_end() == branch)
        };
        Ok(self.worktrees()?.into_iter().find(|tree| tree.branch.is_none() && !tree.prunable && is_rebasing(tree)))
    }

    /// Makes a linked worktree of an existing branch at `path`, locked for `reason`.
    pub fn add_worktree(&self, path: &Path, branch: &str, reason: &str) -> Result<()> {
        let made = self.change_worktrees(&["add", "--quiet", "--lock", "--reason", reason, "--"], &[path.as_os_str(), branch.as_ref()]);
        made.with_context(|| format!("could not make the worktree {}", path.display()))
    }

    /// Makes a linked worktree with a detached HEAD at `commit`.
    pub fn add_detached_worktree(&self, path: &Path, commit: Oid) -> Result<()> {
        let made = self.change_worktrees(&["add", "--quiet", "--detach", "--"], &[path.as_os_str(), commit.to_string().as_ref()]);
        made.with_context(|| format!("could not make the worktree {}", path.display()))
    }

    /// Unlocks a worktree; one that is not locked is fine.
    pub fn unlock_worktree(&self, path: &Path) -> Result<()> {
        let _fine = self.change_worktrees(&["unlock", "--"], &[path.as_os_str()]);
        Ok(())
    }

    /// Locks a worktree; one that is locked is fine.
    pub fn lock_worktree(&self, path: &Path, reason: &str) -> Result<()> {
        let _fine = self.change_worktrees(&["lock", "--reason", reason, "--"], &[path.as_os_str()]);
        Ok(())
    }

    /// Removes an unlocked worktree; git refuses one that holds modified or untracked files.
    pub fn remove_worktree(&self, path: &Path) -> Result<()> {
        self.change_worktrees(&["remove", "--"], &[path.as_os_str()])
    }

    /// Removes a worktree, locked or not, whatever lies in it: for one that the caller has just found to hold nothing. git would walk all
    /// of it once more, and remove one file after the other.
    pub fn remove_saved_worktree(&self, path: &Path) -> Result<()> {
        if Self::open(path).is_ok_and(|tree| tree.git_dir().starts_with(self.common_dir().join("worktrees"))) {
            remove_files(path);
        }
        self.change_worktrees(&["remove", "--force", "--force", "--"], &[path.as_os_str()])
    }

    /// Moves an unlocked worktree.
    pub fn move_worktree(&self, path: &Path, target: &Path) -> Result<()> {
        self.change_worktrees(&["move", "--"], &[path.as_os_str(), target.as_os_str()])
    }

    /// Moves a worktree, locked or not; it stays locked.
    pub(super) fn move_locked_worktree(&self, path: &Path, target: &Path) -> Result<()> {
        self.change_worktrees(&["move", "--force", "--force", "--"], &[path.as_os_str(), target.as_os_str()])
    }

    fn change_worktrees(&self, args: &[&str], paths: &[&OsStr]) -> Result<()> {
        let lock = self.lock_file(LOCK)?;
        lock.lock().context("could not lock the worktrees")?;
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).chain(paths.iter().copied()).collect();
        self.worktree_command(&args).map(drop)
    }

    /// git itself locks nothing here: one process trips over what another one has half made or half removed. We are held off by a lock of
    /// our own; beside a person's `git worktree` it is tried again.
    fn worktree_command<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>> {
        // "fatal: could not create directory of '.git/worktrees/x': No such file or directory",
        // "fatal: failed to read .git/worktrees/x/commondir: Success"
        const TRIPPED: &[&str] = &["No such file or directory", "failed to read"];
        // With as many workers as there are processors git writes ten thousand files in half the time; a person may know better.
        let parallel = args.first().is_some_and(|verb| verb.as_ref() == "add") && self.config("checkout.workers").is_none();
        let settings: &[&str] = if parallel { &["-c", "checkout.workers=0"] } else { &[] };
        let mut attempt = 0_u64;
        loop {
            let output = self.git().command(settings).args(["worktree"]).args(args).run_raw()?;
            if output.status.success() {
                return Ok(output.stdout);
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            attempt += 1;
            if attempt == 10 || !TRIPPED.iter().any(|words| said.contains(words)) {
                let verb = args.first().map(|verb| verb.as_ref().to_string_lossy().into_owned()).unwrap_or_default();
                bail!("git worktree {verb} failed: {}", said.trim());
            }
            std::thread::sleep(std::time::Duration::from_millis(attempt * 5));
        }
    }

    /// Forgets this worktree of ours if its directory is gone, locked or not. Others that are gone are left alone: one may lie on a disk
    /// that comes back, and one may just be in the making.
    pub fn forget_worktree(&self, path: &Path) -> Result<()> {
        let real = path.parent().and_then(|dir| Some(dir.canonicalize().ok()?.join(path.file_name()?)));
        let real = real.unwrap_or_else(|| path.to_owned());
        if path.exists() || !self.worktrees()?.iter().any(|tree| tree.path == real) {
            return Ok(());
        }
        self.unlock_worktree(path)?;
        self.remove_worktree(path)
    }
}

/// What lies in a worktree that no commit of the repository holds: modified, staged, untracked, and ignored files, and whole repositories
/// (each a path git prints).
pub fn unsaved(path: &Path) -> Result<Vec<String>> {
    let (status, repositories) = std::thread::scope(|scope| {
        let status = scope.spawn(|| status(path));
        let repositories = repositories(path);
        (status.join().expect("git is run without a panic"), repositories)
    });
    let mut list: Vec<String> = status?.iter().map(|entry| String::from_utf8_lossy(entry).into_owned()).collect();
    list.extend(repositories?);
    Ok(list)
}

/// The same without repositories, each as git writes it: two letters, a blank, and the path's own bytes.
pub fn status(path: &Path) -> Result<Vec<Vec<u8>>> {
    let status =
        ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignored=traditional", "--ignore-submodules=none"];
    let output = Git::at(path).command(status).output()?;
    Ok(output.split(|&byte| byte == 0).filter(|entry| entry.len() > 3).map(<[u8]>::to_vec).collect())
}

/// The repositories inside of a worktree that it has as submodules. Their commits are nowhere else, however clean they are.
fn repositories(path: &Path) -> Result<Vec<String>> {
    let staged = Git::at(path).command(["ls-files", "--stage", "-z"]).output()?;
    let links = staged.split(|&byte| byte == 0).filter(|entry| entry.starts_with(b"160000 "));
    let paths = links.filter_map(|entry| entry.split(|&byte| byte == b'\t').nth(1));
    let there = paths.filter(|link| path.join(OsStr::from_bytes(link)).join(".git").symlink_metadata().is_ok());
    Ok(there.map(|link| format!("   {}/", String::from_utf8_lossy(link))).collect())
}

/// Removes everything but the file by which git knows the worktree, as many entries at once as there are processors. What does not go is
/// git's to report.
fn remove_files(worktree: &Path) {
    let entries = std::fs::read_dir(worktree).into_iter().flatten().flatten();
    let entries: Vec<DirEntry> = entries.filter(|entry| entry.file_name() != ".git").collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for number in 0..threads {
            let mine = entries.iter().skip(number).step_by(threads);
            scope.spawn(move || {
                mine.for_each(|entry| {
                    let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
                    drop(if is_dir { std::fs::remove_dir_all(entry.path()) } else { std::fs::remove_file(entry.path()) });
                });
            });
        }
    });
}

/// What differs from HEAD in a worktree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Paths with conflicts.
    pub conflicts: Vec<String>,
    /// Paths whose file differs from the index, untracked ones included.
    pub files: Vec<Vec<u8>>,
    /// Paths whose index entry differs from HEAD.
    pub staged: Vec<Vec<u8>>,
}

impl Changes {
    /// One walk through the worktree. What it finds out about files is written into the index, so that the next walk is spared it.
    pub fn of(path: &Path) -> Result<Self> {
        let args = ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty"];
        Ok(Self::parse(&Git::at(path).command(args).env("GIT_OPTIONAL_LOCKS", "1").output()?))
    }

    fn parse(status: &[u8]) -> Self {
        let mut changes = Self::default();
        for entry in status.split(|&byte| byte == 0).filter(|entry| entry.len() > 3) {
            let (code, path) = ([entry[0], entry[1]], entry[3..].to_vec());
            if matches!(&code, b"DD" | b"AA") || code.contains(&b'U') {
                changes.conflicts.push(String::from_utf8_lossy(&path).into_owned());
                continue;
            }
            if !matches!(code[0], b' ' | b'?') {
                changes.staged.push(path.clone());
            }
            if code[1] != b' ' {
                changes.files.push(path);
            }
        }
        changes
    }

    /// Every path, once.
    pub fn paths(&self) -> BTreeSet<&[u8]> {
        self.files.iter().chain(&self.staged).map(Vec::as_slice).collect()
    }
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
    fn what_is_staged_what_is_not_and_what_conflicts() {
        let changes = Changes::parse(b" M a b\0M  c\0MM d\0?? e/\0UD f\0AA g\0D  h\0");
        let text = |paths: &[Vec<u8>]| paths.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect::<Vec<_>>();
        assert_eq!(text(&changes.files), ["a b", "d", "e/"]);
        assert_eq!(text(&changes.staged), ["c", "d", "h"]);
        assert_eq!(changes.conflicts, ["f", "g"]);
        assert_eq!(changes.paths().len(), 5);
    }

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
