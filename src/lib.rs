//! git-chant: specs in git, worked by a coding agent, kept honest by hooks.
//!
//! The map of the house. Arrows point down only; `tests/suite/layers.rs` holds them.
//!
//! | module       | what it is                                                        | may use                  |
//! |--------------|-------------------------------------------------------------------|--------------------------|
//! | [`cli`]      | the clap tree's root and dispatch                                 | commands                 |
//! | [`commands`] | one file a verb: its arguments above the function that runs them  | workflow and all below   |
//! | [`context`]  | what a command is handed: repository, settings, output            | store, output            |
//! | [`workflow`] | what several verbs share: start, run, verify, finish, merge       | hook, agent, store, gate |
//! | [`hook`]     | hook kinds, the shim, installing, what to ask the gate            | store, gate              |
//! | [`agent`]    | prompts, the agent's process, its log                             | settings, git, spec      |
//! | [`store`]    | specs on refs, the files that show them, runs, notes              | settings, git, spec      |
//! | [`settings`] | every setting of git config, and how it is read                   | git, spec                |
//! | [`gate`]     | pure: the decision and its reasons                                | spec                     |
//! | [`spec`]     | pure: id, document, criteria, intent, event, join, graph          | nothing                  |
//! | [`git`]      | all git I/O; only this module knows gix, one file spawns git      | nothing                  |
//! | [`output`]   | the only place that prints                                        | nothing                  |
//! | [`failure`]  | an error that names the next command                              | nothing                  |

pub mod agent;
pub mod cli;
pub mod commands;
pub mod context;
pub mod failure;
pub mod gate;
pub mod git;
pub mod hook;
pub mod output;
pub mod settings;
pub mod spec;
pub mod store;
pub mod workflow;
