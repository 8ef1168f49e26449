//! Merges in two steps: a squash or a conflict, and the commit that ends it. What was complete at the first step may not be at the second.

use super::{TestRepo, finished, repository};

#[test]
fn a_squash_is_refused_at_its_commit() {
    let (repo, id) = finished(&["It is good"], &[]);
    repo.try_git(&["merge", "--squash", &format!("chant/{id}")]).ok();
    repo.chant(&["reject", &id, "--reason", "changed my mind"]).ok();
    for commit in [vec!["commit", "-q", "--no-edit"], vec!["commit", "-q", "-m", "mine"], vec!["commit", "-q", "-n", "-m", "mine"]] {
        let before = repo.snapshot();
        let said = repo.try_git(&commit);
        assert_ne!(said.code, 0, "{said}");
        assert!(said.stderr.contains(&format!("error: spec {id} was rejected")), "{said}");
        assert!(said.stderr.contains(&format!("hint: git chant approve {id}")), "{said}");
        before.assert_same(&repo.snapshot());
    }
    repo.chant(&["approve", &id]).ok();
    repo.try_git(&["commit", "-q", "-m", "in my own words"]).ok();
    assert!(repo.git(&["log", "-1", "--format=%B"]).contains(&format!("Chant-Spec: {id}")));
    assert_eq!(repo.read(&format!("work-{id}")), "attempt 1\n");
}

#[test]
fn what_a_squash_leaves_out_is_missing() {
    let (repo, id) = finished(&["It is good"], &[]);
    repo.try_git(&["merge", "--squash", &format!("chant/{id}")]).ok();
    repo.write(&format!("work-{id}"), "something else\n");
    repo.git(&["add", "."]);
    let said = repo.try_git(&["commit", "-q", "--no-edit"]);
    assert_ne!(said.code, 0, "{said}");
    assert!(said.stderr.contains("is not in the result"), "{said}");
}

/// A finished spec whose work conflicts with `main`, and the merge stopped at that.
fn stopped_at_a_conflict() -> (TestRepo, String) {
    let repo = repository();
    repo.agent("clash", "echo theirs >clash; sed -i 's/^- \\[ \\]/- [x]/' \"$CHANT_SPEC_FILE\"");
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.chant(&["work", &id]).ok();
    repo.write("clash", "ours\n");
    repo.commit_all("Go on");
    repo.try_git(&["merge", &format!("chant/{id}")]).fails(1).says("CONFLICT");
    (repo, id)
}

#[test]
fn a_conflict_is_refused_at_its_commit() {
    let (repo, id) = stopped_at_a_conflict();
    repo.chant(&["reject", &id, "--reason", "changed my mind"]).ok();
    repo.write("clash", "both\n");
    repo.git(&["add", "clash"]);
    for commit in [vec!["commit", "--no-edit"], vec!["merge", "--continue"], vec!["commit", "-n", "-m", "mine"]] {
        let before = repo.snapshot();
        let said = repo.try_git(&[&["-c", "core.editor=true"], &commit[..]].concat());
        assert_ne!(said.code, 0, "{said}");
        assert!(said.stderr.contains(&format!("error: spec {id} was rejected")), "{said}");
        assert!(said.stderr.contains(&format!("hint: git chant approve {id}")), "{said}");
        before.assert_same(&repo.snapshot());
    }
    repo.chant(&["approve", &id]).ok();
    repo.try_git(&["commit", "-q", "--no-edit"]).ok();
    assert_eq!(repo.read("clash"), "both\n");
}

/// What the refusal says to type, once what was missing is there.
#[test]
fn what_was_refused_in_the_midst_of_it_goes_on() {
    let (all, id) = finished(&["It is good"], &[]);
    for (way, goes_on) in [
        ("cherry-pick $work", "git cherry-pick --continue"),
        ("format-patch -q --stdout -1 $work | git am -q", "git am --continue"),
        ("rebase -q --no-verify $work", "git rebase --continue"),
        ("merge -q --no-ff --no-edit $work", "git merge --continue"),
    ] {
        let repo = all.copy();
        if goes_on.contains("merge") {
            repo.chant(&["hooks", "install", "--light"]).ok();
        }
        repo.chant(&["uncheck", &id, "1"]).ok();
        let sh = |line: &str| super::Outcome::of(repo.command(repo.path(), "sh").env("GIT_EDITOR", "true").args(["-c", line]));
        let work = repo.git(&["rev-parse", &format!("chant/{id}^{{/Do the work}}")]);
        let said = sh(&format!("work={work}; git {way}")).says("criterion 1 is not ticked").says(&format!("hint: then go on: {goes_on}\n"));
        assert_ne!(said.code, 0, "{said}");
        repo.chant(&["check", &id, "1"]).ok();
        sh(goes_on).ok();
        assert_eq!(repo.git(&["show", &format!("main:work-{id}")]), "attempt 1", "{goes_on}");
    }
}

