//! A repository of its own for every scenario: own home, own git configuration, fixed identity, dates that a counter gives.
//!
//! Nothing of the machine's environment reaches git or git-chant but the way to the programs themselves.
#![allow(dead_code, clippy::unwrap_used)]

use super::programs;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The program under test.
pub const CHANT: &str = env!("CARGO_BIN_EXE_git-chant");

/// The gits of this machine, each version once: the one on the `PATH`, the usual places, and one that `GIT_CHANT_TEST_GIT` names.
pub fn gits() -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::var_os("GIT_CHANT_TEST_GIT").map(PathBuf::from);
    let on_path = std::env::split_paths(&path).map(|dir| dir.join("git"));
    for git in on_path.chain(["/usr/bin/git", "/usr/local/bin/git"].map(PathBuf::from)).chain(named) {
        let Ok(output) = Command::new(&git).arg("version").output() else { continue };
        let version = String::from_utf8_lossy(&output.stdout).trim().trim_start_matches("git version ").to_owned();
        if output.status.success() && !found.iter().any(|(known, _)| *known == version) {
            found.push((version, git));
        }
    }
    found
}

/// The second number of git's version.
pub fn minor(version: &str) -> u32 {
    version.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(0)
}

/// 2026-01-29 12:00:00 UTC; every command's dates are one second after the one before.
const FIRST_SECOND: u64 = 1_769_688_000;

const GIT_CONFIG: &str = "[user]\n\tname = Tester\n\temail = tester@example.com\n[init]\n\tdefaultBranch = main\n[core]\n\teditor = false\n\
    [gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[advice]\n\tdetachedHead = false\n[protocol \"file\"]\n\tallow = always\n";

/// A temporary directory. Where nobody chose a place (`TMPDIR`) it is in memory: a scenario makes a thousand small files, and on many a
/// machine's disk that takes three times as long as all the rest.
pub fn scratch() -> tempfile::TempDir {
    const ROOM: u64 = 4 << 30;
    let memory = Path::new("/dev/shm");
    let fits = |found: rustix::fs::StatVfs| {
        found.f_bavail * found.f_frsize >= ROOM && !found.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC)
    };
    let chosen = std::env::var_os("TMPDIR").is_some();
    let mut builder = tempfile::Builder::new();
    let named = builder.prefix("chant-");
    match !chosen && rustix::fs::statvfs(memory).is_ok_and(fits) {
        true => named.tempdir_in(memory).or_else(|_| named.tempdir()),
        false => named.tempdir(),
    }
    .unwrap()
}

/// What several repositories of one scenario share: the temporary directory (home, scripts, clones) and the clock.
struct Stage {
    dir: tempfile::TempDir,
    clock: AtomicU64,
}

/// A repository of a scenario, or one of its clones. The directory is gone when the last of them is.
#[derive(Clone)]
pub struct TestRepo {
    stage: Arc<Stage>,
    path: PathBuf,
}

impl TestRepo {
    /// A repository with one commit on `main`, without git-chant.
    pub fn new() -> Self {
        Self::named("repo")
    }

    /// The same in a directory of this name, which may hold any bytes but NUL and `/`.
    pub fn named(name: impl AsRef<OsStr>) -> Self {
        let repo = Self::empty(name, &[]);
        repo.write("README.md", "# A project\n");
        repo.commit_all("first");
        repo
    }

    /// A repository without a commit; `init_args` go to `git init`.
    pub fn empty(name: impl AsRef<OsStr>, init_args: &[&str]) -> Self {
        let dir = scratch();
        // git prints resolved paths.
        let root = dir.path().canonicalize().unwrap();
        for sub in ["home", "bin", "tmp"] {
            fs::create_dir(root.join(sub)).unwrap();
        }
        fs::write(root.join("home/gitconfig"), GIT_CONFIG).unwrap();
        let path = root.join(name.as_ref());
        fs::create_dir(&path).unwrap();
        let repo = Self { stage: Arc::new(Stage { dir, clock: AtomicU64::new(0) }), path };
        repo.git(&[&["init", "--quiet", "-b", "main"], init_args].concat());
        repo
    }

