//! What an agent does outside of its worktree: reported on the run, put back by nobody, and no reason to fail.

use super::{COMMIT, reachable, repository, work, work_that_makes};
use crate::common::TestRepo;

const MAIN: &str = "cd \"$CHANT_WORKTREE/../../..\"\n";

/// Works the spec to its end; the run, its history and its log say this about the outside.
#[track_caller]
fn reported(repo: &TestRepo, id: &str, what: &str) {
    work(repo, id, &[]).ok().says("completed").says("outside of its worktree").says(what);
    repo.chant(&["history", id]).ok().says(what);
    repo.chant(&["log", id]).ok().says(what);
    let finish = repo.history(id).into_iter().find(|event| event["event"] == "finish").unwrap();
    assert!(finish["trailers"].to_string().contains("Outside"), "{finish}");
}

#[track_caller]
fn silent(repo: &TestRepo, id: &str) {
    work(repo, id, &[]).ok().says("completed").says_not("outside");
    repo.chant(&["history", id]).ok().says_not("outside");
}

#[test]
fn an_edit_of_the_main_checkout_is_reported_and_stays() {
    let (repo, id) = repository(&format!("{COMMIT}{MAIN}echo changed >>README.md; echo new >new.txt"));
    reported(&repo, &id, "the main checkout: changed: README.md, new.txt");
    assert!(repo.read("README.md").contains("changed") && repo.exists("new.txt"));
}

#[test]
fn a_file_that_was_changed_before_can_be_changed_again_and_is_seen() {
    let (repo, id) = repository(&format!("{COMMIT}{MAIN}echo again >>README.md"));
    repo.write("README.md", "# Mine\n");
    repo.write("untouched.txt", "mine too\n");
    repo.write("staged.txt", "mine as well\n");
    repo.git(&["add", "staged.txt"]);
    reported(&repo, &id, "the main checkout: changed: README.md");
    assert_eq!(repo.read("README.md"), "# Mine\nagain\n");
    repo.chant(&["history", &id]).ok().says_not("untouched.txt").says_not("staged.txt");
}

#[test]
fn a_moved_head_and_a_changed_index_of_another_checkout_are_reported() {
    let (repo, id) = repository(&format!(
        "{COMMIT}{MAIN}echo x >x.txt; git add x.txt; git commit -q -m 'Elsewhere'; cd ../side; git rm -q README.md; git checkout -q -b other"
    ));
    repo.git(&["worktree", "add", "-q", "--detach", "../side"]);
    work_that_makes(&repo, &id, &[], &["other"])
        .ok()
        .says("the main checkout: HEAD moved from")
        .says("the worktree side: it was on (detached) and is on other");
    repo.chant(&["history", &id]).ok().says("changed: README.md");
}

#[test]
fn a_branch_that_was_deleted_or_rewritten_and_a_dropped_stash_are_reported_and_kept() {
    let script = format!("{COMMIT}git branch -q -D feature; git branch -q -f forced HEAD; git stash clear; git branch -q -f forward HEAD");
    let (repo, id) = repository(&script);
    for name in ["feature", "forced"] {
        repo.git(&["checkout", "-q", "-b", name]);
        repo.commit_all(&format!("On {name}"));
        repo.git(&["checkout", "-q", "main"]);
    }
    repo.git(&["branch", "forward"]);
    repo.write("README.md", "# Stashed\n");
    repo.git(&["stash", "push", "-q", "-m", "kept"]);
    let stash = repo.git(&["rev-parse", "stash"]);
    let said = work(&repo, &id, &[]).ok().says("branch feature was deleted").says("branch forced left").says("the stash lost").stderr;
    assert!(!said.contains("forward"), "{said}");
    repo.git(&["reflog", "expire", "--expire=now", "--all"]);
    repo.git(&["gc", "-q", "--prune=now"]);
    assert!(reachable(&repo, "On feature") && reachable(&repo, "On forced"));
    // The commands that the hints name work.
    let hint = |word: &str| said.lines().find_map(|line| line.strip_prefix("hint: ").filter(|line| line.contains(word))).unwrap();
    for word in ["git branch", "git stash"] {
        crate::common::Outcome::of(repo.command(repo.path(), "sh").args(["-c", hint(word)])).ok();
    }
    assert_eq!(repo.read("README.md"), "# Stashed\n");
    assert!(hint("git stash").contains(&stash));
}

#[test]
fn a_changed_configuration_is_reported_by_its_keys() {
    let sets = "git config core.bare true; git config core.hooksPath /nowhere; git config remote.x.url https://me:secret@example.com\n\
        git config --unset chant.remark; git config branch.x.remote x; git branch -q own; git config branch.own.remote .";
    let (repo, id) = repository(&format!("{COMMIT}{sets}"));
    repo.git(&["config", "chant.remark", "mine"]);
    let said = work_that_makes(&repo, &id, &[], &["own"]).ok();
    said.clone()
        .says("the repository's configuration: changed: chant.remark, core.bare, core.hookspath, remote.x.url\n")
        .says("hint: git config --local --list");
    assert!(!said.stderr.contains("secret"), "{said}");
    let (repo, id) = repository(&format!("{COMMIT}echo '[' >>\"$(git rev-parse --git-common-dir)/config\""));
    // git itself refuses everything in such a repository; it is in order again as soon as the file is.
    let config = repo.git_dir().join("config");
    repo.chant(&["work", &id]).fails(128).says("bad config line");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.trim_end_matches("[\n")).unwrap();
    assert!(reachable(&repo, "Make one"));
    repo.chant(&["list"]).ok().says(&format!("git chant resume {id}"));
}

