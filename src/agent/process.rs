//! Running an agent to its end.
//!
//! Its output goes into the log file itself, not through us: it outlives us, and no agent dies of a broken pipe. The log's open file
//! is locked and shared with the agent, so the lock is held as long as we or anything that writes to the log is alive.

use super::family::adopt_orphans;
use super::group::{RUN_ID, Tree};
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
    /// After how long without a word it is ended by us.
    pub idle: Option<Duration>,
    /// After how many bytes of output it is ended by us.
    pub max_output: Option<u64>,
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
    /// By us, because it said nothing for too long.
    Idle,
    /// By us, because it printed too much.
    TooMuchOutput,
    /// By us, because whoever watches wanted it.
    Stopped,
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

/// Who watches a task.
pub trait Watch {
    /// New output.
    fn output(&mut self, bytes: &[u8]);
    /// Time passes.
    fn tick(&mut self) {}
    /// True when it is to be ended.
    fn enough(&self) -> bool {
        false
    }
}

struct Listener<'a>(&'a mut dyn FnMut(&[u8]));

impl Watch for Listener<'_> {
    fn output(&mut self, bytes: &[u8]) {
        (self.0)(bytes);
    }
}

/// Runs a task until it and everything that it started has ended; new output is handed to `on_output` as it comes.
pub fn run(task: Task, on_output: &mut dyn FnMut(&[u8])) -> Result<Ended> {
    run_watched(task, &mut Listener(on_output))
}

/// As [`run`], for a watcher that may want to end it.
pub fn run_watched(task: Task, watch: &mut dyn Watch) -> Result<Ended> {
    let signals = Signals::watch(task.interactive)?;
    if signals.take() {
        return Ok(Ended::Interrupted);
    }
    lock_log(&task.log)?;
    let mut tail = Tail::at_end(&task.log, task.max_output)?;
    if !task.interactive {
        adopt_orphans();
    }
    let child = spawn(&task)?;
    let mut running = Running::new(child, &task)?;
    if let Err(error) = running.record(task.group_file.as_deref()) {
        running.stop(&signals, &mut || {})?;
        running.sweep(&signals, &mut || {});
        return Err(error);
    }
    let mut clock = Clock::new(&task);
    let ended = loop {
        let heard = tail.follow(watch);
        clock.heard(heard);
        if let Some(status) = running.child.try_wait().context("could not wait for the agent")? {
            break Ended::from(status);
        }
        let over = if signals.take() { Some(Ended::Interrupted) } else { clock.over() };
        // What it has printed counts, and not what we have read of it: it may be far ahead.
        let over = over.or_else(|| tail.cut().then_some(Ended::TooMuchOutput));
        if let Some(stopped) = over.or_else(|| watch.enough().then_some(Ended::Stopped)) {
            running.stop(&signals, &mut || {
                tail.follow(watch);
                tail.cut();
            })?;
            break stopped;
        }
        if clock.looks() {
            running.tree.look();
            watch.tick();
        }
        if !tail.is_behind {
            running.tree.nap();
        }
    };
    let interrupted = running.sweep(&signals, &mut || {
        tail.cut();
    });
    tail.cut();
    // Of too much nobody wants to hear all.
    let told = Instant::now();
    while tail.follow(watch) > 0 && (!tail.was_cut || told.elapsed() < AT_ONCE * 20) {}
    Ok(match ended {
        _ if interrupted => Ended::Interrupted,
        Ended::Exited(_) if tail.was_cut => Ended::TooMuchOutput,
        ended => ended,
    })
}

/// So long output is handed over before we look at the clock again, and at the log: that may take longer than printing.
const AT_ONCE: Duration = Duration::from_millis(50);

/// How often we look who was born, and tell that time passes.
const LOOK: Duration = Duration::from_millis(200);

/// When a task is over.
struct Clock {
    deadline: Option<Instant>,
    idle: Option<Duration>,
    heard: Instant,
    looked: Instant,
}

impl Clock {
    fn new(task: &Task) -> Self {
        let now = Instant::now();
        let deadline = task.timeout.and_then(|timeout| now.checked_add(timeout));
        Self { deadline, idle: task.idle, heard: now, looked: now }
    }

    fn heard(&mut self, bytes: u64) {
        if bytes > 0 {
            self.heard = Instant::now();
        }
    }

