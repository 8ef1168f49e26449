//! Man pages and completions, from the clap tree alone: the same command line gives the same bytes.

use crate::failure::Outcome;
use anyhow::{Context as _, Result};
use clap::{Arg, ArgAction, Command};
use clap_complete::Shell;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Arguments of `git chant generate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where `man/` and `completions/` are written
    #[arg(default_value = ".")]
    dir: PathBuf,
}

/// Lets git's own completion (`git chant <TAB>`), which asks a function of this name, reach clap's.
const BASH: &str = include_str!("generate.bash");

pub fn run(args: Args, tree: Command) -> Result<Outcome> {
    for (path, bytes) in pages(tree)? {
        let path = args.dir.join(path);
        let dir = path.parent().context("a page lies in a directory")?;
        std::fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
        std::fs::write(&path, bytes).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(Outcome::Yes)
}

/// Every generated file: its path below the repository's top, and its bytes.
fn pages(tree: Command) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut list = Vec::new();
    for (shell, name) in [(Shell::Bash, "git-chant.bash"), (Shell::Zsh, "_git-chant"), (Shell::Fish, "git-chant.fish")] {
        list.push((Path::new("completions").join(name), completions(shell, &tree)));
    }
    let mut tree = tree.disable_help_subcommand(true);
    tree.build();
    let verbs: Vec<Command> = tree.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned().collect();
    let version = tree.get_version().unwrap_or_default().to_owned();
    list.push(page(&tree, "git-chant", &version, GENERAL)?);
    for verb in verbs {
        list.push(page(&verb, &format!("git-chant-{}", verb.get_name()), &version, SEE_ALSO)?);
    }
    Ok(list)
}

fn completions(shell: Shell, tree: &Command) -> Vec<u8> {
    let mut bytes = Vec::new();
    if shell != Shell::Bash {
        clap_complete::generate(shell, &mut shown(tree, "git-chant"), "git-chant", &mut bytes);
        return bytes;
    }
    // `clap_complete` mixes up what it makes of a hyphen and of a space, so it is handed a name without a hyphen.
    clap_complete::generate(shell, &mut shown(tree, "git_chant"), "git_chant", &mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let text = text.replace("_git_chant() {", "__git_chant_clap() {").replace("-F _git_chant ", "-F __git_chant_clap ");
    (text.replace("default git_chant\n", "default git-chant\n") + BASH).into_bytes()
}

/// The command line without what is hidden from people: `clap_complete` would offer that too.
fn shown(tree: &Command, name: &'static str) -> Command {
    let verbs = tree.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
    Command::new(name).bin_name(name).version(env!("CARGO_PKG_VERSION")).subcommands(verbs)
}

/// The end of every verb's page.
const SEE_ALSO: &str = ".SH SEE ALSO\n\\fBgit\\-chant\\fR(1), \\fBgitchant\\-concepts\\fR(7)\n";

/// The end of the first page: what holds for every verb.
const GENERAL: &str = ".SH EXIT STATUS
.TP
.B 0
Done, or the answer is yes.
.TP
.B 1
The answer is no: a check failed, a run failed, the gate refuses.
.TP
.B 128
It could not be done; the message says why, and a hint names the next command.
.TP
.B 129
The command line was wrong.
.SH SEE ALSO
\\fBgitchant\\-concepts\\fR(7), \\fBgit\\fR(1), \\fBgit\\-worktree\\fR(1), \\fBgithooks\\fR(5)
";

fn page(command: &Command, name: &str, version: &str, end: &str) -> Result<(PathBuf, Vec<u8>)> {
    let man = clap_mangen::Man::new(command.clone());
    let mut bytes = Vec::new();
    // No date: the page follows from the command line alone.
    write!(bytes, ".TH \"{}\" \"1\" \"\" \"git-chant {version}\" \"Git Chant Manual\"\n.nh\n.ad l\n", name.to_uppercase())?;
    man.render_name_section(&mut bytes)?;
    writeln!(bytes, ".SH SYNOPSIS\n{}", synopsis(command))?;
    man.render_description_section(&mut bytes)?;
    man.render_options_section(&mut bytes)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut bytes)?;
    }
    bytes.extend_from_slice(end.as_bytes());
    Ok((Path::new("man").join(format!("{name}.1")), bytes))
}

/// `git chant work [--agent NAME] … ID`: `clap_mangen`'s own leaves out what an option takes.
fn synopsis(command: &Command) -> String {
    let mut words = vec![format!("\\fB{}\\fR", escaped(command.get_bin_name().unwrap_or("git chant")))];
    let shown = |arg: &&Arg| !arg.is_hide_set() && !matches!(arg.get_action(), ArgAction::Help | ArgAction::Version);
    words.extend(command.get_arguments().filter(shown).filter(|arg| !arg.is_positional()).map(option));
    words.extend(command.get_positionals().filter(shown).map(positional));
    if command.has_subcommands() {
        words.push("\\fICOMMAND\\fR [\\fIARGUMENTS\\fR]".to_owned());
    }
    words.join(" ")
}

fn option(arg: &Arg) -> String {
    let name = match (arg.get_long(), arg.get_short()) {
        (Some(long), _) => format!("--{long}"),
        (None, Some(short)) => format!("-{short}"),
        (None, None) => arg.get_id().to_string(),
    };
    let value = if arg.get_action().takes_values() { format!("\\~\\fI{}\\fR", value_name(arg)) } else { String::new() };
    let text = format!("\\fB{}\\fR{value}", escaped(&name));
    let text = if arg.is_required_set() { text } else { format!("[{text}]") };
    if matches!(arg.get_action(), ArgAction::Append) { format!("{text}...") } else { text }
}

fn positional(arg: &Arg) -> String {
    let text = format!("\\fI{}\\fR", value_name(arg));
    let text = if arg.is_required_set() { text } else { format!("[{text}]") };
    if matches!(arg.get_action(), ArgAction::Append) { format!("{text}...") } else { text }
}

fn value_name(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    escaped(&if names.is_empty() { arg.get_id().as_str().to_uppercase() } else { names.join(" ") })
}

/// A hyphen that a person can copy.
fn escaped(text: &str) -> String {
    text.replace('-', "\\-")
}
