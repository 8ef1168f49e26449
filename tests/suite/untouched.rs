//! Whatever a command does, index, files, HEAD, stash, untracked and ignored files are as they were, but for the one path that is its own.

use crate::common::{Outcome, TestRepo};

/// A repository in which everything that git keeps for a person is in use: staged, unstaged, untracked, ignored, stashed, executable,
/// removed, added with intent, assumed unchanged, in a directory of its own; and three specs.
fn busy() -> TestRepo {
    let repo = TestRepo::with_chant();
    for name in ["staged", "unstaged", "both", "removed", "assumed", "mode", "stashed"] {
        repo.write(name, format!("{name}\n"));
    }
    repo.write(".gitignore", "/ignored\n/build/\n");
    repo.commit_all("files");
    repo.agent("maker", "echo made > \"made-$CHANT_SPEC_ID\"; sed -i 's/\\[ \\]/[x]/' \"$CHANT_SPEC_FILE\"");
    repo.add_spec("Worked", &["It is there"]);
    repo.add_spec("Approved", &["It is there", "`$ true`"]);
    repo.add_spec("Stopped", &["It is there"]);
    repo
}

/// Makes the mess; apart from [`busy`], so that operations that ask for a clean tree can be begun in between.
fn make_mess(repo: &TestRepo) {
    repo.write("stashed", "in the stash\n");
    repo.git(&["stash", "--quiet"]);
    make_mess_without_stash(repo);
}

fn make_mess_without_stash(repo: &TestRepo) {
    repo.write("staged", "changed\n");
    repo.write("both", "once\n");
    repo.write("new-staged", "new\n");
    repo.git(&["add", "staged", "both", "new-staged"]);
    repo.write("both", "twice\n");
    repo.write("unstaged", "changed\n");
    repo.write("untracked/deep/file", "mine\n");
    repo.write("ignored", "mine\n");
    repo.write("build/out", "mine\n");
    repo.write("intended", "later\n");
    repo.git(&["add", "--intent-to-add", "intended"]);
    repo.git(&["rm", "--quiet", "removed"]);
    repo.git(&["update-index", "--assume-unchanged", "assumed"]);
    repo.write("assumed", "not told\n");
    repo.git(&["update-index", "--chmod=+x", "mode"]);
}

/// The ids of [`busy`]'s specs.
const WORKED: &str = "2026-01-29-001-abc";
const APPROVED: &str = "2026-01-29-002-abc";
const STOPPED: &str = "2026-01-29-003-abc";

/// Every verb that can be given without a merge, and how it may end.
const VERBS: &[&[&str]] = &[
    &["init"],
    &["list"],
    &["list", "--json"],
    &["show", WORKED],
    &["prep", WORKED],
    &["add", "Another", "--criterion", "It is there"],
    &["edit", STOPPED, "--add-label", "x"],
    &["check", STOPPED, "1"],
    &["uncheck", STOPPED, "1"],
    &["approve", APPROVED, "-m", "good"],
    &["reject", APPROVED, "--reason", "bad"],
    &["verify", APPROVED],
    &["pause", STOPPED],
    &["reset", STOPPED],
    &["cancel", STOPPED],
    &["work", "--dry-run", WORKED],
    &["work", WORKED, "--target", "main"],
    &["log", WORKED],
    &["history", WORKED],
    &["gate", "HEAD"],
    &["archive", STOPPED],
    &["work", WORKED],
    &["resume", WORKED],
    &["finalize", WORKED],
    &["reset", WORKED],
    &["nonsense"],
];

/// Runs every verb, each between two snapshots.
#[track_caller]
fn assert_untouched(repo: &TestRepo) -> Vec<(&'static [&'static str], Outcome)> {
    let mut all = Vec::new();
    let mut before = repo.snapshot();
    for verb in VERBS {
        let said = repo.chant(verb);
        assert!([0, 1, 128, 129].contains(&said.code) && !said.stderr.contains("panicked"), "{verb:?} {said}");
        let after = repo.snapshot();
        assert!(before == after, "{verb:?} touched something:\n{}{said}", before.diff(&after));
        before = after;
        all.push((*verb, said));
    }
    repo.assert_no_locks();
    all
}

/// What a verb said, of those that [`assert_untouched`] ran.
fn said<'a>(all: &'a [(&[&str], Outcome)], verb: &str) -> &'a Outcome {
    &all.iter().find(|(args, _)| args[0] == verb).unwrap().1
}

/// The verbs that make, edit and stop a spec worked, and where the state of the checkout forbids it, nothing was committed.
#[track_caller]
fn assert_worked(all: &[(&[&str], Outcome)]) {
    for verb in ["add", "edit", "check", "approve", "reject", "pause", "reset", "cancel", "history"] {
        assert_eq!(said(all, verb).code, 0, "{verb} {}", said(all, verb));
    }
}

