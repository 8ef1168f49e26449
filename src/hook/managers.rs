//! Other hook managers: whose traces are here, and what of theirs runs before ours.
//!
//! husky's hooks lie where `core.hooksPath` points, and lefthook takes every file with its name in it away. pre-commit knows its hooks by
//! their place, so it sees none that ours took the place of: its own `uninstall` changes nothing then, and what it leaves may stop every commit.

use super::look::Trouble;
use super::{HookKind, install};
use crate::spec::shell::word;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// A hook manager that is used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// Its name.
    pub name: &'static str,
    /// Its hooks that run before ours and that its own `uninstall` does not find.
    pub unseen: Vec<PathBuf>,
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is used here; its hooks run first", self.name)?;
        if self.unseen.is_empty() {
            return Ok(());
        }
        write!(f, ". '{} uninstall' does not find them behind git-chant's; to be rid of them: {}", self.name, take_away(&self.unseen))
    }
}

/// The managers whose traces are in the hooks directory or at the top of the checkout.
pub(super) fn managers(top: Option<&Path>, dir: &Path) -> Vec<Manager> {
    let names = install::MANAGERS.into_iter().zip([&[".pre-commit-config.yaml"][..], &[".husky"], &LEFTHOOK]);
    let found = names.filter_map(|((name, mark), files)| {
        let configured = top.is_some_and(|top| files.iter().any(|file| top.join(file).exists()));
        let theirs: Vec<PathBuf> = HookKind::ALL.into_iter().map(|kind| dir.join(kind.as_str())).collect();
        let unseen: Vec<PathBuf> = theirs.iter().filter(|hook| install::is_ours(hook)).map(|hook| install::kept_path(hook)).collect();
        let holds = |path: &PathBuf| text(path).contains(mark);
        let kept: Vec<PathBuf> = unseen.into_iter().filter(holds).collect();
        let is_used = configured || !kept.is_empty() || theirs.iter().any(|hook| !install::is_ours(hook) && holds(hook));
        is_used.then(|| Manager { name, unseen: if name == PRE_COMMIT { kept } else { Vec::new() } })
    });
    found.collect()
}

const PRE_COMMIT: &str = "pre-commit";
const LEFTHOOK: [&str; 4] = ["lefthook.yml", ".lefthook.yml", "lefthook.toml", ".config/lefthook.yml"];

/// What of them lets nothing through any more: pre-commit's hook fails where its configuration or its program is gone. A manager of which
/// that is said is not named again.
pub(super) fn left_behind(top: &Path, managers: &mut Vec<Manager>) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    managers.retain(|manager| {
        let mut dead: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for hook in &manager.unseen {
            if let Some(why) = why_dead(top, &text(hook)) {
                dead.entry(why).or_default().push(hook.clone());
            }
        }
        let is_alive = dead.is_empty();
        troubles.extend(dead.into_iter().map(|(why, hooks)| Trouble {
            what: format!("{}'s hook runs before git-chant's and lets nothing through: {why}", manager.name),
            mend: take_away(&hooks),
        }));
        is_alive
    });
    troubles
}

/// Why a hook of pre-commit's fails whatever is committed.
fn why_dead(top: &Path, hook: &str) -> Option<String> {
    let python = hook.lines().find_map(|line| line.strip_prefix("INSTALL_PYTHON="))?.trim_matches(['\'', '"']);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_on_path = || std::env::split_paths(&path).any(|dir| dir.join(PRE_COMMIT).is_file());
    if !Path::new(python).is_file() && !is_on_path() {
        return Some("pre-commit itself is gone".to_owned());
    }
    let config = hook.split_whitespace().find_map(|word| word.strip_prefix("--config=")).map(|name| name.trim_matches(['\'', '"', ')']))?;
    let may_lack = hook.contains("--skip-on-missing-config");
    (!may_lack && !top.join(config).exists()).then(|| format!("there is no {config} here"))
}

fn text(path: &Path) -> String {
    std::fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
}

fn take_away(hooks: &[PathBuf]) -> String {
    let words: Vec<String> = hooks.iter().map(|hook| format!(" {}", word(&hook.display().to_string()))).collect();
    format!("rm{}", words.concat())
}
