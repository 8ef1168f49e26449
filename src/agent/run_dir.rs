//! A run in progress, on disk: `<common git dir>/chant/runs/<run-id>/`.
//!
//! | file        | what it is                                                                     |
//! |-------------|--------------------------------------------------------------------------------|
//! | `lock`      | locked by the git-chant that runs the agent; not inherited                      |
//! | `log`       | the agent's output; locked by us *and* by the agent, which inherits the lock    |
//! | `spec`      | the spec's id                                                                   |
//! | `agent`     | the name of the agent that works                                                |
//! | `prompt.md` | what the agent was told                                                         |
//! | `group`     | the agent's process group                                                       |
//! | `worktree`  | where it works                                                                  |
//! | `format`    | what kind of output it prints                                                   |
//! | `pause`     | somebody wants it to stop, and why                                              |
//! | `reserve`   | room on the disk, for its end                                                   |
//!
//! The directory is made under another name and renamed when its lock is held, so a kill -9 leaves either nothing that is listed or a
//! run that is seen to be dead.

mod reserve;

use super::group::{Tree, end_all};
use super::locks::{is_locked, stays_locked, take_lock};
use super::transcript::Format;
use crate::failure::Failure;
use anyhow::{Context as _, Result};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Who is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// A git-chant takes care of this run.
    Working,
    /// git-chant is gone, the agent (or something that it started) lives on.
    Orphaned,
    /// Nobody.
    Dead,
}

/// A run that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewRun<'a> {
    /// Its id.
    pub run_id: &'a str,
    /// The spec's id.
    pub spec_id: &'a str,
    /// The agent's name.
    pub agent: &'a str,
    /// How many of it may be at work at once.
    pub most: Option<u32>,
}

/// How the id of a question begins, which is no run of a spec.
pub const QUESTION: &str = "ask-";

/// The directory of one run; whoever made or claimed it holds its lock until this is dropped.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    lock: Option<File>,
}

impl RunDir {
    /// Makes the directory of a new run, locked by us. `None`: its agent is at work as often as it may be, on other specs.
    pub fn create_within(common_dir: &Path, new: &NewRun<'_>) -> Result<Option<Self>> {
        let path = run_path(common_dir, new.run_id)?;
        let runs = runs_dir(common_dir);
        fs::create_dir_all(&runs).with_context(|| format!("could not make {}", runs.display()))?;
        // Held while a directory is half made: one that is found half made under it belongs to nobody.
        let making = File::create(making_path(common_dir)).context("could not open the lock of half made runs")?;
        making.lock().context("could not lock half made runs")?;
        remove_leftovers(&runs);
        // Whoever makes a run is alone here, so that two do not take the same room.
        if let Some(most) = new.most
            && at_work(common_dir, new.agent)?.iter().filter(|id| *id != new.spec_id).count() >= most as usize
        {
            return Ok(None);
        }
        let unfinished = tempfile::Builder::new().prefix(".new-").tempdir_in(&runs).context("could not make a run's directory")?;
        let lock = File::create_new(unfinished.path().join("lock")).context("could not make a run's lock")?;
        lock.lock().context("could not lock a run")?;
        fs::write(unfinished.path().join("spec"), format!("{}\n", new.spec_id)).context("could not record a run's spec")?;
        fs::write(unfinished.path().join("agent"), new.agent).context("could not record a run's agent")?;
        // rename refuses a directory with something in it, and every run has its lock in it: an id is taken once.
        if let Err(error) = fs::rename(unfinished.path(), &path) {
            return Err(match error.kind() {
                ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => {
                    Failure::new(format!("run '{}' exists already", new.run_id)).into()
                }
                _ => anyhow::Error::new(error).context(format!("could not make {}", path.display())),
            });
        }
        drop(unfinished.keep());
        let dir = Self { path, lock: Some(lock) };
        dir.reserve();
        Ok(Some(dir))
    }

    /// A run that exists, without its lock.
    pub fn open(common_dir: &Path, run_id: &str) -> Result<Self> {
        let path = run_path(common_dir, run_id)?;
        if !path.is_dir() {
            return Err(Failure::new(format!("no run '{}' is known here", run_id.escape_debug()))
                .hint("see what runs with: git chant list --status in_progress")
                .into());
        }
        Ok(Self { path, lock: None })
    }

