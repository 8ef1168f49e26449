//! Agents that are asked for members (`split`): counted, bounded and ended as those that work, and nothing of them stays.

use super::clean::Before;
use crate::common::TestRepo;
use crate::interrupted::{STAYS, Stuck, flag};
use rustix::process::{Pid, Signal, kill_process};

const FIRST: &str = "2026-01-29-001-abc";

/// Two specs, and an agent that proposes members for the first and works the second, after this.
fn repository(before: &str) -> TestRepo {
    let repo = TestRepo::with_chant();
    repo.agent("robin", &format!("case $CHANT_SPEC_ID in *-001-*) {before}\necho '## One'; echo '## Two';; *) echo x >x.txt;; esac"));
    for title in ["Big", "Small"] {
        repo.add_spec(title, &[]);
    }
    repo
}

#[test]
fn one_that_is_asked_is_at_work_and_can_be_listened_to() {
    let repo = repository(&format!("echo 'Let me see.'\n{STAYS}"));
    repo.git(&["config", "chant.agent.robin.maxConcurrent", "1"]);
    let before = Before::of(&repo);
    let first = Stuck::start(&repo, &["split", "001"]);
    let mut second = Stuck::begin(&repo, &["work", "002"]);
    second.until(&format!("waits: 'robin' already works on {FIRST}; at most 1 at once"));
    repo.chant(&["work", "001"]).fails(128).says("another git chant is working on").says(&format!("git chant log {FIRST} --follow"));
    assert_eq!(repo.chant(&["log", "001"]).ok().stdout, "Let me see.\n");
    let followed = Stuck::begin(&repo, &["log", "001", "--follow"]);
    std::fs::write(flag(&repo, "go"), "").unwrap();
    assert_eq!(followed.end().ok().stdout, "Let me see.\n## One\n## Two\n");
    first.end().ok().says(&format!("Created spec: {FIRST}.2 (Two)"));
    second.end().ok().says("completed");
    before.assert_clean(&repo, &[]);
}

#[test]
fn one_that_is_asked_has_limits_and_a_budget() {
    let step = r#"{"type":"step_finish","sessionID":"s","part":{"reason":"tool-calls","tokens":{"input":1},"cost":0.6}}"#;
    let repo = repository("sh \"$HOME/script\"");
    let (before, refs) = (Before::of(&repo), repo.git(&["for-each-ref"]));
    for (key, value, script, reason) in [
        ("timeout", "1s", "setsid sleep 1000 &\nwhile :; do echo x; sleep 0.2; done", "was ended after 1s (chant.agent.robin.timeout)"),
        ("idleTimeout", "1s", "sleep 1000", "said nothing for too long"),
        ("maxOutput", "1k", "yes", "printed too much"),
        ("maxCost", "1", &format!("echo '{step}'; echo '{step}'; sleep 1000"), "reached its budget, and was ended: $1.2000"),
    ] {
        std::fs::write(repo.root().join("home/script"), script).unwrap();
        let key = format!("chant.agent.robin.{key}");
        repo.git(&["config", &key, value]);
        repo.git(&["config", "chant.agent.robin.format", if value == "1" { "opencode" } else { "text" }]);
        repo.chant(&["split", "001"]).fails(128).says("'robin' proposed nothing: ").says(reason);
        repo.git(&["config", "--unset", &key]);
        before.assert_clean(&repo, &[]);
        assert_eq!(repo.git(&["for-each-ref"]), refs);
    }
}

#[test]
fn ctrl_c_ends_a_question() {
    let repo = repository(STAYS);
    let before = Before::of(&repo);
    let mut stuck = Stuck::start(&repo, &["split", "001"]);
    kill_process(Pid::from_child(&stuck.child), Signal::INT).unwrap();
    stuck.until("Asked what runs to end");
    stuck.end().fails(128).says("'robin' proposed nothing: interrupted").says("git chant split 2026-01-29-001-abc --sections");
    before.assert_clean(&repo, &[]);
}

#[test]
fn what_a_killed_question_leaves_is_cleared_by_the_next_command() {
    let repo = repository(&format!("setsid sleep 1000 &\n{STAYS}"));
    let before = Before::of(&repo);
    let mut stuck = Stuck::start(&repo, &["split", "001"]);
    assert!(repo.git(&["worktree", "list", "--porcelain"]).contains("\nlocked git-chant question ask-"));
    stuck.child.kill().unwrap();
    stuck.child.wait().unwrap();
    repo.chant(&["list"]).ok().says(&format!("A question about {FIRST} was interrupted; its leftovers were removed."));
    before.assert_clean(&repo, &[]);
    std::fs::write(flag(&repo, "go"), "").unwrap();
    repo.chant(&["split", "001"]).ok();
}

#[test]
fn what_it_changes_although_it_was_only_asked_is_said_and_kept() {
    let repo = repository("echo mine >note.txt; echo more >>\"$CHANT_WORKTREE/../../../README.md\"");
    let said = repo.chant(&["split", "001"]).ok().says("outside of its worktree").says("the main checkout: changed: README.md").stderr;
    let hint = said.lines().find_map(|line| line.strip_prefix("hint: if it is of no use: ")).unwrap();
    let kept = hint.split('\'').nth(1).unwrap();
    assert_eq!(std::fs::read_to_string(format!("{kept}/note.txt")).unwrap(), "mine\n");
    crate::common::Outcome::of(repo.command(repo.path(), "sh").args(["-c", hint])).ok();
    assert!(!std::path::Path::new(kept).exists());
}

#[test]
fn what_cannot_be_cleared_away_is_told_and_is_in_no_command_s_way() {
    let repo = repository("");
    let runs = repo.common_dir().join("chant/runs");
    // A question whose lock cannot be taken, and a run whose log can be kept under no name.
    std::fs::create_dir_all(runs.join("ask-1/lock")).unwrap();
    std::fs::create_dir_all(runs.join("r1")).unwrap();
    std::fs::write(runs.join("r1/spec"), FIRST).unwrap();
    std::fs::write(runs.join("r1/log"), "I did it.").unwrap();
    repo.git(&["update-ref", &format!("refs/chant/runs/{FIRST}/r1/x"), "HEAD"]);
    let said = repo.chant(&["list"]).ok().says("warning: ").says("ask-1").says("Small");
    assert_eq!(said.stderr.matches("warning: ").count(), 2, "{said}");
    assert_eq!(std::fs::read(runs.join("r1/log")).unwrap(), b"I did it.");
}
