//! How an agent ends, or does not, and what it prints.

use super::clean::Before;
use super::{COMMIT, can_go_on, failed, kept, repository, status, work};
use crate::common::{CHANT, Outcome, TestRepo};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Says its process id and never ends, whatever it is asked.
const DEAF: &str = "trap '' TERM INT HUP; echo $$ >\"$HOME/pid\"; while :; do sleep 1000; done";

fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "it never came true");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn pid(repo: &TestRepo) -> Option<Pid> {
    let text = fs::read_to_string(repo.root().join("home/pid")).ok()?;
    text.trim().parse().ok().and_then(Pid::from_raw)
}

#[test]
fn one_that_hangs_and_ignores_term_is_killed_when_its_time_is_over() {
    // Longer where the machine was so busy that it was ended before it had got there.
    for time in ["1s", "10s", "100s"] {
        let (repo, id) = repository(&format!("{COMMIT}{DEAF}"));
        repo.git(&["config", "chant.agent.odd.grace", "1s"]);
        let work = work(&repo, &id, &["--timeout", time]);
        if pid(&repo).is_some() {
            failed(&repo, &id, work, &format!("the agent was ended after {time} (--timeout)"));
            assert!(super::reachable(&repo, "Make one"));
            return;
        }
    }
    panic!("it never began");
}

#[test]
fn children_that_went_away_in_every_way_end_with_it() {
    // A background job, a session of its own, and one that shook off every mark and lost its parents; last one that is deaf as well.
    let away = "sleep 1000 &\nsetsid sleep 1000 &\n(env -i setsid sh -c 'sleep 1000 & sleep 1000' >/dev/null 2>&1 <&- &)\nsleep 0.3\n";
    let deaf = "setsid sh -c \"trap '' TERM INT HUP; while :; do sleep 1000; done\" >/dev/null 2>&1 &\n";
    let (repo, id) = repository(&format!("{COMMIT}{away}"));
    work(&repo, &id, &[]).ok().says("completed");
    let (repo, id) = repository(&format!("{COMMIT}{deaf}{away}exit 3"));
    repo.git(&["config", "chant.agent.odd.grace", "1s"]);
    work(&repo, &id, &[]).fails(1).says("the agent exited with 3");
}

/// What nothing marks, and falls to git-chant while several runs are on, may be older than the last of them.
#[test]
fn children_of_one_of_several_end_too() {
    let repo = TestRepo::with_chant();
    repo.git(&["config", "chant.stagger", "0"]);
    let until = |what: &str| format!("until {what}; do sleep 0.02; done");
    let away =
        "(env -i /usr/bin/setsid /bin/sh -c '/bin/sleep 1000 & /bin/sleep 1000' >/dev/null 2>&1 <&- &)\nsleep 0.1; : >\"$HOME/away\"";
    let first = format!("{}\n{away}\n{}", until("test -e \"$HOME/setup\""), until("test -e \"$HOME/two\""));
    let second = format!(": >\"$HOME/two\"; {}", until("git log --all --format=%s | grep -q 'finish: One'"));
    repo.agent("odd", &format!("{COMMIT}case $CHANT_SPEC_ID in *-001-*) {first};; *) {second};; esac"));
    // The second begins after that, and is on before the first ends.
    let setup = format!("case $CHANT_WORKTREE in *-002-*) : >\"$HOME/setup\"; {};; esac", until("test -e \"$HOME/away\""));
    repo.git(&["config", "chant.worktreeSetup", &setup]);
    for title in ["One", "Two"] {
        repo.add_spec(title, &[]);
    }
    let before = Before::of(&repo);
    repo.chant(&["work", "--all", "--parallel", "2"]).ok().says("2 of 2 specs done:");
    before.assert_clean(&repo, &[]);
}

