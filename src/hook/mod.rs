//! Git's hooks: their kinds, what git hands them, the shim that is installed, and what there is to ask the gate.
//!
//! A hook file holds no decision. It is a POSIX [`shim`] that finds out, without starting a program, whether there is anything to ask, and
//! then runs `git-chant hook <kind> <arguments…>` with git's standard input. [`input`] gives that a type; [`install`] puts shims beside
//! hooks of other people and takes them away again; [`place`] says where git looks for hooks, [`look`] how everything stands,
//! and [`managers`] what other hook managers have here.

pub mod input;
pub mod install;
pub mod look;
pub mod managers;
pub mod place;
pub mod selection;
pub mod shim;

pub use selection::Selection;

use std::fmt;
use std::str::FromStr;

/// A hook that git-chant installs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HookKind {
    /// Marks commits in a run's worktree with the spec that they belong to.
    CommitMsg,
    /// Gives a squash the trailers of what it squashes.
    PrepareCommitMsg,
    /// Refuses a true merge before it is committed.
    PreMergeCommit,
    /// Refuses the commit that ends a conflicted or squashed merge.
    PreCommit,
    /// Refuses a rebase that would bring unfinished work into a protected branch, before it begins.
    PreRebase,
    /// Refuses a push to a protected branch of a remote.
    PrePush,
    /// Refuses a merge before it touches anything, and is the backstop for whatever else moves a protected branch.
    ReferenceTransaction,
    /// On a server: refuses a push, judged as a whole.
    PreReceive,
}

impl HookKind {
    /// Every kind, in the order in which they are installed: the backstop first.
    pub const ALL: [Self; 8] = [
        Self::ReferenceTransaction,
        Self::PreMergeCommit,
        Self::PreCommit,
        Self::PreRebase,
        Self::PrePush,
        Self::PrepareCommitMsg,
        Self::CommitMsg,
        Self::PreReceive,
    ];

    /// The name of the hook file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CommitMsg => "commit-msg",
            Self::PrepareCommitMsg => "prepare-commit-msg",
            Self::PreMergeCommit => "pre-merge-commit",
            Self::PreCommit => "pre-commit",
            Self::PreRebase => "pre-rebase",
            Self::PrePush => "pre-push",
            Self::PreReceive => "pre-receive",
            Self::ReferenceTransaction => "reference-transaction",
        }
    }

    /// True where the hook refuses: without git-chant it fails closed. The others only mark, and let commits through.
    pub fn is_gate(self) -> bool {
        !matches!(self, Self::PrepareCommitMsg | Self::CommitMsg)
    }

    /// True where git writes what it is about to do to the hook's standard input.
    pub fn reads_stdin(self) -> bool {
        matches!(self, Self::ReferenceTransaction | Self::PrePush | Self::PreReceive)
    }
}

impl fmt::Display for HookKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name of no hook that git-chant knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownHook(String);

impl fmt::Display for UnknownHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown hook '{}'", self.0.escape_debug())
    }
}

impl std::error::Error for UnknownHook {}

impl FromStr for HookKind {
    type Err = UnknownHook;

    fn from_str(name: &str) -> Result<Self, UnknownHook> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| UnknownHook(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back() {
        for kind in HookKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("post-merge".parse::<HookKind>().is_err());
    }
}
