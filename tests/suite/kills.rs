//! kill -9 at any moment of `git chant work`: nothing that was there before is lost, the next command says what it found, and the spec can
//! be completed.
//!
//! The moments are drawn from a seed, which a failure names; `GIT_CHANT_TEST_SEED` replays it, `GIT_CHANT_TEST_ALL=1` takes every moment.

use crate::chance::seed;
use crate::common::{CHANT, Outcome, Snapshot, TestRepo, walk};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// What the agent does: it says something, commits, leaves something uncommitted, and notes what it did where the test finds it.
const AGENT: &str = r#"echo $$ >"$KILL_DIR/agent"
say() { echo "line $CHANT_RUN_ID $1"; echo "line $CHANT_RUN_ID $1" >>"$KILL_DIR/said"; }
say one
echo "$CHANT_RUN_ID" >>out.txt
git add out.txt
git commit -q -m 'Work' && git rev-parse HEAD >>"$KILL_DIR/commits"
say two
echo done >>out.txt
say three"#;

/// Stands before git on the PATH: counts the calls that git-chant makes, several at once among them, and kills it at one of them. The pid is
/// compared because hooks and the agent call git too.
const WRAPPER: &str = r#"if [ -z "$KILL_DIR" ] || [ "$PPID" != "$(cat "$KILL_DIR/pid" 2>/dev/null)" ]; then exec REAL "$@"; fi
echo "$$ $*" >>"$KILL_DIR/calls"
case $(grep -n "^$$ " "$KILL_DIR/calls") in "$KILL_AT:"*) ;; *) exec REAL "$@" ;; esac
case $KILL_HOW in
before) kill -9 "$PPID" ;;
with) kill -9 "$PPID"; REAL "$@" >/dev/null 2>&1 ;;
after) REAL "$@" >/dev/null 2>&1; kill -9 "$PPID" ;;
esac
exit 1"#;

/// How git-chant is killed at a call of git: before git does anything, while it works (it goes on alone), or when it has.
const HOW: [&str; 3] = ["before", "with", "after"];

/// A repository with a spec to be worked, and everything that a kill could harm. Made once and copied for every kill.
struct Scene {
    repo: TestRepo,
    worked: String,
    edited: String,
    /// The directory of the [`WRAPPER`]. Only who is to be killed has it on the PATH: the test itself calls git far more often.
    killer: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let repo = TestRepo::with_chant();
        let real = std::env::split_paths(&std::env::var_os("PATH").unwrap()).map(|dir| dir.join("git")).find(|path| path.is_file());
        repo.agent("fast", AGENT);
        let edited = repo.add_spec("Edited by hand", &["Something"]);
        let worked = repo.add_spec("Worked on", &["It is done `$ grep -q done out.txt`"]);
        repo.chant(&["edit", &edited, "--add-label", "old"]).ok();
        repo.write("staged.txt", "staged\n");
        repo.git(&["add", "staged.txt"]);
        repo.write("README.md", "# Changed\n");
        repo.write("untracked.txt", "untracked\n");
        repo.edit_spec(&edited, "Something", "Something else, by hand");
        let wrapper = WRAPPER.replace("REAL", &format!("'{}'", real.expect("git is on the PATH").display()));
        let killer = repo.script("killer/git", &wrapper).parent().unwrap().to_owned();
        Self { repo, worked, edited, killer }
    }

    fn copy(&self, name: &str) -> Copy<'_> {
        let path = self.repo.root().join(name);
        let outcome = Outcome::of(self.repo.command(self.repo.root(), "cp").arg("-a").arg(self.repo.path()).arg(&path));
        outcome.ok();
        let dir = self.repo.root().join(format!("{name}.kill"));
        fs::create_dir(&dir).unwrap();
        let repo = self.repo.at(path);
        // The index holds the times of the files it was made from.
        repo.git(&["status", "--porcelain"]);
        let (before, commits) = (repo.snapshot(), commits(&repo));
        Copy { scene: self, repo, dir, before, commits }
    }
}

/// One copy, and what was there before the kill.
struct Copy<'a> {
    scene: &'a Scene,
    repo: TestRepo,
    dir: PathBuf,
    before: Snapshot,
    commits: BTreeSet<String>,
}

/// Every commit that a ref or a worktree reaches.
fn commits(repo: &TestRepo) -> BTreeSet<String> {
    repo.git(&["rev-list", "--all"]).lines().map(str::to_owned).collect()
}

