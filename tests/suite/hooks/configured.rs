//! Hooks that git's configuration names (`hook.<name>.command`), on a git that runs them where there is one (2.54 and later).

use super::super::common::{TestRepo, gits, minor};
use super::guards;
use std::fs;
use std::os::unix::fs::symlink;

/// Writes down what it is told, and fails where `stop` is in the home directory.
fn theirs(repo: &TestRepo, events: &[&str]) {
    let script = repo.script("theirs", "echo \"$0 $1\" >>\"$HOME/said\"\n[ ! -e \"$HOME/stop\" ]");
    repo.git(&["config", "hook.theirs.command", script.to_str().unwrap()]);
    for event in events {
        repo.git(&["config", "--add", "hook.theirs.event", event]);
    }
}

#[test]
fn they_are_named_as_git_reads_them() {
    let repo = TestRepo::with_chant();
    theirs(&repo, &["post-commit", "", "pre-commit", "pre-push"]);
    repo.git(&["config", "hook.off.command", "true"]);
    repo.git(&["config", "hook.off.event", "pre-commit"]);
    repo.git(&["config", "hook.off.enabled", "false"]);
    for verb in ["hooks", "doctor"] {
        repo.chant(&[verb]).says("names the hook 'theirs' (pre-commit, pre-push); git 2.54 and later").says_not("'off'");
    }
    repo.chant(&["hooks"]).ok();
    repo.git(&["config", "hook.pre-push.enabled", "false"]);
    repo.chant(&["hooks"]).fails(1).says("hook.pre-push.enabled is false").says("hint: git config --unset-all hook.pre-push.enabled");
}

#[test]
fn they_run_first_and_ours_refuses_all_the_same() {
    let Some((version, git)) = gits().into_iter().find(|(version, _)| minor(version) >= 54) else {
        eprintln!("skipped: no git here runs hooks that its configuration names (GIT_CHANT_TEST_GIT may name one of 2.54 or later)");
        return;
    };
    let repo = TestRepo::with_chant();
    symlink(git, repo.root().join("bin/git")).unwrap();
    assert!(repo.git(&["version"]).ends_with(&version));
    theirs(&repo, &["reference-transaction", "pre-commit", "pre-push", "post-checkout"]);
    let said = || {
        let path = repo.root().join("home/said");
        let text = fs::read_to_string(&path).unwrap_or_default().replace(repo.root().to_str().unwrap(), "");
        drop(fs::remove_file(path));
        text
    };
    repo.git(&["commit", "-q", "--allow-empty", "-m", "x"]);
    let ran = said();
    assert!(ran.contains("theirs \n") && ran.contains("theirs prepared\n") && ran.contains("theirs committed\n"), "{ran}");
    assert!(guards(&repo));
    assert!(said().ends_with("theirs prepared\n/bin/theirs aborted\n"), "theirs is asked before ours, and told that it came to nothing");
    let stop = repo.root().join("home/stop");
    fs::write(&stop, "").unwrap();
    repo.try_git(&["merge", "stray"]).fails(128).says_not("is not known in this clone");
    said();
    // What we write ourselves runs nobody's hooks, and so nobody's keeps it from being written.
    repo.chant(&["add", "Do it", "--criterion", "It is good"]).ok();
    assert_eq!(said(), "");
    repo.chant(&["hooks"]).ok().says("names the hook 'theirs'");
}
