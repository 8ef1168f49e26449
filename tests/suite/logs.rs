//! `git chant log` of a run that is on: as people read it, and byte for byte.

use super::common::TestRepo;
use super::interrupted::{STAYS, Stuck, flag};

const INIT: &str = r#"{"type":"system","subtype":"init","session_id":"s","model":"m"}"#;
const TOOL: &str =
    r#"{"type":"assistant","message":{"id":"1","content":[{"type":"tool_use","name":"Bash","input":{"command":"make\u001b[2J"}}]}}"#;
const END: &str = r#"{"type":"result","is_error":false,"result":"done"}"#;

fn repository() -> TestRepo {
    let repo = TestRepo::with_chant();
    repo.agent("robin", &format!("echo '{INIT}'\necho '{TOOL}'\n{STAYS}\necho made >made.txt\necho '{END}'"));
    repo.git(&["config", "chant.agent.robin.format", "claude"]);
    repo.add_spec("One", &[]);
    repo
}

#[test]
fn a_run_is_followed_to_its_end() {
    let repo = repository();
    let work = Stuck::start(&repo, &["work", "001"]);
    assert_eq!(repo.chant(&["log", "001"]).ok().stdout, "$ make[2J\n");
    repo.chant(&["log", "001", "--run", "2"]).fails(128).says("has 1 run, and no run 2");
    let follow = [&["log", "001", "--follow"][..], &["log", "001", "-f", "--run", "1"], &["log", "001", "-f", "--raw"]];
    let mut followed: Vec<Stuck> = follow.iter().map(|args| Stuck::begin(&repo, args)).collect();
    for one in &mut followed {
        assert!(one.child.try_wait().unwrap().is_none(), "it did not wait");
    }
    std::fs::write(flag(&repo, "go"), "").unwrap();
    work.end().ok().says("completed");
    let said: Vec<String> = followed.into_iter().map(|one| one.end().ok().stdout).collect();
    assert_eq!(said, ["$ make[2J\n".to_owned(), "$ make[2J\n".to_owned(), format!("{INIT}\n{TOOL}\n{END}\n")]);
    assert_eq!(repo.chant(&["log", "001", "--raw"]).ok().stdout, said[2]);
}

#[test]
fn who_follows_too_early_waits_for_the_agent() {
    let repo = repository();
    repo.agent("robin", &format!("echo '{TOOL}'\necho made >made.txt\necho '{END}'"));
    repo.git(&["config", "chant.worktreeSetup", STAYS]);
    let work = Stuck::start(&repo, &["work", "001"]);
    let followed = Stuck::begin(&repo, &["log", "001", "--follow"]);
    // Whatever it saw of the run, the agent's log was not there.
    std::thread::sleep(std::time::Duration::from_millis(100));
    std::fs::write(flag(&repo, "go"), "").unwrap();
    work.end().ok();
    assert_eq!(followed.end().ok().stdout, "$ make[2J\n");
}
