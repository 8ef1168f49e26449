//! `git chant hooks` and `git chant doctor`: where hooks lie, who else is there, and what is wrong.

mod configured;
mod managers;

use super::common::TestRepo;
use super::programs;
use git_chant::hook::shim::VERSION;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// True where the gate answers: a branch that names a spec which nobody knows is refused.
#[track_caller]
pub fn guards(repo: &TestRepo) -> bool {
    if repo.try_git(&["rev-parse", "-q", "--verify", "stray"]).code != 0 {
        let no_hooks = ["-c", "core.hooksPath=/dev/null"];
        let git = |args: &[&str]| repo.git(&[&no_hooks[..], args].concat());
        git(&["switch", "-q", "-c", "stray"]);
        repo.write("stray", "x");
        git(&["add", "stray"]);
        git(&["commit", "-q", "-m", "chant(2026-01-01-001-zzz): x"]);
        git(&["switch", "-q", "main"]);
    }
    let head = repo.head();
    let said = repo.try_git(&["merge", "--ff-only", "stray"]);
    if said.code == 0 {
        repo.git(&["reset", "-q", "--hard", &head]);
        return false;
    }
    assert!(said.stderr.contains("is not known in this clone"), "{said}");
    true
}

#[test]
fn uninstalled_is_as_before_and_installed_again_guards() {
    let repo = TestRepo::new();
    let hook = repo.path().join(".git/hooks/pre-push");
    let bytes = b"#!/bin/sh\n\xff\xfe\nexit 0";
    programs::write(&hook, bytes);
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o751)).unwrap();
    let list = || {
        let mut files: Vec<_> = fs::read_dir(repo.path().join(".git/hooks")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        files.sort();
        files
    };
    let before = list();
    repo.chant(&["init"]).ok().says("hook pre-push: yours is kept");
    assert!(guards(&repo));
    repo.chant(&["hooks"]).ok().says("pre-push              installed, after another hook").says("They guard: main, master");
    repo.chant(&["hooks", "uninstall"]).ok().says("hook pre-push: yours is back").says("git chant hooks install");
    assert_eq!((list(), fs::read(&hook).unwrap()), (before, bytes.to_vec()));
    assert_eq!(fs::metadata(&hook).unwrap().permissions().mode() & 0o777, 0o751);
    assert!(!guards(&repo));
    repo.chant(&["hooks", "uninstall"]).ok().says("There were no hooks");
    repo.chant(&["hooks", "status"])
        .fails(1)
        .says("the hooks reference-transaction, ")
        .says("are missing")
        .says("hint: git chant hooks install");
    repo.chant(&["hooks", "install"]).ok();
    assert!(guards(&repo));
}

#[test]
fn what_was_chosen_is_kept_when_renewed() {
    let repo = TestRepo::new();
    repo.chant(&["init"]).ok();
    let there = |name: &str| repo.exists(&format!(".git/hooks/{name}"));
    repo.chant(&["hooks", "install", "--light", "--no-pre-rebase"])
        .ok()
        .says("chant.hooks = light -pre-rebase")
        .says("reference-transaction: taken");
    for _ in 0..2 {
        assert!(!there("reference-transaction") && !there("prepare-commit-msg") && !there("pre-rebase"));
        assert!(there("pre-merge-commit") && there("pre-push") && there("commit-msg"));
        repo.chant(&["hooks"]).ok().says_not("missing");
        repo.chant(&["init"]).ok().says("hooks: as they should be");
    }
    repo.chant(&["doctor"]).ok().says("light: a fast-forward").says("git chant hooks install --full");
    repo.chant(&["hooks", "install", "--full"]).ok().says("chant.hooks = full");
    assert!(there("reference-transaction") && there("pre-rebase"));
    assert!(guards(&repo));
    repo.chant(&["hooks", "--light"]).fails(128).says("hint: git chant hooks install");
}

#[test]
fn a_light_repository_still_refuses_what_makes_a_commit() {
    let repo = TestRepo::new();
    repo.chant(&["init"]).ok();
    repo.chant(&["hooks", "install", "--light"]).ok();
    assert!(!guards(&repo), "a fast-forward is not seen; the documentation says so");
    let merge = repo.try_git(&["merge", "--no-ff", "--no-edit", "stray"]);
    assert!(merge.code != 0 && merge.stderr.contains("is not known in this clone"), "{merge}");
}

