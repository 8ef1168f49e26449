//! Folding what a remote had when it was last seen into what this clone has: first a plan that moves nothing, then one transaction.
//!
//! What comes from a remote was written by anybody. What is no spec is left where it is and named, and never stands in the way of the rest.

use super::rename;
use crate::git::{Oid, RefChange, RefUpdate};
use crate::spec::{Event, EventKind, SpecId, Status};
use crate::store::notes::NOTES_REF;
use crate::store::standing::Standing;
use crate::store::sync::{State, run_ref};
use crate::store::together::JoinedArchive;
use crate::store::transport::BRANCH;
use crate::store::{ARCHIVE_REF, Relation, SPEC_REFS, Spec, Store};
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeSet;

/// How a spec of ours moved, or stood still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveKind {
    /// It was not here.
    New,
    /// It went on from what we had.
    Forward {
        /// What it was.
        from: Status,
    },
    /// Theirs and ours went on from something older, and are one now.
    Joined {
        /// What both changed, and only one side's was taken.
        conflicts: Vec<String>,
    },
    /// Theirs has our id and nothing else in common with ours, which is this one now.
    Renamed {
        /// Its id until now, which theirs keeps.
        from: SpecId,
    },
    /// It is in the archive now.
    Archived,
}

/// A spec that moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which.
    pub id: SpecId,
    /// How.
    pub kind: MoveKind,
    /// Its last event now.
    pub event: Event,
}

/// What is to be done, and what has been done once it is.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Specs that move.
    pub moves: Vec<Move>,
    /// The refs that do it.
    pub changes: Vec<RefChange>,
    /// What is left alone, and why: a line each.
    pub skipped: Vec<String>,
    /// Specs that stay as they are here and there, so that they are not pushed either.
    pub held: BTreeSet<SpecId>,
    /// True where their archive is none, so that ours is not pushed either.
    pub archive_held: bool,
}

/// Folds a remote's state in. Reads and decides again until nobody moved anything meanwhile.
pub fn fold(store: &Store<'_>, remote: &str) -> Result<Plan> {
    if store.standing(remote)? != Standing::Differs {
        return Ok(Plan::default());
    }
    loop {
        let plan = plan(store, &store.state()?, &store.seen(remote)?)?;
        if store.repo.update_refs(&plan.changes, &format!("chant: from {remote}"))? == RefUpdate::Done {
            store.repo.pack_many(plan.changes.len(), &["refs/chant", &format!("refs/chant-remotes/{remote}")])?;
            return Ok(plan);
        }
    }
}

/// What folding would do. Joins are written as objects, and nothing points at them yet.
pub fn plan(store: &Store<'_>, ours: &State, theirs: &State) -> Result<Plan> {
    let mut plan = Plan::default();
    let archive = match store.join_archives(ours.archive, theirs.archive) {
        Ok(archive) => archive,
        Err(error) => {
            plan.archive_held = true;
            let way = if ours.archive.is_some() { in_its_place(ARCHIVE_REF, theirs) } else { String::new() };
            plan.skipped.push(format!("their archive is left alone: {error:#}{way}"));
            store.join_archives(ours.archive, None)?
        }
    };
    plan.change(ARCHIVE_REF, ours.archive, archive.tip);
    plan.change(NOTES_REF, ours.notes, store.join_notes(ours.notes, theirs.notes)?);
    let mut ids: BTreeSet<&SpecId> = theirs.specs.iter().filter(|(id, tip)| ours.specs.get(*id) != Some(tip)).map(|(id, _)| id).collect();
    if archive.tip != ours.archive {
        ids.extend(archive.entries.keys().filter(|id| ours.specs.contains_key(*id)));
        ids.extend(archive.others.iter().map(|(id, _)| id));
    }
    let mut planner = Planner { store, ours, theirs, archive: &archive, given_up: BTreeSet::new(), plan };
    for id in ids {
        if let Err(error) = planner.spec(id) {
            planner.plan.held.insert(id.clone());
            let broken = theirs.specs.get(id).is_some_and(|tip| store.load_at(id, *tip).is_err());
            let ours_broken = ours.specs.get(id).is_some_and(|tip| store.load_at(id, *tip).is_err());
            let way = match (broken, ours.specs.contains_key(id)) {
                _ if ours_broken => "; what is wrong here: git chant fsck".to_owned(),
                (true, true) => in_its_place(&id.ref_name(), theirs),
                _ => String::new(),
            };
            planner.plan.skipped.push(format!("{id} is left alone: {error:#}{way}"));
        }
    }
    for (run, tip) in &theirs.runs {
        // A run is written once: what we have stays.
        if !ours.runs.contains_key(run) {
            planner.plan.changes.push(RefChange::new(run_ref(run), None, Some(*tip)));
        }
    }
    for name in &theirs.foreign {
        let id = name.strip_prefix("specs/").and_then(|name| name.split('/').next()).and_then(|id| SpecId::parse(id).ok());
        // It stands where ours would have to be.
        let id = id.filter(|id| ours.specs.contains_key(id) && !theirs.specs.contains_key(id));
        let way =
            id.as_ref().map(|id| format!(", and {SPEC_REFS}{id} cannot be there with it; git push REMOTE --delete refs/chant/{name}"));
        planner.plan.skipped.push(format!("refs/chant/{name} is left alone: nothing of ours has such a name{}", way.unwrap_or_default()));
        planner.plan.held.extend(id);
    }
    Ok(planner.plan)
}

