//! What the directory of a run says, and what it survives.

use super::*;
use std::time::Instant;

fn create(common: &Path, run_id: &str, spec_id: &str) -> Result<RunDir> {
    let made = RunDir::create_within(common, &NewRun { run_id, spec_id, agent: "robin", most: None })?;
    Ok(made.unwrap())
}

fn ids(common: &Path) -> Vec<String> {
    RunDir::list(common).unwrap().iter().map(|run| run.run_id().to_owned()).collect()
}

/// The answer once no other test's thread is between fork and exec, where its child holds our locks too.
fn settled(run: &RunDir, expected: Liveness) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if run.liveness() == expected {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

#[test]
fn a_run_is_alive_while_its_lock_is_held() {
    let common = tempfile::tempdir().unwrap();
    let made = create(common.path(), "r1", "001-x").unwrap();
    let seen = RunDir::open(common.path(), "r1").unwrap();
    assert_eq!((made.liveness(), seen.liveness()), (Liveness::Working, Liveness::Working));
    assert_eq!(seen.spec_id().as_deref(), Some("001-x"));
    assert_eq!((seen.group(), seen.worktree()), (None, None));
    drop(made);
    assert!(settled(&seen, Liveness::Dead));
    let log = seen.open_log().unwrap();
    log.lock().unwrap();
    assert!(settled(&seen, Liveness::Orphaned));
    drop(log);
    assert!(settled(&seen, Liveness::Dead));
}

#[test]
fn of_a_run_that_somebody_removed_nobody_has_the_lock() {
    let common = tempfile::tempdir().unwrap();
    let made = create(common.path(), "r1", "001-x").unwrap();
    let mut seen = RunDir::open(common.path(), "r1").unwrap();
    made.remove().unwrap();
    assert!(!seen.claim().unwrap());
}

#[test]
fn what_is_recorded_reads_back() {
    let common = tempfile::tempdir().unwrap();
    let run = create(common.path(), "r1", "001-x").unwrap();
    let worktree = Path::new(OsStr::from_bytes(b"/tmp/a b\xff\n"));
    run.set_worktree(worktree).unwrap();
    run.set_prompt(b"do it").unwrap();
    assert_eq!(run.worktree().as_deref(), Some(worktree));
    assert_eq!(fs::read(run.prompt_path()).unwrap(), b"do it");
}

#[test]
fn an_id_is_taken_once() {
    let common = tempfile::tempdir().unwrap();
    let first = create(common.path(), "r1", "a").unwrap();
    assert!(create(common.path(), "r1", "b").is_err());
    assert_eq!(first.spec_id().as_deref(), Some("a"));
    assert_eq!(fs::read_dir(runs_dir(common.path())).unwrap().count(), 1);
}

#[test]
fn ids_stay_in_their_directory() {
    let common = tempfile::tempdir().unwrap();
    for id in ["", ".", "..", "../x", "a/b", ".new-1", "a\n", "a\0"] {
        assert!(create(common.path(), id, "s").is_err(), "{id:?}");
        assert!(RunDir::open(common.path(), id).is_err(), "{id:?}");
    }
}

#[test]
fn the_list_tolerates_what_a_kill_leaves() {
    let common = tempfile::tempdir().unwrap();
    assert!(ids(common.path()).is_empty());
    let runs = runs_dir(common.path());
    drop(create(common.path(), "b", "s").unwrap());
    drop(create(common.path(), "a", "s").unwrap());
    for half in [".new-x", ".old-y", "empty"] {
        fs::create_dir(runs.join(half)).unwrap();
    }
    fs::write(runs.join("file"), "").unwrap();
    assert_eq!(ids(common.path()), ["a", "b", "empty"]);
    let mut empty = RunDir::open(common.path(), "empty").unwrap();
    assert_eq!((empty.liveness(), empty.spec_id()), (Liveness::Dead, None));
    assert!(empty.claim().unwrap());
    empty.remove().unwrap();
    assert_eq!(ids(common.path()), ["a", "b"]);
}

#[test]
fn what_a_kill_leaves_half_made_is_swept_unless_somebody_makes_one() {
    let common = tempfile::tempdir().unwrap();
    drop(create(common.path(), "a", "s").unwrap());
    let half = || [".new-x", ".old-y"].map(|name| runs_dir(common.path()).join(name));
    for path in half() {
        fs::create_dir(path).unwrap();
    }
    let making = File::open(making_path(common.path())).unwrap();
    making.lock().unwrap();
    sweep(common.path());
    assert!(half().iter().all(|path| path.exists()), "somebody makes them");
    drop(making);
    sweep(common.path());
    assert!(!half().iter().any(|path| path.exists()));
    assert_eq!(ids(common.path()), ["a"]);
}

#[test]
fn one_of_two_claims_a_dead_run() {
    let common = tempfile::tempdir().unwrap();
    drop(create(common.path(), "r", "s").unwrap());
    let (mut first, mut second) = (RunDir::open(common.path(), "r").unwrap(), RunDir::open(common.path(), "r").unwrap());
    assert!(first.claim().unwrap() && first.claim().unwrap());
    assert!(!second.claim().unwrap());
    drop(first);
    assert!(second.claim().unwrap());
}

#[test]
fn a_run_that_is_alive_is_not_removed() {
    let common = tempfile::tempdir().unwrap();
    let made = create(common.path(), "r", "s").unwrap();
    assert!(RunDir::open(common.path(), "r").unwrap().remove().is_err());
    let log = made.open_log().unwrap();
    log.lock().unwrap();
    drop(made);
    assert!(RunDir::open(common.path(), "r").unwrap().remove().is_err());
    drop(log);
    RunDir::open(common.path(), "r").unwrap().remove().unwrap();
    assert!(RunDir::open(common.path(), "r").is_err());
    assert_eq!(fs::read_dir(runs_dir(common.path())).unwrap().count(), 0);
}

#[test]
fn a_lock_that_is_held_for_a_moment_keeps_no_run() {
    let common = tempfile::tempdir().unwrap();
    drop(create(common.path(), "r", "s").unwrap());
    let run = RunDir::open(common.path(), "r").unwrap();
    // As a child does that another thread has forked, until its exec.
    let held = File::open(run.path().join("lock")).unwrap();
    held.lock().unwrap();
    let child = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        drop(held);
    });
    run.remove().unwrap();
    child.join().unwrap();
}

