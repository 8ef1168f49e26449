//! Hook files through real git: what they ask, what they never ask, and how they live with hooks of other people.

mod files;

use git_chant::hook::install::{self, Action, Removal, State, Wanted};
use git_chant::hook::{HookKind, shim};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A path that a shell reads as something else wherever it is not quoted.
const ODD: &str = "it's a \"dir\"\n$(touch x) `y` *\\";

/// A repository, a stand-in for git-chant that writes down what it is asked, and what that answers.
struct Scene {
    dir: tempfile::TempDir,
}

impl Scene {
    /// A repository with shims for `main` and `release/*`, on `main`, with a branch `topic` that is one commit ahead.
    fn new() -> Self {
        let scene = Self { dir: super::common::scratch() };
        fs::create_dir_all(scene.repo()).expect("made");
        fs::create_dir_all(scene.binary().parent().expect("a parent")).expect("made");
        let script = concat!(
            "#!/bin/sh\nbase=${0%/*}/..\n",
            "{ printf '%s|' \"$@\"; case $2 in reference-transaction | pre-push) cat ;; esac; echo; } >>\"$base/asked\"\n",
            "[ ! -e \"$base/refuse\" ]\n"
        );
        executable(&scene.binary(), script);
        scene.git(&["init", "-q", "-b", "main"]);
        scene.commit("base", "Begin");
        scene.git(&["switch", "-q", "-c", "topic"]);
        scene.commit("topic", "Work");
        scene.git(&["switch", "-q", "main"]);
        scene.install();
        scene.renew();
        scene
    }

    fn repo(&self) -> PathBuf {
        self.dir.path().join("re po")
    }

    fn hooks(&self) -> PathBuf {
        self.repo().join(".git/hooks")
    }

    fn hook(&self, kind: HookKind) -> PathBuf {
        self.hooks().join(kind.as_str())
    }

    fn binary(&self) -> PathBuf {
        self.dir.path().join(ODD).join("git-chant")
    }

    fn install(&self) -> Vec<(HookKind, Action)> {
        install::install(&self.hooks(), wanted(&protected(), &self.binary())).expect("installed").hooks
    }

    /// The hook files are as old as the settings, as git-chant leaves them, and git can start them.
    fn renew(&self) {
        renew_in(&self.repo().join(".git"));
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args(args).current_dir(self.repo()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.dir.path());
        command.envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("LC_ALL", "C"), ("GIT_EDITOR", "true")]);
        command.envs([("GIT_AUTHOR_NAME", "Ann"), ("GIT_AUTHOR_EMAIL", "ann@example.com")]);
        command.envs([("GIT_COMMITTER_NAME", "Ann"), ("GIT_COMMITTER_EMAIL", "ann@example.com")]);
        command
    }

    fn try_git(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("git starts")
    }

    fn git(&self, args: &[&str]) -> String {
        let output = self.try_git(args);
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
    }

    fn commit(&self, file: &str, message: &str) {
        fs::write(self.repo().join(file), message).expect("written");
        self.git(&["add", file]);
        self.git(&["commit", "-q", "-m", message]);
    }

    /// What the stand-in was asked since the last time, a call a paragraph.
    fn asked(&self) -> String {
        let path = self.dir.path().join("asked");
        let text = fs::read_to_string(&path).unwrap_or_default();
        drop(fs::remove_file(path));
        text
    }

    fn refuse(&self) {
        fs::write(self.dir.path().join("refuse"), "").expect("written");
    }
}

fn protected() -> Vec<String> {
    vec!["main".to_owned(), "release/*".to_owned()]
}

/// Every local hook.
const LOCAL: &[HookKind] = {
    use HookKind::*;
    &[ReferenceTransaction, PreMergeCommit, PreCommit, PreRebase, PrePush, PrepareCommitMsg, CommitMsg]
};

fn wanted<'a>(protected: &'a [String], binary: &'a Path) -> Wanted<'a> {
    Wanted { kinds: LOCAL, protected, binary }
}

fn renew_in(git_dir: &Path) {
    let settings = fs::metadata(git_dir.join("config")).and_then(|found| found.modified()).expect("a time");
    install::refresh(&git_dir.join("hooks"), &protected(), settings, true).expect("renewed");
    super::programs::settle(&git_dir.join("hooks"));
}

fn executable(path: &Path, text: &str) {
    super::programs::write(path, text);
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("there").permissions().mode() & 0o7777
}

