//! `merge --auto`: an agent settles the conflicts of finished work with its target, and everything is checked again.

use super::super::common::TestRepo;

/// Takes both sides of every conflict.
const UNION: &str = "grep -q 'Resolve the merge' && sed -i '/^[<=>]\\{7\\}/d' shared.txt";

/// Two finished specs that wrote at the same place, the first one merged; the second has a criterion about its own line.
fn conflicting(settler: &str) -> (TestRepo, String) {
    let repo = TestRepo::with_chant();
    repo.write("shared.txt", "begin\n");
    repo.commit_all("begin");
    repo.agent("writer", "echo \"by $CHANT_SPEC_ID\" >>shared.txt");
    let first = repo.add_spec("First", &[]);
    let second = repo.add_spec("Second", &["Its line is there `$ grep -q 002 shared.txt`"]);
    repo.chant(&["work", &first, &second]).ok();
    repo.chant(&["merge", &first]).ok();
    repo.agent("settler", settler);
    repo.chant(&["merge", &second]).fails(1).says(&format!("git chant merge {second} --auto"));
    (repo, second)
}

#[test]
fn an_agent_settles_it_and_it_is_merged() {
    for rest in ["git add shared.txt", "git add shared.txt && git commit -q --no-edit"] {
        let (repo, id) = conflicting(&format!("{UNION}; {rest}"));
        let before = repo.snapshot();
        repo.chant(&["merge", &id, "--auto", "--agent", "nobody"]).fails(128).says("agent 'nobody' has no command");
        before.assert_same(&repo.snapshot());
        repo.chant(&["merge", &id, "--auto"])
            .ok()
            .says(&format!("> {id} conflicts with main in shared.txt"))
            .says(&format!("{id} completed"))
            .says("Merged.");
        let mut lines: Vec<String> = repo.read("shared.txt").lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, ["begin", "by 2026-01-29-001-abc", "by 2026-01-29-002-abc"]);
        assert_eq!(repo.events(&id).iter().filter(|kind| *kind == "start").count(), 2);
        assert_eq!(repo.git(&["for-each-ref", "refs/heads/chant/"]), "");
    }
}

#[test]
fn what_is_not_settled_is_not_merged() {
    let table = [
        ("echo 'I see nothing'", "what the agent left could not be committed: it left conflicts in shared.txt"),
        ("git add shared.txt", "conflict markers are left in shared.txt:"),
        ("git checkout -q --theirs shared.txt; git add shared.txt", "criterion 1 failed"),
        ("git merge --abort", "the merge was not concluded"),
        ("exit 3", "the agent exited with 3"),
    ];
    for (number, (settler, reason)) in table.into_iter().enumerate() {
        let (repo, id) = conflicting(settler);
        repo.git(&["config", "chant.maxAttempts", "9"]);
        let main = repo.head();
        repo.chant(&["merge", &id, "--auto"]).fails(1).says(&format!("{id} failed: {reason}")).says("1 of 1 not merged");
        assert_eq!(repo.head(), main, "{settler}");
        if number > 1 {
            continue;
        }
        // A resumed attempt is held to the same.
        repo.agent("worse", "git merge -q main; git add .; git commit -q -m 'Markers and all'");
        repo.chant(&["resume", &id]).fails(1);
        // A better agent goes on from there.
        repo.agent(
            "settler",
            "git merge -q main; sed -i '/^[<=>]\\{7\\}/d' shared.txt; grep -q 002 shared.txt || echo 'by 002' >>shared.txt; git add .",
        );
        repo.chant(&["resume", &id]).ok();
        repo.chant(&["merge", &id]).ok();
    }
}
