//! Locks on a run's files: they say who is alive, and go with whoever holds them.

use anyhow::{Context as _, Result};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a lock may be in our way that means nothing: somebody merely looks, or a thread of ours has forked a child that holds
/// all our files until its exec.
const PATIENCE: Duration = Duration::from_secs(2);

/// True while another open file holds the lock. Asking takes a shared lock for a moment, so that two who ask do not see each other.
pub(super) fn is_locked(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        // Another user's run: what we cannot see we leave alone.
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

/// True where a file is locked, and not only for a moment.
pub(super) fn stays_locked(path: &Path) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while is_locked(path) {
        if Instant::now() >= deadline {
            return true;
        }
        std::thread::sleep(PATIENCE / 200);
    }
    false
}

/// Locks a file; false if another has the lock. A lock that means nothing is waited for ([`PATIENCE`]).
pub(super) fn take_lock(file: &File) -> Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PATIENCE / 200),
            Err(TryLockError::Error(error)) => return Err(error).context("could not lock a run's file"),
        }
    }
}
