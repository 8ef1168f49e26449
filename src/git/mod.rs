//! All git I/O. Only this module knows gix; only [`command`] spawns the git binary.
//!
//! gix reads objects, refs and config, and writes objects. Whatever gix does not do, or does not do safely beside other git processes
//! (moving refs, the index, worktrees, merging in a checkout, the network), is git's own binary.

pub mod checkout;
pub mod command;
mod fetch;
pub mod glance;
pub mod history;
pub mod idle;
pub mod memory;
mod near;
pub mod objects;
pub mod oid;
mod packed;
mod partial;
pub mod quarantine;
pub mod refs;
pub mod remote;
pub mod repository;
mod spared;
mod unfinished;
pub mod worktrees;

pub use command::{Git, GitCommand, LOCAL_ENV};
pub use history::{MergeCommit, MergedTree, merge_file};
pub use memory::{Kill, Memory, Refs};
pub use objects::{Commit, CommitDraft, Signature};
pub use oid::Oid;
pub use quarantine::Quarantine;
pub use refs::{RefChange, RefUpdate};
pub use remote::{PushIf, PushRef, Pushed, Refused};
pub use repository::{Repository, lock_file};
pub use spared::Spared;
