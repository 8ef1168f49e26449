//! An agent that wants its work merged without doing it. Each way is refused here, or gitchant-gate(7) names the setting that refuses it.

mod alike;
mod inside;
mod sly;

use super::common::TestRepo;
use super::merges::{beside, finished, repository};

/// The work of a spec whose check fails, on `chant/<id>`.
fn undone() -> (TestRepo, String) {
    let repo = repository();
    let id = repo.add_spec("Do it", &["It is there `$ test -f real-work`", "It is good"]);
    repo.chant(&["work", &id]).fails(1);
    (repo, id)
}

/// Commits something on a branch of the agent's own, which begins on `main`.
fn on_branch(repo: &TestRepo, branch: &str, message: &str) {
    repo.git(&["switch", "-q", "-C", branch, "main"]);
    repo.write("fake-work", branch);
    repo.git(&["add", "."]);
    repo.git(&["commit", "-q", "-m", message]);
    repo.git(&["switch", "-q", "main"]);
}

#[track_caller]
fn refused(repo: &TestRepo, branch: &str, reason: &str) {
    let (before, head) = (repo.snapshot(), repo.head());
    let said = repo.try_git(&["merge", "--no-edit", branch]);
    assert!(said.code != 0 && said.stderr.contains(reason), "{reason}: {said}");
    before.assert_same(&repo.snapshot());
    assert_eq!(repo.head(), head);
}

#[test]
fn ticks_are_no_verdicts() {
    let (repo, id) = undone();
    beside(&repo, |repo| drop(repo.chant_env(&[("CHANT_RUN_ID", "r")], &["check", &id, "1", "2"])));
    refused(&repo, &format!("chant/{id}"), "criterion 1 failed with exit code 1");
}

#[test]
fn the_document_on_its_branch_is_only_a_file() {
    for (from, to) in
        [("`$ test -f real-work`", "`$ true`"), ("- [ ] It is there `$ test -f real-work`\n", ""), ("status: failed", "status: completed")]
    {
        let (repo, id) = undone();
        repo.git(&["switch", "-q", "-c", "sly", &format!("chant/{id}")]);
        let path = TestRepo::spec_file(&id);
        let text = repo.git(&["show", &format!("refs/chant/specs/{id}:spec.md")]);
        repo.write(&path, text.replace("- [x]", "- [ ]").replace(from, to));
        repo.git(&["add", "-f", &path]);
        repo.git(&["commit", "-q", "-m", "Nothing to see"]);
        repo.git(&["switch", "-q", "main"]);
        refused(&repo, "sly", &format!("spec {id} is failed, not completed"));
    }
}

#[test]
fn a_criterion_that_a_run_changes_is_seen_with_its_difference() {
    let repo = repository();
    for (sed, differs) in [
        ("s/test -f real-work/true/", ["-- [ ] It is there `$ test -f real-work`", "+- [ ] It is there `$ true`"]),
        ("s/It is there/It may be there/", ["-- [ ] It is there", "+- [ ] It may be there"]),
        ("/It is there/d", ["-- [ ] It is there", " - [ ] It is good"]),
        ("s/^- .* It is good/&\\n- [ ] And red/", [" - [ ] It is good", "+- [ ] And red"]),
    ] {
        let id = repo.add_spec("Do it", &["It is there `$ test -f real-work`", "It is good"]);
        repo.agent("sly", &format!("echo x >real-work; sed -i -e '{sed}' -e 's/^- \\[ \\]/- [x]/' \"$CHANT_SPEC_FILE\""));
        repo.chant(&["work", &id]).fails(1);
        let said = repo.try_git(&["merge", &format!("chant/{id}")]).fails(128).says(&format!("spec {id} is needs_attention"));
        let said = said.says("the intent changed after the work was started, and nobody approved it");
        assert!(
            differs.iter().all(|line| said.stderr.lines().any(|said| said.trim_start().starts_with(line.trim_start()))),
            "{sed}: {said}"
        );
    }
}

