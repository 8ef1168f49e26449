//! The one file that spawns the git binary.

use super::spared::{self, Running};
use anyhow::{Context as _, Result, bail};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

/// The variables that tie a git process to one repository (`git rev-parse --local-env-vars`), and `GITHEAD_*` is removed with them.
///
/// They are removed before git, an agent or a check runs in a directory that *we* chose: git sets them for hooks, and with them
/// `git -C other` would act on the wrong repository. `GIT_CONFIG_PARAMETERS` and `GIT_CONFIG_COUNT` stay: they are the user's `git -c`.
pub const LOCAL_ENV: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Removes git's repository-local variables, and what a merge leaks into its hooks' children, from a command's environment.
pub fn scrub(command: &mut Command) {
    for name in LOCAL_ENV {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"GITHEAD_") {
            command.env_remove(name);
        }
    }
}

/// Of those, the ones that say how a repository's objects are to be read; in a quarantine nothing can be read without them.
const OBJECT_ENV: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_GRAFT_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
];

/// The hooks that a git command could run, of those that a configuration can name. What only reads runs none.
fn events_of(verb: Option<&str>) -> &'static [&'static str] {
    match verb {
        Some("update-ref" | "fetch" | "pack-refs" | "fast-import") => &["reference-transaction"],
        Some("push") => &["reference-transaction", "pre-push"],
        Some("worktree" | "checkout" | "read-tree" | "reset") => &["reference-transaction", "post-checkout", "post-index-change"],
        Some("add" | "update-index" | "rm") => &["post-index-change"],
        Some("merge" | "commit") => &[
            "reference-transaction",
            "post-index-change",
            "pre-commit",
            "pre-merge-commit",
            "prepare-commit-msg",
            "commit-msg",
            "post-commit",
            "post-merge",
        ],
        _ => &[],
    }
}

/// What talks to a remote, and so may ask.
const ASKS: &[&str] = &["fetch", "push", "ls-remote"];

/// Set by [`share_processors`].
static ONE_THREAD: AtomicBool = AtomicBool::new(false);

/// From now on every git of this process looks at files with one thread, not twenty: for when more work is done at once than there are
/// processors. With eight runs on two of them that is a seventh of what git-chant adds (`benches/work.sh`).
pub fn share_processors() {
    ONE_THREAD.store(true, Ordering::Relaxed);
}

/// Where git runs, and with which environment.
#[derive(Clone, Debug)]
pub struct Git {
    dir: PathBuf,
    /// Variables that name the repository where its directory alone does not.
    env: Vec<(&'static str, OsString)>,
}

/// The variable that makes git see every object as it is.
const NO_REPLACEMENTS: &str = "GIT_NO_REPLACE_OBJECTS";

impl Git {
    /// git in a directory that we chose: the caller's repository-local variables are removed.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), env: Vec::new() }
    }

    /// git in the repository that the environment names (`git --git-dir`, a hook, a quarantine), by absolute paths. The index that the
    /// environment names is not passed on: it is that of a commit in the making, and ours to leave alone.
    pub fn named_by_environment(git_dir: &Path, common_dir: &Path, work_tree: Option<&Path>) -> Self {
        let mut env: Vec<(&str, OsString)> = vec![("GIT_DIR", git_dir.into()), ("GIT_COMMON_DIR", common_dir.into())];
        env.extend(work_tree.map(|top| ("GIT_WORK_TREE", top.into())));
        env.extend(OBJECT_ENV.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))));
        Self { dir: work_tree.unwrap_or(git_dir).to_owned(), env }
    }

    /// git that sees every object as it is, whatever `git replace` and `info/grafts` say.
    pub(super) fn without_replacements(mut self) -> Self {
        self.env.push((NO_REPLACEMENTS, "1".into()));
        // Where there can be no file; of an empty one git says that it is out of use.
        self.env.push(("GIT_GRAFT_FILE", "/dev/null/none".into()));
        self
    }

    pub(super) fn is_without_replacements(&self) -> bool {
        self.env.iter().any(|(name, _)| *name == NO_REPLACEMENTS)
    }

    /// The directory in which git runs.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A git command with these arguments, without hooks until [`GitCommand::with_hooks`].
    pub fn command<I, S>(&self, args: I) -> GitCommand
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        GitCommand {
            dir: self.dir.clone(),
            hooks: false,
            outlives_us: false,
            env: self.env.iter().map(|(name, value)| (OsString::from(name), value.clone())).collect(),
            stdin: None,
            args: args.into_iter().map(|a| a.as_ref().to_owned()).collect(),
        }
    }
}

/// One run of git. The locale is fixed, standard input is empty unless given, and a non-zero exit is an error unless asked for.
#[must_use]
#[derive(Clone, Debug)]
pub struct GitCommand {
    dir: PathBuf,
    hooks: bool,
    outlives_us: bool,
    env: Vec<(OsString, OsString)>,
    stdin: Option<Vec<u8>>,
    args: Vec<OsString>,
}

impl GitCommand {
    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<I, S>(mut self, args: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Feeds these bytes to standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Lets the repository's hooks run: merges and commits that a person would otherwise make by hand.
    pub fn with_hooks(mut self) -> Self {
        self.hooks = true;
        self
    }

    /// Lets it finish where we are killed meanwhile: with a pipe to nobody git dies at its next word, and leaves a merge half done.
    pub fn outliving_us(mut self) -> Self {
        self.outlives_us = true;
        self
    }

    /// Runs, and returns standard output; a non-zero exit is an error that holds git's own words.
    pub fn output(self) -> Result<Vec<u8>> {
        let words = self.words();
        let output = self.run_raw()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("git {words} failed ({}): {}", output.status, said.trim());
        }
        Ok(output.stdout)
    }

