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

/// Puts other files into the tree that a ref holds, by a sed script over `git ls-tree -r`.
fn retree(repo: &TestRepo, name: &str, sed: &str, parents: &[&str]) {
    let script = format!(
        "export GIT_INDEX_FILE=\"$PWD/.git/other-index\"; git ls-tree -r {name} | sed '{sed}' | git update-index --add --index-info && git write-tree; rm -f \"$GIT_INDEX_FILE\""
    );
    let tree = Outcome::of(repo.command(repo.path(), "sh").args(["-c", &script])).ok().stdout;
    replace(repo, name, Some(tree.trim()), None, parents);
}

#[test]
fn every_kind_of_view_that_is_broken_is_named_and_mended() {
    let (repo, ids) = full();
    let [live, worked, old, _] = &ids;
    let tip = repo.git(&["rev-parse", &format!("chant/{worked}")]);
    let blob = repo.git(&["hash-object", "-w", "README.md"]);
    let archive = repo.git(&["rev-parse", "refs/chant/archive"]);
    retree(&repo, "refs/chant/archive", &format!("s/ blob [0-9a-f]*\\t{old}/ blob {blob}\\t{old}/"), &[&archive]);
    mended(&repo, &format!("{old}: the archive's copy of its document is another one"));
    repo.git(&["notes", "--ref=chant", "append", "-m", &format!("{worked}: attempt 7 completed"), &tip]);
    mended(&repo, &format!("tells of a run that did not finish there: {worked}: attempt 7 completed"));
    repo.git(&["notes", "--ref=chant", "append", "-m", &format!("{worked}: attempt 1 completed"), "HEAD"]);
    mended(&repo, "tells of a run that did not finish there");
    assert!(repo.git(&["notes", "--ref=chant", "show", &tip]).contains("attempt 1 completed"));
    repo.git(&["update-ref", "refs/chant-push/12/chant/specs/x", "HEAD"]);
    mended(&repo, "refs/chant-push: 1 refs are left of a push that was killed");
    let name = format!("refs/chant/specs/{live}");
    for (from, to, said) in [
        ("Chant-Status: pending", "Chant-Status: cancelled", "another Chant-Status"),
        ("Chant-Type: code", "Chant-Type: task", "another Chant-Type"),
        ("Chant-Label: x", "Chant-Label: y", "another Chant-Label"),
        ("Chant-Label: x", "Chant-Label: x\nChant-Depends-On: y", "another Chant-Depends-On"),
        ("one", "two", "another title"),
        ("Chant-Blob: ", "Chant-Blob: 0", "another Chant-Blob"),
    ] {
        let was = repo.git(&["rev-parse", &name]);
        let message = repo.git(&["log", "-1", "--format=%B", &name]).replacen(from, to, 1);
        let parents = repo.git(&["log", "-1", "--format=%P", &name]);
        replace(&repo, &name, None, Some(&message), &parents.split_whitespace().collect::<Vec<_>>());
        mended(&repo, said);
        repo.git(&["update-ref", &name, &was]);
        repo.git(&["checkout", "--quiet", "HEAD", "."]);
    }
}

