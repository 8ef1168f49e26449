//! Joining two versions of a spec, in the repository: the merge bases, the pure join, and a commit that every clone makes alike.

use super::history::best_common;
use super::sync::seen_ref;
use super::{Recorded, Relation, Spec, Store};
use crate::git::{CommitDraft, Oid, Signature};
use crate::spec::event::one_line;
use crate::spec::join::{Joined, Side, Version, join};
use crate::spec::{Approval, Document, Event, EventKind, SpecId, Status};
use anyhow::Result;
use std::collections::HashSet;

impl Store<'_> {
    /// Who joins: nobody in particular, at a time that follows from the two sides, so that every clone writes the same commit.
    pub(super) fn joiner(&self, a: Oid, b: Oid) -> Result<Signature> {
        let seconds = self.repo.commit(a)?.author.seconds.max(self.repo.commit(b)?.author.seconds);
        Ok(Signature { name: "git-chant".to_owned(), email: "git-chant@localhost".to_owned(), seconds, offset: 0 })
    }

    /// The join of two versions of one spec. Where one is an ancestor of the other, the descendant.
    pub fn join(&self, a: &Spec, b: &Spec) -> Result<Spec> {
        let (a, b) = if a.tip < b.tip { (a, b) } else { (b, a) };
        let (from_a, from_b) = (self.history(a.tip)?, self.history(b.tip)?);
        let (in_a, in_b) = (names(&from_a), names(&from_b));
        if in_a.contains(&b.tip) {
            return Ok(a.clone());
        }
        if in_b.contains(&a.tip) {
            return Ok(b.clone());
        }
        let base = self.common_version(&a.id, &best_common(&from_a, &from_b))?;
        let side_a = since(a, &from_a, &in_b);
        let side_b = since(b, &from_b, &in_a);
        let (tip_a, tip_b) = (a.tip.to_string(), b.tip.to_string());
        let base = base.as_ref().map(|spec| version(spec));
        let joined = join(base.as_ref(), &side_a.side(a, &tip_a), &side_b.side(b, &tip_b));
        let front = joined.document.front().unwrap_or_default();
        let blob = self.repo.write_blob(joined.document.as_bytes())?;
        let event = Event {
            kind: EventKind::Join,
            title: joined.document.title(),
            text: story(a, b, &joined),
            status: joined.status,
            attempt: joined.attempt,
            blob: blob.to_string(),
            spec_type: front.spec_type,
            labels: front.labels,
            depends_on: front.depends_on,
            approval: joined.approval,
            nonce: None,
            extra: extra(&joined),
        };
        // Inputs are those of the side whose outcome counts; the other's are in its own tree.
        let with_outcome = if a.event.attempt == joined.attempt && a.event.status == joined.status { a } else { b };
        let kept = self.repo.commit(with_outcome.tip)?.tree;
        let tree = self.repo.edit_tree(Some(kept), &[(b"spec.md".to_vec(), Some(blob))])?;
        let who = self.joiner(a.tip, b.tip)?;
        let draft = CommitDraft { tree, parents: vec![a.tip, b.tip], message: event.message(), author: who.clone(), committer: who };
        let tip = self.repo.write_commit(&draft)?;
        Ok(Spec { id: a.id.clone(), tip, event, document: joined.document })
    }

    /// The document of two versions that are known by their blobs alone, joined; `None` where one of them is none that this clone knows.
    /// What a fetch has brought is known too: `git pull` merges before any command of ours folds it in.
    ///
    /// A side that went back behind the `base` of the merge is a revert, of which events know nothing: `None` then too. Of two specs that
    /// have one id, the one that keeps it: the other gets its own file where it gets its own name.
    pub fn join_blobs(&self, id: &SpecId, base: Option<Oid>, a: Oid, b: Oid) -> Result<Option<Document>> {
        let tips = self.tips_under(id)?;
        let find = |blob: Oid| -> Result<Option<(usize, Spec)>> {
            for (at, tip) in tips.iter().enumerate() {
                if let Some(event) = self.event_with_blob(&self.load_at(id, *tip)?, blob)? {
                    return Ok(Some((at, self.load_at(id, event.id)?)));
                }
            }
            Ok(None)
        };
        let (Some((at_a, a)), Some((at_b, b))) = (find(a)?, find(b)?) else { return Ok(None) };
        if self.relation(a.tip, b.tip)? == Relation::Unrelated {
            return Ok(Some(if at_a < at_b { a.document } else { b.document }));
        }
        if let Some((_, base)) = base.map(find).transpose()?.flatten()
            && [&a, &b].iter().any(|side| side.tip != base.tip && self.reaches(base.tip, side.tip))
        {
            return Ok(None);
        }
        Ok(Some(self.join(&a, &b)?.document))
    }

    /// Every spec that has, or had, this id, as far as this clone knows. Those that keep it come first: a remote's, then ours; then those
    /// of ours that had to give it away.
    fn tips_under(&self, id: &SpecId) -> Result<Vec<Oid>> {
        let mut tips = Vec::new();
        for remote in self.repo.remotes() {
            tips.extend(self.repo.reference(&seen_ref(&remote, id))?);
        }
        tips.extend(self.repo.reference(&id.ref_name())?);
        tips.extend(self.gave_away(id)?.into_iter().map(|spec| spec.tip));
        Ok(tips)
    }

    /// The specs that are called `<id>.1` and so on, archived ones too: one of them may have given that id away.
    pub fn gave_away(&self, id: &SpecId) -> Result<Vec<Spec>> {
        let (mut list, mut missing) = (Vec::new(), 0);
        for next in (1..).map_while(|number| SpecId::parse(&format!("{id}.{number}")).ok()) {
            let found = match self.load(&next)? {
                None => self.load_archived(&next)?,
                live => live,
            };
            match found {
                Some(spec) => list.push(spec),
                None if missing == 3 => break,
                None => missing += 1,
            }
        }
        Ok(list)
    }

    /// The version both came from. Several are joined among themselves, in the order of their names.
    fn common_version(&self, id: &SpecId, bases: &[Oid]) -> Result<Option<Spec>> {
        let mut bases = bases.iter();
        let Some(first) = bases.next() else { return Ok(None) };
        let mut base = self.load_at(id, *first)?;
        for next in bases {
            base = self.join(&base, &self.load_at(id, *next)?)?;
        }
        Ok(Some(base))
    }
}

