//! The settings of one agent, from git config: `chant.agent.<name>.…`. A value that cannot be meant is refused, with the command that
//! mends it.

use super::Surroundings;
use super::transcript::Format;
use crate::failure::Failure;
use anyhow::{Context as _, Result, bail};
use std::time::Duration;

/// What an agent may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// Change files, run commands and commit in its worktree, as far as the client can be held to that.
    Edit,
    /// Whatever it likes.
    Bypass,
}

impl Permissions {
    /// The word in git config.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Bypass => "bypass",
        }
    }
}

/// How an agent gets its prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptBy {
    /// On standard input.
    Stdin,
    /// As a file whose path is in the command line.
    File,
    /// As the last argument.
    Arg,
}

impl PromptBy {
    /// The word in git config.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdin => "stdin",
            Self::File => "file",
            Self::Arg => "arg",
        }
    }
}

/// Who commits what an agent made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitBy {
    /// The agent alone: what it leaves uncommitted makes the run fail.
    Agent,
    /// git-chant alone, one commit: the agent's own are folded into it.
    Chant,
    /// The agent, and git-chant what it left.
    #[default]
    Both,
}

impl CommitBy {
    /// The word in git config.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Chant => "chant",
            Self::Both => "both",
        }
    }

    /// What that is, for people.
    pub fn means(self) -> &'static str {
        match self {
            Self::Agent => "what it leaves uncommitted makes the run fail",
            Self::Chant => "git-chant makes one commit of its work",
            Self::Both => "git-chant commits what it leaves",
        }
    }

    /// `chant.agent.<name>.commit`, else `chant.commit`.
    pub fn read(name: &str, around: &dyn Surroundings) -> Result<Self> {
        let words = [Self::Agent, Self::Chant, Self::Both];
        for key in [format!("chant.agent.{name}.commit"), "chant.commit".to_owned()] {
            let Some(text) = around.one(&key) else { continue };
            let found = words.into_iter().find(|by| by.as_str() == text.trim());
            return found.ok_or_else(|| {
                let message = format!("{key} is '{}', which is none of: agent, chant, both", text.escape_debug());
                Failure::new(message).hint(format!("git config {key} both")).into()
            });
        }
        Ok(Self::default())
    }
}

/// When an agent is ended by us. What is `None` has no limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// `timeout`: all in all.
    pub time: Option<Duration>,
    /// `idleTimeout`: without a word.
    pub idle: Option<Duration>,
    /// `maxOutput`, in bytes.
    pub output: Option<u64>,
    /// `maxCost`, in US dollars, for a client that tells what it costs.
    pub cost: Option<f64>,
    /// `grace`: how long it may take to end once it was asked to.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: None, idle: None, output: None, cost: None, grace: Duration::from_secs(5) }
    }
}

impl Limits {
    /// Those of a client: it can hang, and loop with output for ever, without a network or with a prompt that is too long (both were
    /// measured).
    fn of_a_client() -> Self {
        let (time, idle) = (Duration::from_secs(4 * 3600), Duration::from_secs(3600));
        Self { time: Some(time), idle: Some(idle), output: Some(256 << 20), ..Self::default() }
    }
}

/// What git config says of one agent. `None` and empty: nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `command`: a line for `sh -c`.
    pub command: Option<String>,
    /// `format`.
    pub format: Option<Format>,
    /// `prompt`.
    pub prompt: Option<PromptBy>,
    /// `model`.
    pub model: Option<String>,
    /// `permissions`.
    pub permissions: Permissions,
    /// `timeout`, `idleTimeout`, `maxOutput`, `maxCost`, `grace`.
    pub limits: Limits,
    /// `maxConcurrent`: how many of it may run at once.
    pub max_concurrent: Option<u32>,
    /// `weight`: how often it is chosen where several agents share the work.
    pub weight: u32,
    /// `env`, each `NAME=value`.
    pub env: Vec<(String, String)>,
}

