//! Ways that are less plain: from its own worktree, with its own settings, under another commit's name, beside work that is in already.

use super::super::common::minor;
use super::super::merges::{WORKER, finished, repository};
use super::{refused, undone};

/// Moves `main` from a worktree in which the agent's own settings are checked out.
#[test]
fn what_is_checked_out_has_no_say_in_what_is_protected() {
    let (repo, id) = undone();
    let tree = repo.at(repo.root().join("its-own"));
    repo.git(&["worktree", "add", "-q", "-b", "sly", tree.path().to_str().unwrap(), &format!("chant/{id}")]);
    tree.write(".chant/config.md", "---\nprotected: [none]\nverify: none\n---\n");
    tree.git(&["add", "-f", ".chant/config.md"]);
    tree.git(&["commit", "-q", "-m", "Settle"]);
    let main = repo.head();
    // Hooks that are installed from there guard what they guarded.
    tree.chant(&["hooks", "install"]).ok().says("protected branches: main, master, none");
    for way in [
        &["update-ref", "refs/heads/main", "sly"][..],
        &["push", "-q", ".", "sly:main"],
        &["fetch", "-q", "--update-head-ok", ".", "sly:main"],
    ] {
        let said = tree.try_git(way);
        assert!(said.code != 0 && said.stderr.contains(&format!("spec {id} is failed")), "git {}: {said}", way.join(" "));
    }
    assert_eq!(repo.head(), main);
    // A branch that only the trunk's settings name.
    repo.write(".chant/config.md", "---\nprotected: [main, release/*]\n---\n");
    repo.commit_all("Settle");
    repo.git(&["branch", "-q", "release/1", "main~1"]);
    repo.chant(&["hooks", "install"]).ok().says("release/*");
    tree.try_git(&["push", "-q", ".", "sly:release/1"]).fails(1).says(&format!("spec {id} is failed"));
}

#[test]
fn a_commit_is_judged_as_it_is_and_not_as_git_replace_shows_it() {
    let (repo, id) = undone();
    let branch = format!("chant/{id}");
    let bad = repo.git(&["rev-parse", &branch]);
    let harmless = repo.git(&["commit-tree", "main^{tree}", "-p", "main", "-m", "Nothing to see"]);
    let bare = repo.at(repo.with_origin());
    bare.chant(&["hooks", "install", "--server"]).ok();
    repo.git(&["replace", &bad, &harmless]);
    repo.git(&["push", "-q", "origin", "refs/replace/*:refs/replace/*"]);
    refused(&repo, &branch, &format!("spec {id} is failed"));
    repo.chant(&["gate", "--target", "main", &bad]).fails(1);
    repo.chant(&["merge", &id]).fails(1);
    repo.try_git(&["push", "-q", "--no-verify", "origin", &format!("{bad}:main"), "refs/chant/*:refs/chant/*"]).fails(1).says("is failed");
    // Nor what lies behind a commit that is shown upon main.
    repo.git(&["switch", "-q", "-c", "over", &bad]);
    repo.git(&["commit", "-q", "--allow-empty", "-m", "Nothing to see"]);
    let shown = repo.git(&["commit-tree", "over^{tree}", "-p", "main", "-m", "Nothing to see"]);
    repo.git(&["replace", "over", &shown]);
    repo.git(&["switch", "-q", "main"]);
    repo.git(&["commit", "-q", "--allow-empty", "-m", "Go on"]);
    refused(&repo, "over", &format!("spec {id} is failed"));
    // Nor with the older word for it, which git reads as well.
    repo.git(&["replace", "-d", "over", &bad]);
    let grafted = format!("{} {}\n", repo.git(&["rev-parse", "over"]), repo.git(&["rev-parse", "main~1"]));
    std::fs::write(repo.git_dir().join("info/grafts"), grafted).unwrap();
    refused(&repo, "over", &format!("spec {id} is failed"));
}

