//! Which way leads to a remote: its own `refs/chant`, or, where a host takes branches only, one branch that holds the same.

use super::Store;
pub use super::state_branch::BRANCH;
use super::state_branch::{BranchTransport, unpack, unpack_once};
use super::sync::{GitTransport, Transport};
use crate::failure::Failure;
use crate::git::{PushRef, Pushed, Repository};
use crate::settings;
use anyhow::Result;

/// The way to a remote that this clone is configured for (`chant.transport`), or the one that others have gone before. `more` are
/// refspecs that are fetched too.
pub fn transport<'r>(repo: &'r Repository, remote: &str, more: &[String]) -> Result<Box<dyn Transport + 'r>> {
    // What says nothing must not share with a remote what was meant for another way.
    let said = repo.config(KEY).filter(|text| !text.is_empty());
    if let Some(fault) = said.and_then(|text| settings::fault(KEY, &text)) {
        return Err(Failure::from(fault).hint("git config chant.transport branch").into());
    }
    if is_branch(repo, remote) {
        return Ok(Box::new(BranchTransport::new(repo, remote, more)));
    }
    let mut git = GitTransport::new(repo, remote);
    for refspec in more {
        git = git.also(refspec.clone());
    }
    if is_tracked(repo, remote) {
        let git = git.also(branch_refspec(remote));
        return Ok(Box::new(MovedBack { git, repo, beside: format!("{remote}.branch") }));
    }
    if repo.config(KEY).is_some_and(|text| !text.is_empty()) {
        return Ok(Box::new(git));
    }
    let git = git.looking_for(branch_refspec(remote));
    Ok(Box::new(Undecided { git, repo, more: more.to_vec(), beside: format!("{remote}.refs") }))
}

/// The setting.
const KEY: &str = "chant.transport";

/// True where the remote was seen to have the branch, and it is not somebody else's of that name.
fn is_tracked(repo: &Repository, remote: &str) -> bool {
    let tip = repo.reference(&tracking(remote)).ok().flatten();
    tip.is_some_and(|tip| repo.entry_at(tip, b"index").is_ok_and(|index| index.is_some_and(|(_, is_dir)| !is_dir)))
}

/// What brings the branch, and takes our memory of it away where there is none. A name alone would fail then.
pub(super) fn branch_refspec(remote: &str) -> String {
    format!("+refs/heads/{BRANCH}*:{}*", tracking(remote))
}

/// True where the way is a branch: as configured, else where the remote has one.
pub fn is_branch(repo: &Repository, remote: &str) -> bool {
    match repo.config(KEY).as_deref() {
        Some("branch") => true,
        None | Some("") => is_tracked(repo, remote),
        Some(_) => false,
    }
}

/// Where git itself remembers a remote's branch.
pub(super) fn tracking(remote: &str) -> String {
    format!("refs/remotes/{remote}/{BRANCH}")
}

/// What a plain `git fetch` has brought on the branch is made visible, as it does itself where refs are the way.
pub fn look_at_branch(store: &Store<'_>, remote: &str) -> Result<()> {
    if is_branch(store.repo, remote) {
        unpack_once(store.repo, remote)?;
    }
    Ok(())
}

/// Nobody said which way, and the remote was not seen to have the branch: a clone of one branch alone, or from before there was one. The
/// first fetch that brings it decides.
struct Undecided<'r> {
    git: GitTransport<'r>,
    repo: &'r Repository,
    more: Vec<String>,
    beside: String,
}

impl Undecided<'_> {
    fn by_branch(&self) -> Option<BranchTransport<'_>> {
        is_tracked(self.repo, self.remote()).then(|| BranchTransport::new(self.repo, self.remote(), &self.more))
    }
}

impl Transport for Undecided<'_> {
    fn remote(&self) -> &str {
        self.git.remote()
    }

    fn beside(&self) -> Option<&str> {
        self.by_branch().map(|_| self.beside.as_str())
    }

    fn fetch(&self) -> Result<()> {
        if self.by_branch().is_none() {
            self.git.fetch()?;
        }
        self.by_branch().map_or(Ok(()), |branch| branch.fetch())
    }

    fn push(&self, refs: &[PushRef]) -> Result<Pushed> {
        match self.by_branch() {
            Some(branch) => branch.push(refs),
            None => self.git.push(refs),
        }
    }
}

/// Refs again, at a remote that has the branch still: what others left there is taken in too.
struct MovedBack<'r> {
    git: GitTransport<'r>,
    repo: &'r Repository,
    beside: String,
}

impl Transport for MovedBack<'_> {
    fn remote(&self) -> &str {
        self.git.remote()
    }

    fn beside(&self) -> Option<&str> {
        Some(&self.beside)
    }

    fn fetch(&self) -> Result<()> {
        self.git.fetch()?;
        unpack(self.repo, self.remote(), &self.beside)
    }

    fn push(&self, refs: &[PushRef]) -> Result<Pushed> {
        self.git.push(refs)
    }
}
