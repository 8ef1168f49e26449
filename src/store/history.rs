//! Walking a spec's events, newest first, children always before their parents.

use super::{Spec, Store};
use crate::git::{Commit, Oid, Signature};
use crate::spec::{Event, EventKind};
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

/// How one version of a spec stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// They are one.
    Same,
    /// The first was made from the second.
    Ahead,
    /// The second was made from the first.
    Behind,
    /// Both were made from a third.
    Diverged,
    /// They have nothing in common: two specs.
    Unrelated,
}

/// The newest event of a kind in a history.
#[must_use]
pub fn newest(history: &[Recorded], kind: EventKind) -> Option<&Recorded> {
    history.iter().find(|recorded| recorded.event.kind == kind)
}

impl Store<'_> {
    /// How two versions stand to each other. A spec that was taken over from a file is related to the one that wrote the file.
    pub fn relation(&self, a: Oid, b: Oid) -> Result<Relation> {
        if a == b {
            return Ok(Relation::Same);
        }
        let (from_a, from_b) = (self.history(a)?, self.history(b)?);
        let has = |history: &[Recorded], tip: Oid| history.iter().any(|recorded| recorded.id == tip);
        Ok(if has(&from_a, b) {
            Relation::Ahead
        } else if has(&from_b, a) {
            Relation::Behind
        } else if best_common(&from_a, &from_b).is_empty() {
            Relation::Unrelated
        } else {
            Relation::Diverged
        })
    }

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

/// Two versions of the same text, of which a join took one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What both changed.
    pub what: String,
    /// The two versions.
    pub sides: Vec<Oid>,
}

impl Conflict {
    /// The command that shows the two beside each other.
    pub fn show(&self) -> String {
        let sides: Vec<String> = self.sides.iter().map(|side| format!("{}:spec.md", side.short())).collect();
        format!("git diff {}", sides.join(" "))
    }
}

/// What `git chant edit` adds where a person keeps the text that a join took.
pub const SETTLES: &str = "Settles";

impl Store<'_> {
    /// The conflicts of joins that nobody has settled since by an edit of the text.
    pub fn conflicts(&self, history: &[Recorded]) -> Result<Vec<Conflict>> {
        let mut list = Vec::new();
        for (at, join) in history.iter().enumerate() {
            let Some(what) = join.event.extra("Conflict") else { continue };
            let mut settled = false;
            for edit in history[..at].iter().filter(|later| later.event.kind == EventKind::Edit) {
                settled |= self.reaches(edit.id, join.id) && self.edits_text(edit)?;
            }
            if !settled {
                list.push(Conflict { what: what.to_owned(), sides: join.parents.clone() });
            }
        }
        Ok(list)
    }

    /// A tick settles nothing, nor does a label.
    fn edits_text(&self, edit: &Recorded) -> Result<bool> {
        let text = |at: Oid| -> Result<String> {
            let document = self.document_at(at)?;
            Ok(String::from_utf8_lossy(document.body()).replace("[x]", "[ ]").replace("[X]", "[ ]"))
        };
        let Some(before) = edit.parents.first() else { return Ok(false) };
        Ok(edit.event.extra(SETTLES).is_some() || text(edit.id)? != text(*before)?)
    }
}

/// The newest versions that both histories come from, sorted; none for two specs.
///
/// Where the histories have no event in common, one of them may begin with an import of a file that the other has written: the file came
/// with a branch before the spec did. Then that import is what both come from.
pub(super) fn best_common(a: &[Recorded], b: &[Recorded]) -> Vec<Oid> {
    let in_b: HashSet<Oid> = b.iter().map(|recorded| recorded.id).collect();
    let common: HashSet<Oid> = a.iter().map(|recorded| recorded.id).filter(|id| in_b.contains(id)).collect();
    // What has a child that is common too is an ancestor of a better one.
    let with_child: HashSet<Oid> =
        a.iter().chain(b).filter(|recorded| common.contains(&recorded.id)).flat_map(|recorded| recorded.parents.iter().copied()).collect();
    let mut best: Vec<Oid> = common.into_iter().filter(|id| !with_child.contains(id)).collect();
    if best.is_empty() {
        best.extend(import_of(a, b).or_else(|| import_of(b, a)));
    }
    best.sort();
    best
}

/// The import that a history begins with, where its document is one that the other history has.
fn import_of(history: &[Recorded], other: &[Recorded]) -> Option<Oid> {
    let root = history.iter().find(|recorded| recorded.parents.is_empty() && recorded.event.kind == EventKind::Import)?;
    other.iter().any(|recorded| recorded.event.blob == root.event.blob).then_some(root.id)
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
