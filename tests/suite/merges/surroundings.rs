//! What git sets for hooks, and what a person sets for git: an index or a git directory of its own, another directory to stand in, a
//! worktree of a bare repository, and hooks that would run for what hooks do.

use super::super::common::gits;
use super::{Outcome, TestRepo, beside, finished};
use std::os::unix::fs::symlink;

/// Each line commits or merges something that does not belong into `main`, the branch `bad` and the name of its spec as variables.
const WAYS: &[&str] = &[
    // An index.lock of its own, and one of the paths alone.
    "echo x >>README.md; git commit -q -a -m \"chant($ID): more\"",
    "echo x >>README.md; git commit -q -m \"chant($ID): more\" README.md",
    "mkdir -p sub; cd sub; git merge -q $B",
    "cd ..; git -C repo merge -q $B",
    "cd ..; GIT_DIR=repo/.git GIT_WORK_TREE=repo git merge -q $B",
    "cp .git/index ../own-index; export GIT_INDEX_FILE=$PWD/../own-index; echo x >>README.md; git commit -q -a -m \"chant($ID): more\"",
    "env -u HOME git merge -q $B",
    "CDPATH=/ IFS=/ git merge -q $B",
];

#[test]
fn the_gate_holds_whatever_surrounds_it() {
    let (repo, id) = finished(&["It is good"], &[]);
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    for (version, git) in gits() {
        let link = repo.root().join("bin/git");
        drop(std::fs::remove_file(&link));
        symlink(git, link).unwrap();
        for way in WAYS {
            let (head, before) = (repo.head(), std::fs::read(repo.git_dir().join("index")).unwrap());
            let mut sh = repo.command(repo.path(), "sh");
            let bin = repo.root().join("bin");
            sh.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
            let said = Outcome::of(sh.env("B", format!("chant/{id}")).env("ID", &id).args(["-ec", way]));
            assert!(said.code != 0 && said.stderr.contains("criterion 1 is not ticked"), "{way} ({version}): {said}");
            assert_eq!(repo.head(), head, "{way} ({version})");
            if !way.contains("commit -q -a") {
                assert!(std::fs::read(repo.git_dir().join("index")).unwrap() == before, "{way} ({version}) wrote to the index");
            }
            repo.git(&["reset", "-q", "--hard"]);
        }
    }
}

#[test]
fn a_worktree_of_a_bare_repository_is_guarded() {
    let (repo, id) = finished(&["It is good"], &[]);
    let bare = repo.at(repo.root().join("bare.git"));
    repo.git(&["clone", "-q", "--bare", repo.path().to_str().unwrap(), bare.path().to_str().unwrap()]);
    bare.git(&["fetch", "-q", repo.path().to_str().unwrap(), "refs/chant/*:refs/chant/*"]);
    let tree = bare.at(repo.root().join("tree"));
    bare.git(&["worktree", "add", "-q", tree.path().to_str().unwrap(), "main"]);
    tree.chant(&["hooks", "install"]).ok();
    let branch = format!("chant/{id}");
    beside(&tree, |tree| drop(tree.chant(&["uncheck", &id, "1"]).ok()));
    let before = tree.snapshot();
    for way in
        [&["merge", "-q", &branch][..], &["merge", "-q", "--no-ff", "--no-edit", &branch], &["update-ref", "refs/heads/main", &branch]]
    {
        let said = tree.try_git(way);
        assert!(said.code != 0 && said.stderr.contains("criterion 1 is not ticked"), "git {}: {said}", way.join(" "));
    }
    before.assert_same(&tree.snapshot());
    // And from beside every worktree.
    bare.try_git(&["update-ref", "refs/heads/main", &branch]).fails(128).says("criterion 1 is not ticked");
    beside(&tree, |tree| drop(tree.chant(&["check", &id, "1"]).ok()));
    tree.try_git(&["merge", "-q", &branch]).ok();
}

/// What hooks write themselves (an override's event and note, and specs that go along with a push) runs no hook.
#[test]
fn hooks_run_no_hooks() {
    let repo = TestRepo::new();
    for name in ["reference-transaction", "pre-push"] {
        let hook = repo.common_dir().join("hooks").join(name);
        repo.script(hook, &format!("echo \"{name} $1\" >>\"$HOME/ran\"; cat >>\"$HOME/ran\""));
    }
    repo.chant(&["init"]).ok();
    repo.with_origin();
    repo.git(&["config", "chant.autoPush", "true"]);
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.git(&["switch", "-q", "-c", "topic"]);
    repo.write("work", "x\n");
    repo.commit_all(&format!("chant({id}): half"));
    repo.git(&["switch", "-q", "main"]);
    let ran = || {
        let file = repo.root().join("home/ran");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        drop(std::fs::remove_file(file));
        text
    };
    ran();
    let overriding = |args: &[&str]| Outcome::of(repo.command(repo.path(), "git").env("GIT_CHANT_OVERRIDE", "now").args(args)).ok();
    overriding(&["merge", "-q", "--no-ff", "--no-edit", "topic"]).says("let through in spite of");
    let said = ran();
    assert!(said.contains("refs/heads/main") && !said.contains("refs/chant") && !said.contains("refs/notes"), "{said}");
    repo.git(&["push", "-q", "origin", "main"]);
    let said = ran();
    assert_eq!(said.matches("pre-push ").count(), 1, "{said}");
    assert!(!said.contains("refs/chant"), "{said}");
    let there = repo.at(repo.root().join("origin.git")).git(&["for-each-ref", "--format=%(refname)", "refs/chant/specs"]);
    assert_eq!(there, format!("refs/chant/specs/{id}"));
}