    fn over(&self) -> Option<Ended> {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            Some(Ended::TimedOut)
        } else if self.idle.is_some_and(|idle| self.heard.elapsed() >= idle) {
            Some(Ended::Idle)
        } else {
            None
        }
    }

    fn looks(&mut self) -> bool {
        let now = self.looked.elapsed() >= LOOK;
        if now {
            self.looked = Instant::now();
        }
        now
    }
}

/// How long an agent may take over what Ctrl-C means to it: some first write down what they used.
const INTERRUPT_GRACE: Duration = Duration::from_secs(5);

/// What came of waiting for the agent's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    Ended,
    Killed,
    InVain,
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
            Ok(tree) => Ok(Self { child, tree: tree.with_family(), grace: task.grace, interactive: task.interactive }),
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

    /// Asks the agent to end: first as Ctrl-C does, then with TERM, then KILL; a second signal to us kills at once. Returns when it is
    /// gone.
    fn stop(&mut self, signals: &Signals, meanwhile: &mut dyn FnMut()) -> Result<()> {
        self.tree.look();
        if !self.interactive {
            self.tree.interrupt();
            if self.wait(self.grace.min(INTERRUPT_GRACE), signals, meanwhile)? != Waited::InVain {
                return Ok(());
            }
        }
        self.ask();
        if self.wait(self.grace, signals, meanwhile)? == Waited::InVain {
            self.kill()?;
        }
        Ok(())
    }

    /// Waits for the agent's own end; a signal to us meanwhile ends it at once.
    fn wait(&mut self, most: Duration, signals: &Signals, meanwhile: &mut dyn FnMut()) -> Result<Waited> {
        let deadline = Instant::now() + most;
        while self.child.try_wait().context("could not wait for the agent")?.is_none() {
            if signals.take() {
                self.kill()?;
                return Ok(Waited::Killed);
            }
            if Instant::now() >= deadline {
                return Ok(Waited::InVain);
            }
            meanwhile();
            self.tree.nap();
        }
        Ok(Waited::Ended)
    }

    fn kill(&mut self) -> Result<()> {
        self.tree.kill();
        drop(self.child.kill());
        self.child.wait().context("could not wait for the agent").map(drop)
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
    fn sweep(&self, signals: &Signals, meanwhile: &mut dyn FnMut()) -> bool {
        self.tree.end(self.grace, Some(signals), meanwhile) || signals.take()
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
        .hint("see what runs with: git chant list --status in_progress")
        .into())
}

/// Reads what others append to a file.
struct Tail<'a> {
    file: &'a File,
    position: u64,
    /// Nobody reads beyond it.
    limit: u64,
    was_cut: bool,
    /// There was more than could be handed over at once.
    is_behind: bool,
    buffer: Vec<u8>,
}

impl<'a> Tail<'a> {
    fn at_end(file: &'a File, most: Option<u64>) -> Result<Self> {
        let position = file.metadata().context("could not read the log")?.len();
        let limit = most.map_or(u64::MAX, |most| position.saturating_add(most));
        Ok(Self { file, position, limit, was_cut: false, is_behind: false, buffer: vec![0; 16 * 1024] })
    }

    /// Takes away what was written beyond the limit, now and as long as its writer lives: it may be gigabytes. True where there was any.
    fn cut(&mut self) -> bool {
        let beyond = self.file.metadata().is_ok_and(|metadata| metadata.len() > self.limit);
        if beyond {
            // What stays is merely more than was asked for.
            drop(self.file.set_len(self.limit));
        }
        self.was_cut |= beyond;
        beyond
    }

    /// Hands over what is new, and says how much that is. A log that cannot be read is not worth the agent's life: what is missed now is in the file.
    fn follow(&mut self, watch: &mut dyn Watch) -> u64 {
        // Only up to the end that it has now: an agent that writes without end must not keep us from looking at the clock.
        let Ok(end) = self.file.metadata().map(|metadata| metadata.len()) else { return 0 };
        let (before, end, began) = (self.position, end.min(self.limit), Instant::now());
        while self.position < end && (self.position == before || began.elapsed() < AT_ONCE) {
            let most = usize::try_from(end - self.position).unwrap_or(usize::MAX).min(self.buffer.len());
            match self.file.read_at(&mut self.buffer[..most], self.position) {
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    self.position += count as u64;
                    watch.output(&self.buffer[..count]);
                }
            }
        }
        self.is_behind = self.position < end;
        self.position - before
    }
}
