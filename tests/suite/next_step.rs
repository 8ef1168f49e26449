//! What is said where a verb does not fit leads somewhere.

use crate::common::TestRepo;

#[test]
fn merged_work_is_not_cancelled_and_a_reset_says_that_it_stays() {
    let (repo, id) = crate::merges::finished(&["It is good"], &[]);
    repo.chant(&["merge", &id]).ok();
    let merge = repo.head()[..10].to_owned();
    let words = format!(
        "fatal: the work of {id} is in main already\nhint: undo the work: git revert -m 1 {merge}\n\
         hint: clear the spec away: git chant archive {id}\n"
    );
    for args in [&["cancel", &id][..], &["edit", &id, "--status", "cancelled"]] {
        repo.chant(args).fails(128).says(&words);
    }
    repo.chant(&["merge", &id]).ok().says("Nothing to merge.").says_not("Merged.");
    repo.chant(&["work", &id]).fails(128).says_not("start over");
    repo.chant(&["reset", &id]).ok().says(&format!("{id} is merged into main; its work stays there"));
}

#[test]
fn a_spec_that_would_wait_for_itself_is_refused() {
    let repo = TestRepo::with_chant();
    repo.agent("worker", "true");
    let one = repo.add_spec("One", &[]);
    let two = repo.add_spec_with("Two", &[], &["--depends-on", &one]);
    repo.chant(&["edit", &one, "--depends-on", &one]).fails(128).says(&format!("that makes a circle: {one} depends on itself"));
    repo.chant(&["edit", &one, "--depends-on", &two]).fails(128).says(&format!("that makes a circle: {one} depends on itself"));
    assert_eq!(repo.events(&one), ["create"]);
    let waits = format!("{two}  blocked  code  Two (depends on {one}, which is pending)\n");
    assert_eq!(repo.chant(&["list", "--status", "blocked"]).ok().stdout, waits);
    let label = repo.chant(&["work", "--label", "nope"]).ok();
    label.says("No spec with the label 'nope' is ready.").says("git chant list --status blocked");
    repo.chant(&["pause", &one]).ok();
    repo.chant(&["resume", &one]).fails(128);
}

#[test]
fn a_file_that_cannot_be_read_is_named_by_whoever_looks_for_faults() {
    let repo = TestRepo::with_chant();
    repo.write(".chant/specs/bad.md", "---\ntype: [code\n---\n\n# Bad\n");
    repo.chant(&["fsck"]).fails(1).says(".chant/specs/bad.md: it cannot be read as a spec: ");
    repo.chant(&["doctor"]).fails(1).says("wrong  specs      .chant/specs/bad.md: ");
}
