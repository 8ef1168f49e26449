//! Clones and their remote: in memory, or in directories of their own.

use super::faults::InMemory;
use git_chant::context::Context;
use git_chant::git::{Kill, Oid, Refs, Repository, Signature};
use git_chant::store::Store;
use git_chant::store::sync::{GitTransport, State, Transport};
use git_chant::workflow::fsck::fsck;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How the clones of a case reach their remote.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// One repository, in memory, whose refs are exchanged; fetch and push move refs.
    Memory,
    /// git's own fetch and push.
    Git,
}

pub struct World {
    dir: tempfile::TempDir,
    clones: Clones,
}

enum Clones {
    Memory { repo: Box<Repository>, refs: Vec<RefCell<Refs>>, remote: RefCell<Refs> },
    Git { repos: Vec<Repository>, remote: Box<Repository> },
}

impl World {
    pub fn new(way: Way, count: usize) -> Self {
        let dir = crate::common::scratch();
        let clones = match way {
            Way::Memory => {
                let nobody = Signature { name: "nobody".into(), email: "t@example.com".into(), seconds: 0, offset: 0 };
                let repo = Box::new(Repository::open_in_memory(&bare(dir.path(), "all.git", None), nobody).unwrap());
                Clones::Memory { repo, refs: (0..count).map(|_| RefCell::default()).collect(), remote: RefCell::default() }
            }
            Way::Git => {
                let url = bare(dir.path(), "origin.git", None);
                let clone = |at: usize| Repository::open(&bare(dir.path(), &format!("{at}.git"), Some(&url))).unwrap();
                Clones::Git { repos: (0..count).map(clone).collect(), remote: Box::new(Repository::open(&url).unwrap()) }
            }
        };
        Self { dir, clones }
    }

    pub fn count(&self) -> usize {
        match &self.clones {
            Clones::Memory { refs, .. } => refs.len(),
            Clones::Git { repos, .. } => repos.len(),
        }
    }

    /// Something that happens in one of the clones. It may be while something happens in another.
    pub fn within<T>(&self, at: usize, deed: impl FnOnce(&Repository) -> T) -> T {
        match &self.clones {
            Clones::Memory { repo, refs, .. } => {
                let memory = repo.memory().unwrap();
                memory.swap(&mut refs[at].borrow_mut());
                let made = deed(repo);
                memory.swap(&mut refs[at].borrow_mut());
                made
            }
            Clones::Git { repos, .. } => deed(&repos[at]),
        }
    }

    pub fn transport<'a>(&'a self, repo: &'a Repository) -> Box<dyn Transport + 'a> {
        match &self.clones {
            Clones::Memory { remote, .. } => Box::new(InMemory { here: repo, there: remote }),
            Clones::Git { .. } => Box::new(GitTransport::new(repo, "origin")),
        }
    }

    pub fn remote_state(&self) -> State {
        match &self.clones {
            Clones::Memory { repo, remote, .. } => {
                let memory = repo.memory().unwrap();
                memory.swap(&mut remote.borrow_mut());
                let state = Store::new(repo).state().unwrap();
                memory.swap(&mut remote.borrow_mut());
                state
            }
            Clones::Git { remote, .. } => Store::new(remote).state().unwrap(),
        }
    }

    /// `git chant fsck` has nothing to say of any clone.
    pub fn check(&self) {
        let Clones::Git { repos, .. } = &self.clones else { return };
        for repo in repos {
            let ctx = Context::of(Repository::open(repo.git_dir()).unwrap());
            assert_eq!(fsck(&ctx, false).unwrap(), []);
        }
    }

    /// `git gc --prune=now` in every clone.
    pub fn collect_garbage(&mut self) {
        let Clones::Git { repos, .. } = &mut self.clones else { return };
        for (at, repo) in repos.iter_mut().enumerate() {
            let path = self.dir.path().join(format!("{at}.git"));
            let gc = Command::new("git").arg("-C").arg(&path).args(["gc", "--quiet", "--prune=now"]).status().unwrap();
            assert!(gc.success());
            *repo = Repository::open(&path).unwrap();
        }
    }
}

/// Who acts now, and when they are stopped. Clones on disk have a fixed date, and are not.
pub fn act(repo: &Repository, who: Signature, kill: Option<Kill>) {
    if let Some(memory) = repo.memory() {
        memory.act_as(who);
        memory.kill(kill);
    }
}

pub fn survive(repo: &Repository) {
    if let Some(memory) = repo.memory() {
        memory.kill(None);
    }
}

/// Everything that a clone's own refs hold.
pub fn reachable(repo: &Repository) -> HashSet<Oid> {
    if repo.memory().is_none() {
        return repo.rev_list(&["--objects", "--glob=refs/chant/*", "--no-object-names"]).unwrap().into_iter().collect();
    }
    let mut seen = HashSet::new();
    let mut open: Vec<Oid> = repo.references("refs/chant/").unwrap().into_iter().map(|(_, tip)| tip).collect();
    while let Some(at) = open.pop() {
        if seen.insert(at) {
            open.extend(repo.commit(at).unwrap().parents);
        }
    }
    seen
}

/// A bare repository with an identity and a date of its own.
fn bare(dir: &Path, name: &str, origin: Option<&PathBuf>) -> PathBuf {
    let path = dir.join(name);
    fs::create_dir_all(path.join("refs/heads")).unwrap();
    fs::create_dir(path.join("objects")).unwrap();
    fs::write(path.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    let mut config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[user]\n\tname = T\n\temail = t@example.com\n".to_owned();
    config += "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[commit]\n\tgpgSign = false\n[push]\n\tgpgSign = false\n";
    config += "[gitoxide \"commit\"]\n\tauthorDate = 1800000000 +0000\n\tcommitterDate = 1800000000 +0000\n";
    if let Some(origin) = origin {
        config += &format!("[remote \"origin\"]\n\turl = {}\n", origin.display());
    }
    fs::write(path.join("config"), config).unwrap();
    path
}
