//! Ctrl-C, termination and hang-up while an agent runs: counted, so that the agent can be ended before we are.

use anyhow::{Context as _, Result};
use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// What the process as a whole knows: who watches, a flag that is true while nobody does, and one that a [`Stop`] raises.
struct Shared {
    watchers: Mutex<Watchers>,
    idle: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

/// How many watch.
#[derive(Default)]
struct Watchers {
    runs: usize,
    stops: usize,
}

impl Watchers {
    fn kind(&mut self, is_stop: bool) -> &mut usize {
        if is_stop { &mut self.stops } else { &mut self.runs }
    }
}

impl Shared {
    fn watchers(&self) -> MutexGuard<'_, Watchers> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches for a request to stop from its making to its end, over many runs: none that begins after the request goes on. Who asks a third
/// time ends us as if nobody watched.
pub struct Stop {
    signals: Signals,
    /// Somebody asked since the last look.
    again: Arc<AtomicBool>,
    times: Cell<u32>,
    /// The next signal is our end.
    last: Arc<AtomicBool>,
}

impl Stop {
    /// Watches the signals that a run watches.
    pub fn watch() -> Result<Self> {
        let stop = &shared().stop;
        stop.store(false, Ordering::SeqCst);
        let (again, last) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let mut signals = Signals::raising(stop, false, true)?;
        for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !ignored(*signal)) {
            let count = signal_hook::flag::register(signal, Arc::clone(&again)).context("could not watch for signals")?;
            signals.ids.push(count);
            let end = signal_hook::flag::register_conditional_default(signal, Arc::clone(&last)).context("could not watch for signals")?;
            signals.ids.push(end);
        }
        Ok(Self { signals, again, times: Cell::new(0), last })
    }

    /// True since somebody asked us to stop.
    pub fn asked(&self) -> bool {
        if self.again.swap(false, Ordering::SeqCst) {
            self.times.set(self.times.get() + 1);
            self.last.store(self.times.get() > 1, Ordering::SeqCst);
        }
        self.signals.seen.load(Ordering::SeqCst)
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        shared().stop.store(false, Ordering::SeqCst);
    }
}

/// Watches for signals from its making to its end; between runs they kill us, as they did before.
pub(super) struct Signals {
    seen: Arc<AtomicBool>,
    ids: Vec<SigId>,
    is_stop: bool,
}

impl Signals {
    /// Watches SIGTERM and SIGHUP, and SIGINT unless the person is talking to the agent (`interactive`): then Ctrl-C is the agent's.
    pub(super) fn watch(interactive: bool) -> Result<Self> {
        let watched = Self::raising(&Arc::default(), interactive, false)?;
        // Who was asked to stop before this run began is still asked.
        watched.seen.fetch_or(shared().stop.load(Ordering::SeqCst), Ordering::SeqCst);
        Ok(watched)
    }

    fn raising(flag: &Arc<AtomicBool>, interactive: bool, is_stop: bool) -> Result<Self> {
        let shared = shared();
        let mut watchers = shared.watchers();
        let mut watched = Self { seen: Arc::clone(flag), ids: Vec::new(), is_stop };
        // Counted before the first handler, so that an error below is undone by the drop.
        *watchers.kind(is_stop) += 1;
        shared.idle.store(false, Ordering::SeqCst);
        drop(watchers);
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
        let mut watchers = shared.watchers();
        *watchers.kind(self.is_stop) -= 1;
        shared.idle.store(watchers.runs + watchers.stops == 0, Ordering::SeqCst);
    }
}

/// True where just one run is on in this process.
pub(super) fn sole_run() -> bool {
    shared().watchers().runs == 1
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| Shared { watchers: Mutex::default(), idle: Arc::new(AtomicBool::new(true)), stop: Arc::default() })
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
