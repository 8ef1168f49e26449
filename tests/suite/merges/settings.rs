//! What the gate asks for: shared settings at the target's tip, which one clone can tighten and never loosen; and `git chant gate`.

use super::{Outcome, TestRepo, beside, finished, is_refused_with, repository};

fn share(repo: &TestRepo, settings: &str) {
    repo.write(".chant/config.md", format!("---\n{settings}\n---\n# Settings\n"));
    repo.commit_all("Settle the settings");
}

/// A finished spec whose command was changed and approved since, so that it was never checked.
fn unchecked(settings: &str) -> (TestRepo, String) {
    let repo = repository();
    share(&repo, settings);
    let id = repo.add_spec("Do it", &["It is there `$ true`"]);
    repo.chant(&["work", &id]).ok();
    repo.edit_spec(&id, "`$ true`", "`$ exit 3`");
    repo.chant(&["approve", &id]).ok();
    // A criterion that says something else now is open again.
    repo.chant(&["check", &id, "1"]).ok();
    (repo, id)
}

#[test]
fn ticks_are_enough_only_where_everybody_says_so() {
    for (shared, own, passes) in [
        ("verify: none", None, true),
        ("verify: none", Some("none"), true),
        ("verify: none", Some("branch"), false),
        ("verify: branch", Some("none"), false),
        ("verify: branch", None, false),
        ("require_spec: false", None, false),
    ] {
        let (repo, id) = unchecked(shared);
        if let Some(own) = own {
            repo.git(&["config", "chant.verify", own]);
        }
        let said = repo.try_git(&["merge", "--no-edit", &format!("chant/{id}")]);
        assert_eq!(said.code == 0, passes, "{shared}, {own:?}: {said}");
    }
}

#[test]
fn what_comes_in_cannot_loosen_what_it_is_judged_by() {
    let repo = repository();
    let id = repo.add_spec("Do it", &["It is there `$ exit 3`"]);
    repo.git(&["switch", "-q", "-c", "sly"]);
    share(&repo, "protected: [nothing]\nverify: none");
    repo.write("work", "x\n");
    repo.commit_all(&format!("chant({id}): done, believe me"));
    repo.git(&["switch", "-q", "main"]);
    let said = repo.try_git(&["merge", "sly"]);
    assert_ne!(said.code, 0, "{said}");
    assert!(said.stderr.contains("was not checked on this work"), "{said}");
}

#[test]
fn a_change_of_settings_is_named() {
    let repo = repository();
    repo.git(&["switch", "-q", "-c", "settled"]);
    share(&repo, "protected: [main]\nverify: none");
    let commit = repo.head();
    repo.git(&["switch", "-q", "main"]);
    repo.chant(&["gate", "settled"]).ok().says("settings").says(&commit[..7]);
}

#[test]
fn every_commit_needs_a_spec_where_one_side_says_so() {
    for by_file in [true, false] {
        let (repo, id) = finished(&["It is good"], &[]);
        share(&repo, if by_file { "require_spec: true" } else { "require_spec: false" });
        repo.git(&["config", "chant.requireSpec", if by_file { "false" } else { "true" }]);
        let head = repo.head();
        repo.write("stray", "x\n");
        repo.git(&["add", "stray"]);
        let said = repo.try_git(&["commit", "-q", "-m", "Just so"]);
        assert!(said.code != 0 && said.stderr.contains("belongs to no spec: Just so"), "{said}");
        assert_eq!((repo.head(), repo.git(&["status", "--porcelain"]).as_str()), (head, "A  stray"));
        repo.git(&["rm", "-q", "--cached", "stray"]);
        // Planning is always possible, by our verbs and by hand.
        let planned = repo.add_spec("Plan", &["x"]);
        repo.edit_spec(&planned, "# Plan", "# Plan more");
        repo.try_git(&["commit", "-q", "-m", "Plan", "--", &TestRepo::spec_file(&planned)]).ok();
        // And the work of a complete spec passes.
        repo.try_git(&["merge", "-q", "--no-edit", &format!("chant/{id}")]).ok();
        let said = repo.try_git(&["merge", "-q", "--no-edit", "other"]);
        assert!(said.code != 0 && said.stderr.contains("belongs to no spec: Something else"), "{said}");
        assert_eq!(repo.git(&["status", "--porcelain"]), "?? stray");
    }
}

