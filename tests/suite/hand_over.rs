//! Going on with an agent's work: the client's own session, a person who takes over, worktrees made ready and taken away.

use crate::common::{CHANT, Outcome, TestRepo};
use std::process::Stdio;

const INIT: &str = r#"{"type":"system","subtype":"init","session_id":"95cf-784a","model":"m"}"#;
const END: &str = r#"{"type":"result","is_error":false,"result":"Half of it."}"#;

/// An agent that prints a claude stream; `script` runs between beginning and end.
fn claude(script: &str) -> String {
    format!("cat > \"$CHANT_LOG_DIR/../../../told\"\necho '{INIT}'\n{script}\necho '{END}'")
}

fn repository(script: &str) -> (TestRepo, String) {
    let repo = TestRepo::with_chant();
    repo.agent("mine", &claude(script));
    repo.git(&["config", "chant.agent.mine.format", "claude"]);
    repo.git(&["config", "chant.agent.mine.command", "agent-mine {session_id}"]);
    let id = repo.add_spec("Say hello", &["It greets `$ grep -q hello hello.txt`"]);
    (repo, id)
}

fn told(repo: &TestRepo) -> String {
    std::fs::read_to_string(repo.common_dir().join("told")).unwrap()
}

#[test]
fn a_resumed_run_goes_on_with_the_clients_own_session() {
    let (repo, id) =
        repository("echo one >> made.txt; echo \"session: $1\" >> \"$CHANT_PROMPT_FILE.seen\"; cat \"$CHANT_PROMPT_FILE.seen\"");
    repo.chant(&["work", &id]).fails(1).says_not("session: 95cf-784a");
    assert!(!told(&repo).contains("worked on before"));
    repo.chant(&["resume", &id]).fails(1).says("session: 95cf-784a").says(&format!("git chant resume {id} --new-session"));
    assert!(
        told(&repo).starts_with("This was worked on before") && told(&repo).contains("ended with: criterion 1 failed"),
        "{}",
        told(&repo)
    );
    repo.chant(&["resume", &id, "--new-session", "--force"])
        .fails(1)
        .says_not("session: 95cf-784a")
        .says_not("has forgotten its last session");
    // What another clone tells of is no session here.
    for kept in repo.git(&["for-each-ref", "--format=%(refname)", "refs/chant-kept"]).lines() {
        repo.git(&["update-ref", "-d", kept]);
    }
    repo.chant(&["resume", &id, "--force"]).fails(1).says_not("session: 95cf-784a");
}

#[test]
fn a_failed_run_is_taken_over() {
    let (repo, id) = repository("echo nothing > made.txt; git add made.txt; git commit -qm 'Half'; echo more > more.txt");
    repo.chant(&["work", &id]).fails(1);
    let said = repo.chant(&["takeover", &id]).ok().says("hint: go on there: cd");
    let path = said.stdout.trim().to_owned();
    let file = repo.chant(&["show", &id, "--body"]).ok().stdout;
    for word in ["The last run ended with: criterion 1 failed", "made.txt", "more.txt", "status: paused"] {
        assert!(file.contains(word), "{word}: {file}");
    }
    let there = repo.at(&path);
    there.write("hello.txt", "hello\n");
    there.commit_all("Finish it");
    repo.chant(&["finalize", &id]).ok();
    assert_eq!(repo.show(&id)["rests_on"], "verified");
}

#[test]
fn a_run_under_way_is_stopped_and_taken_over() {
    let (repo, id) = repository(SLEEPS);
    let mut path = String::new();
    let worked = while_it_works(&repo, &id, |_| {
        let said = repo.chant(&["takeover", &id]).ok().says_not("holds another version");
        path = said.stdout.trim().to_owned();
    });
    worked.fails(1).says(&format!("✗ {id} paused: taken over by a person"));
    assert_eq!(repo.show(&id)["status"], "paused");
    let spec = repo.chant(&["show", &id, "--body"]).ok().stdout;
    assert!(spec.contains("Taken over while it was worked on.") && spec.contains("made.txt | 1 +"), "{spec}");
    assert!(repo.at(path).exists("more.txt"));
    repo.chant(&["takeover", &id]).ok();
    repo.assert_no_locks();
}