#[test]
fn with_things_staged_the_verbs_commit_only_their_own_path() {
    let repo = busy();
    make_mess(&repo);
    let begin = repo.head();
    let all = assert_untouched(&repo);
    assert_worked(&all);
    assert_eq!(said(&all, "work").code, 0);
    let range = format!("{begin}..HEAD");
    let subjects = repo.git(&["log", "--format=%s", &range]);
    assert!(subjects.contains(": add spec") && subjects.lines().all(|line| line.starts_with("chant(")), "{subjects}");
    let touched = repo.git(&["log", "--format=", "--name-only", &range]);
    assert!(touched.lines().all(|path| path.starts_with(".chant/")), "{touched}");
    // The next commit of the person takes in what was staged, and not the specs.
    repo.git(&["commit", "--quiet", "-m", "mine"]);
    let mine = repo.git(&["show", "--format=", "--name-only", "HEAD"]);
    assert_eq!(mine, "both\nmode\nnew-staged\nremoved\nstaged");
}

/// During an operation nothing is committed, and it can be brought to its end afterwards.
#[track_caller]
fn assert_nothing_committed(repo: &TestRepo, word: &str) {
    let begin = repo.head();
    let all = assert_untouched(repo);
    assert_worked(&all);
    assert_eq!(repo.head(), begin);
    let add = said(&all, "add");
    assert!(add.stderr.contains("not committed") && add.stderr.contains(word), "{add}");
    // Nothing is pretended to be gone: the new spec is listed and its file is there.
    repo.chant(&["show", "2026-01-29-004-abc"]).ok();
    assert!(repo.exists(".chant/specs/2026-01-29-004-abc.md"));
}

/// A conflict in `both` between `main` and `side`.
fn conflict(repo: &TestRepo) {
    repo.git(&["switch", "--quiet", "-c", "side"]);
    repo.write("both", "theirs\n");
    repo.git(&["commit", "--quiet", "-am", "theirs"]);
    repo.git(&["switch", "--quiet", "main"]);
    repo.write("both", "ours\n");
    repo.git(&["commit", "--quiet", "-am", "ours"]);
}

#[test]
fn during_a_merge() {
    let repo = busy();
    conflict(&repo);
    repo.try_git(&["merge", "side"]).fails(1);
    repo.write("unstaged", "changed\n");
    repo.write("new-staged", "new\n");
    repo.git(&["add", "new-staged"]);
    assert_nothing_committed(&repo, "merge");
    repo.write("both", "solved\n");
    repo.git(&["add", "both"]);
    repo.git(&["commit", "--quiet", "--no-edit"]);
    assert_eq!(repo.git(&["log", "-1", "--format=%P"]).split(' ').count(), 2);
}

