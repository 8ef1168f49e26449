//! Edits of a spec's file by hand: none is dropped, none is invented.

mod clones;

use crate::common::{Outcome, TestRepo};

/// A repository with one spec that has two criteria, and its id.
fn with_spec() -> (TestRepo, String) {
    let repo = TestRepo::with_chant();
    let id = repo.add_spec("One", &["First", "Second"]);
    (repo, id)
}

/// The newest document, as the spec's ref holds it.
fn document(repo: &TestRepo, id: &str) -> String {
    repo.git(&["show", &format!("refs/chant/specs/{id}:spec.md")]) + "\n"
}

fn tip(repo: &TestRepo, id: &str) -> String {
    repo.git(&["rev-parse", &format!("refs/chant/specs/{id}")])
}

/// The events are these, and looking again makes no more; the file is what the spec holds; no lock is left.
#[track_caller]
fn assert_events(repo: &TestRepo, id: &str, kinds: &[&str]) {
    assert_eq!(repo.events(id), kinds);
    assert_eq!(repo.events(id), kinds, "the second look made something up");
    assert_eq!(document(repo, id), repo.read(&TestRepo::spec_file(id)));
    repo.assert_no_locks();
}

fn tick(repo: &TestRepo, id: &str) {
    repo.edit_spec(id, "[ ] First", "[x] First");
}

fn untick(repo: &TestRepo, id: &str) {
    repo.edit_spec(id, "[x] First", "[ ] First");
}

#[test]
fn a_tick_and_then_none_are_two_edits() {
    for auto_commit in ["true", "false"] {
        let (repo, id) = with_spec();
        repo.git(&["config", "chant.autoCommit", auto_commit]);
        let before = repo.snapshot();
        tick(&repo, &id);
        assert_events(&repo, &id, &["create", "edit"]);
        untick(&repo, &id);
        assert_events(&repo, &id, &["create", "edit", "edit"]);
        tick(&repo, &id);
        assert_events(&repo, &id, &["create", "edit", "edit", "edit"]);
        before.assert_same(&repo.snapshot());
    }
}

#[test]
fn a_tick_that_is_taken_back_unseen_is_no_edit() {
    let (repo, id) = with_spec();
    tick(&repo, &id);
    untick(&repo, &id);
    assert_events(&repo, &id, &["create"]);
    tick(&repo, &id);
    repo.git(&["restore", &TestRepo::spec_file(&id)]);
    assert_events(&repo, &id, &["create"]);
}

#[test]
fn a_deleted_criterion_comes_back() {
    let (repo, id) = with_spec();
    let whole = repo.read(&TestRepo::spec_file(&id));
    repo.edit_spec(&id, "- [ ] Second\n", "");
    assert_events(&repo, &id, &["create", "edit"]);
    repo.write(&TestRepo::spec_file(&id), &whole);
    assert_events(&repo, &id, &["create", "edit", "edit"]);
    assert_eq!(document(&repo, &id), whole);
}

#[test]
fn git_revert_of_an_edit_is_an_edit() {
    let (repo, id) = with_spec();
    let whole = document(&repo, &id);
    tick(&repo, &id);
    assert_events(&repo, &id, &["create", "edit"]);
    repo.git(&["revert", "--no-edit", "HEAD"]);
    assert_events(&repo, &id, &["create", "edit", "edit"]);
    assert_eq!(document(&repo, &id), whole);
    repo.git(&["revert", "--no-edit", "HEAD"]);
    assert_events(&repo, &id, &["create", "edit", "edit", "edit"]);
}

#[test]
fn an_old_branch_is_no_edit_and_is_said_once() {
    let (repo, id) = with_spec();
    repo.git(&["branch", "old"]);
    tick(&repo, &id);
    assert_events(&repo, &id, &["create", "edit"]);
    repo.git(&["switch", "--quiet", "old"]);
    repo.chant(&["list"]).ok().says("is older than the spec here");
    repo.chant(&["list"]).ok().says_not("is older");
    repo.git(&["switch", "--quiet", "main"]);
    assert_events(&repo, &id, &["create", "edit"]);
}

#[test]
fn an_old_branch_is_no_edit_even_where_an_edit_was_reverted_since() {
    let (repo, id) = with_spec();
    tick(&repo, &id);
    assert_events(&repo, &id, &["create", "edit"]);
    repo.git(&["branch", "old"]);
    repo.git(&["revert", "--no-edit", "HEAD"]);
    assert_events(&repo, &id, &["create", "edit", "edit"]);
    repo.git(&["switch", "--quiet", "old"]);
    assert_eq!(repo.events(&id), ["create", "edit", "edit"]);
    repo.git(&["switch", "--quiet", "main"]);
    assert_events(&repo, &id, &["create", "edit", "edit"]);
}

