//! Every reason for which work is incomplete, through several ways of merging; one of them through every ordinary way.

use super::{TestRepo, WORKER, beside, finished, refused_in, refused_in_every_way, repository, ways};

/// Rewrites a part of the newest document on another branch than `main`, with the editor.
fn rewrite(repo: &TestRepo, id: &str, from: &str, to: &str) {
    let text = repo.chant(&["show", id, "--body"]).ok().stdout;
    assert!(text.contains(from), "{text}");
    std::fs::write(repo.root().join("home/edited.md"), text.replacen(from, to, 1)).unwrap();
    repo.git(&["config", "core.editor", "cp \"$HOME/edited.md\""]);
    beside(repo, |repo| drop(repo.chant(&["edit", id]).ok().says("Edited")));
}

/// [`refused_in`] several ways, with reasons that were made here.
#[track_caller]
fn refused(repo: &TestRepo, branch: &str, reasons: &[(String, String)]) {
    let reasons: Vec<_> = reasons.iter().map(|(reason, mend)| (reason.as_str(), mend.as_str())).collect();
    refused_in(repo, ways(branch).into_iter().step_by(2).collect(), &reasons);
}

#[test]
fn a_run_that_changed_nothing_is_refused_before_git_is_asked() {
    let repo = super::repository();
    repo.agent("idle", "true");
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.chant(&["work", &id]).fails(1);
    let said = repo.chant(&["merge", &id]).fails(1).says_not("git merge");
    assert_eq!(said.stderr, format!("error: spec {id} is failed, not completed\nhint: git chant resume {id}\n"));
}

#[test]
fn never_worked() {
    let repo = repository();
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.git(&["switch", "-q", "-c", "by-hand"]);
    repo.write("work", "half\n");
    repo.commit_all(&format!("chant({id}): begin"));
    repo.git(&["switch", "-q", "main"]);
    let reasons = [
        (format!("spec {id} is pending, not completed"), format!("git chant work {id}")),
        (format!("spec {id}: criterion 1 is not ticked: It is good"), format!("git chant check {id} 1")),
    ];
    refused(&repo, "by-hand", &reasons);
}

#[test]
fn a_box_is_not_ticked() {
    let (repo, id) = finished(&["It is good", "It is fast"], &[]);
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1", "2"]).ok()));
    let reasons = [
        (format!("spec {id}: criterion 1 is not ticked: It is good"), format!("git chant check {id} 1")),
        (format!("spec {id}: criterion 2 is not ticked: It is fast"), format!("git chant check {id} 2")),
    ];
    let reasons: Vec<_> = reasons.iter().map(|(reason, mend)| (reason.as_str(), mend.as_str())).collect();
    refused_in_every_way(&repo, &format!("chant/{id}"), &reasons);
}

#[test]
fn a_check_failed() {
    let repo = repository();
    let id = repo.add_spec("Do it", &["It is there `$ test -f nothing`"]);
    repo.chant(&["work", &id]).fails(1).says("criterion 1 failed");
    let said = repo.try_git(&["merge", &format!("chant/{id}")]);
    assert!(said.stderr.contains(&format!("error: spec {id} is failed, not completed\nhint: git chant resume {id}\n")), "{said}");
    assert!(said.stderr.contains(&format!("error: spec {id}: criterion 1 failed with exit code 1: It is there\n")), "{said}");
    assert!(said.stderr.contains(&format!("hint: git chant verify {id}\n")), "{said}");
}

#[test]
fn a_check_failed_on_finished_work() {
    let (repo, id) = finished(&["It is there `$ true`"], &[]);
    rewrite(&repo, &id, "`$ true`", "`$ exit 3`");
    repo.chant(&["approve", &id]).ok();
    repo.chant(&["verify", &id]).fails(1);
    let reason = format!("spec {id}: criterion 1 failed with exit code 3: It is there");
    refused(&repo, &format!("chant/{id}"), &[(reason, format!("git chant verify {id}"))]);
}

#[test]
fn a_check_was_not_run_on_this_work() {
    let (repo, id) = finished(&["It is there `$ true`"], &[]);
    rewrite(&repo, &id, "`$ true`", "`$ test -f README.md`");
    repo.chant(&["approve", &id]).ok();
    let reason = format!("spec {id}: criterion 1 was not checked on this work: It is there");
    let branch = format!("chant/{id}");
    refused(&repo, &branch, &[(reason, format!("git chant verify {id}"))]);
    repo.chant(&["verify", &id]).ok();
    repo.try_git(&["merge", &branch]).ok();
}

