//! A git-chant that is signalled or killed has to be a process of its own: this test binary again, told to run the first test only.

use super::{LONG, is_dead, made, task, wait_until};
use git_chant::agent::process::{end_group, run};
use git_chant::agent::{Liveness, RunDir};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

#[test]
fn a_process_of_its_own_says_how_its_agent_ended() {
    if let (Ok(dir), Ok(script)) = (std::env::var("TEST_DIR"), std::env::var("TEST_SCRIPT")) {
        return be_helper(Path::new(&dir), &script);
    }
    let mut helper = Helper::start("echo begun; exit 3");
    helper.until("begun");
    assert_eq!(helper.until("ended: "), "ended: Exited(3)");
}

/// Runs the agent script and says how it ended; a line on standard input ends it afterwards.
fn be_helper(dir: &Path, script: &str) {
    let id = dir.file_name().unwrap().to_str().unwrap().trim_start_matches('.');
    let run_dir = made(dir, &format!("run{id}"));
    let mut out = std::io::stdout();
    let ended = run(task(&run_dir, dir, script), &mut |bytes| {
        out.write_all(bytes).unwrap();
        out.flush().unwrap();
    });
    writeln!(out, "ended: {:?}", ended.unwrap()).unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

struct Helper {
    dir: tempfile::TempDir,
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Helper {
    fn start(script: &str) -> Self {
        Self::start_by(script, "exec \"$0\" \"$@\"")
    }

    /// Starts it through a shell that runs `how` first.
    fn start_by(script: &str, how: &str) -> Self {
        crate::programs::hear_signals();
        let dir = crate::common::scratch();
        let name = format!("{}::a_process_of_its_own_says_how_its_agent_ended", module_path!().split_once("::").unwrap().1);
        let mut command = Command::new("sh");
        command.arg("-c").arg(how).arg(std::env::current_exe().unwrap()).args([&name, "--exact", "--nocapture", "--test-threads=2"]);
        command.env("TEST_DIR", dir.path()).env("TEST_SCRIPT", script).env("GIT_DIR", "/nowhere").env("GITHEAD_abc", "x");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { dir, child, out }
    }

    /// Reads up to a line that has this in it.
    fn until(&mut self, word: &str) -> String {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert_ne!(self.out.read_line(&mut line).unwrap(), 0, "it ended without '{word}'");
        }
        line.trim().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it as nobody can prepare for.
    fn kill(&mut self) -> RunDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        RunDir::list(self.dir.path()).unwrap().pop().unwrap()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn gits_local_variables_do_not_reach_the_agent() {
    let mut helper = Helper::start("echo git=${GIT_DIR-none}${GITHEAD_abc-none}=");
    assert_eq!(helper.until("git="), "git=nonenone=");
}

#[test]
fn a_signal_to_us_ends_the_agent_first() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut helper = Helper::start("echo pid=$$; sleep 1000");
        let pid = helper.until("pid=");
        helper.signal(signal);
        helper.until("ended: Interrupted");
        assert!(is_dead(pid.trim_start_matches("pid=")));
    }
}

#[test]
fn a_second_interrupt_does_not_wait_for_the_grace() {
    let mut helper = Helper::start("trap 'echo asked' INT TERM; echo ready; while :; do sleep 1000 & wait $!; done");
    helper.until("ready");
    helper.signal(Signal::INT);
    helper.until("asked");
    // What comes at once is what git passes on.
    std::thread::sleep(Duration::from_millis(200));
    helper.signal(Signal::INT);
    helper.until("ended: Interrupted");
}

/// In a process of its own: what falls to us while other runs are on cannot be told apart.
#[test]
#[cfg(target_os = "linux")]
fn what_gave_its_mark_and_its_parent_away_is_found_too() {
    let inner = "echo pid $$; : > up; exec /bin/sleep 1000";
    let script = format!("mkfifo up; env -i /bin/sh -c '/usr/bin/setsid /bin/sh -c \"$0\" &' '{inner}'; read word < up; exit 0");
    let mut helper = Helper::start(&script);
    let pid = helper.until("pid ");
    helper.until("ended: Exited(0)");
    assert!(is_dead(pid.trim_start_matches("pid ")), "{pid}");
}

#[test]
fn after_a_run_signals_mean_what_they_did() {
    let mut helper = Helper::start("true");
    helper.until("ended: Exited(0)");
    helper.signal(Signal::TERM);
    let status = helper.child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15));
}

#[test]
#[cfg(target_os = "linux")]
fn nohup_is_respected() {
    let mut helper = Helper::start_by("mkfifo go; echo ready; read word < go; exit 7", "trap '' HUP; exec \"$0\" \"$@\"");
    helper.until("ready");
    helper.signal(Signal::HUP);
    std::fs::write(helper.dir.path().join("go"), "on\n").unwrap();
    helper.until("ended: Exited(7)");
}

#[test]
fn an_agent_whose_git_chant_was_killed_is_seen_and_ended() {
    let mut helper = Helper::start("mkfifo go; echo ready; read word < go; echo still here; echo said > said; sleep 1000");
    helper.until("ready");
    assert_eq!(RunDir::list(helper.dir.path()).unwrap()[0].liveness(), Liveness::Working);
    let run_dir = helper.kill();
    wait_until(|| run_dir.liveness() == Liveness::Orphaned);
    assert_eq!(run_dir.spec_id().as_deref(), Some("001-x"));
    // It goes on writing to its log.
    std::fs::write(helper.dir.path().join("go"), "on\n").unwrap();
    wait_until(|| helper.dir.path().join("said").exists());
    let mut log = String::new();
    run_dir.open_log().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(log, "ready\nstill here\n");
    run_dir.end_agent(LONG).unwrap();
    wait_until(|| run_dir.liveness() == Liveness::Dead);
    run_dir.remove().unwrap();
    assert!(RunDir::list(helper.dir.path()).unwrap().is_empty());
}

#[test]
fn an_orphaned_group_can_be_ended_by_its_number() {
    let mut helper = Helper::start("echo ready; sleep 1000");
    helper.until("ready");
    let run_dir = helper.kill();
    end_group(run_dir.group().unwrap(), LONG).unwrap();
    wait_until(|| run_dir.liveness() == Liveness::Dead);
}
