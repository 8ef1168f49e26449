//! `chant.transport=branch`: the same, on a host that takes branches only.

use super::*;
use crate::claims::WORKS;

/// Two clones of a host that takes nothing but branches.
fn branches_only() -> (TestRepo, TestRepo) {
    let (us, them) = two_clones();
    let hook = us.root().join("origin.git/hooks/pre-receive");
    us.script(hook, "while read -r old new ref; do case $ref in refs/heads/*) ;; *) echo 'branches only' >&2; exit 1;; esac; done");
    us.git(&["config", "--global", "chant.transport", "branch"]);
    us.git(&["config", "--global", "chant.trust", "all"]);
    (us, them)
}

fn ids(repo: &TestRepo) -> String {
    repo.git(&["for-each-ref", "--format=%(refname:lstrip=3)", "refs/chant/specs"])
}

#[test]
fn specs_archive_and_claims_go_over_a_branch() {
    let (us, them) = branches_only();
    for repo in [&us, &them] {
        repo.agent("works", WORKS);
    }
    let id = us.add_spec("One", &["First"]);
    us.chant(&["push"]).ok().says(&format!("pushed     {id}"));
    quiet(us.chant(&["sync"]));
    assert_eq!(us.git(&["ls-remote", "origin", "refs/chant/*"]), "");
    them.chant(&["fetch"]).ok().says(&format!("new        {id}"));
    quiet(them.chant(&["sync"]));
    assert_eq!(shared(&us), shared(&them));
    // Both change it at once.
    us.chant(&["edit", &id, "--add-label", "ours"]).ok();
    them.chant(&["edit", &id, "--add-label", "theirs"]).ok();
    us.chant(&["push"]).ok();
    them.chant(&["push"]).ok().says("joined");
    us.chant(&["work", "--claim", &id]).ok();
    them.chant(&["sync"]).ok();
    us.chant(&["sync"]).ok();
    them.chant(&["sync"]).ok();
    assert_eq!(shared(&us), shared(&them));
    assert!(us.git(&["ls-remote", "origin", &format!("refs/heads/chant/{id}")]).contains("refs/heads/chant/"));
    us.chant(&["merge", &id]).ok();
    us.chant(&["archive", &id]).ok();
    us.chant(&["sync"]).ok();
    them.chant(&["sync"]).ok();
    assert_eq!((ids(&us), ids(&them)), (String::new(), String::new()));
    them.chant(&["show", &id]).ok().says("archived");
    // People see the live specs on the branch; nothing of it is unreachable.
    us.add_spec("Two", &["First"]);
    us.chant(&["sync"]).ok();
    assert!(us.git(&["show", "origin/chant-state:specs/"]).contains(".md"));
    for repo in [&us, &them] {
        repo.git(&["gc", "--quiet", "--prune=now"]);
        repo.git(&["fsck", "--strict"]);
    }
}

#[test]
fn a_fresh_clone_and_an_ordinary_fetch_find_the_branch_by_themselves() {
    let (us, them) = branches_only();
    us.git(&["config", "--global", "--unset", "chant.transport"]);
    us.git(&["config", "chant.transport", "branch"]);
    let id = us.add_spec("One", &["First"]);
    us.chant(&["push"]).ok();
    let new = us.clone_to(us.root().join("origin.git"), "new");
    new.chant(&["init"]).ok();
    assert_eq!(ids(&new), id);
    them.git(&["fetch", "--quiet"]);
    them.chant(&["list"]).ok().says("From origin: 1 spec new.").says(&id);
    them.git(&["fetch", "--quiet", "--prune"]);
    quiet(them.chant(&["sync"]));
    them.chant(&["cancel", &id]).ok();
    them.chant(&["push"]).ok();
    us.chant(&["fetch"]).ok().says("pending -> cancelled");
}

