//! Ctrl-C, termination and hang-up while an agent runs: counted, so that the agent can be ended before we are.

use anyhow::{Context as _, Result};
use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What the process as a whole knows: how many runs watch, and a flag that is true while none does.
struct Shared {
    runs: Mutex<usize>,
    idle: Arc<AtomicBool>,
}

/// Watches for signals from its making to its end; between runs they kill us, as they did before.
pub(super) struct Signals {
    seen: Arc<AtomicBool>,
    ids: Vec<SigId>,
}

impl Signals {
    /// Watches SIGTERM and SIGHUP, and SIGINT unless the person is talking to the agent (`interactive`): then Ctrl-C is the agent's.
    pub(super) fn watch(interactive: bool) -> Result<Self> {
        let shared = shared();
        let mut runs = shared.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut watched = Self { seen: Arc::default(), ids: Vec::new() };
        // Counted before the first handler, so that an error below is undone by the drop.
        *runs += 1;
        shared.idle.store(false, Ordering::SeqCst);
        drop(runs);
        let unheard = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if ignored(signal) {
                continue;
            }
            default_when_idle(signal)?;
            let flag = if interactive && signal == SIGINT { &unheard } else { &watched.seen };
            let id = signal_hook::flag::register(signal, Arc::clone(flag)).context("could not watch for signals")?;
            watched.ids.push(id);
        }
        Ok(watched)
    }

    /// True once for every signal (or burst of them) since the last call.
    pub(super) fn take(&self) -> bool {
        self.seen.swap(false, Ordering::SeqCst)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            signal_hook::low_level::unregister(id);
        }
        let shared = shared();
        let mut runs = shared.runs.lock().unwrap_or_else(PoisonError::into_inner);
        *runs -= 1;
        shared.idle.store(*runs == 0, Ordering::SeqCst);
    }
}

/// True where just one run is on in this process.
pub(super) fn sole_run() -> bool {
    *shared().runs.lock().unwrap_or_else(PoisonError::into_inner) == 1
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| Shared { runs: Mutex::new(0), idle: Arc::new(AtomicBool::new(true)) })
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
fn ignored(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
