//! Edits that come from somebody else's clone, with a pull.

use super::*;

/// Two clones of one repository, the second with the spec refs of the first.
fn two_clones() -> (TestRepo, TestRepo, String) {
    let (us, id) = with_spec();
    let bare = us.with_origin();
    us.git(&["push", "--quiet", "origin", "refs/chant/specs/*:refs/chant/specs/*"]);
    let them = us.clone_to(&bare, "them");
    them.git(&["fetch", "--quiet", "origin", "refs/chant/specs/*:refs/chant/specs/*"]);
    them.chant(&["init"]).ok();
    (us, them, id)
}

#[test]
fn a_teammates_edits_come_with_a_pull_and_are_the_same_events_everywhere() {
    let (us, them, id) = two_clones();
    tick(&them, &id);
    them.git(&["-c", "user.name=Ann", "commit", "--quiet", "-am", "tick"]);
    assert_events(&them, &id, &["create", "edit"]);
    them.edit_spec(&id, "Second", "Third");
    them.git(&["commit", "--quiet", "-am", "third"]);
    assert_events(&them, &id, &["create", "edit", "edit"]);
    them.git(&["push", "--quiet"]);
    us.git(&["pull", "--quiet", "--ff-only"]);
    assert_events(&us, &id, &["create", "edit", "edit"]);
    assert_eq!(tip(&us, &id), tip(&them, &id));
}

#[test]
fn a_pull_that_merges_gives_the_same_event_as_one_that_fast_forwards() {
    let (us, them, id) = two_clones();
    tick(&them, &id);
    them.git(&["-c", "user.name=Ann", "commit", "--quiet", "-am", "tick"]);
    assert_events(&them, &id, &["create", "edit"]);
    them.git(&["push", "--quiet"]);
    us.write("ours", "ours");
    us.commit_all("ours");
    us.git(&["pull", "--quiet", "--no-rebase", "--no-edit"]);
    assert_events(&us, &id, &["create", "edit"]);
    assert_eq!(tip(&us, &id), tip(&them, &id));
}

#[test]
fn a_pull_that_rebases_our_edit_onto_theirs_keeps_both() {
    let (us, them, id) = two_clones();
    tick(&them, &id);
    them.git(&["commit", "--quiet", "-am", "tick"]);
    them.git(&["push", "--quiet"]);
    us.edit_spec(&id, "# One", "# Two");
    assert_events(&us, &id, &["create", "edit"]);
    us.git(&["pull", "--quiet", "--rebase"]);
    let events = us.events(&id);
    assert_eq!(us.events(&id), events);
    let text = document(&us, &id);
    assert!(text.contains("# Two") && text.contains("[x] First"), "{text}");
    assert_eq!(us.read(&TestRepo::spec_file(&id)), text);
}

#[test]
fn a_pull_that_merges_our_edit_with_theirs_keeps_both() {
    let (us, them, id) = two_clones();
    tick(&them, &id);
    them.git(&["commit", "--quiet", "-am", "tick"]);
    them.git(&["push", "--quiet"]);
    us.edit_spec(&id, "# One", "# Two");
    assert_events(&us, &id, &["create", "edit"]);
    us.git(&["pull", "--quiet", "--no-rebase", "--no-edit"]);
    let events = us.events(&id);
    assert_eq!(us.events(&id), events);
    let text = document(&us, &id);
    assert!(text.contains("# Two") && text.contains("[x] First"), "{text}");
    assert_eq!(us.read(&TestRepo::spec_file(&id)), text);
}

#[test]
fn the_same_edit_in_two_clones_is_one_document() {
    let (us, them, id) = two_clones();
    for repo in [&us, &them] {
        tick(repo, &id);
        assert_events(repo, &id, &["create", "edit"]);
    }
    assert_eq!(document(&us, &id), document(&them, &id));
    // The other's commit of the same bytes is known here: no edit.
    them.git(&["push", "--quiet"]);
    us.git(&["pull", "--quiet", "--no-rebase", "--no-edit"]);
    assert_events(&us, &id, &["create", "edit"]);
}

#[test]
fn importing_the_same_files_gives_the_same_events() {
    let us = TestRepo::new();
    us.write(".chant/specs/001-x.md", "---\nstatus: pending\n---\n# X\n");
    us.commit_all("a spec");
    let them = us.clone_to(us.with_origin(), "them");
    us.chant(&["init"]).ok();
    them.chant(&["init"]).ok();
    assert_eq!(tip(&us, "001-x"), tip(&them, "001-x"));
}

