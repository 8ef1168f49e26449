//! Agents that hang, refuse to end, leave children behind or lose their git-chant.
#![allow(clippy::unwrap_used)]

use git_chant::agent::process::run;
use git_chant::agent::run_dir::NewRun;
use git_chant::agent::{Ended, Liveness, RunDir, Task};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::path::Path;
use std::time::{Duration, Instant};

mod alone;

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

/// Runs an agent that is ended by a time of ours, once more with a longer one where the machine was so busy that it had not got as far as
/// to say this.
fn run_until_ended(script: &str, says: &str, limit: impl Fn(Duration, Task) -> Task) -> (Ended, String) {
    for time in [SHORT, SHORT * 10, SHORT * 100] {
        let (dir, run_dir) = fixture();
        let started = Instant::now();
        let (ended, said) = run_quietly(limit(time, task(&run_dir, dir.path(), script)));
        if said.contains(says) {
            assert!(started.elapsed() < LONG / 2 && is_free(&run_dir));
            return (ended, said);
        }
    }
    panic!("it never said {says:?}");
}

/// A directory to work in, and a run with an id that no other test has: leftovers are found by it.
fn fixture() -> (tempfile::TempDir, RunDir) {
    super::programs::hear_signals();
    let dir = super::common::scratch();
    let name = dir.path().file_name().unwrap().to_str().unwrap();
    let run_dir = made(dir.path(), &format!("run{name}"));
    (dir, run_dir)
}

fn run_quietly(task: Task) -> (Ended, String) {
    let mut said = Vec::new();
    let ended = run(task, &mut |bytes| said.extend_from_slice(bytes)).unwrap();
    (ended, String::from_utf8(said).unwrap())
}

fn made(common_dir: &Path, run_id: &str) -> RunDir {
    RunDir::create_within(common_dir, &NewRun { run_id, spec_id: "001-x", agent: "robin", most: None }).unwrap().unwrap()
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
    let (ended, said) = run_until_ended("echo on it; sleep 1000", "on it", |time, task| Task { timeout: Some(time), ..task });
    assert_eq!((ended, said.as_str()), (Ended::TimedOut, "on it\n"));
}

#[test]
fn an_agent_that_ignores_term_is_killed() {
    let script = "trap '' INT TERM; echo $$; while :; do sleep 1000; done";
    let (ended, said) = run_until_ended(script, "\n", |time, task| Task { timeout: Some(time), grace: SHORT, ..task });
    assert_eq!(ended, Ended::TimedOut);
    assert!(is_dead(&said));
}

#[test]
fn an_agent_that_was_stopped_hears_the_request() {
    let (dir, run_dir) = fixture();
    let started = Instant::now();
    let (ended, _) = run_quietly(Task { timeout: Some(SHORT), ..task(&run_dir, dir.path(), "kill -STOP $$; sleep 1000") });
    assert_eq!(ended, Ended::TimedOut);
    assert!(started.elapsed() < LONG / 2);
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
    let script = "for i in 1 2 3; do echo $i; sleep 0.1; done; sleep 1000";
    let (ended, said) = run_until_ended(script, "3\n", |time, task| Task { idle: Some(time * 3), ..task });
    assert_eq!((ended, said.as_str()), (Ended::Idle, "1\n2\n3\n"));
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
fn what_is_printed_counts_and_not_what_was_read_of_it() {
    let (dir, run_dir) = fixture();
    let log = run_dir.log_path();
    let mut times = 0;
    // Whoever hears it is slow.
    let task = Task { max_output: Some(100_000), ..task(&run_dir, dir.path(), "head -c 1000000 /dev/zero; sleep 1000") };
    let ended = run(task, &mut |_| {
        times += 1;
        match times {
            1 => std::thread::sleep(SHORT),
            _ => assert!(std::fs::metadata(&log).unwrap().len() <= 100_000, "it was not looked at meanwhile"),
        }
    });
    assert_eq!(ended.unwrap(), Ended::TooMuchOutput);
}

#[test]
fn one_that_will_not_end_fills_no_disk_meanwhile() {
    let (dir, run_dir) = fixture();
    let cut = "head -c 1000000 /dev/zero; until [ $(stat -c %s \"$0\") -le 100000 ]; do sleep 0.01; done";
    let script = format!("trap '' INT TERM; {cut}; {cut}; exit 0");
    let task = task(&run_dir, dir.path(), "");
    let args = vec!["-c".into(), script.into(), run_dir.log_path().into()];
    assert_eq!(run_quietly(Task { args, max_output: Some(100_000), ..task }).0, Ended::TooMuchOutput);
    assert_eq!(std::fs::metadata(run_dir.log_path()).unwrap().len(), 100_000);
}

#[test]
fn too_much_is_too_much_also_of_one_that_ended_by_itself() {
    let (dir, run_dir) = fixture();
    let (ended, said) = run_quietly(Task { max_output: Some(100_000), ..task(&run_dir, dir.path(), "head -c 100001 /dev/zero") });
    assert_eq!((ended, said.len()), (Ended::TooMuchOutput, 100_000));
    let (ended, said) = run_quietly(Task { max_output: Some(100_000), ..task(&run_dir, dir.path(), "head -c 100000 /dev/zero") });
    assert_eq!((ended, said.len()), (Ended::Exited(0), 100_000));
}

#[test]
fn an_agent_may_end_its_tools_itself_when_it_is_interrupted() {
    let script = "trap 'echo used 3; exit 0' INT; trap 'echo late' TERM; echo on; while :; do sleep 0.05; done";
    let (ended, said) = run_until_ended(script, "on\n", |time, task| Task { timeout: Some(time), ..task });
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
    // Ours is gone once no other test's thread is between fork and exec.
    wait_until(|| run_dir.liveness() == Liveness::Orphaned);
    assert_eq!(run_dir.group(), None);
    let pid = pid.trim().parse().ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    wait_until(|| run_dir.liveness() == Liveness::Dead);
}

/// For what nobody tells us: that the kernel has let go of a process that is not our child.
fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "it never came true");
        std::thread::sleep(Duration::from_millis(1));
    }
}
