//! Worktrees that wait for their next use: one whose files are as git made them is handed over, not removed and made again.
//!
//! Ten thousand files take git half a second to write, a fifth of one to remove, and a tenth to look at for the first time. What such a
//! worktree lacks for another commit is a few milliseconds away. The price is care: whatever the last user left beside files that git
//! shows (flags in the index, refs of the worktree, an operation half done) must not reach the next one, so a worktree of which anything
//! is not known to be harmless is removed.

use super::{Git, RefChange, RefUpdate, Repository};
use anyhow::{Context as _, Result, bail};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// What a worktree of ours is called while it is idle.
const PREFIX: &str = ".idle-";

/// Shared by whoever has some of them laid by.
const LOCK: &str = "idle.lock";

/// What lies in the git directory of a worktree in which nothing is going on.
const PLAIN: &[&str] = &["COMMIT_EDITMSG", "HEAD", "ORIG_HEAD", "commondir", "gitdir", "index", "locked"];

/// Settings with which git believes that a file is as it was without looking, or after a shorter look. An agent can set them too.
const BLIND: &[&str] = &["core.checkStat", "core.fsmonitor", "core.ignoreStat", "core.trustctime"];

/// The idle worktrees of this process, which is to take them away itself. Where it could not, [`Repository::left_idle`] finds them.
#[derive(Debug)]
pub struct IdleWorktrees {
    paths: Mutex<Vec<PathBuf>>,
    most: usize,
    /// Shared by all who have some.
    _lock: File,
}

impl IdleWorktrees {
    /// At most so many at a time.
    pub fn begin(repo: &Repository, most: usize) -> Result<Self> {
        let lock = repo.lock_file(LOCK)?;
        lock.lock_shared().context("could not lock the idle worktrees")?;
        Ok(Self { paths: Mutex::default(), most, _lock: lock })
    }

    /// One for the caller to use, or to remove.
    pub fn take(&self) -> Option<PathBuf> {
        self.paths.lock().ok()?.pop()
    }

    fn put(&self, path: PathBuf) -> bool {
        self.paths.lock().is_ok_and(|mut paths| {
            let room = paths.len() < self.most;
            if room {
                paths.push(path);
            }
            room
        })
    }
}

/// True for the name of an idle worktree.
pub fn is_idle(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_bytes().starts_with(PREFIX.as_bytes()))
}

impl Repository {
    /// Lays a worktree by that holds nothing unsaved and [`is_as_made`], under a name beside its own.
    pub fn make_idle(&self, idle: &IdleWorktrees, path: &Path) -> Result<()> {
        let aside = path.with_file_name(format!("{PREFIX}{:08x}", fastrand::u32(..)));
        self.move_locked_worktree(path, &aside)?;
        let emptied = empty(&aside);
        if emptied.is_ok() && idle.put(aside.clone()) {
            return Ok(());
        }
        // It has left its place already; nothing in it is worth keeping.
        self.remove_saved_worktree(&aside)?;
        emptied
    }

    /// Puts an existing branch into an idle worktree, at another path and locked for another reason. What fails leaves no worktree behind.
    pub fn hand_over(&self, idle: &Path, path: &Path, branch: &str, reason: &str) -> Result<()> {
        let moved = self.move_locked_worktree(idle, path);
        let there = if moved.is_ok() { path } else { idle };
        let handed = moved.and_then(|()| {
            fs::write(Self::open(path)?.git_dir().join("locked"), format!("{reason}\n")).context("could not lock a worktree")?;
            Git::at(path).command(["checkout", "--quiet", "--no-recurse-submodules", branch, "--"]).output().map(drop)
        });
        if handed.is_err() {
            self.remove_saved_worktree(there)?;
        }
        handed
    }

    /// The idle worktrees in a directory whose process has died. None while any process has some.
    pub fn left_idle(&self, dir: &Path) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.with_context(|| format!("could not read {}", dir.display()))?,
        };
        let found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_idle(path)).collect();
        let nobody = found.is_empty() || self.lock_file(LOCK)?.try_lock().is_ok();
        Ok(if nobody { found } else { Vec::new() })
    }
}

/// True for a worktree in which git would make no difference by making it again: nothing is untracked, ignored or an empty directory, no
/// entry of the index is hidden from `git status`, and nothing is going on in it that HEAD alone does not tell.
pub fn is_as_made(path: &Path) -> Result<bool> {
    if !is_plain(Repository::open(path)?.git_dir())? || !shows_all(path)? {
        return Ok(false);
    }
    Ok(Git::at(path).command(["clean", "--dry-run", "-d", "-x", "-ff"]).output()?.is_empty())
}

/// True where `git status` shows every change of a tracked file: nobody told git to look away, or not to look closely.
pub fn shows_all(path: &Path) -> Result<bool> {
    let tree = Repository::open(path)?;
    if BLIND.iter().any(|key| tree.config(key).is_some()) {
        return Ok(false);
    }
    // Uppercase: not assumed to be unchanged; H: not skipped, not unmerged.
    let entries = Git::at(path).command(["ls-files", "-v", "-z"]).output()?;
    Ok(entries.split(|&byte| byte == 0).all(|entry| entry.is_empty() || entry.starts_with(b"H ")))
}

fn is_plain(git_dir: &Path) -> Result<bool> {
    for entry in fs::read_dir(git_dir).with_context(|| format!("could not read {}", git_dir.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let plain = match name.to_str() {
            Some("logs") => fs::read_dir(entry.path())?.flatten().all(|log| log.file_name() == "HEAD"),
            Some("refs") => fs::read_dir(entry.path())?.next().is_none(),
            Some(name) => PLAIN.contains(&name),
            None => false,
        };
        if !plain {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes out what tells of the last use.
fn empty(path: &Path) -> Result<()> {
    let tree = Repository::open(path)?;
    let head = tree.head()?.commit.context("a worktree that was used has a commit")?;
    if tree.update_refs(&[RefChange::new("HEAD", Some(head), Some(head))], "chant: idle")? == RefUpdate::Lost {
        bail!("HEAD moved in an idle worktree");
    }
    fs::write(tree.git_dir().join("locked"), "git-chant: for the next run\n").context("could not lock an idle worktree")?;
    for left in ["COMMIT_EDITMSG", "ORIG_HEAD", "logs/HEAD"] {
        match fs::remove_file(tree.git_dir().join(left)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).context("could not empty an idle worktree"),
            _ => {}
        }
    }
    Ok(())
}
