//! Opening a repository, where its parts lie, and its configuration.

use super::command::Git;
use crate::failure::Failure;
use anyhow::{Context as _, Result, anyhow};
use gix::sec::trust::DefaultForLevel as _;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A git repository as one process sees it: gix for reading and writing objects, the git binary for the rest.
pub struct Repository {
    pub(super) gix: gix::Repository,
    git: Git,
    common_dir: PathBuf,
    reftable: bool,
    pub(super) memory: Option<super::memory::Memory>,
    index_is_elsewhere: bool,
    /// A partial clone has asked for what specs lack.
    pub(super) brought: std::cell::Cell<bool>,
}

/// A file of ours to lock in a git directory. It stays there, empty: what counts is who has locked it.
pub fn lock_file(git_dir: &Path, name: &str) -> Result<File> {
    let path = git_dir.join("chant").join(name);
    let dir = path.parent().unwrap_or(git_dir);
    std::fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
    File::create(&path).with_context(|| format!("could not open {}", path.display()))
}

impl Repository {
    /// Finds the repository of the current directory, or the one that the environment names (a hook).
    ///
    /// Refuses what git refuses too: a repository owned by somebody else.
    pub fn discover() -> Result<Self> {
        Self::find(command_line_config())
    }

    /// The same, seeing every object as it is: with `git replace` anybody could show a gate another commit than the one that comes in.
    pub fn discover_unreplaced() -> Result<Self> {
        let mut overrides = command_line_config();
        overrides.push("core.useReplaceRefs=false".into());
        let mut repo = Self::find(overrides)?;
        repo.git = repo.git.without_replacements();
        Ok(repo)
    }

    /// True where every object is seen as it is.
    pub fn is_unreplaced(&self) -> bool {
        self.git.is_without_replacements()
    }

    fn find(overrides: Vec<gix::bstr::BString>) -> Result<Self> {
        let options = |level| gix::open::Options::default_for_level(level).cli_overrides(overrides.clone()).bail_if_untrusted(true);
        let mapping = gix::sec::trust::Mapping { full: options(gix::sec::Trust::Full), reduced: options(gix::sec::Trust::Reduced) };
        let upwards = gix::discover::upwards::Options::default();
        // Where git receives a push it runs hooks in the git directory with GIT_DIR=., which gix takes for a checkout.
        let found = match std::env::var_os("GIT_DIR").is_some_and(|dir| dir == ".") {
            true => gix::ThreadSafeRepository::discover_opts(std::env::current_dir()?, upwards, mapping),
            false => gix::ThreadSafeRepository::discover_with_environment_overrides_opts(".", upwards, mapping),
        };
        let found = found.map_err(cannot_open)?;
        let repo = Self::wrap(found.to_thread_local(), true)?;
        super::packed::mend(repo.common_dir());
        Ok(repo)
    }

