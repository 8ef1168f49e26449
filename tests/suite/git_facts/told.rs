//! What hooks are told of a merge, an index and a deletion.

use super::{ZERO, on_every_git};

/// Whose variables hold what is merged, and whose files: the gate looks where git has it.
#[test]
fn each_hook_of_a_merge_finds_what_is_merged_elsewhere() {
    on_every_git(|git| {
        let hook = |said: Vec<String>, name: &str| said.into_iter().find(|call| call.starts_with(name)).unwrap_or_default();
        git.said();
        git.git("merge -q --no-ff --no-edit topic");
        let call = hook(git.said(), "pre-merge-commit");
        assert!(call.contains("GITHEAD_") && !call.contains("MERGE_HEAD is there"), "{call}");
        git.git("reset -q --hard HEAD~1");
        git.git("merge -q --squash topic");
        git.said();
        git.git("commit -q --no-edit");
        let call = hook(git.said(), "pre-commit");
        assert!(call.contains("SQUASH_MSG is there") && !call.contains("MERGE_HEAD is there"), "{call}");
        git.git("reset -q --hard HEAD~1");
        git.repo.write("one", "mine\n");
        git.git("add one");
        git.git("commit -q -m mine");
        assert_ne!(git.run("merge -q topic").code, 0);
        git.repo.write("one", "both\n");
        git.git("add one");
        git.said();
        git.git("commit -q --no-edit");
        let said = git.said();
        assert!(!said.iter().any(|call| call.starts_with("pre-merge-commit")), "{said:?}");
        let call = hook(said, "pre-commit");
        assert!(!call.contains("GITHEAD_") && call.contains("MERGE_HEAD is there"), "{call}");
    });
}

/// Why whatever looks at another worktree begins without git's local variables.
#[test]
fn a_hook_is_told_of_an_index_that_git_in_another_place_would_use() {
    on_every_git(|git| {
        git.said();
        git.git("commit -q --allow-empty -m x");
        assert!(git.said().concat().contains("index=.git/index\n"), "it is relative");
        git.git("worktree add -q ../linked -b linked");
        git.hooks(
            "case $name in pre-commit) echo \"elsewhere it is $(git -C \"$HOME/../repo\" rev-parse --git-dir)\" >>\"$HOME/said\";; esac",
        );
        git.said();
        git.git("-C ../linked commit -q --allow-empty -m x");
        let said = git.said().concat();
        let elsewhere = said.split("elsewhere it is ").nth(1).unwrap_or_default();
        assert!(elsewhere.starts_with('/') && elsewhere.contains("/.git/worktrees/linked"), "{said}");
    });
}

/// A deletion is not told from what `git pack-refs` does, nor refused: it brings nothing in.
#[test]
fn a_deleted_branch_becomes_zeros() {
    on_every_git(|git| {
        git.git("branch more topic");
        git.said();
        git.git("branch -q -D more");
        let said = git.prepared().concat();
        assert!(said.contains(&format!(" {ZERO} refs/heads/more")), "{said}");
    });
}
