//! `maxConcurrent` holds for all git-chants of a repository.

use super::common::TestRepo;
use super::interrupted::{STAYS, Stuck, flag};
use rustix::process::{Pid, Signal, kill_process};

/// `robin` may work once at a time, and the first spec keeps it at work.
fn repository() -> TestRepo {
    let repo = TestRepo::with_chant();
    repo.agent("robin", &format!("echo \"$CHANT_SPEC_ID\" >\"made-$CHANT_SPEC_ID\"\ncase $CHANT_SPEC_ID in *-001-*) {STAYS};; esac"));
    repo.git(&["config", "chant.agent.robin.maxConcurrent", "1"]);
    repo.git(&["config", "chant.stagger", "0"]);
    for title in ["One", "Two", "Three"] {
        repo.add_spec(title, &[]);
    }
    repo
}

const WAITS: &str = "'robin' already works on 2026-01-29-001-abc; at most 1 at once (chant.agent.robin.maxConcurrent)";

#[test]
fn two_terminals_share_one_agent() {
    let repo = repository();
    let first = Stuck::start(&repo, &["work", "001"]);
    let mut second = Stuck::begin(&repo, &["work", "002"]);
    second.until(&format!("2026-01-29-002-abc waits: {WAITS}"));
    // Nothing is made before there is room.
    assert_eq!(repo.show("002")["status"], "ready");
    assert!(!repo.exists(".chant/worktrees/2026-01-29-002-abc"));
    let mut third = Stuck::begin(&repo, &["work", "--all"]);
    third.until(&format!("Waiting: {WAITS}"));
    kill_process(Pid::from_child(&third.child), Signal::INT).unwrap();
    third.until("Finishing");
    third.end().fails(1).says("Stopped before anything was started.");
    std::fs::write(flag(&repo, "go"), "").unwrap();
    first.end().ok();
    second.end().ok().says("2026-01-29-002-abc completed");
}

#[test]
fn who_was_killed_makes_room_and_an_agent_that_lives_on_does_not() {
    let repo = repository();
    let mut first = Stuck::start(&repo, &["work", "001"]);
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let mut second = Stuck::begin(&repo, &["work", "002"]);
    second.until(WAITS);
    // Another agent has room.
    repo.script("agent-wren", "echo made >wren");
    repo.git(&["config", "chant.agent.wren.command", "agent-wren"]);
    repo.chant(&["work", "003", "--max", "1", "--agent", "robin,wren"]).ok().says("> wren in").says_not("aiting");
    std::fs::write(flag(&repo, "go"), "").unwrap();
    // Its own agent is no reason to wait.
    repo.chant(&["resume", "001"]).ok();
    second.end().ok();
    repo.chant(&["merge", "--all"]).ok().says("All specs merged.");
}
