//! Folding what a remote had when it was last seen into what this clone has: first a plan that moves nothing, then one transaction.
//!
//! What comes from a remote was written by anybody. What is no spec is left where it is and named, and never stands in the way of the rest.

use crate::git::{Oid, RefChange, RefUpdate};
use crate::spec::{Event, SpecId, Status};
use crate::store::sync::{State, run_ref};
use crate::store::{Relation, Spec, Store};
use anyhow::{Result, ensure};
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
}

/// Folds a remote's state in. Reads and decides again until nobody moved anything meanwhile.
pub fn fold(store: &Store<'_>, remote: &str) -> Result<Plan> {
    loop {
        let plan = plan(store, &store.state()?, &store.seen(remote)?)?;
        if store.repo.update_refs(&plan.changes, &format!("chant: from {remote}"))? == RefUpdate::Done {
            return Ok(plan);
        }
    }
}

/// What folding would do. Joins are written as objects, and nothing points at them yet.
pub fn plan(store: &Store<'_>, ours: &State, theirs: &State) -> Result<Plan> {
    let mut planner = Planner { store, ours, theirs, plan: Plan::default() };
    for (id, tip) in &theirs.specs {
        if ours.specs.get(id) == Some(tip) {
            continue;
        }
        if let Err(error) = planner.spec(id, *tip) {
            planner.plan.held.insert(id.clone());
            planner.plan.skipped.push(format!("{id} is left alone: {error:#}"));
        }
    }
    for (run, tip) in &theirs.runs {
        // A run is written once: what we have stays.
        if !ours.runs.contains_key(run) {
            planner.plan.changes.push(RefChange::new(run_ref(run), None, Some(*tip)));
        }
    }
    planner
        .plan
        .skipped
        .extend(theirs.foreign.iter().map(|name| format!("refs/chant/{name} is left alone: nothing of ours has such a name")));
    Ok(planner.plan)
}

struct Planner<'a> {
    store: &'a Store<'a>,
    ours: &'a State,
    theirs: &'a State,
    plan: Plan,
}

impl Planner<'_> {
    fn spec(&mut self, id: &SpecId, theirs: Oid) -> Result<()> {
        let theirs = self.store.load_at(id, theirs)?;
        let Some(ours) = self.ours.specs.get(id) else {
            if !self.archived_since(&theirs)? {
                self.advance(None, theirs, MoveKind::New);
            }
            return Ok(());
        };
        match self.store.relation(*ours, theirs.tip)? {
            Relation::Same | Relation::Ahead => {}
            Relation::Behind => {
                let from = self.store.load_at(id, *ours)?.event.status;
                self.advance(Some(*ours), theirs, MoveKind::Forward { from });
            }
            Relation::Diverged => {
                let joined = self.store.join(&self.store.load_at(id, *ours)?, &theirs)?;
                let conflicts = joined.event.extras("Conflict").map(str::to_owned).collect();
                self.advance(Some(*ours), joined, MoveKind::Joined { conflicts });
            }
            Relation::Unrelated => self.make_way(*ours, theirs)?,
        }
        Ok(())
    }

    fn advance(&mut self, old: Option<Oid>, new: Spec, kind: MoveKind) {
        self.plan.changes.push(RefChange::new(new.id.ref_name(), old, Some(new.tip)));
        self.plan.moves.push(Move { id: new.id, kind, event: new.event });
    }

    /// True where what the remote still has live is in our archive.
    fn archived_since(&self, theirs: &Spec) -> Result<bool> {
        let Some(archived) = self.store.archived()?.get(&theirs.id).copied() else { return Ok(false) };
        Ok(matches!(self.store.relation(archived, theirs.tip)?, Relation::Same | Relation::Ahead))
    }

    /// Theirs keeps the id; ours gets the first that is free here and there.
    fn make_way(&mut self, ours: Oid, theirs: Spec) -> Result<()> {
        let id = theirs.id.clone();
        let spec = self.store.load_at(&id, ours)?;
        ensure!(
            spec.event.status != Status::InProgress,
            "another spec has this id there, and a run of ours is on; fetch again when it has ended"
        );
        let archived = self.store.archived()?;
        let taken = |id: &SpecId| {
            self.ours.specs.contains_key(id)
                || self.theirs.specs.contains_key(id)
                || archived.contains_key(id)
                || self.plan.moves.iter().any(|moved| moved.id == *id)
        };
        let free = (1..).map_while(|number| SpecId::parse(&format!("{id}.{number}")).ok()).find(|id| !taken(id));
        let Some(free) = free else { anyhow::bail!("another spec has this id there, and ours cannot have a longer one") };
        self.advance(Some(ours), theirs, MoveKind::New);
        self.advance(None, Spec { id: free, ..spec }, MoveKind::Renamed { from: id });
        Ok(())
    }
}
