//! Ways in which fetching and pushing fail.

use git_chant::git::{Kill, PushIf, PushRef, Pushed, RefChange, RefUpdate, Refs, Refused, Repository};
use git_chant::store::Store;
use git_chant::store::sync::Transport;
use std::cell::{Cell, RefCell};

/// What goes wrong, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Nothing is fetched.
    NoFetch,
    /// The push is killed before it reached the remote.
    KilledBefore,
    /// The push is killed when the remote had it already.
    KilledAfter,
    /// The remote refuses a ref, and so all of them.
    Rejected,
    /// Another clone pushes between our fetch and our push.
    Rival(usize),
}

pub fn some(rng: &mut fastrand::Rng, clones: usize, not: usize) -> Fault {
    match rng.u8(..12) {
        0 => Fault::NoFetch,
        1 => Fault::KilledBefore,
        2 => Fault::KilledAfter,
        3 => Fault::Rejected,
        4 | 5 => Some(rng.usize(..clones)).filter(|other| *other != not).map_or(Fault::None, Fault::Rival),
        _ => Fault::None,
    }
}

/// A transport with a fault.
pub struct Faulty<'a> {
    inner: Box<dyn Transport + 'a>,
    fault: Cell<Fault>,
    rival: &'a dyn Fn(usize),
}

impl<'a> Faulty<'a> {
    pub fn new(inner: Box<dyn Transport + 'a>, fault: Fault, rival: &'a dyn Fn(usize)) -> Self {
        Self { inner, fault: Cell::new(fault), rival }
    }
}

impl Transport for Faulty<'_> {
    fn remote(&self) -> &str {
        self.inner.remote()
    }

    fn fetch(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.fault.get() != Fault::NoFetch, "no fetch");
        self.inner.fetch()
    }

    fn push(&self, refs: &[PushRef]) -> anyhow::Result<Pushed> {
        match self.fault.replace(Fault::None) {
            Fault::KilledBefore => anyhow::bail!("killed"),
            Fault::KilledAfter => {
                drop(self.inner.push(refs)?);
                anyhow::bail!("killed")
            }
            Fault::Rejected => {
                let why = "hook declined".to_owned();
                return Ok(Pushed::Refused(vec![Refused { name: refs[refs.len() / 2].name.clone(), why, by_remote: true }]));
            }
            Fault::Rival(other) => (self.rival)(other),
            Fault::None | Fault::NoFetch => {}
        }
        self.inner.push(refs)
    }
}

/// Sometimes whatever moves refs ends half way, before or after one of its transactions took.
pub fn kill(rng: &mut fastrand::Rng) -> Option<Kill> {
    let (after, done) = (rng.u32(..3), rng.bool());
    (rng.u8(..6) == 0).then_some(Kill { after, done })
}

/// Fetch and push between two clones with the same objects: only refs move, under git's own conditions.
pub struct InMemory<'a> {
    pub here: &'a Repository,
    pub there: &'a RefCell<Refs>,
}

impl Transport for InMemory<'_> {
    fn remote(&self) -> &'static str {
        "origin"
    }

    fn fetch(&self) -> anyhow::Result<()> {
        let place = |name: &str| match name.strip_prefix("refs/chant/") {
            Some(rest) => format!("refs/chant-remotes/origin/{rest}"),
            None => "refs/chant-notes/origin/chant".to_owned(),
        };
        let now: Refs = self.there.borrow().iter().map(|(name, tip)| (place(name), *tip)).collect();
        let mut before: Refs = self.here.references("refs/chant-remotes/origin/")?.into_iter().collect();
        before.extend(self.here.references("refs/chant-notes/origin/")?);
        let mut changes = Vec::new();
        for (name, tip) in &now {
            let old = before.remove(name);
            if old != Some(*tip) {
                changes.push(RefChange::new(name, old, Some(*tip)));
            }
        }
        changes.extend(before.into_iter().map(|(name, old)| RefChange::new(name, Some(old), None)));
        assert_eq!(self.here.update_refs(&changes, "fetch")?, RefUpdate::Done);
        Ok(())
    }

    fn push(&self, refs: &[PushRef]) -> anyhow::Result<Pushed> {
        let (mut next, mut refused) = (self.there.borrow().clone(), Vec::new());
        for to in refs {
            let old = next.get(&to.name).copied();
            let allowed = match (to.only, old, to.new) {
                (PushIf::Always, ..) | (PushIf::FastForward, None, _) => true,
                (PushIf::FastForward, Some(old), Some(new)) => Store::new(self.here).reaches(new, old),
                (PushIf::FastForward, ..) => false,
                (PushIf::Holds(seen), ..) => seen == old,
            };
            if !allowed {
                refused.push(Refused { name: to.name.clone(), why: "fetch first".to_owned(), by_remote: false });
            }
            match to.new {
                Some(new) => drop(next.insert(to.name.clone(), new)),
                None => drop(next.remove(&to.name)),
            }
        }
        if refused.is_empty() {
            self.there.replace(next);
            return Ok(Pushed::Done);
        }
        Ok(Pushed::Refused(refused))
    }
}
