//! Two terminals: many processes at once on the same few specs. What was reported as done is in the history, one `start` wins, and no
//! lock is left behind; with `git pack-refs` and somebody's own `git commit` running beside.

use crate::common::{CHANT, Outcome, TestRepo};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Notes that it was started, works, and ticks what no command decides.
const AGENT: &str = r#"echo "$CHANT_SPEC_ID" >>"$STARTED"
echo made >"made-$CHANT_SPEC_ID"
sed -i 's/\[ \]/[x]/' "$CHANT_SPEC_FILE""#;

/// `git-chant` with random suffixes, as people have them.
fn chant(repo: &TestRepo, args: &[&str]) -> Outcome {
    let mut command = repo.command(repo.path(), CHANT);
    command.env_remove("GIT_CHANT_TEST_SUFFIX").env("STARTED", repo.root().join("started"));
    Outcome::of(command.args(args))
}

/// All of these at once; what became of each, in order.
fn at_once(repo: &TestRepo, commands: &[Vec<String>]) -> Vec<Outcome> {
    let barrier = Barrier::new(commands.len());
    std::thread::scope(|scope| {
        let barrier = &barrier;
        let run = |args: &Vec<String>| {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            barrier.wait();
            chant(repo, &args)
        };
        let threads: Vec<_> = commands.iter().map(|args| scope.spawn(move || run(args))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Does it beside, again and again, until the rest is over.
fn beside<T>(each: impl Fn(usize) + Sync, rest: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                each(number);
                number += 1;
            }
        });
        // Also when it panics: the scope waits for the thread.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(rest));
        over.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn words(args: &[&str]) -> Vec<String> {
    args.iter().map(|&arg| arg.to_owned()).collect()
}

/// Who commits something of their own meanwhile, as a person would: again when another git process holds a lock, and not without a pause,
/// in which others find the index free.
fn commit_own_file(repo: &TestRepo, number: usize, done: &Path) {
    let began = Instant::now();
    let file = format!("own-{number}");
    repo.write(&file, "mine\n");
    let staged = repo.try_git(&["add", &file]).code == 0;
    if staged && repo.try_git(&["commit", "--quiet", "-m", &format!("Own {number}"), "--", &file]).code == 0 {
        let mut text = fs::read_to_string(done).unwrap_or_default();
        text.push_str(&format!("{file}\n"));
        fs::write(done, text).unwrap();
    }
    std::thread::sleep(began.elapsed());
}

/// The commands of twenty terminals: the first spec is edited while it is started, the second approved, the third both (so that an approval
/// may lapse, and nobody start it).
fn twenty(specs: &[String]) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for (id, [edits, approvals]) in specs.iter().zip([[2, 0], [0, 2], [1, 1]]) {
        commands.push(words(&["work", id]));
        commands.push(words(&["work", id]));
        commands.extend((0..edits).map(|n| words(&["edit", id, "--add-label", &format!("label-{n}")])));
        commands.extend((0..approvals).map(|n| words(&["approve", id, "--by", &format!("person-{n}")])));
        commands.push(words(&["check", id, "1"]));
        commands.push(words(&["check", id, "2"]));
    }
    commands.push(words(&["add", "--porcelain", "Added one", "--criterion", "There"]));
    commands.push(words(&["add", "--porcelain", "Added two", "--criterion", "There"]));
    assert_eq!(commands.len(), 20);
    commands
}

/// What a `work` that lost may say: who won, and where to look.
fn is_fair_refusal(outcome: &Outcome) -> bool {
    let reasons = ["in progress already", "is working on", "is completed", " failed", "needs attention", "waits for approval"];
    outcome.code == 128 && reasons.iter().any(|reason| outcome.stderr.contains(reason)) && outcome.stderr.contains("hint: ")
}

fn assert_history_holds(repo: &TestRepo, command: &[String], outcome: &Outcome) {
    let args: Vec<&str> = command.iter().map(String::as_str).collect();
    match args[..] {
        ["work", _] => assert!(outcome.code <= 1 || is_fair_refusal(outcome), "{command:?}: {outcome}"),
        ["edit", id, _, label] => {
            assert_eq!(outcome.code, 0, "{command:?}: {outcome}");
            let labels = repo.show(id)["labels"].to_string();
            assert!(labels.contains(label), "{label} is not in {labels}");
        }
        ["approve", id, _, by] => {
            assert_eq!(outcome.code, 0, "{command:?}: {outcome}");
            let tip = format!("refs/chant/specs/{id}");
            let said = repo.git(&["log", "--format=%(trailers:key=Chant-By,valueonly)", &tip]);
            assert_eq!(said.lines().filter(|line| *line == by).count(), 1, "{by} is not once in {said:?}");
        }
        ["check", id, number] => {
            assert_eq!(outcome.code, 0, "{command:?}: {outcome}");
            let number: usize = number.parse().unwrap();
            assert_eq!(repo.show(id)["criteria"][number - 1]["ticked"], true, "box {number} of {id}: {outcome}");
        }
        ["add", _, title, ..] => {
            assert_eq!(outcome.code, 0, "{command:?}: {outcome}");
            assert_eq!(repo.show(outcome.stdout.trim())["title"], title);
        }
        _ => unreachable!("{command:?}"),
    }
}

fn assert_sound(repo: &TestRepo) {
    repo.assert_no_locks();
    repo.git(&["fsck", "--connectivity-only", "--no-dangling"]);
    chant(repo, &["list"]).ok().says_not("its run died");
    let runs = fs::read_dir(repo.common_dir().join("chant/runs")).map_or(0, Iterator::count);
    assert_eq!(runs, 0, "a run's directory is left behind");
}

#[test]
fn twenty_terminals_on_three_specs() {
    let repo = TestRepo::with_chant();
    repo.agent("noting", AGENT);
    let criteria = ["One", "Two", "It is made `$ ls made-*`"];
    let specs: Vec<String> = ["First", "Second", "Third"].iter().map(|title| repo.add_spec(title, &criteria)).collect();
    let commands = twenty(&specs);
    let done = repo.root().join("tmp/own");
    let before = repo.head();
    let outcomes = beside(
        |_| drop(repo.try_git(&["pack-refs", "--all"])),
        || beside(|number| commit_own_file(&repo, number, &done), || at_once(&repo, &commands)),
    );
    for (command, outcome) in commands.iter().zip(&outcomes) {
        assert_history_holds(&repo, command, outcome);
    }
    let started = fs::read_to_string(repo.root().join("started")).unwrap();
    for id in &specs {
        let starts = repo.events(id).iter().filter(|kind| *kind == "start").count();
        let wins = commands.iter().zip(&outcomes).filter(|(command, outcome)| **command == ["work", id] && outcome.code <= 1).count();
        let agents = started.lines().filter(|line| line == id).count();
        let one = if *id == specs[2] { starts.min(1) } else { 1 };
        assert_eq!((starts, wins, agents), (one, one, one), "starts, wins and agents of {id}:\n{outcomes:#?}");
        // A start that was tried in vain leaves nothing.
        assert_eq!(repo.git(&["for-each-ref", &format!("refs/heads/chant/{id}@*")]), "");
    }
    assert_sound(&repo);
    // What the person committed meanwhile is on the branch, and what we committed too.
    repo.git(&["merge-base", "--is-ancestor", &before, "HEAD"]);
    for file in fs::read_to_string(done).unwrap_or_default().lines() {
        assert_eq!(repo.git(&["show", &format!("HEAD:{file}")]), "mine");
    }
    let status = repo.git(&["status", "--porcelain", "--", ".chant/specs"]);
    assert_eq!(status, "", "spec files are not as HEAD has them:\n{outcomes:#?}");
}

#[test]
fn twelve_adds_at_once_are_twelve_specs() {
    let repo = TestRepo::with_chant();
    let commands: Vec<_> = (0..12).map(|n| words(&["add", "--porcelain", &format!("Number {n}"), "--criterion", "There"])).collect();
    let outcomes = beside(|_| drop(repo.try_git(&["pack-refs", "--all"])), || at_once(&repo, &commands));
    let ids: BTreeSet<String> = outcomes.into_iter().map(|outcome| outcome.ok().stdout.trim().to_owned()).collect();
    assert_eq!(ids.len(), 12);
    let numbers: BTreeSet<&str> = ids.iter().map(|id| &id["2026-01-29-".len()..][..3]).collect();
    assert_eq!(numbers.len(), 12, "two have the same number: {ids:?}");
    for id in &ids {
        let spec = repo.show(id);
        assert_eq!((&spec["status"], &spec["criteria"][0]["text"]), (&"ready".into(), &"There".into()));
        assert_eq!(repo.events(id), ["create"]);
        // The file is there, and committed.
        let file = TestRepo::spec_file(id);
        assert_eq!(repo.git(&["show", &format!("HEAD:{file}")]), repo.read(&file).trim_end_matches('\n'));
    }
    assert_eq!(repo.git(&["status", "--porcelain", "--", ".chant/specs"]), "");
    assert_sound(&repo);
}

/// What a person does while the criteria are checked: completed was written over a cancel and over an edit, and for ever over new work.
#[test]
fn finalize_heeds_what_happens_while_it_checks() {
    let repo = TestRepo::with_chant();
    repo.script("meanwhile", &format!("cd '{}' && eval \"$*\" >&2", repo.path().display()));
    let add = |doing: &str| {
        let id = format!("00{}", 1 + repo.git(&["for-each-ref", "refs/chant/specs"]).lines().count());
        let command = format!("It is done `$ meanwhile {}`", doing.replace("ID", &id));
        repo.add_spec("Do it", &[&command, "It is good"])
    };
    let refused = |doing: &str, words: &str| {
        let id = add(doing);
        repo.chant(&["check", &id, "2"]).ok();
        repo.chant(&["finalize", &id]).fails(128).says(words);
        assert!(!repo.events(&id).contains(&"finish".to_owned()), "{doing}");
        id
    };
    refused("git chant cancel ID", "became cancelled while its criteria were checked");
    let edited = refused("git chant edit ID --title More", "was edited while its criteria were checked");
    assert!(repo.read(&TestRepo::spec_file(&edited)).contains("More"));
    refused("git chant uncheck ID 2", "criterion 2 is not ticked");
    // A tick asks for nothing else.
    let id = add("git chant check ID 2");
    repo.chant(&["finalize", &id]).ok();
    assert_eq!(repo.show(&id)["status"], "completed");
    // Somebody goes on with the work.
    let id = add("sh more");
    let branch = format!("chant/{id}");
    repo.write("more", format!("git update-ref refs/heads/{branch} $(git commit-tree -p HEAD -m More HEAD^{{tree}})"));
    repo.chant(&["check", &id, "2"]).ok();
    repo.git(&["branch", &branch]);
    repo.chant(&["finalize", &id]).fails(128).says(&format!("{branch} moved while its criteria were checked"));
}
