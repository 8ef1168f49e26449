//! The gate's decision on messages that git itself wrote.

use git_chant::gate::{self, Decision, Incoming, IncomingCommit, Reason, Settings};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", dir)
        .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("LC_ALL", "C")])
        .envs([("GIT_AUTHOR_NAME", "Ann"), ("GIT_AUTHOR_EMAIL", "ann@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Ann"), ("GIT_COMMITTER_EMAIL", "ann@example.com")])
        .output()
        .expect("git starts");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// A repository on `main`, and a branch `chant/x-001` with one commit that only a trailer ties to its spec.
fn repository() -> tempfile::TempDir {
    let dir = super::common::scratch();
    let at = dir.path();
    git(at, &["init", "-q", "-b", "main"]);
    git(at, &["commit", "-q", "--allow-empty", "-m", "Begin"]);
    git(at, &["switch", "-q", "-c", "chant/x-001"]);
    std::fs::write(at.join("work"), "done\n").expect("written");
    git(at, &["add", "work"]);
    git(at, &["commit", "-q", "-m", "Do it", "-m", "Chant-Spec: x-001"]);
    git(at, &["switch", "-q", "main"]);
    dir
}

fn incoming(at: &Path) -> Incoming {
    let message = git(at, &["log", "-1", "--format=%B"]);
    let id = git(at, &["rev-parse", "HEAD"]).trim().to_owned();
    let subject = message.lines().next().unwrap_or_default().to_owned();
    let commit = IncomingCommit { id, subject, message, ..IncomingCommit::default() };
    Incoming { target: "main".to_owned(), commits: vec![commit], ..Incoming::default() }
}

#[test]
fn a_squash_still_names_its_spec() {
    let dir = repository();
    git(dir.path(), &["merge", "-q", "--squash", "chant/x-001"]);
    git(dir.path(), &["commit", "-q", "--no-edit"]);
    assert_eq!(git(dir.path(), &["log", "-1", "--format=%(trailers:key=Chant-Spec)"]).trim(), "", "git no longer sees a trailer");
    let answer = gate::decide(&incoming(dir.path()), &BTreeMap::new(), &Settings::default());
    assert_eq!(answer, Decision::Refuse(vec![Reason::UnknownSpec { id: "x-001".to_owned() }]));
}

#[test]
fn a_cherry_pick_and_a_rebase_still_name_their_spec() {
    let dir = repository();
    git(dir.path(), &["commit", "-q", "--allow-empty", "-m", "Go on"]);
    git(dir.path(), &["cherry-pick", "-x", "chant/x-001"]);
    assert_eq!(gate::implemented_by(&incoming(dir.path())).into_iter().collect::<Vec<_>>(), ["x-001"]);
    git(dir.path(), &["reset", "-q", "--hard", "HEAD~1"]);
    git(dir.path(), &["rebase", "-q", "main", "chant/x-001"]);
    assert_eq!(gate::implemented_by(&incoming(dir.path())).into_iter().collect::<Vec<_>>(), ["x-001"]);
}

#[test]
fn a_revert_names_the_spec_unless_it_is_known_to_undo_it() {
    let dir = repository();
    std::fs::write(dir.path().join("other"), "x\n").expect("written");
    git(dir.path(), &["add", "other"]);
    git(dir.path(), &["commit", "-q", "-m", "chant(x-001): more"]);
    git(dir.path(), &["revert", "--no-edit", "HEAD"]);
    let mut coming = incoming(dir.path());
    assert!(matches!(gate::decide(&coming, &BTreeMap::new(), &Settings::default()), Decision::Refuse(_)));
    coming.commits[0].revert_ok = true;
    assert!(matches!(gate::decide(&coming, &BTreeMap::new(), &Settings::default()), Decision::Allow { .. }));
}
