//! Ctrl-C and termination while a run is brought to its end: what is being recorded is not cut, and what hangs can be ended.

use super::agent::is_dead;
use super::common::{CHANT, Outcome, TestRepo};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

/// Says its process id and stays until it may go on.
pub(super) const STAYS: &str = "echo $$ >\"$HOME/pid.new\"; mv \"$HOME/pid.new\" \"$HOME/pid\"; until test -e \"$HOME/go\" || ! test -d \"$HOME\"; do sleep 0.02; done";

fn repository() -> TestRepo {
    let repo = TestRepo::with_chant();
    repo.agent("robin", "echo made >made.txt");
    repo.git(&["config", "chant.stagger", "0"]);
    repo
}

/// Uncommitted work is committed with the hooks of the project: this one takes its time there.
fn slow_hook(repo: &TestRepo) {
    repo.chant(&["hooks", "uninstall"]).ok();
    repo.script(repo.git_dir().join("hooks/pre-commit"), &format!("[ \"$(git branch --show-current)\" = main ] && exit\n{STAYS}"));
}

pub(super) fn flag(repo: &TestRepo, name: &str) -> PathBuf {
    repo.root().join("home").join(name)
}

#[track_caller]
fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "it never came true");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A git-chant in a group of its own, as a shell would start it.
pub(super) struct Stuck {
    pub(super) child: Child,
    said: BufReader<ChildStderr>,
    /// The process of what [`STAYS`].
    pub(super) stays: String,
}

impl Stuck {
    /// One that has come to what [`STAYS`].
    pub(super) fn start(repo: &TestRepo, args: &[&str]) -> Self {
        drop(std::fs::remove_file(flag(repo, "pid")));
        drop(std::fs::remove_file(flag(repo, "go")));
        let begun = Self::begin(repo, args);
        wait_for(|| flag(repo, "pid").exists());
        let stays = std::fs::read_to_string(flag(repo, "pid")).unwrap();
        Self { stays, ..begun }
    }

    /// One that does whatever it does.
    pub(super) fn begin(repo: &TestRepo, args: &[&str]) -> Self {
        let mut command = repo.command(repo.path(), CHANT);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Self { child, said, stays: String::new() }
    }

    /// A terminal tells everybody in its foreground group; git, whose child `git chant` is, passes it on.
    fn ctrl_c(&self) {
        kill_process_group(Pid::from_child(&self.child), Signal::INT).unwrap();
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// Waits until it says this; the line.
    #[track_caller]
    pub(super) fn until(&mut self, text: &str) -> String {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(self.said.read_line(&mut line).unwrap() > 0, "it never said {text:?}");
        }
        line
    }

    pub(super) fn end(mut self) -> Outcome {
        let mut stderr = String::new();
        self.said.read_to_string(&mut stderr).unwrap();
        let mut outcome = Outcome { code: 0, stdout: String::new(), stderr };
        self.child.stdout.take().unwrap().read_to_string(&mut outcome.stdout).unwrap();
        let status = self.child.wait().unwrap();
        outcome.code = status.code().unwrap_or_else(|| 1000 + std::os::unix::process::ExitStatusExt::signal(&status).unwrap());
        outcome
    }
}

#[test]
fn what_is_being_recorded_is_finished_first() {
    let repo = repository();
    slow_hook(&repo);
    for (title, args) in [("One", &["work", "001", "--merge"][..]), ("All", &["work", "--all", "--merge"])] {
        let id = repo.add_spec(title, &[]);
        let mut stuck = Stuck::start(&repo, args);
        stuck.ctrl_c();
        stuck.until("Finishing what is being recorded; Ctrl-C again ends git-chant at once.");
        std::fs::write(flag(&repo, "go"), "").unwrap();
        stuck.end().ok().says(&format!("{id} completed"));
        assert_eq!(repo.git(&["log", "-1", "--format=%s", "main"]), format!("chant({id}): merge {title}"));
        repo.agent("robin", "echo more >>made.txt");
    }
}

#[test]
fn asked_again_it_ends_at_once_and_the_next_command_goes_on() {
    let repo = repository();
    slow_hook(&repo);
    let id = repo.add_spec("One", &[]);
    for (signal, number) in [(Signal::TERM, 15), (Signal::INT, 2)] {
        let mut stuck = Stuck::start(&repo, if number == 15 { &["work", "001"] } else { &["resume", "001"] });
        let tell = |stuck: &Stuck| kill_process(Pid::from_child(&stuck.child), signal).unwrap();
        tell(&stuck);
        stuck.until("Finishing");
        // So soon after the first it may be taken for the same.
        while stuck.child.try_wait().unwrap().is_none() {
            tell(&stuck);
            std::thread::sleep(Duration::from_millis(20));
        }
        let hook = stuck.stays.clone();
        stuck.end().fails(1000 + number);
        // Nobody waits for the hook any more: it ends too.
        wait_for(|| is_dead(&hook));
        repo.chant(&["list"]).ok().says(&format!("git chant resume {id}"));
    }
    std::fs::write(flag(&repo, "go"), "").unwrap();
    repo.chant(&["resume", "001", "--merge"]).ok().says("Merged.");
    assert_eq!(repo.read("made.txt"), "made\n");
    repo.assert_no_locks();
}

#[test]
fn a_criterion_that_hangs_is_ended_by_the_first() {
    let repo = repository();
    let id = repo.add_spec("One", &[&format!("It holds `$ {STAYS}`")]);
    for (signal, args) in [(Signal::INT, ["work", "001"]), (Signal::TERM, ["resume", "001"])] {
        let mut stuck = Stuck::start(&repo, &args);
        kill_process(Pid::from_child(&stuck.child), signal).unwrap();
        stuck.until("Asked what runs to end; Ctrl-C again kills it.");
        let criterion = stuck.stays.clone();
        stuck.end().fails(1).says(&format!("✗ {id} failed: its criteria could not be checked: interrupted"));
        assert!(is_dead(&criterion));
    }
    repo.git(&["config", "chant.retryDelay", "0"]);
    std::fs::write(flag(&repo, "go"), "").unwrap();
    repo.chant(&["finalize", "001"]).ok();
    assert_eq!(repo.show(&id)["status"], "completed");
}
