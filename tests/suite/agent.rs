//! Agents that hang, refuse to end, leave children behind or lose their git-chant.
#![allow(clippy::unwrap_used)]

use git_chant::agent::process::{end_group, run};
use git_chant::agent::{Ended, Liveness, RunDir, Task};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than any test may take; only what must not be waited for is this long.
const LONG: Duration = Duration::from_secs(1000);
const SHORT: Duration = Duration::from_millis(300);

fn task(run_dir: &RunDir, cwd: &Path, script: &str) -> Task {
    if !run_dir.prompt_path().exists() {
        run_dir.set_prompt(b"the prompt\n").unwrap();
    }
    Task {
        program: "sh".into(),
        args: vec!["-c".into(), script.into()],
        cwd: cwd.to_owned(),
        env: vec![("CHANT_RUN_ID".into(), run_dir.run_id().into())],
        prompt_file: run_dir.prompt_path(),
        log: run_dir.open_log().unwrap(),
        group_file: Some(run_dir.group_path()),
        timeout: None,
        idle: None,
        max_output: None,
        grace: LONG,
        interactive: false,
    }
}

/// A directory to work in, and a run with an id that no other test has: leftovers are found by it.
fn fixture() -> (tempfile::TempDir, RunDir) {
    let dir = super::common::scratch();
    let name = dir.path().file_name().unwrap().to_str().unwrap();
    let run_dir = RunDir::create(dir.path(), &format!("run{name}"), "001-x").unwrap();
    (dir, run_dir)
}

fn run_quietly(task: Task) -> (Ended, String) {
    let mut said = Vec::new();
    let ended = run(task, &mut |bytes| said.extend_from_slice(bytes)).unwrap();
    (ended, String::from_utf8(said).unwrap())
}

pub(super) fn is_dead(pid: &str) -> bool {
    let pid = pid.trim().parse().ok().and_then(Pid::from_raw).unwrap();
    // Where nobody reaps orphans a killed one stays as a zombie.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).unwrap_or_default();
    test_kill_process(pid).is_err() || stat.contains(") Z ")
}

/// True when nothing holds the log any more. A child that another test's thread has just forked holds all our files until its exec.
fn is_free(run_dir: &RunDir) -> bool {
    let log = run_dir.open_log().unwrap();
    wait_until(|| log.try_lock().is_ok());
    true
}

#[test]
fn the_prompt_is_on_stdin_and_all_output_is_in_the_log() {
    let (dir, run_dir) = fixture();
    let (ended, said) = run_quietly(task(&run_dir, dir.path(), "cat; echo err >&2; pwd; echo $PWD; exit 3"));
    let here = dir.path().canonicalize().unwrap();
    assert_eq!(ended, Ended::Exited(3));
    assert_eq!(said, format!("the prompt\nerr\n{}\n{}\n", here.display(), dir.path().display()));
    assert_eq!(std::fs::read_to_string(run_dir.log_path()).unwrap(), said);
    assert!(run_dir.group().is_some() && is_free(&run_dir));
}

#[test]
fn a_second_run_appends_and_hands_over_only_its_own() {
    let (dir, run_dir) = fixture();
    assert_eq!(run_quietly(task(&run_dir, dir.path(), "echo one")).1, "one\n");
    assert_eq!(run_quietly(task(&run_dir, dir.path(), "echo two")).1, "two\n");
    assert_eq!(std::fs::read_to_string(run_dir.log_path()).unwrap(), "one\ntwo\n");
}

#[test]
fn output_is_followed_while_the_agent_runs() {
    let (dir, run_dir) = fixture();
    let fifo = dir.path().join("go");
    let mut said = String::new();
    let task = task(&run_dir, dir.path(), "mkfifo go; echo one; read word < go; echo $word");
    let ended = run(task, &mut |bytes| {
        said.push_str(std::str::from_utf8(bytes).unwrap());
        if said == "one\n" {
            // Blocks until the agent reads: it is alive, and we have its first words.
            std::fs::write(&fifo, "two\n").unwrap();
        }
    });
    assert_eq!((ended.unwrap(), said.as_str()), (Ended::Exited(0), "one\ntwo\n"));
}

#[test]
fn much_output_arrives_whole() {
    let (dir, run_dir) = fixture();
    let (ended, said) = run_quietly(task(&run_dir, dir.path(), "head -c 3000000 /dev/zero | tr '\\0' x"));
    assert_eq!((ended, said.len()), (Ended::Exited(0), 3_000_000));
}

#[test]
fn an_agent_that_hangs_is_ended() {
    let (dir, run_dir) = fixture();
    let started = Instant::now();
    let (ended, said) = run_quietly(Task { timeout: Some(SHORT), ..task(&run_dir, dir.path(), "echo on it; sleep 1000") });
    assert_eq!((ended, said.as_str()), (Ended::TimedOut, "on it\n"));
    assert!(started.elapsed() < LONG / 10 && is_free(&run_dir));
}

#[test]
fn an_agent_that_ignores_term_is_killed() {
    let (dir, run_dir) = fixture();
    let script = "trap '' TERM; echo $$; while :; do sleep 1000; done";
    let (ended, said) = run_quietly(Task { timeout: Some(SHORT), grace: SHORT, ..task(&run_dir, dir.path(), script) });
    assert_eq!(ended, Ended::TimedOut);
    assert!(is_dead(&said) && is_free(&run_dir));
}

#[test]
fn an_agent_that_was_stopped_hears_the_request() {
    let (dir, run_dir) = fixture();
    let started = Instant::now();
    let (ended, _) = run_quietly(Task { timeout: Some(SHORT), ..task(&run_dir, dir.path(), "kill -STOP $$; sleep 1000") });
    assert_eq!(ended, Ended::TimedOut);
    assert!(started.elapsed() < LONG / 10);
}

