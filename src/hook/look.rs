//! How the hooks of a repository stand, and what is wrong with them, each with the command that mends it.

use super::install::{self, State, Wanted};
use super::managers::{self, Manager};
use super::place::{self, Place, Scope};
use super::{HookKind, Selection, shim};
use crate::git::{Git, Repository};
use crate::spec::shell::word;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Something that keeps hooks from doing what they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// One sentence.
    pub what: String,
    /// What to type.
    pub mend: String,
}

/// How everything about hooks stands.
#[derive(Clone, Debug)]
pub struct Look {
    /// Where git looks for them.
    pub place: Place,
    /// Every hook that this repository wants, how it stands, and whether one of somebody else runs before it.
    pub hooks: Vec<(HookKind, State, bool)>,
    /// Other hook managers.
    pub managers: Vec<Manager>,
    /// Hooks that git's configuration names (`hook.<name>.command`), and the events that they are for.
    pub configured: Vec<(String, String)>,
    /// What is wrong.
    pub troubles: Vec<Trouble>,
}

/// Looks at everything, and changes nothing.
pub fn look(repo: &Repository, selection: &Selection, protected: &[String], binary: &Path) -> Result<Look> {
    let place = Place::of(repo)?;
    let kinds = selection.kinds(repo.work_dir().is_none());
    let settings = settings(repo)?;
    let mut look = Look { managers: Vec::new(), configured: configured(&settings), hooks: Vec::new(), troubles: Vec::new(), place };
    let Some(dir) = look.place.dir.clone() else {
        let mend = format!("git config {}--unset core.hooksPath", look.place.flag());
        look.trouble("core.hooksPath is empty, so git runs no hooks", mend);
        return Ok(look);
    };
    look.managers = managers::managers(repo.work_dir().as_deref(), &dir);
    let protected = &look.place.asks_about(protected);
    for (kind, state) in install::status(&dir, Wanted { kinds: &kinds, protected, binary })? {
        let path = dir.join(kind.as_str());
        // pre-commit runs what it put aside.
        let legacy = install::put_aside(&path).filter(|(_, suffix)| state == State::Foreign && *suffix == "legacy");
        let runs_as_legacy = legacy.is_some();
        let is_current = |aside: PathBuf| std::fs::read(aside).is_ok_and(|text| text == shim::render(kind, protected, binary));
        let state = legacy.map_or(state, |(aside, _)| if is_current(aside) { State::Current } else { State::Outdated });
        look.hooks.push((kind, state, runs_as_legacy || install::kept_path(&path).exists()));
    }
    look.troubles = troubles(&look.hooks, &dir);
    if let Some(top) = repo.work_dir() {
        look.troubles.extend(managers::left_behind(&top, &mut look.managers));
    }
    if kinds.is_empty() {
        look.trouble("a bare repository needs the pre-receive hook, and it is not installed", "git chant hooks install --server");
    }
    for kind in kinds.iter().filter(|kind| is_off(&settings, kind.as_str())) {
        let what = format!("hook.{kind}.enabled is false: a git that takes that for hook files too does not run git-chant's");
        look.trouble(what, format!("git config --unset-all hook.{kind}.enabled"));
    }
    look.bypassed(repo);
    look.worktrees(repo, &kinds)?;
    Ok(look)
}

impl Look {
    fn trouble(&mut self, what: impl Into<String>, mend: impl Into<String>) {
        self.troubles.push(Trouble { what: what.into(), mend: mend.into() });
    }

    /// Hooks that lie where git does not look any more: somebody set `core.hooksPath` after they were installed.
    fn bypassed(&mut self, repo: &Repository) {
        let usual = repo.common_dir().join("hooks");
        let ours = HookKind::ALL.iter().any(|kind| install::is_ours(&usual.join(kind.as_str())));
        // A manager of hooks may have been installed over some of them; that is another trouble.
        let guarded = self.hooks.iter().any(|(kind, state, _)| *kind == HookKind::ReferenceTransaction && *state == State::Current);
        if !guarded && self.place.scope != Scope::Default && self.place.dir.as_deref() != Some(&usual) && ours {
            let what = format!("the hooks in {} do not run: {} is set", usual.display(), self.place.describe());
            let mend = if self.place.scope == Scope::Everywhere {
                format!("git config core.hooksPath {}", word(&usual.display().to_string()))
            } else {
                INSTALL.to_owned()
            };
            self.trouble(what, mend);
        }
    }

