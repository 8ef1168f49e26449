//! The only place that prints. Answers go to standard output, everything else to standard error, in git's manner.

mod progress;
mod safe;
pub mod table;

pub use progress::Progress;
pub use safe::safe;

use crate::failure::Failure;
use std::io::{IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where a command's words go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    colour: bool,
}

/// A colour of git's own palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Done, ready, passed.
    Green,
    /// Failed, refused.
    Red,
    /// Under way, blocked, to be looked at.
    Yellow,
    /// Beside the point.
    Dim,
}

/// How many things are under way that outlast a reader of our output.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Something under way: see [`Output::hold`].
#[must_use]
pub struct Held(());

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Output {
    /// Colour as `color.ui`, `NO_COLOR` and the terminal ask for.
    pub fn new(color_ui: Option<&str>) -> Self {
        let colour = match color_ui {
            Some("always") => true,
            Some("never" | "false" | "off" | "no") => false,
            _ => std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self { colour }
    }

    /// One line of the answer. A reader that went away ends the process quietly, as git does.
    pub fn line(&self, text: impl AsRef<str>) {
        self.raw(format!("{}\n", text.as_ref()).as_bytes());
    }

    /// While this is held a reader that goes away does not end us: what is under way has to be brought to its end.
    pub fn hold(&self) -> Held {
        HELD.fetch_add(1, Ordering::SeqCst);
        Held(())
    }

    /// Bytes of the answer, as they are.
    pub fn raw(&self, bytes: &[u8]) {
        let write = || {
            let mut out = std::io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        };
        if progress::above(write).is_err() && HELD.load(Ordering::SeqCst) == 0 {
            end_quietly();
        }
    }

    /// Somebody's document: byte for byte into a file or a pipe, without anything that it would obey on a terminal.
    pub fn document(&self, bytes: &[u8]) {
        if std::io::stdout().is_terminal() {
            // A carriage return before a line's end does nothing, and a document may well have one in every line.
            let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
            return self.raw(safe(&text).as_bytes());
        }
        self.raw(bytes);
    }

    /// Our standard output, for a child. One description for both of its outputs keeps them in order, in a file and in a pipe too.
    pub fn share(&self) -> std::io::Result<std::process::Stdio> {
        Ok(std::io::stdout().as_fd().try_clone_to_owned()?.into())
    }

    /// A word in a colour, padded to `width` first.
    pub fn paint(&self, colour: Colour, word: &str, width: usize) -> String {
        let padded = format!("{word:<width$}");
        if !self.colour {
            return padded;
        }
        let code = match colour {
            Colour::Green => "32",
            Colour::Red => "31",
            Colour::Yellow => "33",
            Colour::Dim => "2",
        };
        format!("\u{1b}[{code}m{padded}\u{1b}[m")
    }

    /// Something to know that is no answer.
    pub fn note(&self, text: impl AsRef<str>) {
        complain("", text.as_ref());
    }

    /// `warning: …`
    pub fn warning(&self, text: impl AsRef<str>) {
        complain("warning: ", text.as_ref());
    }

    /// `hint: …`
    pub fn hint(&self, text: impl AsRef<str>) {
        complain("hint: ", text.as_ref());
    }

    /// `error: …`
    pub fn error(&self, text: impl AsRef<str>) {
        complain("error: ", text.as_ref());
    }

    /// True where a line that moves can be shown. An answer that goes elsewhere has the whole story, as lines.
    pub fn moves(&self) -> bool {
        std::io::stdout().is_terminal() && std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// One line on the terminal that moves, beside those of others.
    pub fn progress(&self, prefix: &str) -> Progress {
        Progress::new(prefix)
    }

    /// JSON, one value on one line.
    pub fn json_line(&self, value: &serde_json::Value) {
        self.line(value.to_string());
    }

    /// JSON, one value, indented, with a final newline.
    pub fn json(&self, value: &serde_json::Value) {
        self.line(serde_json::to_string_pretty(value).expect("a JSON value is always printable"));
    }
}

fn complain(prefix: &str, text: &str) {
    let lines: String = text.lines().map(|line| format!("{prefix}{line}\n")).collect();
    // Nobody is left to be told when standard error is closed.
    drop(progress::above(|| std::io::stderr().lock().write_all(lines.as_bytes())));
}

/// The error that ended the process, its causes and its hints.
pub fn fatal(error: &anyhow::Error) {
    complain("fatal: ", &safe(&format!("{error:#}")));
    for hint in hints(error) {
        complain("hint: ", &safe(hint));
    }
}

/// What every failure of the chain proposes, the outermost first.
fn hints(error: &anyhow::Error) -> Vec<&str> {
    // One that was laid over another error as its context is seen by anyhow's own look alone: in the chain it has another type.
    let outermost = error.downcast_ref::<Failure>();
    let in_chain = error.chain().filter_map(|cause| cause.downcast_ref::<Failure>());
    let others = in_chain.filter(|failure| outermost.is_none_or(|first| !std::ptr::eq(first, *failure)));
    outermost.into_iter().chain(others).flat_map(Failure::hints).map(String::as_str).collect()
}

#[expect(clippy::exit, reason = "a closed pipe ends a git command without a word")]
fn end_quietly() -> ! {
    std::process::exit(0)
}

#[cfg(test)]
mod tests {
    use super::hints;
    use crate::failure::Failure;
    use anyhow::{Context as _, anyhow};

    #[test]
    fn every_failure_of_a_chain_gives_its_hints_once() {
        let outer = || Failure::new("could not").hint("outer");
        let inner = || anyhow::Error::from(Failure::new("cause").hint("inner"));
        let of = |error: anyhow::Error| hints(&error).join(", ");
        assert_eq!(of(anyhow!("no hint")), "");
        assert_eq!(of(inner()), "inner");
        assert_eq!(of(inner().context("while doing it")), "inner");
        assert_eq!(of(anyhow!("cause").context(outer())), "outer");
        assert_eq!(of(anyhow!("cause").context(outer()).context("while doing it")), "outer");
        assert_eq!(of(inner().context(outer())), "outer, inner");
        let result: Result<(), std::fmt::Error> = Err(std::fmt::Error);
        assert_eq!(of(result.with_context(outer).unwrap_err()), "outer");
    }
}
