//! The table of ways in: every way in which commits come into a protected branch, with work that is not done and with work that is, in the
//! main and in a linked worktree, on every git that is found here. gitchant-gate(7) has the same table for people.

mod rows;

use super::common::{Outcome, TestRepo, gits, minor};
use super::merges::WORKER;
use rows::{Left, ROWS, Row};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

/// A repository with the branch `good`, whose spec is complete, and `bad`, whose spec has an open box; a bare `origin` that judges pushes.
struct Prepared {
    /// With `main` checked out, and with `main` in a linked worktree.
    trees: [TestRepo; 2],
    start: String,
    ids: [String; 2],
}

impl Prepared {
    /// The one that all tests here copy; it is gone with the last of them.
    fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Prepared>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap();
        shared.upgrade().unwrap_or_else(|| {
            let made = Arc::new(Self::make());
            *shared = Arc::downgrade(&made);
            made
        })
    }

    fn make() -> Self {
        let repo = TestRepo::new();
        repo.chant(&["init"]).ok();
        repo.git(&["config", "pull.rebase", "false"]);
        repo.agent("worker", WORKER);
        repo.git(&["switch", "-q", "-c", "other"]);
        repo.write("other", "x\n");
        repo.commit_all("Something else");
        repo.git(&["switch", "-q", "main"]);
        let ids = ["Good", "Bad"].map(|title| repo.add_spec(title, &["It is good"]));
        let start = repo.head();
        repo.at(repo.with_origin()).chant(&["hooks", "install", "--server"]).ok();
        for id in &ids {
            repo.chant(&["work", id]).ok();
        }
        repo.git(&["switch", "-q", "-C", "beside"]);
        repo.chant(&["uncheck", &ids[1], "1"]).ok();
        repo.git(&["branch", "-q", "good", &format!("chant/{}", ids[0])]);
        repo.git(&["branch", "-q", "bad", &format!("chant/{}", ids[1])]);
        // Few files are copied fast.
        repo.git(&["repack", "-a", "-d", "-q"]);
        let beside = repo.copy();
        let linked = beside.at(beside.root().join("linked tree"));
        beside.git(&["worktree", "add", "-q", linked.path().to_str().unwrap(), "main"]);
        repo.git(&["switch", "-q", "main"]);
        Self { trees: [repo, linked], start, ids }
    }
}

/// A copy of what was prepared, for one way in.
struct Scene {
    prepared: Arc<Prepared>,
    /// Where `main` is checked out.
    tree: TestRepo,
    git_dir: PathBuf,
}

impl Scene {
    fn new(git: &(String, PathBuf), linked: bool, prepared: &Arc<Prepared>) -> Self {
        let tree = prepared.trees[usize::from(linked)].copy();
        symlink(&git.1, tree.root().join("bin/git")).unwrap();
        let git_dir = tree.path().join(".git");
        let git_dir = if linked { PathBuf::from(tree.read(".git").trim().trim_start_matches("gitdir: ")) } else { git_dir };
        Self { prepared: prepared.clone(), tree, git_dir }
    }

    /// On `main` where every way begins, once more: a copy takes longer.
    fn rewind(&self) {
        self.run("git='git -c core.hooksPath=/dev/null'; $git checkout -q -B main $START; $git reset -q --hard", "", "").ok();
    }

    /// What differs from what is committed, and what git is in the middle of.
    fn left(&self) -> String {
        let marks = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-apply", "rebase-merge"];
        let under_way: String = marks.into_iter().filter(|mark| self.git_dir.join(mark).exists()).collect();
        self.tree.git(&["status", "--porcelain"]) + &under_way
    }

    /// Runs a way with one of the branches; `set -e`, and the branch and its spec as variables.
    fn run(&self, script: &str, branch: &str, id: &str) -> Outcome {
        let mut sh = self.tree.command(self.tree.path(), "sh");
        let path = format!("{}:{}", self.tree.root().join("bin").display(), std::env::var("PATH").unwrap());
        let chant = Path::new(super::common::CHANT).parent().unwrap().display().to_string();
        sh.env("PATH", format!("{chant}:{path}")).env("B", branch).env("ID", id).env("START", &self.prepared.start);
        Outcome::of(sh.args(["-ec", script]))
    }

    /// Where the branch is that the way is about.
    fn has_work(&self, row: &Row, id: &str) -> bool {
        let place = if row.server { self.tree.at(self.tree.root().join("origin.git")) } else { self.tree.clone() };
        place.try_git(&["cat-file", "-p", &format!("refs/heads/main:work-{id}")]).stdout.contains("attempt 1")
    }

