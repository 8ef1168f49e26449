//! Many clones want few specs at once. `CHANT_RACE='20 5 50'` races 20 clones for 5 specs, 50 times.

use super::{WORKS, specs as tips};
use crate::common::TestRepo;

/// Every clone works whatever it gets until nothing is ready.
fn race(clones: usize, specs: usize) {
    let us = TestRepo::with_chant();
    let bare = us.with_origin();
    us.agent("works", WORKS);
    let ids: Vec<String> = (0..specs)
        .map(|number| {
            let word = format!("s{number:02}");
            us.chant_env(&[("GIT_CHANT_TEST_SUFFIX", &word)], &["add", "--porcelain", &word, "--criterion", "First"])
                .ok()
                .stdout
                .trim()
                .to_owned()
        })
        .collect();
    us.chant(&["push"]).ok();
    us.git(&["push", "--quiet"]);
    let racers: Vec<TestRepo> = (0..clones)
        .map(|number| {
            let clone = us.clone_to(&bare, &format!("clone{number}"));
            clone.chant(&["init"]).ok();
            clone.git(&["config", "chant.trust", "all"]);
            clone.git(&["config", "chant.agent.works.command", "agent-works"]);
            clone.git(&["config", "chant.agent", "works"]);
            clone
        })
        .collect();
    let won: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = racers.iter().map(|clone| scope.spawn(|| work_all(clone))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(won, specs);
    us.chant(&["fetch"]).ok();
    for id in &ids {
        assert_eq!(us.events(id), ["create", "start", "finish"], "{id}");
    }
    let all = tips(&us);
    for clone in &racers {
        clone.chant(&["sync"]).ok();
        assert_eq!(tips(clone), all);
        assert_eq!(clone.git(&["worktree", "list"]).lines().count(), 1);
        // A branch is here only where the start was.
        for branch in clone.git(&["for-each-ref", "--format=%(refname:lstrip=3)", "refs/heads/chant"]).lines() {
            let here = clone.git(&["rev-parse", &format!("chant/{branch}")]);
            assert!(us.git(&["ls-remote", "origin", &format!("refs/heads/chant/{branch}")]).contains(&here));
        }
    }
}

/// How many specs this clone has worked.
fn work_all(clone: &TestRepo) -> usize {
    for won in 0..100 {
        let said = clone.chant(&["work", "--next", "--claim"]);
        if said.stdout.contains("No spec is ready.") {
            return won;
        }
        assert_eq!(said.code, 0, "{said}");
    }
    panic!("there is always one more");
}

#[test]
fn every_spec_is_started_once_whoever_wants_it() {
    let asked = std::env::var("CHANT_RACE").unwrap_or_default();
    let numbers: Vec<usize> = asked.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let (clones, specs, rounds) = match numbers[..] {
        [clones, specs, rounds] => (clones, specs, rounds),
        _ => (6, 3, 1),
    };
    for _ in 0..rounds {
        race(clones, specs);
    }
}
