//! pre-commit, husky and lefthook themselves, where they are installed, before us and after us: theirs runs first and unchanged, ours
//! refuses all the same, what they do to ours is noticed with the command that mends it, and without us everything is as they left it.
//!
//! `CHANT_TEST_MANAGERS` names the directory with their programs; `.ci/run` installs them into one. One that is not there is skipped, and
//! said so.

use crate::common::{Outcome, TestRepo};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// A repository with a manager's configuration; its hook says `theirs ran`, and fails where `stop` is in the home directory.
struct Scene {
    repo: TestRepo,
    path: OsString,
}

impl Scene {
    fn of(manager: &str) -> Option<Self> {
        let Some(bin) = std::env::var_os("CHANT_TEST_MANAGERS").map(PathBuf::from).filter(|dir| dir.join(manager).exists()) else {
            eprintln!("skipped: {manager} is not in CHANT_TEST_MANAGERS");
            return None;
        };
        let repo = TestRepo::new();
        repo.with_origin();
        repo.script("theirs", "echo theirs ran >&2\n[ ! -e \"$HOME/stop\" ]");
        repo.git(&["switch", "-q", "-c", "topic"]);
        repo.write("work", "x\n");
        repo.commit_all("chant(2026-01-01-001-zzz): work of a spec that nobody knows");
        repo.git(&["switch", "-q", "main"]);
        let path = [bin, PathBuf::from(crate::common::CHANT).parent().unwrap().to_owned(), repo.root().join("bin")];
        let rest = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(path.into_iter().chain(std::env::split_paths(&rest))).unwrap();
        Some(Self { repo, path })
    }

    fn run(&self, program: &str, args: &[&str]) -> Outcome {
        Outcome::of(self.repo.command(self.repo.path(), program).env("PATH", &self.path).args(args))
    }

    fn chant(&self, args: &[&str]) -> Outcome {
        self.run(crate::common::CHANT, args)
    }

    fn configure(&self, file: &str, text: &str) {
        self.repo.write(file, text);
        self.repo.commit_all("Configure");
    }

    /// Theirs runs once at a commit, and its word counts.
    #[track_caller]
    fn theirs_runs(&self) {
        let commit = |text: String| {
            self.repo.write("file", text);
            self.repo.git(&["add", "file"]);
            let said = self.run("git", &["commit", "-m", "x"]);
            let ran = (said.stdout.clone() + &said.stderr).matches("theirs ran").count();
            assert!(ran > 0, "{said}");
            (said, ran)
        };
        let (said, ran) = commit(format!("after {}", self.repo.head()));
        // lefthook prints what failed once more at its end.
        assert_eq!(ran, 1, "{said}");
        said.ok();
        let stop = self.repo.root().join("home/stop");
        fs::write(&stop, "").unwrap();
        let (said, _) = commit("stop\n".into());
        assert_ne!(said.code, 0, "{said}");
        fs::remove_file(stop).unwrap();
        self.repo.git(&["reset", "-q", "--hard"]);
    }

    /// Work that is not known to be done comes neither into `main` nor to the remote's.
    #[track_caller]
    fn ours_refuses(&self) {
        let before = self.repo.snapshot();
        for way in [&["merge", "--no-edit", "topic"][..], &["push", "origin", "topic:main"]] {
            let said = self.run("git", way);
            assert!(said.code != 0 && said.stderr.contains("is not known in this clone"), "git {}: {said}", way.join(" "));
        }
        before.assert_same(&self.repo.snapshot());
    }

    /// Every hook file, with its mode; git's own examples left out.
    fn hooks(&self, dir: &str) -> BTreeMap<String, (u32, Vec<u8>)> {
        let entries = fs::read_dir(self.repo.path().join(dir)).unwrap().map(|entry| entry.unwrap().path());
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        let hooks = entries.filter(|path| !name(path).ends_with(".sample"));
        hooks.map(|path| (name(&path), (fs::metadata(&path).unwrap().permissions().mode(), fs::read(&path).unwrap()))).collect()
    }