#[test]
fn a_stray_commit_is_mended_by_the_command_that_is_named() {
    let (repo, id) = finished(&["It is good"], &[]);
    repo.chant(&["merge", &id]).ok();
    repo.git(&["config", "chant.requireSpec", "true"]);
    let head = repo.head();
    repo.write("more", "x\n");
    repo.git(&["add", "more"]);
    let said = repo.try_git(&["commit", "-q", "-m", "Add more"]);
    let hint = said.stderr.lines().find_map(|line| line.strip_prefix("hint: git ")).unwrap_or_else(|| panic!("no hint: {said}"));
    let hint = hint.replace("ID", &id);
    // The name alone is no way in: nobody has checked it yet.
    let said = repo.try_git(&[&hint.split(' ').collect::<Vec<_>>()[..], &["-m", "Add more"]].concat()).fails(128);
    let said = said.says(&format!("spec {id}: its work is merged already, and went on")).says("then: git chant merge");
    assert_eq!(repo.head(), head);
    let mend = said.stderr.lines().find_map(|line| line.strip_prefix("hint: git branch ")).unwrap_or_else(|| panic!("no mend: {said}"));
    repo.git(&["reset", "-q", "--hard"]);
    Outcome::of(repo.command(repo.path(), "sh").args(["-c", &format!("git branch {mend}")])).ok();
    repo.chant(&["merge", &id]).ok();
    assert_eq!(repo.git(&["rev-parse", "HEAD~1"]), head, "the commit before is as it was");
    assert!(repo.git(&["log", "-1", "--format=%B", "--", "more"]).contains(&format!("Chant-Spec: {id}")));
}

#[test]
fn further_branches_are_protected_by_either_side() {
    let (repo, id) = finished(&["It is good"], &[]);
    share(&repo, "protected: [main, release/*]");
    repo.git(&["config", "--add", "chant.protected", "stable"]);
    repo.chant(&["init"]).ok().says("release/*").says("stable");
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    for branch in ["stable", "release/1.0", "main"] {
        if branch != "main" {
            repo.git(&["switch", "-q", "-c", branch, "main"]);
        }
        repo.git(&["switch", "-q", branch]);
        let said = repo.try_git(&["merge", "--no-edit", &format!("chant/{id}")]);
        let reason = format!("spec {id}: criterion 1 is not ticked");
        is_refused_with(&said, &[(&reason, &format!("git chant check {id} 1"))]);
    }
}

#[test]
fn own_configuration_does_not_unprotect_what_is_shared() {
    let (repo, id) = finished(&["It is good"], &[]);
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    repo.git(&["config", "chant.protected", "nothing"]);
    repo.chant(&["init"]).ok();
    repo.try_git(&["merge", &format!("chant/{id}")]).fails(128).says("criterion 1 is not ticked");
}

#[test]
fn the_gate_answers_with_its_exit_code() {
    let (repo, id) = finished(&["It is there `$ test -f work-*`"], &[]);
    let branch = format!("chant/{id}");
    repo.chant(&["gate", &branch]).ok().says(&format!("{branch} may come into main."));
    repo.chant(&["gate", "--target", "main", &repo.git(&["rev-parse", &branch])]).ok();
    repo.chant(&["gate"]).ok();
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    let before = repo.snapshot();
    let said = repo.chant(&["gate", &branch]).fails(1).says(&format!("{branch} may not come into main:"));
    is_refused_with(&said, &[(&format!("spec {id}: criterion 1 is not ticked"), &format!("git chant check {id} 1"))]);
    repo.chant(&["gate", "no-such-commit"]).fails(128).says("fatal: ");
    repo.chant(&["gate", "--no-such-option"]).fails(129);
    repo.git(&["switch", "-q", "--detach"]);
    repo.chant(&["gate", &branch]).fails(128).says("hint: ");
    repo.chant(&["gate", &branch, "--target", "main"]).fails(1);
    repo.git(&["switch", "-q", "main"]);
    before.assert_same(&repo.snapshot());
}

