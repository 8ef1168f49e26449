//! Man pages and completions, from the clap tree and the table of settings alone: the same command line gives the same bytes.

use crate::failure::Outcome;
use crate::settings::table::{AGENT, SETTINGS, Setting};
use anyhow::{Context as _, Result};
use clap::{Arg, ArgAction, Command};
use clap_complete::Shell;
use std::fmt::Write as _;
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
    list.push((Path::new("man/gitchant-settings.7").to_owned(), settings().into_bytes()));
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

const SETTINGS_BEGIN: &str = ".TH \"GITCHANT-SETTINGS\" \"7\" \"\" \"git-chant\" \"Git Chant Manual\"
.nh
.ad l
.SH NAME
gitchant\\-settings \\- every setting of git\\-chant, what it takes, and what holds where it is not set
.SH DESCRIPTION
Settings stand in git config.
Every command refuses an invalid value before it does anything, and says what the setting takes and which command fixes it.
.B git chant doctor
names all of them, and every name that no setting has.
A hook stops nobody's work because of a typo: where such a value is a setting of the gate, the strictest value holds, and the hook
says so when it refuses.
A time is a number and a unit, s, m or h; a bare number counts seconds.
.PP
What a team shares stands in
.I .chant/config.md
at the tip of the branch that it is about:
.IR protected ,
.IR verify ,
.IR require_spec ,
.IR require_approval ,
.I require_signed
and
.IR allow_override .
The stricter of the two holds; it never names a command.
";

const SETTINGS_END: &str = ".SH SEE ALSO
.BR git\\-chant\\-doctor (1),
.BR git\\-config (1),
.BR gitchant\\-gate (7),
.BR gitchant\\-concepts (7)
";

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
\\fBgitchant\\-concepts\\fR(7), \\fBgitchant\\-settings\\fR(7), \\fBgitchant\\-gate\\fR(7), \\fBgit\\fR(1), \\fBgit\\-worktree\\fR(1), \\fBgithooks\\fR(5)
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

/// The page of all settings.
fn settings() -> String {
    let mut page = SETTINGS_BEGIN.to_owned();
    let mut items = |title: &str, above: &str, list: &[Setting]| {
        let _fits = writeln!(page, ".SH {title}");
        for setting in list {
            let default = if setting.default.is_empty() { String::new() } else { format!("default {}", setting.default) };
            let takes: Vec<String> = [setting.kind.takes(), default].into_iter().filter(|words| !words.is_empty()).collect();
            let takes = if takes.is_empty() { String::new() } else { format!("({})\n", takes.join("; ")) };
            let about = setting.about.replace(". ", ".\n");
            let _fits = write!(page, ".TP\n.B {above}{}\n{}", setting.key, escaped(&format!("{takes}{about}\n")));
        }
    };
    items("IN GIT CONFIG", "", SETTINGS);
    items("OF ONE AGENT", "chant.agent.<name>.", AGENT);
    page + SETTINGS_END
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
    let optional = arg.get_num_args().is_some_and(|number| number.min_values() == 0);
    let value = match (arg.get_action().takes_values(), optional) {
        (false, _) => String::new(),
        (true, false) => format!("\\~\\fI{}\\fR", value_name(arg)),
        (true, true) if arg.is_require_equals_set() => format!("[=\\fI{}\\fR]", value_name(arg)),
        (true, true) => format!("\\~[\\fI{}\\fR]", value_name(arg)),
    };
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
