//! Short answers about the commit graph without starting git: a hook runs for every commit, and most commits are one beside the last. What
//! is not seen at once is `None`, and git's own to answer.

use super::{Oid, Repository};
use std::collections::{BTreeMap, HashMap};

/// How many commits are looked at.
const NEAR: usize = 64;

/// The entries of a tree: name, mode, object.
type Entries = BTreeMap<Vec<u8>, (gix::objs::tree::EntryMode, Oid)>;

/// How far back a reflog is read.
const REFLOG: usize = 500;

impl Repository {
    /// What a ref was, newest first, as its reflog tells it; nothing where there is none.
    pub fn reflog(&self, name: &str) -> Vec<Oid> {
        if self.reftable() {
            let most = format!("-n{REFLOG}");
            let text = self.git().command(["log", "-g", &most, "--format=%H", name, "--"]).line().unwrap_or_default();
            return text.lines().filter_map(Oid::from_hex).collect();
        }
        let Ok(Some(reference)) = self.gix.try_find_reference(name) else { return Vec::new() };
        let mut log = reference.log_iter();
        let Ok(Some(lines)) = log.rev() else { return Vec::new() };
        lines.take(REFLOG).filter_map(|line| Some(Oid(line.ok()?.new_oid)).filter(|id| !id.0.is_null())).collect()
    }

    /// The commits of `head` that neither `base` nor any of `others` has, newest first, where they are one line without merges upon `base`.
    pub fn line_upon(&self, base: Oid, head: Oid, others: &[Oid]) -> Option<Vec<Oid>> {
        let (mut line, mut at) = (Vec::new(), head);
        while at != base {
            let [parent] = self.commit(at).ok()?.parents[..] else { return None };
            line.push(at);
            if line.len() > NEAR {
                return None;
            }
            at = parent;
        }
        let mut kept = line.len();
        for other in others {
            match line.iter().position(|commit| commit == other) {
                Some(place) => kept = kept.min(place),
                // Behind the base it has nothing of the line.
                None if self.is_near_ancestor(*other, base) => {}
                None => return None,
            }
        }
        line.truncate(kept);
        Some(line)
    }

    /// True where a few steps lead from `descendant` to `ancestor`. False says nothing.
    pub(super) fn is_near_ancestor(&self, ancestor: Oid, descendant: Oid) -> bool {
        let mut open = vec![descendant];
        let mut next = 0;
        while let Some(&commit) = open.get(next).filter(|_| next < NEAR) {
            if commit == ancestor {
                return true;
            }
            let parents = self.commit(commit).map(|commit| commit.parents).unwrap_or_default();
            open.extend(parents.into_iter().filter(|parent| !open.contains(parent)).collect::<Vec<_>>());
            next += 1;
        }
        false
    }

    /// What [`Repository::changed_paths`] says, for a few commits whose trees are here.
    pub(super) fn near_changed_paths(&self, commits: &[Oid]) -> Option<HashMap<Oid, Vec<Vec<u8>>>> {
        if commits.len() > NEAR {
            return None;
        }
        let paths = |commit: &Oid| {
            let commit = self.commit(*commit).ok()?;
            let before = match commit.parents.first() {
                Some(parent) => Some(self.commit(*parent).ok()?.tree),
                None => None,
            };
            let mut paths = Vec::new();
            self.compare_trees(before, Some(commit.tree), b"", &mut paths)?;
            Some((commit.id, paths))
        };
        commits.iter().map(paths).collect()
    }

    /// What a commit has at its top but `.chant`: enough to tell that the code of two commits differs. `None` where its tree is not here, as
    /// in a clone that has no trees but those that were checked out.
    pub fn root_code(&self, commit: Oid) -> Option<BTreeMap<Vec<u8>, Oid>> {
        let tree = self.gix.find_tree(self.commit(commit).ok()?.tree.0).ok()?;
        let entries = tree.iter().map(|entry| entry.map(|entry| (entry.filename().to_vec(), Oid(entry.object_id()))));
        let mut entries = entries.collect::<Result<BTreeMap<_, _>, _>>().ok()?;
        entries.remove(&b".chant"[..]);
        Some(entries)
    }

