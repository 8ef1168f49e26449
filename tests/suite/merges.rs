//! The gate through real git: every ordinary way of merging, into the main and into a linked worktree, of complete and of incomplete work.

mod failing;
mod hooks;
mod reasons;
mod settings;
mod settle;
mod stopped;
mod surroundings;

use super::common::{Outcome, TestRepo};

/// Does some work and ticks every box.
pub const WORKER: &str = r#"set -e
echo "attempt $CHANT_ATTEMPT" >"work-$CHANT_SPEC_ID"
git add . && git commit -q -m "Do the work"
sed 's/^- \[ \]/- [x]/' "$CHANT_SPEC_FILE" >ticked.tmp && cat ticked.tmp >"$CHANT_SPEC_FILE" && rm ticked.tmp
"#;

/// A repository with git-chant, an agent that does its work, and a branch `other` that no spec has to do with.
pub fn repository() -> TestRepo {
    let repo = TestRepo::with_chant();
    repo.git(&["config", "pull.rebase", "false"]);
    repo.commit_all("Use git-chant");
    repo.git(&["switch", "-q", "-c", "other"]);
    repo.write("other", "x\n");
    repo.commit_all("Something else");
    repo.git(&["switch", "-q", "main"]);
    repo.agent("worker", WORKER);
    repo
}

/// [`repository`] with one finished spec, which `main` can be fast-forwarded to.
pub fn finished(criteria: &[&str], more: &[&str]) -> (TestRepo, String) {
    let repo = repository();
    let id = repo.add_spec_with("Do it", criteria, more);
    repo.chant(&["work", &id]).ok();
    (repo, id)
}

/// Every ordinary way to merge a branch. The squash is the first half: its commit is another command.
pub fn ways(branch: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["merge", branch],
        vec!["merge", "--ff-only", branch],
        vec!["merge", "--no-ff", "-m", "Merge it", branch],
        vec!["merge", "--no-verify", "--no-ff", "-m", "Merge it", branch],
        vec!["merge", "-m", "Merge both", branch, "other"],
        vec!["merge", "--squash", branch],
        vec!["pull", "--quiet", ".", branch],
        vec!["pull", "--quiet", "--ff-only", ".", branch],
    ]
}

/// Runs verbs on a branch of its own, so that what they commit does not keep `main` from being fast-forwarded.
pub fn beside(repo: &TestRepo, verbs: impl FnOnce(&TestRepo)) {
    repo.git(&["switch", "-q", "-C", "beside"]);
    verbs(repo);
    repo.git(&["switch", "-q", "main"]);
}

/// Tries every way: each is refused with just these reasons and the command that mends each, and nothing is touched.
#[track_caller]
pub fn refused_in_every_way(repo: &TestRepo, branch: &str, reasons: &[(&str, &str)]) {
    refused_in(repo, ways(branch), reasons);
}

/// The same in these ways.
#[track_caller]
pub fn refused_in(repo: &TestRepo, ways: Vec<Vec<&str>>, reasons: &[(&str, &str)]) {
    for way in ways {
        let (before, head) = (repo.snapshot(), repo.head());
        let said = repo.try_git(&way);
        assert!(said.code != 0, "git {} was let through: {said}", way.join(" "));
        is_refused_with(&said, reasons);
        before.assert_same(&repo.snapshot());
        assert_eq!((repo.head(), repo.git(&["status", "--porcelain"])), (head, String::new()), "after git {}", way.join(" "));
    }
}

/// The reasons are these and no others, each followed by the command that mends it.
#[track_caller]
pub fn is_refused_with(said: &Outcome, reasons: &[(&str, &str)]) {
    let lines: Vec<&str> = said.stderr.lines().collect();
    let about_specs = lines.iter().filter(|line| line.starts_with("error: spec ")).count();
    assert_eq!(about_specs, reasons.len(), "{said}");
    for (reason, mend) in reasons {
        let at = lines.iter().position(|line| line.starts_with(&format!("error: {reason}")));
        let at = at.unwrap_or_else(|| panic!("no reason {reason:?}: {said}"));
        let next = lines[at + 1..].iter().find(|line| !line.starts_with(' ')).copied();
        assert_eq!(next, Some(format!("hint: {mend}").as_str()), "{said}");
    }
}

