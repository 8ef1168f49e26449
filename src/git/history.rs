//! Questions about the commit graph, and the tree that verdicts rest on.

use super::{CommitDraft, Git, Oid, Repository, Signature};
use crate::failure::Failure;
use anyhow::{Context as _, Result, bail};
use std::collections::HashMap;

/// Where the documents of specs and of archived specs lie in a checkout.
const PLANNING: [&str; 2] = [".chant/specs", ".chant/archive"];

/// True where this is the path of a spec's document; a commit that touches nothing else is planning. Any other file beside them is code.
pub fn is_planning(path: &[u8]) -> bool {
    let below = |dir: &str| path.strip_prefix(dir.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"));
    path.ends_with(DOCUMENT) && PLANNING.into_iter().any(below)
}

const DOCUMENT: &[u8] = b".md";

impl Repository {
    /// True where `ancestor` is `descendant` or one of its ancestors.
    pub fn is_ancestor(&self, ancestor: Oid, descendant: Oid) -> Result<bool> {
        if self.is_near_ancestor(ancestor, descendant) {
            return Ok(true);
        }
        let (a, d) = (ancestor.to_string(), descendant.to_string());
        let output = self.git().command(["merge-base", "--is-ancestor", &a, &d]).run_raw()?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => bail!("could not compare {a} and {d}: {}", String::from_utf8_lossy(&output.stderr).trim()),
        }
    }

    /// Every best common ancestor of two commits, sorted; none for unrelated histories.
    pub fn merge_bases(&self, a: Oid, b: Oid) -> Result<Vec<Oid>> {
        let output = self.git().command(["merge-base", "--all", &a.to_string(), &b.to_string()]).run_raw()?;
        if !matches!(output.status.code(), Some(0 | 1)) {
            bail!("could not compare {a} and {b}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut list: Vec<Oid> = text.lines().filter_map(Oid::from_hex).collect();
        list.sort();
        Ok(list)
    }

    /// What `git rev-list` prints for these arguments.
    pub fn rev_list(&self, args: &[&str]) -> Result<Vec<Oid>> {
        let text = self.git().command(["rev-list"]).args(args).line()?;
        Ok(text.lines().filter_map(Oid::from_hex).collect())
    }

    /// The commit that a revision written by a person names.
    pub fn resolve_commit(&self, revision: &str) -> Result<Oid> {
        let spec = format!("{revision}^{{commit}}");
        let output = self.git().command(["rev-parse", "--verify", "--quiet", "--end-of-options", &spec]).run_raw()?;
        let found = Oid::from_hex(&String::from_utf8_lossy(&output.stdout));
        let revision = revision.escape_debug();
        Ok(found.ok_or_else(|| Failure::new(format!("'{revision}' names no commit")).hint("see what there is: git log --oneline --all"))?)
    }

    /// The code tree of a commit: its root tree without the documents of specs and archived specs, so that planning changes no verdict.
    pub fn code_tree(&self, commit: Oid) -> Result<Oid> {
        let root = self.entry_at(commit, b"")?.map(|(id, _)| id).context("a commit has a tree")?;
        let mut removals = Vec::new();
        for path in PLANNING {
            if let Some((tree, true)) = self.entry_at(root, path.as_bytes())? {
                let mut documents = Vec::new();
                let all = self.documents(tree, path.as_bytes(), &mut documents)?;
                removals.extend(if all { vec![path.as_bytes().to_vec()] } else { documents });
            }
        }
        let removals: Vec<_> = removals.into_iter().map(|path| (path, None)).collect();
        if removals.is_empty() { Ok(root) } else { self.edit_tree(Some(root), &removals) }
    }

    /// Adds the documents below a tree; true where it holds nothing else. Of a directory that holds nothing else the directory is added.
    fn documents(&self, tree: Oid, below: &[u8], found: &mut Vec<Vec<u8>>) -> Result<bool> {
        let tree = self.gix.find_tree(tree.0).context("could not read a tree")?;
        let is_document = |entry: &gix::object::tree::EntryRef<'_, '_>| entry.mode().is_blob() && entry.filename().ends_with(DOCUMENT);
        // As good as always, and thousands.
        if tree.iter().all(|entry| entry.as_ref().is_ok_and(is_document)) {
            return Ok(true);
        }
        let mut all = true;
        for entry in tree.iter() {
            let entry = entry.context("could not read a tree")?;
            let path = [below, b"/", entry.filename()].concat();
            let mut inner = Vec::new();
            let is_whole = match entry.mode().is_tree() {
                true => self.documents(Oid(entry.object_id()), &path, &mut inner)?,
                false => is_document(&entry),
            };
            all &= is_whole;
            found.extend(if is_whole { vec![path] } else { inner });
        }
        Ok(all)
    }

    /// The paths that each of these commits changes against its first parent (all its files where it has none), from one process at most.
    ///
    /// The raw format is read, in which every path stands behind a line of its own that no path can look like.
    pub fn changed_paths(&self, commits: &[Oid]) -> Result<HashMap<Oid, Vec<Vec<u8>>>> {
        if let Some(near) = self.near_changed_paths(commits) {
            return Ok(near);
        }
        let mut all: HashMap<Oid, Vec<Vec<u8>>> = commits.iter().map(|commit| (*commit, Vec::new())).collect();
        let args = ["diff-tree", "--stdin", "--root", "-r", "-z", "--raw", "--no-renames", "--diff-merges=first-parent"];
        let names = commits.iter().fold(String::new(), |names, commit| names + &commit.to_string() + "\n");
        let output = self.git().command(args).stdin(names).output()?;
        let mut fields = output.split(|&byte| byte == 0).filter(|field| !field.is_empty());
        let mut current = None;
        while let Some(field) = fields.next() {
            if field.starts_with(b":") {
                let path = fields.next().context("git diff-tree named no path")?;
                let paths = current.and_then(|commit| all.get_mut(&commit)).context("git diff-tree named no commit")?;
                paths.push(path.to_vec());
            } else {
                // A merge is named with its parent behind: "<commit> (from <parent>)".
                current = std::str::from_utf8(field).ok().and_then(|name| Oid::from_hex(name.split(' ').next()?));
            }
        }
        Ok(all)
    }

    /// The blobs that a path held on the way to what it is at `tip`, newest first, with the commits that put them there. A merge that
    /// took one side's blob is passed by on that side; one that made a blob of its own goes on with its first parent.
    pub fn path_history(&self, tip: Oid, path: &str) -> Result<Vec<(Oid, Oid)>> {
        let tip = tip.to_string();
        let args =
            ["log", "--format=%x00%H %P", "--parents", "--raw", "--no-abbrev", "--no-renames", "-m", "--topo-order", &tip, "--", path];
        let text = self.git().command(args).line()?;
        let (mut steps, mut first) = (HashMap::new(), None);
        for record in text.split('\0').skip(1) {
            let mut lines = record.lines().filter(|line| !line.is_empty());
            let mut commits = lines.next().unwrap_or_default().split(' ').filter_map(Oid::from_hex);
            let Some(commit) = commits.next() else { continue };
            first = first.or(Some(commit));
            // ":100644 100644 <old> <new> M\tpath"
            let blob = lines.next().and_then(|raw| raw.split(' ').nth(3)).and_then(Oid::from_hex);
            // A merge has a record for each parent that it differs from.
            let step = steps.entry(commit).or_insert_with(|| (blob, commits.collect::<Vec<_>>()));
            step.0 = step.0.or(blob);
        }
        let mut list = Vec::new();
        while let Some((commit, (blob, parents))) = first.and_then(|commit| Some((commit, steps.remove(&commit)?))) {
            let taken = parents.iter().filter(|_| parents.len() > 1).find(|parent| steps.get(*parent).is_some_and(|step| step.0 == blob));
            if taken.is_none() {
                list.extend(blob.map(|blob| (commit, blob)));
            }
            first = taken.or(parents.first()).copied();
        }
        Ok(list)
    }
}

/// What git makes of two commits, without a checkout.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedTree {
    /// The tree; files in conflict hold git's markers.
    pub tree: Oid,
    /// The files in conflict.
    pub conflicts: Vec<String>,
}

/// What became of a merge without a checkout.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeCommit {
    /// The merge, with both as its parents.
    Made(Oid),
    /// The files in conflict.
    Conflicts(Vec<String>),
}

