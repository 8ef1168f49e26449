//! Deciding in spite of the gate, and asking it for more: overrides, approvals, signatures, the result of a merge, marks.

mod merge_mode;
mod signed;

use super::common::{Outcome, TestRepo};
use super::merges::{beside, finished, repository};

/// git with a person's word.
fn overriding(repo: &TestRepo, why: &str, args: &[&str]) -> Outcome {
    Outcome::of(repo.command(repo.path(), "git").env("GIT_CHANT_OVERRIDE", why).args(args))
}

/// A finished spec whose box is open again, so that the gate refuses it.
fn unticked() -> (TestRepo, String, String) {
    let (repo, id) = finished(&["It is good"], &[]);
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    let branch = format!("chant/{id}");
    (repo, id, branch)
}

#[test]
fn an_override_lets_it_in_and_is_seen_everywhere() {
    let (repo, id, branch) = unticked();
    let origin = repo.with_origin();
    repo.try_git(&["merge", &branch]).fails(128);
    let said = overriding(&repo, "the house\nburns", &["merge", "--no-ff", "--no-edit", &branch]).ok();
    said.says("warning: let through in spite of 1 reason: the house burns");
    // Several hooks asked; it is one decision.
    assert_eq!(repo.events(&id).iter().filter(|kind| *kind == "override").count(), 1);
    repo.chant(&["show", &id]).ok().says("override").says("the house burns");
    assert_eq!(repo.show(&id)["overrides"][0], "the house burns");
    repo.chant(&["history", &id]).ok().says("override").says("the house burns");
    let notes = repo.git(&["log", "--notes=chant", &branch, "-1"]);
    assert!(notes.contains("override by Tester into main: the house burns") && notes.contains(&id), "{notes}");
    // What was let in may be pushed, without saying it again.
    repo.git(&["push", "-q", "origin", "main"]);
    assert_eq!(repo.at(origin).git(&["rev-parse", "main"]), repo.head());
}

#[test]
fn an_override_is_for_what_was_there() {
    let (repo, id, branch) = unticked();
    repo.git(&["branch", "-q", "stable"]);
    overriding(&repo, "now", &["merge", "--ff-only", &branch]).ok();
    repo.git(&["switch", "-q", "-c", "more"]);
    repo.write("more", "x\n");
    repo.commit_all(&format!("chant({id}): and this"));
    repo.git(&["switch", "-q", "main"]);
    repo.try_git(&["merge", "more"]).fails(128).says("criterion 1 is not ticked");
    repo.git(&["config", "--add", "chant.protected", "stable"]);
    repo.git(&["config", "--add", "chant.protected", "main"]);
    repo.chant(&["hooks", "install"]).ok();
    repo.git(&["switch", "-q", "stable"]);
    let said = repo.try_git(&["merge", "--ff-only", &branch]);
    assert!(said.code != 0 && said.stderr.contains("criterion 1 is not ticked"), "another branch is another decision: {said}");
}

#[test]
fn nobody_overrides_by_accident_and_no_run_does() {
    let (repo, id, branch) = unticked();
    for why in ["", "  "] {
        overriding(&repo, why, &["merge", &branch]).fails(128).says("criterion 1 is not ticked");
    }
    let mut git = repo.command(repo.path(), "git");
    git.envs([("GIT_CHANT_OVERRIDE", "I am done"), ("CHANT_RUN_ID", "r1")]).args(["merge", &branch]);
    Outcome::of(&mut git).fails(128).says("criterion 1 is not ticked").says("is for people, and this is a run");
    // Nor one that has forgotten that it is one.
    let tree = repo.path().join(".chant/worktrees/elsewhere");
    repo.git(&["worktree", "add", "-q", "--detach", tree.to_str().unwrap(), &branch]);
    let said = overriding(&repo.at(&tree), "I am done", &["push", "-q", ".", "HEAD:main"]);
    said.fails(1).says("criterion 1 is not ticked").says("is for people, and this is a run");
    repo.git(&["worktree", "remove", tree.to_str().unwrap()]);
    assert!(!repo.events(&id).contains(&"override".to_owned()));
    let said = repo.chant_env(&[("GIT_CHANT_OVERRIDE", "we need it")], &["merge", &id]).ok();
    said.says("warning: let through: we need it");
    assert_eq!(repo.events(&id).iter().filter(|kind| *kind == "override").count(), 1);
}

#[test]
fn overrides_can_be_taken_away_by_either_side() {
    for by_file in [true, false] {
        let (repo, id, branch) = unticked();
        if by_file {
            repo.write(".chant/config.md", "---\nallow_override: false\n---\n");
            repo.commit_all("Settle");
            repo.git(&["config", "chant.allowOverride", "true"]);
        } else {
            repo.git(&["config", "chant.allowOverride", "false"]);
        }
        let before = repo.snapshot();
        let said = overriding(&repo, "please", &["merge", &branch]).fails(128);
        said.says("criterion 1 is not ticked").says("overrides are turned off here (chant.allowOverride)");
        before.assert_same(&repo.snapshot());
        assert!(!repo.events(&id).contains(&"override".to_owned()));
    }
}

