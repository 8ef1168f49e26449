//! Room that a run sets aside when it begins: an agent that fills the disk must not keep its own end from being recorded.

use super::RunDir;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

/// Enough for the event, the record of the run, and the refs.
const ROOM: usize = 512 * 1024;

/// A disk with less is full.
const LITTLE: u64 = 128 * 1024;

impl RunDir {
    fn reserve_path(&self) -> PathBuf {
        self.path().join("reserve")
    }

    /// Sets room aside. Where there is none the run has to do without.
    pub(super) fn reserve(&self) {
        let Ok(mut file) = File::create(self.reserve_path()) else { return };
        if fallocate(&file, FallocateFlags::empty(), 0, ROOM as u64).is_err() {
            drop(file.write_all(&vec![0; ROOM]));
        }
    }

    /// Gives the room back where the disk is full; true where it was.
    pub fn make_room(&self) -> bool {
        let full = statvfs(self.path()).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < LITTLE);
        full && fs::remove_file(self.reserve_path()).is_ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::agent::run_dir::NewRun;

    #[test]
    fn room_is_set_aside_and_goes_with_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create_within(dir.path(), &NewRun { run_id: "r", spec_id: "s", agent: "a", most: None }).unwrap().unwrap();
        assert_eq!(fs::metadata(run.reserve_path()).unwrap().len(), ROOM as u64);
        assert!(!run.make_room(), "a disk with room is not full");
        assert!(run.reserve_path().exists());
        run.remove().unwrap();
    }
}