impl Repository {
    /// Merges two commits into a tree. No checkout is touched, and no ref.
    pub fn merge_tree(&self, ours: Oid, theirs: Oid) -> Result<MergedTree> {
        let (ours, theirs) = (ours.to_string(), theirs.to_string());
        let output = self.git().command(["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", &ours, &theirs]).run_raw()?;
        let mut parts = output.stdout.split(|&byte| byte == 0).map(|part| String::from_utf8_lossy(part).into_owned());
        let tree = parts.next().and_then(|hex| Oid::from_hex(&hex));
        match (output.status.code(), tree) {
            (Some(0), Some(tree)) => Ok(MergedTree { tree, conflicts: Vec::new() }),
            (Some(1), Some(tree)) => Ok(MergedTree { tree, conflicts: parts.filter(|part| !part.is_empty()).collect() }),
            _ => bail!("could not merge: {}", String::from_utf8_lossy(&output.stderr).trim()),
        }
    }

    /// Merges one commit into another. No checkout is touched, and no ref; signed where git signs commits.
    pub fn merge_commit(&self, current: Oid, tip: Oid, message: &str) -> Result<MergeCommit> {
        let merged = self.merge_tree(current, tip)?;
        if !merged.conflicts.is_empty() {
            return Ok(MergeCommit::Conflicts(merged.conflicts));
        }
        let (author, committer) = (self.author()?, self.committer()?);
        let draft = CommitDraft { tree: merged.tree, parents: vec![current, tip], message: message.to_owned(), author, committer };
        let signs = self.config_bool("commit.gpgSign", false);
        Ok(MergeCommit::Made(if signs { self.write_signed_commit(&draft)? } else { self.write_commit(&draft)? }))
    }

