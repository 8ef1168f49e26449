//! The branch `chant-state`, for hosts that take branches only: one commit holds what `refs/chant/*` and the notes would.
//!
//! Its tree has `index`, one line a ref (`name TAB commit`), and `specs/<id>.md` for people who look at the branch on their host. Its
//! parents are the state before and every commit that changed, so that whoever has the branch has everything.

use super::Store;
use super::archive::MOST_PARENTS;
use super::notes::NOTES_REF;
use super::sync::{SEEN_REFS, Transport, seen_name, seen_notes};
use super::transport::{branch_refspec, tracking};
use crate::failure::Failure;
use crate::git::{CommitDraft, Oid, PushIf, PushRef, Pushed, RefChange, RefUpdate, Refused, Repository};
use crate::spec::SpecId;
use anyhow::Result;
use std::collections::BTreeMap;
use std::time::Duration;

/// The branch, without `refs/heads/`.
pub const BRANCH: &str = "chant-state";
/// How often a push is made anew because somebody else's was first. Every try that fails is one of theirs that took.
const TRIES: u64 = 60;

/// What a state names: refs, by their full names.
type Index = BTreeMap<String, Oid>;

/// The way that is one branch.
pub(super) struct BranchTransport<'r> {
    repo: &'r Repository,
    remote: String,
    beside: String,
    more: Vec<String>,
}

impl<'r> BranchTransport<'r> {
    pub(super) fn new(repo: &'r Repository, remote: &str, more: &[String]) -> Self {
        Self { repo, remote: remote.to_owned(), beside: format!("{remote}.refs"), more: more.to_vec() }
    }

    /// The state as it was last fetched, with these refs moved; the refs whose condition does not hold, where there are any.
    fn next(&self, base: Option<Oid>, refs: &[PushRef]) -> Result<Result<Oid, Vec<Refused>>> {
        let mut index = base.map(|base| read(self.repo, base)).transpose()?.unwrap_or_default();
        let store = Store::new(self.repo);
        let refused: Vec<Refused> = refs
            .iter()
            .filter(|to| !may_move(&store, index.get(&to.name).copied(), to))
            .map(|to| Refused { name: to.name.clone(), why: "stale info".to_owned(), by_remote: false })
            .collect();
        if !refused.is_empty() {
            return Ok(Err(refused));
        }
        let mut entries = Vec::new();
        for to in refs {
            if let Some(id) = to.name.strip_prefix(super::SPEC_REFS) {
                let document = to.new.map(|tip| self.repo.entry_at(tip, b"spec.md")).transpose()?.flatten();
                entries.push((format!("specs/{id}.md").into_bytes(), document.map(|(blob, _)| blob)));
            }
            match to.new {
                Some(tip) => drop(index.insert(to.name.clone(), tip)),
                None => drop(index.remove(&to.name)),
            }
        }
        let lines: String = index.iter().map(|(name, tip)| format!("{name}\t{tip}\n")).collect();
        entries.push((b"index".to_vec(), Some(self.repo.write_blob(lines.as_bytes())?)));
        let tree = base.map(|base| self.repo.commit(base)).transpose()?.map(|commit| commit.tree);
        self.commit(base, self.repo.edit_tree(tree, &entries)?, refs).map(Ok)
    }

    /// One commit a thousand tips, each on the one before.
    fn commit(&self, base: Option<Oid>, tree: Oid, refs: &[PushRef]) -> Result<Oid> {
        let tips: Vec<Oid> = refs.iter().filter_map(|to| to.new).collect();
        let who = self.repo.committer()?;
        let (mut last, mut chunks) = (base, tips.chunks(MOST_PARENTS));
        loop {
            let chunk = chunks.next().unwrap_or_default();
            let parents = last.into_iter().chain(chunk.iter().copied()).collect();
            let message = format!("state: {} refs\n\nMade by git chant push; the specs themselves are its parents.\n", refs.len());
            let draft = CommitDraft { tree, parents, message, author: who.clone(), committer: who.clone() };
            let commit = self.repo.write_commit(&draft)?;
            if chunks.len() == 0 {
                return Ok(commit);
            }
            last = Some(commit);
        }
    }

    fn fetch_branch(&self) -> Result<()> {
        let mut all = vec![
            branch_refspec(&self.remote),
            // What came before the branch, or comes from clones that do without.
            format!("+refs/chant/*:{SEEN_REFS}{}/*", self.beside),
        ];
        all.extend(self.more.iter().cloned());
        self.repo.fetch(&self.remote, &all)
    }
}