#[test]
fn what_moves_no_protected_branch_never_starts_git_chant() {
    let scene = Scene::new();
    scene.git(&["switch", "-q", "topic"]);
    scene.asked();
    scene.commit("more", "More");
    scene.git(&["branch", "-f", "elsewhere", "HEAD~1"]);
    scene.git(&["tag", "main"]);
    scene.git(&["switch", "-q", "-c", "side", "HEAD~1"]);
    scene.commit("side", "Side");
    scene.git(&["merge", "-q", "--no-edit", "refs/heads/topic"]);
    scene.git(&["reset", "-q", "--hard", "HEAD~1"]);
    scene.git(&["rebase", "-q", "refs/heads/topic"]);
    scene.git(&["switch", "-q", "elsewhere"]);
    scene.git(&["cherry-pick", "side"]);
    scene.git(&["switch", "-q", "topic"]);
    scene.git(&["branch", "-D", "elsewhere"]);
    scene.git(&["update-ref", "refs/chant/specs/x", "HEAD"]);
    scene.git(&["switch", "-q", "--detach"]);
    scene.git(&["merge", "-q", "--no-edit", "refs/heads/main"]);
    assert_eq!(scene.asked(), "");
}

#[test]
fn what_leaves_a_protected_branch_where_it_is_never_starts_git_chant() {
    let scene = Scene::new();
    fs::write(scene.repo().join("base"), "dirty").expect("written");
    scene.git(&["stash"]);
    scene.git(&["stash", "pop"]);
    scene.git(&["reset", "-q", "--hard"]);
    scene.git(&["worktree", "add", "-q", "../tree", "topic"]);
    scene.git(&["-C", "../tree", "stash", "list"]);
    scene.git(&["pack-refs", "--all"]);
    scene.git(&["gc", "-q"]);
    scene.git(&["branch", "-q", "copy"]);
    assert_eq!(scene.asked(), "");
}

#[test]
fn a_fast_forward_is_asked_about_before_anything_is_touched() {
    let scene = Scene::new();
    let (main, topic) = (scene.git(&["rev-parse", "main"]), scene.git(&["rev-parse", "topic"]));
    scene.refuse();
    assert!(!scene.try_git(&["merge", "--ff-only", "topic"]).status.success());
    assert_eq!(scene.asked(), format!("hook|reference-transaction|prepared|{} {main} ORIG_HEAD\n\n", "0".repeat(40)));
    assert_eq!(scene.git(&["status", "--porcelain"]), "");
    assert_eq!(scene.git(&["rev-parse", "main"]), main);

    fs::remove_file(scene.dir.path().join("refuse")).expect("removed");
    scene.git(&["merge", "-q", "--ff-only", "topic"]);
    let asked = scene.asked();
    assert!(asked.contains("ORIG_HEAD\n"), "{asked}");
    assert!(asked.ends_with(&format!("hook|reference-transaction|prepared|{main} {topic} refs/heads/main\n\n")), "{asked}");
}

#[test]
fn a_true_merge_is_asked_about_before_git_touches_anything_and_at_the_end() {
    let scene = Scene::new();
    scene.git(&["merge", "-q", "--no-ff", "--no-edit", "topic"]);
    let asked = scene.asked();
    let calls: Vec<&str> = asked.lines().filter_map(|line| line.strip_prefix("hook|")).collect();
    assert_eq!(calls.len(), 2, "{asked}");
    assert!(calls[0].starts_with("reference-transaction|prepared|") && calls[0].ends_with(" ORIG_HEAD"), "{asked}");
    assert!(calls[1].starts_with("reference-transaction|prepared|") && calls[1].ends_with(" refs/heads/main"), "{asked}");

    // Without the hook that sees refs (--light), or with one of somebody else, the merge is asked about before it is committed.
    for other in [None, Some("#!/bin/sh\n# mine\n")] {
        scene.git(&["reset", "-q", "--hard", "HEAD~1"]);
        match other {
            None => fs::remove_file(scene.hook(HookKind::ReferenceTransaction)).expect("removed"),
            Some(text) => executable(&scene.hook(HookKind::ReferenceTransaction), text),
        }
        scene.asked();
        scene.git(&["merge", "-q", "--no-ff", "--no-edit", "topic"]);
        assert_eq!(scene.asked(), "hook|pre-merge-commit|\n");
    }
}

#[test]
fn a_squash_is_asked_about_when_made_and_when_committed() {
    let scene = Scene::new();
    scene.git(&["merge", "-q", "--squash", "topic"]);
    assert!(scene.asked().ends_with(" ORIG_HEAD\n\n"));
    scene.git(&["commit", "-q", "--no-edit"]);
    let asked = scene.asked();
    assert!(asked.starts_with("hook|pre-commit|\nhook|prepare-commit-msg|.git/COMMIT_EDITMSG|squash|\n"), "{asked}");
    assert!(asked.ends_with(" refs/heads/main\n\n"), "{asked}");
}

