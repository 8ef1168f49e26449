//! What this clone has, what a remote had when it was last seen, and the way there and back.

use super::ARCHIVE_REF;
use super::Store;
use super::notes::NOTES_REF;
use super::state_branch::BRANCH;
use crate::git::{Oid, PushRef, Pushed, RefChange, RefUpdate, Repository};
use crate::spec::SpecId;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};

/// Where a run's transcript lies.
pub const RUN_REFS: &str = "refs/chant/runs/";
/// What remotes had when last seen, each below its name.
pub(super) const SEEN_REFS: &str = "refs/chant-remotes/";
/// The same of their notes, which lie outside `refs/chant`.
pub(super) const SEEN_NOTES: &str = "refs/chant-notes/";

/// What follows a remote's name where it has more than one way to it: see [`Transport::beside`].
pub const WAYS: [&str; 2] = [".branch", ".refs"];

/// Everything that clones share, as one of them has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Live specs.
    pub specs: BTreeMap<SpecId, Oid>,
    /// The archive.
    pub archive: Option<Oid>,
    /// The view on commits.
    pub notes: Option<Oid>,
    /// Runs, by `<id>/<run>`.
    pub runs: BTreeMap<String, Oid>,
    /// Names below `specs/` that are no ids, and below `runs/` that no run has.
    pub foreign: Vec<String>,
    /// It was seen on the branch of a remote: what is wrong there is not a ref of its own.
    pub by_branch: bool,
}

impl State {
    fn read(repo: &Repository, prefix: &str, notes: &str) -> Result<Self> {
        let mut state = Self { notes: repo.reference(notes)?, ..Self::default() };
        for (name, tip) in repo.references(prefix)? {
            state.put(name.strip_prefix(prefix).unwrap_or_default(), tip);
        }
        Ok(state)
    }

    /// `name` is what follows `refs/chant/`. What clones do not share is passed over.
    fn put(&mut self, name: &str, tip: Oid) {
        if let Some(id) = name.strip_prefix("specs/") {
            match SpecId::parse(id) {
                Ok(id) => drop(self.specs.insert(id, tip)),
                Err(_) => self.foreign.push(name.to_owned()),
            }
        } else if let Some(run) = name.strip_prefix("runs/") {
            // A run's name has to be as harmless as an id.
            let safe = run.split_once('/').is_some_and(|(id, run)| SpecId::parse(id).is_ok() && SpecId::parse(run).is_ok());
            if safe {
                self.runs.insert(run.to_owned(), tip);
            } else {
                self.foreign.push(name.to_owned());
            }
        } else if Some(name) == ARCHIVE_REF.strip_prefix("refs/chant/") {
            self.archive = Some(tip);
        } else if name == BRANCH {
            self.by_branch = true;
        }
    }
}

/// The refspecs that bring a remote's state beside ours, never over it. Notes have a place of their own, so that no ref of the remote's
/// `refs/chant` can stand where they go.
pub fn refspecs(remote: &str) -> [String; 2] {
    [format!("+refs/chant/*:{SEEN_REFS}{remote}/*"), format!("+{NOTES_REF}*:{SEEN_NOTES}{remote}/chant*")]
}

/// A way to a remote. After [`Transport::fetch`], what was fetched is what [`Store::seen`] says of [`Transport::remote`].
pub trait Transport {
    /// The remote's name.
    fn remote(&self) -> &str;
    /// Where the same remote has more, under a name of its own: what was left there by another way.
    fn beside(&self) -> Option<&str> {
        None
    }
    /// Brings what the remote has beside what we have.
    fn fetch(&self) -> Result<()>;
    /// Moves refs on the remote, all or none.
    fn push(&self, refs: &[PushRef]) -> Result<Pushed>;
}

/// The remote's own `refs/chant`, through git.
pub struct GitTransport<'r> {
    repo: &'r Repository,
    remote: String,
    more: Vec<String>,
    look_for: Option<String>,
}

impl<'r> GitTransport<'r> {
    /// A configured remote.
    pub fn new(repo: &'r Repository, remote: impl Into<String>) -> Self {
        Self { repo, remote: remote.into(), more: Vec::new(), look_for: None }
    }

    /// Brings this too where it is there, the first time as well: the other way, where nobody said which it is.
    pub(super) fn looking_for(mut self, refspec: String) -> Self {
        self.look_for = Some(refspec);
        self
    }

