//! The worktrees that git-chant made, and taking them away where nothing is lost by it: the branch stays, and with it the work.

use super::finish::{in_the_way, take_away};
use super::plan::worktrees_dir;
use super::{recover, start};
use crate::agent::Liveness;
use crate::context::Context;
use crate::failure::Failure;
use crate::git::worktrees::Worktree;
use crate::spec::words::listed;
use crate::spec::{SpecId, Status};
use anyhow::Result;
use std::path::PathBuf;

/// A worktree of ours.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Whose work is in it.
    pub id: SpecId,
    /// Where it is.
    pub path: PathBuf,
    /// How the spec stands; nothing for one that is not here any more.
    pub status: Option<Status>,
    /// A run is on in it.
    pub busy: bool,
}

impl Tree {
    /// In one word: the spec's status, or `running`.
    pub fn state(&self) -> &'static str {
        if self.busy { "running" } else { self.status.map_or("archived", Status::as_str) }
    }
}

/// The worktrees that git knows, that lie where ours lie and have a spec's branch checked out, by id. Others are not ours to touch.
pub fn worktrees(ctx: &Context) -> Result<Vec<Tree>> {
    let dir = worktrees_dir(&ctx.repo);
    let dir = dir.canonicalize().unwrap_or(dir);
    let mut list = Vec::new();
    for tree in ctx.repo.worktrees()? {
        let Some(id) = owner(&tree).filter(|_| tree.path.parent() == Some(dir.as_path())) else { continue };
        let status = ctx.store().load(&id)?.map(|spec| spec.event.status);
        let busy = recover::run_of(ctx, &id)?.is_some_and(|run| run.liveness() != Liveness::Dead);
        list.push(Tree { id, path: tree.path, status, busy });
    }
    list.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(list)
}

fn owner(tree: &Worktree) -> Option<SpecId> {
    let name = tree.branch.as_deref()?.strip_prefix("refs/heads/chant/")?;
    SpecId::parse(name).ok().filter(|_| !tree.prunable)
}

/// Why a worktree stays.
pub fn why_not(ctx: &Context, tree: &Tree) -> Result<Option<String>> {
    if tree.busy {
        return Ok(Some("a run is on in it".to_owned()));
    }
    if tree.status == Some(Status::InProgress) {
        return Ok(Some(format!("its run died; go on with: git chant resume {}", tree.id)));
    }
    let lost = in_the_way(ctx, &tree.path)?;
    let names: Vec<&str> = lost.iter().map(|entry| entry.trim_start_matches(['!', '?', ' ', 'M', 'A', 'D'])).collect();
    Ok((!lost.is_empty()).then(|| format!("no commit holds {}", listed(&names, 3))))
}

/// Removes a worktree; refused where something would be lost.
pub fn remove(ctx: &Context, tree: &Tree) -> Result<()> {
    // Nobody starts a run in it meanwhile.
    let _lock = start::lock(ctx, &tree.id)?;
    if let Some(reason) = why_not(ctx, tree)? {
        return Err(Failure::new(format!("{} stays: {reason}", tree.path.display()))
            .hint(format!("look at it: git -C '{}' status --ignored", tree.path.display()))
            .into());
    }
    take_away(ctx, &tree.path)
}
