//! `chant.verifyIn=run`: criteria are checked in the worktree of the run that ends, and what that says is shown for what it is.

use super::common::TestRepo;
use super::interrupted::{STAYS, Stuck};

/// What is ignored, and made by the agent alone.
const LEAVES: &str = "echo made >made.txt; echo cache >cache";

fn repository(agent: &str) -> TestRepo {
    let repo = TestRepo::new();
    repo.write(".gitignore", "cache\nbuilt/\n");
    repo.commit_all("ignore");
    repo.chant(&["init"]).ok();
    repo.agent("robin", agent);
    repo.git(&["config", "chant.verifyIn", "run"]);
    repo
}

/// The trailers of the newest event of a kind, as `key=value`.
fn trailers(repo: &TestRepo, id: &str, kind: &str) -> Vec<String> {
    let history = repo.history(id);
    let event = history.iter().find(|event| event["event"] == kind).unwrap();
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    event["trailers"].as_array().unwrap().iter().map(|pair| format!("{}={}", word(&pair["key"]), word(&pair["value"]))).collect()
}

/// A file that the agent left and git ignores makes it pass; everybody is told where, and whoever asks for more gets more.
#[test]
fn what_passes_among_an_agents_files_is_shown_as_such_and_believed_by_who_wants_it() {
    let repo = repository(LEAVES);
    let origin = repo.with_origin();
    let server = repo.at(&origin);
    server.chant(&["hooks", "install", "--server"]).ok();
    let id = repo.add_spec("Do it", &["It is cached `$ test -f cache`", "It is made `$ test -f made.txt`"]);
    repo.chant(&["work", &id]).ok().says("completed");
    assert!(trailers(&repo, &id, "verify").contains(&"Where=run".to_owned()), "{:?}", trailers(&repo, &id, "verify"));
    repo.chant(&["history", &id]).ok().says("Checked in the agent's worktree.");
    repo.chant(&["show", &id])
        .ok()
        .says("completed (verified, checked in the agent's worktree)")
        .says("$ test -f cache  (passed in the agent's worktree)");
    assert_eq!((&repo.show(&id)["rests_on"], &repo.show(&id)["checked_in"]), (&"verified".into(), &"run".into()));
    assert!(
        repo.git(&["log", "-1", "--notes=chant", "--format=%N", &format!("chant/{id}^")]).contains("verified in the agent's worktree, on")
    );
    // Here it counts; where nobody said so, and where the result of a merge is asked for, it does not.
    let gate = ["gate", "--target", "main", &format!("chant/{id}")];
    repo.chant(&gate).ok().says(&format!("spec {id} was checked in the agent's worktree"));
    let strict = |key: &str, value: &str| {
        repo.chant_env(&[("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", key), ("GIT_CONFIG_VALUE_0", value)], &gate)
    };
    let refusal = "criterion 1 was not checked outside of the agent's worktree: It is cached";
    strict("chant.verifyIn", "kept").fails(1).says(refusal).says(&format!("hint: git chant verify {id}"));
    strict("chant.verify", "merge").fails(1).says(refusal);
    repo.try_git(&["merge", "-q", &format!("chant/{id}")]).ok();
    repo.try_git(&["push", "-q", "origin", "main", "refs/chant/*:refs/chant/*"]).fails(1).says(refusal);
    // By hand it is checked where nobody works, also where the run's worktree is still there, and that takes the pass back.
    assert!(repo.exists(&format!(".chant/worktrees/{id}/cache")), "a foreign ignored file keeps a worktree");
    repo.chant(&["verify", &id]).fails(1).says("FAIL  1. It is cached").says("PASS  2. It is made").says_not("passed before");
    repo.git(&["reset", "-q", "--hard", "ORIG_HEAD"]);
    repo.chant(&gate).fails(1).says("criterion 1 failed with exit code 1").says_not("criterion 2");
}

/// What passes both ways is believed everywhere once it was checked by hand.
#[test]
fn a_check_by_hand_makes_more_of_it() {
    let repo = repository("echo made >made.txt");
    let id = repo.add_spec("Do it", &["It is made `$ test -f made.txt && mkdir -p built && echo x >built/it && echo x >loose`"]);
    repo.chant(&["work", &id]).ok();
    // What its check left, ignored or not, is in nobody's way and in no commit.
    assert!(!repo.exists(&format!(".chant/worktrees/{id}")));
    assert_eq!(repo.git(&["diff", "--name-only", "main", &format!("chant/{id}"), "--", ":!.chant"]), "made.txt");
    repo.git(&["config", "--unset", "chant.verifyIn"]);
    let merge = repo.try_git(&["merge", "-q", &format!("chant/{id}")]);
    assert!(merge.code != 0, "{merge}");
    merge.says("was not checked outside of the agent's worktree");
    repo.chant(&["verify", &id]).ok().says("PASS  1.").says_not("passed before");
    repo.chant(&["verify", &id]).ok().says("passed before on this code tree");
    assert_eq!(repo.show(&id)["checked_in"], "own");
    repo.try_git(&["merge", "-q", &format!("chant/{id}")]).ok();
}