    /// Opens the repository whose worktree or git directory this is, whatever the environment says.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = || format!("could not open the repository {}", path.display());
        let found = gix::open(path).with_context(failed)?;
        // gix takes GIT_WORK_TREE to be about whatever it opens; what it reaches from another repository it opens without.
        let linked = std::env::var_os("GIT_WORK_TREE").is_some() && found.kind() == gix::repository::Kind::LinkedWorkTree;
        let found = if linked { without_environment(&found).with_context(failed)? } else { found };
        Self::wrap(found, false)
    }

    fn wrap(gix: gix::Repository, from_environment: bool) -> Result<Self> {
        let common_dir = gix.common_dir().canonicalize().context("could not find the git directory")?;
        let storage = gix.config_snapshot().string("extensions.refStorage").map(|s| s.to_string());
        let real = |dir: &Path| dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        let (git_dir, top) = (real(gix.git_dir()), gix.workdir().map(real));
        let set = |name| from_environment && std::env::var_os(name).is_some();
        let git = match set("GIT_DIR") {
            true => Git::named_by_environment(&git_dir, &common_dir, top.as_deref()),
            false => Git::at(top.unwrap_or(git_dir)),
        };
        let index_is_elsewhere = set("GIT_INDEX_FILE");
        let reftable = storage.is_some_and(|s| s != "files");
        Ok(Self { gix, git, common_dir, reftable, memory: None, index_is_elsewhere, brought: false.into() })
    }

    /// True where git runs us as a hook of a commit in the making, or a person uses another index than the checkout's own.
    pub(super) fn index_is_elsewhere(&self) -> bool {
        self.index_is_elsewhere
    }

    /// git, run in this checkout.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// The git directory of this checkout (`.git/worktrees/<name>` in a linked worktree).
    pub fn git_dir(&self) -> &Path {
        self.gix.git_dir()
    }

    /// The git directory that all worktrees share.
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// A file of ours to lock, one for all checkouts; see [`lock_file`].
    pub fn lock_file(&self, name: &str) -> Result<File> {
        lock_file(self.common_dir(), name)
    }

    /// The top of this checkout; a bare repository has none.
    pub fn work_dir(&self) -> Option<PathBuf> {
        self.gix.workdir().map(|dir| dir.canonicalize().unwrap_or_else(|_| dir.to_owned()))
    }

    /// The top of this checkout, or a refusal.
    pub fn require_work_dir(&self) -> Result<PathBuf> {
        self.work_dir().ok_or_else(|| {
            let clone = format!("git clone '{}'", self.common_dir().display());
            Failure::new("this needs a checkout, and the repository is bare").hint(format!("work in a clone of it: {clone}")).into()
        })
    }

    /// The main worktree, which may be another one than this checkout; a bare repository has none.
    pub fn main_worktree(&self) -> Option<PathBuf> {
        let main = self.gix.main_repo().ok()?;
        main.workdir().map(|dir| dir.canonicalize().unwrap_or_else(|_| dir.to_owned()))
    }

    /// What the main worktree has checked out, or the branch that a bare repository's HEAD names.
    pub fn main_head(&self) -> Option<super::Oid> {
        if self.git_dir() == self.common_dir() {
            return None; // it is HEAD
        }
        let id = self.gix.main_repo().ok()?.head_id().ok()?.detach();
        super::Oid::from_hex(&id.to_string())
    }

    /// The commits at which a shallow clone's history is cut off.
    pub fn shallow_commits(&self) -> Vec<super::Oid> {
        let text = std::fs::read_to_string(self.common_dir.join("shallow")).unwrap_or_default();
        text.lines().filter_map(super::Oid::from_hex).collect()
    }

    /// True where refs are not files, so that gix cannot read them and git is asked.
    pub(super) fn reftable(&self) -> bool {
        self.reftable
    }

    /// A value from git's configuration, which here includes `git -c`.
    pub fn config(&self, key: &str) -> Option<String> {
        self.gix.config_snapshot().string(key).map(|value| value.to_string())
    }

    /// A boolean from git's configuration; anything that is no boolean is `default`.
    pub fn config_bool(&self, key: &str, default: bool) -> bool {
        self.gix.config_snapshot().boolean(key).unwrap_or(default)
    }

    /// Every value of a key that may be set more than once.
    pub fn config_all(&self, key: &str) -> Vec<String> {
        self.gix
            .config_snapshot()
            .plumbing()
            .strings(key)
            .map(|values| values.iter().map(ToString::to_string).collect())
            .unwrap_or_default()
    }

    /// The names of a section's subsections (`agent.mine` of `[chant "agent.mine"]`), each once.
    pub fn config_subsections(&self, section: &str) -> Vec<String> {
        let snapshot = self.gix.config_snapshot();
        let sections = snapshot.plumbing().sections_by_name(section).into_iter().flatten();
        let names: std::collections::BTreeSet<String> =
            sections.filter_map(|section| Some(section.header().subsection_name()?.to_string())).collect();
        names.into_iter().collect()
    }

    /// The full names of what a section and its subsections set, as they are written, each with the option of `git config` for its file.
    pub fn config_keys(&self, section: &str) -> Vec<(String, &'static str)> {
        use gix::config::Source;
        let snapshot = self.gix.config_snapshot();
        let sections = snapshot.plumbing().sections_by_name(section).into_iter().flatten();
        let mut keys = std::collections::BTreeSet::new();
        for part in sections {
            let above = part.header().subsection_name().map_or_else(|| section.to_owned(), |name| format!("{section}.{name}"));
            let file = match part.meta().source {
                Source::Git | Source::User => "--global ",
                Source::System | Source::GitInstallation => "--system ",
                Source::Worktree => "--worktree ",
                _ => "",
            };
            keys.extend(part.value_names().map(|name| (format!("{above}.{name}"), file)));
        }
        keys.into_iter().collect()
    }

    /// The names of the configured remotes.
    pub fn remotes(&self) -> Vec<String> {
        self.gix.remote_names().iter().map(ToString::to_string).collect()
    }

    /// Who commits, as git would say it; a refusal where git would refuse.
    pub fn committer(&self) -> Result<super::Signature> {
        if let Some(memory) = &self.memory {
            return Ok(memory.who());
        }
        let signature = self.gix.committer().ok_or_else(no_identity)?.map_err(|e| anyhow!("could not read the committer's date: {e}"))?;
        super::Signature::from_ref(signature)
    }

    /// Who is the author, as git would say it.
    pub fn author(&self) -> Result<super::Signature> {
        if let Some(memory) = &self.memory {
            return Ok(memory.who());
        }
        let signature = self.gix.author().ok_or_else(no_identity)?.map_err(|e| anyhow!("could not read the author's date: {e}"))?;
        super::Signature::from_ref(signature)
    }
}