    /// Fetches these refspecs too.
    #[must_use]
    pub fn also(mut self, refspec: String) -> Self {
        self.more.push(refspec);
        self
    }
}

impl Transport for GitTransport<'_> {
    fn remote(&self) -> &str {
        &self.remote
    }

    fn fetch(&self) -> Result<()> {
        let mut all = refspecs(&self.remote).to_vec();
        all.extend(self.look_for.clone());
        let none = |prefix: &str| -> Result<bool> { Ok(self.repo.references(&format!("{prefix}{}/", self.remote))?.is_empty()) };
        let is_first = || -> Result<bool> { Ok(none(SEEN_REFS)? && none(SEEN_NOTES)?) };
        if self.more.is_empty() && is_first()? && self.repo.fetch_first(&self.remote, &all)? {
            return Ok(());
        }
        all.extend(self.more.iter().cloned());
        self.repo.fetch(&self.remote, &all)
    }

    fn push(&self, refs: &[PushRef]) -> Result<Pushed> {
        self.repo.push(&self.remote, refs)
    }
}

impl Store<'_> {
    /// What this clone has.
    pub fn state(&self) -> Result<State> {
        State::read(self.repo, "refs/chant/", NOTES_REF)
    }

    /// What a remote had when it was last seen.
    pub fn seen(&self, remote: &str) -> Result<State> {
        State::read(self.repo, &format!("{SEEN_REFS}{remote}/"), &seen_notes(remote))
    }

    /// The remotes that were seen, the configured ones first. One that is gone may still have brought what nobody else has.
    pub fn seen_remotes(&self) -> Result<Vec<String>> {
        let mut list = self.repo.remotes();
        let mut others = BTreeSet::new();
        for (name, _) in self.repo.references(SEEN_REFS)? {
            let name = name.strip_prefix(SEEN_REFS).unwrap_or_default();
            let ends = ["/specs/", "/runs/"].iter().filter_map(|part| name.find(part)).min();
            let remote = ends.map(|end| &name[..end]).or_else(|| name.strip_suffix("/archive"));
            others.extend(remote.filter(|remote| !list.iter().any(|known| known == remote)).map(str::to_owned));
        }
        list.extend(others);
        Ok(list)
    }

    /// Remembers what a push moved on a remote, where git has not done so itself.
    pub fn saw(&self, remote: &str, pushed: &[PushRef]) -> Result<()> {
        for _ in 0..20 {
            let mut changes = Vec::new();
            for to in pushed {
                let Some(name) = seen_name(remote, &to.name) else { continue };
                let old = self.repo.reference(&name)?;
                if old != to.new {
                    changes.push(RefChange::new(name, old, to.new));
                }
            }
            if self.repo.update_refs(&changes, "chant: push")? == RefUpdate::Done {
                break;
            }
        }
        // Lost every time: somebody fetches here all the while, and knows better.
        Ok(())
    }
}

impl Store<'_> {
    /// Forgets what a remote had.
    pub fn forget(&self, remote: &str) -> Result<RefUpdate> {
        let mut all = self.repo.references(&format!("{SEEN_REFS}{remote}/"))?;
        all.extend(self.repo.references(&format!("{SEEN_NOTES}{remote}/"))?);
        let changes: Vec<RefChange> = all.into_iter().map(|(name, tip)| RefChange::new(name, Some(tip), None)).collect();
        self.repo.update_refs(&changes, "chant: forget")
    }
}

/// Where we remember what a remote had of its notes.
pub(super) fn seen_notes(remote: &str) -> String {
    format!("{SEEN_NOTES}{remote}/chant")
}

/// Where we remember what a remote had of one of its refs, if it is one of ours.
pub(super) fn seen_name(remote: &str, name: &str) -> Option<String> {
    match name.strip_prefix("refs/chant/") {
        Some(rest) => Some(format!("{SEEN_REFS}{remote}/{rest}")),
        None => (name == NOTES_REF).then(|| seen_notes(remote)),
    }
}

/// Where we remember what a remote had of a spec.
pub fn seen_ref(remote: &str, id: &SpecId) -> String {
    format!("{SEEN_REFS}{remote}/specs/{id}")
}

/// The ref of a run, of which the name is `<id>/<run>`.
pub fn run_ref(name: &str) -> String {
    format!("{RUN_REFS}{name}")
}
