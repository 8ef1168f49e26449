//! What came of a process: its children, theirs, and those whose parent ended before them.
//!
//! On Linux we make ourselves the one to whom orphans fall (a child subreaper), so nothing that an agent starts can leave the family by
//! forking twice, by a session of its own or by an empty environment. What fell to us while several runs were on cannot be told apart
//! unless it was seen before; then its mark finds it, or it is ended with the last of those runs ([`end_strays`]).

use super::group::POLL;
use super::signals::sole_run;
use rustix::process::{Pid, Signal, WaitOptions, getpgrp, getpid, kill_process, waitpid};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What `/proc` says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) pid: Pid,
    pub(super) group: Option<Pid>,
    parent: Option<Pid>,
    /// With the id, no other process ever has it.
    start: u64,
    dead: bool,
    is_kernel: bool,
    is_helper: bool,
}

impl Stat {
    /// `None` where there is no such process, or no `/proc`.
    pub(super) fn of(pid: Pid) -> Option<Self> {
        parse(pid, &fs::read(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?)
    }

    pub(super) fn parent(self) -> Option<Pid> {
        self.parent
    }

    /// True for one that runs; one that is dead and not yet waited for does not count.
    pub(super) fn lives(self) -> bool {
        !self.dead
    }

    /// True for one that runs a program, or will in a moment.
    pub(super) fn is_program(self) -> bool {
        self.lives() && !self.is_kernel
    }
}

/// The flag of the kernel's own threads (`include/linux/sched.h`).
const PF_KTHREAD: u32 = 0x0020_0000;

fn parse(pid: Pid, stat: &[u8]) -> Option<Stat> {
    // The name, in parentheses, may hold anything; what follows its last parenthesis is: state, parent, group and so on.
    let (begin, end) = (stat.iter().position(|&byte| byte == b'(')?, stat.iter().rposition(|&byte| byte == b')')?);
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    let id = |index: usize| words.get(index)?.parse().ok().and_then(positive);
    Some(Stat {
        pid,
        group: id(2),
        parent: id(1),
        start: words.get(19)?.parse().ok()?,
        dead: matches!(*words.first()?, "Z" | "X"),
        is_kernel: words.get(6)?.parse::<u32>().ok()? & PF_KTHREAD != 0,
        is_helper: is_helper(stat.get(begin + 1..end).unwrap_or_default()),
    })
}

/// True for git (a child of ours is called as we are until it becomes git), for what it leaves running on purpose, and for what it asks
/// keys of: whoever pushes, or signs, has started those for the person, and ending them would have the person asked for a password again.
fn is_helper(name: &[u8]) -> bool {
    const OTHERS: [&[u8]; 6] = [b"ssh", b"ssh-agent", b"gpg-agent", b"keyboxd", b"scdaemon", b"dirmngr"];
    name == b"git" || name.starts_with(b"git-") || OTHERS.contains(&name)
}

/// A number as a process id. The group of a process that is just being reaped reads as -1, which [`Pid::from_raw`] does not bear.
pub(super) fn positive(raw: i32) -> Option<Pid> {
    Pid::from_raw(raw.max(0))
}

/// The ids in `/proc`; none where there is no such thing.
pub(super) fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(positive))
}

/// Orphans of our children fall to us from now on.
pub(super) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    // Where the kernel cannot, the mark of the run has to do.
    let _ = rustix::process::set_child_subreaper(Some(getpid()));
}

/// Our own helpers share our process group, and git's housekeeping, which detaches itself, is no agent's.
fn fell_to_us(stat: Stat, since: u64) -> bool {
    stat.parent == Some(getpid()) && stat.group != Some(getpgrp()) && !stat.is_helper && stat.start >= since
}

/// When the first of the runs began that are on, or of those of which the last has just ended.
fn first() -> std::sync::MutexGuard<'static, Option<u64>> {
    static FIRST: Mutex<Option<u64>> = Mutex::new(None);
    FIRST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long what nobody knew may take to end.
const STRAYS_GRACE: Duration = Duration::from_millis(500);