#[test]
fn switching_there_and_back_loses_nothing() {
    let (us, them) = two_clones();
    let (first, second) = (us.add_spec("One", &["First"]), us.add_spec_with("Two", &["First"], &[]));
    us.chant(&["push"]).ok();
    // Pushed by refs, and nobody has it but the remote.
    let gone = us.clone_to(us.root().join("origin.git"), "gone");
    gone.chant(&["init"]).ok();
    gone.chant(&["cancel", &first]).ok();
    gone.chant(&["push"]).ok();
    us.git(&["config", "chant.transport", "branch"]);
    us.chant(&["sync"]).ok().says("pending -> cancelled");
    assert!(us.git(&["ls-remote", "origin", "refs/heads/chant-state"]).contains("chant-state"));
    them.git(&["config", "chant.transport", "branch"]);
    them.chant(&["sync"]).ok();
    assert_eq!(shared(&us), shared(&them));
    them.chant(&["cancel", &second]).ok();
    them.chant(&["push"]).ok();
    // And back: what lies on the branch only comes along.
    us.git(&["config", "chant.transport", "refs"]);
    us.chant(&["sync"]).ok().says(&second);
    assert_eq!(shared(&us), shared(&them));
    let listed = us.git(&["ls-remote", "origin", "refs/chant/specs/*"]);
    assert!(listed.contains(&us.git(&["rev-parse", &format!("refs/chant/specs/{second}")])), "{listed}");
    them.git(&["remote", "remove", "origin"]);
    let said = them.chant(&["list"]).ok().says("There is no remote origin any more").says_not("origin.");
    said.says(&second);
    assert_eq!(them.git(&["for-each-ref", "refs/chant-remotes", "refs/chant-notes"]), "");
    us.git(&["config", "chant.transport", "pigeon"]);
    us.chant(&["sync"]).fails(128).says("chant.transport is 'pigeon'").says("none of: refs, branch");
}

#[test]
fn many_clones_push_their_specs_onto_one_branch_at_once() {
    let (us, _) = branches_only();
    let bare = us.root().join("origin.git");
    let clones: Vec<TestRepo> = (0..5)
        .map(|number| {
            let clone = us.clone_to(&bare, &format!("clone{number}"));
            clone.chant(&["init"]).ok();
            let word = format!("c{number}");
            clone.chant_env(&[("GIT_CHANT_TEST_SUFFIX", &word)], &["add", "--porcelain", &word, "--criterion", "First"]).ok();
            clone
        })
        .collect();
    std::thread::scope(|scope| {
        for clone in &clones {
            scope.spawn(|| clone.chant(&["push"]).ok());
        }
    });
    us.chant(&["fetch"]).ok();
    assert_eq!(ids(&us).lines().count(), 5);
}

#[test]
fn a_state_that_somebody_else_wrote_brings_what_it_has_and_no_more() {
    let (us, them) = branches_only();
    let id = us.add_spec("One", &["First"]);
    us.chant(&["push"]).ok();
    let head = us.head();
    us.git(&["fetch", "--quiet"]);
    let index = us.git(&["show", "origin/chant-state:index"]);
    let bad = format!(
        "{index}\nrefs/heads/main\t{head}\nrefs/chant/specs/../../heads/x\t{head}\nrefs/chant/specs/none\t{}\nno line\n",
        "1".repeat(head.len())
    );
    us.write("bad", bad);
    let blob = us.git(&["hash-object", "-w", "bad"]);
    std::fs::remove_file(us.path().join("bad")).unwrap();
    us.script("tree", &format!("printf '100644 blob {blob}\\tindex\\n' | git mktree"));
    let tree = Outcome::of(&mut us.command(us.path(), us.root().join("bin/tree"))).ok().stdout;
    let commit = us.git(&["commit-tree", "-m", "x", "-p", "origin/chant-state", tree.trim()]);
    us.git(&["push", "--quiet", "origin", &format!("{commit}:refs/heads/chant-state")]);
    let before = them.git(&["for-each-ref", "refs/heads"]);
    them.chant(&["fetch"]).ok().says(&format!("new        {id}"));
    assert_eq!(them.git(&["for-each-ref", "refs/heads"]), before);
    assert_eq!(ids(&them), id);
}

