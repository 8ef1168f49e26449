//! What the gate relies on and git's documentation does not promise: one test a fact, on every git that is found here, so that a version
//! that behaves otherwise is noticed before the gate leaks. Nothing of git-chant runs here.

mod told;

use super::common::{Outcome, TestRepo, gits, minor};
use std::os::unix::fs::symlink;

const ZERO: &str = "0000000000000000000000000000000000000000";

/// What every hook writes down: its name and arguments, standard input, what is being merged, and a word on index, files and branch.
const RECORD: &str = r#"name=${0##*/}
{
    echo "[$name $*]"
    case $name in reference-transaction | pre-push | pre-receive) cat ;; esac
    env | grep '^GITHEAD_'
    echo "GIT_DIR=${GIT_DIR-unset} quarantine=${GIT_QUARANTINE_PATH:+yes}"
    if [ "$name" != pre-receive ]; then
        for file in MERGE_HEAD SQUASH_MSG; do [ ! -e "$(git rev-parse --git-dir)/$file" ] || echo "$file is there"; done
        echo "index=${GIT_INDEX_FILE-unset}"
        echo "main=$(git rev-parse -q --verify refs/heads/main)"
        [ -n "$(git --no-optional-locks status --porcelain -uno 2>/dev/null)" ] && echo dirty
    fi
} >>"$HOME/said"
"#;

/// A repository on `main`, with `topic` two commits ahead, and hooks that write down what they are told.
struct Facts {
    repo: TestRepo,
    minor: u32,
}

/// Runs a check on every git.
fn on_every_git(check: impl Fn(Facts)) {
    for (version, path) in gits() {
        let repo = TestRepo::new();
        symlink(path, repo.root().join("bin/git")).unwrap();
        let facts = Facts { repo, minor: minor(&version) };
        facts.git("switch -q -c topic");
        for file in ["one", "two"] {
            facts.repo.write(file, "x\n");
            facts.git(&format!("add {file}"));
            facts.git(&format!("commit -q -m {file}"));
        }
        facts.git("switch -q main");
        facts.hooks("");
        check(facts);
    }
}

impl Facts {
    /// Hooks that write down what they are told, and then do this.
    fn hooks(&self, then: &str) {
        for name in ["reference-transaction", "pre-commit", "commit-msg", "pre-merge-commit", "pre-rebase", "post-merge", "pre-receive"] {
            self.repo.script(self.repo.common_dir().join("hooks").join(name), &format!("{RECORD}{then}\nexit 0\n"));
        }
    }

    /// git with these words, of the version in question.
    fn run(&self, words: &str) -> Outcome {
        self.shell(&format!("git {words}"))
    }

    fn shell(&self, script: &str) -> Outcome {
        let mut sh = self.repo.command(self.repo.path(), "sh");
        let bin = self.repo.root().join("bin").display().to_string();
        sh.env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap()));
        Outcome::of(sh.args(["-ec", script]))
    }

    #[track_caller]
    fn git(&self, words: &str) -> String {
        self.run(words).ok().stdout.trim_end().to_owned()
    }

    /// What hooks wrote since the last time, a call each.
    fn said(&self) -> Vec<String> {
        let path = self.repo.root().join("home/said");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        drop(std::fs::remove_file(path));
        text.split("\n[").map(|call| call.trim_start_matches('[').to_owned()).filter(|call| !call.is_empty()).collect()
    }

    /// The calls of `reference-transaction` in the prepared state.
    fn prepared(&self) -> Vec<String> {
        self.said().into_iter().filter(|call| call.starts_with("reference-transaction prepared]")).collect()
    }
}

const MERGES: [&str; 4] =
    ["merge -q --ff-only topic", "merge -q --no-ff --no-edit topic", "pull -q --no-rebase . topic", "merge -q --squash topic"];

#[test]
fn a_merge_first_moves_orig_head_alone_and_names_what_it_merges() {
    on_every_git(|git| {
        let topic = git.git("rev-parse topic");
        for merge in MERGES {
            git.said();
            git.git(merge);
            // From 2.55 on a pull begins with a transaction of nothing.
            let moves = git.prepared().into_iter().find(|call| call.lines().nth(1).is_some_and(|line| line.starts_with(ZERO)));
            let first = moves.unwrap_or_else(|| panic!("{merge} moves nothing"));
            let lines: Vec<&str> = first.lines().skip(1).take_while(|line| line.starts_with(ZERO)).collect();
            assert!(lines.len() == 1 && lines[0].ends_with(" ORIG_HEAD"), "{merge}: {first}");
            assert!(
                first.contains(&format!("GITHEAD_{topic}=topic")) || first.contains(&format!("GITHEAD_{topic}={topic}")),
                "{merge}: {first}"
            );
            assert!(!first.contains("\ndirty"), "{merge} touched something before: {first}");
            git.git("-c core.hooksPath=/dev/null reset -q --hard ORIG_HEAD");
        }
    });
}

