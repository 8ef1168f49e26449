//! Ctrl-C while runs are on and while they are brought to their end: what is being recorded is not cut.

use crate::agent::{Heard, Stop};
use crate::context::Context;
use crate::git::Spared;
use anyhow::Result;

/// From its making to its end a request to stop ends agents and commands of specs, and nothing else.
pub struct Graceful {
    stop: Stop,
    _spared: Option<Spared>,
}

impl Graceful {
    /// From now on.
    pub fn begin(ctx: &Context) -> Result<Self> {
        let out = ctx.out;
        let stop = Stop::watch(move |heard| match heard {
            Heard::Ending => out.note("Asked what runs to end; Ctrl-C again kills it."),
            Heard::Finishing => out.note("Finishing what is being recorded; Ctrl-C again ends git-chant at once."),
        })?;
        // Whoever signs may be asked for a password.
        let spared = (!ctx.repo.config_bool("commit.gpgSign", false)).then(Spared::begin);
        Ok(Self { stop, _spared: spared })
    }

    /// True since somebody asked us to stop.
    pub fn asked(&self) -> bool {
        self.stop.asked()
    }

    /// The end of it; true where somebody has asked us to stop.
    pub fn end(self) -> bool {
        self.stop.end()
    }
}
