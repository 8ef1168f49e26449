//! The settings of one agent, from git config: `chant.agent.<name>.…`. An invalid value is refused, with the command that
//! mends it.

use super::Surroundings;
use super::transcript::Format;
use crate::failure::Failure;
use crate::settings::{self, values};
use anyhow::Result;
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
            refuse_fault(&key, &text)?;
            return Ok(words.into_iter().find(|by| by.as_str() == text.trim()).unwrap_or_default());
        }
        Ok(Self::default())
    }
}

/// More output than anybody reads, and less than fills a disk.
pub const MUCH_OUTPUT: u64 = 256 << 20;

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
        Self { time: Some(time), idle: Some(idle), output: Some(MUCH_OUTPUT), ..Self::default() }
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
            time: reader.limit("timeout", most.time, values::duration)?,
            idle: reader.limit("idleTimeout", most.idle, values::duration)?,
            output: reader.limit("maxOutput", most.output, values::size)?,
            cost: reader.limit("maxCost", most.cost, values::money)?,
            grace: reader.limit("grace", Some(most.grace), values::duration)?.unwrap_or_default(),
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
            env: reader.variables()?,
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

    /// An invalid value is refused.
    fn checked(&self, what: &str) -> Result<Option<String>> {
        let Some(text) = self.text(what) else { return Ok(None) };
        refuse_fault(&self.key(what), &text).map(|()| Some(text))
    }

    fn word<T: Copy>(&self, what: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let text = self.checked(what)?;
        Ok(text.and_then(|text| words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)))
    }

    /// `none` (or 0) switches a limit off.
    fn limit<T>(&self, what: &str, default: Option<T>, parse: fn(&str) -> Option<T>) -> Result<Option<T>> {
        Ok(match self.checked(what)? {
            None => default,
            Some(text) if values::is_none(&text) => None,
            Some(text) => parse(&text),
        })
    }

    fn number(&self, what: &str) -> Result<Option<u32>> {
        Ok(self.checked(what)?.and_then(|text| values::number(&text)))
    }

    fn variables(&self) -> Result<Vec<(String, String)>> {
        let key = self.key("env");
        let read = |text: &String| refuse_fault(&key, text).map(|()| values::variable(text));
        Ok(self.around.all(&key).iter().map(read).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }
}

fn refuse_fault(key: &str, text: &str) -> Result<()> {
    settings::fault(key, text).map_or(Ok(()), |fault| Err(Failure::from(fault).into()))
}