#[test]
fn a_conflicted_merge_is_asked_about_when_committed() {
    let scene = Scene::new();
    scene.commit("topic", "Other work");
    assert!(!scene.try_git(&["merge", "topic"]).status.success());
    scene.git(&["add", "topic"]);
    scene.asked();
    scene.refuse();
    assert!(!scene.try_git(&["commit", "--no-edit"]).status.success());
    assert_eq!(scene.asked(), "hook|pre-commit|\n");
}

#[test]
fn what_git_merge_does_not_do_meets_the_backstop() {
    let scene = Scene::new();
    scene.git(&["branch", "release/1", "main"]);
    scene.asked();
    scene.refuse();
    let main = scene.git(&["rev-parse", "main"]);
    for args in [
        &["fetch", "-q", ".", "topic:release/1"][..],
        &["branch", "-f", "release/1", "topic"],
        &["update-ref", "refs/heads/main", "topic"],
        &["reset", "-q", "--soft", "topic"],
        &["commit", "-q", "--allow-empty", "-m", "Plain"],
    ] {
        assert!(!scene.try_git(args).status.success(), "git {args:?}");
        let asked = scene.asked();
        assert!(asked.contains(" refs/heads/main\n") || asked.contains(" refs/heads/release/1\n"), "git {args:?}: {asked}");
    }
    assert_eq!(scene.git(&["rev-parse", "main", "release/1"]), format!("{main}\n{main}"));
    // git 2.46 and later tell hooks about symbolic refs.
    if scene.git(&["version"]).split('.').nth(1).and_then(|minor| minor.parse().ok()).is_some_and(|minor: u32| minor >= 46) {
        assert!(!scene.try_git(&["symbolic-ref", "refs/heads/main", "refs/heads/topic"]).status.success());
        assert!(scene.asked().contains(" ref:refs/heads/topic refs/heads/main\n"));
    }
    // A deletion brings nothing in, and cannot be told from packing refs.
    scene.git(&["branch", "-q", "-D", "release/1"]);
    assert_eq!(scene.asked(), "");
}

#[test]
fn a_packed_branch_and_a_pull_are_asked_about_too() {
    let scene = Scene::new();
    scene.git(&["pack-refs", "--all"]);
    scene.refuse();
    assert!(!scene.try_git(&["pull", "-q", "--no-rebase", ".", "topic"]).status.success());
    let asked = scene.asked();
    assert!(asked.ends_with(" ORIG_HEAD\n\n"), "{asked}");
    assert!(!scene.try_git(&["update-ref", "refs/heads/main", "topic"]).status.success());
}

#[test]
fn linked_worktrees_and_git_files_are_understood() {
    let scene = Scene::new();
    scene.git(&["switch", "-q", "topic"]);
    scene.git(&["worktree", "add", "-q", "../tree", "main"]);
    scene.git(&["worktree", "add", "-q", "-b", "chant/x-001", "../run", "main"]);
    scene.asked();
    scene.refuse();
    assert!(!scene.try_git(&["-C", "../tree", "merge", "-q", "--ff-only", "topic"]).status.success());
    assert!(scene.asked().ends_with(" ORIG_HEAD\n\n"));
    scene.git(&["merge", "-q", "chant/x-001"]);
    assert_eq!(scene.asked(), "");
    // The stand-in's refusal is no refusal of a hook that only marks.
    scene.git(&["-C", "../run", "commit", "-q", "--allow-empty", "-m", "Work"]);
    let asked = scene.asked();
    assert!(asked.starts_with("hook|prepare-commit-msg|") && asked.contains("\nhook|commit-msg|"), "{asked}");
    assert!(!asked.contains("reference-transaction"), "{asked}");

    scene.git(&["init", "-q", "--separate-git-dir", "../git dir"]);
    // That wrote to the configuration.
    renew_in(&scene.dir.path().join("git dir"));
    scene.git(&["switch", "-q", "-C", "other"]);
    assert_eq!(scene.asked(), "");
    scene.git(&["-C", "../tree", "worktree", "repair"]);
    assert!(!scene.try_git(&["-C", "../tree", "merge", "-q", "--ff-only", "topic"]).status.success());
    assert!(scene.asked().ends_with(" ORIG_HEAD\n\n"));
}

#[test]
fn a_variable_that_looks_like_a_merge_does_not_turn_the_gate_off_or_on() {
    let scene = Scene::new();
    scene.refuse();
    let set = [("GITHEADS", "x"), ("X", "a\nGITHEADX=1"), ("GIT_CHANT_HOOK_GUARD", "1")];
    let merge = scene.command(&["merge", "-q", "topic"]).envs(set).output().expect("git starts");
    assert!(!merge.status.success());
    scene.asked();
    fs::remove_file(scene.dir.path().join("refuse")).expect("removed");
    let reset = scene.command(&["reset", "-q", "--hard", "HEAD"]).envs(set).output().expect("git starts");
    assert!(reset.status.success());
    assert_eq!(scene.asked(), "");
}

