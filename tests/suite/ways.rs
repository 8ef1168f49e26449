//! The table of ways in: every way in which commits come into a protected branch, with work that is not done and with work that is, in the
//! main and in a linked worktree, on every git that is found here. gitchant-gate(7) has the same table for people.

mod rows;

use super::common::{Outcome, TestRepo};
use super::merges::WORKER;
use rows::{Left, ROWS, Row};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The gits of this machine, each version once: the one on the `PATH`, one that `GIT_CHANT_TEST_GIT` names, and the usual places.
fn gits() -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::var_os("GIT_CHANT_TEST_GIT").map(PathBuf::from);
    let on_path = std::env::split_paths(&path).map(|dir| dir.join("git"));
    for git in named.into_iter().chain(on_path).chain(["/usr/bin/git", "/usr/local/bin/git"].map(PathBuf::from)) {
        let Ok(output) = Command::new(&git).arg("version").output() else { continue };
        let version = String::from_utf8_lossy(&output.stdout).trim().trim_start_matches("git version ").to_owned();
        if output.status.success() && !found.iter().any(|(known, _)| *known == version) {
            found.push((version, git));
        }
    }
    found
}

/// A repository with the branch `good`, whose spec is complete, and `bad`, whose spec has an open box; a bare `origin` that judges pushes.
struct Scene {
    /// Where `main` is checked out.
    tree: TestRepo,
    start: String,
    ids: [String; 2],
    minor: u32,
}

impl Scene {
    fn new(git: &(String, PathBuf), linked: bool) -> Self {
        let repo = TestRepo::new();
        symlink(&git.1, repo.root().join("bin/git")).unwrap();
        assert_eq!(repo.git(&["version"]), format!("git version {}", git.0));
        repo.chant(&["init"]).ok();
        repo.git(&["config", "pull.rebase", "false"]);
        repo.agent("worker", WORKER);
        repo.git(&["switch", "-q", "-c", "other"]);
        repo.write("other", "x\n");
        repo.commit_all("Something else");
        repo.git(&["switch", "-q", "main"]);
        let ids = ["Good", "Bad"].map(|title| repo.add_spec(title, &["It is good"]));
        let start = repo.head();
        for id in &ids {
            repo.chant(&["work", id]).ok();
        }
        repo.git(&["switch", "-q", "-C", "beside"]);
        repo.chant(&["uncheck", &ids[1], "1"]).ok();
        repo.git(&["branch", "-q", "good", &format!("chant/{}", ids[0])]);
        repo.git(&["branch", "-q", "bad", &format!("chant/{}", ids[1])]);
        let tree = if linked { repo.at(repo.root().join("linked tree")) } else { repo.clone() };
        if linked {
            repo.git(&["worktree", "add", "-q", tree.path().to_str().unwrap(), "main"]);
        } else {
            repo.git(&["switch", "-q", "main"]);
        }
        let bare = tree.at(tree.with_origin());
        bare.chant(&["hooks", "install", "--server"]).ok();
        let minor = git.0.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(0);
        Self { tree, start, ids, minor }
    }

    /// Runs a way with one of the branches; `set -e`, and the branch and its spec as variables.
    fn run(&self, script: &str, branch: &str, id: &str) -> Outcome {
        let mut sh = self.tree.command(self.tree.path(), "sh");
        let path = format!("{}:{}", self.tree.root().join("bin").display(), std::env::var("PATH").unwrap());
        let chant = Path::new(super::common::CHANT).parent().unwrap().display().to_string();
        sh.env("PATH", format!("{chant}:{path}")).env("B", branch).env("ID", id).env("START", &self.start);
        Outcome::of(sh.args(["-ec", script]))
    }

