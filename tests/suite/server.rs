//! What is pushed: `pre-receive` in a bare repository, `pre-push` in front of it, and `git chant gate` in CI.

use super::common::{Outcome, TestRepo};
use super::merges::{beside, finished, is_refused_with, repository};

/// A bare `origin` that has `main` and judges what is pushed; local hooks are off, so that only the server says no.
fn served(repo: &TestRepo) -> TestRepo {
    let bare = repo.at(repo.with_origin());
    bare.chant(&["hooks", "install", "--server"]).ok();
    bare
}

/// `git push` past every local hook.
fn push(repo: &TestRepo, args: &[&str]) -> Outcome {
    repo.try_git(&[&["-c", "core.hooksPath=/dev/null", "push", "--quiet", "origin"], args].concat())
}

const SPECS: &str = "refs/chant/*:refs/chant/*";

/// Nothing of a refused push stays: no ref, no object that a ref names and that is not there.
#[track_caller]
fn is_sound(bare: &TestRepo) {
    bare.git(&["fsck", "--connectivity-only"]);
    let kept = bare.git(&["rev-list", "--objects", "--all"]);
    assert!(!kept.is_empty());
}

#[test]
fn work_comes_in_with_its_spec_and_not_without() {
    let (repo, id) = finished(&["It is there `$ test -f work-*`"], &[]);
    let bare = served(&repo);
    let main = bare.git(&["rev-parse", "main"]);
    let branch = format!("chant/{id}:main");
    let said = push(&repo, &[&branch]).fails(1);
    let said = said.says("remote: error: this would bring unfinished work into main; git-chant refuses it:");
    let said = said.says(&format!("remote: error: spec {id} is not known here, and was not pushed along"));
    said.says("remote: hint: git chant push").says("! [remote rejected]").says("pre-receive hook declined");
    assert_eq!(bare.git(&["rev-parse", "main"]), main);
    is_sound(&bare);
    push(&repo, &[&branch, SPECS]).ok();
    assert_eq!(bare.git(&["rev-parse", "main"]), repo.git(&["rev-parse", &format!("chant/{id}")]));
    is_sound(&bare);
}

#[test]
fn the_whole_push_is_one_answer() {
    let (repo, id) = finished(&["It is good"], &[]);
    let bare = served(&repo);
    bare.git(&["config", "--add", "chant.protected", "main"]);
    bare.git(&["config", "--add", "chant.protected", "release/*"]);
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    let branch = format!("chant/{id}");
    let said = push(&repo, &["other:topic", &format!("{branch}:main"), &format!("{branch}:release/1"), SPECS]).fails(1);
    let said = said.says("into main; git-chant refuses it").says("into release/1; git-chant refuses it");
    said.says("criterion 1 is not ticked: It is good").says(&format!("remote: hint: git chant check {id} 1"));
    let refs = bare.git(&["for-each-ref", "--format=%(refname)"]);
    assert_eq!(refs, "refs/heads/main", "nothing of it came in");
    is_sound(&bare);
    beside(&repo, |repo| drop(repo.chant(&["check", &id, "1"]).ok()));
    push(&repo, &["other:topic", &format!("{branch}:main"), &format!("{branch}:release/1"), SPECS]).ok();
}

#[test]
fn a_forced_push_a_first_push_and_a_deletion_on_the_server() {
    let (repo, id) = finished(&["It is good"], &[]);
    let bare = served(&repo);
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    let branch = format!("+chant/{id}:main");
    repo.git(&["commit", "-q", "--allow-empty", "-m", "Go on"]);
    push(&repo, &["main", SPECS]).ok();
    push(&repo, &[&branch]).fails(1).says("criterion 1 is not ticked");
    // A rewind brings nothing in; receive.denyNonFastForwards is git's own word for it.
    push(&repo, &["+main~1:main"]).ok();
    bare.git(&["symbolic-ref", "HEAD", "refs/heads/nothing"]);
    push(&repo, &[":main"]).ok();
    push(&repo, &[&branch]).fails(1).says("criterion 1 is not ticked");
    push(&repo, &["main"]).ok();
    is_sound(&bare);
}

#[test]
fn events_that_the_server_has_stay() {
    let (repo, id) = finished(&["It is good"], &[]);
    let bare = served(&repo);
    push(&repo, &["main", SPECS]).ok();
    let (name, old) = (format!("refs/chant/specs/{id}"), repo.git(&["rev-parse", &format!("refs/chant/specs/{id}")]));
    // An agent writes itself another history.
    let forged = repo.git(&["commit-tree", &format!("{old}^{{tree}}"), "-p", &format!("{old}~2"), "-m", "x"]);
    push(&repo, &[&format!("+{forged}:{name}")])
        .fails(1)
        .says("would take away events that are known here")
        .says(&format!("rewrite {name}"));
    push(&repo, &[&format!(":{name}")]).fails(1).says("would take away events");
    assert_eq!(bare.git(&["rev-parse", &name]), old);
    // What the archive has taken may go.
    repo.chant(&["merge", &id]).ok();
    repo.chant(&["archive", &id]).ok();
    push(&repo, &["main", &format!(":{name}"), "refs/chant/archive:refs/chant/archive"]).ok();
    assert_eq!(bare.git(&["for-each-ref", "--format=%(refname)", "refs/chant/specs", "refs/chant/archive"]), "refs/chant/archive");
    is_sound(&bare);
}

