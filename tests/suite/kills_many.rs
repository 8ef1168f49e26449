//! kill -9 of git-chant at any moment of a run of four specs at once: the next command says what it found, `resume --all` finishes it, no
//! commit is lost, and no spec is started more often than it may be.
//!
//! `GIT_CHANT_TEST_SEED` replays the moments that a failure names, `GIT_CHANT_TEST_ALL=1` takes a hundred.

use crate::common::{CHANT, Outcome, TestRepo};
use crate::kills::until_gone;
use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Commits twice, with a moment in between, and notes what it committed.
const AGENT: &str = r#"make() {
    echo "$CHANT_RUN_ID $1" >>"$CHANT_SPEC_ID.txt"; git add . && git commit -q -m "Make $1" && git rev-parse HEAD >>"$KILL_DIR/commits"
}
make one
sleep 0.$((RANDOM_MS % 10))
make two
echo done >>"$CHANT_SPEC_ID.txt""#;

struct Scene {
    repo: TestRepo,
    ids: Vec<String>,
}

impl Scene {
    /// Four specs; the last one waits for the first.
    fn new() -> Self {
        let repo = TestRepo::with_chant();
        repo.agent("fast", &AGENT.replace("RANDOM_MS", "$$"));
        for (key, value) in [("chant.stagger", "0"), ("chant.retryDelay", "0")] {
            repo.git(&["config", key, value]);
        }
        let mut ids: Vec<String> = ["One", "Two", "Three"].iter().map(|title| repo.add_spec(title, &["It `$ ls *.txt`"])).collect();
        ids.push(repo.add_spec_with("Four", &[], &["--depends-on", &ids[0]]));
        Self { repo, ids }
    }

    fn copy(&self, name: &str) -> TestRepo {
        let path = self.repo.root().join(name);
        Outcome::of(self.repo.command(self.repo.root(), "cp").arg("-a").arg(self.repo.path()).arg(&path)).ok();
        fs::create_dir(self.repo.root().join(format!("{name}.kill"))).unwrap();
        self.repo.at(path)
    }
}

fn kill_dir(repo: &TestRepo) -> String {
    format!("{}.kill", repo.path().display())
}

fn chant(repo: &TestRepo, args: &[&str]) -> Outcome {
    repo.chant_env(&[("KILL_DIR", &kill_dir(repo))], args)
}

/// Works all four; killed after this time, if any.
fn work(repo: &TestRepo, kill_after: Option<Duration>) {
    let mut command = repo.command(repo.path(), CHANT);
    command.args(["work", "--all", "--parallel", "4", "--merge"]).env("KILL_DIR", kill_dir(repo));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    if let Some(time) = kill_after {
        std::thread::sleep(time);
        drop(child.kill());
    }
    let ended = child.wait().unwrap();
    assert!(kill_after.is_some() || ended.success());
}

/// Waits until what outlived git-chant is gone: its agents, and git processes.
fn settle(repo: &TestRepo) {
    let mark = format!("KILL_DIR={}", kill_dir(repo));
    let has_mark = |entry: fs::DirEntry| {
        fs::read(entry.path().join("environ")).is_ok_and(|env| env.split(|&byte| byte == 0).any(|var| var == mark.as_bytes()))
    };
    until_gone(|| fs::read_dir("/proc").into_iter().flatten().flatten().any(has_mark));
}

fn commits(repo: &TestRepo) -> BTreeSet<String> {
    repo.git(&["rev-list", "--all"]).lines().map(str::to_owned).collect()
}

fn assert_nothing_lost(repo: &TestRepo, before: &BTreeSet<String>) {
    let now = commits(repo);
    let lost: Vec<_> = before.difference(&now).collect();
    assert!(lost.is_empty(), "not reachable any more: {lost:?}");
    for commit in fs::read_to_string(format!("{}/commits", kill_dir(repo))).unwrap_or_default().lines() {
        assert!(now.contains(commit), "an agent's commit {commit} is not reachable");
    }
}

fn status(repo: &TestRepo, id: &str) -> String {
    repo.show(id)["status"].as_str().unwrap().to_owned()
}

fn go_on(repo: &TestRepo, ids: &[String], before: &BTreeSet<String>) {
    assert_nothing_lost(repo, before);
    let list = chant(repo, &["list"]).ok();
    let state = repo.git(&["status", "--porcelain=v2", "--branch"]) + "\n" + &repo.git(&["log", "--oneline", "-g", "-n", "12"]);
    assert_eq!(repo.git(&["diff", "--cached", "--name-status"]), "", "{state}");
    let dead: Vec<&String> = ids.iter().filter(|id| status(repo, id) == "in_progress").collect();
    for id in &dead {
        list.clone().says(&format!("{id} is in progress, but")).says(&format!("git chant resume {id}"));
    }
    if dead.len() > 1 {
        list.says("git chant resume --all");
    }
    chant(repo, &["resume", "--all", "--parallel"]).ok();
    assert_nothing_lost(repo, before);
    // What was not started is ready still.
    chant(repo, &["work", "--all", "--parallel"]).ok();
    chant(repo, &["merge", "--all"]).ok();
    assert_nothing_lost(repo, before);
    for id in ids {
        assert_eq!(status(repo, id), "completed", "{id}");
        assert!(repo.events(id).iter().filter(|kind| *kind == "start").count() <= 3);
        assert!(repo.git(&["show", &format!("main:{id}.txt")]).ends_with("done"), "{id}");
    }
    assert_eq!(fs::read_dir(repo.common_dir().join("chant/runs")).unwrap().count(), 0, "a run's directory is left behind");
    repo.assert_no_locks();
    repo.git(&["fsck", "--connectivity-only", "--no-dangling"]);
}

/// Says which kill it was when the test fails in it.
struct Named(String);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with {}", self.0);
        }
    }
}

#[test]
fn killed_while_four_are_worked() {
    let seed = crate::chance::seed();
    let mut random = fastrand::Rng::with_seed(seed);
    let scene = Scene::new();
    let whole = scene.copy("whole");
    let (before, began) = (commits(&whole), Instant::now());
    work(&whole, None);
    let took = began.elapsed();
    go_on(&whole, &scene.ids, &before);
    for index in 0..if std::env::var_os("GIT_CHANT_TEST_ALL").is_some() { 100 } else { 3 } {
        let repo = scene.copy(&format!("copy{index}"));
        let time = took.mul_f64(random.f64());
        let _named = Named(format!("GIT_CHANT_TEST_SEED={seed}: killed after {time:?} of {took:?}, the {index}. time"));
        work(&repo, Some(time));
        settle(&repo);
        go_on(&repo, &scene.ids, &before);
        fs::remove_dir_all(repo.path()).unwrap();
    }
}