    /// Runs, and returns standard output without its trailing newline, as text.
    pub fn line(self) -> Result<String> {
        let bytes = self.output()?;
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
    }

    /// Runs, and returns standard output without the newline that ends it, as a path: any bytes.
    pub fn path(self) -> Result<PathBuf> {
        use std::os::unix::ffi::OsStringExt as _;
        let mut bytes = self.output()?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        Ok(PathBuf::from(OsString::from_vec(bytes)))
    }

    /// Runs, and returns whether git exited 0. Use it only where any other code is an answer too.
    pub fn succeeds(self) -> Result<bool> {
        Ok(self.run_raw()?.status.success())
    }

    /// Runs, and returns exit status, output and error output as they are.
    pub fn run_raw(self) -> Result<Output> {
        if self.outlives_us {
            return self.run_into_files();
        }
        let (words, spared) = (self.words(), self.is_spared());
        let stdin = self.stdin.clone();
        let mut command = self.into_process();
        command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let (mut child, _running) = Running::start(&mut command, spared).with_context(|| format!("could not start git {words}"))?;
        let feeder = match (stdin, child.stdin.take()) {
            // git may stop reading early (a refused transaction); its exit status says so, the broken pipe does not matter.
            (Some(bytes), Some(mut pipe)) => Some(std::thread::spawn(move || drop(pipe.write_all(&bytes)))),
            _ => None,
        };
        let output = child.wait_with_output().with_context(|| format!("could not read from git {words}"))?;
        if let Some(feeder) = feeder {
            drop(feeder.join());
        }
        Ok(output)
    }

    fn run_into_files(self) -> Result<Output> {
        let (words, spared) = (self.words(), self.is_spared());
        let file = || tempfile::tempfile().context("could not make a temporary file");
        let (mut out, mut err) = (file()?, file()?);
        let mut command = self.into_process();
        command.stdin(Stdio::null());
        command.stdout(out.try_clone().context("could not share a file")?).stderr(err.try_clone().context("could not share a file")?);
        let (mut child, _running) = Running::start(&mut command, spared).with_context(|| format!("could not start git {words}"))?;
        let status = child.wait().with_context(|| format!("could not wait for git {words}"))?;
        let read = |file: &mut File| -> Result<Vec<u8>> {
            let mut bytes = Vec::new();
            file.rewind().and_then(|()| file.read_to_end(&mut bytes)).with_context(|| format!("could not read what git {words} said"))?;
            Ok(bytes)
        };
        Ok(Output { status, stdout: read(&mut out)?, stderr: read(&mut err)? })
    }

    /// The process to spawn by hand, for what streams (`fast-import`, `cat-file --batch`) or talks to the terminal.
    pub fn into_process(self) -> Command {
        let (spared, events) = (self.is_spared(), events_of(self.verb()));
        let mut command = Command::new("git");
        scrub(&mut command);
        command.current_dir(&self.dir);
        command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0");
        command.envs(self.env);
        if !self.hooks {
            command.args(["-c", "core.hooksPath=/dev/null"]);
            // Those that git's configuration names (`hook.<name>.command`, from 2.54 on) lie in no directory.
            for event in events {
                command.arg("-c").arg(format!("hook.{event}.enabled=false"));
            }
        }
        command.args(["-c", "core.warnAmbiguousRefs=false", "-c", "core.quotePath=false"]);
        if ONE_THREAD.load(Ordering::Relaxed) {
            command.args(["-c", "core.preloadIndex=false"]);
        }
        if spared {
            spared::in_a_group_of_its_own(&mut command);
        }
        command.args(self.args);
        command
    }

    fn is_spared(&self) -> bool {
        !self.may_ask() && spared::is_wanted()
    }

    fn may_ask(&self) -> bool {
        self.verb().is_some_and(|verb| ASKS.contains(&verb))
    }

    /// What git is to do: the first word that is no option of git's own (`-c name=value`, `--literal-pathspecs`).
    fn verb(&self) -> Option<&str> {
        let mut words = self.args.iter().filter_map(|word| word.to_str());
        loop {
            match words.next()? {
                "-c" | "-C" => drop(words.next()),
                option if option.starts_with('-') => {}
                verb => return Some(verb),
            }
        }
    }

    fn words(&self) -> String {
        let words: Vec<_> = self.args.iter().take(4).map(|a| a.to_string_lossy()).collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_git_hide_no_verb() {
        let git = |words: &[&str]| Git::at("/").command(words);
        assert!(git(&["fetch", "--quiet"]).may_ask());
        assert!(git(&["-c", "remote.origin.mirror=false", "push", "--porcelain"]).may_ask());
        assert!(!git(&["-c", "x.y=push", "update-ref", "push"]).may_ask());
        let add = git(&["--literal-pathspecs", "add", "-A"]).into_process();
        assert!(add.get_args().any(|arg| arg == "hook.post-index-change.enabled=false"), "{add:?}");
        assert_eq!(git(&["--version"]).verb(), None);
    }

    #[test]
    fn who_shares_processors_takes_one() {
        let one_thread = || Git::at("/").command(["status"]).into_process().get_args().any(|arg| arg == "core.preloadIndex=false");
        let before = one_thread();
        share_processors();
        assert_eq!((before, one_thread()), (false, true));
    }
}
