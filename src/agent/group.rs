//! Ending all that an agent started: its process group, and what left the group but still carries the run's name.
//!
//! Real agents run every tool in a session of its own, so a signal to their group does not reach it. On Linux whoever has
//! `CHANT_RUN_ID` of this run in its environment is found in `/proc`, and so is the agent's whole family (`family`); elsewhere
//! the group has to do.

use super::family::{Family, Stat, positive, processes};
use super::signals::Signals;
use anyhow::{Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, getpgrp, kill_process, kill_process_group, test_kill_process_group};
use std::fs;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The variable by which the processes of a run are known.
pub const RUN_ID: &str = "CHANT_RUN_ID";

/// How often we look; short enough to feel live, long enough to cost nothing.
pub(super) const POLL: Duration = Duration::from_millis(20);

/// How long the kernel may take to make a killed process disappear, before we stop looking.
const AFTER_KILL: Duration = Duration::from_secs(10);

/// What is ready to be read once the process has ended: `pidfd_open(2)`.
#[cfg(target_os = "linux")]
fn process_file(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn process_file(_pid: Pid) -> Option<OwnedFd> {
    None
}

/// The processes of one run.
#[derive(Clone, Debug)]
pub struct Tree {
    group: Option<Pid>,
    run_id: Option<String>,
    family: Option<Family>,
    leader: Option<Arc<OwnedFd>>,
}

impl Tree {
    /// The processes of a group, and those marked with a run's id. Our own group, and the ids that `kill` takes as "everybody", are refused.
    pub fn new(group: Option<i32>, run_id: Option<&str>) -> Result<Self> {
        let group = match group {
            None => None,
            Some(raw) => match positive(raw) {
                Some(pid) if !pid.is_init() && pid != getpgrp() => Some(pid),
                _ => bail!("could not end process group {raw}: it is no agent's"),
            },
        };
        Ok(Self { group, run_id: run_id.filter(|id| !id.is_empty()).map(str::to_owned), family: None, leader: None })
    }

    /// With all that came of the group's leader, a child of ours that has just been started.
    #[must_use]
    pub(super) fn with_family(mut self) -> Self {
        self.family = self.group.map(Family::new);
        self.leader = self.group.and_then(process_file).map(Arc::new);
        self
    }

    /// Waits a moment: no longer than until the leader ends, where the kernel tells that.
    pub(super) fn nap(&self) {
        let Some(leader) = &self.leader else { return std::thread::sleep(POLL) };
        let moment = Timespec { tv_sec: 0, tv_nsec: POLL.subsec_nanos().into() };
        // A signal to us ends it too.
        let _ = poll(&mut [PollFd::new(leader, PollFlags::IN)], Some(&moment));
    }

    /// Looks who was born since.
    pub(super) fn look(&self) {
        if let Some(family) = &self.family {
            family.look();
        }
    }

    /// The processes beside the group.
    fn others(&self) -> Vec<Pid> {
        let mut pids = self.marked();
        pids.extend(self.family.iter().flat_map(Family::living));
        pids
    }

    /// Sends a signal to all of it. A process that is already gone is what we want.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, signal);
        }
        for pid in self.others() {
            let _ = kill_process(pid, signal);
        }
    }

    /// Asks the agent itself to end, as Ctrl-C does: it ends its own tools, and some still say what they used.
    pub(super) fn interrupt(&self) {
        for signal in [Signal::INT, Signal::CONT] {
            self.group.map(|group| kill_process_group(group, signal));
        }
    }

    /// Asks all of it to end. One that is stopped (it read the terminal from the background) must go on to hear it.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT);
    }

    /// Ends all of it, at once.
    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// True while a process of it runs; one that is dead and not yet waited for does not count.
    pub fn is_alive(&self) -> bool {
        self.group.is_some_and(group_lives) || !self.others().is_empty()
    }

    /// Asks it to end, and kills what has not after `grace`, or at the first signal to us.
    pub(super) fn end(&self, grace: Duration, signals: Option<&Signals>, meanwhile: &mut dyn FnMut()) -> bool {
        let mut interrupted = false;
        if !self.is_alive() {
            return interrupted;
        }
        self.terminate();
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline && !interrupted {
            if !self.is_alive() {
                return interrupted;
            }
            interrupted = signals.is_some_and(Signals::take);
            meanwhile();
            std::thread::sleep(POLL);
        }
        let deadline = Instant::now() + AFTER_KILL;
        while self.is_alive() && Instant::now() < deadline {
            // Again each time: a process may have been forked while we were killing the others.
            self.kill();
            meanwhile();
            std::thread::sleep(POLL);
        }
        interrupted
    }

    /// The live processes with the run's id in their environment, us excepted.
    fn marked(&self) -> Vec<Pid> {
        let Some(run_id) = &self.run_id else { return Vec::new() };
        let entry = format!("{RUN_ID}={run_id}");
        processes().filter(|&pid| pid != rustix::process::getpid() && is_marked(pid, &entry)).collect()
    }

    /// The same tree without its group, unless a process of the group carries the run's mark: after a crash the number may be another's.
    ///
    /// Where there is no `/proc` to ask, the group is believed.
    #[must_use]
    pub fn without_strangers(mut self) -> Self {
        let (Some(group), Some(run_id)) = (self.group, &self.run_id) else { return self };
        if fs::read_dir("/proc/self").is_err() {
            return self;
        }
        let entry = format!("{RUN_ID}={run_id}");
        if !processes().any(|pid| is_in(pid, group) && is_marked(pid, &entry)) {
            self.group = None;
        }
        self
    }
}

