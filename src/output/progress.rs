//! One line on a terminal that moves while something runs.

use indicatif::{ProgressBar, ProgressStyle};

/// A spinner with words. Where standard error is no terminal it shows nothing.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(prefix: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(prefix.to_owned());
        Self { bar }
    }

    /// Other words behind the spinner.
    pub fn say(&self, words: &str) {
        self.bar.set_message(words.to_owned());
    }

    /// Time passes: the spinner turns.
    pub fn tick(&self) {
        self.bar.tick();
    }

    /// Takes the line away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