#[test]
fn a_conflict_may_be_aborted() {
    let (repo, id) = stopped_at_a_conflict();
    repo.chant(&["reject", &id, "--reason", "changed my mind"]).ok();
    repo.try_git(&["merge", "--abort"]).ok();
    assert_eq!((repo.git(&["status", "--porcelain"]).as_str(), repo.read("clash").as_str()), ("", "ours\n"));
}

#[test]
fn our_own_merge_leaves_nothing_half_done() {
    let (repo, id) = stopped_at_a_conflict();
    repo.try_git(&["merge", "--abort"]).ok();
    let (before, head) = (repo.snapshot(), repo.head());
    repo.chant(&["merge", &id]).fails(1).says("conflicts with main in clash");
    before.without("git dir ORIG_HEAD").assert_same(&repo.snapshot().without("git dir ORIG_HEAD"));
    assert_eq!(repo.head(), head);
    // Where the target is checked out nowhere, neither.
    repo.git(&["switch", "-q", "other"]);
    repo.chant(&["merge", &id, "--target", "main"]).fails(1).says("conflicts with main in clash");
    assert_eq!(repo.git(&["rev-parse", "main"]), head);
}

/// What a person is in the middle of is theirs: their half resolved conflict was ended as though it were ours.
#[test]
fn our_own_merge_ends_nothing_that_somebody_is_at() {
    let repo = repository();
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.chant(&["work", &id]).ok();
    repo.git(&["switch", "-q", "-c", "theirs"]);
    repo.write("clash", "theirs\n");
    repo.commit_all("Theirs");
    repo.git(&["format-patch", "-q", "-1", "-o", repo.root().to_str().unwrap()]);
    repo.git(&["switch", "-q", "main"]);
    repo.write("clash", "ours\n");
    repo.commit_all("Ours");
    repo.write("clash", "ours again\n");
    repo.commit_all("Ours again");
    let patch = repo.root().join("0001-Theirs.patch");
    let begun: [(&str, &[&str]); 5] = [
        ("merge", &["merge", "theirs"]),
        ("cherry-pick", &["cherry-pick", "theirs"]),
        ("revert", &["revert", "HEAD~1"]),
        ("am", &["am", "-3", patch.to_str().unwrap()]),
        ("rebase", &["rebase", "theirs"]),
    ];
    for (word, begin) in begun {
        assert_ne!(repo.try_git(begin).code, 0, "{word}");
        repo.write("clash", "resolved\n");
        let (before, main) = (repo.snapshot(), repo.git(&["rev-parse", "main"]));
        let said = repo.chant(&["merge", &id, "--target", "main"]).fails(128).says(&format!("git {word} is not finished in"));
        said.says(&format!("hint: finish it: git {word} --continue")).says(&format!("hint: then: git chant merge {id}"));
        before.assert_same(&repo.snapshot());
        assert_eq!((repo.git(&["rev-parse", "main"]), repo.read("clash").as_str()), (main, "resolved\n"), "{word}");
        repo.git(&[word, "--abort"]);
    }
    // A bisect minds nothing.
    repo.git(&["bisect", "start"]);
    repo.chant(&["merge", &id]).ok();
}

/// `main` here, `master` there: both are protected. What is not protected there is judged.
#[test]
fn what_the_upstream_has_under_another_name_is_published() {
    let repo = repository();
    let id = repo.add_spec("Do it", &["It is good"]);
    let origin = repo.with_origin();
    let mate = repo.clone_to(&origin, "mate");
    for (branch, is_let_in) in [("topic", false), ("master", true)] {
        mate.write("half", branch);
        mate.commit_all(&format!("chant({id}): half"));
        mate.git(&["push", "-q", "origin", &format!("HEAD:{branch}")]);
        repo.git(&["fetch", "-q"]);
        repo.git(&["branch", "-q", "-u", &format!("origin/{branch}")]);
        for how in ["--ff-only", "--no-rebase"] {
            let said = repo.try_git(&["pull", "-q", "--no-edit", how]);
            assert_eq!(said.code == 0, is_let_in, "{how} of {branch}: {said}");
            repo.git(&["reset", "-q", "--hard", "main@{1}"]);
            repo.git(&["commit", "-q", "--allow-empty", "-m", "Mine"]);
        }
        repo.git(&["reset", "-q", "--hard", "origin/main"]);
    }
}