#[test]
fn refusing_orig_head_leaves_everything_as_it_was() {
    on_every_git(|git| {
        git.hooks("env | grep -q ^GITHEAD_ && exit 1; exit 0");
        let before = git.git("rev-parse HEAD main");
        for merge in MERGES {
            assert_ne!(git.run(merge).code, 0, "{merge}");
            assert_eq!(git.git("status --porcelain"), "", "{merge}");
            assert_eq!(git.git("rev-parse HEAD main"), before, "{merge}");
            assert!(!git.repo.git_dir().join("MERGE_HEAD").exists(), "{merge}");
        }
    });
}

#[test]
fn a_fast_forward_runs_no_hook_that_can_refuse_but_reference_transaction() {
    on_every_git(|git| {
        git.git("merge -q --ff-only topic");
        let said = git.said();
        assert!(said.iter().all(|call| call.starts_with("reference-transaction") || call.starts_with("post-merge")), "{said:?}");
    });
}

#[test]
fn a_fast_forward_that_is_refused_at_the_branch_has_changed_the_files() {
    on_every_git(|git| {
        git.hooks("exit 0");
        let script = "case $1 in prepared) grep -q refs/heads/main && exit 1;; esac; exit 0";
        git.repo.script(git.repo.common_dir().join("hooks/reference-transaction"), script);
        assert_ne!(git.run("merge -q --ff-only topic").code, 0);
        assert_ne!(git.git("status --porcelain"), "", "why the gate is asked at ORIG_HEAD");
    });
}

#[test]
fn the_old_column_is_zeros_for_branches_that_exist() {
    on_every_git(|git| {
        git.git("switch -q --detach");
        git.said();
        git.git("branch -f main topic");
        let topic = git.git("rev-parse topic");
        assert!(git.prepared().iter().any(|call| call.contains(&format!("\n{ZERO} {topic} refs/heads/main"))));
    });
}

#[test]
fn in_prepared_the_branch_still_has_its_old_value() {
    on_every_git(|git| {
        let (main, topic) = (git.git("rev-parse main"), git.git("rev-parse topic"));
        git.said();
        git.git("update-ref refs/heads/main topic");
        let said = git.said();
        let of = |state: &str| said.iter().find(|call| call.contains(&format!("transaction {state}]"))).cloned().unwrap_or_default();
        assert!(of("prepared").contains(&format!("main={main}")) && of("committed").contains(&format!("main={topic}")), "{said:?}");
    });
}

#[test]
fn packing_refs_looks_like_a_deletion() {
    on_every_git(|git| {
        git.said();
        git.git("pack-refs --all --prune");
        let main = git.git("rev-parse main");
        let said = git.prepared().concat();
        assert!(said.contains(&format!("{main} {ZERO} refs/heads/main")), "{said}");
    });
}

#[test]
fn what_leaves_a_branch_where_it_is_names_it_all_the_same() {
    on_every_git(|git| {
        git.repo.write("README.md", "dirty\n");
        git.said();
        git.git("stash -q");
        let (main, said) = (git.git("rev-parse main"), git.prepared().concat());
        assert!(said.contains(&format!("{main} {main} refs/heads/main")) || said.contains(&format!("{main} {main} HEAD")), "{said}");
    });
}

#[test]
fn no_verify_does_not_skip_reference_transaction() {
    on_every_git(|git| {
        git.repo.write("f", "x\n");
        git.git("add f");
        git.said();
        git.git("commit -q --no-verify -m f");
        let said = git.said();
        assert!(
            said.iter().any(|call| call.starts_with("reference-transaction prepared]") && call.contains(" refs/heads/main")),
            "{said:?}"
        );
        assert!(!said.iter().any(|call| call.starts_with("pre-commit") || call.starts_with("commit-msg")), "{said:?}");
    });
}

#[test]
fn cherry_pick_and_revert_run_no_pre_commit() {
    on_every_git(|git| {
        git.said();
        git.git("cherry-pick topic");
        git.git("revert --no-edit HEAD");
        let said = git.said();
        assert!(!said.iter().any(|call| call.starts_with("pre-commit") || call.starts_with("commit-msg")), "{said:?}");
        assert_eq!(
            said.iter().filter(|call| call.starts_with("reference-transaction prepared]") && call.contains(" refs/heads/main")).count(),
            2
        );
    });
}