/// Tries every way on complete work, each from the same start.
#[track_caller]
fn allowed_in_every_way(repo: &TestRepo, id: &str) {
    let start = repo.head();
    let branch = format!("chant/{id}");
    for way in ways(&branch) {
        let said = repo.try_git(&way).ok();
        if way.contains(&"--squash") {
            repo.try_git(&["commit", "-q", "--no-edit"]).ok();
            assert!(repo.git(&["log", "-1", "--format=%B"]).contains(id), "the squash names its spec");
        }
        assert_eq!(repo.read(&format!("work-{id}")), "attempt 1\n", "git {}: {said}", way.join(" "));
        assert_eq!(repo.git(&["status", "--porcelain"]), "", "after git {}", way.join(" "));
        repo.git(&["reset", "-q", "--hard", &start]);
    }
}

#[test]
fn complete_work_passes_in_every_way() {
    let (repo, id) = finished(&["It is there `$ test -f work-*`", "It is good"], &[]);
    allowed_in_every_way(&repo, &id);
}

#[test]
fn another_branch_than_a_protected_one_takes_anything() {
    let (repo, id) = finished(&["It is good"], &[]);
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    repo.git(&["switch", "-q", "-c", "topic", "main"]);
    repo.try_git(&["merge", &format!("chant/{id}")]).ok();
    // But it comes no further: it is known by its commits, whatever the branch is called.
    repo.git(&["switch", "-q", "main"]);
    let reason = format!("spec {id}: criterion 1 is not ticked");
    refused_in_every_way(&repo, "topic", &[(&reason, &format!("git chant check {id} 1"))]);
}

#[test]
fn what_mends_it_mends_it() {
    let (repo, id) = finished(&["It is good"], &[]);
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    repo.try_git(&["merge", &format!("chant/{id}")]).fails(128);
    beside(&repo, |repo| drop(repo.chant(&["check", &id, "1"]).ok()));
    repo.try_git(&["merge", &format!("chant/{id}")]).ok();
}

#[test]
fn a_refusal_keeps_what_is_staged_edited_and_untracked() {
    let (repo, id) = finished(&["It is good"], &[]);
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    repo.write("staged", "s\n");
    repo.git(&["add", "staged"]);
    repo.write("README.md", "edited\n");
    repo.write("untracked", "u\n");
    let before = repo.snapshot();
    for how in ["--ff", "--ff-only", "--no-ff"] {
        assert_ne!(repo.try_git(&["merge", how, &format!("chant/{id}")]).code, 0);
        before.assert_same(&repo.snapshot());
    }
}

#[test]
fn a_branch_that_is_moved_without_a_merge_is_refused_by_the_backstop() {
    let (repo, id) = finished(&["It is good"], &[]);
    let (branch, start) = (format!("chant/{id}"), repo.head());
    repo.git(&["switch", "-q", "-C", "beside"]);
    repo.chant(&["uncheck", &id, "1"]).ok();
    for way in [
        vec!["branch", "-f", "main", &branch],
        vec!["update-ref", "refs/heads/main", &branch],
        vec!["fetch", "-q", ".", &format!("{branch}:main")],
        vec!["push", "-q", ".", &format!("{branch}:main")],
    ] {
        let said = repo.try_git(&way);
        assert_ne!(said.code, 0, "git {}: {said}", way.join(" "));
        assert!(said.stderr.contains("criterion 1 is not ticked"), "git {}: {said}", way.join(" "));
        assert_eq!(repo.git(&["rev-parse", "main"]), start, "git {}", way.join(" "));
    }
    repo.chant(&["check", &id, "1"]).ok();
    repo.try_git(&["push", "-q", ".", &format!("{branch}:main")]).ok();
    assert_eq!(repo.git(&["rev-parse", "main"]), repo.git(&["rev-parse", &branch]));
}
