//! One binary for every test that is not in-file: each module is a subject.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs, reason = "a test says why it failed by failing; a skipped one says so")]

mod agent;
mod agents_behave;
mod claims;
mod clients;
mod cmd;
mod common;
mod converge;
mod demo;
mod documents;
mod fsck;
mod gate;
mod generated;
mod hand_edits;
mod hand_over;
mod hooks;
mod ids;
mod join;
mod kills;
mod layers;
mod many;
mod merges;
mod overrides;
mod places;
mod races;
mod real_clients;
mod red_team;
mod server;
mod several;
mod share;
mod shim;
mod traps;
mod untouched;
mod walkthrough;
mod ways;
