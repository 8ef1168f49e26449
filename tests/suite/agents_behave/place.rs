//! Where an agent finds itself: in a worktree beside all others, with nothing that ties git elsewhere, as the person who started it.

use super::clean::Before;
use super::{COMMIT, repository};
use std::path::Path;

#[test]
fn it_inherits_no_variable_that_ties_git_to_a_repository_and_may_commit() {
    let look = "env >\"$HOME/env\"; git rev-parse --show-toplevel >\"$HOME/top\"; git var GIT_COMMITTER_IDENT >\"$HOME/who\"\n\
        ls .chant/specs >\"$HOME/specs\"; git status --porcelain --ignored >>\"$HOME/specs\"; git ls-files -v .chant | grep -v ^H >>\"$HOME/specs\"\n";
    let (repo, id) = repository(&format!("{look}export GIT_CONFIG_GLOBAL=/dev/null\n{COMMIT}"));
    let other = repo.add_spec("Another", &[]);
    let (dir, top) = (repo.git_dir(), repo.path().to_owned());
    let (dir, top) = (dir.to_str().unwrap(), top.to_str().unwrap());
    let index = format!("{dir}/index");
    let objects = format!("{dir}/objects");
    let tied = [
        ("GIT_DIR", dir),
        ("GIT_COMMON_DIR", dir),
        ("GIT_WORK_TREE", top),
        ("GIT_INDEX_FILE", index.as_str()),
        ("GIT_OBJECT_DIRECTORY", objects.as_str()),
        ("GIT_PREFIX", ""),
        ("GITHEAD_1234", "main"),
    ];
    repo.chant_env(&tied, &["work", &id]).ok().says("completed");
    let read = |name: &str| std::fs::read_to_string(repo.root().join("home").join(name)).unwrap();
    let has = |name: &str| read("env").lines().any(|line| line.starts_with(&format!("{name}=")));
    let locals = repo.git(&["rev-parse", "--local-env-vars"]);
    // What a person gives to one command with `git -c` is theirs to give.
    for name in locals.lines().filter(|name| !name.starts_with("GIT_CONFIG")).chain(["GITHEAD_1234"]) {
        assert!(!has(name), "{name} is passed on:\n{}", read("env"));
    }
    for name in ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "CHANT_RUN_ID", "CHANT_SPEC_FILE"] {
        assert!(has(name), "{name} is missing:\n{}", read("env"));
    }
    assert!(read("top").trim().ends_with(&format!(".chant/worktrees/{id}")), "{}", read("top"));
    // Other specs are there as in every checkout.
    assert_eq!(read("specs"), format!("{id}.md\n{other}.md\n"));
    assert!(read("who").starts_with("Tester <"), "{}", read("who"));
    // No configuration of its own was there any more, and still it committed, on its branch.
    assert_eq!(repo.git(&["log", "-1", "--format=%an %cn", "--grep=Make one", &format!("chant/{id}")]), "Tester Tester");
}

#[test]
fn a_worktree_is_never_made_inside_another() {
    let (repo, first) = repository("true");
    let second = repo.add_spec("Another", &[]);
    // The first is worked from a person's own linked worktree, and its agent works the second from where it is.
    let inner = format!("mkdir -p deep; (cd deep && unset CHANT_RUN_ID && git chant work {second} --target main)\n");
    let list = "git worktree list --porcelain >>\"$HOME/trees\"\n";
    repo.agent("odd", &format!("case $CHANT_SPEC_ID in {first}) {inner};; esac\n{list}{COMMIT}"));
    let linked = repo.root().join("linked");
    repo.git(&["worktree", "add", "-q", "-b", "mine", linked.to_str().unwrap()]);
    let before = Before::of(&repo);
    repo.at(&linked).chant(&["work", &first]).ok().says("completed");
    before.assert_clean(&repo, &[]);
    let trees = std::fs::read_to_string(repo.root().join("home/trees")).unwrap();
    let trees: Vec<&Path> = trees.lines().filter_map(|line| line.strip_prefix("worktree ")).map(Path::new).collect();
    let main = std::fs::canonicalize(repo.path()).unwrap();
    for id in [&first, &second] {
        assert!(trees.contains(&main.join(".chant/worktrees").join(id).as_path()), "{id} was not worked there: {trees:?}");
    }
    for tree in &trees {
        let around = trees.iter().find(|other| **other != main && other != &tree && tree.starts_with(other));
        assert!(around.is_none(), "{} lies in {}", tree.display(), around.unwrap().display());
    }
}
