//! Which agent: one from git config, a well-known client, or one that needs no model.

use super::placeholder::{Place, as_shell};
use super::preset::{PRESETS, Preset, Wanted, preset};
use super::prompt::valid_name;
use super::script::script_of;
use super::settings::{Limits, PromptBy, Settings};
use super::transcript::Format;
use crate::failure::Failure;
use crate::git::Repository;
use anyhow::{Context as _, Result};
use std::ffi::OsString;
use std::path::PathBuf;

/// What an agent is chosen from.
pub trait Surroundings {
    /// The value of a key of git config.
    fn one(&self, key: &str) -> Option<String>;
    /// Every value of a key that may be given more than once.
    fn all(&self, key: &str) -> Vec<String>;
    /// Where a program lies on `PATH`.
    fn find(&self, program: &str) -> Option<PathBuf>;
}

impl Surroundings for Repository {
    fn one(&self, key: &str) -> Option<String> {
        self.config(key)
    }

    fn all(&self, key: &str) -> Vec<String> {
        self.config_all(key)
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        which::which(program).ok()
    }
}

/// What works on a spec.
#[derive(Clone, Debug, PartialEq)]
pub enum Agent {
    /// Runs the spec's own fenced `sh` block ([`script_of`]), within these limits.
    Script(Limits),
    /// The person's own shell in the worktree.
    Manual,
    /// Nobody: the members of a driver were worked, and commands decide the rest.
    Members,
    /// A program that is told what to do.
    Client(Box<Client>),
}

/// How a client is started.
#[derive(Clone, Debug, PartialEq)]
pub enum Program {
    /// A line for `sh -c`, from `chant.agent.<name>.command`.
    Line(String),
    /// A well-known client, and where it lies.
    Preset(&'static Preset, PathBuf),
}

/// A program that is told what to do, and the settings that it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// The name by which it was chosen.
    pub name: String,
    /// How it is started.
    pub program: Program,
    /// What git config says of it.
    pub settings: Settings,
    /// True where nobody chose it: it was found on `PATH`.
    pub found: bool,
}

/// A process to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// What is added to its environment.
    pub env: Vec<(OsString, OsString)>,
    /// True where the prompt is on its standard input; else that is empty.
    pub prompt_on_stdin: bool,
}

impl Agent {
    /// The agent named on the command line, else by `chant.agent`, else the first well-known client on `PATH`.
    ///
    /// `script` and `manual` always mean the built-in ones; a preset gives way to `chant.agent.NAME.command`.
    pub fn resolve(name: Option<&str>, around: &dyn Surroundings) -> Result<Self> {
        let configured = || around.one("chant.agent").filter(|name| !name.trim().is_empty());
        let Some(name) = name.map(str::to_owned).or_else(configured) else {
            return Self::first_found(around);
        };
        let name = name.trim();
        match name {
            "script" => return Ok(Self::Script(Settings::read(name, around)?.limits)),
            "manual" => return Ok(Self::Manual),
            _ => {}
        }
        if !valid_name(name) {
            let failure = Failure::new(format!("'{}' is no name for an agent: use letters, digits, - and _", name.escape_debug()));
            return Err(with_hints(failure, "NAME").into());
        }
        Ok(Self::Client(Box::new(Client::read(name, around)?)))
    }

    fn first_found(around: &dyn Surroundings) -> Result<Self> {
        let found = PRESETS.iter().find(|preset| around.find(preset.name).is_some());
        let Some(found) = found else {
            let failure = Failure::new("no agent is configured, and no well-known one is installed");
            return Err(with_hints(failure, "NAME").hint("choose it with: git config chant.agent NAME").into());
        };
        Ok(Self::Client(Box::new(Client { found: true, ..Client::read(found.name, around)? })))
    }

    /// The name shown to people and recorded with the run.
    pub fn name(&self) -> &str {
        match self {
            Self::Script(_) => "script",
            Self::Manual => "manual",
            Self::Members => "members",
            Self::Client(client) => &client.name,
        }
    }

    /// True where a person works at the terminal.
    pub fn is_interactive(&self) -> bool {
        matches!(self, Self::Manual)
    }

    /// What it prints.
    pub fn format(&self) -> Format {
        match self {
            Self::Script(_) | Self::Manual | Self::Members => Format::Text,
            Self::Client(client) => client.format(),
        }
    }

    /// When it is ended by us.
    pub fn limits(&self) -> Limits {
        match self {
            Self::Manual | Self::Members => Limits::default(),
            Self::Script(limits) => *limits,
            Self::Client(client) => client.settings.limits,
        }
    }

    /// The model that it is to use where nobody asks for one.
    pub fn model(&self) -> Option<&str> {
        match self {
            Self::Script(_) | Self::Manual | Self::Members => None,
            Self::Client(client) => client.settings.model.as_deref(),
        }
    }

    /// How often it is chosen where several share the work.
    pub fn weight(&self) -> u32 {
        match self {
            Self::Script(_) | Self::Manual | Self::Members => 1,
            Self::Client(client) => client.settings.weight,
        }
    }

    /// How many of it may run at once. What needs no model costs nothing.
    pub fn max_concurrent(&self) -> Option<u32> {
        match self {
            Self::Script(_) | Self::Manual | Self::Members => None,
            Self::Client(client) => client.settings.max_concurrent,
        }
    }

    /// True where an earlier session of it can go on.
    pub fn has_sessions(&self) -> bool {
        match self {
            Self::Script(_) | Self::Manual | Self::Members => false,
            Self::Client(client) => match &client.program {
                Program::Line(line) => line.contains("{session_id}"),
                Program::Preset(preset, _) => !preset.resume.is_empty(),
            },
        }
    }