#[test]
fn a_merge_that_is_given_up_is_no_edit() {
    let (repo, id) = crate::merges::finished(&["It is good"], &[]);
    let (branch, events) = (format!("chant/{id}"), repo.events(&id));
    for (there, back) in [
        (&["merge", "--quiet", "--no-commit", "--no-ff", &branch][..], &["merge", "--abort"][..]),
        (&["checkout", "--quiet", &branch, "--", ".chant"], &["checkout", "--quiet", "HEAD", "--", ".chant"]),
    ] {
        repo.git(there);
        repo.chant(&["list"]).ok().says("completed");
        repo.git(back);
        repo.chant(&["list"]).ok().says("completed").says("older").says_not("Recorded");
        assert_eq!(repo.events(&id), events);
    }
    repo.git(&["switch", "--quiet", &branch]);
    assert_eq!(repo.events(&id), events);
    repo.edit_spec(&id, "status: completed", "status: pending");
    repo.chant(&["list"]).ok().says(&format!("Recorded your edit of {id}: taken back to the start, attempt 2."));
}

#[test]
fn an_edit_that_git_committed_has_its_author_and_date() {
    let (repo, id) = with_spec();
    tick(&repo, &id);
    repo.git(&["-c", "user.name=Ann", "commit", "--quiet", "-am", "tick it"]);
    assert_events(&repo, &id, &["create", "edit"]);
    let of_event = repo.git(&["log", "-1", "--format=%an %ae %at %cn %ct", &format!("refs/chant/specs/{id}")]);
    assert_eq!(of_event, repo.git(&["log", "-1", "--format=%an %ae %at %an %at"]));
    assert!(of_event.starts_with("Ann "));
}

#[test]
fn each_commit_of_the_file_is_an_edit_of_its_own() {
    let (repo, id) = with_spec();
    tick(&repo, &id);
    repo.git(&["-c", "user.name=Ann", "commit", "--quiet", "-am", "tick"]);
    repo.edit_spec(&id, "Second", "Third");
    repo.git(&["-c", "user.name=Bob", "commit", "--quiet", "-am", "third"]);
    assert_events(&repo, &id, &["create", "edit", "edit"]);
    assert_eq!(repo.git(&["log", "-2", "--format=%an", &format!("refs/chant/specs/{id}")]), "Bob\nAnn");
}

#[test]
fn git_checkout_of_an_old_file_is_an_edit() {
    let (repo, id) = with_spec();
    let (old, file) = (repo.head(), TestRepo::spec_file(&id));
    let whole = repo.read(&file);
    tick(&repo, &id);
    assert_events(&repo, &id, &["create", "edit"]);
    // It stages the file as well.
    repo.git(&["checkout", "--quiet", &old, "--", &file]);
    let (before, staged) = (repo.snapshot(), repo.git(&["ls-files", "--stage", &file]));
    assert_events(&repo, &id, &["create", "edit", "edit"]);
    assert_eq!(document(&repo, &id), whole);
    before.assert_same(&repo.snapshot());
    assert_eq!(repo.git(&["ls-files", "--stage", &file]), staged);
    repo.git(&["commit", "--quiet", "-m", "put back"]);
    assert_events(&repo, &id, &["create", "edit", "edit"]);
}

#[test]
fn an_edit_of_the_intent_on_main_while_a_run_is_on_is_kept() {
    let (repo, id) = with_spec();
    let main = repo.path().join(TestRepo::spec_file(&id));
    let script = format!(
        "echo made > made; sed -i 's/\\[ \\]/[x]/' \"$CHANT_SPEC_FILE\"\nsed -i 's/Second/Third/' '{}'\ncd '{}'\n\
         env -u CHANT_RUN_ID git-chant list",
        main.display(),
        repo.path().display()
    );
    repo.agent("editor", &script);
    let work = repo.chant(&["work", &id]).fails(1);
    let events = repo.events(&id);
    assert_eq!(events.iter().filter(|kind| *kind == "edit").count(), 1, "{events:?} {work}");
    assert_eq!(events, repo.events(&id));
    let text = document(&repo, &id);
    assert!(text.contains("Third") && text.contains("status: needs_attention"), "{text}");
    repo.assert_no_locks();
}

#[test]
fn a_tick_on_main_while_a_run_is_on_is_kept_and_the_run_completes() {
    let (repo, id) = with_spec();
    let main = repo.path().join(TestRepo::spec_file(&id));
    let script = format!(
        "echo made > made; sed -i 's/\\[ \\] First/[x] First/' \"$CHANT_SPEC_FILE\"\nsed -i 's/\\[ \\] Second/[x] Second/' '{}'",
        main.display()
    );
    repo.agent("editor", &script);
    repo.chant(&["work", &id]).ok();
    let events = repo.events(&id);
    assert_eq!(events.iter().filter(|kind| *kind == "edit").count(), 1, "{events:?}");
    let text = document(&repo, &id);
    assert!(text.contains("[x] First") && text.contains("[x] Second"), "{text}");
}