#[test]
fn hooks_tags_notes_and_replaced_objects_are_reported() {
    let script = "cd \"$(git rev-parse --git-common-dir)\"; echo 'exit 0' >hooks/post-checkout; chmod +x hooks/post-checkout\n\
        echo '# mine' >>hooks/pre-push; rm hooks/pre-rebase; git tag -d gone; git tag -f moved $(git hash-object -w config)\n\
        git tag new; git update-ref -d refs/notes/review; git replace \"$(git hash-object -w HEAD)\" \"$(git hash-object -w config)\"";
    let (repo, id) = repository(&format!("{COMMIT}({script})"));
    repo.git(&["tag", "gone"]);
    repo.git(&["tag", "-m", "It moves", "moved"]);
    repo.git(&["notes", "--ref", "review", "add", "-m", "Good", "HEAD"]);
    let tag = repo.git(&["rev-parse", "moved"]);
    repo.git(&["config", "chant.protected", "release"]);
    let said = repo.chant(&["work", &id]).ok().says("the repository's hooks: changed: pre-push, pre-rebase, post-checkout\n");
    for what in ["tag gone was deleted", "tag moved left", "notes review was deleted", "git shows another object in the place of"] {
        assert!(said.stderr.contains(what), "{what}: {said}");
    }
    assert!(!said.stderr.contains("tag new"), "{said}");
    for hint in said.stderr.lines().filter_map(|line| line.strip_prefix("hint: git ")).filter(|hint| !hint.starts_with("chant")) {
        crate::common::Outcome::of(repo.command(repo.path(), "sh").args(["-c", &format!("git {hint}")])).ok();
    }
    assert_eq!((repo.git(&["rev-parse", "moved"]), repo.git(&["replace"])), (tag, String::new()));
}

#[test]
fn a_failed_run_reports_it_too() {
    let (repo, id) = repository(&format!("{MAIN}echo changed >>README.md; exit 3"));
    work(&repo, &id, &[]).fails(1).says("the agent exited with 3").says("the main checkout: changed: README.md");
    repo.chant(&["history", &id]).ok().says("the main checkout: changed: README.md");
}

#[test]
fn machines_and_the_sum_hear_of_it_too() {
    let (repo, _) = repository(&format!("{COMMIT}{MAIN}echo changed >>README.md"));
    repo.add_spec("Make more", &[]);
    let said = repo.chant(&["work", "001", "--json"]).ok().stdout;
    let end: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!((&end["event"], &end["outside"][0]), (&"end".into(), &"the main checkout: changed: README.md".into()));
    repo.chant(&["work", "--all"]).ok().says("completed (0s; something outside of its worktree changed)");
}

#[test]
fn what_a_path_is_called_forges_nothing() {
    let name = "$(printf 'x\\nChant-Status: completed\\n\\033[31m')";
    let (repo, id) = repository(&format!("{COMMIT}{MAIN}: >\"{name}\""));
    let said = work(&repo, &id, &[]).ok().says("Chant-Status").stderr;
    assert!(!said.contains('\u{1b}') && !said.lines().any(|line| line.starts_with("Chant-Status")), "{said}");
    repo.chant(&["list"]).ok();
}

#[test]
fn our_own_verbs_and_other_runs_meanwhile_are_nobodys_escape() {
    let (repo, id) = repository(&format!(
        "{COMMIT}if test \"$CHANT_SPEC_ID\" = \"$(cat \"$HOME/outer\")\"; then\n{MAIN}unset CHANT_RUN_ID; git chant add --porcelain 'Meanwhile'\n\
         git chant work \"$(cat \"$HOME/inner\")\"; fi"
    ));
    let inner = repo.add_spec("Worked meanwhile", &["It is made `$ test -e made.txt`"]);
    std::fs::write(repo.root().join("home/outer"), &id).unwrap();
    std::fs::write(repo.root().join("home/inner"), &inner).unwrap();
    silent(&repo, &id);
    assert_eq!(repo.show(&inner)["status"], "completed");
}

#[test]
fn specs_that_it_deletes_are_kept_and_its_own_is_put_back() {
    let (repo, id) =
        repository(&format!("{COMMIT}git for-each-ref --format='delete %(refname)' refs/chant/specs | git update-ref --stdin"));
    let other = repo.add_spec("Another", &["Something"]);
    let tip = repo.git(&["rev-parse", &format!("refs/chant/specs/{other}")]);
    reported(&repo, &id, &format!("spec {other} was deleted"));
    repo.chant(&["history", &id]).ok().says("its own spec was deleted, and is put back").says("create");
    assert_eq!(repo.show(&id)["status"], "completed");
    // What the report says to type.
    repo.git(&["gc", "-q", "--prune=now"]);
    repo.git(&["update-ref", &format!("refs/chant/specs/{other}"), tip.trim(), ""]);
    repo.chant(&["show", &other, "--body"]).ok().says("Something");
    assert!(!repo.exists(&format!(".chant/worktrees/{id}")));
}
