//! A request to stop, over everything that one command does: what runs is ended, what is being recorded is finished.

use super::signals::{Deaf, ENDING, Requests, ignored, shared};
use crate::git::Spared;
use anyhow::{Context as _, Result};
use signal_hook::SigId;
use signal_hook::consts::SIGINT;
use signal_hook::iterator::{Handle, Signals};
use std::sync::Arc;
use std::thread::JoinHandle;

/// What a signal was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An agent, or a command of ours, is asked to end.
    Ending,
    /// Nothing of the kind runs: what is under way is finished first.
    Finishing,
}

/// Listens from its making to its end, over many runs: none that begins after a request goes on. A second request kills what runs; where
/// nothing does it ends us, as a third one always does.
pub struct Stop {
    handle: Handle,
    listener: Option<JoinHandle<()>>,
    ids: Vec<SigId>,
    deaf: Option<Deaf>,
}

impl Stop {
    /// Listens to the signals that a run listens to; `tell` hears once of each kind.
    pub fn watch(tell: impl Fn(Heard) + Send + 'static) -> Result<Self> {
        let trouble = "could not watch for signals";
        shared().forget();
        let deaf = Deaf::begin()?;
        let heard: Vec<i32> = ENDING.into_iter().filter(|signal| !ignored(*signal)).collect();
        let mut signals = Signals::new(&heard).context(trouble)?;
        let mut stop = Self { handle: signals.handle(), listener: None, ids: Vec::new(), deaf: Some(deaf) };
        for signal in heard {
            let flag = if signal == SIGINT { &shared().ctrl_c } else { &shared().told };
            stop.ids.push(signal_hook::flag::register(signal, Arc::clone(flag)).context(trouble)?);
        }
        stop.listener = Some(std::thread::spawn(move || listen(&mut signals, &tell)));
        Ok(stop)
    }

    /// True since somebody asked us to stop.
    pub fn asked(&self) -> bool {
        stop_asked()
    }

    /// Listens no more; true where somebody has asked us to stop. There is no moment in between in which a request would be lost.
    pub fn end(mut self) -> bool {
        self.close()
    }

    fn close(&mut self) -> bool {
        self.handle.close();
        // It says nothing any more once we are gone; a panic of it is no reason for another.
        drop(self.listener.take().map(JoinHandle::join));
        // From now on a request ends us by itself; what came before is seen below.
        self.deaf = None;
        let asked = stop_asked();
        for id in self.ids.drain(..) {
            signal_hook::low_level::unregister(id);
        }
        shared().forget();
        asked
    }
}

/// True since somebody asked us to stop, where a [`Stop`] listens.
pub fn stop_asked() -> bool {
    shared().asked()
}

impl Drop for Stop {
    fn drop(&mut self) {
        if self.deaf.is_some() {
            self.close();
        }
    }
}

fn listen(signals: &mut Signals, tell: &dyn Fn(Heard)) {
    let (mut times, mut ending, mut finishing) = (0, false, false);
    let mut requests = Requests::default();
    for signal in signals.forever() {
        let watchers = *shared().watchers();
        if signal == SIGINT && watchers.persons > 0 {
            continue;
        }
        if !requests.is_another() {
            continue;
        }
        times += 1;
        let runs = watchers.runs > 0;
        if times > 2 || (finishing && !runs) {
            Spared::end_all(signal);
            // It does not return; where it cannot end us the next signal tries again.
            drop(signal_hook::low_level::emulate_default_handler(signal));
        }
        let first = if runs { &mut ending } else { &mut finishing };
        if !std::mem::replace(first, true) {
            tell(if runs { Heard::Ending } else { Heard::Finishing });
        }
    }
}
