//! The commits that would come into a branch, as the gate sees them.

use super::judge::Asked;
use super::settings;
use crate::context::Context;
use crate::failure::Failure;
use crate::gate::{IncomingCommit, Settings};
use crate::git::Oid;
use crate::git::history::is_planning;
use anyhow::Result;
use std::collections::HashSet;

/// What the branch does not have yet. Commits that a remote's copy of the branch has are published and not judged: else nobody could pull.
pub(super) fn incoming_commits(ctx: &Context, asked: &Asked, settings: &Settings) -> Result<Vec<IncomingCommit>> {
    let upstream = upstream(ctx, asked, settings)?;
    let ids = match one_line(ctx, asked, upstream)? {
        Some(ids) => ids,
        None => all(ctx, asked, upstream)?,
    };
    // What lies behind is not here to be judged.
    let cut = ctx.repo.shallow_commits();
    if ids.iter().any(|id| cut.contains(id)) {
        return Err(Failure::new(format!("this clone is shallow: not all that would come into {} is here", asked.target))
            .hint("git fetch --unshallow")
            .into());
    }
    let mut changed = ctx.repo.changed_paths(&ids)?;
    let coming: HashSet<Oid> = ids.iter().copied().collect();
    let commit = |id: Oid| {
        let mut commit = incoming_commit(ctx, id, &changed.remove(&id).unwrap_or_default())?;
        commit.revert_ok = is_true_revert(ctx, id, &commit, |undone| match asked.current {
            _ if coming.contains(&undone) => Ok(true),
            Some(current) => ctx.repo.is_ancestor(undone, current),
            None => Ok(false),
        })?;
        // Only where every commit needs a spec does it matter what a merge itself does.
        commit.clean_merge = commit.parents.len() > 1 && (!settings.require_spec || is_clean_merge(ctx, id)?);
        Ok(commit)
    };
    ids.iter().copied().map(commit).collect()
}

/// The common case, for which git need not be started: a few commits upon what the branch has.
fn one_line(ctx: &Context, asked: &Asked, upstream: Option<Oid>) -> Result<Option<Vec<Oid>>> {
    let ([(head, _)], Some(current)) = (&asked.heads[..], asked.current) else { return Ok(None) };
    let name = format!("/{}", asked.target);
    let remotes = ctx.repo.references("refs/remotes/")?;
    let own = own_copy(asked);
    let is_published = |remote: &str| remote.ends_with(&name) && Some(remote) != own.as_deref();
    let mut published: Vec<Oid> = remotes.into_iter().filter(|(remote, _)| is_published(remote)).map(|(_, tip)| tip).collect();
    published.extend(upstream);
    Ok(ctx.repo.line_upon(current, *head, &published))
}

/// What stands here for the branch of the remote that is asked itself: anybody here can write it.
fn own_copy(asked: &Asked) -> Option<String> {
    asked.remote.as_ref().filter(|_| asked.current.is_some()).map(|remote| format!("refs/remotes/{remote}/{}", asked.target))
}

/// What the branch follows under another name (a `main` that pulls from `origin/master`), where branches of that name are protected as well:
/// else whatever somebody follows would come in. A remote that is asked itself knows what it has.
fn upstream(ctx: &Context, asked: &Asked, settings: &Settings) -> Result<Option<Oid>> {
    let key = |word: &str| ctx.repo.config(&format!("branch.{}.{word}", asked.target));
    let (None, Some(remote), Some(merge)) = (&asked.remote, key("remote"), key("merge")) else { return Ok(None) };
    match merge.strip_prefix("refs/heads/").filter(|branch| settings.protects(branch)) {
        Some(branch) => ctx.repo.reference(&format!("refs/remotes/{remote}/{branch}")),
        None => Ok(None),
    }
}

