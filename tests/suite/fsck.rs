//! `git chant fsck`: whatever a view says is held against the specs, and rebuilt from them.

use crate::claims::WORKS;
use crate::common::{Outcome, TestRepo};
use crate::share::two_clones;

/// A live spec, one that was finished by a run, and two in the archive.
fn full() -> (TestRepo, [String; 4]) {
    let repo = TestRepo::with_chant();
    repo.agent("works", WORKS);
    let ids = ["one", "two", "three", "four"].map(|word| {
        repo.chant_env(&[("GIT_CHANT_TEST_SUFFIX", word)], &["add", "--porcelain", word, "--criterion", "First", "--label", "x"])
            .ok()
            .stdout
            .trim()
            .to_owned()
    });
    repo.chant(&["work", &ids[1]]).ok();
    for id in &ids[2..] {
        repo.chant(&["cancel", id]).ok();
        repo.chant(&["archive", id]).ok();
    }
    repo.chant(&["fsck"]).ok().says("Nothing is wrong.");
    (repo, ids)
}

/// A commit like the one that a ref holds, with another tree or message; the ref is moved to it.
fn replace(repo: &TestRepo, name: &str, tree: Option<&str>, message: Option<&str>, parents: &[&str]) {
    let old_tree = repo.git(&["rev-parse", &format!("{name}^{{tree}}")]);
    let old_message = repo.git(&["log", "-1", "--format=%B", name]);
    let mut args = vec!["commit-tree", tree.unwrap_or(&old_tree), "-m", message.unwrap_or(&old_message)];
    args.extend(parents.iter().flat_map(|parent| ["-p", parent]));
    let new = repo.git(&args);
    repo.git(&["update-ref", name, &new]);
}

fn mended(repo: &TestRepo, text: &str) {
    let before = repo.git(&["for-each-ref"]);
    repo.chant(&["fsck"]).fails(1).says(text).says("→ git chant fsck --repair");
    assert_eq!(repo.git(&["for-each-ref"]), before, "without --repair nothing moves");
    repo.chant(&["fsck", "--repair"]).ok().says("mended").says(text).says("Nothing is wrong.");
    repo.chant(&["fsck"]).ok().says_not("mended");
}

#[test]
fn a_sound_repository_and_an_empty_one() {
    let (repo, _) = full();
    let said = repo.chant(&["fsck", "--json"]).ok().stdout;
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said, serde_json::json!({"ok": true, "findings": []}));
    TestRepo::new().chant(&["fsck"]).ok().says("Nothing is wrong.");
}

#[test]
fn the_archive_is_rebuilt_from_what_it_holds() {
    let (repo, ids) = full();
    let name = "refs/chant/archive";
    let was = repo.git(&["show", &format!("{name}:index")]);
    for (index, text) in [
        ("garbage\n".to_owned(), "its entry in the archive is gone"),
        (was.replace("cancelled", "completed"), "the archive's index says something else"),
    ] {
        repo.write("index", &index);
        let blob = repo.git(&["hash-object", "-w", "index"]);
        std::fs::remove_file(repo.path().join("index")).unwrap();
        let script = format!("git ls-tree {name} | sed 's/^100644 blob .*\\tindex/100644 blob {blob}\\tindex/' | git mktree");
        let tree = Outcome::of(repo.command(repo.path(), "sh").args(["-c", &script])).ok().stdout;
        let old = repo.git(&["rev-parse", name]);
        replace(&repo, name, Some(tree.trim()), None, &[&old]);
        mended(&repo, text);
        assert_eq!(repo.git(&["show", &format!("{name}:index")]), was);
    }
    repo.chant(&["show", &ids[3]]).ok().says("archived");
}

#[test]
fn a_note_and_the_view_of_the_files_are_written_anew() {
    let (repo, ids) = full();
    let tip = repo.git(&["rev-parse", &format!("chant/{}", ids[1])]);
    repo.git(&["notes", "--ref=chant", "remove", &tip]);
    mended(&repo, "does not tell that it finished");
    assert!(repo.git(&["notes", "--ref=chant", "show", &tip]).contains("attempt 1 completed"));
    let blob = repo.git(&["hash-object", "-w", "README.md"]);
    repo.git(&["update-ref", "refs/worktree/chant/view", &blob]);
    repo.chant(&["fsck", "--repair"]).says("refs/worktree/chant/view").says("mended");
    repo.chant(&["fsck"]).ok();
}

#[test]
fn trailers_that_lie_are_said_right_by_the_next_event() {
    let (repo, ids) = full();
    let name = format!("refs/chant/specs/{}", ids[0]);
    let message = repo.git(&["log", "-1", "--format=%B", &name]).replace("Chant-Label: x", "Chant-Label: y");
    let parents = repo.git(&["log", "-1", "--format=%P", &name]);
    replace(&repo, &name, None, Some(&message), &parents.split_whitespace().collect::<Vec<_>>());
    mended(&repo, "says another Chant-Label than its document");
    assert_eq!(repo.show(&ids[0])["labels"], serde_json::json!(["x"]));
}

#[test]
fn what_cannot_be_mended_names_the_command_that_shows_it() {
    let (repo, ids) = full();
    let name = format!("refs/chant/specs/{}", ids[0]);
    let head = repo.head();
    repo.git(&["update-ref", "refs/chant/specs/bad", &head]);
    repo.git(&["update-ref", "refs/chant/specs/deep/er", &head]);
    repo.git(&["update-ref", "refs/chant/runs/x/y", &head]);
    // An event that builds on something else.
    replace(&repo, &name, None, None, &[&head]);
    let said = repo.chant(&["fsck", "--repair"]).fails(1);
    let said = said.says("refs/chant/specs/bad: it holds no spec").says("→ git log -p --cc refs/chant/specs/bad");
    let said = said.says("refs/chant/specs/deep/er: nothing of ours").says("→ git update-ref -d refs/chant/specs/deep/er");
    said.says("refs/chant/runs/x/y: it holds no run").says("is no event").says("4 things are wrong.");
}

#[test]
fn a_missing_object_is_found() {
    let (repo, ids) = full();
    let blob = repo.git(&["rev-parse", &format!("refs/chant/specs/{}:spec.md", ids[0])]);
    std::fs::remove_file(repo.common_dir().join("objects").join(&blob[..2]).join(&blob[2..])).unwrap();
    repo.chant(&["fsck"]).fails(1).says("objects are missing").says("→ git fsck --connectivity-only").says_not("panicked");
}

#[test]
fn a_clone_that_lacks_what_is_not_shared_is_sound() {
    let (us, them) = two_clones();
    us.agent("works", WORKS);
    let id = us.add_spec("One", &["First"]);
    us.chant(&["work", &id]).ok();
    us.chant(&["push", "--branches", "--runs"]).ok();
    them.git(&["fetch", "--quiet"]);
    them.chant(&["fetch"]).ok();
    them.chant(&["fsck"]).ok().says("Nothing is wrong.");
    us.chant(&["fsck"]).ok().says("Nothing is wrong.");
}