/// Sets `status:` by hand and looks: what was said, the events, the status.
fn set_status(repo: &TestRepo, id: &str, word: &str) -> (Outcome, Vec<String>, String) {
    let now = repo.read(&TestRepo::spec_file(id));
    let line = now.lines().find(|line| line.starts_with("status:")).unwrap();
    repo.edit_spec(id, line, &format!("status: {word}"));
    let said = repo.chant(&["list"]).ok();
    let events = repo.events(id);
    assert_events(repo, id, &events.iter().map(String::as_str).collect::<Vec<_>>());
    let status = repo.show(id)["status"].as_str().unwrap().to_owned();
    (said, events, status)
}

#[test]
fn status_words_that_mean_pending_are_a_reset() {
    for word in ["pending", "ready", "blocked"] {
        let (repo, id) = with_spec();
        repo.chant(&["pause", &id]).ok();
        let (_, events, status) = set_status(&repo, &id, word);
        assert_eq!(events, ["create", "pause", "reset"], "{word}");
        assert_eq!(status, "ready", "{word}");
    }
}

#[test]
fn ready_on_a_pending_spec_is_a_plain_edit() {
    let (repo, id) = with_spec();
    let (_, events, status) = set_status(&repo, &id, "ready");
    assert_eq!(events, ["create", "edit"]);
    assert_eq!(status, "ready");
}

#[test]
fn paused_and_cancelled_are_granted() {
    for (word, kind, status) in [("paused", "pause", "paused"), ("cancelled", "cancel", "cancelled"), ("canceled", "cancel", "cancelled")] {
        let (repo, id) = with_spec();
        let (_, events, now) = set_status(&repo, &id, word);
        assert_eq!(events, ["create", kind], "{word}");
        assert_eq!(now, status, "{word}");
    }
}

#[test]
fn completed_needs_what_finalize_needs() {
    let (repo, id) = with_spec();
    let (said, events, status) = set_status(&repo, &id, "completed");
    said.says("not ticked").says("git chant");
    assert_eq!(events, ["create", "edit"]);
    assert_eq!(status, "ready");
    repo.chant(&["check", &id, "1", "2"]).ok();
    let (_, events, status) = set_status(&repo, &id, "completed");
    assert_eq!(events.last().unwrap(), "finish");
    assert_eq!(status, "completed");
}

#[test]
fn statuses_that_only_a_run_gives_are_put_back() {
    for word in ["failed", "needs_attention", "in_progress"] {
        let (repo, id) = with_spec();
        let (said, events, status) = set_status(&repo, &id, word);
        said.says("put back");
        assert_eq!(events, ["create", "edit"], "{word}");
        assert_eq!(status, "ready", "{word}");
        assert!(document(&repo, &id).contains("status: pending"), "{word}");
    }
}

#[test]
fn a_status_that_is_no_word_is_named_and_the_file_stays() {
    let (repo, id) = with_spec();
    let file = TestRepo::spec_file(&id);
    repo.edit_spec(&id, "status: pending", "status: nonsense");
    let mine = repo.read(&file);
    for _ in 0..2 {
        repo.chant(&["list"]).ok().says("nonsense").says(&file);
        assert_eq!(repo.read(&file), mine);
    }
    assert_eq!(repo.events(&id), ["create"]);
    repo.edit_spec(&id, "status: nonsense", "status: paused");
    assert_events(&repo, &id, &["create", "pause"]);
}

#[test]
fn unreadable_front_matter_is_named_with_its_line_and_nothing_is_lost() {
    let (repo, id) = with_spec();
    let file = TestRepo::spec_file(&id);
    repo.edit_spec(&id, "status: pending\n", "status: pending\nlabels: [a, 'b\nkey: [\n");
    let mine = repo.read(&file);
    for args in [&["list"], ["show", &id].as_slice(), &["check", &id, "1"], &["edit", &id, "--title", "New"], &["pause", &id]] {
        let said = repo.chant(args);
        assert!(said.stderr.contains(&file) && said.stderr.contains("line "), "{args:?} {said}");
        assert_eq!(repo.read(&file), mine, "{args:?}");
    }
    // Committed by hand it is still named, and what came meanwhile is joined when it is mended.
    repo.git(&["commit", "--quiet", "-am", "broken"]);
    repo.chant(&["list"]).ok().says(&file);
    repo.edit_spec(&id, "labels: [a, 'b\nkey: [\n", "labels: [a, b]\n");
    repo.chant(&["list"]).ok();
    let text = document(&repo, &id);
    assert!(text.contains("labels: [a, b]") && text.contains("[x] First") && text.contains("status: paused"), "{text}");
    assert!(text.contains("# New"), "{text}");
}