    /// The whole scenario once more, in a directory of its own: making one takes much longer than copying it.
    pub fn copy(&self) -> Self {
        let dir = scratch();
        let (old, new) = (self.root().to_owned(), dir.path().canonicalize().unwrap());
        assert!(Command::new("cp").arg("-a").arg(old.join(".")).arg(&new).status().unwrap().success());
        let (from, to) = (old.to_str().unwrap(), new.to_str().unwrap());
        walk(&new, &mut |path, metadata| {
            // What git knows by an absolute path: remotes, and where linked worktrees are.
            let named = path.file_name().is_some_and(|name| name == "config" || name == "gitdir" || name == ".git");
            if metadata.is_file() && named {
                fs::write(path, fs::read_to_string(path).unwrap().replace(from, to)).unwrap();
            }
            true
        });
        let clock = AtomicU64::new(self.stage.clock.load(Ordering::SeqCst));
        Self { path: new.join(self.path.strip_prefix(&old).unwrap()), stage: Arc::new(Stage { dir, clock }) }
    }

    /// [`TestRepo::new`], with `git chant init` done (hooks included).
    pub fn with_chant() -> Self {
        let repo = Self::new();
        repo.chant(&["init"]).ok();
        repo
    }

    /// A bare repository beside this one, and a remote `origin` for it that has been pushed to.
    pub fn with_origin(&self) -> PathBuf {
        let bare = self.root().join("origin.git");
        self.git(&["init", "--quiet", "--bare", "-b", "main", bare.to_str().unwrap()]);
        self.git(&["remote", "add", "origin", bare.to_str().unwrap()]);
        self.git(&["push", "--quiet", "-u", "origin", "HEAD"]);
        bare
    }

    /// A clone of `from` (a path or a URL) beside this repository, with the same home and clock; no `git chant init` yet.
    pub fn clone_to(&self, from: impl AsRef<OsStr>, name: &str) -> Self {
        let path = self.root().join(name);
        let output = self.command(self.root(), "git").args(["clone", "--quiet"]).arg(from).arg(&path).output().unwrap();
        assert!(output.status.success(), "git clone: {}", String::from_utf8_lossy(&output.stderr));
        self.at(path)
    }

