//! An agent that asks git-chant itself to call its work done, from inside of its run and with programs of its own.

use super::super::common::{CHANT, Outcome, TestRepo};
use super::super::merges::repository;
use super::refused;

/// What a run comes to whose agent says this, where the spec's check is a program that only the agent has.
fn run(says: &str) -> (TestRepo, String, Outcome) {
    let repo = repository();
    let evil = repo.root().join("evil");
    std::fs::create_dir(&evil).unwrap();
    repo.script(evil.join("really-works"), "exit 0");
    let before = format!("echo x >work; git add work; git commit -q -m Work; PATH={}:$PATH; export PATH\n", evil.display());
    repo.agent("sly", &(before + says));
    let id = repo.add_spec("Do it", &["It works `$ really-works`"]);
    let said = repo.chant(&["work", &id]);
    (repo, id, said)
}

#[test]
fn what_it_finds_is_shown_and_not_recorded() {
    let (repo, id, said) = run("git chant verify $CHANT_SPEC_ID");
    said.fails(1).says("inside a run this is shown, and not recorded").says("criterion 1 failed");
    assert!(!repo.chant(&["history", &id]).ok().stdout.contains("PASS"));
    refused(&repo, &format!("chant/{id}"), "criterion 1 failed");
}

/// Nor does it help to hide: on Linux an ancestor is known by the files of the run.
#[test]
#[cfg(target_os = "linux")]
fn what_is_for_people_is_refused_to_a_run_that_hides() {
    let hidden = "cd ../../..; unset CHANT_RUN_ID; (setsid git chant approve $CHANT_SPEC_ID; echo approve=$?; \
        git chant verify $CHANT_SPEC_ID; GIT_CHANT_OVERRIDE=so git merge $CHANT_BRANCH; echo merge=$?) 2>&1";
    let (repo, id, said) = run(hidden);
    said.fails(1)
        .says("criterion 1 failed")
        .says("a run cannot approve")
        .says("approve=128")
        .says("not recorded")
        .says("for people, and this is a run");
    let history = repo.chant(&["history", &id]).ok().stdout;
    assert!(!history.contains("approve") && !history.contains("override") && !history.contains("PASS"), "{history}");
    refused(&repo, &format!("chant/{id}"), "criterion 1 failed");
    // Afterwards a person may.
    repo.chant(&["approve", &id]).ok();
}

/// Its commands would run for the next person, on a machine where somebody may be more than the agent is.
#[test]
fn what_a_run_writes_is_trusted_by_nobody() {
    // By its word, and hidden where that can be seen.
    let hidden = if cfg!(target_os = "linux") { "unset CHANT_RUN_ID" } else { ":" };
    let editor = "GIT_EDITOR='sed -i.old s/really-works/sly-works/' git chant edit";
    let writes = format!(
        "cd ../../..; writes() {{ added=$(git chant add --porcelain --criterion 'Good `$ sly`' Sly) || exit 9; {editor} $1 || exit 9
        git chant reject $added -m No; echo reject=$?; echo \"added:$added\"; }}; writes $OTHER 2>&1; {hidden}; writes $THIRD 2>&1"
    );
    let repo = repository();
    let [other, third, id] = ["A", "B", "C"].map(|title| repo.add_spec(title, &["It works `$ really-works`"]));
    repo.agent("sly", &format!("OTHER={other}; THIRD={third}; {writes}"));
    let said = repo.chant(&["work", &id]).fails(1).says("reject=128").says_not("reject=0");
    let added: Vec<&str> = said.stdout.lines().filter_map(|line| Some(line.split_once("added:")?.1.trim())).collect();
    assert_eq!(added.len(), 2, "{said}");
    for id in [other.as_str(), &third].into_iter().chain(added) {
        repo.chant(&["verify", id]).fails(128).says("holds commands that this clone neither wrote nor approved");
    }
}

/// Somebody outside may be had to call it, too.
#[test]
fn what_is_recorded_while_it_works_is_not_believed_at_its_end() {
    let repo = repository();
    let (evil, at_work, go) = (repo.root().join("evil"), repo.root().join("at-work"), repo.root().join("go"));
    std::fs::create_dir(&evil).unwrap();
    repo.script(evil.join("really-works"), "exit 0");
    for pipe in [&at_work, &go] {
        assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    let wait = format!("echo x >work; git add work; git commit -q -m Work; echo >{}; read -r _ <{}", at_work.display(), go.display());
    repo.agent("sly", &wait);
    let id = repo.add_spec("Do it", &["It works `$ really-works`"]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::fs::read(&at_work).unwrap();
            let path = format!("{}:{}", evil.display(), std::env::var("PATH").unwrap());
            Outcome::of(repo.command(repo.path(), CHANT).env("PATH", path).args(["verify", &id])).ok().says("PASS");
            std::fs::write(&go, "go\n").unwrap();
        });
        repo.chant(&["work", &id]).fails(1).says("criterion 1 failed");
    });
    assert!(repo.chant(&["history", &id]).ok().stdout.contains("PASS 1. It works"));
    refused(&repo, &format!("chant/{id}"), "criterion 1 failed");
}

#[test]
fn it_completes_no_other_spec() {
    let (repo, first, said) = run("exit 1");
    said.fails(1);
    let finalize = format!("PATH={}:$PATH git chant finalize {first}", repo.root().join("evil").display());
    repo.agent("sly", &finalize);
    let second = repo.add_spec("Do that", &["It is good"]);
    repo.chant(&["work", &second]).fails(1).says("a run cannot complete a spec by itself");
    repo.chant(&["show", &first]).ok().says("failed");
    refused(&repo, &format!("chant/{first}"), &format!("spec {first} is failed"));
}