#[test]
fn a_file_that_can_be_no_spec_is_named_until_it_can() {
    let (repo, _) = with_spec();
    repo.write(".chant/specs/my plan.md", "# Plan\n");
    repo.write(".chant/specs/open.md", "---\ntype: research\n\n# Open\n");
    for _ in 0..2 {
        let said =
            repo.chant(&["list"]).ok().says("warning: a file in .chant/specs is passed over: 'my plan' is no spec id: it has a blank");
        said.says("warning: .chant/specs/open.md: line 1: front matter begins here, and no second line `---` ends it")
            .says("git chant show open");
    }
    repo.write(".chant/specs/open.md", "---\ntype: research\n---\n\n# Open\n");
    repo.chant(&["show", "open"]).ok().says("research").says("passed over");
    std::fs::rename(repo.path().join(".chant/specs/my plan.md"), repo.path().join(".chant/specs/my-plan.md")).unwrap();
    repo.chant(&["show", "my-plan"]).ok().says("Plan").says_not("passed over");
}

#[test]
fn a_file_that_somebody_writes_becomes_a_spec_and_a_deleted_one_loses_nothing() {
    let (repo, id) = with_spec();
    repo.write(".chant/specs/002-by-hand.md", "# By hand\n\n## Acceptance Criteria\n\n- [ ] It is there\n");
    assert_eq!(repo.events("002-by-hand"), ["import"]);
    std::fs::remove_file(repo.path().join(TestRepo::spec_file(&id))).unwrap();
    assert_eq!(repo.events(&id), ["create"]);
    repo.git(&["checkout", "--", &TestRepo::spec_file(&id)]);
    assert_events(&repo, &id, &["create"]);
}

#[test]
fn many_edits_and_new_files_are_one_commit_each() {
    let repo = TestRepo::with_chant();
    let file = |number: usize| format!("2026-01-29-{number:03}-abc");
    let text = |word: &str| format!("---\nstatus: pending\n---\n# {word}\n");
    for number in 0..12 {
        repo.write(&TestRepo::spec_file(&file(number)), text("New"));
    }
    let before = repo.git(&["rev-list", "--count", "HEAD"]).parse::<usize>().unwrap();
    repo.chant(&["list"]).ok().says(&format!("Took over .chant/specs/{}.md as spec", file(11)));
    assert_eq!(repo.git(&["log", "-1", "--format=%s"]), "chant: add 12 specs");
    for number in 0..6 {
        repo.write(&TestRepo::spec_file(&file(number)), text("Edited"));
    }
    // One is staged by somebody, and stays so; the others are committed by themselves.
    repo.git(&["add", &TestRepo::spec_file(&file(0))]);
    for number in 6..12 {
        repo.write(&TestRepo::spec_file(&file(number)), "---\nlabels: [\n---\n# Broken\n");
    }
    repo.chant(&["list"]).ok().says(&format!("{}.md is written but not committed", file(0))).says("the file is as you left it");
    assert_eq!(repo.git(&["rev-list", "--count", "HEAD"]).parse::<usize>().unwrap(), before + 1 + 5);
    assert_eq!(repo.events(&file(5)), ["import", "edit"]);
    assert_eq!(repo.events(&file(11)), ["import"]);
    repo.git(&["checkout", "--quiet", "--", "."]);
    repo.chant(&["list"]).ok().says_not("Recorded").says_not("Took over");
    assert_eq!(repo.git(&["diff", "--cached", "--name-only"]), TestRepo::spec_file(&file(0)));
}

#[test]
fn what_git_would_make_of_a_file_is_not_staged_in_place_of_the_spec() {
    let (repo, id) = with_spec();
    repo.git(&["config", "core.autocrlf", "input"]);
    let file = TestRepo::spec_file(&id);
    repo.write(&file, repo.read(&file).replace('\n', "\r\n"));
    repo.chant(&["list"]).ok().says_not("staged");
    assert_eq!(repo.git(&["diff", "--cached", "--name-only"]), "");
    repo.chant(&["check", &id, "1"]).ok().says_not("staged");
    assert_eq!(repo.git(&["diff", "--cached", "--name-only"]), "");
    assert_eq!(repo.git(&["rev-parse", &format!("HEAD:{file}")]), repo.git(&["rev-parse", &format!("refs/chant/specs/{id}:spec.md")]));
    // To what compares nothing but times a file that we wrote is not changed.
    repo.git(&["config", "--unset", "core.autocrlf"]);
    repo.add_spec("Two", &[]);
    assert_eq!(repo.git(&["diff-files", "--name-only", "--", ".chant/specs/*.md", &format!(":!{file}")]), "");
}