#[test]
fn every_kind_of_event_that_is_none_is_named() {
    let (repo, ids) = full();
    let name = format!("refs/chant/specs/{}", ids[0]);
    let (was, blob) = (repo.git(&["rev-parse", &name]), repo.git(&["hash-object", "-w", "README.md"]));
    let says = |text: &str| {
        repo.chant(&["fsck", "--repair"]).fails(1).says(text).says(&format!("git log -p --cc {name}"));
        repo.git(&["update-ref", &name, &was]);
    };
    // An attempt that goes back, an event without a document, one that hides a version below it.
    let message = repo.git(&["log", "-1", "--format=%B", &name]);
    replace(&repo, &name, None, Some(&message.replace("Chant-Attempt: 0", "Chant-Attempt: 3")), &[&was]);
    let ahead = repo.git(&["rev-parse", &name]);
    replace(&repo, &name, None, Some(&message), &[&ahead]);
    says("goes back to an earlier attempt");
    retree(&repo, &name, "s/spec.md/other.md/", &[&was]);
    let empty = repo.git(&["rev-parse", &name]);
    says("has no spec.md");
    replace(&repo, &name, Some(&repo.git(&["rev-parse", &format!("{was}^{{tree}}")])), Some(&message), &[&empty]);
    says("has no document");
    // The archive names a version that it does not hold, and one that is none.
    let (archive, head) = (repo.git(&["rev-parse", "refs/chant/archive"]), repo.head());
    let index = repo.git(&["show", "refs/chant/archive:index"]);
    let (line, rest) = index.split_once('\n').unwrap();
    let tip = line.split('\t').nth(1).unwrap();
    for (other, text) in [(&was, "does not hold it"), (&head, "cannot be read")] {
        repo.write(".git/index-text", format!("{}\n{rest}\n", line.replace(tip, other)));
        let blob = repo.git(&["hash-object", "-w", ".git/index-text"]);
        retree(&repo, "refs/chant/archive", &format!("s/ blob [0-9a-f]*\\tindex/ blob {blob}\\tindex/"), &[&archive]);
        repo.chant(&["fsck", "--repair"]).fails(1).says(text).says("git log -p --cc refs/chant/archive");
        repo.git(&["update-ref", "refs/chant/archive", &archive]);
    }
    // Notes that are none, what a run kept, and a file that nothing can read as a spec.
    let notes = repo.git(&["rev-parse", "refs/notes/chant"]);
    repo.git(&["update-ref", "refs/notes/chant", &blob]);
    mended(&repo, "refs/notes/chant: it holds no notes");
    assert_eq!(repo.git(&["rev-parse", "refs/notes/chant^{tree}"]), repo.git(&["rev-parse", &format!("{notes}^{{tree}}")]));
    // What this checkout was last seen to hold, and an archive that no command can read.
    repo.git(&["update-ref", "refs/worktree/chant/view", &blob]);
    repo.chant(&["list"]).fails(128).says("hint: git chant fsck --repair");
    repo.chant(&["fsck", "--repair"]).ok().says("mended refs/worktree/chant/view");
    replace(&repo, "refs/chant/archive", Some(&repo.git(&["hash-object", "-t", "tree", "/dev/null"])), None, &[&archive]);
    repo.chant(&["show", &ids[2]]).fails(128).says("the archive has no index").says("hint: git chant fsck --repair");
    mended(&repo, "the archive has no index");
    repo.write(&TestRepo::spec_file(&ids[0]), "---\nlabels: [\n---\n# Broken\n");
    repo.chant(&["fsck", "--repair"]).fails(1).says("it is no version of its spec").says(&format!("git chant edit {}", ids[0]));
    repo.git(&["checkout", "--quiet", "HEAD", "."]);
    repo.chant(&["fsck"]).ok();
}

#[test]
fn in_silent_mode_an_old_file_is_written_anew() {
    let repo = TestRepo::new();
    repo.chant(&["init", "--silent"]).ok();
    let id = repo.add_spec("One", &["First"]);
    let was = repo.read(&TestRepo::spec_file(&id));
    repo.chant(&["edit", &id, "--title", "Uno"]).ok();
    repo.write(&TestRepo::spec_file(&id), was);
    // As if it had been looked at before the spec moved.
    let blob = repo.git(&["hash-object", "-w", &TestRepo::spec_file(&id)]);
    let tree = format!("printf '100644 blob {blob}\\t{id}.md\\n' | git mktree | xargs printf '040000 tree %s\\tdiffers\\n' | git mktree");
    let tree = Outcome::of(repo.command(repo.path(), "sh").args(["-c", &tree])).ok().stdout;
    repo.git(&["update-ref", "refs/worktree/chant/view", tree.trim()]);
    mended(&repo, "it is an older version of its spec");
    assert!(repo.read(&TestRepo::spec_file(&id)).contains("# Uno"));
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
