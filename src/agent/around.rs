//! Whether we were started by an agent that is at work, whatever it says about that.
//!
//! `CHANT_RUN_ID` tells those who do not hide it. On Linux whatever an agent starts descends from the git-chant that runs it (orphans fall
//! to that one), and that one has the files of the run open: so has an ancestor of ours, then.

use super::family::{Stat, positive};
use rustix::process::{Pid, getppid};
use std::fs;
use std::path::Path;

/// More ancestors than anybody has.
const MOST: usize = 200;

/// True where an ancestor of this process has files of a run in this repository open.
pub fn run_around(common_dir: &Path) -> bool {
    let runs = common_dir.join("chant/runs");
    let Ok(runs) = runs.canonicalize() else { return false };
    if fs::read_dir(&runs).is_ok_and(|mut entries| entries.next().is_none()) {
        return false;
    }
    let mut at = getppid();
    for _ in 0..MOST {
        let Some(pid) = at.filter(|pid| Some(*pid) != positive(1)) else { return false };
        if has_open_below(pid, &runs) {
            return true;
        }
        at = Stat::of(pid).and_then(Stat::parent);
    }
    false
}

/// What cannot be seen (another user's process) is not one of ours.
fn has_open_below(pid: Pid, dir: &Path) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{}/fd", pid.as_raw_pid())) else { return false };
    open.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|target| target.starts_with(dir)))
}