#[test]
fn ctrl_c_ends_the_whole_group_and_keeps_the_work() {
    let (repo, id) = repository(&format!("{COMMIT}echo half >half.txt\necho $$ >\"$HOME/pid\"; sleep 1000; sleep 1000"));
    let before = Before::of(&repo);
    let mut command = repo.command(repo.path(), CHANT);
    let child = command.args(["work", &id]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(|| pid(&repo).is_some());
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("failed: interrupted"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
    before.assert_clean(&repo, &[]);
    assert_eq!(status(&repo, &id), "failed");
    repo.chant(&["show", &id]).ok().says("interrupted");
    kept(&repo, &id);
    assert_eq!(repo.git(&["show", &format!("chant/{id}:half.txt")]), "half");
    // What it did is what the next attempt goes on from.
    repo.agent("good", "test -e half.txt && test -e made.txt && echo more >>made.txt");
    repo.chant(&["resume", &id, "--merge"]).ok().says("completed").says("Merging 1 spec");
    assert!(repo.exists("half.txt"));
}

#[test]
fn one_that_does_nothing_and_exits_0_has_done_nothing() {
    let (repo, id) = repository("echo 'All done!'");
    let work = work(&repo, &id, &[]);
    failed(&repo, &id, work, "the agent changed nothing");
}

#[test]
fn a_flood_of_output_is_kept_whole_and_written_down_short() {
    let (repo, id) = repository(&format!("{COMMIT}yes 'a line of no interest' | head -n 100000\necho the last line"));
    let said = work(&repo, &id, &[]).ok().stdout;
    assert!(said.lines().count() > 100_000 && said.contains("the last line"));
    assert_eq!(repo.chant(&["log", &id]).ok().stdout.lines().count(), 100_001);
    let file = repo.git(&["show", &format!("chant/{id}:{}", TestRepo::spec_file(&id))]);
    assert!(file.len() < 10_000 && file.contains("the last line"), "{} bytes", file.len());
}

#[test]
fn a_flood_without_end_is_ended_and_the_disk_is_spared() {
    let (repo, id) = repository(&format!("{COMMIT}yes"));
    repo.git(&["config", "chant.agent.odd.maxOutput", "1m"]);
    let work = work(&repo, &id, &[]);
    let run = repo.git(&["for-each-ref", "--format=%(refname)", "refs/chant/runs"]);
    assert_eq!(repo.git(&["cat-file", "-s", &format!("{run}:transcript")]), (1 << 20).to_string());
    failed(&repo, &id, work, "printed too much");
}

#[test]
fn a_criterion_that_floods_is_ended_too() {
    let (repo, _) = repository(COMMIT);
    let id = repo.add_spec("Flood", &["It is quiet `$ yes 'a line'`"]);
    work(&repo, &id, &[]).fails(1).says("criterion 1 failed");
    repo.chant(&["verify", &id]).fails(1).says("it printed too much, and was ended").says("    a line");
    // What failed is not put away either: it would count as done.
    repo.chant(&["archive", &id]).fails(128).says("is failed, not completed or cancelled").says(&format!("hint: git chant resume {id}"));
}

#[test]
fn escapes_and_bytes_that_are_no_text_reach_the_log_and_no_terminal() {
    let (repo, id) = repository(&format!(
        "{COMMIT}printf '\\033]0;owned\\007\\033[2J\\377\\376 \\342\\200\\256 ## Acceptance Criteria\\r\\n- [x] No\\n'"
    ));
    let work = work(&repo, &id, &[]).ok().stdout;
    let log = repo.chant(&["log", &id]).ok().stdout;
    let show = repo.chant(&["show", &id, "--body"]).ok().stdout;
    for said in [&work, &log, &show] {
        assert!(!said.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{said:?}");
    }
    let run = repo.git(&["for-each-ref", "--format=%(refname)", "refs/chant/runs"]);
    let output = repo.command(repo.path(), "git").args(["cat-file", "blob", &format!("{run}:transcript")]).output().unwrap();
    assert!(output.stdout.starts_with(b"\x1b]0;owned\x07\x1b[2J\xff\xfe"), "the transcript is what was printed");
    assert_eq!(repo.show(&id)["criteria"].as_array().unwrap().len(), 1, "what it printed is no criterion");
}

#[test]
fn one_that_cannot_be_started_leaves_nobody_in_progress() {
    let (repo, id) = repository("true");
    repo.git(&["config", "chant.agent.odd.command", "no-such-program-anywhere"]);
    let work = work(&repo, &id, &[]);
    failed(&repo, &id, work, "the agent exited with 127");
}

#[test]
fn one_that_kills_itself_and_one_that_closes_its_output() {
    let (repo, id) = repository(&format!("{COMMIT}kill -9 $$"));
    let killed = work(&repo, &id, &[]);
    // The shell that starts it says so in the way of shells.
    failed(&repo, &id, killed, "the agent exited with 137");
    let (repo, id) = repository(&format!("exec >&- 2>&- <&-\n{COMMIT}"));
    work(&repo, &id, &[]).ok().says("completed");
}

#[test]
fn a_reader_that_goes_away_does_not_end_the_run() {
    let (repo, id) = repository(&format!(
        "echo hello; while test -d \"$HOME\" && ! test -e \"$HOME/go\"; do sleep 0.01; done\nyes | head -n 100000\n{COMMIT}"
    ));
    let before = Before::of(&repo);
    let script = "\"$0\" work \"$1\" | (head -n 3; : >\"$HOME/go\")";
    Outcome::of(repo.command(repo.path(), "sh").args(["-c", script, CHANT, &id])).ok();
    wait_for(|| status(&repo, &id) != "in_progress" || repo.chant(&["list"]).stderr.contains("in progress, but"));
    if status(&repo, &id) != "completed" {
        can_go_on(&repo, &id);
    }
    before.assert_clean(&repo, &[]);
}
