//! Many specs in one command: several at once, in the order of their dependencies, stopped and summed up.

use super::common::{CHANT, Outcome, TestRepo};
use rustix::process::{Pid, Signal, kill_process};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Makes a file named after the spec, and commits it.
const MAKE: &str = "echo \"$CHANT_SPEC_ID\" >\"made-$CHANT_SPEC_ID.txt\"; git add made-*; git commit -q -m 'Make it'\n";

/// Waits until this many agents are there at once; ends with 9 where they never are.
fn together(count: usize) -> String {
    format!(
        "there=$(git rev-parse --git-common-dir)/there; mkdir -p \"$there\"; : >\"$there/$CHANT_SPEC_ID\"\n\
         for _ in $(seq 6000); do [ \"$(ls \"$there\" | wc -l)\" -ge {count} ] && break; sleep 0.05; done\n\
         [ \"$(ls \"$there\" | wc -l)\" -ge {count} ] || exit 9\n{MAKE}"
    )
}

fn repository(agent: &str) -> TestRepo {
    let repo = TestRepo::with_chant();
    repo.agent("robin", agent);
    repo.git(&["config", "chant.stagger", "0"]);
    repo
}

fn status(repo: &TestRepo, id: &str) -> String {
    repo.show(id)["status"].as_str().unwrap().to_owned()
}

#[test]
fn several_at_once() {
    let repo = repository(&together(3));
    let ids = ["One", "Two", "Three"].map(|title| repo.add_spec(title, &[]));
    let before = repo.snapshot();
    let worked = repo.chant(&["work", "--parallel", "001", "002", "003"]).ok().says("3 of 3 specs done:");
    for id in &ids {
        worked.clone().says(&format!("[{id}] ✓ {id} completed")).says(&format!("\n✓ {id} completed ("));
        assert_eq!(status(&repo, id), "completed");
    }
    assert!(!worked.stderr.contains("warning"), "{worked}");
    before.assert_same(&repo.snapshot());
    repo.chant(&["merge", "--all"]).ok().says("All specs merged.");
    assert_eq!(repo.git(&["ls-files", "made-*"]).lines().count(), 3);
    repo.assert_no_locks();
}

#[test]
fn what_becomes_ready_is_picked_up_in_order() {
    let repo = repository(&format!("ls made-* 2>/dev/null | sed 's/^/sees /'\n{MAKE}"));
    let first = repo.add_spec("First", &[]);
    let second = repo.add_spec_with("Second", &[], &["--depends-on", &first]);
    let third = repo.add_spec_with("Third", &[], &["--depends-on", &second]);
    repo.chant(&["work", "--all", "--parallel", "4"])
        .ok()
        .says("3 of 3 specs done:")
        .says(&format!("[{second}] sees made-{first}.txt"))
        .says(&format!("[{third}] sees made-{second}.txt"));
    repo.chant(&["work", "--all"]).ok().says("Nothing is ready.");
}

#[test]
fn a_failure_stops_what_depends_on_it_and_a_chain_altogether() {
    let repo = repository(&format!("case $(cat \"$CHANT_SPEC_FILE\") in *Fail*) exit 3;; esac\n{MAKE}"));
    let fails = repo.add_spec("Fail", &[]);
    let waits = repo.add_spec_with("Wait", &[], &["--depends-on", &fails]);
    let works = repo.add_spec("Work", &[]);
    repo.chant(&["work", &waits, &works, &fails])
        .fails(1)
        .says("1 of 3 specs done:")
        .says(&format!("✗ {fails} failed: the agent exited with 3 ("))
        .says(&format!("✗ {waits} not started: depends on {fails}, which is failed"))
        .says(&format!("✓ {works} completed ("));
    let (again, after) = (repo.add_spec("Fail again", &[]), repo.add_spec("After", &[]));
    repo.chant(&["work", "--chain"]).fails(1).says("0 of 1 spec done:").says(&again);
    assert_eq!(status(&repo, &after), "ready");
    repo.chant(&["work", "--chain", "--max", "1"]).ok().says("1 of 1 spec done:").says(&after);
}

#[test]
fn labels_numbers_and_names_choose() {
    let repo = repository(MAKE);
    let labelled = repo.add_spec_with("Labelled", &[], &["--label", "x"]);
    let others = ["One", "Two", "Three"].map(|title| repo.add_spec(title, &[]));
    repo.chant(&["work", "--label", "x"]).ok().says("1 of 1 spec done:").says(&labelled);
    repo.chant(&["work", "--all", "--max", "1"]).ok().says("1 of 1 spec done:").says(&others[0]);
    repo.chant(&["work", "--all", "--dry-run"]).ok().says("Would work 2 specs, 1 at once:").says(&others[1]);
    repo.chant(&["work", &labelled, &others[1]]).ok().says("is completed already").says("1 of 1 spec done:");
    repo.chant(&["work", "--all", &others[2]]).fails(129);
    repo.chant(&["work", "--all", "--parallel", "0"]).fails(128).says("git chant work --parallel 4");
    repo.chant(&["-h"]).ok();
    repo.git(&["config", "chant.jobs", "2"]);
    repo.chant(&["work", "--all", "--parallel", "--dry-run"]).ok().says("Would work 1 spec, 2 at once:");
    repo.chant(&["work", "--all", "--parallel", "3", "--dry-run"]).ok().says(", 3 at once:");
    repo.git(&["config", "chant.jobs", "many"]);
    repo.chant(&["work", "--parallel"]).fails(128).says("git config chant.jobs 4");
    repo.git(&["config", "--unset", "chant.jobs"]);
    repo.chant(&["work", "--all", "--agent", "manual"]).fails(128).says("needs your terminal");
}