/// What to type where something on the remote is broken that is whole here.
fn in_its_place(name: &str, theirs: &State) -> String {
    match theirs.by_branch {
        // One commit names everything: what was whole on it is here by now.
        true => format!("; to put yours in its place: git push REMOTE --delete {BRANCH}, then: git chant push --runs"),
        false => format!("; to put yours in its place: git push --force REMOTE {name}"),
    }
}

impl Plan {
    fn change(&mut self, name: impl Into<String>, old: Option<Oid>, new: Option<Oid>) {
        if old != new {
            self.changes.push(RefChange::new(name, old, new));
        }
    }
}

struct Planner<'a> {
    store: &'a Store<'a>,
    ours: &'a State,
    theirs: &'a State,
    archive: &'a JoinedArchive,
    /// Ids that ours had to give up.
    given_up: BTreeSet<SpecId>,
    plan: Plan,
}

impl Planner<'_> {
    /// Decides one spec from all that is known of it: ours, theirs, and what the archive has.
    fn spec(&mut self, id: &SpecId) -> Result<()> {
        let ours = self.ours.specs.get(id).copied();
        let others = self.archive.others.iter().filter(|(other, _)| other == id).map(|(_, tip)| *tip);
        let versions: Vec<Oid> = ours.into_iter().chain(self.theirs.specs.get(id).copied()).chain(others).collect();
        let mut live: Option<Spec> = None;
        for tip in versions {
            let next = self.store.load_at(id, tip)?;
            if self.is_archived(id, tip)? {
                continue;
            }
            live = Some(match live {
                None => next,
                Some(live) => match self.store.relation(live.tip, next.tip)? {
                    Relation::Same | Relation::Ahead => live,
                    Relation::Behind => next,
                    Relation::Diverged => self.store.join(&live, &next)?,
                    Relation::Unrelated => {
                        self.make_way(live)?;
                        next
                    }
                },
            });
        }
        let live = live.map(|live| self.with_archived(id, live)).transpose()?;
        self.settle(id, ours, live)
    }

    /// True where what the archive has of a spec was made from this version.
    fn is_archived(&self, id: &SpecId, tip: Oid) -> Result<bool> {
        let Some(archived) = self.archive.entries.get(id) else { return Ok(false) };
        Ok(matches!(self.store.relation(tip, *archived)?, Relation::Same | Relation::Behind))
    }

    /// What is live although the archive has the spec. It comes last, when all that is live is one: what is in that already is not joined anew.
    fn with_archived(&self, id: &SpecId, live: Spec) -> Result<Spec> {
        let Some(archived) = self.archive.entries.get(id) else { return Ok(live) };
        match self.store.relation(live.tip, *archived)? {
            Relation::Diverged => self.store.join(&live, &self.store.load_at(id, *archived)?),
            _ => Ok(live),
        }
    }

    fn settle(&mut self, id: &SpecId, old: Option<Oid>, new: Option<Spec>) -> Result<()> {
        let moved = |kind, event| Move { id: id.clone(), kind, event };
        match (old, new) {
            (None, None) => {}
            (Some(old), None) => {
                self.plan.change(id.ref_name(), Some(old), None);
                self.plan.moves.push(moved(MoveKind::Archived, self.store.load_at(id, old)?.event));
            }
            (Some(old), Some(new)) if old == new.tip => {}
            (old, Some(new)) => {
                let before = old.map(|old| self.store.load_at(id, old)).transpose()?;
                let renamed = self.given_up.contains(id);
                let is_join = new.event.kind == EventKind::Join && Some(new.tip) != self.theirs.specs.get(id).copied();
                let kind = match before {
                    _ if is_join => MoveKind::Joined {
                        conflicts: new.event.extras("Conflict").chain(new.event.extras("Collided")).map(str::to_owned).collect(),
                    },
                    Some(before) if !renamed => MoveKind::Forward { from: before.event.status },
                    _ => MoveKind::New,
                };
                self.plan.change(id.ref_name(), old, Some(new.tip));
                self.plan.moves.push(moved(kind, new.event));
            }
        }
        Ok(())
    }

    /// Two specs have one id. Theirs keeps it; ours gets the first that is free here and there.
    fn make_way(&mut self, ours: Spec) -> Result<()> {
        let id = ours.id.clone();
        let running = ours.event.status == Status::InProgress;
        ensure!(!running, "another spec has this id there, and a run of ours is on; fetch again when it has ended");
        ensure!(
            !rename::has_work(self.store, &ours)?,
            "another spec has this id there, and work of ours is on {}; set it aside (git chant reset {id}), or, where it is merged, delete \
             the branch (git branch -d {}), and fetch again",
            id.branch(),
            id.branch()
        );
        let taken = |id: &SpecId| {
            self.ours.specs.contains_key(id)
                || self.theirs.specs.contains_key(id)
                || self.archive.entries.contains_key(id)
                || self.plan.moves.iter().any(|moved| moved.id == *id)
        };
        let free = (1..).map_while(|number| SpecId::parse(&format!("{id}.{number}")).ok()).find(|id| !taken(id));
        let free = free.context("another spec has this id there, and ours cannot have a longer one")?;
        self.plan.changes.extend(rename::changes(&ours, &free, self.ours, self.theirs));
        self.given_up.insert(id.clone());
        self.plan.moves.push(Move { id: free, kind: MoveKind::Renamed { from: id }, event: ours.event });
        Ok(())
    }
}
