//! The hook files around the gate: other people's hooks, and a binary that is gone.

use super::super::common::CHANT;
use super::super::programs;
use super::{Outcome, TestRepo, WORKER, beside, finished};
use std::fs;
use std::path::Path;

#[test]
fn hooks_that_were_there_run_first_and_may_refuse() {
    let repo = TestRepo::new();
    let hooks = repo.path().join(".git/hooks");
    for name in ["reference-transaction", "pre-merge-commit", "pre-commit", "prepare-commit-msg", "commit-msg"] {
        let input = if name == "reference-transaction" { "cat >/dev/null; " } else { "" };
        repo.script(hooks.join(name), &format!("{input}echo {name} was first >&2\n[ ! -e \"$HOME/stop-{name}\" ]"));
    }
    repo.chant(&["init"]).ok().says("runs first");
    repo.agent("worker", WORKER);
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.chant(&["work", &id]).ok();
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));

    let branch = format!("chant/{id}");
    let said = repo.try_git(&["merge", &branch]);
    let at = |text: &str| said.stderr.find(text).unwrap_or_else(|| panic!("no {text:?}: {said}"));
    assert!(at("reference-transaction was first") < at("error: this would bring unfinished work"), "{said}");

    beside(&repo, |repo| drop(repo.chant(&["check", &id, "1"]).ok()));
    for (name, way) in [
        ("reference-transaction", vec!["merge", &branch]),
        ("pre-merge-commit", vec!["merge", "--no-ff", "--no-edit", &branch]),
        ("commit-msg", vec!["merge", "--no-ff", "--no-edit", &branch]),
        ("pre-commit", vec!["commit", "--allow-empty", "-m", "x"]),
        ("prepare-commit-msg", vec!["commit", "--allow-empty", "-m", "x"]),
    ] {
        let stop = repo.root().join(format!("home/stop-{name}"));
        fs::write(&stop, "").unwrap();
        let said = repo.try_git(&way);
        assert!(said.code != 0 && said.stderr.contains(&format!("{name} was first")), "{name}: {said}");
        fs::remove_file(&stop).unwrap();
        repo.git(&["reset", "-q", "--merge"]);
    }
    repo.try_git(&["merge", "--no-ff", "--no-edit", &branch]).ok();
}

/// Hooks with a binary of their own, which is then taken away.
fn without_binary() -> (TestRepo, String) {
    let (repo, id) = finished(&["It is good"], &[]);
    let own = repo.root().join("own");
    fs::create_dir(&own).unwrap();
    programs::copy(Path::new(CHANT), &own.join("git-chant"));
    Outcome::of(repo.command(repo.path(), own.join("git-chant")).arg("init")).ok().says("renewed");
    fs::remove_dir_all(own).unwrap();
    (repo, id)
}

/// git, with no git-chant on the PATH.
fn git_alone(repo: &TestRepo, args: &[&str]) -> Outcome {
    let path = std::env::var_os("PATH").unwrap();
    Outcome::of(repo.command(repo.path(), "git").env("PATH", path).args(args))
}

#[test]
fn without_its_binary_the_gate_is_closed() {
    let (repo, id) = without_binary();
    let before = repo.snapshot();
    for how in ["--ff-only", "--no-ff", "--squash"] {
        let said = git_alone(&repo, &["merge", how, &format!("chant/{id}")]);
        assert!(said.code != 0 && said.stderr.contains("git-chant is not where it was"), "{said}");
        assert!(said.stderr.contains("hint: install git-chant and run 'git chant hooks install'"), "{said}");
        assert!(said.stderr.contains("hint: or, to do without the gate, delete "), "{said}");
        before.assert_same(&repo.snapshot());
    }
    // Work on other branches goes on.
    git_alone(&repo, &["switch", "-q", "-c", "topic"]).ok();
    git_alone(&repo, &["commit", "-q", "--allow-empty", "-m", "x"]).ok();
    git_alone(&repo, &["gc", "-q"]).ok();
    git_alone(&repo, &["switch", "-q", "main"]).ok();
    // One that is on the PATH will do.
    repo.try_git(&["merge", &format!("chant/{id}")]).ok();
}

#[test]
fn a_gate_that_cannot_decide_says_no() {
    let (repo, id) = finished(&["It is good"], &[]);
    // A ref that holds no event.
    repo.git(&["update-ref", "refs/chant/specs/2026-01-01-009-bad", "HEAD"]);
    repo.git(&["switch", "-q", "-c", "topic", "main"]);
    repo.write("x", "x");
    repo.commit_all("chant(2026-01-01-009-bad): x");
    repo.git(&["switch", "-q", "main"]);
    let before = repo.snapshot();
    let said = repo.try_git(&["merge", "topic"]);
    assert!(said.code != 0 && said.stderr.contains("fatal: "), "{said}");
    before.assert_same(&repo.snapshot());
    repo.try_git(&["merge", &format!("chant/{id}")]).ok();
}