/// `git chant work` whose agent is at its work: it has made a file, and sleeps. Then this is done.
fn while_it_works(repo: &TestRepo, id: &str, act: impl FnOnce(&mut std::process::Child)) -> Outcome {
    let mut command = repo.command(repo.path(), CHANT);
    let mut working = command.args(["work", id]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let fifo = repo.path().join(".chant/worktrees/up");
    while !fifo.exists() {
        assert!(working.try_wait().unwrap().is_none(), "it ended before its agent worked");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::fs::read(&fifo).unwrap();
    act(&mut working);
    let output = working.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome { code: output.status.code().unwrap_or(1000), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

const SLEEPS: &str = "echo half > made.txt; git add made.txt; git commit -qm Half; echo more > more.txt; mkfifo \"$CHANT_WORKTREE/../up\"; \
    : > \"$CHANT_WORKTREE/../up\"; sleep 1000";

#[test]
fn a_run_under_way_is_paused_and_resumed_in_its_session() {
    let (repo, id) = repository(SLEEPS);
    repo.git(&["config", "chant.maxAttempts", "1"]);
    let worked = while_it_works(&repo, &id, |_| {
        repo.chant(&["pause", &id, "-m", "the build is down"]).ok().says("git chant resume");
    });
    worked.fails(1).says("paused: the build is down").says("go on: git chant resume");
    assert_eq!(repo.show(&id)["status"], "paused");
    assert_eq!(repo.events(&id), ["create", "start", "pause"]);
    assert_eq!(repo.git(&["show", &format!("chant/{id}:more.txt")]), "more");
    assert!(!repo.git(&["worktree", "list", "--porcelain"]).contains("locked") && repo.exists(&format!(".chant/worktrees/{id}/made.txt")));
    repo.chant(&["log", &id]).ok().says("paused").says("the build is down");
    repo.chant(&["pause", &id]).ok().says("paused already");
    repo.chant(&["work", &id]).fails(128).says("is paused").says("git chant resume");
    // It has not failed: the one attempt that there is goes on.
    repo.agent("mine", &claude("cat more.txt made.txt > hello.txt; echo hello >> hello.txt; echo \"session: $1\""));
    repo.git(&["config", "chant.agent.mine.command", "agent-mine {session_id}"]);
    repo.chant(&["resume", &id]).ok().says("session: 95cf-784a").says("completed");
    assert!(told(&repo).contains("ended with: the build is down"));
    repo.chant(&["merge", &id]).ok();
    repo.assert_no_locks();
}

#[test]
fn a_run_whose_git_chant_was_killed_is_paused_too() {
    let (repo, id) = repository(SLEEPS);
    while_it_works(&repo, &id, |working| working.kill().unwrap());
    repo.chant(&["edit", &id, "--status", "paused"]).ok();
    assert_eq!(repo.show(&id)["status"], "paused");
    assert!(!repo.git(&["worktree", "list", "--porcelain"]).contains("locked"));
    assert!(!repo.common_dir().join("chant/runs").read_dir().unwrap().any(|_| true));
    repo.agent("mine", &claude("test -e more.txt && echo hello > hello.txt; echo \"session: $1\""));
    repo.git(&["config", "chant.agent.mine.command", "agent-mine {session_id}"]);
    repo.chant(&["resume", &id]).ok().says("session: 95cf-784a").says("completed");
}

/// A run that is over by the time its pause is recorded: the git that records it finds the newer event there.
#[test]
fn a_run_that_completed_meanwhile_is_not_paused() {
    let (repo, id) = repository("echo hello > hello.txt");
    repo.chant(&["work", &id]).ok();
    let name = format!("refs/chant/specs/{id}");
    let finish = repo.git(&["rev-parse", &name]);
    let late = format!("PATH=${{PATH#*:}}; case \" $* \" in *' update-ref '*) git update-ref {name} {finish};; esac; exec git \"$@\"");
    let dir = repo.script("late/git", &late).parent().unwrap().display().to_string();
    repo.git(&["update-ref", &name, &format!("{name}~")]);
    let path = format!("{dir}:{}", std::env::var("PATH").unwrap());
    repo.chant_env(&[("PATH", &path)], &["pause", &id]).fails(128).says("was completed before it could be paused");
    assert_eq!(repo.git(&["rev-parse", &name]), finish);
    // Nor is what is merged.
    repo.chant(&["merge", &id]).ok();
    for verb in ["pause", "resume", "work"] {
        repo.chant(&[verb, &id]).fails(128).says("is completed, and merged into main").says(&format!("hint: git chant show {id}"));
    }
    assert_eq!(repo.show(&id)["status"], "completed");
}

#[test]
fn what_no_agent_began_is_not_taken_over() {
    let (repo, id) = repository("true");
    repo.chant(&["takeover", &id]).fails(128).says("no agent is working on it");
    assert_eq!(repo.show(&id)["status"], "ready");
}

#[test]
fn cleanup_takes_only_what_is_ours_and_saved() {
    let (repo, id) = repository("echo nothing > made.txt");
    repo.write(".gitignore", "*.secret\n");
    repo.commit_all("Ignore");
    let other = repo.add_spec("Say more", &["It greets `$ false`"]);
    repo.chant(&["work", &id]).fails(1);
    repo.chant(&["work", &other]).fails(1);
    let tree = |id: &str| format!(".chant/worktrees/{id}");
    repo.write(&format!("{}/my.secret", tree(&other)), "mine");
    repo.git(&["worktree", "add", "-q", "-b", "feature", ".chant/worktrees/feature"]);
    repo.git(&["worktree", "add", "-q", "-b", "chant/elsewhere", "../elsewhere"]);
    repo.chant(&["worktree", "list"]).ok().says(&id).says(&other).says("failed").says_not("feature").says_not("elsewhere");
    let path = repo.chant(&["worktree", "path", &id]).ok().stdout;
    assert!(path.trim().ends_with(&tree(&id)), "{path}");
    repo.chant(&["cleanup", "--dry-run"]).ok().says("Would remove").says("stays: no commit holds my.secret");
    assert!(repo.exists(&tree(&id)));
    repo.chant(&["worktree", "remove", &other]).fails(128).says("no commit holds my.secret").says("hint: look at it: git -C");
    repo.chant(&["cleanup"]).ok().says("Removed");
    assert!(!repo.exists(&tree(&id)) && repo.exists(&format!("{}/my.secret", tree(&other))));
    assert!(repo.exists(".chant/worktrees/feature") && repo.root().join("elsewhere").exists());
    repo.git(&["rev-parse", "--verify", "-q", &format!("chant/{id}")]);
    // The branch is enough to go on from.
    repo.agent("mine", &claude("echo hello > hello.txt"));
    repo.chant(&["resume", &id]).ok();
    repo.chant(&["cleanup"]).ok().says("Nothing to remove.");
}

#[test]
fn a_fresh_worktree_is_made_ready() {
    let (repo, _) = repository("test \"$(cat .env)\" = KEY=1 && echo hello > hello.txt");
    repo.write(".gitignore", ".env\ncache/\n");
    repo.commit_all("Ignore");
    repo.write(".env", "KEY=1\n");
    let setup =
        "cp \"$CHANT_ROOT/.env\" \"$CHANT_WORKTREE/\" && mkdir cache && echo big > cache/file; echo used >>\"$CHANT_ROOT/used.txt\"";
    repo.git(&["config", "chant.worktreeSetup", setup]);
    let id = repo.add_spec("Be ready", &["It is worked `$ test -e hello.txt`", "It is ready where it is checked `$ test -e .env`"]);
    // What it does elsewhere is not the agent's doing.
    repo.chant(&["work", &id]).ok().says_not("The worktree is kept because").says_not("outside of its worktree");
    assert!(!repo.exists(&format!(".chant/worktrees/{id}")) && repo.exists("used.txt"));
}

#[test]
fn a_setup_that_fails_begins_nothing() {
    let (repo, id) = repository("true");
    repo.git(&["config", "chant.worktreeSetup", "echo no such cache; exit 3"]);
    let before = repo.git(&["for-each-ref"]);
    repo.chant(&["work", &id])
        .fails(128)
        .says("the setup of the worktree exited with 3")
        .says("no such cache")
        .says("hint: see the command");
    assert_eq!(before, repo.git(&["for-each-ref"]));
    assert!(!repo.exists(&format!(".chant/worktrees/{id}")));
    assert_eq!(repo.show(&id)["status"], "ready");
}

#[test]
fn a_setup_that_failed_where_criteria_are_checked_is_made_up_for() {
    let (repo, _) = repository("echo hello >hello.txt");
    repo.write(".gitignore", "cache\n");
    repo.commit_all("Ignore");
    let setup = "case $CHANT_WORKTREE in *.verify) test -e \"$HOME/net\" || exit 7;; esac; echo full >cache";
    repo.git(&["config", "chant.worktreeSetup", setup]);
    let id = repo.add_spec("Be ready", &["It is ready `$ grep full cache`"]);
    repo.chant(&["work", &id]).fails(1).says("could not be checked: the setup of the worktree exited with 7");
    repo.write("../home/net", "");
    repo.chant(&["resume", &id]).ok().says("completed");
}
