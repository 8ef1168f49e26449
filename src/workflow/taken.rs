//! How a result holds a spec's work: as its own commits, or in others that do the same; and what comes in with it that is none of it.

use super::judge::{Asked, View, run_branches};
use crate::context::Context;
use crate::gate::{self, Incoming, IncomingCommit, IncomingHead};
use crate::git::Oid;
use crate::spec::Facts;
use crate::store::Spec;
use anyhow::Result;
use std::collections::{HashMap, HashSet};

/// Work that the result holds in other commits.
pub(super) struct TakenOver {
    /// The work tip that its finish recorded.
    pub(super) tip: Oid,
    /// What does the same.
    pub(super) by: By,
}

/// What does just what a spec's whole work does.
#[derive(PartialEq, Eq)]
pub(super) enum By {
    /// All that comes in (a rebase).
    Everything,
    /// One commit that names the spec (a squash).
    Commit(String),
}

/// Finds what does the work of `tip`, where that itself does not come in: it holds just the code that git makes of merging the work there.
pub(super) fn over(ctx: &Context, id: &str, tip: Oid, incoming: &Incoming, asked: &Asked) -> Result<Option<By>> {
    let Some(current) = asked.current.filter(|_| ctx.repo.has_object(tip)) else { return Ok(None) };
    let Some(base) = ctx.repo.merge_bases(tip, current)?.first().copied() else { return Ok(None) };
    if ctx.repo.code_tree(base)? == ctx.repo.code_tree(tip)? {
        return Ok(None);
    }
    let does_it = |from: Oid, to: Oid| Ok::<_, anyhow::Error>(ctx.repo.merged_code(from, tip)? == Some(ctx.repo.code_tree(to)?));
    for (head, _) in &asked.heads {
        let from = ctx.repo.merge_bases(*head, current)?.first().copied();
        if let Some(from) = from.filter(|from| from != head)
            && does_it(from, *head)?
        {
            return Ok(Some(By::Everything));
        }
    }
    for commit in incoming.commits.iter().filter(|commit| gate::implemented(commit).iter().any(|named| named == id)) {
        if let ([parent], Some(own)) = (&commit.parents[..], Oid::from_hex(&commit.id))
            && let Some(parent) = Oid::from_hex(parent)
            && does_it(parent, own)?
        {
            return Ok(Some(By::Commit(commit.id.clone())));
        }
    }
    Ok(None)
}

/// What comes in without a name where it leaves just the code of a run's branch: a squash by hand, or by a program that runs no hooks.
pub(super) fn in_other_words(ctx: &Context, asked: &Asked, commits: &[IncomingCommit]) -> Result<Vec<IncomingHead>> {
    let exempt = |commit: &IncomingCommit| commit.planning_only || commit.revert_ok || commit.clean_merge;
    let nameless = commits.iter().any(|commit| !exempt(commit) && gate::implemented(commit).is_empty());
    let (true, Some(current), [(head, _)]) = (nameless, asked.current, &asked.heads[..]) else { return Ok(Vec::new()) };
    let (before, after) = (ctx.repo.root_code(current), ctx.repo.root_code(*head));
    let mut found = Vec::new();
    if before == after || after.is_none() {
        return Ok(found);
    }
    for (branch, tip) in run_branches(ctx)? {
        if tip == *head || ctx.repo.root_code(tip) != after {
            continue;
        }
        // A branch on which nothing is done yet looks like what it began on, to which somebody may go back.
        let began = ctx.repo.merge_bases(tip, current)?.first().copied();
        if began.and_then(|began| ctx.repo.root_code(began)) != after {
            found.push(IncomingHead { commit: head.to_string(), branch: Some(branch) });
        }
    }
    Ok(found)
}

/// The incoming commits of a spec that its finish does not know, so that no verdict is about them: put upon its work, or naming it beside
/// work that the target has already. A copy of a commit of the work is the work.
pub(super) fn later(view: &View<'_>, incoming: &Incoming, spec: &Spec, facts: &Facts) -> Result<Vec<String>> {
    let repo = &view.ctx.repo;
    let known = |hex: &str| Oid::from_hex(hex).filter(|id| repo.has_object(*id));
    let own: HashSet<&str> = gate::belonging(incoming, spec.id.as_str()).into_iter().collect();
    let finish = facts.finish.as_ref();
    let Some(tip) = finish.and_then(|finish| known(&finish.tip)).filter(|_| !own.is_empty()) else { return Ok(Vec::new()) };
    let taken = view.taken_over.iter().find(|taken| taken.tip == tip).map(|taken| &taken.by);
    let mut later = Vec::new();
    for (head, _) in &view.asked.heads {
        let tree = repo.code_tree(*head)?.to_string();
        if *head == tip || taken == Some(&By::Everything) || finish.is_some_and(|finish| finish.code_tree == tree) {
            continue;
        }
        let mut args = vec![head.to_string(), "--not".to_owned(), tip.to_string()];
        args.extend(view.taken_over.iter().map(|taken| taken.tip.to_string()));
        args.extend(facts.marked.iter().filter_map(|marked| known(marked)).map(|marked| marked.to_string()));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        later.extend(repo.rev_list(&args)?.iter().map(ToString::to_string).filter(|commit| own.contains(commit.as_str())));
    }
    later.retain(|commit| !matches!(taken, Some(By::Commit(squash)) if squash == commit));
    let began = facts.start.as_ref().and_then(|start| known(&start.base));
    if later.is_empty() { Ok(later) } else { without_copies(view.ctx, later, tip, began) }
}

/// Those commits that do something which no commit of the work does by itself.
fn without_copies(ctx: &Context, commits: Vec<String>, tip: Oid, began: Option<Oid>) -> Result<Vec<String>> {
    let patch = |id: Oid| match ctx.repo.commit(id)?.parents[..] {
        [parent] => Ok(ctx.repo.patch_id(parent, id)?.map(|patch| (patch, parent))),
        _ => Ok::<_, anyhow::Error>(None),
    };
    let Some(began) = began else { return Ok(commits) };
    let mut work: HashMap<String, Vec<(Oid, Oid)>> = HashMap::new();
    for own in ctx.repo.rev_list(&["--no-merges", &format!("{began}..{tip}")])? {
        if let Some((patch, parent)) = patch(own)? {
            work.entry(patch).or_default().push((parent, own));
        }
    }
    let is_copy = |id: Oid| {
        let Some((patch, parent)) = patch(id)? else { return Ok(false) };
        let code = Some(ctx.repo.code_tree(id)?);
        for (from, to) in work.get(&patch).into_iter().flatten() {
            if ctx.repo.carried_code(*from, *to, parent)? == code {
                return Ok(true);
            }
        }
        Ok::<_, anyhow::Error>(false)
    };
    let mut rest = Vec::new();
    for commit in commits {
        let copied = Oid::from_hex(&commit).map(is_copy).transpose()?.unwrap_or_default();
        rest.extend((!copied).then_some(commit));
    }
    Ok(rest)
}
