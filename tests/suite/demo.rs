//! `git chant demo`: the story comes out as it is told, wherever git is and whatever surrounds it.

use super::common::{CHANT, Outcome, TestRepo};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The demo's repository, seen with the reader's own settings.
struct Demo {
    around: TestRepo,
    here: TestRepo,
    said: String,
}

impl Demo {
    /// Runs the demo inside another repository, in which nobody has told git who they are. `more` is for what surrounds it.
    fn run(args: &[&str], dir: &str, more: impl FnOnce(&mut Command)) -> Self {
        let around = TestRepo::new();
        let mut command = fresh(&around);
        command.arg("demo").args(args);
        more(&mut command);
        let outcome = Outcome::of(&mut command).ok();
        assert_eq!(outcome.stderr, "", "both outputs of every step go where the story goes");
        let here = around.at(around.path().join(dir));
        Self { around, here, said: outcome.stdout }
    }

    /// Fails unless the story says all of these, in this order.
    #[track_caller]
    fn says_in_order(&self, lines: &[&str]) {
        let mut rest = self.said.as_str();
        for line in lines {
            let found = rest.find(line).unwrap_or_else(|| panic!("{line:?} was expected in what follows:\n{rest}"));
            rest = &rest[found + line.len()..];
        }
    }
}

/// git-chant with a home that is empty, and with real time.
fn fresh(around: &TestRepo) -> Command {
    let home = around.root().join("fresh");
    std::fs::create_dir_all(&home).unwrap();
    let mut command = around.command(around.path(), CHANT);
    command.env("HOME", home).env_remove("GIT_CONFIG_GLOBAL").env_remove("GIT_AUTHOR_DATE").env_remove("GIT_COMMITTER_DATE");
    command
}

/// The transcript with what differs from run to run taken out.
fn settled(demo: &Demo) -> String {
    demo.said.replace(&demo.here.path().display().to_string(), "DIR")
}

#[test]
fn a_merge_is_refused_and_then_allowed() {
    let demo = Demo::run(&[], "git-chant-demo", |_| {});
    demo.says_in_order(&[
        "\n$ sh tests/set-and-get.sh\nok: set and get\n",
        "\n$ git chant init --agent demo\n",
        "\n$ cat .chant/specs/004-fix.md\n---\n",
        "\n$ git chant list\n",
        "001-comprehension  ready ",
        "004-fix            blocked ",
        "\n$ git chant work 001\n",
        "✓ 001-comprehension completed",
        "\n$ git chant work 002\n",
        "> taking in the unmerged work of 001-comprehension\n",
        "LOST: phone=555-1234\n✓ 002-reproduction completed",
        "\n$ git chant work 003\n",
        "✓ 003-root-cause completed",
        "004-fix            ready ",
        "\n$ git chant work 004\n",
        // The last of the chain brings the others along.
        "lose updates\n> taking in the unmerged work of 003-root-cause\n> ",
        "agent: done, and every box is ticked\n✗ 004-fix failed: criterion 1 failed",
        "# exit code 1\n",
        "\n$ git chant verify 004\n",
        "\n  FAIL  1. No update is lost\n        it exited with 1\n            LOST: phone=555-1234\n  PASS  2. ",
        "\n$ git merge chant/004-fix\nerror: this would bring unfinished work into main; git-chant refuses it:\nerror: spec 004-fix is failed",
        "\nfatal: ref updates aborted by hook\n# exit code 128\n",
        "\n$ git status --short --branch\n## main\n\n",
        // Nothing is taken in again.
        "\n$ git chant resume 004\nWorking 004-fix: Fix issue 42: concurrent writes lose updates\n> demo in ",
        "✓ 004-fix completed",
        "\n$ git merge chant/004-fix\nUpdating ",
        "\nFast-forward\n",
        "\n$ sh tests/regression/issue-42.sh\nok: both updates are there\n",
        "status:      completed (verified",
        "\n$ git chant history 004\n",
        "  (no date)         import ",
        "\n## Where to look next\n",
        "\n  cd git-chant-demo\n  git chant list ",
    ]);
    assert!(!demo.said.contains("export PATH"), "git finds this git-chant");
    assert!(settled(&demo).lines().all(|line| line.chars().count() <= 110), "{}", demo.said);
}

