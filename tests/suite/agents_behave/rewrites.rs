//! What an agent does to its own worktree and history.

use super::{COMMIT, can_go_on, failed, reachable, repository, status, work, work_that_makes};
use crate::common::TestRepo;

#[test]
fn one_that_deletes_the_specs_takes_none_from_the_target() {
    let (repo, id) = repository(&format!("{COMMIT}rm -rf .chant; git commit -qam 'Remove .chant'"));
    let other = repo.add_spec("Another", &["Something"]);
    work(&repo, &id, &["--merge"]).ok();
    for spec in [&id, &other] {
        assert!(repo.exists(&TestRepo::spec_file(spec)), "{spec} is gone");
        repo.git(&["cat-file", "-e", &format!("HEAD:{}", TestRepo::spec_file(spec))]);
    }
    assert!(repo.exists("made.txt") && repo.exists(".chant/config.md"));
}

#[test]
fn one_that_removes_its_own_worktree_loses_nothing_that_it_committed() {
    for prune in ["", "git worktree unlock \"$CHANT_WORKTREE\"; "] {
        let script = format!("{COMMIT}cd \"$CHANT_WORKTREE/../../..\"; {prune}rm -rf \"$CHANT_WORKTREE\"; git worktree prune");
        let (repo, id) = repository(&script);
        let work = work(&repo, &id, &[]);
        assert!(reachable(&repo, "Make one"));
        // The branch holds it all.
        work.ok().says("completed");
        assert!(repo.git(&["ls-tree", "--name-only", &format!("chant/{id}")]).contains("made.txt"));
        repo.chant(&["merge", &id]).ok();
    }
}

#[test]
fn one_that_leaves_its_branch_fails_and_its_commits_stay() {
    for leave in ["git checkout -q --detach", "git checkout -q -b elsewhere", "git checkout -q --ignore-other-worktrees --detach main"] {
        let (repo, id) = repository(&format!("{COMMIT}{leave}\necho two >two.txt; git add two.txt; git commit -q -m 'Make two'"));
        let work = work_that_makes(&repo, &id, &[], &["elsewhere"]);
        failed(&repo, &id, work, &format!("not on chant/{id} any more"));
        assert!(reachable(&repo, "Make one") && reachable(&repo, "Make two"), "{leave}");
        assert_eq!(repo.git(&["symbolic-ref", "--short", "HEAD"]), "main");
    }
}

#[test]
fn one_that_leaves_a_merge_half_done_fails_and_says_so() {
    let script = format!(
        "{COMMIT}git checkout -q -b side HEAD~; echo other >made.txt; git add made.txt; git commit -q -m Side\n\
         git checkout -q \"$CHANT_BRANCH\"; git merge side >/dev/null; true"
    );
    let (repo, id) = repository(&script);
    let work = work_that_makes(&repo, &id, &[], &["side"]);
    failed(&repo, &id, work, "it left conflicts in made.txt");
}

#[test]
fn a_reset_and_a_gc_of_its_own_lose_nothing() {
    let script = format!("{COMMIT}git reset -q --hard HEAD~\ngit gc -q --prune=now\necho other >made.txt");
    let (repo, id) = repository(&script);
    // The dates of a test are long past for git, which would let its reflogs go.
    repo.git(&["config", "gc.reflogExpire", "never"]);
    repo.git(&["config", "gc.reflogExpireUnreachable", "never"]);
    work(&repo, &id, &[]).ok().says("completed");
    repo.git(&["reflog", "expire", "--expire=now", "--all"]);
    repo.git(&["gc", "-q", "--prune=now"]);
    assert!(reachable(&repo, "Make one"), "what it reset away is not kept");
    repo.chant(&["merge", &id]).ok();
    assert_eq!(repo.read("made.txt"), "other\n");
}

#[test]
fn a_gc_in_the_middle_takes_no_spec_and_no_run() {
    let (repo, id) = repository(&format!("git reflog expire --expire=now --all; git gc -q --prune=now; git pack-refs --all\n{COMMIT}"));
    let other = repo.add_spec("Another", &["Something"]);
    // Only the view of this checkout holds the person's uncommitted bytes.
    repo.edit_spec(&other, "Something", "Something else");
    work(&repo, &id, &[]).ok().says("completed");
    repo.chant(&["show", &other, "--body"]).ok().says("Something else");
    repo.git(&["fsck", "--no-dangling"]);
}

#[test]
fn amended_and_rewritten_history_is_the_work_and_the_old_one_is_kept() {
    let script = format!(
        "{COMMIT}git commit -q --amend -m 'Make one, amended'\necho two >two.txt; git add two.txt; git commit -q -m 'Make two'\n\
        git reset -q --soft HEAD~2; git commit -q -m 'Make both'"
    );
    let (repo, id) = repository(&script);
    work(&repo, &id, &[]).ok().says("completed");
    for subject in ["Make one", "Make one, amended", "Make two", "Make both"] {
        assert!(reachable(&repo, subject), "{subject}");
    }
    repo.chant(&["merge", &id]).ok();
}