    /// A relative `core.hooksPath` names another directory in every worktree; where that is missing, git runs nothing and says nothing.
    fn worktrees(&mut self, repo: &Repository, kinds: &[HookKind]) -> Result<()> {
        let Some(dir) = self.place.dir.clone() else { return Ok(()) };
        for tree in repo.worktrees()?.into_iter().filter(|tree| !tree.prunable && tree.path.is_dir()) {
            let there = place::dir_in(&Git::at(&tree.path))?;
            let runs = kinds.iter().all(|kind| install::is_ours(&there.join(kind.as_str())));
            if there != dir && !runs {
                let what = format!(
                    "in the worktree {} git looks for hooks in {}, and finds none of git-chant's",
                    tree.path.display(),
                    there.display()
                );
                self.trouble(what, format!("git config core.hooksPath {}", word(&dir.display().to_string())));
            }
        }
        Ok(())
    }
}

/// What installs and renews them.
pub const INSTALL: &str = "git chant hooks install";

/// What is wrong with the hooks, a sentence for those of one kind of wrong.
fn troubles(hooks: &[(HookKind, State, bool)], dir: &Path) -> Vec<Trouble> {
    let mut list = Vec::new();
    for (state, one, many) in [
        (State::Missing, "is missing", "are missing"),
        (State::Outdated, "is out of date", "are out of date"),
        (State::Edited, "was changed by hand", "were changed by hand"),
        (State::NotExecutable, "is not executable, so git skips it", "are not executable, so git skips them"),
    ] {
        let names: Vec<&str> = hooks.iter().filter(|(_, is, _)| *is == state).map(|(kind, ..)| kind.as_str()).collect();
        match &names[..] {
            [] => {}
            [name] => list.push(format!("the {name} hook {one}")),
            names => list.push(format!("the hooks {} {many}", names.join(", "))),
        }
    }
    for (kind, ..) in hooks.iter().filter(|(_, state, _)| *state == State::Foreign) {
        let path = dir.join(kind.as_str());
        let took = install::put_aside(&path)
            .map_or_else(String::new, |(_, suffix)| format!(", and left git-chant's as {kind}.{suffix}, which does not run"));
        list.push(format!("{} is somebody else's{took}", path.display()));
    }
    list.into_iter().map(|what| Trouble { what, mend: INSTALL.to_owned() }).collect()
}

/// `hook.<name>.command` with the events of `hook.<name>.event`, as git reads them: an empty event takes the earlier ones back, and what is
/// not enabled does not run. git runs these itself from 2.54 on, before the files.
fn configured(settings: &[(String, String)]) -> Vec<(String, String)> {
    let names = settings.iter().filter_map(|(key, _)| key.strip_suffix(".command"));
    let mut hooks: Vec<(String, String)> = Vec::new();
    for name in names.filter(|name| !is_off(settings, name)) {
        let mut events: Vec<&str> = Vec::new();
        for (_, event) in settings.iter().filter(|(key, _)| *key == format!("{name}.event")) {
            if event.is_empty() { events.clear() } else { events.push(event) }
        }
        if !events.is_empty() && !hooks.iter().any(|(known, _)| known == name) {
            hooks.push((name.to_owned(), events.join(", ")));
        }
    }
    hooks
}

/// True for `hook.<name>.enabled=false`, or `hook.<event>.enabled=false`.
fn is_off(settings: &[(String, String)], name: &str) -> bool {
    let last = settings.iter().rfind(|(key, _)| *key == format!("{name}.enabled"));
    last.is_some_and(|(_, value)| matches!(value.to_ascii_lowercase().as_str(), "false" | "no" | "off" | "0" | ""))
}

/// What the configuration says about hooks: keys without `hook.`, and their values.
fn settings(repo: &Repository) -> Result<Vec<(String, String)>> {
    let keys = r"^hook\..*\.(command|event|enabled)$";
    let output = repo.git().command(["config", "--null", "--get-regexp", keys]).with_hooks().run_raw()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let entries = text.split('\0').filter_map(|entry| entry.split_once('\n'));
    Ok(entries.filter_map(|(key, value)| Some((key.strip_prefix("hook.")?.to_owned(), value.to_owned()))).collect())
}
