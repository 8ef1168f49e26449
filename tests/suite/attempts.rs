//! Attempts are bounded by what a spec's history says, whatever loop drives them.

use super::common::TestRepo;

/// A repository with an agent that notes that it was started, commits something and fails.
fn repository() -> TestRepo {
    let repo = TestRepo::with_chant();
    let note = "echo x >>\"$(git rev-parse --git-common-dir)/starts\"\n";
    repo.agent("wren", &format!("{note}echo \"$CHANT_RUN_ID\" >>\"$CHANT_SPEC_ID\"; git add .; git commit -q -m 'Try'; exit 3"));
    repo.git(&["config", "chant.stagger", "0"]);
    repo.git(&["config", "chant.retryDelay", "0"]);
    repo
}

fn starts(repo: &TestRepo) -> usize {
    std::fs::read_to_string(repo.common_dir().join("starts")).unwrap_or_default().lines().count()
}

#[test]
fn a_failing_spec_never_spins() {
    let repo = repository();
    let ids = ["One", "Two"].map(|title| repo.add_spec(title, &[]));
    for round in 0..6 {
        repo.chant(&["work", "--all"]);
        repo.chant(&["work", &ids[0]]).fails(128);
        let resumed = repo.chant(&["resume", "--all", "--parallel", "2"]).fails(1);
        if round >= 2 {
            resumed.says("0 of 2 specs done:").says(&format!("git chant reset {}", ids[1]));
        }
        repo.chant(&["resume", &ids[1]]);
    }
    assert_eq!(starts(&repo), 6);
    for id in &ids {
        assert_eq!(repo.events(id).iter().filter(|kind| *kind == "start").count(), 3);
        // What every attempt committed is there.
        assert_eq!(repo.git(&["show", &format!("chant/{id}:{id}")]).lines().count(), 3);
    }
    // A person may go on all the same.
    repo.agent("good", "echo done >>done.txt");
    repo.chant(&["resume", "--all", "--force"]).ok().says("2 of 2 specs done:");
    repo.chant(&["resume", "--all"]).ok().says("Nothing is unfinished.");
}

#[test]
fn a_spec_that_has_just_failed_is_left_alone_for_a_while() {
    let repo = repository();
    repo.git(&["config", "chant.retryDelay", "2"]);
    let id = repo.add_spec("One", &[]);
    repo.chant(&["work", &id]).fails(1);
    let began = std::time::Instant::now();
    repo.agent("good", "echo done >>done.txt");
    repo.chant(&["resume", "--all"]).ok().says(&format!("{id} failed a moment ago; it is tried again in")).says("1 of 1 spec done:");
    assert!(began.elapsed() >= std::time::Duration::from_secs(1));
    repo.git(&["config", "chant.retryDelay", "soon"]);
    repo.agent("wren", "exit 3");
    let other = repo.add_spec("Two", &[]);
    repo.chant(&["work", &other]).fails(1);
    repo.chant(&["resume", "--all"]).fails(128).says("git config chant.retryDelay 30s");
    repo.chant(&["resume"]).fails(129);
}
