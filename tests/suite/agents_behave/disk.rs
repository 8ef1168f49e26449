//! An agent that fills the disk on which everything lies.

use super::{COMMIT, repository};
use crate::common::{CHANT, Outcome};

/// What happens on a small disk of its own, mounted where nobody else sees it: `$1` is where, `$2` the repository to clone.
const SCENE: &str = r#"
set -e
mount -t tmpfs -o size=12m tmpfs "$1"
cd "$1"
git clone -q "$2" repo; cd repo
git chant init >/dev/null
git config chant.agent.odd.command agent-odd; git config chant.agent odd
id=$(git chant add --porcelain 'Make something' --criterion 'It is made `$ test -e made.txt`')
git chant work "$id" && { echo 'it worked on a full disk'; exit 9; }
test -e full || { echo 'the disk never was full'; exit 9; }
echo '--- full'; git chant list --status failed | grep "$id"; git chant show "$id"
# The person makes room.
rm -f full .chant/worktrees/*/big
git fsck --connectivity-only --no-dangling
echo '--- room'; git chant list; git chant show "$id"
git log --all --format=%s | grep -qx 'Make one' || { echo 'a commit is lost'; exit 9; }
git config chant.agent.odd.command 'test -e made.txt && echo more >>made.txt'
git chant resume "$id" || { git chant reset "$id"; git config chant.agent.odd.command 'echo new >made.txt'; git chant work "$id"; }
git chant merge "$id"
test -e made.txt
find "$(git rev-parse --git-dir)" -name '*.lock' -not -path '*/chant/*' | grep . && { echo 'a lock is left'; exit 9; }
test -z "$(ls .git/chant/runs)" || { echo 'a run is left'; exit 9; }
git worktree list --porcelain | grep ^locked && { echo 'a worktree is locked'; exit 9; }
git branch --format='%(refname:short)' | grep -v -e '^main$' -e "^chant/$id" && { echo 'a branch is left'; exit 9; }
echo '--- done'
"#;

/// `sh -c SCRIPT` where it may mount; `None`, said, where nobody may.
fn where_mounts_are_allowed(repo: &crate::common::TestRepo, args: &[&str]) -> Option<Outcome> {
    let alone = ["--user", "--map-root-user", "--mount", "--"];
    let probe = ["sh", "-c", "mount -t tmpfs tmpfs \"$1\"", "sh", args[2]];
    let able = repo.command(repo.root(), "unshare").args(alone).args(probe).output().is_ok_and(|output| output.status.success());
    if !able {
        eprintln!("skipped: nobody may mount a small disk here (unshare --user --mount)");
        return None;
    }
    Some(Outcome::of(repo.command(repo.root(), "unshare").args(alone).args(["sh", "-c"]).args(args)))
}

#[test]
fn one_that_fills_the_disk_loses_nothing_and_can_be_gone_on_with() {
    // More than the disk holds, and no more than another one can bear.
    let fill = "fill() { head -c 64000000 /dev/zero; }\n\
                cd \"$CHANT_WORKTREE/../../..\"; : >full; fill >\"$CHANT_WORKTREE/big\"; fill >>full; echo 'disk is full'";
    let (repo, _) = repository(&format!("{COMMIT}{fill}"));
    let disk = repo.root().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let before = super::Before::of(&repo);
    let args = [SCENE, "sh", disk.to_str().unwrap(), repo.path().to_str().unwrap(), CHANT];
    let Some(outcome) = where_mounts_are_allowed(&repo, &args) else { return };
    let (first, after) = outcome.stdout.split_once("--- full").unwrap_or_else(|| panic!("{outcome}"));
    assert!(after.contains("--- done"), "{outcome}");
    assert!(
        first.contains("failed: the disk is full; uncommitted work is still in the worktree; free some space, then: git chant resume "),
        "{outcome}"
    );
    assert!(outcome.stderr.contains("go on: git chant resume"), "{outcome}");
    assert!(!outcome.stderr.contains("holds its lock"), "{outcome}");
    before.assert_clean(&repo, &[]);
}