#[test]
fn two_who_ask_do_not_see_each_other() {
    let common = tempfile::tempdir().unwrap();
    drop(create(common.path(), "r", "s").unwrap());
    let seen = RunDir::open(common.path(), "r").unwrap();
    let asking = File::open(seen.path().join("lock")).unwrap();
    asking.lock_shared().unwrap();
    assert!(settled(&seen, Liveness::Dead));
}

#[test]
fn an_agent_is_at_work_as_often_as_it_may_be_whoever_started_it() {
    let common = tempfile::tempdir().unwrap();
    let ask = |run_id, spec_id, agent, most| RunDir::create_within(common.path(), &NewRun { run_id, spec_id, agent, most }).unwrap();
    let first = ask("r1", "a", "robin", Some(2)).unwrap();
    let second = ask("r2", "b", "robin", Some(2)).unwrap();
    assert_eq!(at_work(common.path(), "robin").unwrap(), ["a", "b"]);
    assert!(ask("r3", "c", "robin", Some(2)).is_none());
    assert_eq!(ids(common.path()), ["r1", "r2"], "what had no room left nothing behind");
    // Another agent, another limit, and the spec's own run that is about to be ended.
    for (run_id, spec_id, agent, most) in [("r4", "d", "wren", Some(1)), ("r5", "e", "robin", None), ("r6", "a", "robin", Some(3))] {
        ask(run_id, spec_id, agent, most).unwrap().remove().unwrap();
    }
    // A git-chant that was killed; then the agent that outlived it ends too.
    let log = second.open_log().unwrap();
    log.lock().unwrap();
    drop(second);
    assert!(settled(&RunDir::open(common.path(), "r2").unwrap(), Liveness::Orphaned));
    assert!(ask("r7", "c", "robin", Some(2)).is_none());
    drop(log);
    assert!(settled(&RunDir::open(common.path(), "r2").unwrap(), Liveness::Dead));
    ask("r8", "c", "robin", Some(2)).unwrap();
    drop(first);
}
