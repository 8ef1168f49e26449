//! Running an agent to its end.
//!
//! Its output goes into the log file itself, not through us: it outlives us, and no agent dies of a broken pipe. The log's open file
//! is locked and shared with the agent, so the lock is held as long as we or anything that writes to the log is alive.

use super::group::{POLL, RUN_ID, Tree};
use super::locks::take_lock;
use super::signals::Signals;
use crate::failure::Failure;
use crate::git::command::scrub;
use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub use super::group::end_group;

/// A process to run.
#[derive(Debug)]
pub struct Task {
    /// The program, looked up in `PATH`.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Where it runs: the run's worktree.
    pub cwd: PathBuf,
    /// Added to our own environment, from which git's repository-local variables were removed. `CHANT_RUN_ID` marks the run's processes.
    pub env: Vec<(OsString, OsString)>,
    /// What it reads on standard input.
    pub prompt_file: PathBuf,
    /// Where its output goes; open for reading and appending ([`super::RunDir::open_log`]).
    pub log: File,
    /// Where the process group's id is written, for whoever has to end the agent after we died.
    pub group_file: Option<PathBuf>,
    /// When it is ended by us.
    pub timeout: Option<Duration>,
    /// The time between asking it to end and killing it.
    pub grace: Duration,
    /// A person works at it: the terminal is its own, there is no group and no transcript.
    pub interactive: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit code; 0 says nothing about the work.
    Exited(i32),
    /// By a signal that was not ours.
    Signalled(i32),
    /// By us, because its time was over.
    TimedOut,
    /// By us, because somebody ended us.
    Interrupted,
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Signalled(signal),
            (None, None) => Self::Exited(-1),
        }
    }
}

/// Runs a task until it and everything that it started has ended; new output is handed to `on_output` as it comes.
pub fn run(task: Task, on_output: &mut dyn FnMut(&[u8])) -> Result<Ended> {
    let signals = Signals::watch(task.interactive)?;
    lock_log(&task.log)?;
    let mut tail = Tail::at_end(&task.log)?;
    let child = spawn(&task)?;
    let mut running = Running::new(child, &task)?;
    if let Err(error) = running.record(task.group_file.as_deref()) {
        running.stop(&signals, &mut || {})?;
        running.sweep(&signals);
        return Err(error);
    }
    let deadline = task.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let ended = loop {
        tail.follow(on_output);
        if let Some(status) = running.child.try_wait().context("could not wait for the agent")? {
            break Ended::from(status);
        }
        let stopped = match deadline {
            _ if signals.take() => Some(Ended::Interrupted),
            Some(deadline) if Instant::now() >= deadline => Some(Ended::TimedOut),
            _ => None,
        };
        if let Some(stopped) = stopped {
            running.stop(&signals, &mut || tail.follow(on_output))?;
            break stopped;
        }
        std::thread::sleep(POLL);
    };
    let interrupted = running.sweep(&signals);
    tail.follow(on_output);
    Ok(if interrupted { Ended::Interrupted } else { ended })
}

/// The agent's process, and all that came of it.
struct Running {
    child: Child,
    tree: Tree,
    grace: Duration,
    interactive: bool,
}

impl Running {
    fn new(mut child: Child, task: &Task) -> Result<Self> {
        let run_id = task.env.iter().find(|(name, _)| name == RUN_ID).and_then(|(_, value)| value.to_str());
        // A person's shell may have started what is meant to stay.
        let (group, run_id) = if task.interactive { (None, None) } else { (i32::try_from(child.id()).ok(), run_id) };
        match Tree::new(group, run_id) {
            Ok(tree) => Ok(Self { child, tree, grace: task.grace, interactive: task.interactive }),
            Err(error) => {
                drop(child.kill());
                drop(child.wait());
                Err(error)
            }
        }
    }