/// `work --merge` merges as `merge` does; where the target is checked out nowhere no hook looks after it.
#[test]
fn a_run_that_is_merged_at_once_is_judged_as_it_is_too() {
    let (repo, bad) = undone();
    let hide = "git replace HEAD $(git commit-tree HEAD^{tree} -p HEAD^1 -m 'Nothing to see')";
    repo.agent("sly", &format!("{WORKER}\ngit add -A; git commit -q -m Tick; git merge -q --no-edit chant/{bad}\n{hide}"));
    let id = repo.add_spec("Do it", &["It is good"]);
    let main = repo.head();
    repo.git(&["switch", "-q", "other"]);
    repo.chant(&["work", &id, "--target", "main", "--merge"]).fails(1).says(&format!("spec {bad} is failed"));
    assert_eq!(repo.git(&["rev-parse", "main"]), main);
}

#[test]
fn the_name_of_finished_work_is_no_way_in_for_more() {
    let (repo, id) = finished(&["It is good"], &[]);
    repo.write("on", "x\n");
    repo.commit_all("Go on");
    repo.git(&["config", "chant.requireSpec", "true"]);
    // A copy of the work, made before it was merged, is the work.
    repo.git(&["switch", "-q", "-c", "copied"]);
    repo.git(&["cherry-pick", &format!("chant/{id}^{{/Do the work}}")]);
    repo.git(&["switch", "-q", "main"]);
    repo.chant(&["merge", &id]).ok();
    let more = |branch: &str, from: &str| {
        repo.git(&["switch", "-q", "-c", branch, from]);
        repo.write("more", "x\n");
        repo.git(&["add", "more"]);
        repo.git(&["commit", "-q", "-m", &format!("chant({id}): and this")]);
        repo.git(&["switch", "-q", "main"]);
    };
    more("after", "main");
    // Without the setting it is like any other commit.
    repo.chant(&["gate", "after", "--target", "main"]).fails(1);
    repo.git(&["config", "chant.requireSpec", "false"]);
    repo.chant(&["gate", "after", "--target", "main"]).ok();
    repo.git(&["config", "chant.requireSpec", "true"]);
    refused(&repo, "after", &format!("spec {id}: its work is merged already, and went on, with "));
    more("beside", "main~1");
    refused(&repo, "beside", "its work is merged already, and went on");
    repo.try_git(&["merge", "-q", "--no-edit", "copied"]).ok();
}

/// The work as a squash of several commits, and one more commit that says it is of it.
#[test]
fn nothing_comes_in_beside_a_squash() {
    let repo = repository();
    let commit = "echo $n >$n; git add $n; git commit -q -m $n";
    repo.agent("twice", &format!("for n in one two; do {commit}; done; sed -i 's/^- \\[ \\]/- [x]/' \"$CHANT_SPEC_FILE\""));
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.chant(&["work", &id]).ok();
    repo.git(&["switch", "-q", "-c", "squashed"]);
    repo.git(&["-c", "core.hooksPath=/dev/null", "merge", "-q", "--squash", &format!("chant/{id}")]);
    repo.git(&["commit", "-q", "-m", &format!("chant({id}): all of it")]);
    repo.git(&["branch", "-q", "honest"]);
    repo.write("aside", "x\n");
    repo.commit_all("Something else");
    repo.git(&["branch", "-q", "aside"]);
    repo.write("more", "x\n");
    repo.git(&["add", "more"]);
    repo.git(&["commit", "-q", "-m", &format!("chant({id}): and this")]);
    repo.git(&["switch", "-q", "main"]);
    refused(&repo, "squashed", &format!("spec {id}: its work went on after it was finished"));
    repo.try_git(&["merge", "-q", "honest"]).ok();
    repo.git(&["reset", "-q", "--hard", "HEAD~1"]);
    repo.try_git(&["merge", "-q", "aside"]).ok();
}