#[test]
fn another_name_for_the_branch_changes_nothing() {
    let (repo, id) = undone();
    repo.git(&["branch", "innocent", &format!("chant/{id}")]);
    refused(&repo, "innocent", &format!("spec {id} is failed"));
    repo.try_git(&["merge", "--squash", "innocent"]).fails(128).says("is failed, not completed");
}

#[test]
fn trailers_can_be_forged_and_approve_nothing() {
    let (repo, id) = undone();
    on_branch(
        &repo,
        "forged",
        &format!("Done\n\nChant-Spec: {id}\nChant-Status: completed\nChant-Approval: approved\nChant-Event: finish"),
    );
    refused(&repo, "forged", &format!("spec {id} is failed"));
}

#[test]
fn notes_can_be_forged_and_decide_nothing() {
    let (repo, id) = undone();
    let branch = format!("chant/{id}");
    repo.git(&["notes", "--ref=chant", "add", "-f", "-m", &format!("{id}: verified on code tree"), &branch]);
    refused(&repo, &branch, &format!("spec {id} is failed"));
}

#[test]
fn its_own_settings_are_not_what_it_is_judged_by() {
    let (repo, id) = undone();
    repo.git(&["switch", "-q", "-c", "sly", &format!("chant/{id}")]);
    repo.write(".chant/config.md", "---\nprotected: [none]\nverify: none\nallow_override: true\n---\n");
    repo.git(&["add", "-f", ".chant/config.md"]);
    repo.git(&["commit", "-q", "-m", "Settle"]);
    repo.git(&["switch", "-q", "main"]);
    refused(&repo, "sly", &format!("spec {id} is failed"));
}

#[test]
fn work_without_a_name_needs_one_where_every_commit_does() {
    let repo = repository();
    on_branch(&repo, "nameless", "Improve things");
    // It is like any other commit; the documentation names the setting.
    repo.chant(&["gate", "nameless"]).ok();
    repo.git(&["config", "chant.requireSpec", "true"]);
    refused(&repo, "nameless", "belongs to no spec: Improve things");
    on_branch(&repo, "empty-name", "Improve things\n\nChant-Spec: 2026-01-01-001-zzz");
    refused(&repo, "empty-name", "spec 2026-01-01-001-zzz is not known in this clone");
}

/// A merge commit of two branches that bring nothing, which holds a change itself.
fn evil_merge(repo: &TestRepo) {
    repo.git(&["switch", "-q", "-C", "evil", "main"]);
    repo.git(&["commit", "-q", "--allow-empty", "-m", "One"]);
    repo.git(&["switch", "-q", "-C", "side", "main"]);
    repo.git(&["commit", "-q", "--allow-empty", "-m", "Two"]);
    repo.git(&["switch", "-q", "evil"]);
    repo.git(&["merge", "-q", "--no-commit", "side"]);
    repo.write("hidden", "x\n");
    repo.git(&["add", "hidden"]);
    repo.git(&["commit", "-q", "-m", "Merge side"]);
    repo.git(&["switch", "-q", "main"]);
}

#[test]
fn a_merge_that_holds_more_than_its_parents_is_work() {
    let repo = repository();
    repo.git(&["config", "chant.requireSpec", "true"]);
    evil_merge(&repo);
    refused(&repo, "evil", "belongs to no spec: Merge side");
    // One that is just a merge needs none.
    let (repo, id) = finished(&["It is good"], &[]);
    repo.git(&["config", "chant.requireSpec", "true"]);
    repo.git(&["switch", "-q", "-c", "topic"]);
    repo.git(&["merge", "-q", "--no-ff", "-m", "Take it in", &format!("chant/{id}")]);
    repo.git(&["switch", "-q", "main"]);
    repo.try_git(&["merge", "--no-edit", "topic"]).ok();
}

