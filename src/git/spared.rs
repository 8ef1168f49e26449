//! git out of reach of the terminal's Ctrl-C, while we outlive it: what git is at must not be cut either.

use rustix::process::{Pid, Signal, kill_process_group};
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many want git to be spared, and the gits that are.
struct Here {
    wanted: usize,
    running: Vec<Pid>,
}

static HERE: Mutex<Here> = Mutex::new(Here { wanted: 0, running: Vec::new() });

fn here() -> MutexGuard<'static, Here> {
    HERE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While one of these is there git does not hear the terminal's Ctrl-C. git that may ask a person for a password hears it still: out of
/// the terminal's reach it could not ask.
#[must_use]
pub struct Spared(());

impl Spared {
    /// From now on.
    pub fn begin() -> Self {
        here().wanted += 1;
        Self(())
    }

    /// Tells those that were spared, with the hooks that they run: nobody waits for them any more.
    pub fn end_all(signal: i32) {
        let signal = Signal::from_named_raw(signal).unwrap_or(Signal::TERM);
        for git in &here().running {
            // One that has just ended is what we want.
            let _ = kill_process_group(*git, signal);
        }
    }
}

impl Drop for Spared {
    fn drop(&mut self) {
        here().wanted -= 1;
    }
}

/// True while git is to be spared.
pub(super) fn is_wanted() -> bool {
    here().wanted > 0
}

/// The terminal's Ctrl-C goes to its foreground group, and so not to this one.
pub(super) fn in_a_group_of_its_own(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// A git that runs; known where it is in a group of its own.
pub(super) struct Running(Option<Pid>);

impl Running {
    /// Starts it.
    pub(super) fn start(command: &mut Command, spared: bool) -> std::io::Result<(Child, Self)> {
        if !spared {
            return Ok((command.spawn()?, Self(None)));
        }
        // No signal comes between its start and its being known.
        let mut here = here();
        let child = command.spawn()?;
        let pid = Pid::from_child(&child);
        here.running.push(pid);
        Ok((child, Self(Some(pid))))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.is_some() {
            here().running.retain(|git| Some(*git) != self.0);
        }
    }
}
