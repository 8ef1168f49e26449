//! Lines on a terminal that move while something runs: one for each, below everything else that is said.

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often the spinners turn and the clocks go on.
const TURN: Duration = Duration::from_millis(200);

/// The lines that move share one terminal, and so one place where they are drawn; nothing where none is shown.
static LINES: Mutex<Option<Lines>> = Mutex::new(None);

struct Lines {
    drawn: MultiProgress,
    shown: usize,
    /// An empty line on top: the terminal's own `^C` moves everything up by one, and what it moves out of our reach stays.
    margin: ProgressBar,
}

impl Lines {
    fn new() -> Self {
        let drawn = MultiProgress::with_draw_target(target());
        let margin = drawn.add(ProgressBar::new_spinner());
        style(&margin, "{msg}");
        margin.set_message(" ");
        Self { drawn, shown: 0, margin }
    }
}

/// How often a second they are drawn at most.
const RATE: u8 = 20;

/// Standard error. Where that is no terminal nothing is drawn.
fn target() -> ProgressDrawTarget {
    let term = Term::buffered_stderr();
    match term.is_term() {
        true => ProgressDrawTarget::term_like_with_hz(Box::new(Unbroken(term)), RATE),
        false => ProgressDrawTarget::hidden(),
    }
}

/// A terminal that may go away (a connection is cut, a window is closed): what runs goes on to its end, and nobody is left to be drawn for.
#[derive(Debug)]
struct Unbroken(Term);

impl TermLike for Unbroken {
    fn width(&self) -> u16 {
        self.0.size().1
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n).or(Ok(()))
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n).or(Ok(()))
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n).or(Ok(()))
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n).or(Ok(()))
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(text).or(Ok(()))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text).or(Ok(()))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line().or(Ok(()))
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush().or(Ok(()))
    }
}

fn lines() -> MutexGuard<'static, Option<Lines>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

/// Prints something that stays, above the lines that move.
pub(super) fn above<T>(print: impl FnOnce() -> T) -> T {
    match &*lines() {
        Some(lines) => lines.drawn.suspend(print),
        None => print(),
    }
}

/// A spinner with words, which turns by itself and goes away when this is dropped. Where standard error is no terminal it shows nothing.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(prefix: &str) -> Self {
        let mut lines = lines();
        let lines = lines.get_or_insert_with(Lines::new);
        lines.shown += 1;
        let bar = lines.drawn.add(ProgressBar::new_spinner());
        style(&bar, "{spinner} {prefix} {elapsed} {wide_msg}");
        bar.set_prefix(prefix.to_owned());
        bar.enable_steady_tick(TURN);
        Self { bar }
    }

    /// Other words behind the spinner.
    pub fn say(&self, words: &str) {
        self.bar.set_message(words.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let mut all = lines();
        self.bar.finish_and_clear();
        if let Some(lines) = &mut *all {
            lines.drawn.remove(&self.bar);
            lines.shown -= 1;
            if lines.shown == 0 {
                lines.margin.finish_and_clear();
                *all = None;
            }
        }
    }
}