/// Ends a process group: TERM, and KILL for what is left after `grace`. A group that is already gone is no error.
///
/// The number must be known to be the agent's still; [`super::RunDir::end_agent`] is the careful form.
pub fn end_group(pgid: i32, grace: Duration) -> Result<()> {
    end_all(&Tree::new(Some(pgid), None)?, grace)
}

/// Ends a whole tree as [`end_group`] does a group.
pub fn end_all(tree: &Tree, grace: Duration) -> Result<()> {
    tree.end(grace, None, &mut || {});
    if tree.is_alive() {
        bail!("could not end all processes of the agent");
    }
    Ok(())
}

fn group_lives(group: Pid) -> bool {
    match test_kill_process_group(group) {
        Err(rustix::io::Errno::SRCH) => false,
        _ if fs::read_dir("/proc/self").is_err() => true,
        // A zombie answers too, for ever where nobody reaps orphans (many containers).
        _ => processes().any(|pid| is_in(pid, group)),
    }
}

/// True for a process of a group that is not dead.
fn is_in(pid: Pid, group: Pid) -> bool {
    Stat::of(pid).is_some_and(|stat| stat.group == Some(group) && stat.lives())
}

fn is_marked(pid: Pid, entry: &str) -> bool {
    const LOOKS: u32 = 10;
    for _ in 0..LOOKS {
        // Another user's cannot be read, and is not ours to end.
        let Ok(environ) = fs::read(format!("/proc/{}/environ", pid.as_raw_pid())) else { return false };
        if !environ.is_empty() {
            return environ.split(|&byte| byte == 0).any(|variable| variable == entry.as_bytes());
        }
        // A program that is about to take the place of another has none for a moment; what is dead has none for good.
        if !Stat::of(pid).is_some_and(Stat::is_program) {
            return false;
        }
        std::thread::yield_now();
    }
    false
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn everybody_and_ourselves_are_no_agents_group() {
        for raw in [0, 1, -1, -7, getpgrp().as_raw_pid()] {
            assert!(Tree::new(Some(raw), None).is_err(), "{raw}");
            assert!(end_group(raw, Duration::ZERO).is_err(), "{raw}");
        }
    }

    #[test]
    fn a_group_that_is_gone_is_no_error() {
        let mut child = std::process::Command::new("true");
        let mut child = std::os::unix::process::CommandExt::process_group(&mut child, 0).spawn().unwrap();
        child.wait().unwrap();
        end_group(i32::try_from(child.id()).unwrap(), Duration::from_secs(5)).unwrap();
    }

    #[test]
    fn a_group_without_the_mark_is_a_strangers() {
        let mut stranger = std::process::Command::new("sleep");
        let mut stranger = std::os::unix::process::CommandExt::process_group(stranger.arg("1000"), 0).spawn().unwrap();
        let pgid = i32::try_from(stranger.id()).unwrap();
        let tree = Tree::new(Some(pgid), Some("a-run-that-nobody-has")).unwrap();
        assert!(tree.is_alive());
        if fs::read_dir("/proc/self").is_ok() {
            let careful = tree.clone().without_strangers();
            assert!(!careful.is_alive());
            careful.end(Duration::from_secs(5), None, &mut || {});
            assert!(stranger.try_wait().unwrap().is_none());
        }
        end_all(&tree, Duration::from_secs(5)).unwrap();
        assert!(!stranger.wait().unwrap().success());
    }
}
