//! Where git looks for hooks: `core.hooksPath`, whoever set it, or the hooks directory that all worktrees share.

use crate::failure::Failure;
use crate::git::{Git, Repository};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Who says where hooks lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nobody: `hooks` in the git directory.
    Default,
    /// `core.hooksPath` of this repository.
    Repository,
    /// `core.hooksPath` of the user or the machine: its hooks run in every repository.
    Everywhere,
    /// `git -c core.hooksPath`, or the environment.
    Command,
}

/// Where git looks for the hooks of this checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The directory, absolute; `None` where `core.hooksPath` is empty, so that git runs no hooks.
    pub dir: Option<PathBuf>,
    /// Who says so.
    pub scope: Scope,
    /// What `core.hooksPath` says, where it says anything.
    pub value: Option<String>,
}

impl Place {
    /// Where git looks, seen from this checkout.
    pub fn of(repo: &Repository) -> Result<Self> {
        let said = repo.git().command(["config", "--show-scope", "--null", "--get", "core.hooksPath"]).with_hooks().run_raw()?;
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let (scope, value) = match text.split_once('\0') {
            Some((scope, value)) => (scope_of(scope), Some(value.trim_end_matches('\0').to_owned())),
            None => (Scope::Default, None),
        };
        let dir = match &value {
            Some(value) if value.is_empty() => None,
            _ => Some(dir_in(repo.git())?),
        };
        Ok(Self { dir, scope, value })
    }

    /// The directory, or a refusal that says how to have one.
    pub fn require(&self) -> Result<&Path> {
        self.dir.as_deref().ok_or_else(|| {
            Failure::new("core.hooksPath is empty, so git runs no hooks")
                .hint(format!("git config {}--unset core.hooksPath", self.flag()))
                .into()
        })
    }

    /// True where the directory depends on the worktree that git runs in.
    pub fn is_relative(&self) -> bool {
        self.value.as_deref().is_some_and(|value| !value.is_empty() && !value.starts_with(['/', '~']) && !value.starts_with("%(prefix)"))
    }

    /// The branches that hook files here ask about: those that are protected, or every one where the files serve many repositories.
    pub fn asks_about(&self, protected: &[String]) -> Vec<String> {
        if self.scope == Scope::Everywhere { vec!["**".to_owned()] } else { protected.to_vec() }
    }

    /// What `git config` needs to change the value where it stands.
    pub fn flag(&self) -> &'static str {
        if self.scope == Scope::Everywhere { "--global " } else { "" }
    }

    /// Whose value it is, for people.
    pub fn describe(&self) -> String {
        let value = self.value.as_deref().unwrap_or_default();
        match self.scope {
            Scope::Default => "git's own place".to_owned(),
            Scope::Repository => format!("core.hooksPath={value} of this repository"),
            Scope::Everywhere => format!("core.hooksPath={value} of every repository here"),
            Scope::Command => format!("core.hooksPath={value} of this command"),
        }
    }
}

/// The absolute directory in which git, run there, looks for hooks.
pub fn dir_in(git: &Git) -> Result<PathBuf> {
    git.command(["rev-parse", "--path-format=absolute", "--git-path", "hooks"]).with_hooks().path()
}

fn scope_of(word: &str) -> Scope {
    match word {
        "local" | "worktree" => Scope::Repository,
        "command" => Scope::Command,
        _ => Scope::Everywhere,
    }
}