    /// What the doctor finds is mended by what it says.
    #[track_caller]
    fn is_mended(&self, trouble: &str) {
        let said = self.chant(&["doctor"]).fails(1).says(trouble).says("→ git chant hooks install");
        self.chant(&["hooks", "install"]).ok();
        let again = self.chant(&["hooks"]);
        assert_eq!(again.code, 0, "{said}{again}");
    }
}

const HOOKS: &str = ".git/hooks";

#[test]
fn pre_commit() {
    let Some(scene) = Scene::of("pre-commit") else { return };
    scene.configure(
        ".pre-commit-config.yaml",
        "repos:\n- repo: local\n  hooks:\n  - {id: theirs, name: theirs, entry: theirs, language: system, always_run: true, verbose: true}\n",
    );
    scene.run("pre-commit", &["install"]).ok();
    let theirs = scene.hooks(HOOKS);
    assert_eq!(theirs.len(), 1);
    // After them, and taken away again.
    scene.chant(&["init"]).ok().says("hook pre-commit: yours is kept");
    scene.theirs_runs();
    scene.ours_refuses();
    scene.chant(&["hooks"]).ok().says("pre-commit is used here");
    // They do not see theirs under another name: it is kept, runs, and is named.
    scene.run("pre-commit", &["uninstall"]).ok();
    scene.theirs_runs();
    scene.chant(&["hooks"]).ok().says("'pre-commit uninstall' does not find them").says("rm /");
    let config = scene.repo.path().join(".pre-commit-config.yaml");
    let configured = fs::read(&config).unwrap();
    fs::remove_file(&config).unwrap();
    scene.run("git", &["commit", "--allow-empty", "-m", "x"]).fails(1).says("No .pre-commit-config.yaml file was found");
    scene.chant(&["doctor"]).fails(1).says("lets nothing through: there is no .pre-commit-config.yaml here").says("→ rm /");
    fs::write(&config, configured).unwrap();
    scene.chant(&["hooks", "uninstall"]).ok();
    assert_eq!(scene.hooks(HOOKS), theirs);

    // Before them: they run ours as the hook that was there.
    scene.run("pre-commit", &["uninstall"]).ok();
    scene.chant(&["hooks", "install"]).ok();
    scene.run("pre-commit", &["install"]).ok().says("migration mode");
    scene.theirs_runs();
    scene.ours_refuses();
    scene.chant(&["hooks"]).ok().says("pre-commit            installed, after another hook");
    scene.chant(&["hooks", "uninstall"]).ok();
    assert_eq!(scene.hooks(HOOKS), theirs);
    // Both, and again both.
    for _ in 0..2 {
        scene.chant(&["hooks", "install"]).ok();
        scene.run("pre-commit", &["install"]).ok();
        scene.theirs_runs();
        scene.ours_refuses();
    }
    scene.chant(&["hooks"]).ok();
    scene.run("pre-commit", &["install", "-f"]).ok();
    scene.is_mended("is somebody else's");
    scene.theirs_runs();
    scene.ours_refuses();
    scene.chant(&["hooks", "uninstall"]).ok();
    assert_eq!(scene.hooks(HOOKS), theirs);
}

#[test]
fn a_hook_of_the_persons_own_below_pre_commit_and_ours() {
    let Some(scene) = Scene::of("pre-commit") else { return };
    scene.configure(".pre-commit-config.yaml", "repos: []\n");
    scene.repo.script(scene.repo.path().join(".git/hooks/pre-commit"), "exec theirs");
    let own = scene.hooks(HOOKS)["pre-commit"].clone();
    scene.chant(&["init"]).ok();
    // Theirs runs ours, which runs the person's.
    scene.run("pre-commit", &["install"]).ok();
    scene.theirs_runs();
    scene.chant(&["hooks", "install"]).ok();
    scene.theirs_runs();
    scene.ours_refuses();
    scene.chant(&["hooks"]).ok();
    scene.chant(&["hooks", "uninstall"]).ok();
    assert_eq!(scene.hooks(HOOKS)["pre-commit.legacy"], own, "as pre-commit would have kept it");
    scene.theirs_runs();
    scene.run("pre-commit", &["uninstall"]).ok();
    assert_eq!(scene.hooks(HOOKS), BTreeMap::from([("pre-commit".to_owned(), own)]));
}