impl Settings {
    /// Reads the settings of the agent of this name, which must be a valid one.
    pub fn read(name: &str, around: &dyn Surroundings) -> Result<Self> {
        let reader = Reader { name, around };
        let most = Limits::of_a_client();
        let limits = Limits {
            time: reader.limit("timeout", most.time, parse_duration)?,
            idle: reader.limit("idleTimeout", most.idle, parse_duration)?,
            output: reader.limit("maxOutput", most.output, parse_size)?,
            cost: reader.limit("maxCost", most.cost, parse_cost)?,
            grace: reader.limit("grace", Some(most.grace), parse_duration)?.unwrap_or_default(),
        };
        Ok(Self {
            command: reader.text("command"),
            format: reader.word("format", &Format::ALL.map(|format| (format.as_str(), format)))?,
            prompt: reader.word("prompt", &[PromptBy::Stdin, PromptBy::File, PromptBy::Arg].map(|by| (by.as_str(), by)))?,
            model: reader.text("model"),
            permissions: reader
                .word("permissions", &[Permissions::Edit, Permissions::Bypass].map(|level| (level.as_str(), level)))?
                .unwrap_or(Permissions::Edit),
            limits,
            max_concurrent: reader.number("maxConcurrent")?,
            weight: reader.number("weight")?.unwrap_or(1),
            env: around.all(&reader.key("env")).iter().map(|text| reader.variable(text)).collect::<Result<_>>()?,
        })
    }
}

struct Reader<'a> {
    name: &'a str,
    around: &'a dyn Surroundings,
}

impl Reader<'_> {
    fn key(&self, what: &str) -> String {
        format!("chant.agent.{}.{what}", self.name)
    }

    fn text(&self, what: &str) -> Option<String> {
        self.around.one(&self.key(what)).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn refuse<T>(&self, what: &str, value: &str, expected: &str, example: &str) -> Result<T> {
        let key = self.key(what);
        Err(Failure::new(format!("{key} is '{}', which is {expected}", value.escape_debug()))
            .hint(format!("git config {key} {example}"))
            .into())
    }

    fn word<T: Copy>(&self, what: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(text) = self.text(what) else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                self.refuse(what, &text, &format!("none of: {}", known.join(", ")), words[0].0)
            }
        }
    }

    /// `none` (or 0) switches a limit off.
    fn limit<T>(&self, what: &str, default: Option<T>, parse: fn(&str) -> Result<T>) -> Result<Option<T>> {
        let Some(text) = self.text(what) else { return Ok(default) };
        if matches!(text.as_str(), "none" | "0") {
            return Ok(None);
        }
        match parse(&text) {
            Ok(value) => Ok(Some(value)),
            Err(_) => match what {
                "maxOutput" => self.refuse(what, &text, "no size", "100m"),
                "maxCost" => self.refuse(what, &text, "no amount of US dollars", "2.50"),
                _ => self.refuse(what, &text, "no duration", "2h"),
            },
        }
    }

    fn number(&self, what: &str) -> Result<Option<u32>> {
        let Some(text) = self.text(what) else { return Ok(None) };
        match text.parse::<u32>() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => self.refuse(what, &text, "no number from 1", "2"),
        }
    }

    fn variable(&self, text: &str) -> Result<(String, String)> {
        let plain = |name: &str| {
            !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        match text.split_once('=') {
            Some((name, value)) if plain(name) && !value.contains('\0') => Ok((name.to_owned(), value.to_owned())),
            // The value may be a key: it is not repeated.
            _ => self.refuse("env", text.split('=').next().unwrap_or_default(), "no NAME=value", "--add 'NAME=value'"),
        }
    }
}

/// `90`, `90s`, `15m`, `2h`: a number of seconds, minutes or hours.
pub fn parse_duration(text: &str) -> Result<Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => bail!("'{}' is no duration: 90s, 15m or 2h", text.escape_debug()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    seconds.map(Duration::from_secs).with_context(|| format!("'{}' is no duration: 90s, 15m or 2h", text.escape_debug()))
}

/// A number of bytes, with git's `k`, `m` and `g`.
fn parse_size(text: &str) -> Result<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => bail!("no size"),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).context("no size")
}

fn parse_cost(text: &str) -> Result<f64> {
    let cost: f64 = text.trim_start_matches('$').parse()?;
    if cost.is_finite() && cost > 0.0 { Ok(cost) } else { bail!("no amount") }
}
