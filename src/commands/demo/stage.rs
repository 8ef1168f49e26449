//! Where the demo's commands run: the sample repository, shut off from the reader's own settings, with every line shown as it is run.

use crate::failure::Failure;
use crate::git::Git;
use crate::git::command::scrub;
use crate::output::{Colour, Output, safe};
use anyhow::{Context as _, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a step has to end; any other end is a defect, and stops the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// With 0.
    Well,
    /// With anything else: the answer is no.
    Badly,
}

/// The sample repository and the words about it.
pub struct Stage {
    out: Output,
    dir: PathBuf,
    /// This program, which is what git would run for `git chant`.
    chant: PathBuf,
}

impl Stage {
    /// A stage in an empty directory, whose path is absolute.
    pub fn new(out: Output, dir: PathBuf) -> Result<Self> {
        let chant = std::env::current_exe().context("could not find this program")?;
        Ok(Self { out, dir, chant })
    }

    /// The top of the sample repository.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its git directory.
    pub fn git_dir(&self) -> PathBuf {
        self.dir.join(".git")
    }

    /// The heading of a chapter.
    pub fn title(&self, text: &str) {
        self.out.line(format!("\n{}", self.out.paint(Colour::Yellow, &format!("## {text}"), 0)));
    }

    /// The first words, as shell comments.
    pub fn begin(&self, text: &str) {
        for line in text.lines() {
            self.out.line(self.out.paint(Colour::Dim, &format!("# {line}"), 0));
        }
    }

    /// Words between commands, as shell comments.
    pub fn say(&self, text: &str) {
        self.out.line("");
        self.begin(text);
    }

    /// Text as it is, after an empty line.
    pub fn text(&self, text: &str) {
        self.out.line(format!("\n{}", text.trim_end_matches('\n')));
    }

    /// A command line, without running it.
    pub fn show_line(&self, line: &str) {
        self.out.line(format!("\n{}", self.out.paint(Colour::Green, &format!("$ {line}"), 0)));
    }

    /// Shows a command line and runs just that, split as [`words`] does it. Both of its outputs go where ours goes, in order.
    pub fn run(&self, line: &str, ends: Ends) -> Result<()> {
        self.show_line(line);
        let words = words(line);
        let mut command = match &words[..] {
            ["git", "chant", args @ ..] => self.alone(&self.chant, args),
            ["git", args @ ..] => self.git(args),
            [program, args @ ..] => self.alone(Path::new(program), args),
            [] => unreachable!("a command line has a word"),
        };
        let status = command.stdin(Stdio::null()).stdout(self.out.share()?).stderr(self.out.share()?).status();
        let status = status.with_context(|| format!("could not start {}", words[0]))?;
        if status.success() != (ends == Ends::Well) {
            let should = if ends == Ends::Well { "succeed" } else { "be refused" };
            return Err(Failure::new(format!("`{line}` should {should}, and ended with {status}; this is a defect of git-chant's demo"))
                .hint(format!("what there is of it is in {}", word(&self.dir)))
                .into());
        }
        if let Some(code) = status.code().filter(|code| *code != 0) {
            self.out.line(self.out.paint(Colour::Dim, &format!("# exit code {code}"), 0));
        }
        Ok(())
    }

    /// Runs git in the sample repository without a word.
    pub fn prepare(&self, args: &[&str]) -> Result<()> {
        let output = self.git(args).stdin(Stdio::null()).output().context("could not start git")?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Failure::new(format!("git {} failed: {said}", args.join(" "))).into())
    }

    /// True where the reader's own settings name hooks for every repository.
    pub fn has_shared_hooks(&self) -> Result<bool> {
        Git::at(&self.dir).command(["config", "--get", "core.hooksPath"]).with_hooks().succeeds()
    }

    fn git(&self, args: &[&str]) -> Command {
        let mut command = Git::at(&self.dir).command(args).with_hooks().into_process();
        self.shut_off(&mut command);
        command
    }

    /// A program other than git.
    fn alone(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.dir);
        scrub(&mut command);
        self.shut_off(&mut command);
        command
    }

    /// Nothing of the reader's git configuration, of a run around us or of an override changes the story.
    fn shut_off(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"CHANT_") {
                command.env_remove(name);
            }
        }
        command.env_remove("GIT_CHANT_OVERRIDE").env_remove("GIT_CONFIG");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_DEFAULT_HASH", "sha1").env("GIT_DEFAULT_REF_FORMAT", "files");
        command.env("GIT_PAGER", "cat").env("GIT_EDITOR", "true").env("GIT_MERGE_AUTOEDIT", "no");
        command.env("PATH", self.path());
    }

    /// The PATH on which git finds this program, and so do agents, hooks and git's merge driver.
    fn path(&self) -> OsString {
        let old = std::env::var_os("PATH").unwrap_or_default();
        let Some(own) = self.own_dir() else { return old };
        std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&old))).unwrap_or(old)
    }

    fn own_dir(&self) -> Option<PathBuf> {
        let named = self.chant.file_name().is_some_and(|name| name == "git-chant");
        if named { self.chant.parent().map(Path::to_owned) } else { None }
    }

    /// What the reader's PATH lacks for `git chant` to work, if anything.
    pub fn path_to_export(&self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).any(|dir| dir.join("git-chant").is_file());
        if found { None } else { self.own_dir() }
    }
}

/// The words of a command line: between blanks, and whole between single quotes.
fn words(line: &str) -> Vec<&str> {
    let parts = line.split('\'').enumerate();
    parts.flat_map(|(index, part)| if index % 2 == 1 { vec![part] } else { part.split_ascii_whitespace().collect() }).collect()
}

/// A path as one word for a shell.
pub fn word(path: &Path) -> String {
    let text = safe(&path.to_string_lossy());
    let plain = |c: char| c.is_alphanumeric() || "-_.,+@%/".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