/// Ends what fell to us while several runs were on, and all that came of it. No run may be on, nor begin meanwhile.
pub(super) fn end_strays() {
    let Some(since) = first().take() else { return };
    let began = Instant::now();
    let mut ended: Vec<Pid> = Vec::new();
    while began.elapsed() < STRAYS_GRACE * 10 {
        let table: Vec<Stat> = processes().filter_map(Stat::of).collect();
        let mut strays: Vec<Pid> = table.iter().filter(|stat| stat.lives() && fell_to_us(**stat, since)).map(|stat| stat.pid).collect();
        // Those whose parent is no stray any more fell to us too, and are found by the next look.
        strays.extend(
            table.iter().filter(|stat| stat.parent.is_some_and(|parent| strays.contains(&parent))).map(|stat| stat.pid).collect::<Vec<_>>(),
        );
        for pid in ended.iter().filter(|pid| !strays.contains(pid)) {
            let _ = waitpid(Some(*pid), WaitOptions::NOHANG);
        }
        if strays.is_empty() {
            return;
        }
        let signal = if began.elapsed() < STRAYS_GRACE { Signal::TERM } else { Signal::KILL };
        for pid in &strays {
            let _ = kill_process(*pid, signal);
        }
        ended.extend(strays);
        std::thread::sleep(POLL);
    }
}

/// The family of one process, as far as it was seen.
#[derive(Clone, Debug)]
pub(super) struct Family {
    root: Pid,
    began: u64,
    known: RefCell<HashMap<Pid, u64>>,
}

impl Family {
    /// The family of a child of ours, which must not have been waited for yet.
    pub(super) fn new(root: Pid) -> Self {
        let began = Stat::of(root).map_or(u64::MAX, |stat| stat.start);
        let mut first = first();
        *first = Some(first.map_or(began, |first| first.min(began)));
        Self { root, began, known: RefCell::default() }
    }

    /// Looks who was born. What is dead, and fell to us, is waited for: nobody else will.
    pub(super) fn look(&self) {
        let table: Vec<Stat> = processes().filter_map(Stat::of).collect();
        // Asked after the table was made: another run's process is in it only if that run was counted before.
        let sole = sole_run();
        let mut known = self.known.borrow_mut();
        known.retain(|pid, start| table.iter().any(|stat| stat.pid == *pid && stat.start == *start));
        let mut grew = true;
        while grew {
            grew = false;
            for stat in table.iter().filter(|stat| stat.pid != self.root) {
                let born = stat.parent.is_some_and(|parent| parent == self.root || known.contains_key(&parent));
                if (born || (sole && fell_to_us(*stat, self.began))) && known.insert(stat.pid, stat.start).is_none() {
                    grew = true;
                }
            }
        }
        for stat in table.iter().filter(|stat| stat.dead && stat.parent == Some(getpid())) {
            if known.remove(&stat.pid).is_some() {
                let _ = waitpid(Some(stat.pid), WaitOptions::NOHANG);
            }
        }
    }

    /// Those who live.
    pub(super) fn living(&self) -> Vec<Pid> {
        self.look();
        let known = self.known.borrow();
        let same = |pid: Pid, start: u64| Stat::of(pid).is_some_and(|stat| stat.start == start && stat.lives());
        known.iter().filter(|(pid, start)| same(**pid, **start)).map(|(pid, _)| *pid).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_leaves_running_is_no_stray() {
        for (name, helper) in [
            ("git", true),
            ("git-chant", true),
            ("git-credential-", true),
            ("gpg-agent", true),
            ("gitk2", false),
            ("sleep", false),
            ("", false),
        ] {
            assert_eq!(is_helper(name.as_bytes()), helper, "{name}");
        }
    }

    #[test]
    fn a_name_may_hold_anything() {
        let pid = positive(7).unwrap();
        let line = b"7 (a) S) (b) ) R 3 5 5 0 -1 1 2 3 4 5 6 7 8 9 20 0 1 0 4242 1 2";
        let stat = parse(pid, line).unwrap();
        assert_eq!((stat.parent, stat.group, stat.start, stat.lives()), (positive(3), positive(5), 4242, true));
        assert!(
            stat.is_program() && !parse(pid, b"7 (kthreadd) S 0 0 0 0 -1 2129984 2 3 4 5 6 7 8 9 20 0 1 0 42 1 2").unwrap().is_program()
        );
        assert!(!parse(pid, b"7 (git) Z 3 -1 5 0 -1 1 2 3 4 5 6 7 8 9 20 0 1 0 4242 1 2").unwrap().lives());
        for line in [b"".as_slice(), b"7 (x", b"7 )( S", b"7 (x) S 3"] {
            assert_eq!(parse(pid, line), None);
        }
    }
}