#[test]
fn published_commits_can_always_be_pulled() {
    let repo = repository();
    let id = repo.add_spec("Do it", &["It is good"]);
    let origin = repo.with_origin();
    // A teammate without hooks publishes work that is not done.
    let mate = repo.clone_to(&origin, "mate");
    let publish = |n: u32, branch: &str| {
        mate.write("half", n.to_string());
        mate.commit_all(&format!("chant({id}): half {n}"));
        mate.git(&["push", "-q", "origin", &format!("HEAD:{branch}")]);
    };
    publish(1, "main");
    repo.try_git(&["pull", "-q"]).ok();
    publish(2, "main");
    repo.write("mine", "x\n");
    repo.commit_all("My own");
    repo.try_git(&["pull", "-q", "--no-edit"]).ok();
    publish(3, "main");
    repo.git(&["fetch", "-q"]);
    repo.try_git(&["merge", "-q", "--no-edit", "origin/main"]).ok();
    assert_eq!(repo.read("half"), "3");
    publish(4, "main");
    repo.write("mine", "y\n");
    repo.commit_all("My own again");
    repo.try_git(&["pull", "-q", "--rebase"]).ok();
    assert_eq!(repo.read("half"), "4");
    // What is published elsewhere than on main's own copy is judged.
    publish(5, "topic");
    let said = repo.try_git(&["pull", "-q", "--no-edit", "origin", "topic"]);
    assert!(said.code != 0 && said.stderr.contains("is pending, not completed"), "{said}");
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
}

/// The file made way for git's merge as though every edit were recorded, and what was not was gone.
#[test]
fn our_own_merge_loses_no_edit_of_the_spec() {
    let repo = repository();
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.chant(&["work", &id]).ok();
    let file = TestRepo::spec_file(&id);
    // An edit that nobody can read.
    let whole = repo.read(&file);
    let broken = whole.replacen("---\n", "---\n: [\n", 1);
    repo.write(&file, &broken);
    let head = repo.head();
    repo.chant(&["merge", &id]).fails(128).says("holds an edit that cannot be recorded").says(&format!("hint: then: git chant merge {id}"));
    assert_eq!((repo.read(&file), repo.head()), (broken, head.clone()));
    repo.git(&["checkout", "-q", "--", &file]);
    // One in a checkout that is not ours: it is recorded there, and the gate has its word.
    let theirs = repo.root().join("theirs");
    repo.git(&["switch", "-q", "other"]);
    repo.git(&["worktree", "add", "-q", theirs.to_str().unwrap(), "main"]);
    let theirs = repo.at(theirs);
    theirs.write(&file, whole + "\nAnd well.\n");
    repo.chant(&["merge", &id, "--target", "main"]).fails(1).says("refused").says("intent");
    assert!(theirs.read(&file).ends_with("And well.\n"));
    assert!(repo.chant(&["show", &id, "--body"]).ok().stdout.contains("And well."));
    assert!(!theirs.exists(&format!("work-{id}")), "it is not merged");
    // A file that is gone holds nothing up.
    repo.chant(&["approve", &id]).ok();
    theirs.git(&["checkout", "-q", "--", &file]);
    std::fs::remove_file(theirs.path().join(&file)).unwrap();
    repo.chant(&["merge", &id, "--target", "main"]).ok();
    assert!(theirs.exists(&format!("work-{id}")), "it is merged");
}

/// While git merged, somebody began anew: what is under the spec's name then was removed as though it were the merged attempt's.
#[test]
fn our_own_merge_clears_away_nothing_of_the_next_attempt() {
    let repo = repository();
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.chant(&["work", &id]).ok();
    let tree = format!(".chant/worktrees/{id}");
    let anew = format!("git chant reset {id} && git branch chant/{id} && git worktree add -q {tree} chant/{id}");
    repo.script(repo.git_dir().join("hooks/post-merge"), &format!("unset GIT_DIR GIT_INDEX_FILE; {anew} >&2"));
    repo.chant(&["merge", &id]).ok();
    assert!(repo.exists(&format!("work-{id}")), "it is merged");
    assert!(repo.exists(&tree) && repo.git(&["branch", "--list", &format!("chant/{id}")]).contains(&id));
    assert_eq!(repo.show(&id)["status"], "ready");
}
