//! Wherever a repository lies, whatever it is called, and however git-chant was started in it: the main job works, and only there.

use crate::common::{CHANT, Outcome, TestRepo};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

/// Makes a file and ticks what no command decides.
const AGENT: &str = r#"echo "made by $CHANT_SPEC_ID" >made.txt
sed -i 's/\[ \]/[x]/' "$CHANT_SPEC_FILE""#;

/// The main job from beginning to end: `init` to a gated merge and the archive. `repo` is where the commands are typed.
fn main_job(repo: &TestRepo) {
    repo.chant(&["init"]).ok();
    // What `init` made, so that the settings are shared.
    let top = repo.at(top_of(repo));
    top.commit_all("Set up git-chant");
    repo.agent("maker", AGENT);
    let id = repo.add_spec("Make a file", &["It is there `$ test -f made.txt`", "It is nice"]);
    let file = TestRepo::spec_file(&id);
    assert!(top.exists(&file), "the spec's file is not at the top of the checkout");
    assert_eq!(repo.git(&["status", "--porcelain"]), "", "add leaves something behind");
    repo.chant(&["edit", &id, "--add-label", "nice"]).ok();
    top.edit_spec(&id, "It is nice", "It is very nice");
    repo.chant(&["list"]).ok().says(&id).says_not("warning");
    assert_eq!(repo.git(&["status", "--porcelain"]), "", "the edit by hand is not committed");
    let before = repo.snapshot();
    repo.chant(&["work", &id]).ok().says("completed");
    before.assert_same(&repo.snapshot());
    repo.chant(&["show", &id]).ok().says("verified");
    repo.chant(&["log", &id]).ok();
    repo.chant(&["merge", &id]).ok();
    assert_eq!(top.read("made.txt"), format!("made by {id}\n"));
    assert_eq!(repo.git(&["status", "--porcelain"]), "", "merge leaves something behind");
    assert_eq!(repo.show(&id)["status"], "completed");
    assert_eq!(repo.events(&id).iter().filter(|kind| ["start", "finish", "merge"].contains(&kind.as_str())).count(), 3);
    repo.chant(&["archive", &id]).ok();
    assert_eq!(repo.git(&["status", "--porcelain"]), "", "archive leaves something behind");
    repo.assert_no_locks();
    repo.git(&["fsck", "--connectivity-only", "--no-dangling"]);
}

