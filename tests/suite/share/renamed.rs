//! Two specs had one id: ours has another one, and what bore its name follows, or is told.

use super::*;
use crate::claims::WORKS;

/// Two clones that wrote a spec each under one id, ours on the remote already.
fn one_id() -> (TestRepo, TestRepo, String) {
    let (us, them) = two_clones();
    let id = us.add_spec("Ours", &["First"]);
    us.chant(&["push"]).ok();
    assert_eq!(them.add_spec("Theirs", &["Other"]), id);
    (us, them, id)
}

#[track_caller]
fn assert_files(repo: &TestRepo, id: &str) {
    let other = format!("{id}.1");
    assert!(repo.read(&TestRepo::spec_file(id)).contains("# Ours"));
    assert!(repo.read(&TestRepo::spec_file(&other)).contains("# Theirs"));
    assert_eq!(repo.git(&["status", "--porcelain", ".chant/specs"]), "");
    assert_eq!(repo.events(id), ["create"]);
    assert_eq!(repo.git(&["for-each-ref", "refs/chant-renamed"]), "");
}

#[test]
fn what_depends_on_it_is_named_with_its_command() {
    let (_, them, id) = one_id();
    let after = them.chant_env(&[("GIT_CHANT_TEST_SUFFIX", "xyz")], &["add", "--porcelain", "After", "--depends-on", &id]).ok();
    let after = after.stdout.trim();
    let command = format!("git chant edit {after} --no-depends-on {id} --depends-on {id}.1");
    them.chant(&["sync"]).ok().says(&format!("{after} depends on {id}; if it means yours: {command}"));
    them.chant(&command.split(' ').skip(2).collect::<Vec<_>>()).ok();
    assert_eq!(them.show(after)["depends_on"], serde_json::json!([format!("{id}.1")]));
}

#[test]
fn work_under_the_old_name_comes_first() {
    let (_, them, id) = one_id();
    them.agent("works", WORKS);
    them.chant(&["work", &id]).ok();
    them.chant(&["sync"]).ok().says(&format!("warning: {id} is left alone")).says("git chant reset").says_not("renamed");
    assert_eq!(them.show(&id)["title"], "Theirs");
    them.chant(&["reset", &id]).ok();
    them.chant(&["sync"]).ok().says(&format!("yours is {id}.1 now"));
    // The run is that spec's, and what it made is kept.
    assert!(them.git(&["for-each-ref", "--format=%(refname)", "refs/chant/runs"]).starts_with(&format!("refs/chant/runs/{id}.1/")));
    them.chant(&["log", &format!("{id}.1")]).ok();
    them.chant(&["fsck"]).ok();
    assert!(them.git(&["for-each-ref", "refs/heads/chant"]).contains(&format!("chant/{id}@")));
}

#[test]
fn a_kill_before_the_files_followed_is_mended_by_the_next_command() {
    let (_, them, id) = one_id();
    let view = them.git(&["rev-parse", "refs/worktree/chant/view"]);
    let head = them.head();
    them.chant(&["sync"]).ok();
    assert_files(&them, &id);
    // As it was when the refs had moved and nothing else had.
    them.git(&["reset", "--hard", "--quiet", &head]);
    them.git(&["update-ref", "refs/worktree/chant/view", &view]);
    them.git(&["update-ref", &format!("refs/chant-renamed/{id}.1"), &format!("refs/chant/specs/{id}.1")]);
    assert!(them.read(&TestRepo::spec_file(&id)).contains("# Theirs"));
    them.chant(&["list"]).ok();
    assert_files(&them, &id);
    // A mark whose files have followed already is in nobody's way.
    them.git(&["update-ref", &format!("refs/chant-renamed/{id}.1"), &format!("refs/chant/specs/{id}.1")]);
    them.chant(&["list"]).ok();
    assert_files(&them, &id);
}

#[test]
fn an_edit_in_another_worktree_is_one_of_the_spec_that_it_was_made_from() {
    let (_, them, id) = one_id();
    them.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let side = them.at(them.root().join("side"));
    side.chant(&["list"]).ok();
    them.chant(&["sync"]).ok();
    side.edit_spec(&id, "# Theirs", "# Theirs too");
    side.chant(&["list"]).ok().says(&format!("was made from a spec that is {id}.1 now"));
    assert!(side.read(&TestRepo::spec_file(&id)).contains("# Ours"));
    assert_eq!(side.show(&format!("{id}.1"))["title"], "Theirs too");
    assert_eq!((side.show(&id)["title"].as_str(), side.events(&id).len()), (Some("Ours"), 1));
}

