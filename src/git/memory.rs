//! A repository of which nothing lies on disk: its objects and refs are kept in memory, and whatever moves refs can be ended half way.
//!
//! For tests of what clones do to each other: thousands of histories, without a file or a process for any of them.

use super::refs::RefUpdate;
use super::{Oid, RefChange, Repository, Signature};
use anyhow::{Result, bail};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;

/// Refs by their full names.
pub type Refs = BTreeMap<String, Oid>;

/// Where an end comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// After so many transactions.
    pub after: u32,
    /// Whether that one took.
    pub done: bool,
}

/// What stands in for refs on disk, the clock and the user.
#[derive(Debug)]
pub struct Memory {
    refs: RefCell<Refs>,
    who: RefCell<Signature>,
    kill: Cell<Option<Kill>>,
}

impl Memory {
    /// Exchanges all refs, which makes another clone of it: objects are everybody's.
    pub fn swap(&self, refs: &mut Refs) {
        std::mem::swap(&mut *self.refs.borrow_mut(), refs);
    }

    /// Who acts from now on, and when.
    pub fn act_as(&self, who: Signature) {
        self.who.replace(who);
    }

    /// Ends whatever moves refs next; `None`: nothing does.
    pub fn kill(&self, kill: Option<Kill>) {
        self.kill.set(kill);
    }

    pub(super) fn who(&self) -> Signature {
        self.who.borrow().clone()
    }

    pub(super) fn get(&self, name: &str) -> Option<Oid> {
        self.refs.borrow().get(name).copied()
    }

    pub(super) fn below(&self, prefix: &str) -> Vec<(String, Oid)> {
        let refs = self.refs.borrow();
        refs.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix)).map(|(name, tip)| (name.clone(), *tip)).collect()
    }

    pub(super) fn update(&self, changes: &[RefChange]) -> Result<RefUpdate> {
        let now = self.kill.get();
        let (dies, left) = match now {
            Some(Kill { after: 0, .. }) => (true, None),
            Some(kill) => (false, Some(Kill { after: kill.after - 1, ..kill })),
            None => (false, None),
        };
        self.kill.set(left);
        let mut refs = self.refs.borrow_mut();
        if dies && !now.is_some_and(|kill| kill.done) {
            bail!("killed");
        }
        if changes.iter().any(|change| refs.get(&change.name).copied() != change.old) {
            return Ok(RefUpdate::Lost);
        }
        for RefChange { name, new, .. } in changes {
            match new {
                Some(new) => drop(refs.insert(name.clone(), *new)),
                None => drop(refs.remove(name)),
            }
        }
        if dies {
            bail!("killed");
        }
        Ok(RefUpdate::Done)
    }
}

impl Repository {
    /// Opens a repository of which only the configuration and the objects that it has are read.
    pub fn open_in_memory(path: &Path, who: Signature) -> Result<Self> {
        let mut repo = Self::open(path)?;
        repo.gix = repo.gix.with_object_memory();
        repo.memory = Some(Memory { refs: RefCell::default(), who: RefCell::new(who), kill: Cell::new(None) });
        Ok(repo)
    }

    /// What stands in for the disk, where something does.
    pub fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }
}
