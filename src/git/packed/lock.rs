//! git's lock of packed-refs, held for moments, and known again by the next of us where we are killed while we hold it.

use super::PATIENCE;
use anyhow::{Context as _, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One of us at a time; the system lets go of it when we die.
pub(super) struct Turn {
    ours: PathBuf,
    theirs: PathBuf,
    _file: File,
}

impl Turn {
    /// `None` where it cannot be had.
    pub(super) fn take(common_dir: &Path) -> Result<Option<Self>> {
        let dir = common_dir.join("chant");
        let file = fs::create_dir_all(&dir).and_then(|()| File::create(dir.join("packing")));
        let file = file.with_context(|| format!("could not write in {}", dir.display()))?;
        let start = Instant::now();
        // One that was stopped in its turn keeps nobody waiting for ever.
        while file.try_lock().is_err() {
            if start.elapsed() >= PATIENCE {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let (ours, theirs) = names(common_dir);
        forget(&ours, &theirs);
        Ok(Some(Self { ours, theirs, _file: file }))
    }

    /// Writes what packed-refs is to be beside it.
    pub(super) fn write(&self, text: &[u8], mode: Option<fs::Permissions>) -> Result<()> {
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).open(&self.ours)?;
            file.write_all(text)?;
            mode.map(|mode| file.set_permissions(mode)).transpose()?;
            file.sync_data()
        };
        write().with_context(|| format!("could not write {}", self.ours.display()))
    }

    /// `None` where it cannot be had.
    pub(super) fn lock(&self) -> Result<Option<Lock<'_>>> {
        let start = Instant::now();
        loop {
            match fs::hard_link(&self.ours, &self.theirs) {
                Ok(()) => return Ok(Some(Lock(self))),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && start.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(_) => return Ok(None),
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        forget(&self.ours, &self.theirs);
    }
}

/// git's lock of packed-refs, by a second name for a file of ours: should we be killed while we hold it, the next of us knows it again.
pub(super) struct Lock<'a>(&'a Turn);

impl Lock<'_> {
    /// Puts what was written in the place of packed-refs, and lets go.
    pub(super) fn publish(self, path: &Path) -> Result<()> {
        fs::rename(&self.0.theirs, path).context("could not write packed-refs")
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        forget(&self.0.ours, &self.0.theirs);
    }
}

pub(super) fn names(common_dir: &Path) -> (PathBuf, PathBuf) {
    (common_dir.join("chant/packed-refs.new"), common_dir.join("packed-refs.lock"))
}

/// Takes our file away, and the lock where that is the same file.
fn forget(ours: &Path, lock: &Path) {
    let Ok(file) = fs::symlink_metadata(ours) else { return };
    if fs::symlink_metadata(lock).is_ok_and(|lock| (lock.dev(), lock.ino()) == (file.dev(), file.ino())) {
        drop(fs::remove_file(lock));
    }
    drop(fs::remove_file(ours));
}

/// Takes away the lock that one of us died with. For every command to call: there is nothing to do but look for one file.
pub fn mend(common_dir: &Path) {
    let (ours, lock) = names(common_dir);
    if !ours.exists() {
        return;
    }
    let turn = File::create(common_dir.join("chant/packing"));
    if turn.is_ok_and(|turn| turn.try_lock().is_ok()) {
        forget(&ours, &lock);
    }
}
