//! The archive and the notes across clones.

use super::*;
use std::os::unix::fs::MetadataExt as _;

#[test]
fn what_one_clone_archived_does_not_come_back_from_another() {
    let (us, them) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.chant(&["cancel", &id]).ok();
    us.chant(&["push"]).ok();
    them.chant(&["fetch"]).ok();
    us.chant(&["archive", &id]).ok();
    us.chant(&["push"]).ok().says(&format!("pushed     {id}  to the archive\npushed     refs/chant/archive"));
    assert_eq!(us.git(&["ls-remote", "origin", "refs/chant/specs/*"]), "");
    them.chant(&["sync"]).ok().says(&format!("archived   {id}"));
    assert_eq!(shared(&us), shared(&them));
    assert_eq!(them.show(&id)["archived"], true);
    quiet(us.chant(&["sync"]));
    quiet(them.chant(&["sync"]));
    let fresh = us.clone_to(us.root().join("origin.git"), "fresh");
    fresh.chant(&["init"]).ok();
    assert_eq!(fresh.show(&id)["archived"], true);
}

#[test]
fn what_was_changed_meanwhile_is_live_again() {
    let (us, them) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.chant(&["cancel", &id]).ok();
    us.chant(&["push"]).ok();
    them.chant(&["fetch"]).ok();
    them.chant(&["reset", &id]).ok();
    us.chant(&["archive", &id]).ok();
    us.chant(&["push"]).ok();
    them.chant(&["sync"]).ok().says(&format!("pushed     {id}"));
    us.chant(&["sync"]).ok().says(&format!("new        {id}  pending"));
    assert_eq!(shared(&us), shared(&them));
    assert_eq!((us.show(&id)["archived"].as_bool(), us.show(&id)["status"].as_str()), (Some(false), Some("ready")));
}

#[test]
fn two_archives_become_one() {
    let (us, them) = two_clones();
    let one = us.add_spec("One", &["First"]);
    let two = us.chant_env(&[("GIT_CHANT_TEST_SUFFIX", "xyz")], &["add", "--porcelain", "Two"]).ok().stdout.trim().to_owned();
    for id in [&one, &two] {
        us.chant(&["cancel", id]).ok();
    }
    us.chant(&["push"]).ok();
    them.chant(&["fetch"]).ok();
    us.chant(&["archive", &one]).ok();
    them.chant(&["archive", &two]).ok();
    us.chant(&["sync"]).ok();
    them.chant(&["sync"]).ok();
    us.chant(&["sync"]).ok();
    assert_eq!(shared(&us), shared(&them));
    assert_eq!(shared(&us).lines().count(), 1, "{}", shared(&us));
    for id in [&one, &two] {
        assert_eq!(us.show(id)["archived"], true);
    }
}

#[test]
fn an_archive_that_is_none_is_left_alone_here_and_there() {
    let (us, them) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.chant(&["push"]).ok();
    let head = us.head();
    us.git(&["push", "--quiet", "origin", &format!("{head}:refs/chant/archive")]);
    them.chant(&["sync"]).ok().says("warning: their archive is left alone").says(&format!("new        {id}"));
    them.chant(&["cancel", &id]).ok();
    them.chant(&["archive", &id]).ok();
    them.chant(&["sync"]).ok().says("their archive is left alone");
    assert_eq!(us.git(&["ls-remote", "origin", "refs/chant/*"]).lines().count(), 2);
}

#[test]
fn notes_of_both_are_kept_and_reject_nothing() {
    let (us, them) = two_clones();
    us.git(&["notes", "--ref=chant", "add", "-m", "ours", "HEAD"]);
    them.git(&["notes", "--ref=chant", "add", "-m", "theirs", "HEAD"]);
    us.chant(&["sync"]).ok();
    them.chant(&["sync"]).ok();
    us.chant(&["sync"]).ok();
    assert_eq!(shared(&us), shared(&them));
    assert_eq!(us.git(&["notes", "--ref=chant", "show", "HEAD"]), "ours\ntheirs");
    assert!(us.git(&["log", "-1", "--notes=chant"]).contains("ours"));
}

#[test]
fn what_was_closed_long_ago_is_archived_and_no_file_moves() {
    let (us, them) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.chant(&["cancel", &id]).ok();
    us.chant(&["sync"]).ok().says_not("archived");
    // All are looked at once a day, or as often as the time before they go asks for. Who looks writes the file anew.
    let looked = || std::fs::metadata(us.path().join(".git/chant/archive-looked")).expect("sync has looked").ino();
    let first = looked();
    us.chant(&["sync"]).ok();
    assert_eq!(looked(), first);
    us.chant_env(&[("GIT_CHANT_TEST_DATE", "2026-01-30")], &["sync"]).ok();
    assert_ne!(looked(), first);
    let later = [("GIT_CHANT_TEST_DATE", "2026-03-15")];
    us.git(&["config", "chant.archiveAfter", "never"]);
    us.chant_env(&later, &["sync"]).ok().says_not("archived");
    us.git(&["config", "chant.archiveAfter", "soon, perhaps"]);
    us.chant_env(&later, &["sync"]).fails(128).says("chant.archiveAfter is 'soon, perhaps'").says("hint: git config chant.archiveAfter");
    us.git(&["config", "chant.archiveAfter", "60 days"]);
    us.chant_env(&later, &["sync"]).ok().says_not("archived");
    us.git(&["config", "--unset", "chant.archiveAfter"]);
    us.chant_env(&later, &["sync"]).ok().says(&format!("archived   {id}  cancelled  One"));
    assert!(us.exists(&TestRepo::spec_file(&id)));
    them.chant(&["sync"]).ok();
    assert_eq!(shared(&us), shared(&them));
    us.chant(&["list"]).ok().says_not(&id);
}

/// What was merged once and finished again since is not merged; a branch that is gone here may be elsewhere.
#[test]
fn what_was_finished_since_its_merge_is_not_archived() {
    let (us, _them) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.chant(&["check", &id, "1"]).ok();
    us.chant(&["finalize", &id]).ok();
    us.chant(&["merge", &id]).ok();
    us.chant(&["reset", &id]).ok();
    us.git(&["switch", "-q", "-c", "again"]);
    us.commit_all("Do it again");
    us.chant(&["check", &id, "1"]).ok();
    us.chant(&["finalize", &id]).ok();
    us.git(&["switch", "-q", "main"]);
    us.chant_env(&[("GIT_CHANT_TEST_DATE", "2026-03-15")], &["sync"]).ok().says_not("archived");
    us.chant(&["merge", &id]).ok();
    us.chant_env(&[("GIT_CHANT_TEST_DATE", "2026-03-17")], &["sync"]).ok().says(&format!("archived   {id}"));
}
