//! An error that names the next command to type.
//!
//! Everything fallible here returns [`anyhow::Result`]; where a person can do something about it, the error is a [`Failure`], whose
//! hints are printed as git prints them (`hint: …`). A refusal that is an *answer* (gate, verify, a failed run) is no error: see
//! [`Outcome`].

use std::fmt;

/// What a command that ran to its end has to say. Errors are exit code 128 (could not) and 129 (usage, by clap).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or the answer is yes: exit code 0.
    Yes,
    /// The answer is no (gate, verify, lint, a failed run): exit code 1.
    No,
}

/// An error message with hints, and the cause below it.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hints: Vec<String>,
}

impl Failure {
    /// A failure that says `message`: "could not VERB THING", no capital, no period.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new() }
    }

    /// Adds a line printed as `hint: …`; it should name a command.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The hints, in the order in which they were given.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
