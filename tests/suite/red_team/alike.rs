//! What looks like work that was checked, or like its undoing, and is neither: a patch id is blind for blanks, and for the place in a file.

use super::super::common::TestRepo;
use super::super::merges::repository;
use super::refused;

/// Two functions alike, in a language in which blanks say something.
const BEFORE: &str = "def one(x):\n    y = 0\n    return y\n\n\ndef two(x):\n    y = 0\n    return y\n";
/// The work: in the second one.
const DONE: &str =
    "def one(x):\n    y = 0\n    return y\n\n\ndef two(x):\n    y = 0\n    if x:\n        y = 1\n        y = 2\n    return y\n";
/// The same words, indented otherwise.
const DEDENTED: &str =
    "def one(x):\n    y = 0\n    return y\n\n\ndef two(x):\n    y = 0\n    if x:\n        y = 1\n    y = 2\n    return y\n";
/// The same words, elsewhere.
const ELSEWHERE: &str =
    "def one(x):\n    y = 0\n    if x:\n        y = 1\n        y = 2\n    return y\n\n\ndef two(x):\n    y = 0\n    return y\n";

/// A spec whose work, from the one text to the other, is finished.
fn worked(before: &str, done: &str) -> (TestRepo, String) {
    let repo = repository();
    repo.write("f.py", before);
    repo.commit_all("Begin");
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.write("../done", done);
    repo.agent("python", "cat ../../../../done >f.py; git commit -q -a -m Two; sed -i 's/^- \\[ \\]/- [x]/' \"$CHANT_SPEC_FILE\"");
    repo.chant(&["work", &id]).ok();
    (repo, id)
}

/// One commit upon `from` that leaves the file so.
fn commit(repo: &TestRepo, branch: &str, from: &str, text: &str, message: &str) {
    repo.git(&["switch", "-q", "-C", branch, from]);
    repo.write("f.py", text);
    repo.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty", "-a", "-m", message]);
    repo.git(&["switch", "-q", "main"]);
}

#[test]
fn a_squash_that_differs_in_blanks_or_place_is_not_the_work() {
    let (repo, id) = worked(BEFORE, DONE);
    let message = format!("chant({id}): do it");
    for text in [DEDENTED, ELSEWHERE] {
        commit(&repo, "sly", "main", text, &message);
        refused(&repo, "sly", &format!("spec {id}: its finished work"));
    }
    // What main changes within the lines that a patch shows is no matter: the squash is what git makes of the two.
    commit(&repo, "aside", "main", &BEFORE.replacen("def one(x)", "def one(z)", 1), "Aside");
    repo.git(&["merge", "-q", "aside"]);
    commit(&repo, "squash", "main", &DONE.replacen("def one(x)", "def one(z)", 1), &message);
    repo.try_git(&["merge", "-q", "squash"]).ok();
}

/// Written anew, by a program that runs no hooks, and on a server that has the branch.
#[test]
fn a_nameless_squash_is_the_work_that_it_is() {
    let repo = repository();
    repo.write("f.py", BEFORE);
    repo.commit_all("Begin");
    let begun = repo.add_spec("Not yet", &["It is good"]);
    let id = repo.add_spec("Do it", &["It is good"]);
    let bare = repo.at(repo.with_origin());
    bare.chant(&["hooks", "install", "--server"]).ok();
    repo.write("../done", DONE);
    repo.agent("half", "cat ../../../../done >f.py; git commit -q -a -m Two; exit 1");
    repo.chant(&["work", &id]).fails(1);
    repo.agent("none", "exit 1");
    repo.chant(&["work", &begun]).fails(1);
    commit(&repo, "squash", "main", DONE, "Improve");
    let why = format!("spec {id} is failed");
    refused(&repo, "squash", &why);
    repo.write("f.py", DONE);
    let said = repo.try_git(&["commit", "-q", "-a", "-m", "Improve"]);
    assert!(said.code != 0 && said.stderr.contains(&why) && !said.stderr.contains(&begun), "{said}");
    repo.git(&["reset", "-q", "--hard"]);
    repo.git(&["push", "-q", "--no-verify", "origin", &format!("chant/{id}"), "refs/chant/*:refs/chant/*"]);
    repo.try_git(&["push", "-q", "--no-verify", "origin", "squash:main"]).fails(1).says(&format!("remote: error: {why}"));
    // A clone that has not the trees of the branch can still commit.
    bare.git(&["config", "uploadpack.allowFilter", "true"]);
    let partial = repo.at(repo.root().join("partial"));
    let url = format!("file://{}", bare.path().display());
    repo.git(&["clone", "-q", "--filter=tree:0", &url, partial.path().to_str().unwrap()]);
    partial.chant(&["init"]).ok();
    partial.write("f.py", "x = 0\n");
    partial.try_git(&["commit", "-q", "-a", "-m", "Else"]).ok();
    // Anything else is like any other commit, and so is going back to where a branch began on which nothing is done.
    commit(&repo, "other-way", "main", DEDENTED, "Improve");
    repo.try_git(&["merge", "-q", "other-way"]).ok();
    repo.write("f.py", BEFORE);
    repo.try_git(&["commit", "-q", "-a", "-m", "Go back"]).ok();
}

#[test]
fn a_copy_that_differs_in_place_is_more_work() {
    // To a patch id both places are one.
    let place = |more: &str| format!("a = 0\nb = 0\nc = 0\n{more}return\nd = 0\ne = 0\n");
    let (empty, full) = (place(""), place("more\n"));
    let (repo, id) = worked(&(empty.clone() + &empty), &(empty + &full));
    commit(&repo, "sly", &format!("chant/{id}"), &(full.clone() + &full), &format!("chant({id}): do it"));
    let patch = |commit: &str| {
        let git = format!("git diff {commit}~1 {commit} -- f.py | git patch-id --stable | cut -d' ' -f1");
        super::super::common::Outcome::of(repo.command(repo.path(), "sh").args(["-c", &git])).ok().stdout
    };
    assert_eq!(patch("sly"), patch(&format!("chant/{id}^{{/^Two}}")));
    refused(&repo, "sly", &format!("spec {id}: its work went on after it was finished"));
}

#[test]
fn a_revert_that_differs_in_blanks_or_place_is_none() {
    let repo = repository();
    repo.write("f.py", DONE);
    repo.commit_all("Begin");
    repo.write("f.py", BEFORE);
    repo.commit_all("Take it away");
    repo.git(&["config", "chant.requireSpec", "true"]);
    let message = format!("Revert \"Take it away\"\n\nThis reverts commit {}.", repo.head());
    for text in [DEDENTED, ELSEWHERE] {
        commit(&repo, "sly", "main", text, &message);
        refused(&repo, "sly", "belongs to no spec: Revert");
    }
    commit(&repo, "honest", "main", DONE, &message);
    repo.try_git(&["merge", "-q", "honest"]).ok();
}