    fn refused(&self, row: &Row) {
        let said = self.run(row.way, "bad", &self.prepared.ids[1]);
        let at = format!("{} ({})", row.name, row.way);
        assert_ne!(said.code, 0, "{at} was let in: {said}");
        assert!(!self.has_work(row, &self.prepared.ids[1]), "{at}: {said}");
        assert_eq!(decided(&said.stderr), row.hook, "{at}: {said}");
        let prefix = if row.server { "remote: " } else { "" };
        let spec = &self.prepared.ids[1];
        for line in [
            format!("{prefix}error: this would bring unfinished work into main"),
            format!("{prefix}error: spec {spec}: criterion 1 is not ticked: It is good"),
            format!("{prefix}hint: git chant check {spec} 1"),
        ] {
            assert!(said.stderr.lines().any(|said| said.starts_with(&line)), "{at}: no {line:?}: {said}");
        }
        if let Left::Restore(command) | Left::Staged(command) = row.left {
            assert_ne!(self.left(), "", "{at} leaves nothing to restore");
            let restored = self.run(command, "bad", &self.prepared.ids[1]);
            assert_eq!(restored.code, 0, "{at}, then {command}: {restored}");
        }
        let taken_back =
            said.stderr.lines().find_map(|line| line.strip_prefix("hint: ")?.split_once("take back what git has done")?.1.split_once(": "));
        let expected = if let Left::Restore(command) = row.left { Some(command) } else { None };
        assert_eq!(taken_back.map(|(_, command)| command), expected, "{at}: {said}");
        assert_eq!(self.left(), "", "after {at}: {said}");
    }

    fn allowed(&self, row: &Row) {
        let way = row.allowed.unwrap_or(row.way);
        let said = self.run(way, "good", &self.prepared.ids[0]);
        assert_eq!(said.code, 0, "{} ({way}): {said}", row.name);
        assert!(row.allowed.is_some() || self.has_work(row, &self.prepared.ids[0]), "{} ({way}): {said}", row.name);
    }
}

/// Which hook said no, by what git says of it; of `pre-commit` it says nothing.
fn decided(stderr: &str) -> &'static str {
    let words = [
        ("reference-transaction", "aborted by "),
        ("pre-rebase", "pre-rebase hook refused"),
        ("pre-receive", "pre-receive hook declined"),
        ("pre-push", "failed to push some refs"),
    ];
    words.into_iter().find(|(_, word)| stderr.contains(word)).map_or("pre-commit", |(hook, _)| hook)
}

/// Every row on the n-th git, several at once.
fn walk(number: usize, linked: bool) {
    let gits = gits();
    let Some(git) = gits.get(number) else {
        eprintln!("skipped: there are only {} gits here to walk the ways in with (name one more in GIT_CHANT_TEST_GIT)", gits.len());
        return;
    };
    let prepared = Prepared::shared();
    let rows: Vec<&Row> = ROWS.iter().filter(|row| row.since <= minor(&git.0)).collect();
    let next = AtomicUsize::new(0);
    let walk_rows = || {
        while let Some(row) = rows.get(next.fetch_add(1, Ordering::SeqCst)) {
            let mut scene = Scene::new(git, linked, &prepared);
            if !row.free {
                scene.refused(row);
                // What the server took or lost stays.
                if row.server { scene = Scene::new(git, linked, &prepared) } else { scene.rewind() }
            }
            scene.allowed(row);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(walk_rows);
        walk_rows();
    });
}

#[test]
fn into_the_main_worktree() {
    walk(0, false);
}

#[test]
fn into_a_linked_worktree() {
    walk(0, true);
}

#[test]
fn into_the_main_worktree_with_another_git() {
    walk(1, false);
}

#[test]
fn into_a_linked_worktree_with_another_git() {
    walk(1, true);
}

/// Where a third one is at hand it is there for what is new in it; one kind of worktree shows that.
#[test]
fn into_the_main_worktree_with_a_third_git() {
    walk(2, false);
}

/// The page for people and this table have the same rows, and name the same hooks and the same commands.
#[test]
fn the_page_has_every_row() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("man/gitchant-gate.7")).unwrap().replace("\\-", "-");
    let (_, table) = page.split_once("\twhat takes it back\n").unwrap();
    let (table, _) = table.split_once("\n.fi\n").unwrap();
    let row = |row: &Row| {
        let left = match row.left {
            Left::Clean => "nothing".to_owned(),
            Left::Restore(command) => command.to_owned(),
            Left::Staged(command) => format!("{command} (what you staged)"),
        };
        format!("{}\t{}\t{left}", row.name, row.hook)
    };
    assert_eq!(table.lines().collect::<Vec<_>>(), ROWS.iter().map(row).collect::<Vec<_>>());
}
