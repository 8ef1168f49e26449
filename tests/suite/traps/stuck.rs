//! Stuck, unsafe, destructive.

use super::{Outcome, TestRepo, WORKER, ends, repository, start, status};
use crate::common::walk;
use std::collections::BTreeSet;

#[test]
fn a_loop_over_what_is_ready_starts_a_failing_agent_a_few_times() {
    let (repo, id) = repository("echo x >>\"$HOME/starts\"; exit 1");
    for _ in 0..6 {
        for ready in repo.chant(&["list", "--ready", "--porcelain"]).ok().stdout.lines() {
            repo.chant(&["work", ready.split('\t').next().unwrap()]);
        }
        repo.chant(&["resume", &id]);
    }
    repo.chant(&["resume", &id]).fails(128).says("chant.maxAttempts").says("git chant reset");
    assert_eq!(std::fs::read_to_string(repo.root().join("home/starts")).unwrap().lines().count(), 3);
}

#[test]
fn of_many_who_work_on_one_spec_one_starts() {
    let (repo, id) = repository(&format!("echo x >>\"$HOME/starts\"\n{WORKER}"));
    let said = ends((0..6).map(|_| start(&repo, &["work", &id])).collect());
    assert_eq!(said.iter().filter(|said| said.code == 0).count(), 1, "{said:?}");
    assert!(said.iter().filter(|said| said.code != 0).all(|said| said.code == 128 && said.stderr.contains("hint: ")), "{said:?}");
    assert_eq!(std::fs::read_to_string(repo.root().join("home/starts")).unwrap(), "x\n");
    assert_eq!(status(&repo, &id), "completed");
    repo.assert_no_locks();
}

#[test]
fn of_many_who_add_at_once_everybody_gets_a_spec() {
    let (repo, _) = repository(WORKER);
    let children = (0..12).map(|number| {
        let mut add = repo.command(repo.path(), super::CHANT);
        add.env_remove("GIT_CHANT_TEST_SUFFIX").args(["add", "--porcelain", &format!("Spec {number}")]);
        add.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    });
    let ids: BTreeSet<String> = ends(children.collect()).into_iter().map(|said| said.ok().stdout.trim().to_owned()).collect();
    assert_eq!(ids.len(), 12);
    assert_eq!(repo.chant(&["list", "--count"]).ok().stdout.trim(), "13");
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
    for id in &ids {
        repo.git(&["cat-file", "-e", &format!("HEAD:{}", TestRepo::spec_file(id))]);
    }
    repo.assert_no_locks();
}

#[test]
fn what_fails_before_the_agent_leaves_nobody_in_progress() {
    let (repo, id) = repository(WORKER);
    let refused = |args: &[&str], why: &str| {
        repo.chant(&[&["work", &id], args].concat()).fails(128).says(why);
        assert_eq!(status(&repo, &id), "ready", "{why}");
        assert_eq!(repo.git(&["branch", "--list", "chant/*"]), "", "{why}");
    };
    refused(&["--prompt", "no-such-prompt"], "no-such-prompt");
    refused(&["--agent", "nobody"], "agent 'nobody' has no command");
    refused(&["--target", "no-such-branch"], "no-such-branch");
    // A file where the worktrees go.
    repo.write(".chant/worktrees", "in the way\n");
    refused(&[], "could not make");
    std::fs::remove_file(repo.path().join(".chant/worktrees")).unwrap();
    repo.chant(&["work", &id]).ok();
}

#[test]
fn a_pre_commit_hook_that_fails_fails_the_run_and_says_so() {
    let (repo, id) = repository("echo left >left.txt");
    let script = "echo 'no tabs, please' >&2; exit 1";
    repo.script(repo.common_dir().join("hooks/pre-commit"), script);
    repo.chant(&["work", &id]).fails(1).says("could not be committed").says("no tabs, please");
    assert_eq!(status(&repo, &id), "failed");
    assert_eq!(repo.read(&format!(".chant/worktrees/{id}/left.txt")), "left\n");
}

#[test]
fn a_directory_that_is_no_worktree_of_ours_is_left_alone() {
    let (repo, id) = repository(WORKER);
    let file = format!(".chant/worktrees/{id}/precious.txt");
    repo.write(&file, "mine\n");
    repo.chant(&["work", &id]).fails(128).says("no worktree of this repository");
    repo.chant(&["reset", &id]).fails(128);
    assert_eq!((repo.read(&file).as_str(), status(&repo, &id).as_str()), ("mine\n", "ready"));
}

#[test]
fn started_from_a_hook_it_works_on_its_own_repository() {
    let (repo, id) = repository(&format!("git rev-parse --show-toplevel >\"$HOME/top\"\n{WORKER}"));
    repo.write("staged.txt", "staged\n");
    // git sets GIT_DIR, GIT_INDEX_FILE and GIT_PREFIX for it; `commit PATH` has an index of its own.
    repo.script(
        repo.common_dir().join("hooks/post-commit"),
        &format!("test -e \"$HOME/once\" || {{ : >\"$HOME/once\"; git chant work {id} >\"$HOME/said\" 2>&1; }}"),
    );
    repo.write("README.md", "# Changed\n");
    repo.git(&["add", "staged.txt"]);
    repo.git(&["commit", "-q", "-m", "By hand", "README.md"]);
    let said = std::fs::read_to_string(repo.root().join("home/said")).unwrap();
    assert!(said.contains("completed"), "{said}");
    let top = std::fs::read_to_string(repo.root().join("home/top")).unwrap();
    assert!(top.trim_end().ends_with(&format!(".chant/worktrees/{id}")), "{top}");
    assert_eq!(repo.git(&["diff", "--cached", "--name-only"]), "staged.txt");
    assert_eq!(repo.git(&["status", "--porcelain"]), "A  staged.txt");
}