#[test]
fn what_it_leaves_is_a_finished_repository_to_play_in() {
    let demo = Demo::run(&["my demo's dir"], "my demo's dir", |_| {});
    let here = &demo.here;
    demo.says_in_order(&["\n$ cd 'my demo'\\''s dir'\n", "\n  cd 'my demo'\\''s dir'\n"]);
    assert_eq!(here.git(&["status", "--porcelain"]), "");
    assert_eq!(here.git(&["rev-parse", "main"]), here.git(&["rev-parse", "chant/004-fix"]));
    let list = here.chant(&["list", "--porcelain"]).ok().stdout;
    let titles = [
        "001-comprehension\tcompleted\tresearch\tComprehension: what does issue 42 say?",
        "002-reproduction\tcompleted\ttask\tReproduction: a test that fails because of issue 42",
        "003-root-cause\tcompleted\tresearch\tRoot cause: why does issue 42 happen?",
        "004-fix\tcompleted\tcode\tFix issue 42: concurrent writes lose updates",
    ];
    assert_eq!(list.lines().collect::<Vec<_>>(), titles);
    assert_eq!(here.events("004-fix"), ["import", "start", "verify", "fail", "verify", "start", "verify", "finish"]);
    here.assert_no_locks();
    // The surrounding repository has seen nothing of it.
    assert_eq!(demo.around.git(&["status", "--porcelain"]), "?? \"my demo's dir/\"");
    assert_eq!(demo.around.git(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main");

    // What the last words of the story name works.
    for args in [&["show", "002"][..], &["history", "004"], &["reset", "004"], &["work", "004"], &["merge", "004"]] {
        here.chant(args).ok();
    }
    here.chant(&["log", "004"]).ok().says("agent: I lock before the read");
    assert!(here.git(&["log", "--notes=chant", "-3"]).contains("004-fix: attempt "));
    assert!(here.git(&["log", "-p", "refs/chant/specs/004-fix"]).contains("Chant-Event: fail"));
    for (version, code, said) in [("main", 0, "ok: both updates are there"), ("main~1^{/start}", 1, "LOST: phone=555-1234")] {
        here.git(&["checkout", "--quiet", "--detach", version]);
        let mut test = here.command(here.path(), "sh");
        Outcome::of(test.arg("tests/regression/issue-42.sh")).fails(code).says(said);
    }
}

#[test]
fn the_readers_surroundings_change_nothing() {
    let shared: std::cell::RefCell<PathBuf> = PathBuf::new().into();
    let demo = Demo::run(&["demo"], "demo", |command| {
        let home = command.get_envs().find(|(name, _)| *name == "HOME").and_then(|(_, value)| value).map(PathBuf::from).unwrap();
        let hooks = home.join("hooks");
        std::fs::create_dir(&hooks).unwrap();
        let config = format!(
            "[core]\n\thooksPath = {hooks}\n\tautocrlf = true\n\texcludesFile = {home}/ignore\n[commit]\n\tgpgSign = true\n\
             [user]\n\tuseConfigOnly = true\n[init]\n\tdefaultBranch = trunk\n\tdefaultObjectFormat = sha256\n[merge]\n\tff = false\n\
             [chant]\n\tagent = none\n\tautoCommit = false\n\tmaxAttempts = 1\n\tsilent = true\n\tprotected = trunk\n[color]\n\tui = always\n",
            hooks = hooks.display(),
            home = home.display()
        );
        std::fs::write(home.join(".gitconfig"), config).unwrap();
        std::fs::write(home.join("ignore"), "*.md\n*.sh\n").unwrap();
        let other = command.get_current_dir().unwrap().join(".git");
        command.env("GIT_DIR", &other).env("GIT_WORK_TREE", other.parent().unwrap()).env("GIT_INDEX_FILE", other.join("index"));
        command.env("GIT_CHANT_OVERRIDE", "let it in").env("CHANT_RUN_ID", "run").env("CHANT_SPEC_ID", "other");
        shared.replace(hooks);
    });
    demo.says_in_order(&["\nfatal: ref updates aborted by hook\n", "\nFast-forward\n", "\nok: both updates are there\n"]);
    assert!(!demo.said.contains('\u{1b}'), "{}", demo.said);
    assert_eq!(std::fs::read_dir(shared.into_inner()).unwrap().count(), 0, "hooks for every repository are left alone");
    assert_eq!(demo.around.git(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
    assert_eq!(demo.around.git(&["status", "--porcelain"]), "?? demo/");
}

#[test]
fn a_directory_that_holds_something_is_refused() {
    let around = TestRepo::new();
    std::fs::create_dir(around.path().join("taken")).unwrap();
    around.write("taken/file", "mine\n");
    around.write("a-file", "mine\n");
    for (dir, why) in [("taken", "is not empty"), ("a-file", "is not a directory"), (".", "is not empty")] {
        let outcome = Outcome::of(fresh(&around).args(["demo", dir])).fails(128);
        let expected = format!("fatal: '{dir}' {why}; the demo wants a directory of its own\nhint: git chant demo OTHER-DIR\n");
        assert_eq!((outcome.stdout.as_str(), outcome.stderr), ("", expected));
    }
    assert_eq!(around.git(&["status", "--porcelain", "-uall"]), "?? a-file\n?? taken/file");
}

#[test]
fn a_second_demo_in_the_same_place_is_refused_and_a_path_that_lacks_git_chant_is_mended() {
    let around = TestRepo::new();
    std::fs::create_dir(around.path().join("git-chant-demo")).unwrap();
    let demo = |around: &TestRepo| {
        let path = std::env::var_os("PATH").unwrap();
        let own = Path::new(CHANT).parent().unwrap();
        let without = std::env::join_paths(std::env::split_paths(&path).filter(|dir| dir != own)).unwrap();
        Outcome::of(fresh(around).arg("demo").env("PATH", without))
    };
    let own = Path::new(CHANT).parent().unwrap().display().to_string();
    demo(&around).ok().says("export PATH=").says(&own);
    let before = around.at(around.path().join("git-chant-demo")).snapshot();
    demo(&around).fails(128).says("fatal: 'git-chant-demo' is not empty");
    before.assert_same(&around.at(around.path().join("git-chant-demo")).snapshot());
}