impl Transport for BranchTransport<'_> {
    fn remote(&self) -> &str {
        &self.remote
    }

    fn beside(&self) -> Option<&str> {
        Some(&self.beside)
    }

    fn fetch(&self) -> Result<()> {
        self.fetch_branch()?;
        unpack(self.repo, &self.remote, &self.remote)
    }

    fn push(&self, refs: &[PushRef]) -> Result<Pushed> {
        let is_ours = |to: &PushRef| to.name.starts_with("refs/chant/") || to.name == NOTES_REF;
        let (ours, others): (Vec<PushRef>, Vec<PushRef>) = refs.iter().cloned().partition(is_ours);
        if ours.is_empty() {
            return self.repo.push(&self.remote, &others);
        }
        let mut tries = 0;
        loop {
            let base = self.repo.reference(&tracking(&self.remote))?;
            let next = match self.next(base, &ours)? {
                Ok(next) => next,
                Err(refused) => return Ok(Pushed::Refused(refused)),
            };
            let state = PushRef { name: format!("refs/heads/{BRANCH}"), new: Some(next), only: PushIf::Holds(base) };
            let all: Vec<PushRef> = [state].into_iter().chain(others.iter().cloned()).collect();
            let refused = match self.repo.push(&self.remote, &all)? {
                Pushed::Done => {
                    // A clone of one branch does not track this one by itself.
                    let seen = RefChange::new(tracking(&self.remote), base, Some(next));
                    return match self.repo.update_refs(&[seen], "chant: push")? {
                        RefUpdate::Done | RefUpdate::Lost => Ok(Pushed::Done),
                    };
                }
                Pushed::Refused(refused) => refused,
            };
            tries += 1;
            self.fetch_branch()?;
            if tries == TRIES || (self.repo.reference(&tracking(&self.remote))? == base && tries > 3) {
                return Ok(Pushed::Refused(refused));
            }
            std::thread::sleep(Duration::from_millis(fastrand::u64(5..20 + 5 * tries)));
        }
    }
}

fn may_move(store: &Store<'_>, has: Option<Oid>, to: &PushRef) -> bool {
    match to.only {
        PushIf::Always => true,
        PushIf::Holds(seen) => has == seen,
        PushIf::FastForward => has.is_none_or(|has| to.new.is_some_and(|new| store.reaches(new, has))),
    }
}

/// What a state names. Anybody may have written it: what is no name of ours, or is not there, is passed over.
fn read(repo: &Repository, state: Oid) -> Result<Index> {
    let Some((blob, false)) = repo.entry_at(state, b"index")? else {
        return Err(Failure::new(format!("the remote has a branch {BRANCH} that is none of ours"))
            .hint(format!("rename it there, or, where it was ours once: git push REMOTE --delete {BRANCH}, and: git chant push"))
            .into());
    };
    let text = String::from_utf8_lossy(&repo.blob(blob)?).into_owned();
    let entry = |line: &str| {
        let (name, tip) = line.split_once('\t')?;
        let tip = Oid::from_hex(tip).filter(|tip| is_name(name) && repo.has_object(*tip))?;
        Some((name.to_owned(), tip))
    };
    Ok(text.lines().filter_map(entry).collect())
}

fn is_name(name: &str) -> bool {
    let id = |word: &str| SpecId::parse(word).is_ok();
    match name.strip_prefix("refs/chant/") {
        Some("archive") => true,
        Some(name) => match (name.strip_prefix("specs/"), name.strip_prefix("runs/").and_then(|run| run.split_once('/'))) {
            (Some(spec), _) => id(spec),
            (None, Some((spec, run))) => id(spec) && id(run),
            (None, None) => false,
        },
        None => name == NOTES_REF,
    }
}

/// Puts what a remote's branch names where a fetch of its refs would have, under this remote's name. A ref beside them remembers which
/// state it was; a prune takes it away with them.
pub(super) fn unpack(repo: &Repository, remote: &str, into: &str) -> Result<()> {
    let mark = format!("{SEEN_REFS}{into}/{BRANCH}");
    for _ in 0..20 {
        let state = repo.reference(&tracking(remote))?;
        let named = state.map(|state| read(repo, state)).transpose()?.unwrap_or_default();
        let mut now: Index = named.into_iter().filter_map(|(name, tip)| Some((seen_name(into, &name)?, tip))).collect();
        now.extend(state.map(|state| (mark.clone(), state)));
        let mut was: Index = repo.references(&format!("{SEEN_REFS}{into}/"))?.into_iter().collect();
        let notes = seen_notes(into);
        was.extend(repo.reference(&notes)?.map(|tip| (notes, tip)));
        let gone = was.iter().filter(|(name, _)| !now.contains_key(*name)).map(|(name, tip)| RefChange::new(name, Some(*tip), None));
        let moved = now.iter().filter(|(name, tip)| was.get(*name) != Some(tip));
        let moved = moved.map(|(name, tip)| RefChange::new(name, was.get(name).copied(), Some(*tip)));
        let changes: Vec<RefChange> = gone.chain(moved).collect();
        if repo.update_refs(&changes, "chant: fetch")? == RefUpdate::Done {
            return Ok(());
        }
    }
    // Somebody else fetches here all the while, and unpacks too.
    Ok(())
}

/// The same where it was not done for this state yet.
pub(super) fn unpack_once(repo: &Repository, remote: &str) -> Result<()> {
    let mark = format!("{SEEN_REFS}{remote}/{BRANCH}");
    if repo.reference(&tracking(remote))? == repo.reference(&mark)? {
        return Ok(());
    }
    unpack(repo, remote, remote)
}