    /// Adds the paths of all files that differ between two trees; `None` where one cannot be read.
    fn compare_trees(&self, old: Option<Oid>, new: Option<Oid>, below: &[u8], paths: &mut Vec<Vec<u8>>) -> Option<()> {
        if old == new {
            return Some(());
        }
        let (mut before, after) = (self.entries(old)?, self.entries(new)?);
        let mut pairs: Vec<_> = after.into_iter().map(|(name, now)| (before.remove(&name), Some(now), name)).collect();
        pairs.extend(before.into_iter().map(|(name, was)| (Some(was), None, name)));
        for (was, now, name) in pairs.into_iter().filter(|(was, now, _)| was != now) {
            let path = [below, &name].concat();
            let tree = |entry: Option<(gix::objs::tree::EntryMode, Oid)>| entry.filter(|(mode, _)| mode.is_tree()).map(|(_, id)| id);
            self.compare_trees(tree(was), tree(now), &[&path[..], b"/"].concat(), paths)?;
            if [was, now].into_iter().flatten().any(|(mode, _)| !mode.is_tree()) {
                paths.push(path);
            }
        }
        Some(())
    }

    fn entries(&self, tree: Option<Oid>) -> Option<Entries> {
        let Some(tree) = tree else { return Some(Entries::new()) };
        let tree = self.gix.find_tree(tree.0).ok()?;
        let entry = |entry: gix::object::tree::EntryRef<'_, '_>| (entry.filename().to_vec(), (entry.mode(), Oid(entry.object_id())));
        tree.iter().map(|found| found.ok().map(entry)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn git(dir: &Path, args: &[&str]) -> String {
        super::super::Git::at(dir).command(args).env("GIT_CONFIG_GLOBAL", "/dev/null").line().expect("git")
    }

    fn commit(dir: &Path, files: &[(&str, Option<&str>)], message: &str) -> Oid {
        for (path, text) in files {
            let path = dir.join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            match text {
                Some(text) => std::fs::write(path, text).expect("written"),
                None => {
                    std::fs::remove_file(&path).expect("removed");
                    // A directory that is empty goes too.
                    drop(std::fs::remove_dir(path.parent().expect("a parent")));
                }
            }
        }
        git(dir, &["add", "-A"]);
        git(dir, &["-c", "user.name=Ann", "-c", "user.email=a@x", "commit", "-q", "--allow-empty", "-m", message]);
        git(dir, &["rev-parse", "HEAD"]).parse().expect("a name")
    }

    #[test]
    fn near_answers_are_those_of_git() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path();
        git(dir, &["init", "-q", "-b", "main"]);
        let first = commit(dir, &[("a", Some("1")), ("d/e/f", Some("1")), ("d/g", Some("1"))], "one");
        let second = commit(dir, &[("d/e/f", Some("2")), ("x", Some("1"))], "two");
        // A directory becomes a file, and a file a directory.
        let third = commit(dir, &[("d/e/f", None), ("x", None), ("x/y/z", Some("1"))], "three");
        let fourth = commit(dir, &[], "nothing");
        git(dir, &["switch", "-q", "-c", "side", &second.to_string()]);
        let side = commit(dir, &[("d/e/f", None), ("d/e", Some("file")), ("h", Some("1"))], "side");
        git(dir, &["-c", "user.name=Ann", "-c", "user.email=a@x", "merge", "-q", "-s", "ours", "-m", "merge", "main"]);
        let merge: Oid = git(dir, &["rev-parse", "HEAD"]).parse().expect("a name");
        let repo = Repository::open(dir).expect("opened");
        let all = [first, second, third, fourth, side, merge];
        let near = repo.near_changed_paths(&all).expect("all is here");
        for commit in all {
            let mut paths = near[&commit].clone();
            paths.sort();
            let args = [
                "diff-tree",
                "--root",
                "--no-commit-id",
                "--name-only",
                "-r",
                "--no-renames",
                "--diff-merges=first-parent",
                &commit.to_string(),
            ];
            let mut said: Vec<_> = git(dir, &args).lines().map(|line| line.as_bytes().to_vec()).collect();
            said.sort();
            assert_eq!(paths, said, "{commit}");
        }
        assert_eq!(repo.line_upon(first, fourth, &[]), Some(vec![fourth, third, second]));
        assert_eq!(repo.line_upon(second, fourth, &[first]), Some(vec![fourth, third]), "a remote that is behind");
        assert_eq!(repo.line_upon(first, fourth, &[third]), Some(vec![fourth]), "a remote that has some of it");
        assert_eq!(repo.line_upon(first, fourth, &[fourth, second]), Some(vec![]));
        assert_eq!(repo.line_upon(first, fourth, &[side]), None, "a remote that is elsewhere");
        assert_eq!(repo.line_upon(first, merge, &[]), None);
        assert_eq!(repo.line_upon(side, fourth, &[]), None);
        assert!(repo.is_near_ancestor(first, merge) && !repo.is_near_ancestor(merge, first));
    }
}
