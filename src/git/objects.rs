//! Reading and writing objects, with gix. Writing an object changes nothing that anybody sees; only a ref does.

use super::{Oid, Repository};
use anyhow::{Context as _, Result, anyhow};
use gix::bstr::ByteSlice as _;
use gix::objs::tree::EntryKind;

/// From so many commits on, threads are worth their start.
const MANY: usize = 1000;

/// Reading does not get faster with more.
const MOST_THREADS: usize = 4;

/// Something made of each commit's message: what follows the first empty line, for a header's own lines are never empty.
fn messages<T>(objects: &impl gix::objs::Find, ids: &[Oid], make: &impl Fn(&[u8]) -> Option<T>) -> Vec<Option<T>> {
    let mut buffer = Vec::new();
    let mut message = |id: &Oid| {
        let object = objects.try_find(&id.0, &mut buffer).ok()??;
        let start = object.data.find(b"\n\n").filter(|_| object.kind == gix::objs::Kind::Commit)? + 2;
        make(&object.data[start..])
    };
    ids.iter().map(&mut message).collect()
}

/// Who and when, in git's own form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The name, without control characters and angle brackets.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// Seconds since the epoch.
    pub seconds: i64,
    /// The offset from UTC in seconds.
    pub offset: i32,
}

impl Signature {
    pub(super) fn from_ref(signature: gix::actor::SignatureRef<'_>) -> Result<Self> {
        let time = signature.time().map_err(|e| anyhow!("could not read a date: {e}"))?;
        Ok(Self { name: signature.name.to_string(), email: signature.email.to_string(), seconds: time.seconds, offset: time.offset })
    }

    fn to_gix(&self) -> gix::actor::Signature {
        gix::actor::Signature {
            name: self.name.as_str().into(),
            email: self.email.as_str().into(),
            time: gix::date::Time { seconds: self.seconds, offset: self.offset },
        }
    }
}

/// A commit, read.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its name.
    pub id: Oid,
    /// Its tree.
    pub tree: Oid,
    /// Its parents, in order.
    pub parents: Vec<Oid>,
    /// Its message, as stored.
    pub message: Vec<u8>,
    /// Its author.
    pub author: Signature,
}

/// A commit to be written.
#[derive(Clone, Debug)]
pub struct CommitDraft {
    /// The tree.
    pub tree: Oid,
    /// The parents, in order.
    pub parents: Vec<Oid>,
    /// The message.
    pub message: String,
    /// The author.
    pub author: Signature,
    /// The committer.
    pub committer: Signature,
}

impl Repository {
    /// The bytes of a blob.
    pub fn blob(&self, id: Oid) -> Result<Vec<u8>> {
        self.reading(
            || id.to_string(),
            || {
                let mut blob = self.gix.find_blob(id.0).with_context(|| format!("could not read the blob {id}"))?;
                Ok(blob.take_data())
            },
        )
    }

