//! What ordinary git brings and carries.

use super::*;

#[test]
fn a_pull_brings_specs_and_the_next_command_folds_them_in() {
    let (us, them) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.git(&["push", "--quiet"]);
    us.chant(&["push"]).ok();
    them.git(&["pull", "--quiet"]);
    them.chant(&["list"]).ok().says("From origin: 1 spec new.").says(&id);
    them.chant(&["list"]).ok().says_not("From origin");
    assert_eq!(shared(&us), shared(&them));
    // What is not pushed survives every ordinary fetch.
    them.chant(&["cancel", &id]).ok();
    let ours = shared(&them);
    them.git(&["fetch", "--quiet", "--prune", "--all"]);
    them.chant(&["list"]).ok();
    assert_eq!(shared(&them), ours);
}

#[test]
fn a_plain_clone_finds_the_specs_with_one_init() {
    let (us, _) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.git(&["push", "--quiet"]);
    us.chant(&["edit", &id, "--add-label", "x"]).ok();
    us.chant(&["push"]).ok();
    let fresh = us.clone_to(us.root().join("origin.git"), "fresh");
    fresh.chant(&["init"]).ok().says("From origin: 1 spec new.").says("Ready, with 1 spec.");
    assert_eq!(shared(&fresh), shared(&us));
    quiet(fresh.chant(&["sync"]));
    // Commands of a spec that somebody else wrote are not trusted for that.
    assert!(!fresh.common_dir().join("chant/trust").exists());
}

#[test]
fn an_init_that_reaches_no_remote_says_so_and_the_specs_find_each_other_later() {
    let (us, _) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.git(&["push", "--quiet"]);
    us.chant(&["push"]).ok();
    let origin = us.root().join("origin.git");
    let fresh = us.clone_to(&origin, "fresh");
    fresh.git(&["remote", "set-url", "origin", "/nonexistent/x.git"]);
    fresh.chant(&["init"]).ok().says("warning: could not fetch from origin").says("git chant fetch origin").says("1 imported from files");
    fresh.git(&["remote", "set-url", "origin", origin.to_str().unwrap()]);
    fresh.chant(&["edit", &id, "--add-label", "late"]).ok();
    // One spec, not two: the file is the one that the spec wrote.
    fresh.chant(&["sync"]).ok().says(&format!("joined     {id}")).says_not("renamed");
    us.chant(&["fetch"]).ok();
    assert_eq!(shared(&fresh), shared(&us));
    assert_eq!(us.show(&id)["labels"], serde_json::json!(["late"]));
    assert_eq!(us.show(&id)["status"], "ready");
}

#[test]
fn a_file_that_came_with_a_branch_before_its_spec_is_the_same_spec() {
    let (us, them) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.git(&["push", "--quiet"]);
    them.git(&["pull", "--quiet"]);
    them.chant(&["list"]).ok();
    them.chant(&["show", &id]).ok();
    them.chant(&["push"]).ok();
    us.chant(&["sync"]).ok().says_not("renamed");
    them.chant(&["fetch"]).ok();
    assert_eq!(shared(&us), shared(&them));
    assert_eq!(us.git(&["for-each-ref", "refs/chant/specs"]).lines().count(), 1);
}

#[test]
fn a_plain_push_carries_specs_when_asked_to() {
    let (us, them) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.git(&["push", "--quiet"]);
    assert_eq!(us.git(&["ls-remote", "origin", "refs/chant/*"]), "");
    us.git(&["config", "chant.autoPush", "true"]);
    us.write("x", "x");
    us.commit_all("x");
    us.try_git(&["push"]).ok().says("To origin: 1 spec pushed along");
    them.chant(&["fetch"]).ok().says(&id);
    assert_eq!(shared(&us), shared(&them));
    // Nothing but specs moved: the push has nothing to do, and they go along all the same.
    us.chant(&["cancel", &id]).ok();
    us.git(&["push", "--quiet"]);
    us.chant(&["pause", &id]).ok();
    us.try_git(&["push"]).ok().says("pushed along");
    // A remote that takes no specs stops no push.
    us.script(us.root().join("origin.git/hooks/update"), "case $1 in refs/chant/*) exit 1;; esac");
    us.chant(&["reset", &id]).ok();
    us.write("y", "y");
    us.commit_all("y");
    us.try_git(&["push"]).ok().says("warning: specs were not pushed along");
    assert_eq!(us.git(&["rev-parse", "origin/main"]), us.head());
}
