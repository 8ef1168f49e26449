//! The clap tree's root and dispatch. Man pages and completions are made from it.

use crate::commands::{self, Command};
use crate::failure::Outcome;
use anyhow::Result;
use clap::{CommandFactory as _, Parser};
use std::ffi::OsString;

/// Specs in git, worked by a coding agent, kept honest by hooks
///
/// You write what you want as a spec: a markdown file with acceptance criteria. `git chant work ID` runs a coding agent on it in a linked
/// worktree, git-chant checks the criteria itself, and hooks keep unfinished work out of protected branches.
#[derive(Debug, Parser)]
#[command(name = "git-chant", bin_name = "git chant", version, subcommand_required = true, arg_required_else_help = true)]
#[command(max_term_width = 100, infer_subcommands = false, disable_help_subcommand = false)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

// The one verb that git calls, many times a day: to build the tree of all the others for it would take as long as many an answer.
/// What the hook files call
#[derive(Debug, Parser)]
#[command(name = "git-chant hook", bin_name = "git chant hook")]
struct Hook {
    #[command(flatten)]
    args: commands::hook::Args,
}

/// Parses and runs. Usage errors are printed by clap, which ends the process with git's usage code 129.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Result<Outcome> {
    let args: Vec<OsString> = args.into_iter().collect();
    let parsed = match args.get(1) {
        Some(verb) if verb == "hook" => Hook::try_parse_from(&args[1..]).map(|hook| Command::Hook(hook.args)),
        _ => Cli::try_parse_from(args).map(|cli| cli.command),
    };
    match parsed {
        Ok(command) => commands::run(command, Cli::command),
        Err(error) => usage(&error),
    }
}

#[expect(clippy::exit, reason = "git ends with 129 for a wrong usage, and help is no error")]
fn usage(error: &clap::Error) -> ! {
    // Nobody is left to be told when the terminal is gone.
    drop(error.print());
    std::process::exit(if error.use_stderr() { 129 } else { 0 })
}
