//! Eight agents at once on many specs with dependencies that all edit one file: everything is merged or reported, and no merge is wrong.
//! `GIT_CHANT_TEST_ALL=1` takes forty specs.

use super::common::TestRepo;

fn specs() -> usize {
    if std::env::var_os("GIT_CHANT_TEST_ALL").is_some() { 40 } else { 20 }
}

/// Those that write at the same place: each conflicts with the others, unless it was made on top of them.
fn collides(number: usize) -> bool {
    number % 5 == 4
}

fn id(number: usize) -> String {
    format!("2026-01-29-{number:03}-abc")
}

/// The file as it is at first: a place for every spec, far enough from the next for git to merge both.
fn places() -> String {
    (0..specs()).map(|number| format!("# {}\n\n\n\n", id(number))).collect::<String>() + "# end\n"
}

#[test]
fn all_are_merged_or_reported_and_none_is_wrong() {
    let repo = TestRepo::with_chant();
    repo.write("shared.txt", places());
    repo.commit_all("places");
    for number in 0..specs() {
        let depends = if number >= 8 { format!("depends_on: [{}]\n", id(number - 8)) } else { String::new() };
        let place = if collides(number) { "end".to_owned() } else { id(number) };
        repo.write(&TestRepo::spec_file(&id(number)), format!("---\ntype: code\n{depends}---\n# Write at {place}\n"));
    }
    repo.git(&["config", "chant.stagger", "0"]);
    repo.agent("robin", "at=$(sed -n 's/^# Write at //p' \"$CHANT_SPEC_FILE\")\nsed -i \"s/^# $at\\$/&\\nby $CHANT_SPEC_ID/\" shared.txt");
    let worked = repo.chant(&["work", "--all", "--parallel", "8", "--merge"]);
    let (merged, conflicts) = check(&repo, &worked.stdout);
    assert_eq!(worked.code, i32::from(merged != specs()), "{worked}");
    assert!(
        merged >= specs() / 2 && !worked.stderr.contains("outside of its worktree"),
        "{merged} merged, {conflicts} conflicts: {worked}"
    );
    assert_eq!(repo.git(&["status", "--porcelain", "--untracked-files=no"]), "");
    repo.assert_no_locks();
}

/// Every spec is told of at the end, and the file holds the lines of those that are merged, each once and at its place, and no other.
fn check(repo: &TestRepo, said: &str) -> (usize, usize) {
    let summary = said.split("specs done:").nth(1).unwrap_or_else(|| panic!("no sum: {said}"));
    let text = repo.git(&["show", "main:shared.txt"]);
    let (mut merged, mut conflicts) = (0, 0);
    for number in 0..specs() {
        let (id, line) = (id(number), format!("by {}", id(number)));
        let told = summary.lines().find(|line| line.contains(&id)).unwrap_or_else(|| panic!("{id} is not told of: {said}"));
        let there = text.lines().filter(|other| *other == line).count();
        // What was made on top of it brings it along.
        assert_eq!(told.contains("completed and merged"), there == 1, "{told}: it is there {there} times:\n{text}");
        conflicts += usize::from(told.contains("conflicts in shared.txt"));
        merged += there;
        if there == 1 && !collides(number) {
            let lines: Vec<&str> = text.lines().collect();
            let at = lines.iter().position(|other| *other == line).unwrap();
            assert_eq!(lines[at - 1], format!("# {id}"), "{text}");
        }
    }
    let without: String = text.lines().filter(|line| !line.starts_with("by ")).map(|line| format!("{line}\n")).collect();
    assert_eq!(without, places(), "something else was changed");
    (merged, conflicts)
}