#[test]
fn undoing_a_removal_that_was_made_for_it_is_no_revert() {
    let repo = repository();
    repo.git(&["config", "chant.requireSpec", "true"]);
    on_branch(&repo, "seed", "Seed");
    repo.git(&["switch", "-q", "seed"]);
    repo.git(&["rm", "-q", "fake-work"]);
    repo.git(&["commit", "-q", "-m", "Remove"]);
    repo.git(&["switch", "-q", "-c", "trick", "main"]);
    repo.write("fake-work", "seed");
    repo.git(&["add", "fake-work"]);
    repo.git(&["commit", "-q", "-m", &format!("Revert \"Remove\"\n\nThis reverts commit {}.", repo.git(&["rev-parse", "seed"]))]);
    repo.git(&["switch", "-q", "main"]);
    refused(&repo, "trick", "belongs to no spec: Revert \"Remove\"");
}

#[test]
fn a_revert_is_one_by_its_tree() {
    let (repo, id) = finished(&["It is good"], &[]);
    repo.chant(&["merge", &id]).ok();
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    let work = repo.git(&["log", "-1", "--format=%H", "--", &format!("work-{id}")]);
    repo.git(&["switch", "-q", "-c", "back"]);
    repo.git(&["revert", "--no-edit", &work]);
    repo.git(&["switch", "-q", "-c", "sly"]);
    repo.write("more", "x\n");
    repo.git(&["add", "more"]);
    repo.git(&["commit", "-q", "--amend", "--no-edit"]);
    repo.git(&["switch", "-q", "main"]);
    repo.git(&["config", "chant.requireSpec", "true"]);
    refused(&repo, "sly", "belongs to no spec: Revert \"Do the work\"");
    repo.try_git(&["merge", "--no-edit", "back"]).ok();
}

/// Puts events upon a spec's history that nobody went through git-chant for: completed, with every box ticked.
fn forge(repo: &TestRepo, id: &str, events: &[(&str, &str)]) {
    let name = format!("refs/chant/specs/{id}");
    let old = repo.git(&["rev-parse", &name]);
    let tip = repo.git(&["rev-parse", &format!("chant/{id}")]);
    let tree = git_chant::git::Repository::open(repo.path()).unwrap().code_tree(tip.parse().unwrap()).unwrap();
    let document = repo.git(&["show", &format!("{name}:spec.md")]).replace("[ ]", "[x]").replace("failed", "completed") + "\n";
    std::fs::write(repo.root().join("tmp/spec.md"), document).unwrap();
    let blob = repo.git(&["hash-object", "-w", repo.root().join("tmp/spec.md").to_str().unwrap()]);
    std::fs::write(repo.root().join("tmp/tree"), format!("100644 blob {blob}\tspec.md\n")).unwrap();
    let mut mktree = repo.command(repo.path(), "git");
    mktree.arg("mktree").stdin(std::fs::File::open(repo.root().join("tmp/tree")).unwrap());
    let forged_tree = super::common::Outcome::of(&mut mktree).ok().stdout.trim().to_owned();
    let attempt = repo.show(id)["attempt"].to_string();
    let mut last = old;
    for (kind, more) in events {
        let message = format!(
            "{kind}: Do it\n\nChant-Event: {kind}\nChant-Status: completed\nChant-Attempt: {attempt}\nChant-Blob: {blob}\n\
             Chant-Tip: {tip}\nChant-Code-Tree: {tree}\n{more}"
        );
        last = repo.git(&["commit-tree", &forged_tree, "-p", &last, "-m", &message]);
    }
    repo.git(&["update-ref", &name, &last]);
}

#[test]
fn refs_that_it_writes_itself_need_a_signature_that_it_cannot_make() {
    let repo = repository();
    repo.agent("lazy", "echo x >fake-work");
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.chant(&["work", &id]).fails(1);
    // A history of its own: the real start, then a finish with verdicts of its own making.
    let branch = format!("chant/{id}");
    forge(&repo, &id, &[("finish", ""), ("approve", "Chant-By: Ann\n")]);
    let said = repo.try_git(&["merge", "--no-commit", "--no-ff", &branch]);
    assert_eq!(said.code, 0, "on one machine refs are as trustworthy as the account; the documentation says so: {said}");
    repo.git(&["merge", "--abort"]);
    repo.git(&["config", "chant.requireApproval", "always"]);
    repo.git(&["config", "chant.requireSigned", "true"]);
    let said = repo.try_git(&["merge", &branch]);
    assert!(said.code != 0 && said.stderr.contains(&format!("error: spec {id}")), "{said}");
}