#[test]
fn claimed_work_is_let_in_and_called_so() {
    let (repo, id) = finished(&["It is good"], &[]);
    repo.chant(&["gate", &format!("chant/{id}")]).ok().says(&format!("spec {id} is claimed, not verified"));
    let (repo, id) = finished(&["It is there `$ true`"], &[]);
    repo.chant(&["gate", &format!("chant/{id}")]).ok().says_not("claimed");
}

/// A branch that is made from a protected one brings nothing in, whatever became of the specs since; and it is judged as that one is.
#[test]
fn a_release_branch_begins_where_main_is_and_asks_for_as_much() {
    let (repo, id) = finished(&["It is good"], &[]);
    share(&repo, "protected: [main, release/*]\nrequire_spec: true");
    let bare = repo.at(repo.with_origin());
    bare.chant(&["hooks", "install", "--server"]).ok();
    for branch in ["main", "release/*"] {
        bare.git(&["config", "--add", "chant.protected", branch]);
    }
    repo.chant(&["init"]).ok();
    repo.chant(&["merge", &id]).ok();
    repo.git(&["push", "-q", "origin", "main", "refs/chant/*:refs/chant/*"]);
    repo.chant(&["reset", &id]).ok();
    repo.git(&["push", "-q", "--no-verify", "origin", "main", "refs/chant/specs/*:refs/chant/specs/*"]);
    repo.git(&["branch", "-q", "release/1", "main"]);
    repo.git(&["push", "-q", "origin", "main:release/1"]);
    for way in [&["branch", "release/2", "other"][..], &["push", "-q", "--no-verify", "origin", "other:release/2"]] {
        let said = repo.try_git(way);
        assert!(said.code != 0 && said.stderr.contains("belongs to no spec: Something else"), "git {}: {said}", way.join(" "));
    }
}

/// Work in several commits, put upon what main has by now: no commit of it does all, and all of it together does just that.
#[test]
fn a_rebase_of_the_whole_work_is_the_work() {
    let repo = repository();
    repo.agent(
        "twice",
        "for n in one two; do echo $n >$n; git add $n; git commit -q -m $n; done; sed -i 's/^- \\[ \\]/- [x]/' \"$CHANT_SPEC_FILE\"",
    );
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.chant(&["work", &id]).ok();
    repo.write("on", "x\n");
    repo.commit_all("On");
    repo.git(&["switch", "-q", "-c", "rebased", &format!("chant/{id}")]);
    repo.git(&["rebase", "-q", "main"]);
    repo.git(&["branch", "-q", "whole"]);
    repo.git(&["branch", "-q", "half", "whole^{/^one}"]);
    // In other steps, none of which is one of the work's.
    repo.git(&["switch", "-q", "-c", "recut", "main"]);
    for (one, message) in [("wrong\n", "begin"), ("one\n", "end")] {
        repo.write("one", one);
        repo.write("two", "two\n");
        repo.commit_all(&format!("chant({id}): {message}"));
    }
    repo.git(&["switch", "-q", "main"]);
    repo.chant(&["gate", "recut"]).ok();
    repo.try_git(&["merge", "-q", "--ff-only", "half"]).fails(128).says("its finished work").says("is not in the result");
    repo.try_git(&["merge", "-q", "--ff-only", "whole"]).ok();
}