#[test]
fn a_server_decides_for_itself() {
    let (repo, id, branch) = unticked();
    let bare = repo.at(repo.with_origin());
    bare.chant(&["hooks", "install", "--server"]).ok();
    overriding(&repo, "now", &["merge", "--ff-only", &branch]).ok();
    let push = || overriding(&repo, "now", &["push", "-q", "origin", "main", "refs/chant/*:refs/chant/*"]);
    // The same variable reaches a server on the same machine, and is nobody's word there.
    push().fails(1).says("remote: error: spec").says("criterion 1 is not ticked").says("remote: hint: then push both again");
    bare.git(&["config", "chant.allowOverride", "true"]);
    push().ok();
    assert!(repo.events(&id).contains(&"override".to_owned()));
}

#[test]
fn work_of_no_known_spec_can_be_let_in_too() {
    let repo = repository();
    repo.git(&["config", "chant.requireSpec", "true"]);
    repo.try_git(&["merge", "--ff-only", "other"]).fails(128).says("belongs to no spec: Something else");
    overriding(&repo, "a hotfix", &["merge", "--ff-only", "other"]).ok();
    assert!(repo.git(&["log", "-1", "--notes=chant"]).contains("override by Tester into main: a hotfix (no spec)"));
}

#[test]
fn approvals_are_asked_for_by_settings() {
    for (value, by_file) in [("always", false), ("foreign", true), ("always", true)] {
        let (repo, id) = finished(&["It is good"], &[]);
        let branch = format!("chant/{id}");
        if by_file {
            repo.write(".chant/config.md", format!("---\nrequire_approval: {value}\n---\n"));
            repo.commit_all("Settle");
            repo.git(&["config", "chant.requireApproval", "never"]);
        } else {
            repo.git(&["config", "chant.requireApproval", value]);
        }
        if value == "foreign" {
            // What this clone wrote needs none; what it did not write does.
            repo.chant(&["gate", &branch]).ok();
            std::fs::remove_dir_all(repo.path().join(".git/chant/trust")).unwrap();
        }
        let said = repo.try_git(&["merge", "--no-edit", &branch]);
        assert!(
            said.code != 0 && said.stderr.contains(&format!("error: spec {id} is not approved\nhint: git chant approve {id}\n")),
            "{said}"
        );
        beside(&repo, |repo| drop(repo.chant(&["approve", &id]).ok()));
        repo.try_git(&["merge", "--no-edit", &branch]).ok();
    }
}

#[test]
fn work_waits_for_the_approval_that_settings_ask_for() {
    let repo = repository();
    repo.git(&["config", "chant.requireApproval", "always"]);
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.chant(&["work", &id]).fails(128).says("waits for approval (chant.requireApproval)").says(&format!("hint: git chant approve {id}"));
    repo.chant(&["approve", &id]).ok();
    repo.chant(&["work", &id]).ok();
    repo.try_git(&["merge", &format!("chant/{id}")]).ok();
}

#[test]
fn going_on_asks_for_as_much_as_beginning() {
    let repo = repository();
    let id = repo.add_spec("Do it", &["It is good `$ false`"]);
    repo.chant(&["work", &id]).fails(1);
    let begun = repo.git(&["rev-parse", &format!("refs/chant/specs/{id}")]);
    repo.git(&["config", "chant.requireApproval", "always"]);
    repo.chant(&["resume", &id])
        .fails(128)
        .says("waits for approval (chant.requireApproval)")
        .says(&format!("hint: git chant approve {id}"));
    repo.git(&["config", "chant.requireApproval", "never"]);
    for (key, value) in [("chant.requireSigned", "true"), ("gpg.program", "false")] {
        repo.git(&["config", key, value]);
    }
    repo.chant(&["resume", &id]).fails(128).says("chant.requireSigned").says("hint: git config user.signingKey");
    repo.git(&["config", "--unset", "chant.requireSigned"]);
    assert_eq!(repo.git(&["rev-parse", &format!("refs/chant/specs/{id}")]), begun);
    repo.chant(&["reject", &id, "-m", "Not so"]).ok();
    repo.chant(&["resume", &id]).fails(128).says(&format!("{id} was rejected")).says_not("waits for approval");
}

#[test]
fn a_mark_says_which_commit_holds_the_work() {
    let (repo, id) = finished(&["It is good"], &[]);
    // Taken over by hand, with another end of line: neither the same tree nor the same patch.
    repo.git(&["switch", "-q", "-c", "by-hand"]);
    repo.write(&format!("work-{id}"), "attempt 1, and more\n");
    let commit = repo.commit_all(&format!("chant({id}): by hand"));
    repo.git(&["switch", "-q", "main"]);
    let said = repo.try_git(&["merge", "by-hand"]);
    assert!(said.code != 0 && said.stderr.contains("its finished work"), "{said}");
    repo.chant(&["merge", "--mark", &id, "nothing"]).fails(128).says("hint: ");
    repo.chant_env(&[("CHANT_RUN_ID", "r")], &["merge", "--mark", &id, "by-hand"]).fails(128).says("a run cannot");
    repo.chant(&["merge", "--mark", &id, "by-hand"]).ok().says(&format!("{id} is merged into main as {}", &commit[..7]));
    repo.try_git(&["merge", "--no-edit", "by-hand"]).ok();
    repo.chant(&["merge", "--all"]).ok().says("Nothing to merge.");
    let open = repo.add_spec("Not done", &["x"]);
    repo.chant(&["merge", "--mark", &open, "HEAD"]).fails(128).says("is pending");
}
