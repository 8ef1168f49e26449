//! What this checkout's spec files were last made from, and what has become of them since.
//!
//! `refs/worktree/chant/view` (git keeps one a worktree) holds a tree: `head`, the tree that `HEAD:.chant/specs` was when we last
//! looked, and `differs/`, one blob for each file that was something else. A file is looked at only where it differs from HEAD, where
//! HEAD's tree has changed, or where `differs` names it: ten thousand untouched files cost one `git status`.

use super::{SPEC_DIR, Store};
use crate::failure::Failure;
use crate::git::checkout::PendingStatus;
use crate::git::{Oid, RefChange, RefUpdate};
use crate::spec::SpecId;
use crate::spec::id::IdError;
use anyhow::{Context as _, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub(super) const VIEW_REF: &str = "refs/worktree/chant/view";
const KEPT_VIEW: &str = "refs/chant-kept/view";

/// What this checkout last held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    at: Option<Oid>,
    head: Option<Oid>,
    differs: BTreeMap<String, Oid>,
    /// `HEAD:.chant/specs` when this look began. What HEAD becomes meanwhile is for the next look: somebody may have committed an edit.
    looked: Option<Oid>,
}

/// A spec file that may not be as we last saw it. Blobs are `None` where there is no such file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Which spec's file.
    pub id: SpecId,
    /// The file's bytes, as the blob they would be.
    pub file: Option<Oid>,
    /// What HEAD has.
    pub head: Option<Oid>,
    /// What we last saw.
    pub view: Option<Oid>,
    /// What HEAD had when we last saw it.
    pub head_before: Option<Oid>,
}

/// What a look has found.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// What the files were compared with.
    pub view: View,
    /// Every file that needs a look.
    pub seen: Vec<Observation>,
    /// Why files that are new or changed can be no specs: their names say so.
    pub misnamed: Vec<IdError>,
    /// Files that hold what git could not merge. Nobody wrote them; they count as they were before.
    pub conflicts: Vec<SpecId>,
}

impl Looked {
    /// True where a file, or what HEAD has, is not what it was at the last look.
    pub fn has_news(&self) -> bool {
        !self.seen.is_empty() && (self.view.looked != self.view.head || self.seen.iter().any(|seen| seen.file != seen.view))
    }
}

/// A look at the files that has begun.
#[must_use]
pub struct Look(Option<PendingStatus>);

