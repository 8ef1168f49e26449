//! Worktrees that runs of one command hand on to each other: the next agent finds what it would find in a new one.

use super::common::TestRepo;
use std::collections::BTreeSet;

/// Writes down what an agent finds in its worktree that is not in its commit, and which directory it is.
const LOOK: &str = r#"git_dir=$(git rev-parse --git-dir)
looks=$(git rev-parse --git-common-dir)/looks
mkdir -p "$looks"
{
    git status --porcelain --ignored
    git ls-files -v | grep -v '^H '
    find . -mindepth 1 -type d -empty
    git reflog --format=%H HEAD | sort -u | grep -v "$(git rev-parse HEAD)"
    ls "$git_dir" | grep -v -e ORIG_HEAD -e '^index$'
    cat tracked "$git_dir/locked" | sed 's/run .*/run/'
    git branch --show-current | sed "s/$CHANT_SPEC_ID/ID/"
} >"$looks/$CHANT_SPEC_ID.found"
stat -c %i . >"$looks/$CHANT_SPEC_ID.directory"
"#;

const NOTHING: &str = "HEAD\ncommondir\ngitdir\nlocked\nlogs\nrefs\nas committed\ngit-chant run\nchant/ID\n";

fn repository(mischief: &str) -> TestRepo {
    let repo = TestRepo::with_chant();
    repo.write("tracked", "as committed\n");
    repo.write(".gitignore", "*.ignored\n");
    repo.write("dir/file", "");
    repo.commit_all("Files");
    repo.agent("robin", &format!("{LOOK}{mischief}\necho made >made-$CHANT_SPEC_ID; git add made-*; git commit -q -m Made\n"));
    repo.git(&["config", "chant.stagger", "0"]);
    repo
}

impl TestRepo {
    fn look(&self, id: &str, what: &str) -> String {
        std::fs::read_to_string(self.common_dir().join("looks").join(format!("{id}.{what}"))).unwrap()
    }

    fn idle_worktrees(&self) -> usize {
        let dir = std::fs::read_dir(self.path().join(".chant/worktrees")).into_iter().flatten().flatten();
        dir.filter(|entry| entry.file_name().to_string_lossy().starts_with(".idle-")).count()
    }
}

#[test]
fn one_worktree_serves_many_runs() {
    let repo = repository("");
    let ids = ["One", "Two", "Three", "Four"].map(|title| repo.add_spec(title, &[]));
    let before = repo.snapshot();
    let worked = repo.chant(&["work", "--all"]).ok().says("4 of 4 specs done:");
    assert!(!worked.stderr.contains("warning"), "{worked}");
    for id in &ids {
        assert_eq!(repo.look(id, "found"), NOTHING, "{id}");
        // What it merges is its own work alone.
        let made = repo.git(&["diff", "--name-only", &format!("main...chant/{id}"), "--", ":!.chant"]);
        assert_eq!(made, format!("made-{id}"));
    }
    let directories: BTreeSet<String> = ids.iter().map(|id| repo.look(id, "directory")).collect();
    assert_eq!(directories.len(), 1, "{directories:?}");
    assert_eq!((repo.idle_worktrees(), repo.git(&["worktree", "list"]).lines().count()), (0, 1));
    before.assert_same(&repo.snapshot());
    repo.chant(&["merge", "--all"]).ok().says("All specs merged.");
    repo.chant(&["fsck"]).ok();
    repo.assert_no_locks();
}

/// A merge in its worktree would leave files there that nobody else could be handed, and takes long in a large one.
#[test]
fn work_that_others_build_upon_is_in_the_first_commit_of_theirs() {
    let repo = repository("");
    let one = repo.add_spec("One", &[]);
    let two = repo.add_spec_with("Two", &[], &["--depends-on", &one]);
    let three = repo.add_spec_with("Three", &[], &["--depends-on", &two]);
    repo.chant(&["work", "--all"]).ok().says("3 of 3 specs done:");
    for id in [&one, &two, &three] {
        assert_eq!(repo.look(id, "found"), NOTHING, "{id}");
        assert_eq!(repo.look(id, "directory"), repo.look(&one, "directory"));
    }
    let made = repo.git(&["diff", "--name-only", &format!("main...chant/{three}"), "--", ":!.chant"]);
    let mut all = [&one, &two, &three].map(|id| format!("made-{id}"));
    all.sort();
    assert_eq!(made, all.join("\n"));
    let merges = repo.git(&["log", "--merges", "--format=%s", &format!("main..chant/{three}")]);
    assert_eq!(merges, format!("chant({three}): take in {two}\nchant({two}): take in {one}"));
}