    /// The same scenario in another directory: a subdirectory, a linked worktree, a repository made by hand.
    pub fn at(&self, path: impl Into<PathBuf>) -> Self {
        Self { stage: self.stage.clone(), path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory that holds everything of this scenario.
    pub fn root(&self) -> &Path {
        // The repository was made in the canonical path, which is what git prints.
        self.path.ancestors().find(|path| path.join("home/gitconfig").exists()).unwrap()
    }

    /// A program in `dir`, with the environment that every program of a scenario has.
    pub fn command(&self, dir: &Path, program: impl AsRef<OsStr>) -> Command {
        let root = self.root();
        let second = FIRST_SECOND + self.stage.clock.fetch_add(1, Ordering::SeqCst);
        let mut path = OsString::from(Path::new(CHANT).parent().unwrap());
        path.push(":");
        path.push(root.join("bin"));
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        programs::hear_signals();
        let mut command = Command::new(program);
        command.current_dir(dir).env_clear().stdin(Stdio::null());
        command.env("PATH", path).env("HOME", root.join("home")).env("TMPDIR", root.join("tmp"));
        command.env("GIT_CONFIG_GLOBAL", root.join("home/gitconfig")).env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_AUTHOR_DATE", format!("{second} +0000")).env("GIT_COMMITTER_DATE", format!("{second} +0000"));
        command.env("TZ", "UTC").env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_PAGER", "cat");
        command.env("GIT_CHANT_TEST_DATE", "2026-01-29").env("GIT_CHANT_TEST_SUFFIX", "abc");
        command
    }

    /// `git ARGS` that has to work; its standard output without the last newline.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        let outcome = self.try_git(args);
        assert!(outcome.code == 0, "git {}: {outcome}", args.join(" "));
        outcome.stdout.trim_end_matches('\n').to_owned()
    }

    /// `git ARGS`, however it ends. Hooks run, as they would for a person.
    pub fn try_git(&self, args: &[&str]) -> Outcome {
        Outcome::of(self.command(&self.path, "git").args(args))
    }

    /// `git-chant ARGS` in the repository.
    pub fn chant(&self, args: &[&str]) -> Outcome {
        self.chant_in(&self.path, args)
    }

    /// `git-chant ARGS` in a directory of your choice.
    pub fn chant_in(&self, dir: &Path, args: &[&str]) -> Outcome {
        Outcome::of(self.command(dir, CHANT).args(args))
    }

    /// `git-chant ARGS` with more environment.
    pub fn chant_env(&self, env: &[(&str, &str)], args: &[&str]) -> Outcome {
        Outcome::of(self.command(&self.path, CHANT).envs(env.iter().copied()).args(args))
    }

    /// `git-chant ARGS` with this on standard input.
    pub fn chant_stdin(&self, input: &str, args: &[&str]) -> Outcome {
        let file = self.root().join("tmp/stdin");
        fs::write(&file, input).unwrap();
        Outcome::of(self.command(&self.path, CHANT).args(args).stdin(fs::File::open(file).unwrap()))
    }

    /// Writes a file of the worktree, and the directories above it.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        let full = self.path.join(path);
        String::from_utf8(fs::read(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()))).unwrap()
    }

    pub fn exists(&self, path: &str) -> bool {
        self.path.join(path).symlink_metadata().is_ok()
    }

    /// A program in the scenario's PATH, or at any absolute path (a hook).
    pub fn script(&self, path: impl AsRef<Path>, body: &str) -> PathBuf {
        let path = self.root().join("bin").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        programs::write(&path, format!("#!/bin/sh\n{body}\n"));
        path
    }

    /// Makes `sh_script` the agent that `git chant work` runs; it starts in the run's worktree with the prompt on its input.
    pub fn agent(&self, name: &str, sh_script: &str) {
        self.script(format!("agent-{name}"), sh_script);
        self.git(&["config", &format!("chant.agent.{name}.command"), &format!("agent-{name}")]);
        self.git(&["config", "chant.agent", name]);
    }

    /// Stages everything and commits it; the new commit's id.
    #[track_caller]
    pub fn commit_all(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.head()
    }

    #[track_caller]
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// A spec of type `code`; its id.
    #[track_caller]
    pub fn add_spec(&self, title: &str, criteria: &[&str]) -> String {
        self.add_spec_with(title, criteria, &[])
    }

    /// A spec, with more arguments for `git chant add`; its id.
    #[track_caller]
    pub fn add_spec_with(&self, title: &str, criteria: &[&str], more: &[&str]) -> String {
        let mut args = vec!["add", "--porcelain", title];
        args.extend(criteria.iter().flat_map(|criterion| ["--criterion", criterion]));
        args.extend(more);
        self.chant(&args).ok().stdout.trim().to_owned()
    }

    /// Where a spec's file is, from the top of the worktree.
    pub fn spec_file(id: &str) -> String {
        format!(".chant/specs/{id}.md")
    }

    /// Changes the text of a spec's file, as an editor would.
    #[track_caller]
    pub fn edit_spec(&self, id: &str, from: &str, to: &str) {
        let file = Self::spec_file(id);
        let text = self.read(&file);
        assert!(text.contains(from), "{from:?} is not in:\n{text}");
        self.write(&file, text.replacen(from, to, 1));
    }

    /// The kinds of a spec's events, oldest first, as `git chant history --json` has them.
    #[track_caller]
    pub fn events(&self, id: &str) -> Vec<String> {
        let mut kinds: Vec<_> = self.history(id).iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect();
        kinds.reverse();
        kinds
    }

    /// `git chant history --json`, as it is printed (newest first).
    #[track_caller]
    pub fn history(&self, id: &str) -> Vec<serde_json::Value> {
        let said = self.chant(&["history", id, "--json"]).ok().stdout;
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// `git chant show --json` of a spec.
    #[track_caller]
    pub fn show(&self, id: &str) -> serde_json::Value {
        let said = self.chant(&["show", id, "--json"]).ok().stdout;
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// The git directory that this worktree has for itself.
    pub fn git_dir(&self) -> PathBuf {
        self.rev_parse("--absolute-git-dir")
    }

    /// The git directory that all worktrees share.
    pub fn common_dir(&self) -> PathBuf {
        self.path.join(self.rev_parse("--git-common-dir"))
    }

    fn rev_parse(&self, what: &str) -> PathBuf {
        let output = self.command(&self.path, "git").args(["rev-parse", what]).output().unwrap();
        PathBuf::from(OsString::from_vec(output.stdout.strip_suffix(b"\n").unwrap().to_vec()))
    }

    /// Everything that no verb may change: see [`Snapshot`].
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self)
    }

    /// Fails when a lock file was left anywhere in the git directory. git-chant's own, under `chant/`, are held by `flock` and stay.
    #[track_caller]
    pub fn assert_no_locks(&self) {
        let mut locks = Vec::new();
        let common = self.common_dir();
        walk(&common, &mut |path, _| {
            let inside = path.strip_prefix(&common).unwrap();
            let of_another = inside.starts_with("worktrees") || inside.starts_with("modules");
            if inside == Path::new("chant") || (of_another && inside.ends_with("chant")) {
                return false;
            }
            if path.extension().is_some_and(|extension| extension == "lock") {
                locks.push(path.to_owned());
            }
            true
        });
        assert!(locks.is_empty(), "locks were left behind: {locks:?}");
    }
}