#[test]
fn names_lead_nowhere_and_values_stay_values() {
    let (repo, id) = repository(WORKER);
    std::fs::write(repo.root().join("outside.md"), "secret\n").unwrap();
    for prompt in ["../../../outside", "/etc/passwd", "a/b", "..", ""] {
        repo.chant(&["prep", &id, "--prompt", prompt]).fails(128).says_not("secret");
    }
    let evil = "x\nstatus: completed\nlabels: [gone]";
    let added = repo.add_spec_with("A title\n---\nstatus: completed", &[], &["--label", "a\nstatus: completed"]);
    assert_eq!(repo.show(&added)["status"], "ready");
    repo.chant(&["add", "Other", "--prompt", evil]);
    for line in repo.chant(&["list", "--porcelain"]).ok().stdout.lines() {
        assert_eq!(line.split('\t').nth(1), Some("ready"), "{line}");
    }
    // A file that leads out of the repository is not read into the prompt.
    std::os::unix::fs::symlink(repo.root().join("outside.md"), repo.path().join("link.md")).unwrap();
    let named = repo.add_spec_with("Look", &[], &["--informed-by", "link.md", "--informed-by", "../outside.md"]);
    repo.chant(&["prep", &named]).ok().says_not("secret");
}

#[test]
fn a_title_is_no_terminal_command() {
    let (repo, _) = repository(WORKER);
    let id = repo.add_spec("Own \u{1b}]0;it\u{7}\u{1b}[2J \u{202e}now", &["Box \u{1b}[31m"]);
    let dry = ["work", &id, "--dry-run"];
    for args in [&["list"][..], &["show", &id], &["history", &id], &dry, &["work", &id]] {
        let said = repo.chant(args);
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(!all.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{args:?}: {all:?}");
    }
}

#[test]
fn an_approval_names_who_typed_and_no_run_can_give_it() {
    let (repo, _) = repository(&format!("git chant approve \"$CHANT_SPEC_ID\" --by boss; echo $? >\"$HOME/code\"\n{WORKER}"));
    let id = repo.add_spec_with("Careful", &["It is made"], &["--needs-approval"]);
    repo.chant(&["work", &id]).fails(128).says("approv");
    repo.chant(&["approve", &id, "--by", "boss"]).ok();
    let event = repo.history(&id).remove(0);
    assert_eq!((event["event"].as_str(), event["author"].as_str()), (Some("approve"), Some("Tester")));
    repo.chant(&["work", &id]).ok();
    assert_eq!(std::fs::read_to_string(repo.root().join("home/code")).unwrap(), "128\n");
}

#[test]
fn the_prompt_is_there_for_the_agent_and_nothing_of_ours_is_there_to_commit() {
    let script = format!(
        "test -s \"$CHANT_PROMPT_FILE\" && grep -q 'Make it' \"$CHANT_PROMPT_FILE\" && test -s \"$CHANT_SPEC_FILE\"\n{WORKER}\n\
        cd \"$CHANT_WORKTREE/../../..\"; git status --porcelain >\"$HOME/main\"; git add -A --dry-run >>\"$HOME/main\""
    );
    let (repo, id) = repository(&script);
    repo.chant(&["work", &id]).ok();
    assert_eq!(std::fs::read_to_string(repo.root().join("home/main")).unwrap(), "");
    let work = repo.git(&["diff", "--name-only", "main", &format!("chant/{id}")]);
    assert_eq!(work.lines().collect::<Vec<_>>(), [TestRepo::spec_file(&id), format!("made-{id}")]);
}

#[test]
fn no_state_lies_outside_of_the_repository() {
    let (repo, id) = repository(WORKER);
    let files = || {
        let mut list = Vec::new();
        walk(repo.root(), &mut |path, _| {
            list.push(path.to_owned());
            path != repo.path()
        });
        list
    };
    let before = files();
    let verified = repo.add_spec("Prove it", &["It holds `$ true`"]);
    for spec in [&id, &verified] {
        repo.chant(&["work", spec]).ok();
    }
    repo.chant(&["merge", "--all"]).ok();
    assert_eq!(files(), before);
    Outcome::of(repo.command(repo.path(), "git").args(["config", "--global", "--list"])).ok().says_not("chant");
}

/// Whoever adds a label to another clone's spec has not read its commands: only an approval, or the text in an editor, trusts them.
#[test]
fn a_label_does_not_trust_the_commands_of_another_clone() {
    let repo = TestRepo::with_chant();
    repo.agent("maker", "echo made >made.txt");
    let id = repo.add_spec("From elsewhere", &["It is there `$ test -f made.txt`"]);
    // What this clone trusts is kept nowhere else: without it, the spec is as if it had been fetched.
    std::fs::remove_dir_all(repo.common_dir().join("chant/trust")).unwrap();
    repo.chant(&["edit", &id, "--add-label", "mine"]).ok();
    repo.chant(&["work", &id]).fails(128).says("neither wrote nor approved").says(&format!("git chant approve {id}"));
    repo.chant(&["approve", &id]).ok();
    repo.chant(&["work", &id]).ok();
}