/// The archive has our spec by the time that an old branch brings its file back under the name that it gave away.
#[test]
fn a_file_of_a_spec_that_gave_its_name_away_and_is_archived_is_no_edit_of_the_other() {
    let (_, them, id) = one_id();
    let (other, before) = (format!("{id}.1"), them.head());
    them.chant(&["sync"]).ok();
    them.chant(&["cancel", &other]).ok();
    them.chant(&["archive", &other]).ok();
    them.git(&["switch", "--quiet", "-c", "before", &before]);
    assert!(them.read(&TestRepo::spec_file(&id)).contains("# Theirs"));
    them.chant(&["list"]).ok().says(&format!("was made from a spec that is {other} now")).says_not("Recorded your edit");
    assert!(them.read(&TestRepo::spec_file(&id)).contains("# Ours") && !them.exists(&TestRepo::spec_file(&other)));
    assert_eq!((them.show(&id)["title"].as_str(), them.events(&id).len()), (Some("Ours"), 1));
    // What somebody wrote into it is no part of the other spec, and is kept.
    them.git(&["reset", "--quiet", "--hard", &before]);
    them.edit_spec(&id, "# Theirs", "# Theirs too");
    them.chant(&["list"]).ok().says_not("Recorded your edit");
    assert!(them.read(&TestRepo::spec_file(&other)).contains("# Theirs too") && them.events(&id).len() == 1);
}

/// Their branch has a file of the other spec that has the id, and they have not heard of that spec yet.
fn pulled(driver: bool) -> (TestRepo, Outcome, String) {
    let (us, them, id) = one_id();
    us.git(&["push", "--quiet"]);
    if !driver {
        std::fs::remove_file(them.common_dir().join("info/attributes")).unwrap();
    }
    let outcome = them.try_git(&["pull", "--no-rebase", "--no-edit"]);
    (them, outcome, id)
}

#[test]
fn a_pull_that_meets_both_files_mixes_nothing() {
    let (them, outcome, id) = pulled(true);
    outcome.ok();
    them.chant(&["list"]).ok().says(&format!("yours is {id}.1 now")).says_not("Recorded your edit");
    assert_files(&them, &id);
    assert_eq!(them.events(&format!("{id}.1")), ["create"]);
    // A branch from before, which has our file under the old name still, is no edit either.
    them.git(&["switch", "--quiet", "-c", "before", "HEAD~2"]);
    assert!(them.read(&TestRepo::spec_file(&id)).contains("# Theirs"));
    them.chant(&["list"]).ok().says(&format!("was made from a spec that is {id}.1 now")).says_not("Recorded your edit");
    assert_files(&them, &id);
    // Nor is a merge of such a branch before anybody has looked at it.
    them.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    them.git(&["merge", "--quiet", "--no-ff", "--no-edit", "main"]);
    them.chant(&["list"]).ok().says_not("Recorded your edit");
    assert_files(&them, &id);
}

#[test]
fn what_git_mixes_without_our_driver_is_nobodys_edit() {
    let (them, outcome, id) = pulled(false);
    assert_eq!(outcome.code, 1);
    let (path, other) = (TestRepo::spec_file(&id), TestRepo::spec_file(&format!("{id}.1")));
    let mixed = them.read(&path);
    let said = them.chant(&["list"]).ok().says(&format!("{path} is in conflict: git has mixed two specs")).says_not("Recorded");
    assert_eq!(them.read(&path), mixed);
    them.chant(&["fsck"]).fails(1).says(&format!("git add {path}"));
    // The hint does it.
    let hint = said.stderr.lines().find_map(|line| line.strip_prefix("hint: git show")).unwrap().to_owned();
    let done = Outcome::of(them.command(them.path(), "sh").args(["-c", &format!("git show{hint} && git commit -qm both")]));
    done.ok();
    assert!(them.read(&other).contains("# Theirs"));
    them.chant(&["list"]).ok().says_not("Recorded");
    assert_files(&them, &id);
    assert_eq!(them.events(&format!("{id}.1")), ["create"]);
    them.chant(&["fsck"]).ok();
}