    /// Refuses what cannot be started, before anything is changed for it.
    ///
    /// The caller must have found the spec to be trusted: a script is a command that came with a document.
    pub fn check(&self, body: &[u8]) -> Result<()> {
        match self {
            Self::Script(_) if script_of(body).is_none() => Err(Failure::new("the spec has no script to run")
                .hint("write a fenced ```sh block below a heading 'Script': git chant edit SPEC")
                .hint("or choose another agent with: --agent NAME")
                .into()),
            _ => Ok(()),
        }
    }

    /// The process that works on a spec with this body.
    pub fn invocation(&self, body: &[u8], place: &Place) -> Result<Invocation> {
        self.check(body)?;
        let env = place.env();
        Ok(match self {
            // `-e`: a script that goes on after a failed step would end with the last step's success.
            Self::Script(_) => {
                let args = vec!["-ec".into(), script_of(body).unwrap_or_default().into(), "chant-script".into()];
                Invocation { program: "sh".into(), args, env, prompt_on_stdin: true }
            }
            Self::Manual => {
                let program = std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "sh".into());
                Invocation { program, args: Vec::new(), env, prompt_on_stdin: false }
            }
            Self::Members => Invocation { program: "true".into(), args: Vec::new(), env, prompt_on_stdin: false },
            Self::Client(client) => client.invocation(place, env)?,
        })
    }
}

impl Client {
    fn read(name: &str, around: &dyn Surroundings) -> Result<Self> {
        let settings = Settings::read(name, around)?;
        let program = match (&settings.command, preset(name)) {
            (Some(command), _) => Program::Line(command.clone()),
            (None, Some(preset)) => match around.find(preset.name) {
                Some(path) => Program::Preset(preset, path),
                None => {
                    return Err(Failure::new(format!("agent '{name}' is not installed: there is no {name} on PATH"))
                        .hint(format!("get it: {}", preset.install))
                        .hint("see what is there: git chant agents")
                        .into());
                }
            },
            (None, None) => return Err(with_hints(Failure::new(format!("agent '{name}' has no command")), name).into()),
        };
        Ok(Self { name: name.to_owned(), program, settings, found: false })
    }

    /// What it prints: as configured, else what a client of this name prints.
    pub fn format(&self) -> Format {
        self.settings.format.or_else(|| preset(&self.name).map(|preset| preset.format)).unwrap_or(Format::Text)
    }

    /// How it gets its prompt.
    pub fn prompt(&self) -> PromptBy {
        let own = match &self.program {
            Program::Line(_) => PromptBy::Stdin,
            Program::Preset(preset, _) => preset.prompt,
        };
        self.settings.prompt.unwrap_or(own)
    }

    /// The words of its command line, placeholders as they are.
    pub fn words(&self, wanted: Wanted) -> Vec<String> {
        match &self.program {
            Program::Line(line) => vec![line.clone()],
            Program::Preset(preset, _) => {
                let args = preset.args(self.settings.permissions, wanted);
                std::iter::once(preset.name).chain(args).map(str::to_owned).collect()
            }
        }
    }

    fn invocation(&self, place: &Place, mut env: Vec<(OsString, OsString)>) -> Result<Invocation> {
        if let Program::Preset(preset, _) = &self.program {
            env.extend(preset.env(self.settings.permissions).map(|(name, value)| (name.into(), value.into())));
        }
        env.extend(self.settings.env.iter().map(|(name, value)| (name.into(), value.into())));
        let by = self.prompt();
        let told = match by {
            PromptBy::Arg => Some(prompt_argument(place)?),
            _ => None,
        };
        let (program, args) = match &self.program {
            Program::Line(line) => {
                let mut shell = as_shell(line);
                if by == PromptBy::File && !line.contains("{prompt_file}") {
                    shell.push_str(" \"$CHANT_PROMPT_FILE\"");
                }
                shell.push_str(if told.is_some() { " \"$1\"" } else { "" });
                let args = ["-c".into(), shell.into(), OsString::from(&self.name)].into_iter().chain(told);
                ("sh".into(), args.collect())
            }
            Program::Preset(preset, path) => {
                let wanted = Wanted { model: place.model.is_some(), budget: place.max_cost.is_some(), session: place.session.is_some() };
                let args = preset.args(self.settings.permissions, wanted);
                (path.clone().into_os_string(), args.into_iter().map(|arg| place.fill(arg)).chain(told).collect())
            }
        };
        Ok(Invocation { program, args, env, prompt_on_stdin: by == PromptBy::Stdin })
    }
}

/// Linux takes no argument of 128 KiB, whatever the limit of all together is.
const MOST_ARGUMENT: usize = 128 * 1024 - 1;

fn prompt_argument(place: &Place) -> Result<OsString> {
    let prompt = std::fs::read(&place.prompt_file).with_context(|| format!("could not read {}", place.prompt_file.display()))?;
    let prompt = String::from_utf8_lossy(&prompt).replace('\0', "\u{fffd}");
    // Every client takes a first word that begins with a dash for an option.
    let prompt = if prompt.starts_with('-') { format!("\n{prompt}") } else { prompt };
    if prompt.len() > MOST_ARGUMENT {
        let failure = Failure::new(format!("the prompt is too long for an argument ({} bytes)", prompt.len()));
        return Err(failure.hint("hand it over on standard input: git config chant.agent.NAME.prompt stdin").into());
    }
    Ok(prompt.into())
}

fn with_hints(failure: Failure, name: &str) -> Failure {
    let known: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
    failure
        .hint(format!("give it a command with: git config chant.agent.{name}.command 'CMD' (the prompt is on its standard input)"))
        .hint("work without a model with: --agent script (the spec's own sh block) or --agent manual (your shell)")
        .hint(format!("known without configuration, once installed: {}", known.join(", ")))
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
