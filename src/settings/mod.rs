//! The settings in git config, each in one table, and how they are read.
//!
//! An invalid value is refused, never read as something else: a limit that was mistyped is no default. Commands look at all of them
//! before they do anything ([`check`]). A hook must not stop a day's work because of a typo: it takes the side that asks for more
//! ([`strict`]), and says so where it refuses something.

pub mod table;
pub mod values;

use crate::failure::Failure;
use crate::git::Repository;
use anyhow::Result;
use std::fmt;
use std::time::Duration;
use table::{AGENT, Kind, SETTINGS, Setting};

/// An invalid value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The setting, as git config has it.
    pub key: String,
    /// Its value; what may be a secret is not in it.
    pub value: String,
    /// What it is not, after "which is".
    pub expected: String,
    /// The command that mends it.
    pub mend: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is '{}', which is {}", self.key.escape_debug(), self.value.escape_debug(), self.expected)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::new(fault.to_string()).hint(fault.mend)
    }
}

/// The setting of a name in git config; the key of an agent's is any agent's.
pub fn find(key: &str) -> Option<&'static Setting> {
    let same = |setting: &&Setting, name: &str| setting.key.eq_ignore_ascii_case(name);
    match key.strip_prefix("chant.agent.").and_then(|rest| rest.rsplit_once('.')) {
        Some((_, name)) => AGENT.iter().find(|setting| same(setting, name)),
        None => SETTINGS.iter().find(|setting| same(setting, key)),
    }
}

/// Why a value of a setting is invalid. An empty one takes back what a wider configuration says.
pub fn fault(key: &str, value: &str) -> Option<Fault> {
    let setting = find(key).filter(|_| !value.trim().is_empty())?;
    let expected = values::fault(setting.kind, value)?;
    Some(match setting.kind {
        // It may be a key: it is not repeated. There may be others of the same name.
        Kind::Variable => {
            let value = value.split_once('=').map_or("…", |(name, _)| name).to_owned();
            Fault { key: key.to_owned(), value, expected, mend: "git config --edit".to_owned() }
        }
        // It takes one word, and that says more than anybody may have meant.
        _ if setting.kind == Kind::Words(&["all"]) => {
            Fault { key: key.to_owned(), value: value.to_owned(), expected, mend: format!("git config --unset {}", quoted(key)) }
        }
        _ => {
            Fault { key: key.to_owned(), value: value.to_owned(), expected, mend: format!("git config {} {}", quoted(key), setting.good()) }
        }
    })
}

/// Refuses to go on where a value is invalid. Those of agents are looked at when one is chosen.
pub fn check(repo: &Repository) -> Result<()> {
    let mut faults = faults(repo).into_iter();
    let Some(first) = faults.next() else { return Ok(()) };
    let more = faults.count();
    let failure = Failure::from(first);
    Err(if more > 0 { failure.hint(format!("{more} more: git chant doctor")) } else { failure }.into())
}

/// Every invalid value, but those of agents.
pub fn faults(repo: &Repository) -> Vec<Fault> {
    let of = |setting: &Setting| match repo.config(setting.key) {
        // git knows more words, and is asked where these do not do.
        Some(value) if setting.kind == Kind::Span && !value.is_empty() && !values::is_plain_span(&value) => {
            span(repo, setting, &value).err()
        }
        Some(value) => fault(setting.key, &value),
        None => None,
    };
    SETTINGS.iter().filter_map(of).collect()
}

/// Those of agents, and the names of remotes that are not there.
pub fn more_faults(repo: &Repository) -> Vec<Fault> {
    let mut list = Vec::new();
    for section in repo.config_subsections("chant").iter().filter(|section| section.starts_with("agent.")) {
        let keys = AGENT.iter().map(|setting| format!("chant.{section}.{}", setting.key));
        list.extend(
            keys.flat_map(|key| repo.config_all(&key).into_iter().filter_map(move |value| fault(&key, &value)).collect::<Vec<_>>()),
        );
    }
    let remotes = repo.remotes();
    for setting in SETTINGS.iter().filter(|setting| matches!(setting.kind, Kind::Remote | Kind::SwitchOrRemote)) {
        let value = repo.config(setting.key).filter(|value| !value.is_empty() && !remotes.contains(value));
        if let Some(value) = value.filter(|value| setting.kind == Kind::Remote || values::switch(value).is_none()) {
            let mend = format!("git config --unset {}", setting.key);
            list.push(Fault { key: setting.key.to_owned(), value, expected: "no remote of this repository".to_owned(), mend });
        }
    }
    list
}