#[test]
fn starts_are_staggered() {
    // The first works until the second is there; each writes down when it began.
    let repo = repository(&format!("date +%s%N >\"$HOME/$CHANT_SPEC_ID\"\n{}", together(2)));
    let ids = ["One", "Two"].map(|title| repo.add_spec(title, &[]));
    repo.git(&["config", "chant.stagger", "soon"]);
    repo.chant(&["work", "--all"]).fails(128).says("git config chant.stagger 1s");
    repo.git(&["config", "--unset", "chant.stagger"]);
    repo.chant(&["work", "--all", "--parallel", "2"]).ok().says("2 of 2 specs done:");
    let began = |id: &String| -> u64 { std::fs::read_to_string(repo.root().join("home").join(id)).unwrap().trim().parse().unwrap() };
    // Making the first one's worktree may have taken some of it.
    assert!(began(&ids[1]) - began(&ids[0]) >= 300_000_000, "{}", began(&ids[1]) - began(&ids[0]));
}

#[test]
fn agents_share_the_work() {
    let repo = repository(MAKE);
    repo.script("agent-wren", MAKE);
    repo.git(&["config", "chant.agent.wren.command", "agent-wren"]);
    repo.git(&["config", "chant.agent.wren.weight", "3"]);
    repo.git(&["config", "--add", "chant.agent", "wren"]);
    for title in ["One", "Two", "Three", "Four"] {
        repo.add_spec(title, &[]);
    }
    let said = repo.chant(&["work", "--all"]).ok().stdout;
    assert_eq!((said.matches("> wren in").count(), said.matches("> robin in").count()), (3, 1), "{said}");
}

#[test]
fn finished_work_is_merged_and_nobody_is_alarmed_by_it() {
    let repo = repository(MAKE);
    let shared = "echo \"$CHANT_SPEC_ID\" >shared.txt; git add shared.txt; git commit -q -m 'Share'\n";
    // The last one works until it sees a merge.
    let late = "until git log --format=%s main | grep -q ': merge '; do sleep 0.05; done";
    repo.agent("robin", &format!("{}case $(cat \"$CHANT_SPEC_FILE\") in *Share*) {shared};; *) {late};; esac", together(3)));
    let ids = ["Share one", "Share two", "Alone"].map(|title| repo.add_spec(title, &[]));
    let worked = repo.chant(&["work", "--all", "--parallel", "--merge"]).fails(1).says("2 of 3 specs done:");
    assert!(!worked.stderr.contains("outside of its worktree"), "{worked}");
    worked.clone().says(&format!("✓ {} completed and merged (", ids[2])).says("was not merged: it conflicts in shared.txt");
    let merged = worked.stdout.matches("completed and merged").count();
    assert_eq!(merged, 2, "{worked}");
    // The one that lost keeps its branch, and nothing is half merged.
    assert_eq!(repo.git(&["for-each-ref", "refs/heads/chant/"]).lines().count(), 1);
    assert_eq!(repo.git(&["status", "--porcelain", "--untracked-files=no"]), "");
    repo.assert_no_locks();
}

#[test]
fn machines_hear_of_every_run_and_the_sum() {
    let repo = repository("[ \"$(cat \"$CHANT_SPEC_FILE\" | grep -c Fail)\" = 0 ] || exit 3\necho said\necho x >\"$CHANT_SPEC_ID\"");
    for title in ["One", "Fail", "Two"] {
        repo.add_spec(title, &[]);
    }
    let said = repo.chant(&["work", "--all", "--parallel", "--json", "--merge"]).fails(1).stdout;
    let events: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((count("start"), count("end"), count("merge"), count("summary")), (3, 3, 2, 1), "{said}");
    let last = events.last().unwrap();
    assert_eq!((&last["done"], &last["not_done"]), (&2.into(), &1.into()));
    // One spec, and none: nothing else is on their stream either.
    repo.add_spec("Four", &[]);
    let said = repo.chant(&["work", "--next", "--json", "--merge"]).ok().stdout;
    let events: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        events.iter().map(|event| event["event"].as_str().unwrap()).collect::<Vec<_>>(),
        ["start", "text", "end", "merge"],
        "{said}"
    );
    assert_eq!(repo.chant(&["work", "--next", "--json"]).fails(1).says("No spec is ready.").stdout, "");
}

/// Waits until the agents of this many specs are there.
fn wait_for(repo: &TestRepo, count: usize) {
    let there = repo.common_dir().join("there");
    let deadline = Instant::now() + Duration::from_secs(120);
    while std::fs::read_dir(&there).map_or(0, Iterator::count) < count {
        assert!(Instant::now() < deadline, "the agents did not start");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn asked_to_stop_it_stops_everything_and_keeps_the_work() {
    let repo = repository(&format!("{MAKE}\n{}", together(99)));
    let ids = ["One", "Two", "Three"].map(|title| repo.add_spec(title, &[]));
    let mut command = repo.command(repo.path(), CHANT);
    command.args(["work", "--parallel", "2", &ids[0], &ids[1], &ids[2]]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait_for(&repo, 2);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let outcome = Outcome { code: 1, stdout: said, stderr: String::new() };
    for id in &ids[..2] {
        outcome.clone().says(&format!("✗ {id} failed: interrupted ("));
        assert_eq!(status(&repo, id), "failed");
        assert_eq!(repo.git(&["show", &format!("chant/{id}:made-{id}.txt")]), *id);
    }
    outcome.says(&format!("✗ {} not started: its turn did not come", ids[2]));
    assert_eq!(status(&repo, &ids[2]), "ready");
    assert_eq!(std::fs::read_dir(repo.common_dir().join("chant/runs")).unwrap().count(), 0);
}
