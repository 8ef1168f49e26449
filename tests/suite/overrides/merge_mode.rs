//! `chant.verify=merge`: work that is fine by itself, and breaks together with what the target has by now.

use super::super::common::TestRepo;
use super::super::merges::{WORKER, repository};

/// Whoever begins or ends a run meanwhile looks at the checkouts, and waits for whoever is merging in one.
const UNHINDERED: &str = r#"! command -v flock >/dev/null || flock -ns "$(git rev-parse --git-common-dir)/chant/merge.lock" true"#;

/// Work whose check passes on its branch; `main` has gone on. `breaks` puts a file there that the check does not stand.
fn gone_on(breaks: bool) -> (TestRepo, String) {
    let repo = repository();
    repo.git(&["config", "chant.verify", "merge"]);
    repo.agent("worker", &format!("{WORKER}echo ran >>\"$HOME/runs\""));
    let id = repo.add_spec("Do it", &[&format!("It holds `$ echo x >>\"$HOME/checks\"; {UNHINDERED} && test ! -e broken`")]);
    repo.chant(&["work", &id]).ok();
    repo.write(if breaks { "broken" } else { "harmless" }, "x\n");
    repo.commit_all("Go on");
    (repo, id)
}

fn checks(repo: &TestRepo) -> usize {
    std::fs::read_to_string(repo.root().join("home/checks")).unwrap_or_default().lines().count()
}

#[test]
fn the_result_is_checked_before_the_branch_moves() {
    let (repo, id) = gone_on(false);
    assert_eq!(checks(&repo), 1);
    let before = repo.snapshot();
    let said = repo.try_git(&["merge", "--no-edit", &format!("chant/{id}")]).fails(128);
    said.says("criterion 1 was not checked on the result of the merge").says(&format!("hint: git chant merge {id}"));
    before.assert_same(&repo.snapshot());
    repo.chant(&["merge", &id]).ok();
    assert_eq!(checks(&repo), 2);
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
    assert!(repo.exists(&format!("work-{id}")) && repo.git(&["log", "-1", "--format=%P"]).contains(' '));
    repo.chant(&["merge", &id]).ok();
    assert_eq!(checks(&repo), 2, "the same tree and command are never run twice");
}

#[test]
fn a_result_that_breaks_stays_out() {
    let (repo, id) = gone_on(true);
    let (head, before) = (repo.head(), repo.snapshot());
    let said = repo.chant(&["merge", &id]).fails(1);
    said.says("criterion 1 failed with exit code 1 on the result of the merge");
    assert_eq!((repo.head(), repo.git(&["status", "--porcelain"]).as_str()), (head, ""));
    before.assert_same(&repo.snapshot());
    // Where it is checked out nowhere, neither.
    repo.git(&["switch", "-q", "other"]);
    repo.chant(&["merge", &id, "--target", "main"]).fails(1);
    repo.try_git(&["push", "-q", ".", &format!("chant/{id}:main")]).fails(1);
}

#[test]
fn a_fast_forward_was_checked_already() {
    let repo = repository();
    repo.git(&["config", "chant.verify", "merge"]);
    let id = repo.add_spec("Do it", &["It holds `$ echo x >>\"$HOME/checks\"`"]);
    repo.chant(&["work", &id]).ok();
    repo.try_git(&["merge", "--ff-only", &format!("chant/{id}")]).ok();
    assert_eq!(checks(&repo), 1);
}

#[test]
fn what_was_checked_once_may_be_merged_by_git_itself() {
    let (repo, id) = gone_on(false);
    let head = repo.head();
    repo.chant(&["merge", &id]).ok();
    repo.git(&["branch", "-q", "again", &repo.git(&["rev-parse", "HEAD^2"])]);
    repo.git(&["reset", "-q", "--hard", &head]);
    repo.try_git(&["merge", "-q", "--no-edit", "again"]).ok();
    assert_eq!(checks(&repo), 2);
}

/// Where git cannot say what the merge makes, a person does, on the work's branch; what they make is checked like any work.
#[test]
fn a_conflict_is_resolved_on_the_branch_and_checked_there() {
    let (repo, id) = gone_on(false);
    let (branch, file) = (format!("chant/{id}"), format!("work-{id}"));
    repo.write(&file, "mine\n");
    repo.commit_all("The same file");
    let before = repo.snapshot();
    let said = repo.try_git(&["merge", "--no-edit", &branch]).fails(128);
    let said = said.says(&format!("spec {id} conflicts with main, so its criteria cannot be checked on the result of the merge"));
    said.says(&format!("hint: git switch {branch} && git merge main")).says("git chant finalize");
    before.assert_same(&repo.snapshot());
    repo.chant(&["merge", &id]).fails(1).says(&format!("git chant finalize {id}"));

    repo.git(&["switch", "-q", &branch]);
    repo.try_git(&["merge", "--no-edit", "main"]).fails(1);
    repo.write(&file, "both\n");
    repo.commit_all("Resolve");
    repo.git(&["switch", "-q", "main"]);
    repo.try_git(&["merge", "-q", &branch]).fails(128).says(&format!("hint: git chant finalize {id}"));
    repo.chant(&["finalize", &id]).ok();
    assert_eq!(checks(&repo), 2);
    repo.try_git(&["merge", "-q", &branch]).ok();
    assert_eq!(repo.read(&file), "both\n");
}

/// A merge made by hand elsewhere is let in once the criteria hold on it.
#[test]
fn a_merge_made_by_hand_is_checked_with_on() {
    let (repo, id) = gone_on(false);
    let file = format!("work-{id}");
    repo.write(&file, "mine\n");
    repo.commit_all("The same file");
    repo.git(&["switch", "-q", "--detach"]);
    repo.try_git(&["merge", "--no-edit", &format!("chant/{id}")]).fails(1);
    repo.write(&file, "both\n");
    repo.commit_all("Resolve");
    let merge = repo.head();
    repo.git(&["switch", "-q", "main"]);
    repo.try_git(&["merge", "-q", "--ff-only", &merge]).fails(128).says("was not checked on the result of the merge");
    repo.chant(&["verify", "--on", &merge]).fails(129);
    repo.chant(&["verify", &id, "--on", &merge]).ok();
    repo.try_git(&["merge", "-q", "--ff-only", &merge]).ok();
    assert_eq!(checks(&repo), 2);
}