#[test]
fn during_a_rebase() {
    let repo = busy();
    conflict(&repo);
    repo.try_git(&["rebase", "side"]).fails(1);
    repo.write("unstaged", "changed\n");
    assert_untouched_while_detached(&repo);
    repo.write("both", "solved\n");
    repo.git(&["add", "both"]);
    // git continues only where nothing is unstaged, a spec's file that was written and not committed included.
    repo.git(&["checkout", "--", "."]);
    repo.git(&["-c", "core.editor=true", "rebase", "--continue"]);
    assert_eq!(repo.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
}

fn assert_untouched_while_detached(repo: &TestRepo) {
    let begin = repo.head();
    let all = assert_untouched(repo);
    assert_worked(&all);
    assert_eq!(repo.head(), begin);
    assert!(said(&all, "add").stderr.contains("not committed"), "{}", said(&all, "add"));
}

#[test]
fn during_a_bisect() {
    let repo = busy();
    for name in ["a", "b", "c"] {
        repo.write(name, name);
        repo.commit_all(name);
    }
    repo.git(&["bisect", "start", "HEAD", "HEAD~3"]);
    make_mess_without_stash(&repo);
    assert_untouched_while_detached(&repo);
    repo.git(&["reset", "--quiet", "--hard"]);
    repo.git(&["bisect", "good"]);
    repo.git(&["bisect", "reset"]);
    assert_eq!(repo.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
}

#[test]
fn during_a_bisect_on_a_branch() {
    let repo = busy();
    repo.git(&["bisect", "start"]);
    assert_nothing_committed(&repo, "bisect");
}

#[test]
fn during_a_cherry_pick_and_a_revert() {
    let repo = busy();
    conflict(&repo);
    repo.try_git(&["cherry-pick", "side"]).fails(1);
    assert_nothing_committed(&repo, "cherry-pick");
    repo.git(&["cherry-pick", "--abort"]);
    let repo = busy();
    conflict(&repo);
    repo.try_git(&["revert", "side"]).fails(1);
    assert_nothing_committed(&repo, "revert");
}

#[test]
fn detached() {
    let repo = busy();
    repo.git(&["checkout", "--quiet", "--detach"]);
    make_mess(&repo);
    assert_nothing_committed(&repo, "detached");
}

#[test]
fn with_a_pre_commit_hook_that_fails_or_reformats() {
    for body in ["exit 1", "for f in staged unstaged; do echo formatted > $f; done; git add -A"] {
        let repo = busy();
        make_mess(&repo);
        // The hook that was there before us: ours runs it first.
        repo.script(repo.git_dir().join("hooks/pre-commit"), body);
        repo.chant(&["init"]).ok().says("yours is kept");
        let begin = repo.head();
        let all = assert_untouched(&repo);
        assert_worked(&all);
        // Our commit of one path is none of the hook's business.
        assert!(repo.git(&["log", "--format=%s", &format!("{begin}..HEAD")]).contains("add spec"));
    }
}

#[test]
fn with_signed_commits() {
    let repo = busy();
    make_mess(&repo);
    let body = "cat > /dev/null; echo '[GNUPG:] SIG_CREATED D 1 8 00 1 F' >&2\n\
        printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nsigned by nobody\\n-----END PGP SIGNATURE-----\\n'";
    let program = repo.script("fake-gpg", body);
    repo.git(&["config", "commit.gpgSign", "true"]);
    repo.git(&["config", "gpg.program", program.to_str().unwrap()]);
    let begin = repo.head();
    assert_worked(&assert_untouched(&repo));
    for commit in repo.git(&["rev-list", &format!("{begin}..HEAD")]).lines() {
        let text = repo.git(&["cat-file", "commit", commit]);
        assert!(text.contains("signed by nobody"), "{text}");
    }
}

#[test]
fn with_a_signature_that_cannot_be_made() {
    let repo = busy();
    make_mess(&repo);
    repo.git(&["config", "commit.gpgSign", "true"]);
    repo.git(&["config", "gpg.program", repo.script("fake-gpg", "exit 2").to_str().unwrap()]);
    let begin = repo.head();
    let before = repo.snapshot();
    repo.chant(&["add", "Another"]).ok().says("not committed");
    before.assert_same(&repo.snapshot());
    assert_eq!(repo.head(), begin);
    repo.chant(&["show", "2026-01-29-004-abc"]).ok();
}

#[test]
fn in_silent_mode_no_commit_holds_a_spec() {
    let repo = TestRepo::new();
    for name in ["staged", "unstaged", "both", "removed", "assumed", "mode", "stashed"] {
        repo.write(name, format!("{name}\n"));
    }
    repo.write(".gitignore", "/ignored\n/build/\n");
    repo.commit_all("files");
    repo.chant(&["init", "--silent"]).ok();
    repo.agent("maker", "echo made > made; sed -i 's/\\[ \\]/[x]/' \"$CHANT_SPEC_FILE\"");
    for title in ["Worked", "Approved", "Stopped"] {
        repo.add_spec(title, &["It is there"]);
    }
    make_mess(&repo);
    let begin = repo.head();
    let all = assert_untouched(&repo);
    assert_worked(&all);
    assert_eq!(said(&all, "work").code, 0);
    assert_eq!(repo.head(), begin);
    assert_eq!(repo.git(&["log", "--branches", "--format=%H", "--", ".chant"]), "");
    repo.assert_no_locks();
}

#[test]
fn without_auto_commit_head_stays() {
    let repo = busy();
    repo.git(&["config", "chant.autoCommit", "false"]);
    make_mess(&repo);
    let begin = repo.head();
    let all = assert_untouched(&repo);
    assert_worked(&all);
    assert_eq!(repo.head(), begin);
}

#[test]
fn a_staged_spec_file_stays_staged() {
    let repo = busy();
    make_mess(&repo);
    let file = TestRepo::spec_file(STOPPED);
    repo.edit_spec(STOPPED, "# Stopped", "# Halted");
    repo.git(&["add", &file]);
    let (begin, staged) = (repo.head(), repo.git(&["ls-files", "--stage", &file]));
    let before = repo.snapshot();
    repo.chant(&["check", STOPPED, "1"]).ok().says("is staged");
    before.assert_same(&repo.snapshot());
    assert_eq!(repo.git(&["ls-files", "--stage", &file]), staged);
    assert_eq!(repo.head(), begin);
    assert_eq!(repo.events(STOPPED), ["create", "edit", "edit"]);
    // Another spec's file is committed as ever.
    repo.chant(&["edit", APPROVED, "--add-label", "x"]).ok().says_not("not committed");
    assert_eq!(repo.git(&["ls-files", "--stage", &file]), staged);
}

#[test]
fn a_merge_leaves_what_it_does_not_merge() {
    let repo = busy();
    repo.chant(&["work", WORKED]).ok();
    make_mess(&repo);
    // git itself refuses to merge over staged changes; elsewhere nothing is in the way.
    let before = repo.snapshot();
    let refused = repo.chant(&["merge", WORKED]);
    before.assert_same(&repo.snapshot());
    assert_ne!(refused.code, 0, "{refused}");
    repo.git(&["reset", "--quiet"]);
    let before = repo.snapshot();
    repo.chant(&["merge", WORKED]).ok();
    let own = |snapshot: crate::common::Snapshot| {
        snapshot.without("file made-").without("index made-").without("tree made-").without("git dir ORIG_HEAD")
    };
    own(before).assert_same(&own(repo.snapshot()));
    repo.assert_no_locks();
}