impl Copy<'_> {
    /// `git chant work`, to be killed at the n-th call of git in one of the ways above; 0 never.
    fn start(&self, at: usize, how: &str) -> Child {
        let script = r#"echo $$ >"$KILL_DIR/pid"; exec "$0" work "$1""#;
        let mut command = self.repo.command(self.repo.path(), "sh");
        command.args(["-c", script, CHANT, &self.scene.worked]).stdout(Stdio::null()).stderr(Stdio::null());
        let path = command.get_envs().find_map(|(name, value)| value.filter(|_| name == "PATH")).unwrap();
        let path = std::env::join_paths([self.scene.killer.clone()].into_iter().chain(std::env::split_paths(path))).unwrap();
        command.env("PATH", path).env("KILL_DIR", &self.dir).env("KILL_AT", at.to_string()).env("KILL_HOW", how);
        command.spawn().unwrap()
    }

    fn chant(&self, args: &[&str]) -> Outcome {
        // A directory of its own: the agent of the second run notes things too, but no call is counted.
        self.repo.chant_env(&[("KILL_DIR", self.dir.to_str().unwrap()), ("KILL_AT", "0")], args)
    }

    fn noted(&self, name: &str) -> Vec<String> {
        fs::read_to_string(self.dir.join(name)).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Waits until git processes that outlived git-chant are gone; the agent may live on.
    fn settle(&self) {
        let agent = self.noted("agent").pop();
        let mark = format!("KILL_DIR={}", self.dir.display());
        until_gone(|| marked(&mark, agent.as_deref()));
    }

    fn status(&self) -> String {
        self.repo.show(&self.scene.worked)["status"].as_str().unwrap().to_owned()
    }

    /// Everything that was there before is there: commits, the lines that the agent said, its commits, the files, the edit by hand.
    fn assert_nothing_lost(&self) {
        let now = commits(&self.repo);
        let lost: Vec<_> = self.commits.difference(&now).collect();
        assert!(lost.is_empty(), "commits are not reachable any more: {lost:?}");
        for commit in self.noted("commits") {
            assert!(now.contains(&commit), "the agent's commit {commit} is not reachable");
        }
        let said = self.logs();
        for line in self.noted("said") {
            assert!(said.contains(&line), "{line:?} was said, and is in no log:\n{said}");
        }
        self.before.assert_same(&self.repo.snapshot());
        let file = fs::read(self.repo.path().join(TestRepo::spec_file(&self.scene.edited))).unwrap();
        assert!(String::from_utf8_lossy(&file).contains("Something else, by hand"), "the edit by hand is gone");
        self.assert_no_locks();
    }

    /// All logs: of run directories, and of runs on refs.
    fn logs(&self) -> String {
        let mut all = String::new();
        walk(&self.repo.common_dir().join("chant/runs"), &mut |path, _| {
            if path.ends_with("log") {
                all += &fs::read_to_string(path).unwrap_or_default();
            }
            true
        });
        for name in self.repo.git(&["for-each-ref", "--format=%(refname)", "refs/chant/runs"]).lines() {
            all += &self.repo.git(&["cat-file", "blob", &format!("{name}:transcript")]);
            all.push('\n');
        }
        all
    }

    fn assert_no_locks(&self) {
        let common = self.repo.common_dir();
        let mut locks = Vec::new();
        walk(&common, &mut |path, _| {
            // Ours below `chant/` are held by an open file, not by being there.
            if path == common.join("chant") {
                return false;
            }
            if path.extension().is_some_and(|extension| extension == "lock") {
                locks.push(path.to_owned());
            }
            true
        });
        assert!(locks.is_empty(), "locks were left behind: {locks:?}");
    }

    /// The next command says what it found; then the spec is completed, by `resume` or from the start, and merged.
    fn go_on(&self, resume: bool) {
        let id = self.scene.worked.as_str();
        self.assert_nothing_lost();
        let list = self.chant(&["list"]).ok();
        self.assert_nothing_lost();
        let status = self.status();
        match status.as_str() {
            "in_progress" => {
                list.says(&format!("{id} is in progress, but"))
                    .says(&format!("git chant resume {id}"))
                    .says(&format!("git chant reset {id}"));
            }
            "failed" | "ready" | "completed" => {}
            other => panic!("after the kill it is {other}"),
        }
        if matches!(status.as_str(), "in_progress" | "failed") {
            if resume {
                self.chant(&["resume", id]).ok();
            } else {
                self.chant(&["reset", id]).ok();
                self.assert_nothing_lost();
                self.chant(&["work", id]).ok();
            }
        } else if status == "ready" {
            self.chant(&["work", id]).ok();
        }
        assert_eq!(self.status(), "completed");
        self.assert_nothing_lost();
        assert!(self.repo.git(&["show", &format!("chant/{id}:out.txt")]).contains("done"));
        assert_eq!(fs::read_dir(self.repo.common_dir().join("chant/runs")).unwrap().count(), 0, "a run's directory is left behind");
        self.repo.git(&["fsck", "--connectivity-only", "--no-dangling"]);
    }
}