    /// Back to the start, past every hook, whatever a way left behind.
    fn reset(&self) {
        let git = |args: &[&str]| drop(self.tree.try_git(&[&["-c", "core.hooksPath=/dev/null"], args].concat()));
        for abort in ["rebase", "am", "cherry-pick", "merge", "revert"] {
            git(&[abort, "--abort"]);
        }
        git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
        git(&["symbolic-ref", "-d", "refs/heads/main"]);
        git(&["update-ref", "--no-deref", "refs/heads/main", &self.start]);
        git(&["reset", "-q", "--hard", &self.start]);
        git(&["clean", "-qfd", "--exclude=.chant"]);
        for branch in ["tmp", "release/1"] {
            git(&["branch", "-q", "-D", branch]);
        }
        let origin = self.tree.at(self.tree.root().join("origin.git"));
        drop(origin.try_git(&["update-ref", "refs/heads/main", &self.start]));
        git(&["update-ref", "refs/remotes/origin/main", &self.start]);
        assert_eq!(self.tree.git(&["status", "--porcelain"]), "");
    }

    /// Where the branch is that the way is about.
    fn has_work(&self, row: &Row, id: &str) -> bool {
        let place = if row.server { self.tree.at(self.tree.root().join("origin.git")) } else { self.tree.clone() };
        place.try_git(&["cat-file", "-p", &format!("refs/heads/main:work-{id}")]).stdout.contains("attempt 1")
    }

    fn refused(&self, row: &Row) {
        let said = self.run(row.way, "bad", &self.ids[1]);
        let at = format!("{} ({})", row.name, row.way);
        assert_ne!(said.code, 0, "{at} was let in: {said}");
        assert!(!self.has_work(row, &self.ids[1]), "{at}: {said}");
        let prefix = if row.server { "remote: " } else { "" };
        for line in [format!("{prefix}error: spec {}: criterion 1 is not ticked", self.ids[1]), format!("{prefix}hint: git chant check ")] {
            assert!(said.stderr.lines().any(|said| said.starts_with(&line)), "{at}: no {line:?}: {said}");
        }
        if let Left::Restore(command) = row.left {
            assert_ne!(self.tree.git(&["status", "--porcelain"]) + &under_way(&self.tree), "", "{at} leaves nothing to restore");
            let restored = self.run(command, "bad", &self.ids[1]);
            assert_eq!(restored.code, 0, "{at}, then {command}: {restored}");
        }
        assert_eq!(self.tree.git(&["status", "--porcelain"]) + &under_way(&self.tree), "", "after {at}: {said}");
    }

    fn allowed(&self, row: &Row) {
        let way = row.allowed.unwrap_or(row.way);
        let said = self.run(way, "good", &self.ids[0]);
        assert_eq!(said.code, 0, "{} ({way}): {said}", row.name);
        assert!(row.allowed.is_some() || self.has_work(row, &self.ids[0]), "{} ({way}): {said}", row.name);
    }
}

/// What git is in the middle of.
fn under_way(repo: &TestRepo) -> String {
    let dir = repo.git_dir();
    let marks = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-apply", "rebase-merge"];
    marks.into_iter().filter(|mark| dir.join(mark).exists()).collect()
}

/// Every row on the n-th git; false where there is none.
fn walk(number: usize, linked: bool) {
    let gits = gits();
    let Some(git) = gits.get(number) else {
        eprintln!("there is only git {} here: the ways in were not walked with another (name one in GIT_CHANT_TEST_GIT)", gits[0].0);
        return;
    };
    let scene = Scene::new(git, linked);
    for row in ROWS.iter().filter(|row| row.since <= scene.minor) {
        scene.refused(row);
        scene.reset();
        scene.allowed(row);
        scene.reset();
    }
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

/// The page for people and this table have the same rows, and name the same hooks.
#[test]
fn the_page_has_every_row() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("man/gitchant-gate.7")).unwrap().replace("\\-", "-");
    for row in ROWS {
        let line = format!("{}\t{}\t", row.name, row.hook);
        assert!(page.contains(&line), "man/gitchant-gate.7 has no row {line:?}");
        if let Left::Restore(command) = row.left {
            assert!(page.lines().any(|text| text.starts_with(&line) && text.ends_with(command)), "{}: no {command:?}", row.name);
        }
    }
}