/// A command that changes what is committed fails, and what it changed is put back for whoever goes on there.
#[test]
fn what_commands_change_is_put_back_and_what_they_leave_is_taken_away() {
    let repo = repository("echo made >>made.txt; git add .; git commit -qm 'chant work'; echo mine >cache");
    let id = repo.add_spec(
        "Do it",
        &[
            "Changes `$ echo changed >made.txt; mkdir -p deep/er; echo x >deep/er/left; echo y >'odd \"name'`",
            "Commits `$ echo more >more.txt; git add .; git commit -qm sly`",
            "Leaves `$ git checkout -q --detach HEAD`",
            "Is fine `$ test $(cat made.txt) = made && test ! -e more.txt && test ! -e deep && echo x >fine`",
        ],
    );
    repo.chant(&["work", &id]).fails(1).says("criteria 1, 2, 3 failed");
    let there = repo.at(repo.path().join(format!(".chant/worktrees/{id}")));
    assert_eq!(there.git(&["status", "--porcelain", "--ignored"]), "!! cache");
    assert_eq!(there.git(&["log", "--format=%s", "main..HEAD"]), format!("chant work\nchant({id}): start"));
    assert_eq!(there.git(&["symbolic-ref", "HEAD"]), format!("refs/heads/chant/{id}"));
    assert!(!there.git_dir().join("chant-checks").exists());
    let kept = repo.git(&["for-each-ref", "--format=%(subject)", "refs/chant-kept/"]);
    assert!(kept.contains("sly"), "the commit that was made there is kept: {kept}");
    repo.chant(&["verify", &id]).fails(1).says("it changed tracked files: made.txt").says("it made a commit, or checked out another one");
}

/// A repository that a check made is what `git clean` leaves alone unless it is told twice.
#[test]
fn the_next_check_finds_nothing_of_the_one_before() {
    let repo = TestRepo::with_chant();
    let left = repo.add_spec("Leave it", &["It is made `$ git init -q inside && echo x >inside/left`"]);
    repo.chant(&["verify", &left]).ok();
    let clean = repo.add_spec("Find nothing", &["It is clean `$ test ! -e inside`"]);
    repo.chant(&["verify", &clean]).ok().says("PASS  1.");
}

/// Runs wait for one another only where they share a worktree.
#[test]
fn several_are_checked_at_once() {
    let repo = repository("echo made >\"made-$CHANT_SPEC_ID\"");
    repo.git(&["config", "chant.stagger", "0"]);
    let meet = repo.root().join("tmp/meet");
    std::fs::create_dir(&meet).unwrap();
    let meets = |own: &str, other: &str| {
        let dir = meet.display();
        format!("They meet `$ touch {dir}/{own}; for i in $(seq 600); do test -e {dir}/{other} && exit 0; sleep 0.05; done; exit 1`")
    };
    repo.add_spec("One", &[&meets("one", "two")]);
    repo.add_spec("Two", &[&meets("two", "one")]);
    repo.chant(&["work", "--all", "--parallel", "2"]).ok().says("2 of 2 specs done");
    repo.chant(&["show", "001"]).ok().says("checked in the agent's worktree");
}

/// An agent that hides what it did not commit is not checked among it; nor is anybody where the target asks for the result's checks.
#[test]
fn a_worktree_that_is_not_as_committed_is_none_to_check_in() {
    let repo = repository("echo made >made.txt; echo hidden >README.md; git update-index --assume-unchanged README.md");
    let id = repo.add_spec("Do it", &["It is hidden `$ grep -q hidden README.md`"]);
    repo.chant(&["work", &id]).fails(1).says("are not checked in its worktree, which is not as it was committed");
    assert!(!trailers(&repo, &id, "verify").iter().any(|trailer| trailer == "Where=run"));
    repo.agent("robin", LEAVES);
    repo.git(&["config", "chant.verify", "merge"]);
    let id = repo.add_spec("Do more", &["It is cached `$ test -f cache`"]);
    repo.chant(&["work", &id]).fails(1).says("criterion 1 failed");
    repo.chant_env(&[("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "chant.verifyIn"), ("GIT_CONFIG_VALUE_0", "Run")], &["verify", &id])
        .fails(128)
        .says("chant.verifyIn is 'Run'")
        .says("kept, fresh, run");
}

/// Killed while commands run, nobody has taken away what they left; the next attempt does not find it, and nothing is lost.
#[test]
fn what_killed_checks_left_is_no_work() {
    let repo = repository("echo made >>made.txt");
    let id = repo.add_spec("Do it", &[&format!("Stays `$ test $(wc -l <made.txt) = 2 && exit; echo x >left; {STAYS}`")]);
    let mut stuck = Stuck::start(&repo, &["work", &id]);
    stuck.child.kill().unwrap();
    stuck.child.wait().unwrap();
    repo.chant(&["resume", &id]).ok().says("Files left by interrupted checks were set aside: git show ");
    assert_eq!(repo.git(&["diff", "--name-only", "main", &format!("chant/{id}"), "--", ":!.chant"]), "made.txt");
    let kept = repo.git(&["for-each-ref", "--format=%(objectname) %(subject)", "refs/chant-kept/"]);
    let left = kept.lines().find(|line| line.ends_with("what checks left that were killed")).unwrap();
    assert_eq!(repo.git(&["show", &format!("{}:left", left.split(' ').next().unwrap())]), "x");
}