#[test]
fn a_forged_pass_does_not_stand_where_ci_runs_the_checks_itself() {
    let repo = repository();
    repo.agent("lazy", "echo x >fake-work");
    let check = "test -f real-work";
    let id = repo.add_spec("Do it", &[&format!("It is there `$ {check}`")]);
    repo.chant(&["work", &id]).fails(1);
    let digest = git_chant::spec::intent::command_digest(check);
    forge(&repo, &id, &[("verify", &format!("Chant-Verdict: pass {digest} exit=0 ms=1\n")), ("finish", "")]);
    let branch = format!("chant/{id}");
    repo.chant(&["gate", &branch, "--target", "main"]).ok();
    // Signed events: nobody that git believes says that it was finished, or that it passed.
    let signed = ["-c", "chant.requireSigned=true"];
    let said = repo.try_git(&[&signed[..], &["merge", &branch]].concat()).fails(128);
    said.says("its finish has no signature that git believes").says("criterion 1 failed with exit code 1");
    repo.chant(&["verify", &id]).ok().says("passed before on this code tree");
    // As CI does, with the branch checked out.
    repo.git(&["switch", "-q", "--detach", &branch]);
    repo.chant(&["verify", "--fresh", "--trust", "--target", "main"]).fails(1).says("FAIL").says(&id);
    repo.git(&["switch", "-q", "main"]);
    refused(&repo, &branch, &format!("spec {id}: criterion 1 failed with exit code 1"));
    repo.chant(&["verify", "--fresh", "--target", "main"]).ok().says("nothing that comes into main names a spec");
}

/// The finished work of a spec, and one more commit on its branch that takes it away.
fn undone_later(message: &str) -> (TestRepo, String, String) {
    let repo = repository();
    let id = repo.add_spec("Do it", &["It is there `$ test -f real-work`"]);
    repo.agent("honest", "echo x >real-work");
    repo.chant(&["work", &id, "--agent", "honest"]).ok();
    let branch = format!("chant/{id}");
    repo.git(&["switch", "-q", &branch]);
    repo.git(&["rm", "-q", "real-work"]);
    repo.git(&["commit", "-q", "-m", message]);
    repo.git(&["switch", "-q", "main"]);
    (repo, id, branch)
}

#[test]
fn work_that_goes_on_after_its_finish_is_no_finished_work() {
    let (repo, id, branch) = undone_later("Tidy up");
    refused(&repo, &branch, &format!("spec {id}: its work went on after it was finished"));
    let said = repo.chant(&["merge", &id]).fails(1);
    assert!(said.stderr.contains(&format!("hint: git chant finalize {id}")), "{said}");
    // The way on runs the checks on what is there now.
    let said = repo.chant(&["finalize", &id]).fails(128);
    assert!(said.stderr.contains("criterion 1 failed"), "{said}");
    repo.git(&["switch", "-q", &branch]);
    repo.write("real-work", "better\n");
    repo.commit_all("Do it better");
    repo.git(&["switch", "-q", "main"]);
    repo.chant(&["finalize", &id]).ok();
    repo.git(&["merge", "-q", "--no-edit", &branch]);
    assert_eq!(repo.read("real-work"), "better\n");
}

#[test]
fn work_that_goes_on_elsewhere_is_seen_by_its_name() {
    let (repo, id, branch) = undone_later("placeholder");
    repo.git(&["switch", "-q", "-c", "sly", &branch]);
    repo.git(&["commit", "-q", "--amend", "-m", &format!("chant({id}): tidy up")]);
    repo.git(&["switch", "-q", "main"]);
    refused(&repo, "sly", "its work went on after it was finished");
}
