//! Views against what they were made from: the archive's index and tree, notes, what a checkout was last seen to hold.

use super::archive::{index_line, tip_of};
use super::notes::NOTES_REF;
use super::view::VIEW_REF;
use super::{ARCHIVE_REF, Store};
use crate::git::{CommitDraft, Oid, RefChange, RefUpdate};
use crate::spec::{Event, SpecId};
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What the archive should say, and where it does not.
#[derive(Clone, Debug, Default)]
pub struct ArchiveCheck {
    /// A sentence each, of what rebuilding mends.
    pub stale: Vec<String>,
    /// A sentence each, of what it cannot mend.
    pub lost: Vec<String>,
    tip: Option<Oid>,
    lines: BTreeMap<SpecId, (Oid, String)>,
}

impl Store<'_> {
    /// Compares the archive with the versions of specs that it folded. Entries that once were there are found in its older versions.
    pub fn check_archive_of_ours(&self) -> Result<ArchiveCheck> {
        let Some(tip) = self.repo.reference(ARCHIVE_REF)? else { return Ok(ArchiveCheck::default()) };
        let mut check = ArchiveCheck { tip: Some(tip), ..ArchiveCheck::default() };
        let (mut folded, mut named, mut seen, mut open) = (HashSet::new(), HashSet::new(), HashSet::new(), vec![tip]);
        let mut entries: BTreeMap<SpecId, Oid> = BTreeMap::new();
        while let Some(at) = open.pop().filter(|at| seen.insert(*at)) {
            for parent in self.repo.commit(at)?.parents {
                match self.repo.message(parent) {
                    Ok(message) if Event::parse(&message).is_ok() => drop(folded.insert(parent)),
                    Ok(_) => open.push(parent),
                    Err(error) => check.lost.push(format!("the archive needs {}, which cannot be read: {error:#}", parent.short())),
                }
            }
            for (id, line) in self.archive_index(at).unwrap_or_default() {
                if let Some(tip) = tip_of(&line) {
                    named.insert(tip);
                    entries.entry(id).or_insert(tip);
                }
            }
        }
        let index = self.archive_index(tip).unwrap_or_else(|error| {
            check.stale.push(format!("{error:#}"));
            BTreeMap::new()
        });
        for (id, tip) in entries {
            self.check_entry(&mut check, &index, id, tip, &folded);
        }
        let nameless = folded.iter().filter(|tip| !named.contains(*tip)).collect::<BTreeSet<_>>();
        check.lost.extend(nameless.iter().map(|tip| format!("the archive holds {}, and no entry of it ever named it", tip.short())));
        Ok(check)
    }

    fn check_entry(&self, check: &mut ArchiveCheck, index: &BTreeMap<SpecId, String>, id: SpecId, tip: Oid, folded: &HashSet<Oid>) {
        let spec = match self.load_at(&id, tip) {
            Ok(spec) if folded.contains(&tip) => spec,
            Ok(_) => return check.lost.push(format!("{id}: the archive names {}, and does not hold it", tip.short())),
            Err(error) => return check.lost.push(format!("{id}: its archived version cannot be read: {error:#}")),
        };
        let line = index_line(&id, tip, &spec.event);
        let file = check.tip.and_then(|archive| self.repo.entry_at(archive, format!("{id}/spec.md").as_bytes()).ok().flatten());
        let own = self.repo.entry_at(tip, b"spec.md").ok().flatten();
        match index.get(&id) {
            None => check.stale.push(format!("{id}: its entry in the archive is gone")),
            Some(have) if *have != line => check.stale.push(format!("{id}: the archive's index says something else than its version")),
            Some(_) if file != own => check.stale.push(format!("{id}: the archive's copy of its document is another one")),
            Some(_) => {}
        }
        check.lines.insert(id, (tip, line));
    }

    /// Writes the archive's index and tree anew; false where somebody moved it meanwhile.
    pub fn rebuild_archive(&self, check: &ArchiveCheck) -> Result<bool> {
        let Some(old) = check.tip else { return Ok(true) };
        let mut entries = Vec::new();
        for (id, (tip, _)) in &check.lines {
            let document = self.repo.entry_at(*tip, b"spec.md")?.map(|(blob, _)| blob);
            entries.push((format!("{id}/spec.md").into_bytes(), document));
        }
        let index: String = check.lines.values().map(|(_, line)| format!("{line}\n")).collect();
        entries.push((b"index".to_vec(), Some(self.repo.write_blob(index.as_bytes())?)));
        let who = self.repo.committer()?;
        let draft = CommitDraft {
            tree: self.repo.edit_tree(None, &entries)?,
            parents: vec![old],
            message: "archive: rebuild\n".to_owned(),
            author: who.clone(),
            committer: who,
        };
        let new = self.repo.write_commit(&draft)?;
        Ok(self.repo.update_refs(&[RefChange::new(ARCHIVE_REF, Some(old), Some(new))], "chant: fsck")? == RefUpdate::Done)
    }

    /// Forgets notes that are none; false where somebody moved them meanwhile.
    pub fn drop_notes(&self) -> Result<bool> {
        let old = self.repo.reference(NOTES_REF)?;
        Ok(self.repo.update_refs(&[RefChange::new(NOTES_REF, old, None)], "chant: fsck")? == RefUpdate::Done)
    }

    /// What is wrong with what this checkout was last seen to hold.
    pub fn check_view(&self) -> Result<Option<String>> {
        let Some(at) = self.repo.reference(VIEW_REF)? else { return Ok(None) };
        let read = || -> Result<()> {
            for (name, id) in self.repo.tree_entries(at)? {
                for (_, blob) in self.repo.tree_entries(id)? {
                    if name == b"differs" {
                        self.repo.blob(blob)?;
                    }
                }
            }
            Ok(())
        };
        Ok(read().err().map(|error| format!("{error:#}")))
    }

    /// Forgets what this checkout was last seen to hold: the next look compares every file with its spec.
    pub fn drop_view(&self) -> Result<()> {
        let old = self.repo.reference(VIEW_REF)?;
        // Lost: another look was faster, and has written it anew.
        self.repo.update_refs(&[RefChange::new(VIEW_REF, old, None)], "chant: fsck").map(drop)
    }
}