#[test]
fn specs_of_the_server_are_believed_where_none_are_pushed() {
    let (repo, id) = finished(&["It is good"], &[]);
    served(&repo);
    push(&repo, &[SPECS]).ok();
    push(&repo, &[&format!("chant/{id}:main")]).ok();
}

/// To a server everything is foreign.
#[test]
fn a_server_asks_for_an_approval_of_what_others_wrote() {
    let (repo, id) = finished(&["It is good"], &[]);
    let bare = served(&repo);
    bare.git(&["config", "chant.requireApproval", "foreign"]);
    let branch = format!("chant/{id}:main");
    let said = push(&repo, &[&branch, SPECS]).fails(1);
    said.says(&format!("remote: error: spec {id} is not approved")).says(&format!("remote: hint: git chant approve {id}"));
    beside(&repo, |repo| drop(repo.chant(&["approve", &id]).ok()));
    push(&repo, &[&branch, SPECS]).ok();
}

#[test]
fn a_server_without_git_chant_refuses_and_says_why() {
    let (repo, id) = finished(&["It is good"], &[]);
    let bare = served(&repo);
    let hook = bare.path().join("hooks/pre-receive");
    let text = std::fs::read_to_string(&hook).unwrap().replace(super::common::CHANT, "/nowhere/git-chant");
    super::programs::write(&hook, text);
    let path = std::env::var_os("PATH").unwrap();
    let mut git = repo.command(repo.path(), "git");
    git.env("PATH", path).args(["-c", "core.hooksPath=/dev/null", "push", "-q", "origin", &format!("chant/{id}:main")]);
    Outcome::of(&mut git).fails(1).says("remote: error: git-chant is not where it was").says("pre-receive hook declined");
}