    /// True where git itself believes the signature of a commit: `git verify-commit`, with the keys and allowed signers that git has.
    pub fn has_good_signature(&self, commit: Oid) -> Result<bool> {
        self.git().command(["verify-commit", &commit.to_string()]).succeeds()
    }

    /// The code that git makes of two commits; `None` where that is in conflict, or they have nothing in common. Spec files are merged by a
    /// driver that not every repository has, and are not the work.
    pub fn merged_code(&self, ours: Oid, theirs: Oid) -> Result<Option<Oid>> {
        if self.merge_bases(ours, theirs)?.is_empty() {
            return Ok(None);
        }
        let merged = self.merge_tree(ours, theirs)?;
        let clean = merged.conflicts.iter().all(|path| is_planning(path.as_bytes()));
        clean.then(|| self.code_tree(merged.tree)).transpose()
    }

    /// The code of `onto` with what leads from one commit to another, as a cherry-pick or a revert makes it; `None` where that conflicts.
    pub fn carried_code(&self, from: Oid, to: Oid, onto: Oid) -> Result<Option<Oid>> {
        // `git merge-tree --merge-base` is younger than the oldest git that is good enough.
        let nobody = Signature { name: "git-chant".to_owned(), email: String::new(), seconds: 0, offset: 0 };
        let stand_in = |of: Oid, parents: Vec<Oid>| {
            let (author, committer) = (nobody.clone(), nobody.clone());
            self.write_commit(&CommitDraft { tree: self.commit(of)?.tree, parents, message: "stand-in\n".to_owned(), author, committer })
        };
        let base = stand_in(from, Vec::new())?;
        self.merged_code(stand_in(onto, vec![base])?, stand_in(to, vec![base])?)
    }

    /// The stable patch id (`git patch-id --stable`) of going from one commit to another, specs and archive left out; `None` where
    /// nothing changes. It is blind for blanks and for the place in a file: commits that have it in common may be the same change.
    pub fn patch_id(&self, from: Oid, to: Oid) -> Result<Option<String>> {
        let (from, to) = (from.to_string(), to.to_string());
        let args = ["diff-tree", "-r", "-p", "--no-renames", "--full-index", "--binary", &from, &to, "--"];
        let diff = self.git().command(args).args([".", ":(exclude).chant/specs", ":(exclude).chant/archive"]).output()?;
        let text = self.git().command(["patch-id", "--stable"]).stdin(diff).line()?;
        Ok(text.split_whitespace().next().map(str::to_owned))
    }
}

/// Merges two texts as git does, with its marks where both changed the same lines; true where there are none.
pub fn merge_file([ours, theirs]: [&[u8]; 2], base: &[u8]) -> Result<(Vec<u8>, bool)> {
    let dir = tempfile::tempdir().context("could not make a temporary directory")?;
    let names = ["ours", "base", "theirs"].map(|name| dir.path().join(name));
    for (name, text) in names.iter().zip([ours, base, theirs]) {
        std::fs::write(name, text).with_context(|| format!("could not write {}", name.display()))?;
    }
    let labels = ["-L", "ours", "-L", "base", "-L", "theirs"];
    let output = Git::at(".").command(["merge-file", "-p"]).args(labels).args(names).run_raw()?;
    match output.status.code() {
        Some(0) => Ok((output.stdout, true)),
        Some(1..=127) => Ok((output.stdout, false)),
        // What is no text is left to the person as it is here.
        _ => Ok((ours.to_vec(), false)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_git_cannot_compare_is_not_unrelated() {
        let dir = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| Git::at(dir.path()).command(args).line().unwrap();
        git(&["init", "-q"]);
        let who = ["-c", "user.name=Ann", "-c", "user.email=a@x"];
        let tree = git(&["mktree"]);
        let commit = |message| git(&[&who[..], &["commit-tree", "-m", message, &tree]].concat()).parse::<Oid>().unwrap();
        let (one, other) = (commit("one"), commit("other"));
        let repo = Repository::open(dir.path()).unwrap();
        assert_eq!(repo.merge_bases(one, one).unwrap(), [one]);
        assert_eq!(repo.merge_bases(one, other).unwrap(), []);
        assert!(repo.merge_bases(one, "12".repeat(20).parse().unwrap()).is_err());
    }
}