/// What `git log` says of a join.
fn story(a: &Spec, b: &Spec, joined: &Joined) -> String {
    let mut story = format!("Two clones changed this spec at once: {} and {} are one now.", a.tip.short(), b.tip.short());
    if !joined.conflicts.is_empty() {
        story += &format!("\nBoth changed the same lines of the {}, and one side's were taken.", joined.conflicts.join(" and "));
    }
    if !joined.collided.is_empty() {
        story += &format!("\nBoth changed {}, and one side's value was taken.", one_line(&joined.collided.join(" and ")));
    }
    if joined.conflicts.is_empty() && joined.collided.is_empty() {
        return story;
    }
    format!("{story}\nSee both: git diff {}:spec.md {}:spec.md", a.tip.short(), b.tip.short())
}

/// What of one side was not taken, for machines. A text stays open until somebody settles it; of a field both values are in the history.
fn extra(joined: &Joined) -> Vec<(String, String)> {
    let of = |key: &str, what: &str| (key.to_owned(), one_line(what));
    let conflicts = joined.conflicts.iter().map(|what| of("Conflict", what));
    conflicts.chain(joined.collided.iter().map(|key| of("Collided", key))).collect()
}

fn names(history: &[Recorded]) -> HashSet<Oid> {
    history.iter().map(|recorded| recorded.id).collect()
}

fn version(spec: &Spec) -> Version<'_> {
    Version { document: &spec.document, status: spec.event.status, attempt: spec.event.attempt, approval: spec.event.approval }
}

/// What one side did that the other does not know.
struct Since {
    events: usize,
    stopped_by_person: Option<Status>,
    rejected_or_lapsed: Option<Approval>,
}

impl Since {
    fn side<'a>(&self, spec: &'a Spec, tip: &'a str) -> Side<'a> {
        Side {
            version: version(spec),
            tip,
            events: self.events,
            stopped_by_person: self.stopped_by_person,
            rejected_or_lapsed: self.rejected_or_lapsed,
        }
    }
}

fn since(spec: &Spec, history: &[Recorded], other: &HashSet<Oid>) -> Since {
    let new: Vec<&Recorded> = history.iter().filter(|recorded| !other.contains(&recorded.id)).collect();
    let cancelled = spec.event.status == Status::Cancelled && new.iter().any(|recorded| recorded.event.kind == EventKind::Cancel);
    let blocked = spec.event.approval.blocks() && new.iter().any(|recorded| recorded.event.approval == spec.event.approval);
    Since {
        events: new.iter().filter(|recorded| recorded.event.kind != EventKind::Join).count(),
        stopped_by_person: cancelled.then_some(Status::Cancelled),
        rejected_or_lapsed: blocked.then_some(spec.event.approval),
    }
}
