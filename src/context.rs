//! What a command is handed: the repository, its specs, the settings, and where to print.

use crate::git::Repository;
use crate::git::glance::Glances;
use crate::git::idle::IdleWorktrees;
use crate::output::Output;
use crate::store::Store;
use anyhow::{Context as _, Result};
use std::sync::Arc;

/// A command's surroundings. Made once, in [`Context::discover`].
pub struct Context {
    /// The repository of the current directory.
    pub repo: Repository,
    /// Where words go.
    pub out: Output,
    /// The run that we are inside of (`CHANT_RUN_ID`), if we were started by an agent.
    pub inside_run: Option<String>,
    /// Worktrees that runs hand on to each other, in a command that has many.
    pub idle: Option<Arc<IdleWorktrees>>,
    /// Looks at checkouts, which the runs of a command share.
    pub glances: Arc<Glances>,
}

impl Context {
    /// The repository around the current directory.
    pub fn discover() -> Result<Self> {
        Ok(Self::of(Repository::discover()?))
    }

    /// The repository around the current directory for those who judge what comes in: every object as it is, whatever `git replace` says.
    pub fn discover_to_judge() -> Result<Self> {
        Ok(Self::of(Repository::discover_unreplaced()?))
    }

    /// The same for a command that comes to judge only after it has done other things; `None` where it is such a context already.
    pub fn to_judge(&self) -> Result<Option<Self>> {
        if self.repo.is_unreplaced() {
            return Ok(None);
        }
        let repo = Repository::discover_unreplaced()?;
        Ok(Some(Self {
            repo,
            out: self.out,
            inside_run: self.inside_run.clone(),
            idle: self.idle.clone(),
            glances: Arc::clone(&self.glances),
        }))
    }

    /// A context for a repository that was opened already.
    pub fn of(repo: Repository) -> Self {
        let out = Output::new(repo.config("color.ui").as_deref());
        let inside_run = std::env::var("CHANT_RUN_ID").ok().filter(|run| !run.is_empty());
        Self { repo, out, inside_run, idle: None, glances: Arc::default() }
    }

    /// The repository's specs.
    pub fn store(&self) -> Store<'_> {
        Store::new(&self.repo)
    }

    /// True where `git chant init` was here. A bare repository needs none.
    pub fn is_set_up(&self) -> bool {
        self.repo.work_dir().is_none() || self.repo.config("merge.chant.driver").is_some()
    }

    /// True where specs are kept out of every commit: `.chant/` is excluded, and `git chant init --silent` said so.
    pub fn silent(&self) -> bool {
        self.repo.config_bool("chant.silent", false)
    }

    /// True where a verb commits the file it writes.
    pub fn commits_files(&self) -> bool {
        !self.silent() && self.inside_run.is_none() && self.repo.config_bool("chant.autoCommit", true)
    }
}

/// Today's date where the user is, `YYYY-MM-DD`. `GIT_CHANT_TEST_DATE` stands in for the clock in tests.
pub fn today() -> String {
    match std::env::var("GIT_CHANT_TEST_DATE") {
        Ok(date) if !date.is_empty() => date,
        _ => jiff::Zoned::now().date().to_string(),
    }
}

/// Seconds of this machine's clock, for measuring how long something has stood still here.
pub fn now_seconds() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0)
}

/// The seconds of [`now_utc`].
pub fn now_utc_seconds() -> Result<i64> {
    let now: jiff::Timestamp = now_utc().parse().context("now is no date")?;
    Ok(now.as_second())
}

/// Now, in UTC, as `completed_at` has it: `YYYY-MM-DDTHH:MM:SSZ`. `GIT_CHANT_TEST_DATE` stands in for the clock in tests.
pub fn now_utc() -> String {
    match std::env::var("GIT_CHANT_TEST_DATE") {
        Ok(date) if !date.is_empty() => format!("{date}T12:00:00Z"),
        _ => jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    }
}
