//! Exclusive starts: a claim reaches the remote before the agent runs, and whoever pushed first has it.

use crate::common::TestRepo;
use crate::share::two_clones;

mod next;
mod race;

/// What an agent does that does its work.
pub const WORKS: &str =
    "sed -i 's/\\[ \\]/[x]/' \"$CHANT_SPEC_FILE\"; echo done > \"done-$CHANT_SPEC_ID\"; git add -A; git commit -qm work";

/// Two clones that know one spec, and an agent that does its work.
fn with_spec() -> (TestRepo, TestRepo, String) {
    let (us, them) = two_clones();
    let id = us.add_spec("One", &["First"]);
    us.chant(&["push"]).ok();
    them.chant(&["fetch"]).ok();
    for repo in [&us, &them] {
        repo.agent("works", WORKS);
        repo.git(&["config", "chant.trust", "all"]);
    }
    (us, them, id)
}

/// Every spec, with its tip.
pub fn specs(repo: &TestRepo) -> String {
    repo.git(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/chant/specs"])
}

/// An agent that kills the git-chant which runs it, and ends.
const KILLS: &str = "kill -9 $(cut -d' ' -f4 /proc/$PPID/stat)";

fn at_origin(repo: &TestRepo, name: &str) -> String {
    repo.git(&["ls-remote", "origin", name]).split('\t').next().unwrap_or_default().to_owned()
}

/// Runs, branches, worktrees and kept commits of a clone.
fn traces(repo: &TestRepo) -> String {
    let refs = repo.git(&["for-each-ref", "--format=%(refname)", "refs/chant-kept", "refs/heads/chant", "refs/chant/runs"]);
    let runs = std::fs::read_dir(repo.common_dir().join("chant/runs")).map_or(0, Iterator::count);
    format!("{refs}{}{}", repo.git(&["worktree", "list"]).lines().count() - 1, runs)
}

#[test]
fn the_remote_has_the_start_before_the_agent_runs_and_the_finish_with_the_branch() {
    let (us, them, id) = with_spec();
    us.agent(
        "looks",
        &format!("git -C ../../.. ls-remote -q origin 'refs/chant/*' > seen; git -C ../../.. chant history {id} > known; {WORKS}"),
    );
    us.chant(&["work", "--claim", &id]).ok().says("completed");
    let tip = us.git(&["rev-parse", &format!("chant/{id}")]);
    let seen = us.git(&["show", &format!("{tip}:seen")]);
    let start = us.history(&id).iter().find(|event| event["event"] == "start").unwrap().clone();
    assert!(seen.contains(start["commit"].as_str().unwrap()), "{seen}");
    assert!(us.git(&["show", &format!("{tip}:known")]).contains("start"), "the agent's clone knows of its start");
    for key in ["Claim", "Host", "Clone", "Run"] {
        assert!(start["trailers"].to_string().contains(key), "{start}");
    }
    assert_eq!(at_origin(&us, &format!("refs/heads/chant/{id}")), tip);
    assert_eq!(at_origin(&us, &format!("refs/chant/specs/{id}")), us.git(&["rev-parse", &format!("refs/chant/specs/{id}")]));
    them.chant(&["fetch"]).ok().says("pending -> completed");
    assert_eq!(specs(&us), specs(&them));
}

#[test]
fn whoever_comes_second_is_told_who_has_it_and_keeps_nothing() {
    let (us, them, id) = with_spec();
    let before = traces(&them);
    let inner = format!(
        "cd '{}' && unset CHANT_RUN_ID && git chant work --claim {id} >'{}/said' 2>&1; echo $? >>'{}/said'",
        them.path().display(),
        us.root().display(),
        us.root().display()
    );
    us.agent("waits", &format!("({inner}); {WORKS}"));
    us.chant(&["work", "--claim", &id]).ok();
    let said = std::fs::read_to_string(us.root().join("said")).unwrap();
    assert!(said.contains(&format!("fatal: {id} is claimed by Tester on ")) && said.ends_with("128\n"), "{said}");
    assert!(said.contains(&format!("hint: if that machine is gone: git chant reset --stale {id}")), "{said}");
    assert_eq!(traces(&them), before);
    // What it knows of the spec is what the remote has, and nothing of its own.
    assert_eq!(them.events(&id), ["create", "start"]);
    them.chant(&["show", &id]).ok().says("claimed by:  Tester on ");
    them.chant(&["reset", &id]).fails(128).says("is claimed by");
    them.chant(&["resume", &id]).fails(128).says("is claimed by");
    them.chant(&["takeover", &id]).fails(128).says("is claimed by");
    them.chant(&["finalize", &id]).fails(128).says("is claimed by");
    them.chant(&["sync"]).ok().says("in_progress -> completed");
    assert_eq!(specs(&us), specs(&them));
}

#[test]
fn an_edit_on_the_way_is_taken_in_and_the_claim_made_on_it() {
    let (us, them, id) = with_spec();
    them.chant(&["edit", &id, "--add-label", "theirs"]).ok();
    them.chant(&["push"]).ok();
    us.chant(&["work", "--claim", &id]).ok();
    assert_eq!(us.show(&id)["labels"], serde_json::json!(["theirs"]));
    assert_eq!(us.events(&id), ["create", "edit", "start", "finish"]);
}

#[test]
fn a_stale_claim_is_taken_over_and_who_lost_it_keeps_its_work_beside() {
    let (us, them, id) = with_spec();
    them.git(&["config", "chant.claimTimeout", "0s"]);
    us.git(&["config", "chant.claimTimeout", "1s"]);
    // A sign of life just then wins. There are no more of them while the holder stands still, as a machine does that hangs.
    let holder = "$(cut -d' ' -f4 /proc/$PPID/stat)";
    let take = format!("kill -STOP {holder}; for i in $(seq 50); do git chant reset --stale {id} && break; done; kill -CONT {holder}");
    let inner = format!("cd '{}' && unset CHANT_RUN_ID && {take}; git chant work --claim {id}", them.path().display());
    // It may see that its claim is gone before there is another.
    let resets = format!("git -C '{}' log --format=%s refs/chant/specs/{id} | grep -c ^reset", us.path().display());
    let wait = format!("for i in $(seq 4000); do [ \"$({resets})\" = 1 ] && break; sleep 0.05; done");
    us.agent("loses", &format!("({inner}) || exit 3; {wait}; echo mine > mine; {WORKS}"));
    let said = us.chant(&["work", "--claim", &id]).fails(1).says("went on without this run").says(&format!("kept on chant/{id}@"));
    // It is said when it is seen, and not only at the end.
    said.says(&format!("warning: {id} was taken over by Tester; what this run makes is kept on chant/{id}@2026"));
    let branches = us.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/chant"]);
    assert!(branches.starts_with(&format!("chant/{id}@2026")) && branches.lines().count() == 1, "{branches}");
    assert_eq!(us.git(&["show", &format!("{branches}:mine")]), "mine");
    us.chant(&["fetch"]).ok();
    let events: Vec<String> = us.events(&id).into_iter().filter(|kind| kind != "claim").collect();
    assert_eq!(events, ["create", "start", "reset", "start", "finish"]);
    them.git(&["rev-parse", "--verify", &format!("chant/{id}")]);
    assert_eq!(at_origin(&us, &format!("refs/heads/chant/{id}")), them.git(&["rev-parse", &format!("chant/{id}")]));
    assert_eq!(specs(&us), specs(&them));
    us.git(&["gc", "--quiet", "--prune=now"]);
    us.git(&["fsck", "--strict"]);
}

#[test]
fn a_claim_is_stale_by_the_observers_own_clock() {
    let (us, them, id) = with_spec();
    them.chant(&["reset", "--stale", &id]).fails(128).says("no other clone has a claim");
    us.agent("hangs", KILLS);
    let killed = us.chant(&["work", "--claim", &id]);
    assert!(killed.code >= 1000, "{killed}");
    let said = them.chant(&["reset", "--stale", &id]).fails(128).says("no sign of life for ").says("s only; that is stale after 30m");
    said.says("in 30m: git chant");
    them.git(&["config", "chant.claimTimeout", "0s"]);
    // Who may not take it loses nothing of their own.
    them.git(&["branch", &format!("chant/{id}")]);
    let refuses = us.script(us.root().join("origin.git/hooks/pre-receive"), "echo 'not today' >&2; exit 1");
    them.chant(&["reset", "--stale", &id]).fails(128).says("not today").says_not("is kept on");
    them.git(&["rev-parse", "--verify", &format!("chant/{id}")]);
    std::fs::remove_file(refuses).unwrap();
    them.chant(&["reset", "--stale", &id, "-m", "its disk died"]).ok().says(&format!("is kept on chant/{id}@1"));
    assert_eq!(them.events(&id), ["create", "start", "reset"]);
    assert_eq!(at_origin(&us, &format!("refs/chant/specs/{id}")), them.git(&["rev-parse", &format!("refs/chant/specs/{id}")]));
    // The machine comes back: its dead run is no claim any more.
    us.chant(&["fetch"]).ok();
    us.chant(&["work", "--claim", "--agent", "works", &id]).ok().says("completed");
}

#[test]
fn the_holder_shows_that_it_is_alive() {
    let (us, them, id) = with_spec();
    us.git(&["config", "chant.claimTimeout", "1s"]);
    let name = format!("refs/chant/specs/{id}");
    let tip = format!("git -C '{}' ls-remote origin {name}", us.path().display());
    us.agent("long", &format!("was=$({tip}); for i in $(seq 6000); do [ \"$({tip})\" = \"$was\" ] || break; sleep 0.05; done; {WORKS}"));
    us.chant(&["work", "--claim", &id]).ok();
    let events = us.events(&id);
    assert!(events.contains(&"claim".to_owned()) && events.last().is_some_and(|last| last == "finish"), "{events:?}");
    them.chant(&["fetch"]).ok();
    assert_eq!(specs(&us), specs(&them));
}

#[test]
fn a_holder_that_died_goes_on_or_gives_back_and_the_remote_knows() {
    let (us, them, id) = with_spec();
    us.agent("hangs", KILLS);
    assert!(us.chant(&["work", "--claim", &id]).code >= 1000);
    us.chant(&["resume", "--agent", "works", &id]).ok();
    them.chant(&["fetch"]).ok();
    assert_eq!(them.events(&id), ["create", "start", "start", "finish"]);
    let other = us.add_spec_with("Two", &["First"], &[]);
    assert!(us.chant(&["work", "--claim", &other]).code >= 1000);
    us.chant(&["reset", &other]).ok();
    them.chant(&["fetch"]).ok();
    assert_eq!(them.events(&other), ["create", "start", "reset"]);
    assert!(us.chant(&["work", "--claim", &other]).code >= 1000);
    us.chant(&["takeover", &other]).ok();
    them.chant(&["fetch"]).ok();
    assert_eq!(them.events(&other), ["create", "start", "reset", "start", "pause"]);
}

#[test]
fn a_branch_that_moves_while_the_remote_takes_the_finish_costs_no_transcript() {
    let (us, _, id) = with_spec();
    let git = format!("git -C '{}'", us.path().display());
    let moves = format!("{git} update-ref $ref $({git} commit-tree -m Mine -p $new $new^{{tree}})");
    let hook = format!(
        "unset $(git rev-parse --local-env-vars)\nwhile read -r old new ref; do case $ref in refs/heads/chant/*) {moves};; esac; done"
    );
    us.script(us.root().join("origin.git/hooks/post-receive"), &hook);
    us.chant(&["work", "--claim", &id]).ok().says(&format!("refs/heads/chant/{id} moved while the run was being ended"));
    assert_eq!(us.git(&["log", "-1", "--format=%s", &format!("chant/{id}")]), "Mine");
    assert_eq!(us.show(&id)["status"], "completed");
    let tip = at_origin(&us, &format!("refs/heads/chant/{id}"));
    assert!(us.git(&["for-each-ref", "--format=%(objectname)", "refs/chant-kept"]).contains(&tip));
    assert_eq!(us.git(&["for-each-ref", &format!("refs/chant/runs/{id}")]).lines().count(), 1);
    us.chant(&["finalize", &id]).ok();
}

#[test]
fn a_remote_that_is_gone_when_the_run_ends_loses_nothing() {
    let (us, them, id) = with_spec();
    us.agent("cut", &format!("mv '{0}/origin.git' '{0}/gone.git'; {WORKS}", us.root().display()));
    let said = us.chant(&["work", "--claim", &id]).ok().says("is known here only").says("hint: git chant push --branches origin");
    said.says("completed");
    std::fs::rename(us.root().join("gone.git"), us.root().join("origin.git")).unwrap();
    us.chant(&["push", "--branches", "origin"]).ok();
    them.chant(&["fetch"]).ok().says("completed");
    assert_eq!(at_origin(&us, &format!("refs/heads/chant/{id}")), us.git(&["rev-parse", &format!("chant/{id}")]));
}

#[test]
fn without_a_remote_that_takes_it_nothing_is_started() {
    let (us, _, id) = with_spec();
    let (tips, before) = (specs(&us), traces(&us));
    us.chant(&["work", "--claim=nowhere", &id]).fails(128).says("there is no remote 'nowhere'");
    us.script(us.root().join("origin.git/hooks/pre-receive"), "echo 'no chant here' >&2; exit 1");
    us.git(&["config", "chant.claim", "true"]);
    us.chant(&["work", &id]).fails(128).says("could not be claimed, and is not started").says("no chant here");
    std::fs::rename(us.root().join("origin.git"), us.root().join("gone.git")).unwrap();
    us.chant(&["work", &id]).fails(128).says("could not be claimed, and is not started").says("git ls-remote origin");
    assert_eq!((specs(&us), traces(&us)), (tips, before));
    us.chant(&["work", "--no-claim", &id]).ok();
}

#[test]
fn another_attempts_branch_on_the_remote_is_kept_under_its_own_name() {
    let (us, them, id) = with_spec();
    them.chant(&["work", "--claim", &id]).ok();
    let theirs = at_origin(&us, &format!("refs/heads/chant/{id}"));
    them.chant(&["reset", &id]).ok();
    them.chant(&["push"]).ok();
    us.chant(&["fetch"]).ok();
    us.chant(&["work", "--claim", &id]).ok();
    let listed = us.git(&["ls-remote", "origin", "refs/heads/chant/*"]);
    assert!(listed.contains(&format!("{theirs}\trefs/heads/chant/{id}@")), "{listed}");
    assert_eq!(at_origin(&us, &format!("refs/heads/chant/{id}")), us.git(&["rev-parse", &format!("chant/{id}")]));
}

#[test]
fn several_at_once_are_claimed_one_by_one() {
    let (us, them, first) = with_spec();
    let second = us.chant_env(&[("GIT_CHANT_TEST_SUFFIX", "two")], &["add", "--porcelain", "Two", "--criterion", "First"]).ok().stdout;
    us.chant(&["push"]).ok();
    us.chant(&["work", "--all", "--parallel", "2", "--claim"]).ok();
    them.chant(&["fetch"]).ok();
    assert_eq!(specs(&us), specs(&them));
    for id in [first.as_str(), second.trim()] {
        assert_eq!(them.events(id), ["create", "start", "finish"]);
        assert_eq!(at_origin(&us, &format!("refs/heads/chant/{id}")), us.git(&["rev-parse", &format!("chant/{id}")]));
    }
}