impl Store<'_> {
    /// The path of a spec's file in this checkout; a bare repository has none.
    pub fn file(&self, id: &SpecId) -> Option<PathBuf> {
        Some(self.repo.work_dir()?.join(SPEC_DIR).join(id.file_name()))
    }

    /// The bytes of a spec's file in this checkout, if there is a regular file. A symbolic link is not followed out of the repository.
    pub fn read_file(&self, id: &SpecId) -> Result<Option<Vec<u8>>> {
        let Some(path) = self.file(id) else { return Ok(None) };
        match std::fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_file() => {}
            _ => return Ok(None),
        }
        std::fs::read(&path).map(Some).with_context(|| format!("could not read {}", path.display()))
    }

    /// True where this checkout has spec files.
    pub fn has_files(&self) -> bool {
        let dir = self.repo.work_dir().map(|top| top.join(SPEC_DIR));
        let entries = dir.and_then(|dir| std::fs::read_dir(dir).ok());
        entries.is_some_and(|mut all| all.any(|entry| entry.is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "md"))))
    }

    /// Begins to look at the files: git compares them while the caller does other things.
    pub fn begin_look(&self) -> Result<Look> {
        let dir = self.repo.work_dir().map(|top| top.join(SPEC_DIR)).filter(|dir| dir.is_dir());
        dir.map(|_| self.repo.changed_under(SPEC_DIR)).transpose().map(Look)
    }

    /// Ends the look: every file that needs one, and the view they were compared with.
    pub fn look(&self, look: Look) -> Result<Looked> {
        let mut view = self.view()?;
        if self.repo.work_dir().is_none() {
            return Ok(Looked { view, ..Looked::default() });
        }
        let head_tree = self.head_specs()?;
        view.looked = head_tree;
        let mut names: BTreeSet<String> = view.differs.keys().cloned().collect();
        let dirty = self.dirty_names(look, head_tree)?;
        let conflicts: BTreeSet<&String> = dirty.iter().filter(|(_, conflict)| *conflict).map(|(name, _)| name).collect();
        names.extend(dirty.iter().map(|(name, _)| name.clone()));
        if names.is_empty() && head_tree == view.head {
            return Ok(Looked { view, ..Looked::default() });
        }
        let (now, before) = (self.flat(head_tree)?, if head_tree == view.head { None } else { Some(self.flat(view.head)?) });
        if let Some(before) = &before {
            names.extend(now.iter().filter(|(name, id)| before.get(*name) != Some(id)).map(|(name, _)| name.clone()));
            names.extend(before.keys().filter(|name| !now.contains_key(*name)).cloned());
        }
        let seen = before.as_ref().unwrap_or(&now);
        let mut looked = Looked { view, ..Looked::default() };
        for name in names {
            let id = match name.strip_suffix(".md").filter(|id| !id.contains('/')).map(SpecId::parse) {
                Some(Ok(id)) => id,
                Some(Err(reason)) => {
                    looked.misnamed.push(reason);
                    continue;
                }
                None => continue,
            };
            let head_before = seen.get(&name).copied();
            let blob = looked.view.differs.get(&name).copied().or(head_before);
            let file = if conflicts.contains(&name) {
                looked.conflicts.push(id.clone());
                blob
            } else {
                self.read_file(&id)?.map(|bytes| self.repo.hash_blob(&bytes)).transpose()?
            };
            looked.seen.push(Observation { id, file, head: now.get(&name).copied(), view: blob, head_before });
        }
        Ok(looked)
    }

    /// Remembers what the observed files are now. A concurrent look that was faster is not overwritten: the next one sees the rest.
    pub fn remember(&self, view: &View, observations: &[Observation]) -> Result<()> {
        if self.repo.work_dir().is_none() {
            return Ok(());
        }
        let head = view.looked;
        let now = if head.is_some() && !observations.is_empty() { self.flat(head)? } else { BTreeMap::new() };
        let mut differs = BTreeMap::new();
        for seen in observations {
            let name = seen.id.file_name();
            match seen.file {
                Some(file) if now.get(&name) != Some(&file) => drop(differs.insert(name, file)),
                _ => {}
            }
        }
        if head == view.head && differs == view.differs {
            return Ok(());
        }
        let next = View { at: view.at, head, differs, looked: head };
        let tree = self.write_view(&next)?;
        if view.at == Some(tree) {
            return Ok(());
        }
        match self.move_view(view.at, tree, "chant: look")? {
            RefUpdate::Done | RefUpdate::Lost => Ok(()),
        }
    }

    /// Remembers that one file now is this blob, after we wrote it.
    pub fn remember_file(&self, id: &SpecId, blob: Oid) -> Result<()> {
        self.remember_files(&[(id.clone(), blob)])
    }

    /// Remembers what files now are, after we wrote them.
    pub fn remember_files(&self, files: &[(SpecId, Oid)]) -> Result<()> {
        for _ in 0..20 {
            let view = self.view()?;
            let mut next = view.clone();
            let commit = self.repo.head()?.commit;
            let mut in_head = Vec::new();
            for (id, blob) in files {
                let there = commit.map(|commit| self.repo.entry_at(commit, super::spec_path(id).as_bytes())).transpose()?.flatten();
                if there.is_some_and(|(there, _)| there == *blob) {
                    // Only these files of HEAD have been looked at; after a commit of ours the tree is HEAD's own.
                    in_head.push((id.file_name().into_bytes(), Some(*blob)));
                    next.differs.remove(&id.file_name());
                } else {
                    next.differs.insert(id.file_name(), *blob);
                }
            }
            if !in_head.is_empty() {
                next.head = Some(self.repo.edit_tree(next.head, &in_head)?);
            }
            let tree = self.write_view(&next)?;
            if view.at == Some(tree) {
                return Ok(());
            }
            if self.move_view(view.at, tree, "chant: write file")? == RefUpdate::Done {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What a file was when this checkout last looked at it.
    pub fn last_seen(&self, id: &SpecId) -> Result<Option<Oid>> {
        let (view, name) = (self.view()?, id.file_name());
        match view.differs.get(&name) {
            Some(blob) => Ok(Some(*blob)),
            None => Ok(view.head.map(|head| self.repo.entry_at(head, name.as_bytes())).transpose()?.flatten().map(|(blob, _)| blob)),
        }
    }

    fn view(&self) -> Result<View> {
        let Some(at) = self.repo.reference(VIEW_REF)? else { return Ok(View::default()) };
        let mut view = View { at: Some(at), ..View::default() };
        let unreadable = |error| Failure::new(format!("{VIEW_REF} cannot be read: {error:#}")).hint("git chant fsck --repair");
        for (name, id) in self.repo.tree_entries(at).map_err(unreadable)? {
            match name.as_slice() {
                b"head" => view.head = Some(id),
                b"differs" => view.differs = self.flat(Some(id))?,
                _ => {}
            }
        }
        Ok(view)
    }

    /// Moves the view, and with it a ref that all worktrees see: `git gc` in one worktree does not know the refs of another, and a view
    /// whose objects are gone would stop every later `git gc`.
    fn move_view(&self, at: Option<Oid>, tree: Oid, reason: &str) -> Result<RefUpdate> {
        let kept = match self.repo.git_dir().canonicalize().ok().filter(|dir| dir != self.repo.common_dir()) {
            // git makes the name of a worktree so that it can be a part of a ref's.
            Some(dir) => format!("{KEPT_VIEW}.{}", dir.file_name().unwrap_or_default().to_string_lossy()),
            None => KEPT_VIEW.to_owned(),
        };
        let was = self.repo.reference(&kept)?;
        let mut changes = vec![RefChange::new(VIEW_REF, at, Some(tree))];
        if was != Some(tree) {
            changes.push(RefChange::new(kept, was, Some(tree)));
        }
        self.repo.update_refs(&changes, reason)
    }

    fn write_view(&self, view: &View) -> Result<Oid> {
        let differs: Vec<_> = view.differs.iter().map(|(name, id)| (name.clone().into_bytes(), *id, false)).collect();
        let mut entries = Vec::new();
        if !differs.is_empty() {
            // The blobs must exist: the tree is what keeps a person's uncommitted bytes from `git gc`.
            for (name, id, _) in &differs {
                self.keep_blob(name, *id)?;
            }
            entries.push((b"differs".to_vec(), self.repo.write_flat_tree(&differs)?, true));
        }
        if let Some(head) = view.head {
            entries.push((b"head".to_vec(), head, true));
        }
        self.repo.write_flat_tree(&entries)
    }

    fn keep_blob(&self, name: &[u8], blob: Oid) -> Result<()> {
        if self.repo.has_object(blob) {
            return Ok(());
        }
        let name = String::from_utf8_lossy(name).into_owned();
        let id = name.strip_suffix(".md").and_then(|id| SpecId::parse(id).ok()).context("a view names specs")?;
        if let Some(bytes) = self.read_file(&id)? {
            self.repo.write_blob(&bytes)?;
        }
        Ok(())
    }

    /// The tree of `.chant/specs` at HEAD.
    fn head_specs(&self) -> Result<Option<Oid>> {
        let Some(commit) = self.repo.head()?.commit else { return Ok(None) };
        Ok(self.repo.entry_at(commit, SPEC_DIR.as_bytes())?.filter(|(_, is_tree)| *is_tree).map(|(id, _)| id))
    }

    fn flat(&self, tree: Option<Oid>) -> Result<BTreeMap<String, Oid>> {
        let Some(tree) = tree else { return Ok(BTreeMap::new()) };
        let entries = self.repo.tree_entries(tree)?;
        Ok(entries.into_iter().filter_map(|(name, id)| Some((String::from_utf8(name).ok()?, id))).collect())
    }

    /// File names that git says differ from HEAD, true for one in conflict; in silent mode, where git ignores them, every file there is.
    fn dirty_names(&self, look: Look, head_tree: Option<Oid>) -> Result<Vec<(String, bool)>> {
        let prefix = format!("{SPEC_DIR}/");
        let of_path = |path: &[u8]| String::from_utf8(path.strip_prefix(prefix.as_bytes())?.to_vec()).ok();
        let (Some(top), Some(status)) = (self.repo.work_dir(), look.0) else { return Ok(Vec::new()) };
        let dir = top.join(SPEC_DIR);
        let mut names: Vec<(String, bool)> =
            status.paths()?.into_iter().filter_map(|(path, conflict)| Some((of_path(&path)?, conflict))).collect();
        if head_tree.is_none() {
            for entry in std::fs::read_dir(&dir).with_context(|| format!("could not list {}", dir.display()))? {
                names.extend(entry.ok().and_then(|entry| Some((entry.file_name().into_string().ok()?, false))));
            }
        }
        Ok(names)
    }
}