#[test]
fn one_that_rewrites_below_where_it_began_cannot_finish_unseen() {
    // An orphan: nothing of the target is in it any more.
    let script = "echo one >made.txt; git checkout -q --orphan fresh; git add -A; git commit -q -m 'Begin anew'; git branch -q -M fresh \"$CHANT_BRANCH\"";
    let (repo, id) = repository(script);
    let work = work(&repo, &id, &[]);
    assert_ne!(status(&repo, &id), "in_progress");
    let head = repo.head();
    if work.code == 0 {
        // The branch shares nothing with the target: git itself refuses to merge it.
        assert_ne!(repo.chant(&["merge", &id]).code, 0);
    }
    assert_eq!(repo.head(), head);
    assert!(repo.exists("README.md"));
}

#[test]
fn one_that_deletes_its_branch_leaves_a_way_on() {
    let script = format!("{COMMIT}git checkout -q --detach; git branch -q -D \"$CHANT_BRANCH\"");
    let (repo, id) = repository(&script);
    work(&repo, &id, &[]).fails(1).says("failed");
    assert_eq!(status(&repo, &id), "failed");
    assert!(reachable(&repo, "Make one"));
    can_go_on(&repo, &id);
    assert!(reachable(&repo, "Make one"));
}

#[test]
fn one_that_works_on_the_target_itself_fails_and_it_is_said() {
    let script =
        format!("{COMMIT}git checkout -q --ignore-other-worktrees main\necho two >two.txt; git add two.txt; git commit -q -m 'On main'");
    let (repo, id) = repository(&script);
    let work = work(&repo, &id, &[]);
    assert!(work.stderr.contains("outside of its worktree") && work.stderr.contains("the main checkout: HEAD moved"), "{work}");
    // The person decides; what was done to the target is theirs to keep or to undo.
    repo.git(&["reset", "-q", "--hard", "main~"]);
    failed(&repo, &id, work, "not on");
}

#[test]
fn one_that_cannot_switch_to_the_target_goes_on_where_it_is() {
    let (repo, id) = repository(&format!("git checkout main\n{COMMIT}"));
    let head = repo.head();
    work(&repo, &id, &[]).ok().says("completed").says_not("outside");
    assert_eq!(repo.head(), head);
}

#[test]
fn one_that_deletes_chant_in_the_main_checkout_takes_its_own_worktree_and_no_spec() {
    let (repo, id) = repository(&format!("{COMMIT}cd \"$CHANT_WORKTREE/../../..\"; rm -rf .chant; git gc -q --prune=now"));
    let other = repo.add_spec("Another", &["Something"]);
    work(&repo, &id, &[]).says("outside of its worktree").says(".chant/config.md");
    assert!(reachable(&repo, "Make one"));
    for spec in [&id, &other] {
        repo.git(&["rev-parse", "--verify", "-q", &format!("refs/chant/specs/{spec}")]);
        repo.chant(&["show", spec, "--body"]).ok().says("Acceptance Criteria");
    }
    repo.git(&["checkout", "-q", "--", ".chant"]);
    if status(&repo, &id) != "completed" {
        can_go_on(&repo, &id);
    }
    repo.chant(&["merge", &id]).ok();
}

#[test]
fn a_repository_that_it_made_inside_is_never_taken_away() {
    let nested = "git init -q inside; echo x >inside/x; git -C inside add x; git -C inside commit -q -m Inside; git add inside 2>/dev/null; git commit -q -m Link";
    let (repo, id) = repository(&format!("{COMMIT}{nested}"));
    work(&repo, &id, &[]).ok().says("completed").says("The worktree is kept because");
    let inside = format!(".chant/worktrees/{id}/inside/x");
    repo.chant(&["cleanup"]).says("inside");
    repo.chant(&["reset", &id]).fails(128).says("holds a repository of its own, inside/").says("git worktree remove --force");
    assert!(repo.exists(&inside));
}

#[test]
fn a_worktree_that_it_made_inside_is_never_taken_away() {
    let (repo, id) = repository(&format!("{COMMIT}git worktree add -q -b nested inside; echo x >inside/x"));
    repo.chant(&["work", &id]).ok().says("completed").says("The worktree is kept because");
    let inside = format!(".chant/worktrees/{id}/inside/x");
    repo.chant(&["cleanup"]).says("stays").says("inside");
    repo.chant(&["worktree", "remove", &id]).fails(128).says("inside");
    repo.chant(&["merge", &id]).ok();
    assert!(repo.exists(&inside));
    repo.assert_no_locks();
}
