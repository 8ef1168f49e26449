//! An event: one commit on a spec's ref, and the message that says it.
//!
//! The message is for people first (`approve: Title`, then prose), and its last paragraph is git trailers that carry what a listing
//! needs, so that `git chant list` reads one commit a spec and no tree. Parsing takes only the last paragraph and only `Chant-` keys;
//! whatever a person wrote above can look like a trailer without being one.

use super::status::{Approval, Status};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind { $($(#[$doc])* $name,)* }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in the subject and in the `Chant-Event` trailer.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }

        impl FromStr for EventKind {
            type Err = EventError;
            fn from_str(word: &str) -> Result<Self, EventError> {
                match word {
                    $($word => Ok(Self::$name),)*
                    _ => Err(EventError::new(format!("unknown event '{}'", word.escape_debug()))),
                }
            }
        }
    };
}

kinds! {
    /// The spec was made by a verb.
    Create = "create",
    /// The spec was found as a file and taken over; every clone makes the same commit.
    Import = "import",
    /// The document changed.
    Edit = "edit",
    /// A run began.
    Start = "start",
    /// A run that other clones may not start again is still on.
    Claim = "claim",
    /// Executable criteria were run at a commit.
    Verify = "verify",
    /// A run ended with its work done.
    Finish = "finish",
    /// A run ended without.
    Fail = "fail",
    /// A run ended with another intent than it began with.
    Attention = "attention",
    /// A person approved this intent.
    Approve = "approve",
    /// A person refused it.
    Reject = "reject",
    /// A person let work through the gate in spite of it.
    Override = "override",
    /// Given up.
    Cancel = "cancel",
    /// Taken back to pending; a new attempt.
    Reset = "reset",
    /// Put aside.
    Pause = "pause",
    /// The work reached its target, or was declared to have reached it.
    Merge = "merge",
    /// Folded into the archive.
    Archive = "archive",
    /// Two histories became one.
    Join = "join",
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A message that is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventError(String);

impl EventError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EventError {}

/// One event, as its commit message carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The spec's title; control characters and line breaks are removed when written.
    pub title: String,
    /// Prose for people, possibly empty.
    pub text: String,
    /// The status after this event.
    pub status: Status,
    /// The attempt after this event; 0 before the first start.
    pub attempt: u32,
    /// The object name of `spec.md` after this event.
    pub blob: String,
    /// The front matter's `type`.
    pub spec_type: String,
    /// The front matter's `labels`.
    pub labels: Vec<String>,
    /// The front matter's `depends_on`.
    pub depends_on: Vec<String>,
    /// Where the spec stands with its approvers after this event.
    pub approval: Approval,
    /// A random word that makes every event its own commit; absent where every clone must make the same one.
    pub nonce: Option<String>,
    /// What only this kind of event carries (`Chant-Run`, `Chant-Tip`, …), key without the `Chant-` prefix.
    pub extra: Vec<(String, String)>,
}

impl Event {
    /// The value of the first extra trailer `Chant-<key>`.
    pub fn extra(&self, key: &str) -> Option<&str> {
        self.extra.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// Every value of the extra trailer `Chant-<key>`, in order.
    pub fn extras<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.extra.iter().filter(move |(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The commit message: subject, prose, trailers.
    pub fn message(&self) -> String {
        let mut message = format!("{}: {}\n", self.kind, one_line(&self.title));
        let text = prose(&self.text);
        if !text.is_empty() {
            message.push('\n');
            message.push_str(&text);
            message.push('\n');
        }
        message.push('\n');
        for (key, value) in self.trailers() {
            message.push_str(&format!("Chant-{key}: {}\n", one_line(&value)));
        }
        message
    }

    fn trailers(&self) -> Vec<(String, String)> {
        let mut list: Vec<(String, String)> = Vec::new();
        let mut push = |key: &str, value: &str| list.push((key.to_owned(), value.to_owned()));
        push("Event", self.kind.as_str());
        push("Status", self.status.as_str());
        push("Attempt", &self.attempt.to_string());
        push("Blob", &self.blob);
        push("Type", &self.spec_type);
        for label in &self.labels {
            push("Label", label);
        }
        for dependency in &self.depends_on {
            push("Depends-On", dependency);
        }
        if self.approval != Approval::None {
            push("Approval", self.approval.as_str());
        }
        for (key, value) in &self.extra {
            push(key, value);
        }
        if let Some(nonce) = &self.nonce {
            push("Nonce", nonce);
        }
        list
    }

    /// Reads a commit message back. Refuses one whose last paragraph lacks an event, a status or an attempt.
    pub fn parse(message: &[u8]) -> Result<Self, EventError> {
        let message = std::str::from_utf8(message).map_or_else(|_| String::from_utf8_lossy(message), Cow::Borrowed);
        let message = message.trim_end();
        let (head, trailers) = last_paragraph(message).ok_or_else(|| EventError::new("no trailers"))?;
        let mut event = Self::unread(head);
        let (mut kind, mut status, mut attempt) = (None, None, None);
        for line in trailers.lines() {
            let Some((key, value)) = line.strip_prefix("Chant-").and_then(|rest| rest.split_once(':')) else { continue };
            let Some(value) = value.strip_prefix(' ') else { continue };
            match key {
                "Event" => kind = Some(value.parse()?),
                "Status" => status = Some(value.parse().map_err(|e| EventError::new(format!("{e}")))?),
                "Attempt" => attempt = Some(value.parse().map_err(|_| EventError::new("Chant-Attempt is no number"))?),
                "Blob" => value.clone_into(&mut event.blob),
                "Type" => value.clone_into(&mut event.spec_type),
                "Label" => event.labels.push(value.to_owned()),
                "Depends-On" => event.depends_on.push(value.to_owned()),
                "Approval" => event.approval = value.parse().map_err(|e| EventError::new(format!("{e}")))?,
                "Nonce" => event.nonce = Some(value.to_owned()),
                _ => event.extra.push((key.to_owned(), value.to_owned())),
            }
        }
        event.kind = kind.ok_or_else(|| EventError::new("no Chant-Event"))?;
        event.status = status.ok_or_else(|| EventError::new("no Chant-Status"))?;
        event.attempt = attempt.ok_or_else(|| EventError::new("no Chant-Attempt"))?;
        Ok(event)
    }

    /// Subject and prose of a message, with everything that trailers say still at its default.
    fn unread(head: &str) -> Self {
        let (subject, text) = head.split_once('\n').unwrap_or((head, ""));
        let title = subject.split_once(": ").map_or(subject, |(_, title)| title);
        Self {
            kind: EventKind::Edit,
            title: title.to_owned(),
            text: text.trim_matches('\n').to_owned(),
            status: Status::Pending,
            attempt: 0,
            blob: String::new(),
            spec_type: "code".to_owned(),
            labels: Vec::new(),
            depends_on: Vec::new(),
            approval: Approval::None,
            nonce: None,
            extra: Vec::new(),
        }
    }
}

/// What is before the last empty line, and what is after it. Looks for line ends from behind, which in a listing of thousands is several
/// times faster than looking for two of them.
fn last_paragraph(message: &str) -> Option<(&str, &str)> {
    let mut end = message.len();
    while let Some(at) = message[..end].rfind('\n') {
        if at + 1 == end && end < message.len() {
            return Some((&message[..at], &message[end + 1..]));
        }
        end = at;
    }
    None
}

/// A value that stays on its line and can hold no terminal escape.
pub fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.trim().to_owned()
}

/// Prose without control characters other than newlines and tabs, and without trailing blanks.
fn prose(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Event {
        Event {
            kind: EventKind::Approve,
            title: "Refactor authentication".to_owned(),
            text: "Keep the token store as it is.".to_owned(),
            status: Status::Pending,
            attempt: 1,
            blob: "9fc2".to_owned(),
            spec_type: "code".to_owned(),
            labels: vec!["auth".to_owned(), "api".to_owned()],
            depends_on: vec!["2026-01-28-000-k2p".to_owned()],
            approval: Approval::Approved,
            nonce: Some("7f3a".to_owned()),
            extra: vec![("By".to_owned(), "Ann".to_owned())],
        }
    }

    #[test]
    fn a_message_reads_back() {
        let event = sample();
        assert_eq!(Event::parse(event.message().as_bytes()), Ok(event));
    }

    #[test]
    fn the_message_is_the_documented_one() {
        let mut event = sample();
        event.extra.clear();
        event.approval = Approval::None;
        assert_eq!(
            event.message(),
            "approve: Refactor authentication\n\nKeep the token store as it is.\n\nChant-Event: approve\nChant-Status: pending\n\
             Chant-Attempt: 1\nChant-Blob: 9fc2\nChant-Type: code\nChant-Label: auth\nChant-Label: api\n\
             Chant-Depends-On: 2026-01-28-000-k2p\nChant-Nonce: 7f3a\n"
        );
    }

    #[test]
    fn prose_and_titles_cannot_forge_a_trailer() {
        let mut event = sample();
        event.text = "Fine.\n\nChant-Status: completed".to_owned();
        event.title = "x\n\nChant-Status: completed\u{1b}[31m".to_owned();
        event.labels = vec!["a\nChant-Status: completed".to_owned()];
        let read = Event::parse(event.message().as_bytes()).expect("an event");
        assert_eq!(read.status, Status::Pending);
        assert_eq!(read.title, "x  Chant-Status: completed [31m");
        assert_eq!(read.labels, ["a Chant-Status: completed"]);
    }

    #[test]
    fn other_commits_are_refused() {
        for message in ["", "Fix it\n", "a: b\n\nSigned-off-by: x\n", "a: b\n\nChant-Event: edit\n", "a: b\n\nChant-Event: dance\n"] {
            assert!(Event::parse(message.as_bytes()).is_err(), "{message:?}");
        }
    }
}