#[test]
fn planning_is_documents() {
    let repo = repository();
    repo.git(&["config", "chant.requireSpec", "true"]);
    repo.git(&["switch", "-q", "-c", "notes"]);
    repo.write(".chant/specs/tool.py", "print('sly')\n");
    repo.git(&["add", "-f", ".chant/specs/tool.py"]);
    repo.git(&["commit", "-q", "-m", "Notes"]);
    repo.git(&["switch", "-q", "main"]);
    refused(&repo, "notes", "belongs to no spec: Notes");
}

/// A check may read what lies beside the documents of specs: that is code, and what passed with one of it did not pass with another.
#[test]
fn code_beside_the_specs_is_code() {
    let repo = repository();
    repo.agent(
        "sly",
        "mkdir -p .chant/specs/lib; echo 'exit 0' >.chant/specs/lib/check.sh; echo '# About' >.chant/specs/lib/about.md\n\
         git add -f .chant/specs/lib; git commit -q -m Work",
    );
    let id = repo.add_spec("Do it", &["It works `$ sh .chant/specs/lib/check.sh`"]);
    repo.chant(&["work", &id]).ok();
    let branch = format!("chant/{id}");
    repo.git(&["switch", "-q", &branch]);
    repo.write(".chant/specs/lib/about.md", "# About what\n");
    repo.commit_all("Words");
    repo.chant(&["verify", &id, "--on", &branch, "--json"]).ok().says("\"reused\": true");
    repo.write(".chant/specs/lib/check.sh", "exit 1\n");
    repo.commit_all("More");
    repo.git(&["switch", "-q", "main"]);
    refused(&repo, &branch, &format!("spec {id}: its work went on after it was finished"));
    repo.chant(&["finalize", &id]).fails(128).says("is not completed again: criterion 1 failed");
}

/// Without a trailer, with names that do not say what it is, and with no commit that says where the run began.
#[test]
fn work_is_known_by_its_branch_however_it_is_named() {
    let repo = repository();
    repo.chant(&["init", "--silent"]).ok();
    repo.agent("sly", "echo x >work; git add work; git -c core.hooksPath=/dev/null commit -q -m 'Nothing to see'");
    let id = repo.add_spec("Do it", &["It is good"]);
    repo.chant(&["work", &id]).fails(1);
    let branch = format!("chant/{id}");
    assert!(!repo.git(&["log", "--format=%B", &format!("main..{branch}")]).contains("Chant-Spec"));
    let (head, why) = (repo.head(), format!("spec {id} is failed"));
    refused(&repo, &repo.git(&["rev-parse", &branch]), &why);
    refused(&repo, &format!("{branch}^0"), &why);
    repo.git(&["branch", "-q", "more", &branch]);
    for way in [
        &["pull", "-q", ".", &branch][..],
        &["branch", "-f", "main", &branch],
        &["merge", "-q", "more"],
        &["fetch", "-q", ".", "+more:main"],
    ] {
        let at = if way[0] == "branch" || way[0] == "fetch" { "--detach" } else { "main" };
        repo.git(&["switch", "-q", at]);
        let said = repo.try_git(way);
        assert!(said.code != 0 && said.stderr.contains(&why), "{way:?}: {said}");
        repo.git(&["switch", "-q", "main"]);
        assert_eq!(repo.head(), head, "{way:?}");
    }
    // Where only a remote has the branch.
    repo.with_origin();
    repo.git(&["push", "-q", "--no-verify", "origin", &branch]);
    let other = repo.at(repo.root().join("other"));
    repo.git(&["clone", "-q", repo.root().join("origin.git").to_str().unwrap(), other.path().to_str().unwrap()]);
    other.chant(&["init"]).ok();
    other.git(&["branch", "-q", "more", &format!("origin/{branch}")]);
    refused(&other, "more", &format!("spec {id} is"));
}