#[test]
fn a_push_from_here_is_refused_before_it_leaves() {
    let (repo, id) = finished(&["It is good"], &[]);
    let bare = repo.at(repo.with_origin());
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    let branch = format!("chant/{id}");
    let reason = format!("spec {id}: criterion 1 is not ticked: It is good");
    for way in [vec![format!("{branch}:main")], vec![format!("+{branch}:main")], vec![format!("{branch}:main"), "other:topic".to_owned()]] {
        let args: Vec<&str> = way.iter().map(String::as_str).collect();
        let said = repo.try_git(&[&["push", "origin"], &args[..]].concat());
        let said = said.fails(1).says("error: this would bring unfinished work into main of the remote");
        is_refused_with(&said, &[(&reason, &format!("git chant check {id} 1"))]);
    }
    assert_eq!(bare.git(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
    repo.git(&["push", "-q", "origin", &branch, "other:topic", "main"]);
    repo.git(&["push", "-q", "origin", ":topic"]);
    // What is not known to be named by an object name is asked about too.
    repo.try_git(&["push", "-q", "origin", &format!("{branch}^{{/Do the work}}:refs/heads/main")]).fails(1).says("criterion 1");
    beside(&repo, |repo| drop(repo.chant(&["check", &id, "1"]).ok()));
    repo.git(&["push", "-q", "origin", &format!("{branch}:main")]);
}

/// What the remote has is not here to compare with: the last that was seen of it is.
#[test]
fn a_push_over_what_somebody_pushed_meanwhile_is_judged_too() {
    let (repo, id) = finished(&["It is good"], &[]);
    let origin = repo.with_origin();
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    let mate = repo.clone_to(&origin, "mate");
    mate.commit_all("Meanwhile");
    mate.git(&["push", "-q", "origin", "main"]);
    repo.git(&["-c", "core.hooksPath=/dev/null", "merge", "-q", &format!("chant/{id}")]);
    repo.try_git(&["push", "-q", "--force", "origin", "main"]).fails(1).says("criterion 1 is not ticked");
}

#[test]
fn a_rebase_of_a_protected_branch_is_refused_before_it_begins() {
    let (repo, id) = finished(&["It is good"], &[]);
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    repo.commit_all("Go on");
    let branch = format!("chant/{id}");
    for way in [vec!["rebase", &branch], vec!["rebase", &branch, "main"], vec!["pull", "-q", "--rebase", ".", &branch]] {
        let before = repo.snapshot();
        let said = repo.try_git(&way);
        assert!(said.code != 0 && said.stderr.contains("criterion 1 is not ticked"), "git {}: {said}", way.join(" "));
        before.assert_same(&repo.snapshot());
    }
    // A topic may be put upon anything.
    repo.git(&["switch", "-q", "other"]);
    repo.try_git(&["rebase", "-q", &branch]).ok();
}

#[test]
fn ci_asks_the_same_question() {
    let (repo, id) = finished(&["It is good, 100%"], &[]);
    let origin = repo.with_origin();
    beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "1"]).ok()));
    repo.git(&["push", "-q", "--no-verify", "origin", &format!("chant/{id}:topic"), SPECS]);
    // What a forge's checkout is: detached, and no local main.
    let ci = repo.clone_to(&origin, "ci");
    ci.git(&["switch", "-q", "--detach", "origin/topic"]);
    ci.git(&["branch", "-q", "-D", "main"]);
    ci.chant(&["gate", "--target", "main"]).fails(1).says(&format!("spec {id} is not known in this clone"));
    ci.git(&["fetch", "-q", "origin", SPECS]);
    for range in [None, Some("origin/main..HEAD"), Some("origin/main..")] {
        let args: Vec<&str> = ["gate", "--target", "main"].into_iter().chain(range).collect();
        ci.chant(&args).fails(1).says("HEAD may not come into main:").says("criterion 1 is not ticked");
    }
    let said = ci.chant(&["gate", "--target", "main", "--format", "github"]).fails(1);
    let expected = format!(
        "::error title=git-chant%3A not into main::spec {id}: criterion 1 is not ticked: It is good, 100%25%0Agit chant check {id} 1\n"
    );
    assert_eq!(said.stdout, expected);
    let said = ci.chant(&["gate", "--target", "main", "--json"]).fails(1);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&json["allowed"], &json["target"]), (&false.into(), &"main".into()));
    assert_eq!((&json["reasons"][0]["kind"], &json["reasons"][0]["spec"]), (&"unticked".into(), &id.as_str().into()));
    ci.chant(&["gate", "--target", "main", "HEAD..HEAD"]).ok();
    ci.chant(&["gate", "--target", "gone"]).fails(128).says("hint: git fetch origin +refs/heads/gone:");
    beside(&repo, |repo| drop(repo.chant(&["check", &id, "1"]).ok()));
    repo.git(&["push", "-q", "origin", SPECS]);
    ci.git(&["fetch", "-q", "origin", SPECS]);
    ci.chant(&["gate", "--target", "main", "--format", "github"]).ok().says("::notice title=git-chant::").says("is claimed, not verified");
}

#[test]
fn an_unrelated_push_is_nobodys_business() {
    let repo = repository();
    let bare = served(&repo);
    push(&repo, &["other", "other:main"]).ok();
    push(&repo, &["HEAD:refs/tags/v1", ":other"]).ok();
    is_sound(&bare);
}

/// What the steps of the README's workflow run, in order. What somebody names a branch is no part of a command.
fn workflow() -> Vec<String> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, text) = readme.split_once("    name: gate\n").unwrap();
    let lines = text.lines().map_while(|line| line.strip_prefix("    "));
    let workflow: serde_yaml::Value = serde_yaml::from_str(&lines.collect::<Vec<_>>().join("\n")).unwrap();
    assert_eq!(workflow["jobs"]["gate"]["env"]["TARGET"], "${{ github.base_ref }}");
    let steps = workflow["jobs"]["gate"]["steps"].as_sequence().unwrap();
    steps.iter().filter_map(|step| Some(step.get("run")?.as_str()?.to_owned())).collect()
}

#[test]
fn the_readmes_workflow_is_one_and_decides_in_a_checkout_as_ci_makes_it() {
    let steps = workflow();
    assert_eq!(steps.len(), 4, "{steps:?}");
    for (is_good, code) in [(true, 0), (false, 1)] {
        let (repo, id) = finished(&["It is there `$ test -f work-*`", "It is good"], &[]);
        if !is_good {
            beside(&repo, |repo| drop(repo.chant(&["uncheck", &id, "2"]).ok()));
        }
        let origin = repo.with_origin();
        push(&repo, &[&format!("chant/{id}"), SPECS]).ok();
        let ci = repo.clone_to(origin, "ci");
        ci.git(&["checkout", "--quiet", "--detach", &format!("origin/chant/{id}")]);
        let run = |step: &String| {
            assert!(!step.contains("${{"), "{step}");
            Outcome::of(ci.command(ci.path(), "sh").env("TARGET", "main").args(["-c", step]))
        };
        // The first one installs git-chant.
        let said: Vec<Outcome> = steps[1..].iter().map(run).collect();
        said[0].clone().ok();
        let last = said[2].clone().fails(code);
        if code == 1 {
            last.says("::error").says("It is good");
        }
    }
}