#[test]
fn branches_of_finished_work_are_free_while_others_run() {
    let repo = repository("");
    for title in ["One", "Two", "Three"] {
        repo.add_spec(title, &[]);
    }
    repo.chant(&["work", "--all", "--merge"]).ok().says("3 of 3 specs done:");
    assert_eq!(repo.git(&["branch", "--list", "chant/*"]), "");
}

/// What agents do to a worktree that `git status` does not show, or that is not in a commit.
const MISCHIEF: &str = r#"case $(sed -n 's/^# //p' "$CHANT_SPEC_FILE") in
ignored) echo x >left.ignored ;;
empty) mkdir -p left/behind dir/too ;;
assumed) git update-index --assume-unchanged tracked; echo hidden >tracked ;;
skipped) git update-index --skip-worktree tracked; echo hidden >tracked ;;
bisect) git bisect start >/dev/null ;;
ref) git update-ref refs/worktree/mine HEAD ;;
sparse) mkdir -p "$git_dir/info"; echo '/dir/' >"$git_dir/info/sparse-checkout" ;;
stat)
    git config core.trustctime false
    touch -d 2020-02-02 tracked
    git update-index --refresh
    printf 'not committed' >tracked
    touch -d 2020-02-02 tracked ;;
config) git config --unset core.trustctime; git config extensions.worktreeConfig true; git config --worktree core.autocrlf true ;;
esac"#;

#[test]
fn what_one_agent_leaves_reaches_no_other() {
    let repo = repository(MISCHIEF);
    let titles = ["ignored", "empty", "assumed", "skipped", "bisect", "ref", "sparse", "stat", "config", "last"];
    let ids = titles.map(|title| repo.add_spec(title, &[]));
    repo.chant(&["work", "--all"]).ok().says("10 of 10 specs done:").says("The worktree is kept because");
    for (id, title) in ids.iter().zip(titles) {
        assert_eq!(repo.look(id, "found"), NOTHING, "found by {title}");
    }
    assert_eq!(repo.idle_worktrees(), 0);
}

#[test]
fn what_a_setup_made_is_made_for_each() {
    let repo = repository("cat needs.ignored >>\"$looks/needs\"; echo changed >needs.ignored");
    repo.git(&["config", "chant.worktreeSetup", "echo fresh >needs.ignored"]);
    repo.add_spec("One", &[]);
    repo.add_spec("Two", &[]);
    repo.chant(&["work", "--all"]).ok().says("2 of 2 specs done:");
    assert_eq!(std::fs::read_to_string(repo.common_dir().join("looks/needs")).unwrap(), "fresh\nfresh\n");
}

#[test]
fn what_a_killed_command_kept_idle_is_swept_and_nobody_elses() {
    // The second agent ends git-chant once an idle worktree lies there, and asks another command to look before that. The first waits for
    // the second, which would be given that worktree otherwise.
    let repo = repository(
        "case $(cat \"$CHANT_SPEC_FILE\") in *Kill*)\n\
         : >\"$looks/there\"; root=$(git rev-parse --git-common-dir)/..\n\
         until ls -d \"$root\"/.chant/worktrees/.idle-* >/dev/null 2>&1; do sleep 0.05; done\n\
         (cd \"$root\" && unset CHANT_RUN_ID && git-chant list >/dev/null 2>&1)\n\
         ls -d \"$root\"/.chant/worktrees/.idle-* >\"$looks/kept\"\n\
         kill -9 $(cut -d' ' -f4 /proc/$PPID/stat); exit 1;; esac\n\
         until test -e \"$looks/there\" || ! test -d \"$looks\"; do sleep 0.05; done",
    );
    repo.add_spec("Work", &[]);
    let killed = repo.add_spec("Kill", &[]);
    let ended = repo.command(repo.path(), super::common::CHANT).args(["work", "--all", "--parallel", "2"]).output().unwrap();
    assert_eq!(ended.status.code(), None, "{ended:?}");
    assert!(repo.common_dir().join("looks/kept").exists());
    assert_eq!(repo.idle_worktrees(), 1);
    // As where the removal itself was cut off.
    let kept = std::fs::read_to_string(repo.common_dir().join("looks/kept")).unwrap();
    std::fs::remove_file(std::path::Path::new(kept.trim()).join("README.md")).unwrap();
    repo.chant(&["list"]).ok().says(&killed);
    assert_eq!(repo.idle_worktrees(), 0);
    assert_eq!(repo.git(&["worktree", "list"]).lines().count(), 2, "its own is kept");
}
