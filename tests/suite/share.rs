//! Sharing specs between clones over a remote.

use crate::common::{Outcome, TestRepo, gits, walk};

mod absent;
mod archive;
mod branch;
mod odd;
mod ordinary;
mod renamed;
mod strangers;
mod wires;

/// A repository with git-chant, a bare remote of it, and a second clone with git-chant.
pub fn two_clones() -> (TestRepo, TestRepo) {
    let us = TestRepo::with_chant();
    let bare = us.with_origin();
    let them = us.clone_to(bare, "them");
    them.chant(&["init"]).ok();
    (us, them)
}

/// Every ref that clones share, with what it holds.
pub fn shared(repo: &TestRepo) -> String {
    repo.git(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/chant/specs", "refs/chant/archive", "refs/notes/chant"])
}

fn quiet(outcome: Outcome) {
    let outcome = outcome.ok();
    assert!(outcome.stdout.is_empty() && outcome.stderr.starts_with("Everything up to date with "), "{outcome}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
}

#[test]
fn specs_go_from_clone_to_clone_and_it_is_said_when_nothing_moved() {
    let (us, them) = two_clones();
    let id = us.add_spec("Say hello", &["It says hello"]);
    us.chant(&["push", "--dry-run"]).ok().says(&format!("would push {id}  Say hello"));
    assert_eq!(us.git(&["ls-remote", "origin", "refs/chant/*"]), "");
    us.chant(&["push"]).ok().says(&format!("pushed     {id}  Say hello"));
    quiet(us.chant(&["push"]));
    quiet(us.chant(&["sync", "origin"]));
    them.chant(&["fetch"]).ok().says(&format!("new        {id}  pending  Say hello"));
    quiet(them.chant(&["fetch"]));
    quiet(them.chant(&["sync"]));
    assert_eq!(shared(&us), shared(&them));
    them.chant(&["cancel", &id]).ok();
    them.chant(&["sync"]).ok().says(&format!("pushed     {id}"));
    us.chant(&["sync"]).ok().says(&format!("updated    {id}  pending -> cancelled  Say hello"));
    assert_eq!(shared(&us), shared(&them));
}

#[test]
fn what_two_clones_did_at_once_is_joined_and_pushed_in_one_go() {
    let (us, them) = two_clones();
    let id = us.add_spec("One", &["First", "Second"]);
    us.chant(&["push"]).ok();
    them.chant(&["fetch"]).ok();
    us.chant(&["edit", &id, "--add-label", "ours"]).ok();
    them.chant(&["edit", &id, "--add-label", "theirs"]).ok();
    us.chant(&["push"]).ok();
    them.chant(&["push"]).ok().says(&format!("joined     {id}")).says(&format!("pushed     {id}"));
    us.chant(&["fetch"]).ok().says(&format!("updated    {id}"));
    assert_eq!(shared(&us), shared(&them));
    assert_eq!(us.show(&id)["labels"], serde_json::json!(["ours", "theirs"]));
    assert!(us.events(&id).contains(&"join".to_owned()));
}

#[test]
fn two_clones_that_join_the_same_pair_make_the_same_commit() {
    let (us, them) = two_clones();
    let id = us.add_spec("One", &["First", "Second"]);
    us.chant(&["push"]).ok();
    them.chant(&["fetch"]).ok();
    us.chant(&["edit", &id, "--title", "Ours"]).ok();
    them.chant(&["edit", &id, "--title", "Theirs"]).ok();
    us.git(&["remote", "add", "them", them.path().to_str().unwrap()]);
    them.git(&["remote", "add", "us", us.path().to_str().unwrap()]);
    // Each has fetched the other's before either has joined.
    us.git(&["fetch", "--quiet", "them", "+refs/chant/*:refs/chant-remotes/them/*"]);
    them.git(&["fetch", "--quiet", "us", "+refs/chant/*:refs/chant-remotes/us/*"]);
    us.chant(&["list"]).ok().says("From them: 1 spec joined.");
    them.chant(&["list"]).ok().says("From us: 1 spec joined.");
    assert_eq!(shared(&us), shared(&them));
}

#[test]
fn a_conflict_is_told_in_plain_words_until_somebody_settles_it() {
    let (us, them) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.chant(&["push"]).ok();
    them.chant(&["fetch"]).ok();
    us.chant(&["edit", &id, "--title", "Ours"]).ok();
    them.git(&["fetch", "--quiet", "origin", "refs/heads/*:refs/remotes/origin/*"]);
    them.chant(&["edit", &id, "--title", "Theirs"]).ok();
    us.chant(&["push"]).ok();
    them.chant(&["push"]).ok().says("two people changed its body at once").says(&format!("git chant edit {id}"));
    us.chant(&["fetch"]).ok();
    let said = us.chant(&["show", &id]).ok().says("two people changed the body at once").stdout;
    let both = said.split("see both: ").nth(1).unwrap().lines().next().unwrap();
    let diff = us.git(&both.split(' ').skip(1).collect::<Vec<_>>());
    assert!(diff.contains("# Ours") && diff.contains("# Theirs"), "{diff}");
    us.git(&["log", "-1", &format!("refs/chant/specs/{id}")]).contains("Two clones changed this spec at once").then_some(()).unwrap();
    us.chant(&["history", &id]).ok().says("Two clones changed this spec at once").says("nobody has settled this yet");
    // A tick is no answer to it, nor is whatever happens next.
    us.chant(&["check", &id, "1"]).ok();
    us.chant(&["pause", &id]).ok();
    us.chant(&["show", &id]).ok().says("two people changed the body");
    // Looking at it and leaving it is.
    us.chant_env(&[("GIT_EDITOR", "true")], &["edit", &id]).ok().says("the conflict is settled");
    us.chant(&["show", &id]).ok().says_not("two people changed");
    us.chant(&["history", &id]).ok().says_not("nobody has settled");
    us.chant(&["push"]).ok();
    // So is an edit of the text, in any clone.
    us.chant(&["edit", &id, "--title", "Ours 2"]).ok();
    them.chant(&["edit", &id, "--title", "Theirs 2"]).ok();
    us.chant(&["push"]).ok();
    them.chant(&["push"]).ok();
    them.chant(&["show", &id]).ok().says("two people changed");
    them.chant(&["edit", &id, "--title", "Both"]).ok();
    them.chant(&["show", &id]).ok().says_not("two people changed");
}

#[test]
fn two_specs_with_one_id_are_both_kept() {
    let (us, them) = two_clones();
    // The test's suffix is the same in both clones, so both get the same id.
    let id = us.add_spec("Ours", &["First"]);
    assert_eq!(them.add_spec("Theirs", &["Other"]), id);
    us.chant(&["push"]).ok();
    let other = format!("{id}.1");
    them.chant(&["sync"]).ok().says(&format!("renamed    {other}  was {id}  Theirs")).says("keeps it; yours is");
    us.chant(&["fetch"]).ok().says(&format!("new        {other}"));
    assert_eq!(shared(&us), shared(&them));
    for repo in [&us, &them] {
        assert_eq!((repo.show(&id)["title"].as_str(), repo.show(&other)["title"].as_str()), (Some("Ours"), Some("Theirs")));
    }
    // The files follow, and neither is taken for an edit of the other.
    assert!(them.read(&TestRepo::spec_file(&id)).contains("# Ours") && them.read(&TestRepo::spec_file(&other)).contains("# Theirs"));
    assert_eq!(them.git(&["status", "--porcelain", ".chant/specs"]), "");
    assert_eq!(them.events(&id), ["create"]);
    quiet(them.chant(&["sync"]));
}

#[test]
fn the_remote_that_is_meant() {
    let us = TestRepo::with_chant();
    us.chant(&["push"]).fails(128).says("no remote to share specs with").says("git remote add origin URL");
    us.with_origin();
    us.chant(&["push", "nowhere"]).fails(128).says("there is no remote 'nowhere'");
    us.git(&["remote", "add", "other", "/nonexistent/other.git"]);
    us.chant(&["fetch"]).ok();
    us.git(&["config", "chant.remote", "other"]);
    us.chant(&["fetch"]).fails(128).says("could not fetch from other").says("hint: git ls-remote other");
}

#[test]
fn a_remote_that_refuses_gives_a_reason_and_leaves_everything_as_it_was() {
    let (us, _) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.script(
        us.root().join("origin.git/hooks/pre-receive"),
        "while read -r old new ref; do case $ref in refs/chant/*) echo 'no chant here' >&2; exit 1;; esac; done",
    );
    let before = shared(&us);
    us.chant(&["push"]).fails(128).says("origin does not take").says("no chant here").says("hint: ask whoever runs origin");
    assert_eq!(shared(&us), before);
    us.script(us.root().join("origin.git/hooks/pre-receive"), "exit 0");
    us.chant(&["push"]).ok().says(&id);
}

#[test]
fn notes_that_a_remote_refuses_stop_nothing() {
    let (us, _) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.git(&["notes", "--ref=chant", "add", "-m", "a line", "HEAD"]);
    us.script(us.root().join("origin.git/hooks/update"), "case $1 in refs/notes/*) exit 1;; esac");
    us.chant(&["push"]).ok().says(&format!("pushed     {id}"));
}

#[test]
fn branches_and_runs_go_along_when_asked() {
    let (us, them) = two_clones();
    us.agent("noop", "sed -i 's/\\[ \\]/[x]/' \"$CHANT_SPEC_FILE\"; echo hello > hello; git add -A; git commit -qm hello");
    let id = us.add_spec("One", &["First"]);
    us.chant(&["work", &id]).ok();
    us.chant(&["push"]).ok();
    let listed = us.git(&["ls-remote", "origin"]);
    assert!(!listed.contains("refs/chant/runs") && !listed.contains("refs/heads/chant/"), "{listed}");
    us.chant(&["push", "--branches", "--runs"]).ok().says("may hold secrets").says(&format!("pushed     refs/heads/chant/{id}"));
    them.git(&["fetch", "--quiet"]);
    them.chant(&["log", &id]).ok();
    them.git(&["rev-parse", "--verify", &format!("origin/chant/{id}")]);
    quiet(us.chant(&["push", "--branches", "--runs"]));
}

#[test]
fn many_specs_go_in_one_push_and_leave_nothing_behind() {
    let us = TestRepo::new();
    for number in 0..300 {
        us.write(&TestRepo::spec_file(&format!("2026-01-29-{number:03}-abc")), format!("---\nstatus: pending\n---\n# Spec {number}\n"));
    }
    us.commit_all("specs");
    let bare = us.with_origin();
    us.chant(&["init"]).ok();
    us.script(bare.join("hooks/pre-receive"), "cat >/dev/null; echo one >>pushes");
    assert_eq!(us.chant(&["push"]).ok().stdout.lines().count(), 300);
    assert_eq!(std::fs::read_to_string(bare.join("pushes")).unwrap(), "one\n");
    assert_eq!(us.git(&["for-each-ref", "refs/chant-push"]), "");
    quiet(us.chant(&["push"]));
    // What a push left that was killed goes with the next one.
    us.git(&["update-ref", "refs/chant-push/0123456789abcdef/chant/specs/x", "HEAD"]);
    us.chant(&["edit", "000", "--add-label", "x"]).ok();
    us.chant(&["push"]).ok();
    assert_eq!(us.git(&["for-each-ref", "refs/chant-push"]), "");
    // The first fetch makes no file for each of them, also where git does not say what it would fetch.
    let (git, asked) = (gits()[0].1.display().to_string(), us.root().join("asked"));
    let refuses = format!("echo once >>'{}'; echo 'error: unknown option' >&2; exit 129", asked.display());
    us.script(us.root().join("old/git"), &format!("case \"$*\" in *\" --porcelain \"*) {refuses} ;; esac\nexec {git} \"$@\""));
    let path = std::env::var("PATH").unwrap();
    let older = format!("{}:{path}", us.root().join("old").display());
    for (name, path) in [("fresh", &path), ("older", &older), ("plain", &path)] {
        let clone = us.clone_to(&bare, name);
        if name == "plain" {
            // git itself makes files; the next command packs them.
            clone.git(&["fetch", "-q", "origin", "+refs/chant/*:refs/chant-remotes/origin/*"]);
        }
        clone.chant_env(&[("PATH", path)], &["init"]).ok().says("From origin: 300 specs new.");
        assert_eq!(shared(&clone), shared(&us));
        let seen = clone.git(&["for-each-ref", "--format=%(objectname) %(refname)", "refs/chant-remotes"]);
        assert_eq!(
            seen.replace("refs/chant-remotes/origin/", "refs/chant/").replace(' ', "\t"),
            us.git(&["ls-remote", "origin", "refs/chant/*"])
        );
        for dir in ["refs/chant/specs", "refs/chant-remotes"] {
            walk(&clone.git_dir().join(dir), &mut |path, found| {
                assert!(found.is_dir(), "{} in {name}", path.display());
                true
            });
        }
        quiet(clone.chant(&["sync"]));
    }
    assert_eq!(std::fs::read_to_string(asked).unwrap(), "once\n");
}