/// The branch has another name, its commits have none, and only part of it comes; on top of another `main`, and on a server that never saw it.
#[test]
fn work_is_known_by_where_its_run_began() {
    let repo = repository();
    let nameless = "git -c core.hooksPath=/dev/null commit -q -m 'Nothing to see'";
    repo.agent("sly", &format!("for n in 1 2; do echo $n >work-$n; git add .; {nameless}; done; exit 1"));
    let id = repo.add_spec("Do it", &["It is good"]);
    let bare = repo.at(repo.with_origin());
    bare.chant(&["hooks", "install", "--server"]).ok();
    repo.chant(&["work", &id]).fails(1);
    let why = format!("spec {id} is failed");
    repo.git(&["branch", "-q", "-m", &format!("chant/{id}"), "innocent"]);
    assert!(!repo.git(&["log", "--format=%B", "main..innocent"]).contains("Chant-Spec"));
    refused(&repo, "innocent", &why);
    refused(&repo, "innocent~1", &why);
    repo.try_git(&["merge", "--squash", "innocent"]).fails(128).says(&why);
    let push = ["push", "-q", "--no-verify", "origin", "innocent:main", "refs/chant/*:refs/chant/*"];
    repo.try_git(&push).fails(1).says(&format!("remote: error: {why}"));
    repo.git(&["commit", "-q", "--allow-empty", "-m", "Go on"]);
    repo.git(&["switch", "-q", "-c", "put-upon", "innocent"]);
    repo.git(&["rebase", "-q", "main"]);
    repo.git(&["switch", "-q", "main"]);
    refused(&repo, "put-upon", &why);
    // The document alone is planning.
    let start = repo.git(&["rev-parse", "innocent^{/: start}"]);
    repo.try_git(&["merge", "-q", "--no-edit", &start]).ok();
}

/// A branch that is another name of one moves with it, and git tells hooks of that one.
#[test]
fn a_protected_branch_does_not_become_another_name_of_one_that_is_not() {
    let (repo, _) = undone();
    repo.git(&["branch", "-q", "dev"]);
    let said = repo.try_git(&["symbolic-ref", "refs/heads/main", "refs/heads/dev"]);
    let version = repo.git(&["version"]);
    assert_eq!(said.code != 0, minor(version.trim_start_matches("git version ")) >= 46, "{said}");
    if said.code != 0 {
        said.says("the protected branch main would be another name of dev").says("hint: the other way round it is guarded");
        std::fs::write(repo.git_dir().join("refs/heads/main"), "ref: refs/heads/dev\n").unwrap();
    }
    repo.chant(&["doctor"])
        .fails(1)
        .says("the branch main is another name of dev")
        .says("git symbolic-ref -d refs/heads/main && git branch main dev");
    repo.git(&["switch", "-q", "--detach"]);
    repo.git(&["symbolic-ref", "-d", "refs/heads/main"]);
    repo.git(&["branch", "-q", "main", "dev"]);
    repo.git(&["symbolic-ref", "refs/heads/other", "refs/heads/main"]);
    assert!(!repo.chant(&["doctor"]).stdout.contains("another name"));
}

/// What a remote's copy of the branch has is published, and that copy is a ref like any other; the remote itself is asked at the push.
#[test]
fn a_remotes_copy_that_it_writes_itself_is_seen_when_it_is_pushed() {
    let (repo, id) = undone();
    repo.with_origin();
    repo.git(&["update-ref", "refs/remotes/origin/main", &format!("chant/{id}")]);
    repo.try_git(&["push", "-q", "origin", &format!("chant/{id}:main")]).fails(1).says(&format!("spec {id} is failed"));
    repo.git(&["commit", "-q", "--allow-empty", "-m", "On"]);
    repo.git(&["switch", "-q", "-c", "both", &format!("chant/{id}")]);
    repo.git(&["-c", "core.hooksPath=/dev/null", "merge", "-q", "--no-edit", "main"]);
    repo.try_git(&["push", "-q", "origin", "both:main"]).fails(1).says(&format!("spec {id} is failed"));
}