#[test]
fn lefthook() {
    let Some(scene) = Scene::of("lefthook") else { return };
    scene.configure(
        "lefthook.yml",
        "pre-commit:\n  jobs:\n  - {name: theirs, run: theirs}\npre-push:\n  jobs:\n  - {name: push, run: 'true'}\n",
    );
    scene.run("lefthook", &["install"]).ok();
    let theirs = scene.hooks(HOOKS);
    assert_eq!(theirs.len(), 2);
    scene.chant(&["init"]).ok().says("hook pre-commit: yours is kept").says("hook pre-push: yours is kept");
    scene.theirs_runs();
    scene.ours_refuses();
    scene.chant(&["hooks"]).ok().says("lefthook is used here");
    scene.chant(&["hooks", "uninstall"]).ok();
    assert_eq!(scene.hooks(HOOKS), theirs);

    scene.run("lefthook", &["uninstall"]).ok();
    scene.repo.git(&["reset", "-q", "--hard"]);
    scene.chant(&["hooks", "install"]).ok();
    for _ in 0..2 {
        // It puts ours aside, and runs it no more.
        scene.run("lefthook", &["install", "-f"]).ok();
        scene.is_mended("left git-chant's as pre-commit.old, which does not run");
        scene.theirs_runs();
        scene.ours_refuses();
    }
    scene.chant(&["hooks", "uninstall"]).ok();
    assert_eq!(scene.hooks(HOOKS), theirs);
    // It takes away every file with its name in it, the kept ones too; ours stay.
    scene.chant(&["hooks", "install"]).ok();
    scene.run("lefthook", &["uninstall"]).ok();
    scene.repo.git(&["reset", "-q", "--hard"]);
    scene.chant(&["hooks"]).ok();
    scene.ours_refuses();
    scene.chant(&["hooks", "uninstall"]).ok();
    assert_eq!(scene.hooks(HOOKS), BTreeMap::new());
}

#[test]
fn husky() {
    let Some(scene) = Scene::of("husky") else { return };
    scene.configure(".husky/pre-commit", "theirs\n");
    scene.run("husky", &[]).ok();
    let theirs = scene.hooks(".husky/_");
    assert_eq!(scene.repo.git(&["config", "core.hooksPath"]), ".husky/_");
    scene.chant(&["init"]).ok().says("hook pre-commit: yours is kept").says("core.hooksPath is relative");
    scene.theirs_runs();
    scene.ours_refuses();
    scene.chant(&["hooks"]).ok().says("husky is used here");
    // `npm install` runs it again, and it writes its stubs over ours; the backstop is none of them.
    scene.run("husky", &[]).ok();
    scene.theirs_runs();
    let said = scene.run("git", &["merge", "--no-edit", "topic"]);
    assert!(said.code != 0 && said.stderr.contains("is not known in this clone"), "{said}");
    scene.is_mended("is somebody else's");
    scene.theirs_runs();
    scene.ours_refuses();
    scene.chant(&["hooks", "uninstall"]).ok();
    assert_eq!(scene.hooks(".husky/_"), theirs);

    // Before it: it says where hooks lie, and ours are there no more.
    scene.repo.git(&["config", "--unset", "core.hooksPath"]);
    fs::remove_dir_all(scene.repo.path().join(".husky/_")).unwrap();
    scene.chant(&["hooks", "install"]).ok();
    scene.ours_refuses();
    scene.run("husky", &[]).ok();
    scene.is_mended("do not run: core.hooksPath=.husky/_");
    scene.theirs_runs();
    scene.ours_refuses();
    // Without it (`npm uninstall husky`, and what its own page says to type).
    scene.repo.git(&["config", "--unset", "core.hooksPath"]);
    scene.ours_refuses();
    scene.chant(&["hooks", "uninstall"]).ok();
    assert_eq!(scene.hooks(HOOKS), BTreeMap::new());
}