#[test]
fn a_hook_of_somebody_else_runs_first_and_its_failure_ends_it() {
    let scene = Scene::new();
    install::uninstall(&scene.hooks()).expect("uninstalled");
    let log = scene.dir.path().join("asked");
    for kind in [HookKind::ReferenceTransaction, HookKind::PreMergeCommit, HookKind::CommitMsg] {
        let text = format!(
            "#!/bin/sh\nprintf 'foreign {kind} %s:' \"$1\" >>'{0}'\n[ -t 0 ] || cat >>'{0}'\n[ ! -e \"$HOME/stop\" ]\n",
            log.display()
        );
        executable(&scene.hook(kind), &text);
    }
    let actions = scene.install();
    let kept = actions.iter().filter(|(_, action)| matches!(action, Action::KeptForeign { .. })).count();
    assert_eq!((kept, actions.len()), (3, 7));
    scene.renew();
    scene.git(&["merge", "-q", "--no-ff", "--no-edit", "topic"]);
    let asked = scene.asked();
    let first = asked.find("foreign reference-transaction prepared:").expect("asked");
    assert!(first < asked.find("hook|reference-transaction").expect("asked"), "{asked}");
    assert!(asked.contains("foreign pre-merge-commit"), "{asked}");
    assert!(asked.contains("foreign reference-transaction committed:0000"), "{asked}");
    let tip = scene.git(&["rev-parse", "main"]);
    assert!(asked.contains(&format!(" {tip} HEAD\n")), "the other hook sees every line: {asked}");
    let ours: Vec<&str> = asked.split("hook|reference-transaction").skip(1).filter_map(|call| call.lines().next()).collect();
    assert!(!ours.is_empty() && !ours.iter().any(|line| line.ends_with(" HEAD")), "ours only what matters: {asked}");

    fs::write(scene.dir.path().join("stop"), "").expect("written");
    assert!(!scene.try_git(&["update-ref", "refs/heads/main", "topic"]).status.success());
    let asked = scene.asked();
    assert!(asked.contains("foreign") && !asked.contains("hook|"), "{asked}");
}

#[test]
fn a_gate_that_has_lost_git_chant_refuses_and_says_what_to_do() {
    let scene = Scene::new();
    fs::remove_file(scene.binary()).expect("removed");
    let merge = scene.try_git(&["merge", "topic"]);
    let said = String::from_utf8_lossy(&merge.stderr).into_owned();
    assert!(!merge.status.success());
    assert!(said.contains("'git chant hooks install'") && said.contains("delete .git/hooks/reference-transaction"), "{said}");
    assert_eq!(scene.git(&["status", "--porcelain"]), "");

    scene.git(&["switch", "-q", "-c", "chant/x-001"]);
    let commit = scene.try_git(&["commit", "-q", "--allow-empty", "-m", "Work"]);
    let said = String::from_utf8_lossy(&commit.stderr).into_owned();
    assert!(commit.status.success() && said.contains("warning: git-chant is not where it was"), "{said}");
    assert_eq!(scene.git(&["log", "-1", "--format=%s"]), "Work");
}

#[test]
fn a_moved_git_chant_is_found_on_the_path() {
    let scene = Scene::new();
    let bin = scene.dir.path().join("bin");
    fs::create_dir(&bin).expect("made");
    fs::rename(scene.binary(), bin.join("git-chant")).expect("moved");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let merge = scene.command(&["merge", "-q", "--ff-only", "topic"]).env("PATH", path).output().expect("git starts");
    assert!(merge.status.success(), "{}", String::from_utf8_lossy(&merge.stderr));
    assert!(scene.asked().ends_with(" refs/heads/main\n\n"));
}

#[test]
fn where_head_cannot_be_read_as_a_file_git_chant_is_asked() {
    let scene = Scene::new();
    let to = scene.dir.path().join("other");
    let made = scene.command(&["init", "-q", "-b", "main", "--ref-format=reftable"]).arg(&to).output().expect("git starts");
    if !made.status.success() {
        return; // a git without reftable
    }
    install::install(&to.join(".git/hooks"), wanted(&protected(), &scene.binary())).expect("installed");
    renew_in(&to.join(".git"));
    scene.git(&["-C", "../other", "pull", "-q", "--ff-only", "../re po", "main"]);
    scene.asked();
    scene.refuse();
    assert!(!scene.try_git(&["-C", "../other", "pull", "-q", "--ff-only", "../re po", "topic"]).status.success());
    let asked = scene.asked();
    assert!(asked.ends_with(" ORIG_HEAD\n\n"), "{asked}");
}