fn top_of(repo: &TestRepo) -> PathBuf {
    let output = repo.command(repo.path(), "git").args(["rev-parse", "--show-toplevel"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(OsString::from_vec(output.stdout.strip_suffix(b"\n").unwrap().to_vec()))
}

/// A spec whose work is not done is kept out of this branch by the hooks, fast-forward or not.
fn assert_guarded(repo: &TestRepo, branch: &str) {
    let id = repo.add_spec("Half done", &["It is there `$ test -f half.txt`"]);
    let head = repo.head();
    repo.git(&["switch", "--quiet", "-c", &format!("chant/{id}")]);
    repo.write("half-done", "half\n");
    repo.commit_all("Half");
    repo.git(&["switch", "--quiet", branch]);
    let merge = repo.try_git(&["merge", "--quiet", &format!("chant/{id}")]);
    assert!(merge.code != 0 && merge.stderr.contains(&id), "the gate let it in at {}: {merge}", repo.path().display());
    assert_eq!(repo.head(), head);
}

#[test]
fn directories_with_odd_names() {
    let names: [&[u8]; 6] = [b"with space", b"new\nline", b"-dash", b"caf\xe9 \xff", b"it's \"$HOME\" `x`", b"end\n"];
    for name in names {
        let repo = TestRepo::named(OsStr::from_bytes(name));
        main_job(&repo);
        assert_guarded(&repo, "main");
    }
}

#[test]
fn from_a_subdirectory() {
    let repo = TestRepo::new();
    repo.write("sub/-deep dir/file", "x\n");
    repo.commit_all("sub");
    main_job(&repo.at(repo.path().join("sub/-deep dir")));
    assert_guarded(&repo, "main");
}

#[test]
fn from_a_linked_worktree() {
    let repo = TestRepo::new();
    for name in [b"linked".as_slice(), b"li nked\n\xff"] {
        let path = repo.root().join(OsStr::from_bytes(name));
        let branch = format!("topic-{}", name.len());
        let output = repo.command(repo.path(), "git").args(["worktree", "add", "--quiet", "-b", &branch]).arg(&path).output().unwrap();
        assert!(output.status.success());
        let linked = repo.at(path);
        // The main worktree is somebody else's place: only the excluded directory of runs is there.
        let main = || repo.snapshot().without("file .chant").without("ref refs/heads/topic-");
        let before = main();
        main_job(&linked);
        before.assert_same(&main());
        assert_eq!(repo.git(&["status", "--porcelain"]), "");
    }
}

#[test]
fn files_with_odd_names() {
    let repo = TestRepo::with_chant();
    let names: [&[u8]; 5] = [b"-dash", b"new\nline", b"caf\xe9", b" space ", b":(top)magic"];
    repo.commit_all("set up");
    repo.agent(
        "odd",
        "printf x >\"$(printf 'caf\\351')\"; printf x >./-dash; printf x >' space '; printf x >':(top)magic'; printf x >'new\nline'",
    );
    let id = repo.add_spec_with(
        "Odd files",
        &["There `$ test -f ./-dash`"],
        &["--target-file=-dash", "--target-file=new\nline", "--target-file", ":(top)magic"],
    );
    // Untracked files of the same kind are left alone.
    fs::write(repo.path().join(OsStr::from_bytes(b"mine\n\xff")), "mine").unwrap();
    let before = repo.snapshot();
    repo.chant(&["work", &id]).ok();
    before.assert_same(&repo.snapshot());
    let reader = repo.add_spec_with("Reader", &["There `$ test -f ./-dash`"], &["--informed-by=-dash", "--informed-by", "new\nline"]);
    repo.chant(&["prep", &reader]).ok();
    repo.chant(&["work", "--dry-run", &reader]).ok().says("takes in:").says(&id);
    repo.chant(&["merge", &id]).ok();
    for name in names {
        assert!(repo.path().join(OsStr::from_bytes(name)).is_file(), "{}", name.escape_ascii());
    }
    assert!(repo.git(&["show", &format!("HEAD:{}", TestRepo::spec_file(&id))]).contains("commits:"));
}

#[test]
fn an_argument_that_is_no_text_is_refused() {
    let repo = TestRepo::with_chant();
    let before = repo.snapshot();
    let mut command = repo.command(repo.path(), CHANT);
    let outcome = Outcome::of(command.args(["add", "Title", "--target-file"]).arg(OsStr::from_bytes(b"caf\xe9")));
    outcome.fails(129).says("UTF-8");
    before.assert_same(&repo.snapshot());
}

#[test]
fn hooks_in_a_directory_of_their_own() {
    let elsewhere = TestRepo::new();
    let absolute = elsewhere.root().join("my hooks");
    elsewhere.git(&["config", "core.hooksPath", absolute.to_str().unwrap()]);
    main_job(&elsewhere);
    assert!(absolute.join("reference-transaction").is_file() && !elsewhere.exists(".git/hooks/reference-transaction"));
    assert_guarded(&elsewhere, "main");

    let tracked = TestRepo::new();
    tracked.git(&["config", "core.hooksPath", "my hooks"]);
    // The file is committed by the main job, so a hook of the person's own is there before and after.
    tracked.script(tracked.path().join("my hooks/post-commit"), "echo ran >>\"$(git rev-parse --git-dir)/ran\"");
    main_job(&tracked);
    assert!(tracked.exists("my hooks/reference-transaction") && tracked.exists(".git/ran"));
    assert_guarded(&tracked, "main");
}

#[test]
fn a_repository_without_a_commit() {
    let repo = TestRepo::empty("repo", &[]);
    repo.agent("maker", AGENT);
    repo.chant(&["init"]).ok();
    repo.chant(&["list"]).ok();
    let id = repo.add_spec("First", &["There `$ test -f made.txt`"]);
    assert!(repo.exists(&TestRepo::spec_file(&id)));
    repo.chant(&["list"]).ok().says(&id);
    repo.chant(&["show", &id]).ok();
    repo.chant(&["check", &id, "1"]).ok();
    repo.chant(&["uncheck", &id, "1"]).ok();
    repo.chant(&["prep", &id]).fails(128).says("no commit yet").says("hint: git commit");
    repo.chant(&["gate"]).fails(128).says("has no commit yet").says("hint: git commit");
    repo.chant(&["finalize", &id]).fails(128).says("there is no commit to finalize").says("hint: git commit");
    repo.chant(&["verify"]).ok().says("Nothing to verify");
    for verb in ["work", "merge", "verify"] {
        repo.chant(&[verb, &id]).fails(128).says("no commit").says("hint: git commit");
    }
    assert_eq!(repo.show(&id)["status"], "ready");
    assert_eq!(repo.git(&["for-each-ref", "refs/heads"]), "");
    assert!(!repo.exists(".chant/worktrees"));
    // And then it goes on as anywhere.
    repo.commit_all("first");
    repo.chant(&["work", &id]).ok();
    repo.chant(&["merge", &id]).ok();
    assert!(repo.exists("made.txt"));
}

#[test]
fn a_main_branch_of_another_name() {
    let repo = TestRepo::empty("repo", &["--initial-branch=trunk"]);
    repo.write("README.md", "# A project\n");
    repo.commit_all("first");
    repo.chant(&["init"]).ok().says("protected branches: trunk");
    assert!(repo.read(".chant/config.md").contains("protected: [trunk]"));
    // The gate stands before the settings are committed, and after.
    assert_guarded(&repo, "trunk");
    main_job(&repo);
    assert_guarded(&repo, "trunk");
    // A clone has the settings from the file.
    let clone = repo.clone_to(repo.path(), "clone");
    clone.chant(&["init"]).ok().says("protected branches: trunk");
    assert_guarded(&clone, "trunk");
}

#[test]
fn on_another_branch_the_main_one_is_still_protected() {
    let repo = TestRepo::new();
    repo.git(&["switch", "--quiet", "-c", "topic"]);
    repo.chant(&["init"]).ok().says("protected branches: main, master");
}

#[test]
fn other_ways_to_store_a_repository() {
    for args in [["--object-format=sha256"], ["--ref-format=reftable"]] {
        let repo = TestRepo::empty("repo", &args);
        repo.write("README.md", "# A project\n");
        repo.commit_all("first");
        main_job(&repo);
        assert_guarded(&repo, "main");
        let path = repo.root().join("linked");
        repo.git(&["worktree", "add", "--quiet", "-b", "topic", path.to_str().unwrap()]);
        main_job(&repo.at(path));
    }
}

#[test]
fn a_git_directory_elsewhere() {
    let repo = TestRepo::new();
    let elsewhere = repo.root().join("else where/repo.git");
    fs::create_dir_all(elsewhere.parent().unwrap()).unwrap();
    repo.git(&["init", "--quiet", "--separate-git-dir", elsewhere.to_str().unwrap()]);
    assert!(repo.path().join(".git").is_file());
    main_job(&repo);
    assert_guarded(&repo, "main");
}

#[test]
fn a_submodule_and_what_is_around_it() {
    let inner = TestRepo::new();
    let outer = inner.at(inner.root().join("outer"));
    fs::create_dir(outer.path()).unwrap();
    outer.git(&["init", "--quiet", "-b", "main"]);
    outer.git(&["submodule", "--quiet", "add", inner.path().to_str().unwrap(), "in side"]);
    outer.commit_all("first");
    let module = outer.at(outer.path().join("in side"));
    let before = outer.snapshot().without("file in side");
    main_job(&module);
    before.assert_same(&outer.snapshot().without("file in side"));
    assert!(!outer.exists(".chant"));
    assert_guarded(&module, "main");
    outer.git(&["commit", "--quiet", "-am", "Newer module"]);
    main_job(&outer);
    assert_eq!(module.git(&["status", "--porcelain"]), "");
}

/// A hook of the person's own, which calls git-chant with whatever git has put into its environment.
fn own_hook(repo: &TestRepo, kind: &str, body: &str) {
    let hooks = repo.common_dir().join("hooks");
    let body = format!(
        "[ -z \"$IN_HOOK\" ] || exit 0\nIN_HOOK=1\nexport IN_HOOK\nexec >>'{}/said' 2>&1\n{body}",
        repo.root().join("tmp").display()
    );
    // Ours, where there is one, runs it first.
    let ours = hooks.join(kind);
    repo.script(if ours.exists() { hooks.join(format!("{kind}.before-chant")) } else { ours }, &body);
}

#[test]
fn started_from_a_hook_it_stays_in_its_repository() {
    for kind in ["pre-commit", "prepare-commit-msg", "post-commit", "post-checkout"] {
        let repo = TestRepo::with_chant();
        repo.agent("maker", AGENT);
        repo.commit_all("set up");
        let id = repo.add_spec("Worked from a hook", &["It is there `$ test -f made.txt`"]);
        let linked = repo.at(repo.root().join("linked"));
        repo.git(&["worktree", "add", "--quiet", "-b", "topic", linked.path().to_str().unwrap()]);
        own_hook(
            &repo,
            kind,
            &format!(
                "'{CHANT}' add --porcelain \"From $(pwd)\"\n'{CHANT}' check {id} 1\n'{CHANT}' work {id} || '{CHANT}' work {id}\nexit 0"
            ),
        );
        for (index, place) in [&repo, &linked].into_iter().enumerate() {
            place.write("wanted", format!("{index}\n"));
            place.write("not wanted", "not yet\n");
            place.git(&["add", "wanted"]);
            let head = place.head();
            let commit = place.try_git(&["commit", "--quiet", "-m", "Mine"]);
            let said = fs::read_to_string(repo.root().join("tmp/said")).unwrap_or_default();
            assert_eq!(commit.code, 0, "{kind}: {commit}{said}");
            if kind == "post-checkout" {
                place.git(&["switch", "--quiet", "-c", &format!("other-{index}")]);
            }
            // The commit holds what was staged, and nothing else: neither of the run's worktree nor of a spec.
            let mine = place.git(&["log", "--format=%H", "--grep=^Mine$", "-1"]);
            assert_eq!(place.git(&["show", "--format=", "--name-only", &mine]), "wanted", "{kind}: {said}");
            assert_eq!(place.git(&["rev-list", "--count", &format!("{head}..{mine}")]), "1", "{kind}");
            assert_eq!(place.read("not wanted"), "not yet\n");
            let status = place.git(&["status", "--porcelain", "--", ".", ":!.chant"]);
            assert_eq!(status, "?? \"not wanted\"", "{kind}: {said}");
            place.assert_no_locks();
        }
        let said = fs::read_to_string(repo.root().join("tmp/said")).unwrap();
        assert!(said.contains("completed") && !said.contains("fatal: could not"), "{kind}: {said}");
        assert_eq!(repo.events(&id).iter().filter(|event| *event == "start").count(), 1);
        let titles = repo.chant(&["list"]).ok().stdout;
        assert!(titles.contains("From ") && titles.contains("linked"), "{kind}: {titles}");
        repo.git(&["fsck", "--connectivity-only", "--no-dangling"]);
    }
}

#[test]
fn a_repository_that_the_environment_names() {
    let repo = TestRepo::with_chant();
    repo.agent("maker", AGENT);
    repo.commit_all("set up");
    let other = repo.clone_to(repo.path(), "other");
    other.chant(&["init"]).ok();
    let before = other.snapshot();
    let (git_dir, top) = (repo.git_dir(), repo.path().to_owned());
    let named = |args: &[&str]| {
        let mut command = repo.command(other.path(), CHANT);
        Outcome::of(command.env("GIT_DIR", &git_dir).env("GIT_WORK_TREE", &top).args(args))
    };
    let id = named(&["add", "--porcelain", "There", "--criterion", "`$ test -f made.txt`"]).ok().stdout.trim().to_owned();
    named(&["work", &id]).ok();
    named(&["merge", &id]).ok();
    assert!(repo.exists("made.txt") && repo.exists(&TestRepo::spec_file(&id)));
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
    // An index of one's own is no place for our entries, and the checkout's is not touched behind its back.
    let index = repo.root().join("tmp/index");
    fs::copy(git_dir.join("index"), &index).unwrap();
    let was = fs::read(&index).unwrap();
    repo.chant_env(&[("GIT_INDEX_FILE", index.to_str().unwrap())], &["add", "Later"]).ok().says("written but not committed");
    assert_eq!(fs::read(&index).unwrap(), was);
    before.assert_same(&other.snapshot());
    assert!(!other.chant(&["list"]).ok().stdout.contains("There"));
}
