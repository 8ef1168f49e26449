//! Clones that do anything, in any order, over a remote that fails in every way: after a last round of syncs they are alike, and
//! nothing that was reported as done is gone.
//!
//! Each case is made from a seed, which a failure prints: `CHANT_CONVERGE_SEED=<seed>` runs that one alone, `CHANT_CONVERGE_CASES=<n>` so
//! many. Most cases share one object store between the clones and move refs in its stead; a few go through real git, with gc.

use git_chant::git::{Oid, Repository};
use git_chant::spec::SpecId;
use git_chant::store::Store;
use git_chant::store::sync::{GitTransport, State, Transport};
use git_chant::workflow::sync::{self, Options, Report};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod deeds;
mod faults;

use faults::{Faulty, Shared};

/// How the clones of a case reach their remote.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Objects are everybody's; fetch and push move refs.
    Shared,
    /// git's own fetch and push.
    Git,
}

/// Some clones and what was reported in them.
struct Scene {
    dir: tempfile::TempDir,
    way: Way,
    repos: Vec<Repository>,
    remote: Repository,
    rng: fastrand::Rng,
    /// Every event that a clone was told is recorded.
    reported: Vec<(SpecId, Oid)>,
    clock: i64,
    log: Vec<String>,
}

impl Scene {
    fn new(seed: u64, way: Way) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let dir = tempfile::Builder::new().prefix("chant-converge-").tempdir().unwrap();
        let remote = bare(dir.path(), "origin.git", way, None);
        let count = rng.usize(3..=if way == Way::Git { 3 } else { 8 });
        let url = dir.path().join("origin.git");
        let repos = (0..count).map(|at| bare(dir.path(), &format!("{at}.git"), way, Some(&url))).collect();
        Self { dir, way, repos, remote, rng, reported: Vec::new(), clock: 1_800_000_000, log: Vec::new() }
    }

    fn store(&self, at: usize) -> Store<'_> {
        Store::new(&self.repos[at])
    }

    fn transport(&self, at: usize) -> Box<dyn Transport + '_> {
        match self.way {
            Way::Git => Box::new(GitTransport::new(&self.repos[at], "origin")),
            Way::Shared => Box::new(Shared { here: &self.repos[at], there: &self.remote }),
        }
    }

    /// Half of what happens is work, half is sharing it, some of which fails.
    fn step(&mut self) {
        let at = self.rng.usize(..self.repos.len());
        match self.rng.u8(..10) {
            0..=5 => deeds::something(self, at),
            6 => self.share(at, false),
            _ => self.share(at, true),
        }
    }

    fn share(&mut self, at: usize, push: bool) {
        let fault = faults::some(&mut self.rng, self.repos.len(), at);
        self.log.push(format!("{at}: {} {fault:?}", if push { "sync" } else { "fetch" }));
        let rival = |other: usize| drop(self.sync(other));
        let transport = Faulty::new(self.transport(at), fault, &rival);
        let (store, mut report) = (self.store(at), Report::default());
        // What fails here is meant to.
        drop(match push {
            true => sync::push(&store, &transport, Options { runs: true, branches: false }, &mut report),
            false => sync::fetch(&store, &transport, &mut report),
        });
    }

    fn sync(&self, at: usize) -> anyhow::Result<Report> {
        let mut report = Report::default();
        let options = Options { runs: true, branches: false };
        sync::push(&self.store(at), self.transport(at).as_ref(), options, &mut report).map(|()| report)
    }

    /// Everybody syncs, twice; then nobody has anything left to do, and all have the same.
    fn converge(&mut self) {
        let mut order: Vec<usize> = (0..self.repos.len()).collect();
        for _ in 0..2 {
            self.rng.shuffle(&mut order);
            for at in &order {
                let report = self.sync(*at).unwrap_or_else(|error| panic!("sync of {at}: {error:#}\n{}", self.log.join("\n")));
                assert!(report.skipped.is_empty(), "{:?}\n{}", report.skipped, self.log.join("\n"));
            }
        }
        for at in 0..self.repos.len() {
            let report = self.sync(at).unwrap();
            assert!(report.moves.is_empty() && report.pushed.is_empty() && report.others.is_empty(), "{at} is not at rest: {report:?}");
        }
        let first = self.store(0).state().unwrap();
        for at in 1..self.repos.len() {
            assert_eq!(first, self.store(at).state().unwrap(), "0 and {at} differ\n{}", self.log.join("\n"));
        }
        assert_eq!(first, Store::new(&self.remote).state().unwrap(), "the remote differs");
    }

    /// Every event that was reported is reachable in this clone.
    fn assert_nothing_lost(&self, at: usize) {
        let reachable = self.repos[at].rev_list(&["--objects", "--glob=refs/chant/*", "--no-object-names"]).unwrap();
        let reachable: std::collections::HashSet<Oid> = reachable.into_iter().collect();
        for (id, event) in &self.reported {
            assert!(reachable.contains(event), "{at} lost {event} of {id}\n{}", self.log.join("\n"));
        }
    }

    /// No live spec is one that the archive has as it is or further on.
    fn assert_archive_shadows_nothing(&self, state: &State) {
        let store = self.store(0);
        for (id, archived) in store.archived().unwrap() {
            if let Some(live) = state.specs.get(&id) {
                assert!(!store.reaches(archived, *live), "{id} is archived and live");
            }
        }
    }
}