#[test]
fn what_an_agent_leaves_in_its_group_is_ended() {
    let (dir, run_dir) = fixture();
    let (ended, said) = run_quietly(task(&run_dir, dir.path(), "sleep 1000 & echo $!"));
    assert_eq!(ended, Ended::Exited(0));
    assert!(is_dead(&said) && is_free(&run_dir));
}

#[test]
fn leftovers_that_ignore_term_are_killed() {
    let (dir, run_dir) = fixture();
    let script = "trap '' TERM; sleep 1000 & echo $!";
    let (ended, said) = run_quietly(Task { grace: SHORT, ..task(&run_dir, dir.path(), script) });
    assert_eq!(ended, Ended::Exited(0));
    assert!(is_dead(&said) && is_free(&run_dir));
}

#[test]
#[cfg(target_os = "linux")]
fn what_left_the_group_is_found_by_its_mark() {
    let (dir, run_dir) = fixture();
    let script = "mkfifo up; setsid sh -c 'echo $$; : > up; sleep 1000' & read word < up; exit 0";
    let (ended, said) = run_quietly(task(&run_dir, dir.path(), script));
    assert_eq!(ended, Ended::Exited(0));
    assert!(is_dead(&said) && is_free(&run_dir));
}

#[test]
fn an_agent_without_a_word_is_ended() {
    let (dir, run_dir) = fixture();
    let started = Instant::now();
    let script = "for i in 1 2 3; do echo $i; sleep 0.1; done; sleep 1000";
    let (ended, said) = run_quietly(Task { idle: Some(SHORT * 3), ..task(&run_dir, dir.path(), script) });
    assert_eq!((ended, said.as_str()), (Ended::Idle, "1\n2\n3\n"));
    assert!(started.elapsed() < LONG / 10);
}

#[test]
fn an_agent_that_prints_without_end_is_ended() {
    let (dir, run_dir) = fixture();
    let (ended, said) = run_quietly(Task { max_output: Some(100_000), ..task(&run_dir, dir.path(), "yes") });
    assert_eq!(ended, Ended::TooMuchOutput);
    let log = std::fs::metadata(run_dir.log_path()).unwrap().len();
    assert!((said.len(), log) == (100_000, 100_000) && is_free(&run_dir));
}

#[test]
fn an_agent_may_end_its_tools_itself_when_it_is_interrupted() {
    let (dir, run_dir) = fixture();
    let script = "trap 'echo used 3; exit 0' INT; trap 'echo late' TERM; echo on; while :; do sleep 0.05; done";
    let (ended, said) = run_quietly(Task { timeout: Some(SHORT), ..task(&run_dir, dir.path(), script) });
    assert_eq!((ended, said.as_str()), (Ended::TimedOut, "on\nused 3\n"));
}

#[test]
fn an_agent_that_is_killed_is_no_success() {
    let (dir, run_dir) = fixture();
    assert_eq!(run_quietly(task(&run_dir, dir.path(), "kill -9 $$")).0, Ended::Signalled(9));
}

#[test]
fn what_cannot_start_says_so_and_leaves_the_log_free() {
    let (dir, run_dir) = fixture();
    let missing = Task { program: "no-such-agent-anywhere".into(), ..task(&run_dir, dir.path(), "") };
    assert!(run(missing, &mut |_| {}).unwrap_err().to_string().contains("no-such-agent-anywhere"));
    let nowhere = task(&run_dir, &dir.path().join("gone"), "true");
    assert!(run(nowhere, &mut |_| {}).unwrap_err().to_string().contains("gone"));
    assert!(is_free(&run_dir));
}

#[test]
fn two_agents_never_share_a_log() {
    let (dir, run_dir) = fixture();
    let other = run_dir.open_log().unwrap();
    other.lock().unwrap();
    let error = run(task(&run_dir, dir.path(), "echo never"), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("earlier one"), "{error}");
    assert_eq!(std::fs::read(run_dir.log_path()).unwrap(), b"");
}

#[test]
fn a_persons_shell_keeps_the_run_alive_and_what_it_started() {
    let (dir, run_dir) = fixture();
    let script = "sleep 1000 </dev/null >/dev/null 2>&1 & echo $! > pid; exit 4";
    let (ended, said) = run_quietly(Task { interactive: true, ..task(&run_dir, dir.path(), script) });
    assert_eq!((ended, said.as_str()), (Ended::Exited(4), ""));
    let id = run_dir.run_id().to_owned();
    drop(run_dir);
    let run_dir = RunDir::open(dir.path(), &id).unwrap();
    let pid = std::fs::read_to_string(dir.path().join("pid")).unwrap();
    assert_eq!((run_dir.liveness(), run_dir.group()), (Liveness::Orphaned, None));
    let pid = pid.trim().parse().ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    wait_until(|| run_dir.liveness() == Liveness::Dead);
}

/// For what nobody tells us: that the kernel has let go of a process that is not our child.
fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "it never came true");
        std::thread::yield_now();
    }
}

// A git-chant that is signalled or killed has to be a process of its own: this test binary again, told to run the next test only.

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
    let run_dir = RunDir::create(dir, &format!("run{id}"), "001-x").unwrap();
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
        let dir = super::common::scratch();
        let name = format!("{}::a_process_of_its_own_says_how_its_agent_ended", module_path!().split_once("::").unwrap().1);
        let mut command = Command::new("sh");
        command.arg("-c").arg(how).arg(std::env::current_exe().unwrap()).args([&name, "--exact", "--nocapture"]);
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
    assert_eq!(run_dir.liveness(), Liveness::Orphaned);
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
