//! Clones that do anything, in any order, over a remote that fails in every way: after a last round of syncs they are alike, and
//! nothing that was reported as done is gone.
//!
//! Each case is made from a seed, which a failure prints: `CHANT_CONVERGE_SEED=<seed>` runs that one alone, `CHANT_CONVERGE_CASES=<n>` so
//! many. Most cases are in memory, where whatever moves refs may also be killed half way; a few go through real git, with gc.

use git_chant::git::{Oid, RefChange, RefUpdate, Repository, Signature};
use git_chant::spec::SpecId;
use git_chant::store::Store;
use git_chant::store::sync::State;
use git_chant::workflow::fold::{self, MoveKind, Plan};
use git_chant::workflow::sync::{self, Options, Report};
use std::collections::HashSet;

mod deeds;
mod faults;
mod world;

use faults::{Fault, Faulty};
use world::{Way, World};

/// Some clones and what was reported in them.
struct Scene {
    world: World,
    story: Story,
}

/// What happened so far, and what is still to be decided.
struct Story {
    rng: fastrand::Rng,
    /// Every event that a clone was told is recorded.
    reported: Vec<(SpecId, Oid)>,
    clock: i64,
    log: Vec<String>,
}

impl Story {
    /// A clock of the scene, so that a seed makes the same commits again.
    fn author(&mut self, at: usize) -> Signature {
        self.clock += 1;
        Signature { name: format!("clone {at}"), email: "t@example.com".to_owned(), seconds: self.clock, offset: 0 }
    }

    fn log(&mut self, line: String) {
        self.log.push(line);
    }
}

const ALL: Options = Options { runs: true, branches: false };

fn sync(world: &World, at: usize, fault: Fault) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let rival = |other: usize| drop(sync(world, other, Fault::None));
    world.within(at, |repo| {
        let way = Faulty::new(world.transport(repo), fault, &rival);
        sync::push(&Store::new(repo), &way, ALL, &mut report)
    })?;
    Ok(report)
}

impl Scene {
    fn new(seed: u64, way: Way) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let count = rng.usize(3..=if way == Way::Git { 3 } else { 8 });
        let story = Story { rng, reported: Vec::new(), clock: 1_800_000_000, log: Vec::new() };
        Self { world: World::new(way, count), story }
    }

    /// Half of what happens is work, half is sharing it, some of which fails.
    fn step(&mut self) {
        let Self { world, story } = self;
        let at = story.rng.usize(..world.count());
        let kill = faults::kill(&mut story.rng);
        let who = story.author(at);
        match story.rng.u8(..10) {
            0..=5 => world.within(at, |repo| {
                world::act(repo, who, kill);
                deeds::something(repo, story, at);
                world::survive(repo);
            }),
            share => {
                let fault = faults::some(&mut story.rng, world.count(), at);
                story.log(format!("{at}: {} {fault:?} {kill:?}", if share == 6 { "fetch" } else { "sync" }));
                world.within(at, |repo| world::act(repo, who, kill));
                // What fails here is meant to.
                match share {
                    6 => drop(world.within(at, |repo| {
                        sync::fetch(&Store::new(repo), &Faulty::new(world.transport(repo), fault, &|_| ()), &mut Report::default())
                    })),
                    _ => drop(sync(world, at, fault)),
                }
                world.within(at, world::survive);
            }
        }
    }

    fn told(&self) -> String {
        self.story.log.join("\n")
    }

    fn state(&self, at: usize) -> State {
        self.world.within(at, |repo| Store::new(repo).state().unwrap())
    }

    /// Everybody syncs, twice; then nobody has anything left to do, and all have the same.
    fn converge(&mut self) -> State {
        let mut order: Vec<usize> = (0..self.world.count()).collect();
        for _ in 0..2 {
            self.story.rng.shuffle(&mut order);
            for at in &order {
                let report = sync(&self.world, *at, Fault::None).unwrap_or_else(|error| panic!("sync of {at}: {error:#}\n{}", self.told()));
                let moved: Vec<_> = report.moves.iter().map(|moved| format!("{} {}", moved.id, sync::word(&moved.kind))).collect();
                self.story.log(format!("{at}: last sync: {moved:?}, pushed {:?} {:?}", report.pushed, report.others));
                assert!(report.skipped.is_empty(), "{:?}\n{}", report.skipped, self.told());
            }
        }
        for at in 0..self.world.count() {
            let report = sync(&self.world, at, Fault::None).unwrap();
            assert!(
                report.moves.is_empty() && report.pushed.is_empty() && report.archived.is_empty() && report.others.is_empty(),
                "{at} is not at rest: {report:?}\n{}",
                self.told()
            );
        }
        let first = self.state(0);
        for at in 1..self.world.count() {
            assert_eq!(first, self.state(at), "0 and {at} differ\n{}", self.told());
        }
        assert_eq!(first, self.world.remote_state(), "the remote differs\n{}", self.told());
        first
    }

    /// Every event that was reported is reachable in this clone.
    fn assert_nothing_lost(&self, at: usize) {
        let reachable: HashSet<Oid> = self.world.within(at, world::reachable);
        for (id, event) in &self.story.reported {
            assert!(reachable.contains(event), "{at} lost {event} of {id}\n{}", self.told());
        }
    }

    /// No live spec is one that the archive has as it is or further on.
    fn assert_archive_shadows_nothing(&self, state: &State) {
        self.world.within(0, |repo| {
            let store = Store::new(repo);
            for (id, archived) in store.archived().unwrap() {
                if let Some(live) = state.specs.get(&id) {
                    assert!(!store.reaches(archived, *live), "{id} is archived and live\n{}", self.told());
                }
            }
        });
    }
}

