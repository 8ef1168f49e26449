//! Walking a spec's events, newest first, children always before their parents.

use super::{Spec, Store};
use crate::git::{Commit, Oid, Signature};
use crate::spec::Event;
use anyhow::Result;
use std::collections::{BTreeSet, HashMap, HashSet};

/// One event, as it was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its commit.
    pub id: Oid,
    /// The events it was made on; two for a join.
    pub parents: Vec<Oid>,
    /// Who recorded it.
    pub author: Signature,
    /// The event.
    pub event: Event,
}

impl Store<'_> {
    /// Every event of a spec, newest first. Commits that are no events end the walk on their side.
    pub fn history(&self, tip: Oid) -> Result<Vec<Recorded>> {
        let mut found: HashMap<Oid, Recorded> = HashMap::new();
        let mut open = vec![tip];
        while let Some(id) = open.pop() {
            if found.contains_key(&id) {
                continue;
            }
            let Commit { parents, message, author, .. } = self.repo.commit(id)?;
            let Ok(event) = Event::parse(&message) else { continue };
            open.extend(&parents);
            found.insert(id, Recorded { id, parents, author, event });
        }
        Ok(children_first(tip, found))
    }

    /// The newest event whose document is this blob, looking from a spec's tip.
    pub fn event_with_blob(&self, spec: &Spec, blob: Oid) -> Result<Option<Recorded>> {
        let hex = blob.to_string();
        if spec.event.blob == hex {
            let Commit { parents, author, .. } = self.repo.commit(spec.tip)?;
            return Ok(Some(Recorded { id: spec.tip, parents, author, event: spec.event.clone() }));
        }
        Ok(self.history(spec.tip)?.into_iter().find(|recorded| recorded.event.blob == hex))
    }
}

/// A topological order; where it leaves a choice, the later date, then the larger name, comes first.
fn children_first(tip: Oid, mut found: HashMap<Oid, Recorded>) -> Vec<Recorded> {
    let mut children: HashMap<Oid, usize> = HashMap::new();
    for recorded in found.values() {
        for parent in recorded.parents.iter().collect::<HashSet<_>>() {
            *children.entry(*parent).or_default() += 1;
        }
    }
    let mut ready = BTreeSet::from([(i64::MAX, tip)]);
    let mut order = Vec::with_capacity(found.len());
    while let Some((_, id)) = ready.pop_last() {
        let Some(recorded) = found.remove(&id) else { continue };
        for parent in recorded.parents.iter().collect::<HashSet<_>>() {
            let Some(left) = children.get_mut(parent) else { continue };
            *left -= 1;
            if let (0, Some(next)) = (*left, found.get(parent)) {
                ready.insert((next.author.seconds, *parent));
            }
        }
        order.push(recorded);
    }
    order
}
