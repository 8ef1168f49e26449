//! Clones and remotes that are not the usual ones: each works, or is refused in words.

use super::*;
use crate::claims::WORKS;

/// A remote with one spec in it, and who made it.
fn shared_spec() -> (TestRepo, std::path::PathBuf, String) {
    let us = TestRepo::with_chant();
    let bare = us.with_origin();
    let id = us.add_spec("One", &["First"]);
    us.git(&["push", "--quiet"]);
    us.chant(&["push"]).ok();
    (us, bare, id)
}

/// `git clone ARGS` with `git chant init`.
fn clone(us: &TestRepo, args: &[&str], name: &str) -> TestRepo {
    let path = us.root().join(name);
    // A path is copied whole; a URL honours depth and filters.
    let url = format!("file://{}", us.root().join("origin.git").display());
    us.git(&[&["clone", "--quiet"], args, &[&url, path.to_str().unwrap()]].concat());
    let clone = us.at(path);
    clone.chant(&["init"]).ok();
    clone.agent("works", WORKS);
    clone.git(&["config", "chant.trust", "all"]);
    clone
}

/// Sees the spec, works it under a claim, and shares what came of it.
#[track_caller]
fn takes_part(us: &TestRepo, clone: &TestRepo, id: &str) {
    assert_eq!(clone.show(id)["status"], "ready");
    clone.chant(&["edit", id, "--add-label", "seen"]).ok();
    clone.chant(&["sync"]).ok();
    clone.chant(&["work", "--claim", id]).ok().says("completed");
    us.chant(&["sync"]).ok().says("completed");
    clone.chant(&["sync"]).ok();
    us.chant(&["sync"]).ok();
    assert_eq!(shared(us), shared(clone));
    clone.chant(&["fsck"]).ok();
}

#[test]
fn a_shallow_clone_takes_part() {
    let (us, _, id) = shared_spec();
    us.commit_all("more");
    us.git(&["push", "--quiet"]);
    let shallow = clone(&us, &["--depth=1"], "shallow");
    assert_eq!(shallow.git(&["rev-parse", "--is-shallow-repository"]), "true");
    takes_part(&us, &shallow, &id);
}

#[test]
fn a_clone_of_a_single_branch_takes_part() {
    let (us, _, id) = shared_spec();
    us.git(&["push", "--quiet", "origin", "HEAD:refs/heads/other"]);
    let single = clone(&us, &["--single-branch"], "single");
    takes_part(&us, &single, &id);
    assert_eq!(single.git(&["for-each-ref", "refs/remotes/origin/other"]), "");
}

#[test]
fn a_clone_without_blobs_takes_part() {
    let (us, bare, id) = shared_spec();
    us.git(&["-C", bare.to_str().unwrap(), "config", "uploadpack.allowFilter", "true"]);
    // Texts that no branch has are not here after the clone, nor after an ordinary fetch.
    let other = us.chant_env(&[("GIT_CHANT_TEST_SUFFIX", "xyz")], &["add", "--porcelain", "Other"]).ok().stdout;
    let edit = |title: &str| {
        for id in [&id, other.trim()] {
            us.chant(&["edit", id, "--title", title]).ok();
        }
        us.chant(&["push"]).ok();
    };
    edit("New");
    for filter in ["blob:none", "tree:0"] {
        let partial = clone(&us, &[&format!("--filter={filter}")], filter);
        edit(filter);
        partial.chant(&["edit", &id, "--add-label", filter]).ok();
        partial.git(&["fetch", "--quiet"]);
        let lacks = || partial.git(&["rev-list", "--objects", "--missing=print", "--glob=refs/chant-remotes/*"]).contains("\n?");
        assert!(lacks());
        // Both are brought at once.
        let trace = us.root().join("trace");
        partial.chant_env(&[("GIT_TRACE", trace.to_str().unwrap())], &["list"]).ok().says("1 spec joined, 1 spec updated").says(filter);
        let fetches = std::fs::read_to_string(&trace).unwrap().matches("built-in: git fetch").count();
        std::fs::remove_file(&trace).unwrap();
        assert!((1..=2).contains(&fetches) && !lacks(), "{fetches}");
        partial.chant(&["sync"]).ok().says_not("left alone");
        partial.git(&["gc", "--quiet", "--prune=now"]);
        partial.chant(&["fsck"]).ok();
        us.chant(&["sync"]).ok();
        assert_eq!(shared(&us), shared(&partial));
    }
    let partial = us.at(us.root().join("blob:none"));
    takes_part(&us, &partial, &id);
}

