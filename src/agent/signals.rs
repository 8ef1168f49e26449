//! Ctrl-C, termination and hang-up while an agent runs: counted, so that the agent can be ended before we are.

use super::family::end_strays;
use anyhow::{Context as _, Result};
use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// What we listen to.
pub(super) const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Signals that come so close to one another are one request: `git chant` is a child of `git`, which passes on the Ctrl-C that the terminal
/// has already told us of.
pub(super) const ONE_REQUEST: Duration = Duration::from_millis(150);

/// Tells requests apart.
#[derive(Debug, Default)]
pub(super) struct Requests {
    last: Option<Instant>,
}

impl Requests {
    /// True for a signal that is a request of its own.
    pub(super) fn is_another(&mut self) -> bool {
        let another = self.last.is_none_or(|last| last.elapsed() >= ONE_REQUEST);
        if another {
            self.last = Some(Instant::now());
        }
        another
    }
}

/// What the process as a whole knows: who watches, a flag that is true while nobody does, and those that a request to stop raises.
pub(super) struct Shared {
    watchers: Mutex<Watchers>,
    idle: Arc<AtomicBool>,
    /// By Ctrl-C; where a person works at a terminal that we share, it is for what runs there.
    pub(super) ctrl_c: Arc<AtomicBool>,
    /// By any other signal.
    pub(super) told: Arc<AtomicBool>,
}

/// How many watch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watchers {
    /// Runs of something that a signal is for.
    pub(super) runs: usize,
    /// Those of them to which the terminal belongs.
    pub(super) persons: usize,
    stops: usize,
}

impl Shared {
    pub(super) fn watchers(&self) -> MutexGuard<'_, Watchers> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True since somebody asked for an end of everything, where somebody listens for that.
    pub(super) fn asked(&self) -> bool {
        self.ctrl_c.load(Ordering::SeqCst) || self.told.load(Ordering::SeqCst)
    }

    pub(super) fn forget(&self) {
        self.ctrl_c.store(false, Ordering::SeqCst);
        self.told.store(false, Ordering::SeqCst);
    }

    fn change(&self, change: impl FnOnce(&mut Watchers)) {
        let mut watchers = self.watchers();
        change(&mut watchers);
        self.idle.store(watchers.runs + watchers.stops == 0, Ordering::SeqCst);
    }
}

/// As long as one is there a signal does not end us by itself.
pub(super) struct Deaf(());

impl Deaf {
    pub(super) fn begin() -> Result<Self> {
        shared().change(|watchers| watchers.stops += 1);
        let deaf = Self(());
        for signal in ENDING.into_iter().filter(|signal| !ignored(*signal)) {
            default_when_idle(signal)?;
        }
        Ok(deaf)
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        shared().change(|watchers| watchers.stops -= 1);
    }
}

/// Watches for signals from its making to its end; between runs they kill us, as they did before.
pub(super) struct Signals {
    seen: Arc<AtomicBool>,
    requests: RefCell<Requests>,
    ids: Vec<SigId>,
    interactive: bool,
}

impl Signals {
    /// Watches SIGTERM and SIGHUP, and SIGINT unless the person is talking to the agent (`interactive`): then Ctrl-C is the agent's.
    pub(super) fn watch(interactive: bool) -> Result<Self> {
        let mut watched = Self { seen: Arc::default(), requests: RefCell::default(), ids: Vec::new(), interactive };
        // Counted before the first handler, so that an error below is undone by the drop.
        shared().change(|watchers| {
            watchers.runs += 1;
            watchers.persons += usize::from(interactive);
        });
        let unheard = Arc::new(AtomicBool::new(false));
        for signal in ENDING.into_iter().filter(|signal| !ignored(*signal)) {
            default_when_idle(signal)?;
            let flag = if interactive && signal == SIGINT { &unheard } else { &watched.seen };
            let id = signal_hook::flag::register(signal, Arc::clone(flag)).context("could not watch for signals")?;
            watched.ids.push(id);
        }
        // Who was asked to stop before this run began is still asked.
        watched.seen.fetch_or(shared().asked(), Ordering::SeqCst);
        Ok(watched)
    }

    /// True once for every request since the last call.
    pub(super) fn take(&self) -> bool {
        self.seen.swap(false, Ordering::SeqCst) && self.requests.borrow_mut().is_another()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            signal_hook::low_level::unregister(id);
        }
        if self.interactive {
            // What a person pressed there was not for us.
            shared().ctrl_c.store(false, Ordering::SeqCst);
        }
        shared().change(|watchers| {
            watchers.runs -= 1;
            watchers.persons -= usize::from(self.interactive);
            if watchers.runs == 0 {
                // Whoever wants to begin one waits for us here.
                end_strays();
            }
        });
    }
}

/// True where just one run is on in this process.
pub(super) fn sole_run() -> bool {
    shared().watchers().runs == 1
}

pub(super) fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| Shared {
        watchers: Mutex::default(),
        idle: Arc::new(AtomicBool::new(true)),
        ctrl_c: Arc::default(),
        told: Arc::default(),
    })
}

/// signal-hook keeps its handler after the last action is gone, which would make us deaf; this gives the signal its old meaning back.
fn default_when_idle(signal: i32) -> Result<()> {
    static DONE: Mutex<Vec<i32>> = Mutex::new(Vec::new());
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    if !done.contains(&signal) {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&shared().idle)).context("could not watch for signals")?;
        done.push(signal);
    }
    Ok(())
}

/// True where our caller made the signal ignored (`nohup`, a background job): a handler would undo that. Known on Linux only.
pub(super) fn ignored(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_passes_on_is_no_second_request() {
        let mut requests = Requests::default();
        assert!(requests.is_another());
        assert!(!requests.is_another());
        requests.last = Instant::now().checked_sub(ONE_REQUEST);
        assert!(requests.is_another() && !requests.is_another());
    }
}