/// Waits until nobody is there any more. One look is not enough: a process that is about to become another program has no environment for a
/// moment.
pub fn until_gone(is_there: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut looks = 0;
    while looks < 3 {
        looks = if is_there() { 0 } else { looks + 1 };
        assert!(Instant::now() < deadline, "what was killed is still there");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// True while a process other than the agent carries the mark in its environment.
fn marked(mark: &str, agent: Option<&str>) -> bool {
    fs::read_dir("/proc").into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let own = name.bytes().all(|byte| byte.is_ascii_digit()) && Some(name.as_ref()) != agent;
        own && has_mark(&entry.path(), mark)
    })
}

fn has_mark(process: &Path, mark: &str) -> bool {
    fs::read(process.join("environ")).is_ok_and(|env| env.split(|&byte| byte == 0).any(|var| var == mark.as_bytes()))
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

fn all() -> bool {
    std::env::var_os("GIT_CHANT_TEST_ALL").is_some()
}

/// The calls of git that a whole run makes, and how long it takes.
fn measure(scene: &Scene) -> (usize, Duration) {
    let copy = scene.copy("measure");
    let began = Instant::now();
    assert!(copy.start(0, "").wait().unwrap().success());
    let took = began.elapsed();
    copy.go_on(true);
    (copy.noted("calls").len(), took)
}

#[test]
fn killed_at_a_call_of_git() {
    let seed = seed();
    let mut random = fastrand::Rng::with_seed(seed);
    let scene = Scene::new();
    let (calls, _) = measure(&scene);
    let mut moments: Vec<(usize, &str)> = (1..=calls).flat_map(|at| HOW.map(|how| (at, how))).collect();
    random.shuffle(&mut moments);
    if !all() {
        moments.truncate(12);
    }
    let (most, mut killed) = (moments.len(), 0);
    for (index, (at, how)) in moments.into_iter().enumerate() {
        let copy = scene.copy(&format!("copy{index}"));
        let resume = random.bool();
        let mut child = copy.start(at, how);
        killed += usize::from(child.wait().unwrap().signal() == Some(9));
        let call = copy.noted("calls").pop();
        let _named = Named(format!("GIT_CHANT_TEST_SEED={seed}: killed {how} call {at} of {calls}, {call:?}, then resume={resume}"));
        copy.settle();
        copy.go_on(resume);
        fs::remove_dir_all(copy.repo.path()).unwrap();
    }
    // One run may make a call less than another.
    assert!(killed + 2 >= most, "{killed} of {most} were killed");
}

/// Who is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Chant,
    Agent,
    Both,
}

#[test]
fn killed_at_a_random_time() {
    let seed = seed();
    let mut random = fastrand::Rng::with_seed(seed);
    let scene = Scene::new();
    let (_, took) = measure(&scene);
    let count = if all() { 100 } else { 9 };
    for index in 0..count {
        let copy = scene.copy(&format!("copy{index}"));
        let delay = took.mul_f64(random.f64());
        let victim = [Victim::Chant, Victim::Agent, Victim::Both][index % 3];
        let resume = random.bool();
        let _named = Named(format!("GIT_CHANT_TEST_SEED={seed}: {victim:?} killed after {delay:?} of {took:?}, then resume={resume}"));
        let mut child = copy.start(0, "");
        std::thread::sleep(delay);
        kill(&copy, &mut child, victim);
        child.wait().unwrap();
        copy.settle();
        copy.go_on(resume);
        fs::remove_dir_all(copy.repo.path()).unwrap();
    }
}

fn kill(copy: &Copy<'_>, child: &mut Child, victim: Victim) {
    if matches!(victim, Victim::Chant | Victim::Both) {
        drop(child.kill());
    }
    // By the system call: the program `kill` of some systems takes `-1234` for `-1`, which is everybody. And only a process that carries
    // this copy's mark is the agent.
    if matches!(victim, Victim::Agent | Victim::Both)
        && let Some(agent) = copy.noted("agent").pop().and_then(|pid| pid.parse::<i32>().ok()).filter(|pid| *pid > 1)
        && has_mark(&PathBuf::from(format!("/proc/{agent}")), &format!("KILL_DIR={}", copy.dir.display()))
        && let Some(group) = Pid::from_raw(agent)
    {
        let _ = kill_process_group(group, Signal::KILL);
    }
}