#[test]
fn an_old_or_edited_or_dead_shim_is_noticed_and_renewed() {
    let repo = TestRepo::with_chant();
    let hook = repo.path().join(".git/hooks/pre-commit");
    let shim = fs::read_to_string(&hook).unwrap();
    programs::write(&hook, shim.replace(&format!("# git-chant hook v{VERSION}"), "# git-chant hook v3"));
    repo.chant(&["hooks"]).fails(1).says("the pre-commit hook is out of date").says("hint: git chant hooks install");
    repo.chant(&["doctor"]).fails(1).says("→ git chant hooks install");
    repo.chant(&["hooks", "install"]).ok().says("1 renewed");
    repo.chant(&["hooks"]).ok();
    // It says so itself, too.
    repo.chant_env(&[("GIT_CHANT_HOOK", "3")], &["hook", "pre-commit"]).ok().says("older git-chant; renew them: git chant hooks install");
    repo.chant_env(&[("GIT_CHANT_HOOK", &VERSION.to_string())], &["hook", "pre-commit"]).ok().says_not("older git-chant");
    programs::write(&hook, format!("{shim}echo mine\n"));
    repo.chant(&["hooks"]).fails(1).says("was changed by hand");
    repo.chant(&["hooks", "install"]).ok().says("your edited copy is kept as");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o644)).unwrap();
    repo.chant(&["hooks"]).fails(1).says("not executable, so git skips it");
    repo.chant(&["hooks", "install"]).ok();
    repo.chant(&["hooks"]).ok();
}

/// Nothing of git-chant runs between the change and the merge but the hook itself.
#[test]
fn branches_that_are_protected_later_are_guarded_at_once() {
    let repo = TestRepo::with_chant();
    assert!(guards(&repo));
    let into = |branch: &str| {
        let said = repo.try_git(&["push", "-q", ".", &format!("stray:{branch}")]);
        let moved = repo.try_git(&["branch", "-f", branch, "stray"]);
        let refused = said.stderr.contains("is not known in this clone") && moved.stderr.contains("is not known in this clone");
        assert_eq!((said.code != 0, moved.code != 0), (refused, refused), "{said}{moved}");
        refused
    };
    for branch in ["release/1", "stable", "late"] {
        repo.git(&["branch", "-q", branch]);
    }
    repo.git(&["config", "--add", "chant.protected", "main"]);
    repo.git(&["config", "--add", "chant.protected", "release/*"]);
    assert!(into("release/1"));
    assert!(repo.read(".git/hooks/pre-push").contains("'refs/heads/release/'*"), "the hooks are renewed");
    repo.chant(&["hooks"]).ok();
    // By what the team shares: a commit, and what a merge brings.
    repo.write(".chant/config.md", "---\nprotected: [stable]\n---\n");
    repo.commit_all("Settle");
    assert!(into("stable") && into("release/1"));
    repo.git(&["switch", "-q", "-c", "topic"]);
    repo.write(".chant/config.md", "---\nprotected: [stable, late]\n---\n");
    repo.commit_all("Settle more");
    repo.git(&["switch", "-q", "main"]);
    repo.git(&["merge", "-q", "topic"]);
    assert!(into("late"));
    repo.chant(&["hooks"]).ok().says("late");
    // Where the files are not ours to write, the hook goes on asking, and the doctor says why.
    repo.git(&["config", "core.hooksPath", "hooks"]);
    repo.chant(&["hooks", "install"]).ok();
    repo.git(&["config", "--add", "chant.protected", "other"]);
    repo.git(&["branch", "-q", "other", "late"]);
    assert!(into("other") && into("other"));
    repo.chant(&["hooks"]).fails(1).says("out of date").says("hint: git chant hooks install");
}

/// A repository with hooks where git's own place is; `core.hooksPath` is set after that.
fn with_hooks_path(value: &str) -> TestRepo {
    let repo = TestRepo::with_chant();
    assert!(guards(&repo));
    repo.git(&["config", "core.hooksPath", value]);
    repo
}

#[test]
fn a_hooks_path_that_was_set_later_is_noticed() {
    for value in ["../own hooks", "/nowhere/of/this/kind"] {
        let repo = with_hooks_path(value);
        assert!(!guards(&repo));
        repo.chant(&["hooks"]).fails(1).says("do not run: core.hooksPath=");
    }
    let repo = with_hooks_path(".githooks");
    repo.chant(&["hooks", "install"]).ok().says("core.hooksPath is relative").says("hint: git config core.hooksPath /");
    assert!(guards(&repo) && repo.exists(".githooks/pre-commit"));
    repo.chant(&["hooks", "uninstall"]).ok();
    assert!(!repo.exists(".githooks/pre-commit") && !repo.exists(".git/hooks/pre-commit"));
}

#[test]
fn an_absolute_hooks_path_that_does_not_exist_is_made() {
    let repo = TestRepo::new();
    let path = repo.root().join("its hooks");
    repo.git(&["config", "core.hooksPath", path.to_str().unwrap()]);
    repo.chant(&["init"]).ok().says("installed in");
    assert!(guards(&repo) && path.join("pre-commit").exists());
    repo.chant(&["hooks"]).ok().says("of this repository");
}