    /// Every run that has a directory, by id. What is half made or half removed, or no run at all, is left out.
    pub fn list(common_dir: &Path) -> Result<Vec<Self>> {
        let runs = runs_dir(common_dir);
        let entries = match fs::read_dir(&runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("could not read {}", runs.display())),
        };
        let mut found: Vec<Self> = entries
            .flatten()
            .filter(|entry| entry.file_name().to_str().is_some_and(valid_run_id) && entry.path().is_dir())
            .map(|entry| Self { path: entry.path(), lock: None })
            .collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// The run's id.
    pub fn run_id(&self) -> &str {
        self.path.file_name().and_then(OsStr::to_str).unwrap_or_default()
    }

    /// True for a question to an agent: it is counted and ended as a run is, but no spec is in progress for it.
    pub fn is_question(&self) -> bool {
        self.run_id().starts_with(QUESTION)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The spec that is worked on, unless the file is lost.
    pub fn spec_id(&self) -> Option<String> {
        let text = fs::read_to_string(self.path.join("spec")).ok()?;
        Some(text.trim_end().to_owned()).filter(|id| !id.is_empty())
    }

    /// The name of the agent that works.
    pub fn agent(&self) -> Option<String> {
        fs::read_to_string(self.path.join("agent")).ok()
    }

    /// The agent's process group, once it was started.
    pub fn group(&self) -> Option<i32> {
        fs::read_to_string(self.group_path()).ok()?.trim().parse().ok()
    }

    /// Where the agent works, once that was recorded.
    pub fn worktree(&self) -> Option<PathBuf> {
        let bytes = fs::read(self.path.join("worktree")).ok().filter(|bytes| !bytes.is_empty())?;
        Some(PathBuf::from(OsString::from_vec(bytes)))
    }

    /// Records where the agent works.
    pub fn set_worktree(&self, worktree: &Path) -> Result<()> {
        self.write("worktree", worktree.as_os_str().as_bytes())
    }

    /// Records what the agent prints ([`super::transcript::Format`]).
    pub fn set_format(&self, format: Format) -> Result<()> {
        self.write("format", format.as_str().as_bytes())
    }

    /// What the agent prints.
    pub fn format(&self) -> Format {
        let word = fs::read_to_string(self.path.join("format")).unwrap_or_default();
        Format::of(word.trim()).unwrap_or(Format::Text)
    }

    /// Records what the agent is told.
    pub fn set_prompt(&self, prompt: &[u8]) -> Result<()> {
        self.write("prompt.md", prompt)
    }

    /// Asks the git-chant that takes care of the run to stop it, and says why.
    pub fn ask_to_pause(&self, reason: &str) -> Result<()> {
        self.write("pause", reason.as_bytes())
    }

    /// Why somebody wants the run to stop, if anybody does.
    pub fn pause_asked(&self) -> Option<String> {
        fs::read_to_string(self.path.join("pause")).ok()
    }

    /// The file with what the agent is told.
    pub fn prompt_path(&self) -> PathBuf {
        self.path.join("prompt.md")
    }

    /// The file with the agent's output.
    pub fn log_path(&self) -> PathBuf {
        self.path.join("log")
    }

    /// The file with the agent's process group.
    pub fn group_path(&self) -> PathBuf {
        self.path.join("group")
    }

    /// Opens the log as [`super::Task`] wants it: for appending, and for reading back.
    pub fn open_log(&self) -> Result<File> {
        let path = self.log_path();
        OpenOptions::new().create(true).append(true).read(true).open(&path).with_context(|| format!("could not open {}", path.display()))
    }

    /// Who is alive. It asks the locks, so neither a crash nor a reused process id can make it lie.
    pub fn liveness(&self) -> Liveness {
        if self.lock.is_some() || is_locked(&self.path.join("lock")) {
            Liveness::Working
        } else if is_locked(&self.log_path()) {
            Liveness::Orphaned
        } else {
            Liveness::Dead
        }
    }

    /// Takes the lock of a run whose git-chant is gone, so that only one process cleans up or goes on; false if another has it, or has
    /// removed the directory.
    pub fn claim(&mut self) -> Result<bool> {
        if self.lock.is_some() {
            return Ok(true);
        }
        let path = self.path.join("lock");
        let file = match OpenOptions::new().create(true).truncate(false).write(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            file => file.with_context(|| format!("could not open {}", path.display()))?,
        };
        // Whoever held it may have removed the directory meanwhile.
        if take_lock(&file)? && path.exists() {
            self.lock = Some(file);
        }
        Ok(self.lock.is_some())
    }

    /// Ends an agent that lives on without its git-chant: what carries the run's mark, and its group where that is still its own.
    pub fn end_agent(&self, grace: Duration) -> Result<()> {
        if !is_locked(&self.log_path()) {
            return Ok(());
        }
        let group = self.group().filter(|&group| group > 1);
        end_all(&Tree::new(group, Some(self.run_id()))?.without_strangers(), grace)
    }

    /// Its agent has ended: it takes nobody's room while whoever claimed it goes on with it.
    pub fn retire(&self) -> Result<()> {
        match fs::remove_file(self.path.join("agent")) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("could not record that an agent ended"),
            _ => Ok(()),
        }
    }