#[test]
fn a_mirror_has_every_spec_and_reads_them() {
    let (us, bare, id) = shared_spec();
    us.git(&["clone", "--quiet", "--mirror", bare.to_str().unwrap(), us.root().join("mirror.git").to_str().unwrap()]);
    let mirror = us.at(us.root().join("mirror.git"));
    mirror.chant(&["list"]).ok().says(&id);
    mirror.chant(&["show", &id]).ok();
    mirror.chant(&["fsck"]).ok();
    us.chant(&["cancel", &id]).ok();
    us.chant(&["push"]).ok();
    mirror.git(&["remote", "update"]);
    mirror.chant(&["show", &id]).ok().says("cancelled");
    // The next fetch would take away whatever is written there; so it would where somebody asked for that.
    let words = "would be gone after the next git fetch origin";
    mirror.chant(&["add", "Lost"]).fails(128).says(words).says("hint: git clone it, and work in the clone");
    mirror.chant(&["reset", &id]).fails(128).says(words);
    us.git(&["config", "--add", "remote.origin.fetch", "+refs/chant/*:refs/chant/*"]);
    let hint = "git config --unset-all --fixed-value remote.origin.fetch '+refs/chant/*:refs/chant/*'";
    us.chant(&["add", "Lost"]).fails(128).says(words).says(hint);
    Outcome::of(us.command(us.path(), "sh").args(["-c", hint])).ok();
    us.chant(&["add", "Kept"]).ok();
}

#[test]
fn a_bare_repository_fetches_and_pushes() {
    let (us, bare, id) = shared_spec();
    let path = us.root().join("other.git");
    us.git(&["clone", "--quiet", "--bare", bare.to_str().unwrap(), path.to_str().unwrap()]);
    let other = us.at(path);
    other.chant(&["fetch"]).ok().says(&format!("new        {id}"));
    other.chant(&["cancel", &id]).ok();
    other.chant(&["push"]).ok().says(&format!("pushed     {id}"));
    us.chant(&["fetch"]).ok().says("pending -> cancelled");
}

#[test]
fn a_fork_and_its_upstream_both_share() {
    let (us, bare, id) = shared_spec();
    let fork_url = us.root().join("fork.git");
    us.git(&["clone", "--quiet", "--bare", bare.to_str().unwrap(), fork_url.to_str().unwrap()]);
    let fork = us.clone_to(&fork_url, "fork");
    fork.git(&["remote", "add", "upstream", bare.to_str().unwrap()]);
    fork.chant(&["init"]).ok();
    // A bare clone copies branches only: the spec is upstream's.
    fork.chant(&["fetch", "upstream"]).ok();
    fork.chant(&["cancel", &id]).ok();
    fork.chant(&["push"]).ok();
    quiet(us.chant(&["fetch"]));
    fork.chant(&["push", "upstream"]).ok().says(&id);
    us.chant(&["fetch"]).ok().says("pending -> cancelled");
    // Whichever is named, and the one that is configured where none is.
    fork.git(&["config", "chant.remote", "upstream"]);
    fork.chant(&["add", "Mine"]).ok();
    fork.chant(&["push"]).ok();
    us.chant(&["fetch"]).ok().says("Mine");
    assert!(!us.git(&["ls-remote", fork_url.to_str().unwrap()]).contains("-002-"), "the fork was not named");
}

#[test]
fn a_renamed_and_a_removed_remote_lose_nothing_and_stand_in_nobodys_way() {
    let (us, bare, id) = shared_spec();
    let them = us.clone_to(&bare, "them");
    them.chant(&["init"]).ok();
    us.chant(&["cancel", &id]).ok();
    us.chant(&["push"]).ok();
    // Fetched and not yet folded in when the remote is renamed.
    them.git(&["fetch", "--quiet"]);
    them.git(&["remote", "rename", "origin", "hub"]);
    let said = them.chant(&["list"]).ok().says("From origin: 1 spec");
    said.says("Remote hub fetches +refs/chant/*:refs/chant-remotes/hub/* now")
        .says("There is no remote origin any more; what it had is here");
    assert_eq!(them.show(&id)["status"], "cancelled");
    assert_eq!(them.git(&["for-each-ref", "refs/chant-remotes/origin", "refs/chant-notes/origin"]), "");
    let fetches = them.git(&["config", "--get-all", "remote.hub.fetch"]);
    assert!(!fetches.contains("origin") && fetches.lines().count() == 3, "{fetches}");
    // An ordinary fetch of the new name brings them as ever.
    us.chant(&["edit", &id, "--add-label", "late"]).ok();
    us.chant(&["push"]).ok();
    them.git(&["fetch", "--quiet"]);
    them.chant(&["list"]).ok().says("From hub: 1 spec updated").says_not("origin");
    them.chant(&["add", "Mine"]).ok();
    them.chant(&["push"]).ok().says("Mine");
    them.git(&["fetch", "--quiet"]);
    quiet(them.chant(&["sync", "hub"]));
    us.chant(&["fetch"]).ok().says("Mine");
    them.chant(&["fsck"]).ok();
    them.git(&["remote", "remove", "hub"]);
    them.chant(&["list"]).ok().says("Mine").says("There is no remote hub any more");
    them.chant(&["list"]).ok().says_not("hub");
    assert_eq!(them.git(&["for-each-ref", "refs/chant-remotes", "refs/chant-notes"]), "");
    them.chant(&["sync"]).fails(128).says("no remote to share specs with");
    them.chant(&["fsck"]).ok();
}