/// git tells no hook about the new name; gitchant-gate(7) says so, and what sees it.
#[test]
fn a_branch_that_is_renamed_over_another_is_seen_by_the_doctor_and_when_it_is_pushed() {
    let (repo, id) = undone();
    repo.with_origin();
    repo.git(&["switch", "-q", "--detach"]);
    let said = repo.chant(&["doctor"]);
    assert!(!said.stdout.contains("a push of it"), "{said}");
    repo.git(&["branch", "-q", "-C", &format!("chant/{id}"), "main"]);
    let mend = "git chant gate --target main origin/main..main";
    repo.chant(&["doctor"])
        .fails(1)
        .says(&format!("the branch main holds commits that a push would refuse: spec {id} is failed"))
        .says(mend);
    repo.chant(&["gate", "--target", "main", "origin/main..main"]).fails(1).says(&format!("spec {id} is failed"));
    repo.try_git(&["push", "-q", "origin", "main"]).fails(1).says(&format!("spec {id} is failed"));
}

/// What CI has checked out may hold the last commit of a branch alone.
#[test]
fn what_a_shallow_clone_lacks_is_not_let_in() {
    let (repo, id) = undone();
    let origin = repo.with_origin();
    repo.git(&["switch", "-q", "-c", "topic", &format!("chant/{id}")]);
    repo.git(&["commit", "-q", "--allow-empty", "-m", "Nothing to see"]);
    repo.git(&["push", "-q", "--no-verify", "origin", "topic", "refs/chant/*:refs/chant/*"]);
    let url = format!("file://{}", origin.display());
    let ci = repo.at(repo.root().join("ci"));
    repo.git(&["clone", "-q", "--depth", "1", "--no-single-branch", "--branch", "topic", &url, ci.path().to_str().unwrap()]);
    ci.git(&["fetch", "-q", "origin", "refs/chant/*:refs/chant/*"]);
    ci.chant(&["gate", "--target", "main"]).fails(128).says("this clone is shallow").says("hint: git fetch --unshallow");
    ci.git(&["fetch", "-q", "--unshallow"]);
    ci.chant(&["gate", "--target", "main"]).fails(1).says(&format!("spec {id} is failed"));
}

/// The worktree of checks is kept for its caches, and whoever runs here can write there; gitchant-gate(7) names the setting.
#[test]
fn what_it_leaves_where_checks_run_is_gone_where_they_begin_afresh() {
    let repo = repository();
    repo.git(&["config", "chant.verifyIn", "fresh"]);
    repo.agent(
        "sly",
        "echo real-work >.gitignore; git add .gitignore; git commit -q -m Ignore; mkdir -p ../.verify; echo x >../.verify/real-work",
    );
    let id = repo.add_spec("Do it", &["It is there `$ test -f real-work`"]);
    repo.chant(&["work", &id]).fails(1).says("criterion 1 failed");
    refused(&repo, &format!("chant/{id}"), "criterion 1 failed with exit code 1");
}

/// Planning is what touches documents alone; a merge that does brings what its message says all the same.
#[test]
fn a_merge_of_planning_is_no_planning() {
    let (repo, id) = undone();
    repo.git(&["switch", "-q", "-c", "planned"]);
    repo.write(".chant/specs/notes.md", "Notes\n");
    repo.git(&["add", "-f", ".chant/specs/notes.md"]);
    repo.git(&["commit", "-q", "-m", "Notes"]);
    repo.git(&["switch", "-q", "-c", "named", "main"]);
    repo.git(&["merge", "-q", "--no-ff", "-m", &format!("chant({id}): take it in"), "planned"]);
    repo.git(&["switch", "-q", "main"]);
    refused(&repo, "named", &format!("spec {id} is failed"));
    repo.try_git(&["merge", "-q", "planned"]).ok();
}