/// How a program ended, and what it said.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Runs it to its end. A signal's number is 1000 and more.
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let signal = std::os::unix::process::ExitStatusExt::signal(&output.status).unwrap_or(0);
        Self {
            code: output.status.code().unwrap_or(1000 + signal),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        self.fails(0)
    }

    /// Ended with this exit code: 1 the answer is no, 128 could not, 129 usage.
    #[track_caller]
    pub fn fails(self, code: i32) -> Self {
        assert!(self.code == code, "exit code {code} was expected: {self}");
        self
    }

    /// Says this, on either stream.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "{text:?} was expected: {self}");
        self
    }

    #[track_caller]
    pub fn says_not(self, text: &str) -> Self {
        assert!(!self.stdout.contains(text) && !self.stderr.contains(text), "{text:?} was not expected: {self}");
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// What git-chant may not touch: files, index, HEAD, stash, and what git keeps of a merge, rebase or bisect; of the current branch, the
/// tree. All of it without `.chant/specs/`, `.chant/archive/` and `.chant/worktrees/`, and without refs that are git-chant's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, String>);

/// What git keeps in a worktree's own git directory while something is under way.
const UNDER_WAY: &[&str] = &[
    "MERGE_HEAD",
    "MERGE_MSG",
    "MERGE_MODE",
    "MERGE_AUTOSTASH",
    "ORIG_HEAD",
    "AUTO_MERGE",
    "SQUASH_MSG",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "REBASE_HEAD",
    "rebase-merge",
    "rebase-apply",
    "sequencer",
    "BISECT_LOG",
    "BISECT_START",
    "BISECT_NAMES",
    "BISECT_TERMS",
    "BISECT_EXPECTED_REV",
    "config.worktree",
];

/// Paths that are git-chant's own.
fn own(path: &str) -> bool {
    [".chant/specs", ".chant/archive", ".chant/worktrees"].iter().any(|dir| path == *dir || path.starts_with(&format!("{dir}/")))
}

impl Snapshot {
    fn of(repo: &TestRepo) -> Self {
        let mut all = BTreeMap::new();
        let top = repo.rev_parse("--show-toplevel");
        walk(&top, &mut |path, metadata| {
            let name = path.strip_prefix(&top).unwrap();
            let shown = name.as_os_str().as_bytes().escape_ascii().to_string();
            if name == Path::new(".git") || own(&shown) {
                return false;
            }
            all.insert(format!("file {shown}"), describe(path, metadata));
            true
        });
        let git_dir = repo.git_dir();
        for name in UNDER_WAY {
            walk(&git_dir.join(name), &mut |path, metadata| {
                all.insert(format!("git dir {}", path.strip_prefix(&git_dir).unwrap().display()), describe(path, metadata));
                true
            });
        }
        let at_top = repo.at(top);
        let ask = |args: &[&str]| {
            let output = repo.command(&at_top.path, "git").env("GIT_OPTIONAL_LOCKS", "0").args(args).output().unwrap();
            output.stdout.escape_ascii().to_string()
        };
        for (name, args) in [("index", ["ls-files", "--stage", "-v", "-z"].as_slice()), ("tree", &["ls-tree", "-r", "-z", "HEAD"])] {
            for entry in ask(args).split("\\x00").filter(|entry| !entry.is_empty()) {
                let (entry, path) = entry.split_once("\\t").unwrap();
                if !own(path) {
                    // A conflict has several entries a path.
                    *all.entry(format!("{name} {path}")).or_default() += &format!("{entry};");
                }
            }
        }
        all.insert("resolve-undo".into(), ask(&["ls-files", "--resolve-undo"]));
        let branch = ask(&["symbolic-ref", "-q", "HEAD"]);
        let branch = branch.trim_end_matches("\\n");
        all.insert("HEAD".into(), if branch.is_empty() { ask(&["rev-parse", "HEAD"]) } else { branch.into() });
        all.insert("stash".into(), ask(&["reflog", "show", "--format=%H %gs", "refs/stash"]));
        for line in ask(&["for-each-ref", "--format=%(refname) %(objectname) %(symref)"]).split("\\n").filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(' ').unwrap();
            let ours = ["refs/chant", "refs/worktree/chant", "refs/heads/chant/", "refs/notes/chant"];
            if name != branch && name != "refs/stash" && !ours.iter().any(|prefix| name.starts_with(prefix)) {
                all.insert(format!("ref {name}"), value.into());
            }
        }
        Self(all)
    }

    /// What differs from `after`, a line each; empty when nothing does.
    pub fn diff(&self, after: &Self) -> String {
        let mut lines = String::new();
        for (key, was) in &self.0 {
            match after.0.get(key) {
                None => lines += &format!("gone: {key} ({was})\n"),
                Some(is) if is != was => lines += &format!("changed: {key}\n  from {was}\n  to   {is}\n"),
                Some(_) => {}
            }
        }
        for (key, is) in after.0.iter().filter(|(key, _)| !self.0.contains_key(*key)) {
            lines += &format!("new: {key} ({is})\n");
        }
        lines
    }

    /// Fails when anything differs from `after`.
    #[track_caller]
    pub fn assert_same(&self, after: &Self) {
        assert!(self == after, "something was touched:\n{}", self.diff(after));
    }

    /// Leaves out what the scenario itself changes: keys that begin with this, as [`Snapshot::diff`] names them (`file src/`).
    #[must_use]
    pub fn without(mut self, prefix: &str) -> Self {
        self.0.retain(|key, _| !key.starts_with(prefix));
        self
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.0).finish()
    }
}

fn describe(path: &Path, metadata: &fs::Metadata) -> String {
    let mode = metadata.permissions().mode();
    if metadata.is_symlink() {
        return format!("link to {}", fs::read_link(path).unwrap().display());
    }
    if metadata.is_dir() {
        return format!("directory {mode:o}");
    }
    if !metadata.is_file() {
        return format!("special {mode:o}");
    }
    format!("{mode:o} {}", fs::read(path).unwrap().escape_ascii())
}

/// Calls `visit` for everything below `path` and for itself; it says whether to look into a directory. What vanishes meanwhile is skipped.
pub fn walk(path: &Path, visit: &mut dyn FnMut(&Path, &fs::Metadata) -> bool) {
    let Ok(metadata) = path.symlink_metadata() else { return };
    if !visit(path, &metadata) || !metadata.is_dir() {
        return;
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    let mut entries: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        walk(&entry, visit);
    }
}