    /// Writes a blob.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<Oid> {
        Ok(Oid(self.gix.write_blob(bytes).context("could not write a blob")?.detach()))
    }

    /// The name that these bytes would have as a blob; nothing is written.
    pub fn hash_blob(&self, bytes: &[u8]) -> Result<Oid> {
        let id = gix::objs::compute_hash(self.gix.object_hash(), gix::objs::Kind::Blob, bytes).context("could not hash a blob")?;
        Ok(Oid(id))
    }

    /// A commit.
    pub fn commit(&self, id: Oid) -> Result<Commit> {
        let commit = self.gix.find_commit(id.0).with_context(|| format!("could not read the commit {id}"))?;
        let decoded = commit.decode().with_context(|| format!("could not read the commit {id}"))?;
        Ok(Commit {
            id,
            tree: Oid(decoded.tree()),
            parents: decoded.parents().map(Oid).collect(),
            message: decoded.message.to_vec(),
            author: Signature::from_ref(decoded.author().with_context(|| format!("could not read the author of {id}"))?)?,
        })
    }

    /// Only a commit's message, for listings.
    pub fn message(&self, id: Oid) -> Result<Vec<u8>> {
        let commit = self.gix.find_commit(id.0).with_context(|| format!("could not read the commit {id}"))?;
        Ok(commit.message_raw().with_context(|| format!("could not read the message of {id}"))?.to_vec())
    }

    /// Something made of a commit's message; `None` for what is no commit.
    pub fn read_message<T>(&self, id: Oid, make: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        messages(&self.gix.objects, &[id], &make).pop().flatten()
    }

    /// Something made of each commit's message, in the order of `ids`; `None` for what is no commit. For listings: many are read by
    /// several threads, each with object files of its own.
    pub fn read_messages<T: Send>(&self, ids: &[Oid], make: impl Fn(&[u8]) -> Option<T> + Sync) -> Vec<Option<T>> {
        let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(MOST_THREADS));
        if ids.len() < MANY || threads == 1 {
            return messages(&self.gix.objects, ids, &make);
        }
        let (path, hash) = (self.gix.objects.store_ref().path(), self.gix.object_hash());
        let make = &make;
        std::thread::scope(|scope| {
            let mut chunks = ids.chunks(ids.len().div_ceil(threads));
            let own = chunks.next().unwrap_or_default();
            let read = |chunk: &[Oid]| Some(messages(&gix::odb::at(path, hash).ok()?, chunk, make));
            let others: Vec<_> = chunks.map(|chunk| (chunk, scope.spawn(move || read(chunk)))).collect();
            let mut all = messages(&self.gix.objects, own, make);
            for (chunk, thread) in others {
                all.extend(thread.join().ok().flatten().unwrap_or_else(|| messages(&self.gix.objects, chunk, make)));
            }
            all
        })
    }

    /// True where this clone has the object.
    pub fn has_object(&self, id: Oid) -> bool {
        self.gix.has_object(id.0)
    }

    /// True for an object that is here and is no commit.
    pub fn is_no_commit(&self, id: Oid) -> bool {
        self.gix.find_header(id.0).is_ok_and(|header| header.kind() != gix::objs::Kind::Commit)
    }

    /// The entry at a path of a commit's or a tree's tree: its name, and whether it is a directory.
    pub fn entry_at(&self, root: Oid, path: &[u8]) -> Result<Option<(Oid, bool)>> {
        self.reading(|| format!("{root}:{}", path.to_str_lossy()), || self.entry_here(root, path))
    }

    fn entry_here(&self, root: Oid, path: &[u8]) -> Result<Option<(Oid, bool)>> {
        let object = self.gix.find_object(root.0).with_context(|| format!("could not read {root}"))?;
        let tree = object.peel_to_tree().with_context(|| format!("{root} has no tree"))?;
        if path.is_empty() {
            return Ok(Some((Oid(tree.id), true)));
        }
        let entry = tree.lookup_entry(path.split_str("/")).with_context(|| format!("could not read the tree of {root}"))?;
        Ok(entry.map(|entry| (Oid(entry.object_id()), entry.mode().is_tree())))
    }

    /// The direct entries of a tree: name, object name.
    pub fn tree_entries(&self, tree: Oid) -> Result<Vec<(Vec<u8>, Oid)>> {
        self.reading(|| format!("{tree}^{{tree}}"), || self.entries_here(tree))
    }

    fn entries_here(&self, tree: Oid) -> Result<Vec<(Vec<u8>, Oid)>> {
        let object = self.gix.find_object(tree.0).with_context(|| format!("could not read {tree}"))?;
        let tree = object.peel_to_tree().context("this is no tree")?;
        let mut list = Vec::new();
        for entry in tree.iter() {
            let entry = entry.context("could not read a tree")?;
            list.push((entry.filename().to_vec(), Oid(entry.object_id())));
        }
        Ok(list)
    }

    /// A tree made from `base` (empty when absent) with blobs put at, or removed from, paths.
    pub fn edit_tree(&self, base: Option<Oid>, changes: &[(Vec<u8>, Option<Oid>)]) -> Result<Oid> {
        let base = base.map_or_else(|| self.gix.empty_tree().id, |id| id.0);
        self.reading(|| base.to_string(), || self.edit_here(base, changes))
    }

    fn edit_here(&self, base: gix::ObjectId, changes: &[(Vec<u8>, Option<Oid>)]) -> Result<Oid> {
        let mut editor = self.gix.edit_tree(base).context("could not edit a tree")?;
        for (path, blob) in changes {
            let path = path.as_bstr();
            match blob {
                Some(blob) => editor.upsert(path, EntryKind::Blob, blob.0).context("could not put a file in a tree")?,
                None => editor.remove(path).context("could not take a file out of a tree")?,
            };
        }
        Ok(Oid(editor.write().context("could not write a tree")?.detach()))
    }

    /// A tree in which these sub-trees and blobs stand directly under their names.
    pub fn write_flat_tree(&self, entries: &[(Vec<u8>, Oid, bool)]) -> Result<Oid> {
        let mut editor = self.gix.empty_tree().edit().context("could not edit a tree")?;
        for (name, id, is_tree) in entries {
            let kind = if *is_tree { EntryKind::Tree } else { EntryKind::Blob };
            editor.upsert(name.as_bstr(), kind, id.0).context("could not put an entry in a tree")?;
        }
        Ok(Oid(editor.write().context("could not write a tree")?.detach()))
    }

    /// The empty tree.
    pub fn empty_tree(&self) -> Result<Oid> {
        self.edit_tree(None, &[])
    }

    /// Writes a commit. It is unreachable until a ref moves to it.
    pub fn write_commit(&self, draft: &CommitDraft) -> Result<Oid> {
        let commit = gix::objs::Commit {
            tree: draft.tree.0,
            parents: draft.parents.iter().map(|parent| parent.0).collect(),
            author: draft.author.to_gix(),
            committer: draft.committer.to_gix(),
            encoding: None,
            message: draft.message.as_str().into(),
            extra_headers: Vec::new(),
        };
        Ok(Oid(self.gix.write_object(&commit).context("could not write a commit")?.detach()))
    }

    /// Writes a commit that git signs, with the key and the program that git is configured for. Author and committer are the user, now.
    pub fn write_signed_commit(&self, draft: &CommitDraft) -> Result<Oid> {
        let parents = draft.parents.iter().flat_map(|parent| ["-p".to_owned(), parent.to_string()]);
        let command = self.git().command(["commit-tree", "-S"]).args(parents).arg(draft.tree.to_string()).stdin(draft.message.as_str());
        command.line().context("could not sign what must be signed")?.parse()
    }
}
