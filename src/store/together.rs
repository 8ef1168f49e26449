//! Two archives become one, and two notes: alike in every clone, like the join of two specs.

use super::archive::tip_of;
use super::{Relation, Store};
use crate::git::{CommitDraft, Oid};
use crate::spec::{Event, SpecId};
use anyhow::{Context as _, Result, ensure};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

/// An archive after it was joined with another.
#[derive(Clone, Debug, Default)]
pub struct JoinedArchive {
    /// Its commit.
    pub tip: Option<Oid>,
    /// What each id stands for.
    pub entries: BTreeMap<SpecId, Oid>,
    /// Tips that the two have of one spec, neither made from the other: the entry has one, these are the others.
    pub others: Vec<(SpecId, Oid)>,
}

impl Store<'_> {
    /// True where `to` is `from` or one of its ancestors. Near ones are found at once; parents that are missing end the walk on their side.
    pub fn reaches(&self, from: Oid, to: Oid) -> bool {
        let (mut seen, mut open) = (HashSet::from([from]), VecDeque::from([from]));
        while let Some(at) = open.pop_front() {
            if at == to {
                return true;
            }
            let parents = self.repo.commit(at).map(|commit| commit.parents).unwrap_or_default();
            if parents.contains(&to) {
                return true;
            }
            open.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
        }
        false
    }

    /// Our archive with theirs, which anybody may have written.
    pub fn join_archives(&self, ours: Option<Oid>, theirs: Option<Oid>) -> Result<JoinedArchive> {
        let whole = |tip: Option<Oid>| -> Result<JoinedArchive> {
            let index = tip.map(|tip| self.archive_index(tip)).transpose()?.unwrap_or_default();
            let entries = index.into_iter().filter_map(|(id, line)| Some((id, tip_of(&line)?))).collect();
            Ok(JoinedArchive { tip, entries, others: Vec::new() })
        };
        match (ours, theirs) {
            (ours, None) => whole(ours),
            (Some(ours), Some(theirs)) if self.reaches(ours, theirs) => whole(Some(ours)),
            (None, Some(theirs)) => {
                self.check_archive(theirs, None)?;
                whole(Some(theirs))
            }
            (Some(ours), Some(theirs)) => {
                self.check_archive(theirs, Some(ours))?;
                if self.reaches(theirs, ours) { whole(Some(theirs)) } else { self.join_two(ours, theirs) }
            }
        }
    }

    /// An archive keeps what it names: every entry that we do not have is a spec, and one of the tips that it folded.
    fn check_archive(&self, theirs: Oid, ours: Option<Oid>) -> Result<()> {
        let known = ours.map(|ours| self.archive_index(ours)).transpose()?.unwrap_or_default();
        let new: Vec<(SpecId, String)> = self.archive_index(theirs)?.into_iter().filter(|(id, line)| known.get(id) != Some(line)).collect();
        let (mut folded, mut seen, mut open) = (HashSet::new(), HashSet::new(), vec![theirs]);
        while let Some(at) = open.pop() {
            if Some(at) == ours || !seen.insert(at) {
                continue;
            }
            for parent in self.repo.commit(at)?.parents {
                if Event::parse(&self.repo.message(parent)?).is_ok() {
                    folded.insert(parent);
                } else {
                    open.push(parent);
                }
            }
        }
        for (id, line) in new {
            let tip = tip_of(&line).with_context(|| format!("its index has no tip for {id}"))?;
            let was = known.get(&id).and_then(|line| tip_of(line));
            ensure!(folded.contains(&tip) || was == Some(tip), "it names a version of {id} that it does not hold");
            self.load_at(&id, tip)?;
        }
        Ok(())
    }

    fn join_two(&self, ours: Oid, theirs: Oid) -> Result<JoinedArchive> {
        let (first, second) = (ours.min(theirs), ours.max(theirs));
        let mut lines = self.archive_index(first)?;
        let mut others = Vec::new();
        for (id, line) in self.archive_index(second)? {
            let Some(have) = lines.get(&id).filter(|have| **have != line) else {
                lines.insert(id, line);
                continue;
            };
            let (Some(one), Some(two)) = (tip_of(have), tip_of(&line)) else { continue };
            match self.relation(one, two)? {
                Relation::Same => drop(lines.insert(id.clone(), line.max(have.clone()))),
                Relation::Ahead => {}
                Relation::Behind => drop(lines.insert(id, line)),
                Relation::Diverged => others.push((id, two)),
                Relation::Unrelated => {
                    let free = (1..).map_while(|number| SpecId::parse(&format!("{id}.{number}")).ok()).find(|id| !lines.contains_key(id));
                    if let (Some(free), Some((_, rest))) = (free, line.split_once('\t')) {
                        let line = format!("{free}\t{rest}");
                        lines.insert(free, line);
                    }
                }
            }
        }
        let mut entries = BTreeMap::new();
        let mut files = Vec::new();
        for (id, line) in &lines {
            let Some(tip) = tip_of(line) else { continue };
            let (document, _) = self.repo.entry_at(tip, b"spec.md")?.context("an event has a spec.md")?;
            files.push((format!("{id}/spec.md").into_bytes(), Some(document)));
            entries.insert(id.clone(), tip);
        }
        let index: String = lines.values().map(|line| format!("{line}\n")).collect();
        files.push((b"index".to_vec(), Some(self.repo.write_blob(index.as_bytes())?)));
        let tree = self.repo.edit_tree(None, &files)?;
        let tip = self.write_join(tree, first, second, "archive: join\n")?;
        Ok(JoinedArchive { tip: Some(tip), entries, others })
    }

    /// Our notes with theirs: every line that either has. What is no notes of theirs is passed over: they are a view.
    pub fn join_notes(&self, ours: Option<Oid>, theirs: Option<Oid>) -> Result<Option<Oid>> {
        let Some(new) = theirs else { return Ok(ours) };
        let Ok(their_lines) = self.read_notes(new) else { return Ok(ours) };
        let Some(old) = ours else { return Ok(Some(new)) };
        if self.reaches(old, new) {
            return Ok(Some(old));
        }
        if self.reaches(new, old) {
            return Ok(Some(new));
        }
        let Ok(mut notes) = self.read_notes(old) else { return Ok(Some(new)) };
        for (commit, blob) in their_lines {
            let both = match notes.get(&commit) {
                Some(have) if *have != blob => self.join_lines(*have, blob)?,
                _ => blob,
            };
            notes.insert(commit, both);
        }
        let files: Vec<_> = notes.into_iter().map(|(commit, blob)| (commit.into_bytes(), blob, false)).collect();
        let tree = self.repo.write_flat_tree(&files)?;
        self.write_join(tree, old.min(new), old.max(new), "Notes joined by 'git chant'\n").map(Some)
    }

    fn join_lines(&self, one: Oid, two: Oid) -> Result<Oid> {
        let (one, two) = (self.repo.blob(one)?, self.repo.blob(two)?);
        let lines: BTreeSet<&[u8]> = one.split(|&b| b == b'\n').chain(two.split(|&b| b == b'\n')).filter(|line| !line.is_empty()).collect();
        self.repo.write_blob(&lines.into_iter().flat_map(|line| [line, b"\n"].concat()).collect::<Vec<u8>>())
    }

    /// The notes of a tree, flat or fanned out, by the commit's name.
    pub(super) fn read_notes(&self, at: Oid) -> Result<BTreeMap<String, Oid>> {
        let digits = at.to_string().len();
        let (mut notes, mut open) = (BTreeMap::new(), vec![(String::new(), self.repo.commit(at)?.tree)]);
        while let Some((prefix, tree)) = open.pop() {
            for (name, id) in self.repo.tree_entries(tree)? {
                let Some(name) = std::str::from_utf8(&name).ok().filter(|name| name.bytes().all(|byte| byte.is_ascii_hexdigit())) else {
                    continue;
                };
                let whole = format!("{prefix}{name}");
                if whole.len() == digits && self.repo.blob(id).is_ok() {
                    notes.insert(whole, id);
                } else if name.len() == 2 && whole.len() < digits {
                    open.push((whole, id));
                }
            }
        }
        Ok(notes)
    }

    fn write_join(&self, tree: Oid, first: Oid, second: Oid, message: &str) -> Result<Oid> {
        let who = self.joiner(first, second)?;
        let parents = vec![first, second];
        self.repo.write_commit(&CommitDraft { tree, parents, message: message.to_owned(), author: who.clone(), committer: who })
    }
}