fn case(seed: u64, way: Way) -> State {
    let mut scene = Scene::new(seed, way);
    let steps = scene.story.rng.usize(10..if way == Way::Git { 25 } else { 60 });
    for _ in 0..steps {
        scene.step();
    }
    let Scene { world, story } = &mut scene;
    for at in 0..world.count() {
        world.within(at, |repo| deeds::end_runs(repo, story, at));
    }
    let state = scene.converge();
    scene.assert_archive_shadows_nothing(&state);
    if way == Way::Git {
        scene.world.collect_garbage();
        scene.world.check();
    }
    for at in 0..scene.world.count() {
        scene.assert_nothing_lost(at);
    }
    state
}

/// Seeds that found something once. (493: what was joined with the archive was joined anew in every clone.)
const FOUND: &[u64] = &[493];

/// Runs cases until there were `count`, or the seconds that a suite has for them are over.
fn cases(count: u64, seconds: u64, way: Way) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (start, asked) = (std::time::Instant::now(), number("CHANT_CONVERGE_CASES"));
    let seeds: Vec<u64> = match number("CHANT_CONVERGE_SEED") {
        Some(seed) => vec![seed],
        None => FOUND.iter().copied().chain(0..asked.unwrap_or(count)).collect(),
    };
    let mut done = 0;
    for seed in seeds {
        if asked.is_none() && done > 0 && start.elapsed().as_secs() >= seconds {
            break;
        }
        let ended = std::panic::catch_unwind(|| case(seed, way));
        assert!(ended.is_ok(), "replay it: CHANT_CONVERGE_SEED={seed} cargo test converge");
        done += 1;
    }
    eprintln!("{done} cases in {:.1} s", start.elapsed().as_secs_f32());
}

#[test]
fn clones_converge_whatever_they_do() {
    cases(300, 20, Way::Memory);
}

#[test]
fn clones_converge_over_git_and_a_gc_takes_nothing() {
    cases(18, 6, Way::Git);
}

#[test]
fn a_seed_makes_the_same_commits_again() {
    for seed in 1000..1003 {
        let state = case(seed, Way::Memory);
        assert!(!state.specs.is_empty());
        assert_eq!(state, case(seed, Way::Memory), "seed {seed}");
    }
}

/// What a clone has, where another one that fetched it would see it.
fn as_seen(repo: &Repository) -> Vec<RefChange> {
    let specs = repo.references("refs/chant/").unwrap();
    let notes = repo.reference("refs/notes/chant").unwrap();
    let seen =
        specs.iter().map(|(name, tip)| RefChange::new(name.replacen("refs/chant/", "refs/chant-remotes/other/", 1), None, Some(*tip)));
    seen.chain(notes.map(|notes| RefChange::new("refs/chant-notes/other/chant", None, Some(notes)))).collect()
}

/// Without a word between them: each folds what the other had into what it has itself.
#[test]
fn two_clones_that_fold_each_other_make_the_same_objects() {
    let (mut done, mut joined) = (0, 0);
    for seed in 5000..5080 {
        let mut scene = Scene::new(seed, Way::Memory);
        for _ in 0..40 {
            scene.step();
        }
        let seen = [0, 1].map(|at| scene.world.within(at, as_seen));
        let plans = [0, 1].map(|at| {
            scene.world.within(at, |repo| {
                assert_eq!(repo.update_refs(&seen[1 - at], "fetch").unwrap(), RefUpdate::Done);
                fold::fold(&Store::new(repo), "other").unwrap()
            })
        });
        // Of two specs with one id each renames its own, and a run that is on is left alone.
        let differs =
            |plan: &Plan| !plan.skipped.is_empty() || plan.moves.iter().any(|moved| matches!(moved.kind, MoveKind::Renamed { .. }));
        if plans.iter().any(differs) {
            continue;
        }
        assert_eq!(scene.state(0), scene.state(1), "seed {seed}\n{}", scene.told());
        joined += plans[0].moves.iter().filter(|moved| matches!(moved.kind, MoveKind::Joined { .. })).count();
        done += 1;
    }
    assert!(done > 10 && joined > 10, "{done} cases, {joined} joins");
}