fn all(ctx: &Context, asked: &Asked, upstream: Option<Oid>) -> Result<Vec<Oid>> {
    let heads: Vec<String> = asked.heads.iter().map(|(commit, _)| commit.to_string()).collect();
    let current = asked.current.map(|commit| commit.to_string());
    let published = format!("--glob=refs/remotes/*/{}", asked.target);
    let mut args: Vec<&str> = heads.iter().map(String::as_str).collect();
    args.push("--not");
    args.extend(current.as_deref());
    let upstream = upstream.map(|upstream| upstream.to_string());
    args.extend(upstream.as_deref());
    let own = own_copy(asked).map(|own| format!("--exclude={own}"));
    args.extend(own.as_deref());
    args.push(&published);
    let others = if asked.current.is_none() { elsewhere(ctx)? } else { Vec::new() };
    args.extend(others.iter().map(String::as_str));
    ctx.repo.rev_list(&args)
}

/// What protected branches hold was let in there. A branch that begins at one of them brings nothing new.
fn elsewhere(ctx: &Context) -> Result<Vec<String>> {
    let settings = Settings { protected: settings::protected(&ctx.repo)?, ..Settings::default() };
    let mut tips: Vec<String> = Vec::new();
    for (name, tip) in ctx.repo.references("refs/heads/")? {
        tips.extend(settings.protects(&name).then(|| tip.to_string()));
    }
    for (name, tip) in ctx.repo.references("refs/remotes/")? {
        let branch = name.strip_prefix("refs/remotes/").and_then(|name| name.split_once('/'));
        tips.extend(branch.is_some_and(|(_, branch)| settings.protects(branch)).then(|| tip.to_string()));
    }
    Ok(tips)
}

fn incoming_commit(ctx: &Context, id: Oid, paths: &[Vec<u8>]) -> Result<IncomingCommit> {
    let commit = ctx.repo.commit(id)?;
    let below = |path: &[u8], dir: &str| path.starts_with(dir.as_bytes()) && path.get(dir.len()) == Some(&b'/');
    let message = String::from_utf8_lossy(&commit.message).into_owned();
    Ok(IncomingCommit {
        id: id.to_string(),
        parents: commit.parents.iter().map(ToString::to_string).collect(),
        subject: message.lines().next().unwrap_or_default().to_owned(),
        // A merge changes nothing against its first parent where the other side was planning; its message still names what it brings.
        planning_only: commit.parents.len() < 2 && paths.iter().all(|path| is_planning(path)),
        touches_settings: paths.iter().any(|path| path == b".chant/config.md" || below(path, ".chant/prompts")),
        revert_ok: false,
        clean_merge: false,
        message,
    })
}

/// True where the commit says `This reverts commit <oid>.`, changes just what undoing that commit changes, and that commit is in the target
/// or comes in with it: undoing a removal that was made for this, elsewhere, would bring anything in.
fn is_true_revert(ctx: &Context, id: Oid, commit: &IncomingCommit, is_there: impl Fn(Oid) -> Result<bool>) -> Result<bool> {
    let named = commit.message.lines().find_map(|line| line.strip_prefix("This reverts commit "));
    let hex = |text: &str| text.chars().take_while(char::is_ascii_hexdigit).collect::<String>();
    let Some(undone) = named.and_then(|text| Oid::from_hex(&hex(text))).filter(|id| ctx.repo.has_object(*id)) else { return Ok(false) };
    let [parent] = &commit.parents[..] else { return Ok(false) };
    let (Some(parent), Some(before)) = (Oid::from_hex(parent), ctx.repo.commit(undone)?.parents.first().copied()) else { return Ok(false) };
    if !is_there(undone)? {
        return Ok(false);
    }
    let code = ctx.repo.code_tree(id)?;
    Ok(code != ctx.repo.code_tree(parent)? && ctx.repo.carried_code(undone, before, parent)? == Some(code))
}

/// True where a merge of two holds just the code that git makes of its parents: what a person (or an agent) added to it is work like any other.
fn is_clean_merge(ctx: &Context, id: Oid) -> Result<bool> {
    let commit = ctx.repo.commit(id)?;
    let [ours, theirs] = commit.parents[..] else { return Ok(false) };
    Ok(ctx.repo.merged_code(ours, theirs)? == Some(ctx.repo.code_tree(id)?))
}
