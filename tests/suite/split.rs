//! Splitting a spec into members, by its sections or by what an agent proposes.

use super::common::TestRepo;

const BODY: &str = "Why.\n\n## Context\n\nHistory.\n\n## Read it\n\nAll of it.\n\n### Acceptance Criteria\n\n- [ ] It is read `$ test -e read.txt`\n\n\
    ## Write it\n\nDepends on: 1\n\nSome of it.\n\n## Acceptance Criteria\n\n- [ ] Both are there `$ test -e read.txt && test -e write.txt`\n";

fn repository() -> (TestRepo, String) {
    let repo = TestRepo::with_chant();
    repo.agent("robin", "case $(cat \"$CHANT_SPEC_FILE\") in *'# Read'*) echo x >read.txt;; *) echo x >write.txt;; esac");
    repo.write("body.md", BODY);
    let id = repo.add_spec_with("Big", &[], &["--body-file", "body.md", "--label", "x"]);
    (repo, id)
}

#[test]
fn sections_become_members_that_are_worked_with_their_driver() {
    let (repo, id) = repository();
    repo.chant(&["split", &id, "--sections", "--dry-run"]).ok().says("1. Read it\n").says("2. Write it (depends on 1)");
    let trace = repo.root().join("trace");
    repo.chant_env(&[("GIT_TRACE", trace.to_str().unwrap())], &["split", &id, "--sections"])
        .ok()
        .says(&format!("Created spec: {id}.1 (Read it)"))
        .says(&format!("git chant work {id}"));
    let trace = std::fs::read_to_string(trace).unwrap();
    let moves = |what: &str| trace.lines().filter(|line| line.contains("git update-ref") && line.contains(what)).count();
    assert_eq!((moves("chant: create"), moves("chant: edit")), (0, 1), "members and driver come together, or not at all: {trace}");
    let (first, second) = (repo.show(&format!("{id}.1")), repo.show(&format!("{id}.2")));
    assert_eq!((first["status"].as_str(), second["status"].as_str()), (Some("ready"), Some("blocked")));
    assert_eq!(repo.git(&["status", "--porcelain", "--untracked-files=no"]), "");
    assert_eq!(first["labels"][0], "x");
    assert!(repo.exists(&TestRepo::spec_file(&format!("{id}.1"))));
    repo.chant(&["split", &id, "--sections"]).fails(128).says("is split already");
    repo.chant(&["work", &id, "--merge"]).ok().says("3 of 3 specs done:").says("its members are done");
    assert!(repo.exists("read.txt") && repo.exists("write.txt"));
    repo.chant(&["split", &id]).fails(128).says("is completed");
}

#[test]
fn an_agent_proposes_and_a_person_approves() {
    let (repo, id) = repository();
    repo.agent("wren", "grep -q '^# Split: Big' || exit 9\nprintf '## One\\n\\nDo one.\\n\\n## Two\\n\\nDepends on: 1\\n\\n### Acceptance Criteria\\n\\n- [ ] Run `$ echo evil`\\n'");
    let before = repo.snapshot();
    repo.chant(&["split", &id]).ok().says("an agent wrote them").says(&format!("{id}.2 (Two)"));
    before.assert_same(&repo.snapshot());
    assert_eq!(std::fs::read_dir(repo.path().join(".chant/worktrees")).unwrap().count(), 0);
    repo.chant(&["work", &format!("{id}.1")]).fails(128).says(&format!("git chant approve {id}.1"));
    repo.chant(&["approve", &format!("{id}.1")]).ok();
    repo.agent("good", "echo x >x.txt");
    repo.chant(&["work", &format!("{id}.1")]).ok();
}

#[test]
fn an_agent_that_proposes_nothing_changes_nothing() {
    for (agent, reason) in [
        ("echo 'It should not be split.'", "proposed no members: It should not"),
        ("exit 3", "'wren' proposed nothing: the agent exited with 3"),
        ("", "it said nothing"),
    ] {
        let (repo, id) = repository();
        repo.agent("wren", agent);
        let refs = repo.git(&["for-each-ref"]);
        repo.chant(&["split", &id]).fails(128).says(reason).says(&format!("git chant split {id} --sections"));
        assert_eq!(repo.git(&["for-each-ref"]), refs);
    }
}

#[test]
fn what_cannot_be_split_is_refused() {
    let (repo, _) = repository();
    let id = repo.add_spec("Small", &["It works"]);
    repo.chant(&["split", &id, "--sections"]).fails(128).says("no two '##' sections").says(&format!("git chant edit {id}"));
    repo.chant(&["split", &id, "--agent", "manual"]).fails(128).says("proposes nothing");
    let steps = repo.add_spec_with("Steps", &[], &["--body-file", "/dev/null"]);
    repo.edit_spec(&steps, "# Steps\n", "# Steps\n\n1. First\n2. Second\n");
    repo.chant(&["split", &steps, "--sections"]).ok().says("(First)").says("(Second)");
    assert_eq!(repo.show(&format!("{steps}.2"))["depends_on"][0], format!("{steps}.1"));
}
