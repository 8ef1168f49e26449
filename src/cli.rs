//! The clap tree's root and dispatch. Man pages and completions are made from it.

use crate::commands::{self, Command};
use crate::failure::Outcome;
use anyhow::Result;
use clap::error::{ContextKind, ContextValue, ErrorKind};
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
    let typed = args.get(1).map(|verb| verb.to_string_lossy().into_owned()).unwrap_or_default();
    let parsed = match args.get(1) {
        Some(verb) if verb == "hook" => Hook::try_parse_from(&args[1..]).map(|hook| Command::Hook(hook.args)),
        _ => Cli::try_parse_from(args).map(|cli| cli.command),
    };
    match parsed {
        Ok(command) => commands::run(command, Cli::command),
        Err(error) => usage(with_tips(error, &typed)),
    }
}

/// What other programs call it to get rid of something.
const REMOVES: &[&str] = &["del", "delete", "remove", "rm"];
/// Verbs that nobody should be led to who meant another.
const TAKE_AWAY: &[&str] = &["archive", "cancel", "cleanup", "reject", "reset", "uncheck"];

/// Says what else may have been meant, and no verb that people do not type, or that takes something away, for a word that is unlike it.
fn with_tips(mut error: clap::Error, typed: &str) -> clap::Error {
    let tip = match (error.kind(), typed) {
        (ErrorKind::InvalidSubcommand, word) if REMOVES.contains(&word) => {
            Some("to get rid of a spec: git chant cancel ID, then git chant archive ID")
        }
        (ErrorKind::MissingRequiredArgument, "work") => Some("name specs, or use --next, --all or --label"),
        (ErrorKind::MissingRequiredArgument, "merge") => Some("name specs, or use --all"),
        _ => None,
    };
    let near = error.remove(ContextKind::SuggestedSubcommand);
    if let Some(tip) = tip {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    } else if let Some(ContextValue::Strings(near)) = near {
        let tree = Cli::command();
        // What is found under another name is a word of other programs.
        let shown = |verb: &str| tree.get_subcommands().any(|known| known.get_name() == verb && !known.is_hide_set());
        let far = |verb: &str| TAKE_AWAY.contains(&verb) && strsim::damerau_levenshtein(verb, typed) > 1;
        let near: Vec<String> = near.into_iter().filter(|verb| shown(verb) && !far(verb)).collect();
        if !near.is_empty() {
            error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(near));
        }
    }
    error
}

#[expect(clippy::exit, reason = "git ends with 129 for a wrong usage, and help is no error")]
fn usage(error: clap::Error) -> ! {
    // Nobody is left to be told when the terminal is gone.
    drop(error.print());
    std::process::exit(if error.use_stderr() { 129 } else { 0 })
}