#[test]
fn the_intent_changed() {
    let (repo, id) = finished(&["It is good"], &[]);
    rewrite(&repo, &id, "It is good", "It is the best");
    let reason = format!("spec {id}: the intent changed after the work was started");
    let branch = format!("chant/{id}");
    refused(&repo, &branch, &[(reason, format!("git chant approve {id}"))]);
    repo.try_git(&["merge", &branch]).fails(128).says("+- [ ] It is the best");
    repo.chant(&["approve", &id]).ok();
    repo.try_git(&["merge", &branch]).ok();
}

#[test]
fn rejected() {
    let (repo, id) = finished(&["It is good"], &[]);
    repo.chant(&["reject", &id, "--reason", "not like this"]).ok();
    let branch = format!("chant/{id}");
    refused(&repo, &branch, &[(format!("spec {id} was rejected"), format!("git chant approve {id}"))]);
    repo.chant(&["approve", &id]).ok();
    repo.try_git(&["merge", &branch]).ok();
}

#[test]
fn an_approval_is_missing() {
    let (repo, id) = finished(&["It is good"], &[]);
    rewrite(&repo, &id, "type: code\n", "type: code\napproval: {required: true}\n");
    let (branch, mend) = (format!("chant/{id}"), format!("git chant approve {id}"));
    let changed = format!("spec {id}: the intent changed after the work was started");
    refused(&repo, &branch, &[(changed, mend.clone()), (format!("spec {id} is not approved"), mend)]);
    repo.chant(&["approve", &id]).ok();
    repo.try_git(&["merge", &branch]).ok();
}

#[test]
fn an_approval_lapsed() {
    let repo = repository();
    let id = repo.add_spec_with("Do it", &["It is good"], &["--needs-approval"]);
    repo.chant(&["work", &id]).fails(128).says("waits for approval");
    repo.chant(&["approve", &id, "--by", "Ann"]).ok();
    repo.chant(&["work", &id]).ok();
    rewrite(&repo, &id, "It is good", "It is bad");
    let (branch, mend) = (format!("chant/{id}"), format!("git chant approve {id}"));
    let changed = format!("spec {id}: the intent changed after the work was started");
    refused(&repo, &branch, &[(changed, mend.clone()), (format!("spec {id}: the approval lapsed"), mend)]);
}

#[test]
fn an_attempt_that_was_given_up() {
    let (repo, id) = finished(&["It is good"], &[]);
    repo.git(&["branch", "old", &format!("chant/{id}")]);
    beside(&repo, |repo| drop(repo.chant(&["reset", &id]).ok()));
    // What the attempt began on was not given up with it.
    repo.git(&["branch", "stable", "main~1"]);
    let began = repo.git(&["rev-parse", "main"]);
    let said = repo.chant(&["gate", "old", "--target", "stable"]).fails(1).says("an attempt that was given up comes in with ");
    assert!(!said.stderr.contains(&began[..7]), "{said}");
    repo.agent("second", &WORKER.replace("attempt ", "again "));
    repo.chant(&["work", &id]).ok();
    let tip = repo.show(&id)["tip"].as_str().unwrap()[..10].to_owned();
    let mend = format!("git chant merge {id}");
    let reasons = [
        (format!("spec {id}: its finished work {tip} is not in the result"), mend.clone()),
        (format!("spec {id}: an attempt that was given up comes in with "), mend),
    ];
    refused(&repo, "old", &reasons);
    repo.try_git(&["merge", &format!("chant/{id}")]).ok();
    assert!(repo.read(&format!("work-{id}")).starts_with("again "));
}

#[test]
fn a_dependency_is_missing() {
    let repo = repository();
    let first = repo.add_spec("First", &["It is good"]);
    let second = repo.add_spec_with("Second", &["It is good"], &["--depends-on", &first]);
    repo.chant(&["work", &second]).fails(128).says("is blocked");
    repo.chant(&["work", &second, "--force"]).ok();
    let reasons = [(format!("spec {second} depends on {first}, which is not in the result"), format!("git chant merge {first}"))];
    let branch = format!("chant/{second}");
    refused(&repo, &branch, &reasons);
    repo.chant(&["work", &first]).ok();
    refused(&repo, &branch, &reasons);
    repo.chant(&["merge", &first]).ok();
    repo.try_git(&["merge", "--no-edit", &branch]).ok();
}

#[test]
fn a_spec_that_this_clone_lacks() {
    let repo = repository();
    repo.git(&["switch", "-q", "-c", "from-elsewhere"]);
    repo.write("work", "x\n");
    repo.commit_all("Do it\n\nChant-Spec: 2026-01-01-001-zzz");
    repo.git(&["switch", "-q", "main"]);
    let reason = "spec 2026-01-01-001-zzz is not known in this clone".to_owned();
    refused(&repo, "from-elsewhere", &[(reason, "git chant fetch".to_owned())]);
}
