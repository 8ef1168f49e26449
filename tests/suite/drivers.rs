//! Drivers: a spec whose work is that of its members.

use super::common::TestRepo;

const MAKE: &str = "echo \"$CHANT_SPEC_ID\" >\"made-$CHANT_SPEC_ID.txt\"; git add made-*; git commit -q -m 'Make it'\n";

/// A driver with this front matter and body, and two members that bear its name; the second waits for the first.
fn repository(front: &str, body: &str) -> TestRepo {
    let repo = TestRepo::with_chant();
    repo.agent("robin", &format!("case $(cat \"$CHANT_SPEC_FILE\") in *Fail*) exit 3;; esac\n{MAKE}"));
    repo.git(&["config", "chant.stagger", "0"]);
    repo.write(".chant/specs/big.md", format!("---\n{front}---\n# Big\n{body}"));
    repo.write(".chant/specs/big.1.md", "---\ntype: code\n---\n# First\n");
    repo.write(".chant/specs/big.2.md", "---\ntype: code\ndepends_on: [big.1]\n---\n# Second\n");
    repo
}

fn status(repo: &TestRepo, id: &str) -> String {
    repo.show(id)["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_driver_works_its_members_and_completes_with_them() {
    let body = "\n## Acceptance Criteria\n\n- [ ] Both are there `$ test -e made-big.1.txt && test -e made-big.2.txt`\n";
    let repo = repository("type: driver\n", body);
    assert_eq!(status(&repo, "big"), "blocked");
    repo.chant(&["work", "big", "--parallel"])
        .ok()
        .says("3 of 3 specs done:")
        .says("its members are done; commands decide the rest")
        .says("✓ big completed (");
    assert_eq!(status(&repo, "big"), "completed");
    repo.chant(&["merge", "big"]).ok();
    assert_eq!(repo.git(&["ls-files", "made-*"]), "made-big.1.txt\nmade-big.2.txt");
    repo.chant(&["merge", "--all"]).ok();
}

#[test]
fn what_no_command_decides_is_the_agents() {
    let repo = repository("type: driver\n", "\n## Acceptance Criteria\n\n- [ ] It reads well\n");
    repo.agent("robin", &format!("{MAKE}sed -i 's/- \\[ \\] It/- [x] It/' \"$CHANT_SPEC_FILE\""));
    let said = repo.chant(&["work", "big"]).ok().says("3 of 3 specs done:").stdout;
    assert!(said.contains("> robin in") && !said.contains("its members are done"), "{said}");
}

#[test]
fn a_driver_waits_for_a_member_that_failed() {
    let repo = repository("members: [big.2, big.1]\ntype: group\n", "");
    repo.write(".chant/specs/big.1.md", "---\ntype: code\n---\n# Fail\n");
    repo.chant(&["work", "big"])
        .fails(1)
        .says("0 of 3 specs done:")
        .says("✗ big.2 not started: depends on big.1, which is failed")
        .says("✗ big not started: depends on big.1, which is failed; depends on big.2, which is pending");
    repo.chant(&["work", "--all"]).ok().says("Nothing is ready.");
}

#[test]
fn a_name_alone_makes_no_member() {
    let repo = repository("type: code\n", "");
    repo.chant(&["work", "big"]).ok().says("big completed; merge it");
    assert_eq!(status(&repo, "big.1"), "ready");
}

#[test]
fn a_driver_that_is_its_own_member_is_refused() {
    let repo = repository("type: driver\nmembers: [big.1]\n", "");
    repo.write(".chant/specs/big.1.md", "---\ntype: driver\nmembers: [big]\n---\n# First\n");
    repo.chant(&["work", "big"]).fails(128).says("big is a member of itself").says("git chant edit big");
}