#[test]
fn a_relative_hooks_path_that_a_linked_worktree_lacks_is_said() {
    let repo = with_hooks_path(".githooks");
    repo.chant(&["hooks", "install"]).ok();
    repo.git(&["switch", "-q", "-c", "elsewhere"]);
    let tree = repo.at(repo.root().join("linked"));
    repo.git(&["worktree", "add", "-q", tree.path().to_str().unwrap(), "main"]);
    assert!(!guards(&tree), "git runs nothing there, and says nothing");
    let said = repo.chant(&["doctor"]).fails(1).says("git looks for hooks in").says("linked/.githooks");
    let mend = said.stdout.lines().find_map(|line| line.trim_start().strip_prefix("→ git ")).unwrap().replace('\'', "");
    repo.git(&mend.split(' ').collect::<Vec<_>>());
    assert!(guards(&tree));
    repo.chant(&["hooks"]).ok();
    tree.chant(&["doctor"]).ok().says("Nothing is wrong.");
}

#[test]
fn an_empty_hooks_path_is_said() {
    let repo = with_hooks_path("");
    assert!(!guards(&repo));
    for verb in ["hooks", "doctor"] {
        repo.chant(&[verb]).fails(1).says("core.hooksPath is empty, so git runs no hooks").says("git config --unset core.hooksPath");
    }
    repo.chant(&["hooks", "install"]).fails(128).says("hint: git config --unset core.hooksPath");
    repo.chant(&["init"]).ok().says("warning: no hooks were installed");
}

#[test]
fn a_global_hooks_path_is_not_written_to_unasked() {
    let repo = TestRepo::new();
    let path = repo.root().join("home/hooks");
    repo.git(&["config", "--global", "core.hooksPath", path.to_str().unwrap()]);
    repo.chant(&["init"]).ok().says("warning: no hooks were installed").says("for every repository here").says("--everywhere");
    assert!(!path.exists());
    repo.chant(&["doctor"]).fails(1).says("are missing");
    repo.chant(&["hooks", "install"]).fails(128);
    repo.chant(&["hooks", "install", "--everywhere"]).ok();
    assert!(guards(&repo) && path.join("pre-commit").exists());
    // They serve repositories that protect other branches: they ask about each.
    assert!(std::fs::read_to_string(path.join("pre-push")).unwrap().contains("    'refs/heads/'**) return 0 ;;"));
    repo.chant(&["hooks"]).ok();
    repo.chant(&["hooks", "uninstall"]).ok();
    assert!(!path.join("pre-commit").exists());
    // For this repository alone, as the other hint says.
    repo.git(&["config", "core.hooksPath", repo.path().join(".git/hooks").to_str().unwrap()]);
    repo.chant(&["hooks", "install"]).ok();
    assert!(guards(&repo));
    repo.chant(&["hooks"]).ok();
}

#[test]
fn a_bare_repository_takes_only_the_server_hook() {
    let repo = TestRepo::new();
    let bare = repo.at(repo.with_origin());
    bare.chant(&["hooks", "install"]).fails(128).says("hint: git chant hooks install --server");
    bare.chant(&["hooks"]).fails(1).says("git chant hooks install --server");
    bare.chant(&["hooks", "install", "--server"]).ok().says("1 installed");
    assert!(bare.exists("hooks/pre-receive") && !bare.exists("hooks/reference-transaction"));
    bare.chant(&["hooks", "install"]).ok().says("as they should be");
    bare.chant(&["hooks"]).ok().says("pre-receive");
    bare.chant(&["doctor"]).ok();
}

#[test]
fn the_doctor_names_what_is_wrong_with_its_command() {
    let repo = TestRepo::new();
    repo.chant(&["doctor"]).fails(1).says("not set up in this clone").says("→ git chant init");
    repo.chant(&["init"]).ok();
    repo.git(&["config", "chant.agent", "script"]);
    repo.chant(&["doctor"]).ok().says("Nothing is wrong.").says("main, master").says("script");
    repo.git(&["config", "chant.verify", "yes"]);
    repo.git(&["config", "user.name", ""]);
    repo.write(".chant/config.md", "---\nprotected: [main\n---\n");
    repo.git(&["add", "."]);
    repo.git(&["-c", "user.name=x", "commit", "-q", "-m", "x"]);
    repo.git(&["update-ref", "refs/chant/specs/2026-01-01-001-bad", "HEAD"]);
    repo.with_origin();
    let said = repo.chant(&["doctor", "--json"]).fails(1);
    let all: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let wrong: Vec<_> = all["findings"].as_array().unwrap().iter().filter(|finding| finding["level"] == "wrong").collect();
    for (about, command) in [
        ("settings", "git config chant.verify branch"),
        ("clone", "git chant init"),
        ("settings", "$(git var GIT_EDITOR) .chant/config.md"),
        ("specs", "git update-ref -d refs/chant/specs/2026-01-01-001-bad"),
    ] {
        assert!(wrong.iter().any(|finding| finding["about"] == about && finding["command"] == command), "{about}: {said}");
    }
    assert!(wrong.iter().any(|finding| finding["text"].as_str().unwrap().contains("front matter says nothing")), "{said}");
    assert!(wrong.iter().all(|finding| finding["command"].is_string()) && all["ok"] == false);
}