/// A bare repository with an identity of its own.
fn bare(dir: &Path, name: &str, way: Way, origin: Option<&PathBuf>) -> Repository {
    let path = dir.join(name);
    fs::create_dir_all(path.join("refs/heads")).unwrap();
    fs::write(path.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    let mut config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[user]\n\tname = T\n\temail = t@example.com\n".to_owned();
    config += "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[commit]\n\tgpgSign = false\n[push]\n\tgpgSign = false\n";
    if let Some(origin) = origin {
        config += &format!("[remote \"origin\"]\n\turl = {}\n", origin.display());
    }
    fs::write(path.join("config"), config).unwrap();
    match way {
        Way::Git => fs::create_dir(path.join("objects")).unwrap(),
        Way::Shared => {
            fs::create_dir_all(dir.join("objects")).unwrap();
            std::os::unix::fs::symlink(dir.join("objects"), path.join("objects")).unwrap();
        }
    }
    Repository::open(&path).unwrap()
}

fn case(seed: u64, way: Way) {
    let mut scene = Scene::new(seed, way);
    let steps = scene.rng.usize(10..if way == Way::Git { 25 } else { 50 });
    for _ in 0..steps {
        scene.step();
    }
    for at in 0..scene.repos.len() {
        deeds::end_runs(&mut scene, at);
    }
    scene.converge();
    scene.assert_archive_shadows_nothing(&scene.store(0).state().unwrap());
    match way {
        // Alike in everything, with objects that all have.
        Way::Shared => scene.assert_nothing_lost(0),
        Way::Git => {
            for at in 0..scene.repos.len() {
                let path = scene.dir.path().join(format!("{at}.git"));
                let gc = Command::new("git").arg("-C").arg(&path).args(["gc", "--quiet", "--prune=now"]).status().unwrap();
                assert!(gc.success());
                scene.repos[at] = Repository::open(&path).unwrap();
                scene.assert_nothing_lost(at);
            }
        }
    }
}

/// Runs cases until there were `count`, or the seconds that a suite has for them are over.
fn cases(count: u64, seconds: u64, way: Way) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (start, asked) = (std::time::Instant::now(), number("CHANT_CONVERGE_CASES"));
    let seeds = match number("CHANT_CONVERGE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..asked.unwrap_or(count),
    };
    for seed in seeds {
        if asked.is_none() && seed > 0 && start.elapsed().as_secs() >= seconds {
            break;
        }
        let ended = std::panic::catch_unwind(|| case(seed, way));
        assert!(ended.is_ok(), "replay it: CHANT_CONVERGE_SEED={seed}");
    }
}

#[test]
fn clones_converge_whatever_they_do() {
    cases(200, 12, Way::Shared);
}

#[test]
fn clones_converge_over_git_and_a_gc_takes_nothing() {
    cases(3, 6, Way::Git);
}