#[test]
fn a_rebase_names_nothing_that_it_takes_in() {
    on_every_git(|git| {
        git.git("commit -q --allow-empty -m mine");
        git.said();
        git.git("rebase -q topic");
        let said = git.said();
        assert!(said.iter().any(|call| call.starts_with("pre-rebase topic]")), "{said:?}");
        assert!(!said.concat().contains("GITHEAD_"), "{said:?}");
    });
}

#[test]
fn what_is_merged_leaks_into_the_children_of_hooks() {
    on_every_git(|git| {
        git.git("merge -q --ff-only topic");
        assert!(
            git.said().iter().any(|call| call.starts_with("post-merge") && call.contains("GITHEAD_")),
            "a reset there looks like a merge"
        );
    });
}

#[test]
fn a_squash_indents_trailers() {
    on_every_git(|git| {
        git.git("switch -q topic");
        git.git("commit -q --amend -m two -m 'Chant-Spec: x'");
        git.git("switch -q main");
        git.git("merge -q --squash topic");
        assert!(git.repo.read(".git/SQUASH_MSG").contains("\n    Chant-Spec: x\n"));
    });
}

#[test]
fn git_dir_is_unset_in_the_main_worktree_and_absolute_in_a_linked_one() {
    on_every_git(|git| {
        git.said();
        git.git("update-ref refs/heads/x topic");
        assert!(git.prepared().concat().contains("GIT_DIR=unset"));
        git.git("worktree add -q ../linked -b linked");
        git.said();
        git.git("-C ../linked commit -q --allow-empty -m x");
        let said = git.prepared().concat();
        assert!(said.contains("GIT_DIR=/") && said.contains(".git/worktrees/linked"), "{said}");
    });
}

#[test]
fn relative_hooks_path_in_a_linked_worktree_runs_nothing() {
    on_every_git(|git| {
        git.repo.script(git.repo.path().join("my-hooks/pre-commit"), "exit 1");
        git.git("config core.hooksPath my-hooks");
        assert_ne!(git.run("commit -q --allow-empty -m x").code, 0);
        git.git("-c core.hooksPath=/dev/null worktree add -q ../linked -b linked");
        git.git("-C ../linked commit -q --allow-empty -m x");
    });
}

#[test]
fn a_hook_that_is_not_executable_is_passed_by() {
    on_every_git(|git| {
        git.hooks("exit 1");
        git.shell("chmod a-x .git/hooks/*").ok();
        git.git("commit -q --allow-empty -m x");
    });
}

#[test]
fn pre_receive_runs_in_the_git_directory_with_the_objects_in_quarantine() {
    on_every_git(|git| {
        git.repo.with_origin();
        symlink(git.repo.common_dir().join("hooks/pre-receive"), git.repo.root().join("origin.git/hooks/pre-receive")).unwrap();
        git.said();
        git.git("push -q origin topic:main topic:more");
        let said: Vec<_> = git.said().into_iter().filter(|call| call.starts_with("pre-receive")).collect();
        assert_eq!(said.len(), 1, "the whole push at once");
        assert!(said[0].contains(" refs/heads/main\n") && said[0].contains(" refs/heads/more\n"), "{said:?}");
        assert!(said[0].contains("GIT_DIR=. quarantine=yes"), "{said:?}");
    });
}

#[test]
fn a_branch_that_becomes_symbolic_is_told_from_2_46_on() {
    on_every_git(|git| {
        git.git("switch -q --detach");
        git.said();
        git.git("symbolic-ref refs/heads/main refs/heads/topic");
        let told = git.prepared().concat().contains("ref:refs/heads/topic refs/heads/main");
        assert_eq!(told, git.minor >= 46);
    });
}

/// gitchant-gate(7) names what sees it: `pre-push`, and the server. Should a git begin to tell, this is where it is noticed.
#[test]
fn the_new_name_of_a_branch_is_told_to_nobody_and_there_is_a_state_before_prepared() {
    on_every_git(|git| {
        git.git("switch -q --detach");
        git.said();
        git.git("branch -C topic main");
        git.git("branch -M topic main");
        let said = git.said();
        let moved = git.git("rev-parse main");
        assert!(!said.concat().contains(&format!("{moved} refs/heads/main")), "{said:?}");
        git.git("update-ref refs/heads/x main");
        let preparing = git.said().iter().any(|call| call.starts_with("reference-transaction preparing]"));
        assert_eq!(preparing, git.minor >= 54, "the hook files leave a state that they do not know alone");
    });
}