/// A name in git config that no setting has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The name.
    pub key: String,
    /// The nearest that a setting has.
    pub near: Option<String>,
    /// The command that takes it away.
    pub mend: String,
}

/// Every name that no setting has.
pub fn unknown(repo: &Repository) -> Vec<Unknown> {
    let unknown = repo.config_keys("chant").into_iter().filter(|(key, _)| find(key).is_none());
    let named = |(key, file): (String, &str)| {
        let mend = format!("git config {file}--unset-all {}", quoted(&key));
        Unknown { near: nearest(&key), mend, key }
    };
    unknown.map(named).collect()
}

/// A name as a word for the shell: what is between the dots may be anything.
fn quoted(key: &str) -> String {
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if plain { key.to_owned() } else { format!("'{}'", key.replace('\'', r"'\''")) }
}

fn nearest(key: &str) -> Option<String> {
    let (above, name, known) = match key.strip_prefix("chant.agent.").and_then(|rest| rest.rsplit_once('.')) {
        Some((agent, name)) => (format!("chant.agent.{agent}."), name, AGENT),
        None => (String::new(), key, SETTINGS),
    };
    let name = name.to_ascii_lowercase();
    let alike = |setting: &&Setting| strsim::jaro_winkler(&setting.key.to_ascii_lowercase(), &name);
    let best = known.iter().max_by(|one, two| alike(one).total_cmp(&alike(two)))?;
    // All of them begin alike.
    let close = strsim::damerau_levenshtein(&best.key.to_ascii_lowercase(), &name) <= 3;
    close.then(|| format!("{above}{}", best.key))
}

fn read<T>(repo: &Repository, key: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
    let default = || find(key).map_or("", |setting| setting.default).to_owned();
    let value = repo.config(key).filter(|value| !value.trim().is_empty()).unwrap_or_else(default);
    parse(&value).ok_or_else(|| {
        let fault = fault(key, &value).map(Failure::from);
        fault.unwrap_or_else(|| Failure::new(format!("{key} is '{}'", value.escape_debug())).hint("git chant doctor")).into()
    })
}

/// A setting that takes one of a few words.
pub fn word(repo: &Repository, key: &str) -> Result<String> {
    read(repo, key, |text| fault(key, text).is_none().then(|| text.trim().to_owned()))
}

/// A time.
pub fn time(repo: &Repository, key: &str) -> Result<Duration> {
    read(repo, key, values::duration)
}

/// A time that may have no end.
pub fn limit(repo: &Repository, key: &str) -> Result<Option<Duration>> {
    read(repo, key, |text| if values::is_none(text) { Some(None) } else { values::duration(text).map(Some) })
}

/// A number from 1.
pub fn number(repo: &Repository, key: &str) -> Result<u32> {
    read(repo, key, values::number)
}

/// A switch that asks for more when it is as `strict`: so it is read where it says neither.
pub fn strict(repo: &Repository, key: &str, strict: bool) -> bool {
    repo.config_bool(key, if repo.config(key).is_some_and(|text| values::switch(&text).is_none()) { strict } else { !strict })
}

/// `chant.archiveAfter`: the second before which something is old, by git's own reading of the words; 0 for never.
pub fn archive_before(repo: &Repository) -> Result<Option<i64>> {
    let Some(setting) = find("chant.archiveAfter") else { return Ok(None) };
    let Some(value) = repo.config(setting.key).filter(|value| !value.is_empty()) else { return Ok(None) };
    span(repo, setting, &value).map(Some).map_err(|fault| Failure::from(fault).hint("or: git config chant.archiveAfter never").into())
}

fn span(repo: &Repository, setting: &Setting, value: &str) -> Result<i64, Fault> {
    let read = repo.git().command(["config", "--type=expiry-date", "--get", setting.key]).line();
    read.ok().and_then(|line| line.parse().ok()).ok_or_else(|| Fault {
        key: setting.key.to_owned(),
        value: value.to_owned(),
        expected: "no span of time: '30 days', never".to_owned(),
        mend: format!("git config {} '{}'", setting.key, setting.good()),
    })
}
