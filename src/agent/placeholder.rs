//! Placeholders in an agent's command: `{prompt_file}` and the others.
//!
//! In a preset's arguments they become the value. In a line for the shell they become a quoted variable with that value, so that no path
//! and no model name can turn into a command.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What the placeholders of a run stand for.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// `{prompt_file}`
    pub prompt_file: PathBuf,
    /// `{worktree}`
    pub worktree: PathBuf,
    /// `{spec_id}`
    pub spec_id: String,
    /// `{spec_file}`
    pub spec_file: PathBuf,
    /// `{model}`, where one was asked for.
    pub model: Option<String>,
    /// `{session_id}`, where an earlier session goes on.
    pub session: Option<String>,
    /// `{git_common_dir}`
    pub git_common_dir: PathBuf,
    /// `{git_dir}`: that of the worktree.
    pub git_dir: PathBuf,
    /// `{log_dir}`: outside of the worktree, gone when the run is.
    pub log_dir: PathBuf,
    /// `{max_cost}`, where there is a budget.
    pub max_cost: Option<f64>,
}

impl Place {
    /// Every placeholder with its variable and its value.
    pub fn values(&self) -> Vec<(&'static str, &'static str, OsString)> {
        let path = |path: &PathBuf| path.clone().into_os_string();
        let text = |text: &Option<String>| text.clone().unwrap_or_default().into();
        vec![
            ("{prompt_file}", "CHANT_PROMPT_FILE", path(&self.prompt_file)),
            ("{worktree}", "CHANT_WORKTREE", path(&self.worktree)),
            ("{spec_id}", "CHANT_SPEC_ID", self.spec_id.clone().into()),
            ("{spec_file}", "CHANT_SPEC_FILE", path(&self.spec_file)),
            ("{model}", "CHANT_MODEL", text(&self.model)),
            ("{session_id}", "CHANT_SESSION_ID", text(&self.session)),
            ("{git_common_dir}", "CHANT_GIT_COMMON_DIR", path(&self.git_common_dir)),
            ("{git_dir}", "CHANT_GIT_DIR", path(&self.git_dir)),
            ("{log_dir}", "CHANT_LOG_DIR", path(&self.log_dir)),
            ("{max_cost}", "CHANT_MAX_COST", self.max_cost.map(|cost| cost.to_string()).unwrap_or_default().into()),
        ]
    }

    /// The variables that a run's processes find, those without a value left out.
    pub fn env(&self) -> Vec<(OsString, OsString)> {
        let values = self.values().into_iter().filter(|(_, _, value)| !value.is_empty());
        values.map(|(_, variable, value)| (variable.into(), value)).collect()
    }

    /// An argument with the values in place.
    pub fn fill(&self, arg: &str) -> OsString {
        let values = self.values();
        let mut out = OsString::new();
        let mut rest = arg;
        while let Some((at, (name, _, value))) = first(rest, &values) {
            out.push(&rest[..at]);
            out.push(value);
            rest = &rest[at + name.len()..];
        }
        out.push(rest);
        out
    }
}

/// A line for the shell, with a quoted variable in place of every placeholder.
pub fn as_shell(line: &str) -> String {
    let known = Place::default().values();
    known.iter().fold(line.to_owned(), |line, (name, variable, _)| line.replace(name, &format!("\"${variable}\"")))
}

type Value = (&'static str, &'static str, OsString);

fn first<'a>(text: &str, values: &'a [Value]) -> Option<(usize, (&'static str, &'static str, &'a OsStr))> {
    let found = values.iter().filter_map(|(name, variable, value)| Some((text.find(name)?, (*name, *variable, value.as_os_str()))));
    found.min_by_key(|(at, _)| *at)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_looks_like_a_placeholder_stays_text() {
        let place = Place { log_dir: "/l".into(), spec_id: "{log_dir}".into(), ..Place::default() };
        assert_eq!(place.fill("{spec_id}:{log_dir}/a{unknown}"), "{log_dir}:/l/a{unknown}");
    }

    #[test]
    fn no_value_can_become_a_command() {
        let place = Place { worktree: "/a b/$(exit 7)'\"`exit 8`".into(), ..Place::default() };
        for (line, expected) in [("printf %s {worktree}", true), ("printf %s \"{worktree}\"", false), ("printf %s '{worktree}'", false)] {
            let output = std::process::Command::new("sh").arg("-c").arg(as_shell(line)).envs(place.env()).output().unwrap();
            assert!(output.status.success(), "{line}");
            let same = String::from_utf8(output.stdout).unwrap() == place.worktree.to_str().unwrap();
            assert_eq!(same, expected, "{line}");
        }
    }
}
