//! Installing the hooks that a repository wants, where git looks for them.

use super::settings;
use crate::context::Context;
use crate::failure::Failure;
use crate::git::Repository;
use crate::hook::install::{self, Removal, Report, Wanted};
use crate::hook::place::{Place, Scope};
use crate::hook::{HookKind, Selection};
use anyhow::{Context as _, Result};
use std::path::PathBuf;

/// What was installed, and where.
pub struct Installed {
    /// Where.
    pub place: Place,
    /// A hook each.
    pub report: Report,
    /// The protected branches.
    pub protected: Vec<String>,
}

/// The hooks that `chant.hooks` asks for.
pub fn selection(repo: &Repository) -> Selection {
    Selection::parse(&repo.config("chant.hooks").unwrap_or_default()).0
}

/// The protected branches.
pub fn protected(repo: &Repository) -> Result<Vec<String>> {
    settings::protected(repo)
}

/// This program.
pub fn binary() -> Result<PathBuf> {
    std::env::current_exe().context("could not find this program")
}

/// Installs what is selected. Hooks that would run in every repository of the user are installed only where that is asked for.
pub fn install(ctx: &Context, selection: &Selection, everywhere: bool) -> Result<Installed> {
    let repo = &ctx.repo;
    let place = Place::of(repo)?;
    let dir = place.require()?;
    match place.scope {
        Scope::Everywhere if !everywhere => return Err(serves_all(repo, &place).into()),
        Scope::Command => {
            let failure =
                Failure::new("git was told on the command line where hooks lie (core.hooksPath), and the next command would not be");
            return Err(failure.hint("unset it, then: git chant hooks install").into());
        }
        _ => {}
    }
    let bare = repo.work_dir().is_none();
    let kinds = selection.kinds(bare);
    if kinds.is_empty() && bare {
        return Err(Failure::new("a bare repository has no checkout for hooks to guard, but it can judge what is pushed to it")
            .hint("git chant hooks install --server")
            .into());
    }
    let protected = protected(repo)?;
    let report = install::install(dir, Wanted { kinds: &kinds, protected: &protected, binary: &binary()? })?;
    Ok(Installed { place, report, protected })
}

fn serves_all(repo: &Repository, place: &Place) -> Failure {
    let own = repo.common_dir().join("hooks");
    let value = place.value.as_deref().unwrap_or_default();
    Failure::new(format!("core.hooksPath is '{value}' for every repository here, so hooks there would run in all of them"))
        .hint(format!("hooks for this repository alone: git config core.hooksPath '{}' && git chant hooks install", own.display()))
        .hint("hooks in all of them: git chant hooks install --everywhere")
}

/// Takes our hooks away from where git looks, and from the git directory, where they may have been before `core.hooksPath` was set.
pub fn uninstall(ctx: &Context) -> Result<Vec<(PathBuf, HookKind, Removal)>> {
    let mut dirs = vec![ctx.repo.common_dir().join("hooks")];
    dirs.extend(Place::of(&ctx.repo)?.dir.filter(|dir| *dir != dirs[0]));
    let mut all = Vec::new();
    for dir in dirs {
        all.extend(install::uninstall(&dir)?.into_iter().map(|(kind, removal)| (dir.clone(), kind, removal)));
    }
    all.retain(|(_, _, removal)| *removal != Removal::NotOurs);
    Ok(all)
}
