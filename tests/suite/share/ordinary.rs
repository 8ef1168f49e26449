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
    fresh.chant(&["init"]).ok().says("From origin: 1 spec new.").says("Ready, with 1 spec: git chant list");
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

#[test]
fn a_clone_that_is_not_set_up_takes_no_file_over() {
    let (us, _) = two_clones();
    let (id, other) = (us.add_spec("One", &["First"]), us.add_spec("Two", &["First"]));
    us.git(&["push", "--quiet"]);
    us.chant(&["edit", &id, "--add-label", "x"]).ok();
    us.chant(&["push"]).ok();
    let plain = us.clone_to(us.root().join("origin.git"), "plain");
    plain.chant(&["list"]).ok().says("hint: the files in .chant/specs are not looked at").says("git chant init").says_not("Took over");
    plain.chant(&["show", &id]).fails(128).says("git chant init");
    assert_eq!(plain.git(&["for-each-ref", "refs/chant"]), "");
    // What somebody did to a file meanwhile is an edit like any other, once the clone knows the spec.
    plain.edit_spec(&other, "# Two", "# Zwei");
    plain.chant(&["init"]).ok().says_not("imported").says("Recorded your edit of").says("is older than the spec here");
    assert_eq!(plain.events(&id), us.events(&id));
    assert_eq!(plain.events(&other), ["create", "edit"]);
    plain.chant(&["list"]).ok().says("Zwei").says_not("hint:");
}

#[test]
fn a_file_that_is_behind_its_spec_is_named_until_its_branch_comes() {
    let (us, them) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.git(&["push", "--quiet"]);
    us.chant(&["push"]).ok();
    them.git(&["pull", "--quiet"]);
    them.chant(&["list"]).ok();
    us.chant(&["edit", &id, "--title", "Uno"]).ok();
    us.chant(&["push"]).ok();
    let head = them.head();
    them.chant(&["fetch"]).ok().says(&format!("The file of {id} asks for something older here")).says("git pull");
    // Files travel with branches: nothing is written over the branch that is checked out, and nothing stands in the way of a pull.
    assert_eq!((them.head(), them.git(&["status", "--porcelain", "-uno"])), (head, String::new()));
    them.chant(&["show", &id]).ok().says("Uno").says(&format!("file:        .chant/specs/{id}.md asks for something older here"));
    them.chant(&["list"]).ok().says("Uno").says_not("older");
    // An edit of the older text is one all the same, and both count.
    them.edit_spec(&id, "- [ ] First", "- [ ] First\n- [ ] Second");
    them.chant(&["show", &id]).ok().says("Uno").says("Second").says_not("asks for something older");
    us.git(&["push", "--quiet"]);
    them.git(&["pull", "--quiet", "--no-rebase", "--no-edit"]);
    let text = them.read(&TestRepo::spec_file(&id));
    assert!(text.contains("# Uno") && text.contains("Second"), "{text}");
    them.chant(&["show", &id]).ok().says_not("older");
}

#[test]
fn a_file_that_is_in_no_commit_follows_its_spec_unless_somebody_edits_it() {
    let (us, them) = two_clones();
    us.git(&["config", "chant.autoCommit", "false"]);
    let id = us.add_spec("One", &["First"]);
    // The remote was added after `git chant init`.
    us.chant(&["push"]).ok().says("An ordinary git fetch brings specs from origin too, from now on.");
    us.chant(&["push"]).ok().says_not("git fetch");
    them.chant(&["fetch"]).ok();
    them.chant(&["edit", &id, "--title", "Uno"]).ok();
    them.chant(&["push"]).ok();
    us.chant(&["fetch"]).ok().says_not("git pull");
    assert!(us.read(&TestRepo::spec_file(&id)).contains("# Uno"));
    assert_eq!(us.events(&id), ["create", "edit"]);
    // The bytes of an old version are an edit where a person put them there.
    let now = us.read(&TestRepo::spec_file(&id));
    us.edit_spec(&id, "# Uno", "# One");
    them.chant(&["edit", &id, "--add-label", "x"]).ok();
    them.chant(&["push"]).ok();
    us.git(&["fetch", "--quiet"]);
    us.chant(&["list"]).ok().says("Recorded your edit").says("One");
    assert_eq!(us.read(&TestRepo::spec_file(&id)), us.chant(&["show", "--body", &id]).ok().stdout);
    assert_ne!(us.read(&TestRepo::spec_file(&id)), now);
    assert_eq!(us.show(&id)["labels"], serde_json::json!(["x"]));
}