    /// Removes the directory; refused while the run is another's or its agent lives.
    pub fn remove(self) -> Result<()> {
        let foreign = self.lock.is_none() && stays_locked(&self.path.join("lock"));
        if foreign || stays_locked(&self.log_path()) {
            return Err(Failure::new(format!("could not remove run '{}': it is alive", self.run_id()))
                .hint("end it with Ctrl-C in its terminal, or with: git chant reset SPEC")
                .into());
        }
        // Out of the list in one step; what a kill leaves behind is swept as an unfinished one.
        let aside = self.path.with_file_name(format!(".old-{}", self.run_id()));
        let gone = match fs::rename(&self.path, &aside) {
            Ok(()) => match fs::remove_dir_all(&aside) {
                // Somebody swept it.
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                gone => gone,
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(_) => fs::remove_dir_all(&self.path),
        };
        gone.with_context(|| format!("could not remove {}", self.path.display()))
    }

    /// Writes a file so that it is there whole or not at all.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let unfinished = self.path.join(format!(".{name}"));
        fs::write(&unfinished, bytes)
            .and_then(|()| fs::rename(&unfinished, self.path.join(name)))
            .with_context(|| format!("could not write {}", self.path.join(name).display()))
    }
}

/// The specs on which an agent of this name is at work: under a git-chant, or without one.
pub fn at_work(common_dir: &Path, agent: &str) -> Result<Vec<String>> {
    let mut runs = RunDir::list(common_dir)?;
    runs.retain(|run| run.agent().as_deref() == Some(agent) && run.liveness() != Liveness::Dead);
    Ok(runs.iter().filter_map(RunDir::spec_id).collect())
}

fn runs_dir(common_dir: &Path) -> PathBuf {
    common_dir.join("chant").join("runs")
}

fn run_path(common_dir: &Path, run_id: &str) -> Result<PathBuf> {
    if !valid_run_id(run_id) {
        return Err(Failure::new(format!("'{}' is no run id", run_id.escape_debug())).into());
    }
    Ok(runs_dir(common_dir).join(run_id))
}

/// A run's id is one path component, and none of ours (which begin with a dot).
fn valid_run_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@+".contains(&byte);
    !id.is_empty() && id.len() <= 250 && !id.starts_with('.') && id.bytes().all(plain)
}

fn making_path(common_dir: &Path) -> PathBuf {
    common_dir.join("chant/making")
}

/// Removes what a kill left half made or half removed, unless somebody makes a run just now. Best effort: it is in nobody's way.
pub fn sweep(common_dir: &Path) {
    let Ok(making) = File::open(making_path(common_dir)) else { return };
    if take_lock(&making).unwrap_or(false) {
        remove_leftovers(&runs_dir(common_dir));
    }
}

/// The caller holds the lock under which directories are half made.
fn remove_leftovers(runs: &Path) {
    for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let half = [b".new-".as_slice(), b".old-"].iter().any(|prefix| name.as_bytes().starts_with(prefix));
        if half {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
