//! The vocabulary of outcomes: what is stored, what is derived, and how two concurrent ones are ranked.

use std::fmt;
use std::str::FromStr;

/// What is stored of a spec's progress, in the `Chant-Status` trailer and the document's `status:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// Nobody works on it; it may be started when it is ready.
    Pending,
    /// A run is on.
    InProgress,
    /// Put aside by a person; `git chant resume`, `git chant reset` or `status: pending` takes it up again.
    Paused,
    /// A run ended and everything that was checked held.
    Completed,
    /// A run ended, and its work is not done.
    Failed,
    /// A run ended with another intent than it began with: a person decides.
    NeedsAttention,
    /// Given up by a person.
    Cancelled,
}

impl Status {
    /// Every stored status.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::InProgress, Self::Paused, Self::Completed, Self::Failed, Self::NeedsAttention, Self::Cancelled];

    /// The word used in trailers, front matter and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::NeedsAttention => "needs_attention",
            Self::Cancelled => "cancelled",
        }
    }

    /// Which of two concurrent outcomes of the same attempt is kept by a join: the higher one.
    pub fn rank(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::InProgress => 1,
            Self::Completed => 2,
            Self::Paused => 3,
            Self::NeedsAttention => 4,
            Self::Failed => 5,
            Self::Cancelled => 6,
        }
    }

    /// True where nothing more is expected to happen.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The word is none of the statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownStatus(pub String);

impl fmt::Display for UnknownStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a status", self.0.escape_debug())
    }
}

impl std::error::Error for UnknownStatus {}

impl FromStr for Status {
    type Err = UnknownStatus;

    /// Reads a word as people write it in `status:`; `ready` and `blocked` are derived and mean `pending`.
    fn from_str(word: &str) -> Result<Self, UnknownStatus> {
        // What git-chant itself wrote.
        if let Some(status) = Self::ALL.into_iter().find(|status| status.as_str() == word) {
            return Ok(status);
        }
        let normal = word.trim().to_ascii_lowercase().replace('-', "_");
        Ok(match normal.as_str() {
            "pending" | "ready" | "blocked" | "todo" | "open" => Self::Pending,
            "in_progress" => Self::InProgress,
            "paused" => Self::Paused,
            "completed" | "complete" | "done" => Self::Completed,
            "failed" => Self::Failed,
            "needs_attention" => Self::NeedsAttention,
            "cancelled" | "canceled" => Self::Cancelled,
            _ => return Err(UnknownStatus(word.to_owned())),
        })
    }
}

/// What people see: the stored status, with `pending` split into what can start and what cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// Pending, and nothing stands in the way.
    Ready,
    /// Pending, and a dependency is open, an approval is missing, or it was rejected.
    Blocked,
    /// Any other status, as stored.
    Stored(Status),
}

impl Shown {
    /// The word used in lists, JSON and porcelain output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Blocked => "blocked",
            Self::Stored(status) => status.as_str(),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a spec stands with the people who approve, in the `Chant-Approval` trailer. Read from events, never from front matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Approval {
    /// None asked for, none given.
    #[default]
    None,
    /// Asked for (`approval.required`), not given, or lapsed because the intent changed.
    Required,
    /// Given, for the intent that the document has now.
    Approved,
    /// Refused by a person.
    Rejected,
}

impl Approval {
    /// Every word for it.
    pub const ALL: [Self; 4] = [Self::None, Self::Required, Self::Approved, Self::Rejected];

    /// The word used in the trailer and in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Required => "required",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    /// True where this stands in the way of starting or merging.
    pub fn blocks(self) -> bool {
        matches!(self, Self::Required | Self::Rejected)
    }
}

impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Approval {
    type Err = UnknownStatus;

    fn from_str(word: &str) -> Result<Self, UnknownStatus> {
        Ok(match word {
            "none" => Self::None,
            "required" => Self::Required,
            "approved" => Self::Approved,
            "rejected" => Self::Rejected,
            _ => return Err(UnknownStatus(word.to_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_reads_back() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse::<Status>(), Ok(status));
        }
    }

    #[test]
    fn derived_words_mean_pending_and_others_are_refused() {
        assert_eq!("ready".parse::<Status>(), Ok(Status::Pending));
        assert_eq!(" In-Progress ".parse::<Status>(), Ok(Status::InProgress));
        assert!("finished\u{1b}".parse::<Status>().unwrap_err().to_string().contains("\\u{1b}"));
    }

    #[test]
    fn ranks_follow_the_design() {
        let order = [Status::Failed, Status::NeedsAttention, Status::Paused, Status::Completed, Status::InProgress, Status::Pending];
        assert!(order.windows(2).all(|pair| pair[0].rank() > pair[1].rank()));
    }
}