#[test]
fn a_branch_of_that_name_that_is_somebody_elses_is_left_alone() {
    let (us, them) = two_clones();
    us.git(&["push", "--quiet", "origin", "HEAD:refs/heads/chant-state"]);
    let head = us.head();
    us.git(&["fetch", "--quiet"]);
    let id = us.add_spec("One", &["First"]);
    us.chant(&["push"]).ok().says(&format!("pushed     {id}"));
    them.git(&["config", "chant.transport", "branch"]);
    them.chant(&["sync"]).fails(128).says("a branch chant-state that is none of ours").says("hint: rename it there");
    // It stands in nobody's way who does not want to share just now.
    them.chant(&["list"])
        .ok()
        .says("warning: origin: the remote has a branch chant-state that is none of ours")
        .says("hint: rename it there");
    them.git(&["config", "--unset", "chant.transport"]);
    them.chant(&["sync"]).ok();
    assert_eq!(us.git(&["ls-remote", "origin", "refs/heads/chant-state"]).split('\t').next(), Some(head.as_str()));
}

#[test]
fn a_state_that_somebody_overwrote_is_made_anew_from_what_clones_have() {
    let (us, them) = branches_only();
    let id = us.add_spec("One", &["First"]);
    us.chant(&["push"]).ok();
    them.chant(&["fetch"]).ok();
    let tree = format!("printf '040000 tree %s\\tindex\\n' {} | git mktree", us.git(&["rev-parse", "HEAD^{tree}"]));
    let tree = Outcome::of(us.command(us.path(), "sh").args(["-c", &tree])).ok().stdout;
    let commit = us.git(&["commit-tree", "-m", "x", tree.trim()]);
    us.git(&["push", "--quiet", "--force", "origin", &format!("{commit}:refs/heads/chant-state")]);
    them.chant(&["sync"]).fails(128).says("that is none of ours").says("git push REMOTE --delete chant-state, and: git chant push");
    them.chant(&["list"]).ok().says(&id).says("warning: origin: the remote has a branch chant-state that is none of ours");
    them.git(&["push", "--quiet", "origin", "--delete", "chant-state"]);
    them.chant(&["push"]).ok().says(&format!("pushed     {id}"));
    us.chant(&["sync"]).ok();
    assert_eq!(shared(&us), shared(&them));
}

/// A clone of one branch alone does not track `chant-state`: what is asked for first decides which way it is.
#[test]
fn a_clone_of_one_branch_finds_the_way_that_the_others_go() {
    let (us, them) = branches_only();
    let id = us.add_spec("One", &["First"]);
    us.chant(&["push"]).ok();
    us.git(&["config", "--global", "--unset", "chant.transport"]);
    let one = us.at(us.root().join("one"));
    let origin = us.root().join("origin.git");
    let url = format!("file://{}", origin.display());
    us.git(&["clone", "-q", "--single-branch", &url, one.path().to_str().unwrap()]);
    one.chant(&["init"]).ok();
    assert_eq!(ids(&one), id);
    // One that was there before the branch was.
    them.chant(&["fetch"]).ok().says(&format!("new        {id}"));
    one.chant(&["edit", &id, "--add-label", "one"]).ok();
    one.chant(&["push"]).ok();
    them.chant(&["fetch"]).ok();
    assert_eq!(one.git(&["rev-parse", &format!("refs/chant/specs/{id}")]), them.git(&["rev-parse", &format!("refs/chant/specs/{id}")]));
}

/// What is broken on the branch is no ref of the remote's that could be pushed over.
#[test]
fn a_broken_entry_of_the_branch_is_mended_by_its_own_command() {
    let (us, them) = branches_only();
    let id = us.add_spec("One", &["First"]);
    us.chant(&["push"]).ok();
    them.chant(&["fetch"]).ok();
    let entry = format!("refs/chant/specs/{id}\t{}", us.git(&["rev-parse", "origin/main"]));
    us.git(&["switch", "-q", "--detach", "origin/chant-state"]);
    us.write("index", format!("{entry}\n"));
    us.git(&["commit", "-q", "-am", "broken"]);
    us.git(&["push", "-q", "origin", "HEAD:refs/heads/chant-state"]);
    let before = shared(&them);
    them.chant(&["sync"])
        .ok()
        .says(&format!("warning: {id} is left alone"))
        .says("git push REMOTE --delete chant-state, then: git chant push --runs")
        .says_not("--force");
    them.git(&["push", "-q", "origin", "--delete", "chant-state"]);
    them.chant(&["push", "--runs"]).ok();
    assert_eq!(shared(&them), before);
    them.chant(&["sync"]).ok().says_not("left alone");
}