    /// Writes the group's id where a later git-chant finds it.
    fn record(&self, file: Option<&Path>) -> Result<()> {
        match file {
            Some(file) if !self.interactive => {
                fs::write(file, format!("{}\n", self.child.id())).context("could not record the agent's process group")
            }
            _ => Ok(()),
        }
    }

    /// Asks the agent to end, and kills it after the grace, or at once when we are signalled again. Returns when it is gone.
    fn stop(&mut self, signals: &Signals, meanwhile: &mut dyn FnMut()) -> Result<()> {
        self.ask();
        let deadline = Instant::now() + self.grace;
        while self.child.try_wait().context("could not wait for the agent")?.is_none() {
            if Instant::now() >= deadline || signals.take() {
                self.tree.kill();
                drop(self.child.kill());
                self.child.wait().context("could not wait for the agent")?;
                break;
            }
            meanwhile();
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    fn ask(&self) {
        if self.interactive {
            // An interactive shell ignores TERM; the hang-up is how a terminal says that it goes away.
            let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
            pid.map(|pid| kill_process(pid, Signal::HUP));
        } else {
            self.tree.terminate();
        }
    }

    /// Ends what the agent left behind; true when we were signalled meanwhile.
    ///
    /// The leader has been waited for, so its number stays the group's only while the group has members: [`Tree::end`] looks first.
    fn sweep(&self, signals: &Signals) -> bool {
        self.tree.end(self.grace, Some(signals)) || signals.take()
    }
}

fn spawn(task: &Task) -> Result<Child> {
    if !task.cwd.is_dir() {
        return Err(Failure::new(format!("could not start the agent: {} is no directory", task.cwd.display()))
            .hint("see the worktrees with: git worktree list")
            .into());
    }
    let mut command = Command::new(&task.program);
    command.args(&task.args).current_dir(&task.cwd);
    scrub(&mut command);
    // Some programs believe `PWD` more than the kernel.
    command.env("PWD", &task.cwd).envs(task.env.iter().map(|(name, value)| (name, value)));
    let kept;
    if task.interactive {
        // Nothing of it goes into the log, but its lock must live as long as the shell: this copy is inherited.
        kept = Some(rustix::io::dup(&task.log).context("could not share the log")?);
    } else {
        kept = None;
        let prompt = File::open(&task.prompt_file).with_context(|| format!("could not read {}", task.prompt_file.display()))?;
        command.stdin(prompt);
        command.stdout(Stdio::from(task.log.try_clone().context("could not share the log")?));
        command.stderr(Stdio::from(task.log.try_clone().context("could not share the log")?));
        command.process_group(0);
    }
    let child = command.spawn().with_context(|| format!("could not start '{}'", task.program.to_string_lossy()));
    drop(kept);
    child
}

/// Locks the log for us and, through inheritance, for the agent.
fn lock_log(log: &File) -> Result<()> {
    if take_lock(log)? {
        return Ok(());
    }
    Err(Failure::new("could not start the agent: an earlier one still writes to this log")
        .hint("see what runs with: git chant status")
        .into())
}

/// Reads what others append to a file.
struct Tail<'a> {
    file: &'a File,
    position: u64,
    buffer: Vec<u8>,
}

impl<'a> Tail<'a> {
    fn at_end(file: &'a File) -> Result<Self> {
        let position = file.metadata().context("could not read the log")?.len();
        Ok(Self { file, position, buffer: vec![0; 64 * 1024] })
    }

    /// Hands over what is new. A log that cannot be read is not worth the agent's life: what is missed now is in the file.
    fn follow(&mut self, on_output: &mut dyn FnMut(&[u8])) {
        // Only up to the end that it has now: an agent that writes without end must not keep us from looking at the clock.
        let Ok(end) = self.file.metadata().map(|metadata| metadata.len()) else { return };
        while self.position < end {
            match self.file.read_at(&mut self.buffer, self.position) {
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    self.position += count as u64;
                    on_output(&self.buffer[..count]);
                }
            }
        }
    }
}