#[test]
fn a_pull_makes_of_two_texts_what_their_spec_made_of_them() {
    let (us, them) = crate::share::two_clones();
    // Which text prevails follows from object names; of four specs some go one way and some the other.
    let ids = ["a", "b", "c", "d"].map(|word| {
        let said = us.chant_env(&[("GIT_CHANT_TEST_SUFFIX", word)], &["add", "--porcelain", word]).ok().stdout;
        said.trim().to_owned()
    });
    us.git(&["push", "--quiet"]);
    us.chant(&["push"]).ok();
    them.git(&["pull", "--quiet"]);
    for (repo, word) in [(&us, "ours"), (&them, "theirs")] {
        for id in &ids {
            repo.chant(&["edit", id, "--title", word]).ok();
        }
    }
    us.git(&["push", "--quiet"]);
    us.chant(&["push"]).ok();
    // The merge comes before any command has joined the specs.
    them.git(&["pull", "--quiet", "--no-rebase", "--no-edit"]);
    them.chant(&["sync"]).ok();
    for id in &ids {
        assert_eq!(them.read(&TestRepo::spec_file(id)), document(&them, id));
        assert_events(&them, id, &["create", "edit", "edit", "join"]);
    }
}

#[test]
fn edits_that_no_spec_knows_yet_are_a_conflict_and_whoever_settles_it_has_the_last_word() {
    let (them, us) = crate::share::two_clones();
    let id = them.add_spec("One", &["First"]);
    them.chant(&["push"]).ok();
    them.git(&["push", "--quiet"]);
    us.git(&["pull", "--quiet"]);
    // Theirs is known, and made in more steps than ours.
    for title in ["Theirs at first", "Theirs then", "Theirs"] {
        them.chant(&["edit", &id, "--title", title]).ok();
    }
    them.chant(&["push"]).ok();
    them.git(&["push", "--quiet"]);
    us.edit_spec(&id, "# One", "# Ours");
    us.git(&["commit", "--quiet", "-am", "ours"]);
    let path = TestRepo::spec_file(&id);
    us.try_git(&["pull", "--quiet", "--no-rebase", "--no-edit"]).fails(1).says(&path);
    let text = us.read(&path);
    assert!(text.contains("<<<<<<< ours\n# Ours\n") && text.contains("# Theirs\n>>>>>>> theirs"), "{text}");
    us.chant(&["list"]).ok().says(&format!("{path} is not looked at before its conflict is settled"));
    assert_eq!((us.read(&path), us.git(&["diff", "--name-only", "--diff-filter=U"])), (text.clone(), path.clone()));
    let marks = ["<<<<<<< ours\n", "=======\n", "# Theirs\n", ">>>>>>> theirs\n"];
    us.write(&path, marks.iter().fold(text, |text, mark| text.replace(mark, "")).replace("# Ours", "# Both"));
    us.git(&["commit", "--quiet", "-am", "settled"]);
    us.chant(&["list"]).ok().says("Both");
    assert_eq!(us.events(&id), ["create", "edit", "edit", "edit", "edit", "join", "edit"]);
    us.chant(&["show", &id]).ok().says_not("two people changed");
    assert_eq!(us.git(&["status", "--porcelain", ".chant/specs"]), "");
    // The other clone makes the same of it.
    us.git(&["push", "--quiet"]);
    them.git(&["fetch", "--quiet", "origin", "main"]);
    them.git(&["merge", "--quiet", "FETCH_HEAD"]);
    assert_events(&them, &id, &us.events(&id).iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(tip(&us, &id), tip(&them, &id));
}

/// Of two values of one field a rule takes one, alike in both clones; it is said where it happens, whoever of the two knew of events.
#[test]
fn two_values_of_one_field_are_told_of_where_one_is_taken() {
    let (us, them, id) = two_clones();
    let (ours, theirs) = ("---\npriority: 3", "---\npriority: 5");
    // Nobody's events know of it: git merges the files.
    us.edit_spec(&id, "---", ours);
    us.git(&["commit", "--quiet", "-am", "three"]);
    them.edit_spec(&id, "---", theirs);
    them.git(&["commit", "--quiet", "-am", "five"]);
    them.git(&["push", "--quiet"]);
    us.try_git(&["pull", "--quiet", "--no-rebase", "--no-edit"])
        .ok()
        .says(&format!("warning: .chant/specs/{id}.md: both sides changed priority, and one value was taken"));
    // Both were recorded: the join says so, to people and in the history.
    let (us, them, id) = two_clones();
    us.edit_spec(&id, "---", ours);
    us.chant(&["push"]).ok();
    them.edit_spec(&id, "---", theirs);
    them.chant(&["sync"]).ok().says(&format!("{id}: two people changed its priority at once; one version was taken"));
    them.chant(&["history", &id]).ok().says("Both changed priority, and one side's value was taken.").says("See both: git diff");
    us.chant(&["sync"]).ok();
    assert_eq!(tip(&us, &id), tip(&them, &id));
    // So is an edit of a file whose spec went on elsewhere meanwhile.
    us.chant(&["edit", &id, "--prompt", "review"]).ok();
    us.chant(&["push"]).ok();
    them.git(&["fetch", "--quiet"]);
    them.edit_spec(&id, "---", "---\nprompt: research");
    them.chant(&["show", &id]).ok().says("somebody else changed its prompt at once, and one version was taken").says("git chant history");
}
