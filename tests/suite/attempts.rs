//! Attempts are bounded by what a spec's history says, whatever loop drives them.

use super::common::TestRepo;
use super::interrupted::Stuck;
use rustix::process::{Pid, Signal, kill_process};

/// A repository with an agent that notes that it was started, commits something and fails.
fn repository() -> TestRepo {
    let repo = TestRepo::with_chant();
    let note = "echo x >>\"$(git rev-parse --git-common-dir)/starts\"\n";
    repo.agent("wren", &format!("{note}echo \"$CHANT_RUN_ID\" >>\"$CHANT_SPEC_ID\"; git add .; git commit -q -m 'Try'; exit 3"));
    repo.git(&["config", "chant.stagger", "0"]);
    repo.git(&["config", "chant.retryDelay", "0"]);
    repo
}

fn starts(repo: &TestRepo) -> usize {
    std::fs::read_to_string(repo.common_dir().join("starts")).unwrap_or_default().lines().count()
}

#[test]
fn a_failing_spec_never_spins() {
    let repo = repository();
    let ids = ["One", "Two"].map(|title| repo.add_spec(title, &[]));
    for round in 0..6 {
        repo.chant(&["work", "--all"]);
        repo.chant(&["work", &ids[0]]).fails(128);
        let resumed = repo.chant(&["resume", "--all", "--parallel", "2"]).fails(1);
        if round >= 2 {
            resumed.says("0 of 2 specs done:").says(&format!("git chant reset {}", ids[1]));
        }
        repo.chant(&["resume", &ids[1]]);
    }
    assert_eq!(starts(&repo), 6);
    for id in &ids {
        assert_eq!(repo.events(id).iter().filter(|kind| *kind == "start").count(), 3);
        // What every attempt committed is there.
        assert_eq!(repo.git(&["show", &format!("chant/{id}:{id}")]).lines().count(), 3);
    }
    // A person may go on all the same.
    repo.agent("good", "echo done >>done.txt");
    repo.chant(&["resume", "--all", "--force"]).ok().says("2 of 2 specs done:");
    repo.chant(&["resume", "--all"]).ok().says("No run here failed or died.");
}

#[test]
fn a_spec_that_has_just_failed_is_left_alone_for_a_while() {
    let repo = repository();
    repo.git(&["config", "chant.retryDelay", "2"]);
    let id = repo.add_spec("One", &[]);
    repo.chant(&["work", &id]).fails(1);
    let began = std::time::Instant::now();
    repo.agent("good", "echo done >>done.txt");
    repo.chant(&["resume", "--all"]).ok().says(&format!("{id} failed a moment ago; it is tried again in")).says("1 of 1 spec done:");
    assert!(began.elapsed() >= std::time::Duration::from_secs(1));
    repo.git(&["config", "chant.retryDelay", "soon"]);
    repo.chant(&["resume", "--all"]).fails(128).says("git config chant.retryDelay 30s");
    repo.chant(&["resume"]).fails(129);
}

#[test]
fn every_further_failure_doubles_the_wait() {
    let repo = repository();
    let id = repo.add_spec("One", &[]);
    repo.chant(&["work", &id]).fails(1);
    // A person who names it does not wait.
    repo.chant(&["resume", &id]).fails(1);
    repo.git(&["config", "chant.retryDelay", "1000s"]);
    let rest = waits(&repo);
    assert!((1900..=2000).contains(&rest), "{rest}");
    assert_eq!(starts(&repo), 2);
}

/// The seconds that `resume --all` would leave a spec alone for.
fn waits(repo: &TestRepo) -> u64 {
    let mut loops = Stuck::begin(repo, &["resume", "--all"]);
    let line = loops.until("failed a moment ago; it is tried again in ");
    kill_process(Pid::from_child(&loops.child), Signal::INT).unwrap();
    loops.end().fails(1).says("Stopped before anything was started.");
    line.split(" again in ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap()
}

#[test]
fn another_machine_has_no_attempts_of_its_own() {
    let repo = repository();
    let origin = repo.with_origin();
    let id = repo.add_spec("One", &[]);
    repo.chant(&["work", &id]).fails(1);
    repo.chant(&["resume", &id]).fails(1);
    repo.chant(&["push", "--branches"]).ok();
    let there = repo.clone_to(&origin, "there");
    there.chant(&["init"]).ok();
    for (key, value) in [("chant.agent.wren.command", "agent-wren"), ("chant.agent", "wren"), ("chant.trust", "all")] {
        there.git(&["config", key, value]);
    }
    there.git(&["branch", "-q", &format!("chant/{id}"), &format!("origin/chant/{id}")]);
    there.chant(&["resume", &id]).fails(1).says("the agent exited with 3");
    there.chant(&["push", "--branches"]).ok();
    for clone in [&repo, &there] {
        clone.chant(&["fetch"]).ok();
        clone.chant(&["resume", &id]).fails(128).says("was started 3 times (chant.maxAttempts)").says(&format!("git chant reset {id}"));
    }
}

#[test]
fn a_resume_that_cannot_begin_leaves_nothing_behind() {
    let repo = repository();
    let id = repo.add_spec("One", &["It is"]);
    repo.chant(&["work", &id]).fails(1);
    repo.edit_spec(&id, "It is", "It is good");
    repo.chant(&["list"]).ok();
    let worktree = repo.path().join(format!(".chant/worktrees/{id}"));
    let refs = || repo.git(&["for-each-ref"]);
    let before = refs();
    // Its file is given to the agent anew, and cannot be committed.
    let there = repo.at(worktree);
    there.write(&TestRepo::spec_file(&id), "# Mine\n");
    there.git(&["add", "."]);
    repo.chant(&["resume", &id]).fails(128).says("could not commit the spec").says("is staged");
    assert_eq!(refs(), before);
}
