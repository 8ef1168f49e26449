//! The next ready spec, and a loop over them.

use super::WORKS;
use crate::common::{CHANT, TestRepo};
use crate::share::two_clones;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A spec with a priority; the word makes its id.
fn add(repo: &TestRepo, word: &str, priority: Option<i64>) -> String {
    let id = repo.chant_env(&[("GIT_CHANT_TEST_SUFFIX", word)], &["add", "--porcelain", word, "--criterion", "First"]).ok();
    let id = id.stdout.trim().to_owned();
    if let Some(priority) = priority {
        repo.edit_spec(&id, "---\n", &format!("---\npriority: {priority}\n"));
        repo.chant(&["show", &id]).ok();
    }
    id
}

#[test]
fn larger_priority_first_then_age() {
    let repo = TestRepo::with_chant();
    repo.agent("works", WORKS);
    repo.chant(&["work", "--next"]).fails(1).says("No spec is ready.");
    let (a, b, c, d) = (add(&repo, "aaa", None), add(&repo, "bbb", Some(-1)), add(&repo, "ccc", Some(5)), add(&repo, "ddd", None));
    repo.chant(&["work", "--next", "--dry-run"]).ok().says(&format!("Would work {c}"));
    for id in [&c, &a, &d, &b] {
        repo.chant(&["work", "--next"]).ok().says(&format!("Working {id}"));
    }
    repo.chant(&["work", "--next"]).fails(1).says("No spec is ready.");
    repo.chant(&["work"]).fails(129);
    repo.chant(&["work", "--next", &a]).fails(129);
}

#[test]
fn what_may_not_be_started_here_is_named_and_passed_over() {
    let (us, them) = two_clones();
    add(&them, "aaa", Some(9));
    them.chant(&["push"]).ok();
    us.chant(&["fetch"]).ok();
    us.agent("works", WORKS);
    let mine = add(&us, "bbb", None);
    us.chant(&["work", "--next"]).ok().says("-aaa is passed over: ").says(&format!("Working {mine}"));
}

struct Loop(Child);

impl Loop {
    fn begin(repo: &TestRepo, args: &[&str]) -> Self {
        let log = std::fs::File::create(repo.root().join("loop.log")).unwrap();
        let mut command = repo.command(repo.path(), CHANT);
        command.args(["work", "--next", "--loop"]).args(args).stdout(Stdio::from(log.try_clone().unwrap())).stderr(Stdio::from(log));
        Self(command.spawn().unwrap())
    }

    /// Interrupts it as Ctrl-C does, and waits for its end.
    fn interrupt(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(300);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn log_of(repo: &TestRepo) -> String {
    std::fs::read_to_string(repo.root().join("loop.log")).unwrap_or_default()
}

#[test]
fn a_loop_works_all_waits_for_more_and_tries_none_twice() {
    let repo = TestRepo::with_chant();
    repo.agent("some", &format!("echo x >> '{}/starts'; case $CHANT_SPEC_ID in *bad) exit 1;; esac; {WORKS}", repo.root().display()));
    let (good, bad) = (add(&repo, "aaa", None), add(&repo, "bad", Some(1)));
    let mut running = Loop::begin(&repo, &[]);
    until("the loop waits", || log_of(&repo).contains("waiting for one"));
    assert_eq!((repo.show(&good)["status"].as_str(), repo.show(&bad)["status"].as_str()), (Some("completed"), Some("failed")));
    let more = add(&repo, "more", None);
    until("the new spec is worked", || log_of(&repo).contains(&format!("{more} completed")));
    running.interrupt();
    assert_eq!(std::fs::read_to_string(repo.root().join("starts")).unwrap().lines().count(), 3);
}

#[test]
fn a_loop_that_claims_takes_what_another_clone_pushes() {
    let (us, them) = two_clones();
    them.agent("works", WORKS);
    them.git(&["config", "chant.trust", "all"]);
    let mut running = Loop::begin(&them, &["--claim"]);
    until("the loop waits", || log_of(&them).contains("waiting for one"));
    let id = add(&us, "aaa", None);
    us.chant(&["push"]).ok();
    let branch = format!("refs/heads/chant/{id}");
    until("the branch is on the remote", || us.git(&["ls-remote", "origin", &branch]).contains(&branch));
    running.interrupt();
    us.chant(&["fetch"]).ok().says("completed");
}
