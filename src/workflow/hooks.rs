//! Installing the hooks that a repository wants, where git looks for them.

use super::settings;
use crate::context::Context;
use crate::failure::Failure;
use crate::git::{Oid, Repository};
use crate::hook::install::{self, Removal, Report, Wanted};
use crate::hook::place::{Place, Scope};
use crate::hook::{HookKind, Selection};
use crate::spec::shell::word;
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

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
            let failure = Failure::new("core.hooksPath is set for this command only; later commands would not find the hooks");
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
    let as_of = read_as_of(repo);
    let protected = protected(repo)?;
    let asks = place.asks_about(&protected);
    let report = install::install(dir, Wanted { kinds: &kinds, protected: &asks, binary: &binary()? })?;
    // As old as what they were made from: settings that somebody writes in the same tick of the clock are newer.
    install::refresh(dir, &asks, as_of, false)?;
    Ok(Installed { place, report, protected })
}

/// Brings the hook files up to date where git's configuration is newer than they are.
pub fn refresh_if_older(ctx: &Context) -> Result<()> {
    let (dir, settings) = (hooks_dir(&ctx.repo), newest_settings(&ctx.repo));
    let written = |kind: HookKind| dir.join(kind.as_str()).metadata().and_then(|metadata| metadata.modified());
    let older = HookKind::ALL.into_iter().find_map(|kind| written(kind).ok()).is_some_and(|written| written < settings);
    if older { refresh(ctx, None) } else { Ok(()) }
}

/// Brings the hook files up to date with what is protected by now, and by the settings of a commit that is about to be a branch's tip.
/// What cannot be written stays as it is: such a hook asks about every branch.
pub fn refresh(ctx: &Context, coming: Option<Oid>) -> Result<()> {
    let repo = &ctx.repo;
    let dir = hooks_dir(repo);
    let as_of = read_as_of(repo);
    let mut protected = protected(repo)?;
    if let Some(coming) = coming {
        protected.extend(settings::settings(repo, Some(coming))?.protected);
        protected.sort();
        protected.dedup();
    }
    // Files in a checkout may be somebody's to commit.
    install::refresh(&dir, &protected, as_of, dir.starts_with(repo.common_dir()))
}

/// Where git looks for hooks here, without asking it.
pub(super) fn hooks_dir(repo: &Repository) -> PathBuf {
    match repo.config("core.hooksPath") {
        None => repo.common_dir().join("hooks"),
        Some(path) => repo.work_dir().unwrap_or_default().join(path),
    }
}

/// How new git's configuration is that is read from now on. What was written just now may be newer than what is read, at the same time by a
/// clock that ticks slowly.
fn read_as_of(repo: &Repository) -> SystemTime {
    newest_settings(repo).min(SystemTime::now() - Duration::from_millis(100))
}

/// When git's configuration was last written, as the hook files look at it.
fn newest_settings(repo: &Repository) -> SystemTime {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = set("HOME").unwrap_or_default();
    let files = [
        repo.common_dir().join("config"),
        repo.git_dir().join("config.worktree"),
        set("GIT_CONFIG_GLOBAL").unwrap_or_else(|| home.join(".gitconfig")),
        set("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("git/config"),
    ];
    let times = files.iter().filter_map(|file| file.metadata().and_then(|metadata| metadata.modified()).ok());
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn serves_all(repo: &Repository, place: &Place) -> Failure {
    let own = repo.common_dir().join("hooks");
    let value = place.value.as_deref().unwrap_or_default();
    Failure::new(format!("core.hooksPath is '{value}' for every repository here, so hooks there would run in all of them"))
        .hint(format!(
            "hooks for this repository alone: git config core.hooksPath {} && git chant hooks install",
            word(&own.display().to_string())
        ))
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