/// The same linked worktree, opened as if git's variables for the repository were not set.
fn without_environment(linked: &gix::Repository) -> Result<gix::Repository> {
    let here = linked.git_dir().canonicalize()?;
    let main = linked.main_repo()?;
    let same = main.worktrees()?.into_iter().find(|tree| tree.git_dir().canonicalize().is_ok_and(|dir| dir == here));
    Ok(same.context("it is not among the worktrees of its repository")?.into_repo()?)
}

fn no_identity() -> anyhow::Error {
    Failure::new("git does not know who you are")
        .hint("git config user.name 'Your Name'")
        .hint("git config user.email you@example.com")
        .into()
}

/// The user's `git -c key=value`, which git hands on in `GIT_CONFIG_PARAMETERS` and gix does not read.
///
/// The format is git's own (`config.c`, `git_config_parse_parameter`): words in single quotes, `'key'='value'` or `'key=value'`.
fn command_line_config() -> Vec<gix::bstr::BString> {
    let Ok(text) = std::env::var("GIT_CONFIG_PARAMETERS") else { return Vec::new() };
    parse_config_parameters(&text).into_iter().map(Into::into).collect()
}

fn parse_config_parameters(text: &str) -> Vec<String> {
    let (mut list, mut word, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' => quoted = !quoted,
            // Outside quotes git writes an apostrophe (and `!`) of the value behind a backslash.
            '\\' if !quoted => word.extend(chars.next()),
            ' ' if !quoted => {
                if !word.is_empty() {
                    list.push(std::mem::take(&mut word));
                }
            }
            other => word.push(other),
        }
    }
    if !word.is_empty() {
        list.push(word);
    }
    list
}

/// Nothing there in git's own words; anything else with what was found.
fn cannot_open(error: gix::Error) -> Failure {
    use gix::discover::upwards::Error as Upwards;
    match error.downcast_any_ref::<Upwards>() {
        None | Some(Upwards::NoTrustedGitRepository { .. }) => {
            Failure::new(format!("could not open the git repository here: {error}")).hint("git status")
        }
        Some(_) => Failure::new("not a git repository (or any of the parent directories): .git").hint("git init"),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_config_parameters;

    #[test]
    fn config_parameters_in_both_of_gits_forms() {
        assert_eq!(parse_config_parameters("'chant.x=a b' 'chant.y'='it'\\''s'"), ["chant.x=a b", "chant.y=it's"]);
        assert!(parse_config_parameters("").is_empty());
    }
}
