//! Archived specs: one ref for all of them, so that refs and every fetch stay as small as the live work.
//!
//! The tree has one entry an id (that spec's own tree) and `index`, one line a spec: `id TAB tip TAB status TAB type TAB labels TAB
//! title`. The commit's parents are the previous archive and the tips that it folds, so nothing folded is ever unreachable.

use super::{ARCHIVE_REF, Listed, Spec, Store};
use crate::failure::Failure;
use crate::git::{CommitDraft, Oid, RefChange, RefUpdate};
use crate::spec::{Event, SpecId, event::one_line};
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;

/// git accepts more parents, but nobody can read such a commit.
pub(super) const MOST_PARENTS: usize = 1000;

/// The line of the index for a spec.
pub(super) fn index_line(id: &SpecId, tip: Oid, event: &Event) -> String {
    let fields = [event.status.as_str(), &event.spec_type, &event.labels.join(","), &event.title].map(one_line).join("\t");
    format!("{id}\t{tip}\t{fields}")
}

impl Store<'_> {
    /// The archived specs: id and the tip that was folded.
    pub fn archived(&self) -> Result<BTreeMap<SpecId, Oid>> {
        let Some(tip) = self.repo.reference(ARCHIVE_REF)? else { return Ok(BTreeMap::new()) };
        Ok(self.archive_index(tip)?.into_iter().filter_map(|(id, line)| Some((id, tip_of(&line)?))).collect())
    }

    /// An archived spec.
    pub fn load_archived(&self, id: &SpecId) -> Result<Option<Spec>> {
        self.archived()?.get(id).map(|tip| self.load_at(id, *tip)).transpose()
    }

    /// Folds these specs into the archive and drops their live refs, in one transaction a thousand. A spec that moved meanwhile
    /// stays live; the ids that were folded are returned.
    pub fn archive(&self, specs: &[Listed]) -> Result<Vec<SpecId>> {
        let mut folded = Vec::new();
        for chunk in specs.chunks(MOST_PARENTS) {
            for _ in 0..20 {
                let old = self.repo.reference(ARCHIVE_REF)?;
                let fresh: Vec<&Listed> = chunk.iter().filter(|spec| self.is_current(spec)).collect();
                let Some(changes) = self.fold(old, &fresh)? else { break };
                if self.repo.update_refs(&changes, "chant: archive")? == RefUpdate::Done {
                    folded.extend(fresh.iter().map(|spec| spec.id.clone()));
                    break;
                }
            }
        }
        Ok(folded)
    }

    fn is_current(&self, spec: &Listed) -> bool {
        self.repo.reference(&spec.id.ref_name()).ok().flatten() == Some(spec.tip)
    }

    fn fold(&self, old: Option<Oid>, specs: &[&Listed]) -> Result<Option<Vec<RefChange>>> {
        if specs.is_empty() {
            return Ok(None);
        }
        let mut index = old.map(|old| self.archive_index(old)).transpose()?.unwrap_or_default();
        let mut entries = Vec::new();
        for spec in specs {
            index.insert(spec.id.clone(), index_line(&spec.id, spec.tip, &spec.event));
            let (document, _) = self.repo.entry_at(spec.tip, b"spec.md")?.context("an event has a spec.md")?;
            entries.push((format!("{}/spec.md", spec.id).into_bytes(), Some(document)));
        }
        let lines: String = index.values().map(|line| format!("{line}\n")).collect();
        entries.push((b"index".to_vec(), Some(self.repo.write_blob(lines.as_bytes())?)));
        let base = old.map(|old| self.repo.commit(old)).transpose()?.map(|commit| commit.tree);
        let who = self.repo.committer()?;
        let draft = CommitDraft {
            tree: self.repo.edit_tree(base, &entries)?,
            parents: old.into_iter().chain(specs.iter().map(|spec| spec.tip)).collect(),
            message: format!("archive: {} specs\n", specs.len()),
            author: who.clone(),
            committer: who,
        };
        let new = self.repo.write_commit(&draft)?;
        let mut changes = vec![RefChange::new(ARCHIVE_REF, old, Some(new))];
        changes.extend(specs.iter().map(|spec| RefChange::new(spec.id.ref_name(), Some(spec.tip), None)));
        Ok(Some(changes))
    }

    pub(super) fn archive_index(&self, archive: Oid) -> Result<BTreeMap<SpecId, String>> {
        let (blob, _) = self
            .repo
            .entry_at(archive, b"index")?
            .ok_or_else(|| Failure::new("the archive has no index").hint("git chant fsck --repair"))?;
        let text = String::from_utf8_lossy(&self.repo.blob(blob)?).into_owned();
        let entry = |line: &str| Some((SpecId::parse(line.split('\t').next()?).ok()?, line.to_owned()));
        Ok(text.lines().filter_map(entry).collect())
    }
}

pub(super) fn tip_of(line: &str) -> Option<Oid> {
    Oid::from_hex(line.split('\t').nth(1)?)
}
