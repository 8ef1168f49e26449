//! Agents that misbehave: what they do to their worktree, their branch, the repository and everybody's nerves.
//!
//! Whatever it is, the run ends with a status that says it, what was committed stays reachable, and the next command goes on.

mod asked;
mod clean;
mod disk;
mod ends;
mod outside;
mod place;
mod rewrites;

use super::common::{Outcome, TestRepo};
use clean::Before;

/// What every agent here does first: something worth keeping.
const COMMIT: &str = "echo one >made.txt; git add made.txt; git commit -q -m 'Make one'\n";

/// A repository with one spec and this agent; the spec has a criterion that `made.txt` meets.
fn repository(agent: &str) -> (TestRepo, String) {
    let repo = TestRepo::with_chant();
    repo.agent("odd", agent);
    let id = repo.add_spec("Make something", &["It is made `$ test -e made.txt`"]);
    (repo, id)
}

/// `git chant work`, after which nothing is left that nobody expects.
#[track_caller]
fn work(repo: &TestRepo, id: &str, more: &[&str]) -> Outcome {
    work_that_makes(repo, id, more, &[])
}

/// The same for an agent that makes branches of its own: they are its work, and stay.
#[track_caller]
fn work_that_makes(repo: &TestRepo, id: &str, more: &[&str], branches: &[&str]) -> Outcome {
    let before = Before::of(repo);
    let outcome = repo.chant(&[&["work", id], more].concat());
    before.assert_clean(repo, branches);
    outcome
}

fn status(repo: &TestRepo, id: &str) -> String {
    repo.show(id)["status"].as_str().unwrap().to_owned()
}

/// The run ended as failed with this reason; the branch is there, nothing is half done, and a reset and a better agent complete it.
#[track_caller]
fn failed(repo: &TestRepo, id: &str, work: Outcome, reason: &str) {
    work.fails(1).says("failed").says(reason);
    assert_eq!(status(repo, id), "failed");
    repo.chant(&["history", id]).ok().says(reason);
    kept(repo, id);
    can_go_on(repo, id);
}

/// Branch and worktree of the run are there.
#[track_caller]
fn kept(repo: &TestRepo, id: &str) {
    repo.git(&["rev-parse", "--verify", "-q", &format!("refs/heads/chant/{id}")]);
    assert!(repo.exists(&format!(".chant/worktrees/{id}")), "the worktree is gone");
}

/// The way out that every message names.
#[track_caller]
fn can_go_on(repo: &TestRepo, id: &str) {
    repo.agent("good", COMMIT);
    repo.chant(&["reset", id]).ok();
    work(repo, id, &[]).ok().says("completed");
    repo.git(&["fsck", "--connectivity-only", "--no-dangling"]);
}

/// True where a commit with this subject is reachable from a ref.
fn reachable(repo: &TestRepo, subject: &str) -> bool {
    repo.git(&["log", "--all", "--format=%s"]).lines().any(|line| line == subject)
}
