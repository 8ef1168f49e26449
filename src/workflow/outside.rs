//! What changed outside of a run's worktree while its agent worked: other checkouts, branches and tags, notes, what git shows in the place of
//! other objects, specs, the stash, the repository's configuration and its hooks, before and after.
//!
//! It is reported, and fails nothing: a person works in the main checkout meanwhile, and nobody can tell the two apart. For the same
//! reason nothing is put back but the run's own spec; what only a branch, a spec or the stash held is kept from gc.

mod hooks;
mod names;

pub use names::put_back;

use super::plan::worktrees_dir;
use crate::agent::{Liveness, RunDir};
use crate::context::Context;
use crate::git::glance::{Glance, Glances};
use crate::git::idle::is_idle;
use crate::git::{Oid, worktrees::Worktree};
use crate::spec::event::one_line;
use crate::spec::words::listed;
use crate::store::SPEC_REFS;
use anyhow::Result;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many paths of a checkout are named.
const NAMED: usize = 8;

/// How many checkouts are looked at together.
const AT_ONCE: usize = 8;

/// How old a look may be when the agent begins.
const MOMENT: Duration = Duration::from_secs(1);

/// Everything outside of a run's worktree, as it was when its agent began.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    checkouts: BTreeMap<PathBuf, Checkout>,
    names: BTreeMap<String, Oid>,
    specs: BTreeMap<String, Oid>,
    stashes: Vec<Oid>,
    config: Vec<u8>,
    hooks: hooks::Hooks,
}

#[derive(Clone, Debug)]
struct Checkout {
    /// What people call it; no path of this machine, because it goes into events.
    name: String,
    /// The last event of the spec that it was made for: another run may begin and end while this one is on.
    event: Option<Oid>,
    glance: Glance,
}

/// What changed, and how to look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// One line, for people and for the run's event.
    pub what: String,
    /// A command to type.
    pub see: String,
}

/// Looks at everything but `own`. What cannot be read is not compared: no run fails for it.
pub fn look(ctx: &Context, own: &Path) -> Outside {
    Looking::begin(ctx, own).end(ctx)
}

/// A look that goes on beside whatever its caller does: git reads every file of every checkout for it.
pub struct Looking {
    since: Instant,
    trees: Vec<Worktree>,
    glances: JoinHandle<Vec<Option<Glance>>>,
}

impl Looking {
    /// Begins to look at everything but `own`.
    pub fn begin(ctx: &Context, own: &Path) -> Self {
        let trees = checkouts(ctx, own).unwrap_or_default();
        let paths: Vec<PathBuf> = trees.iter().map(|tree| tree.path.clone()).collect();
        let (common_dir, shared) = (ctx.repo.common_dir().to_owned(), Arc::clone(&ctx.glances));
        let glances = std::thread::spawn(move || {
            let _quiet = super::merge::quiet(&common_dir, false);
            glances(&shared, &paths)
        });
        Self { since: Instant::now(), trees, glances }
    }

    /// What was seen.
    pub fn end(self, ctx: &Context) -> Outside {
        let glances = self.glances.join().unwrap_or_default();
        let seen = self.trees.iter().zip(glances).filter_map(|(tree, glance)| {
            // A bare repository, or a checkout that went away meanwhile, has none.
            let checkout = Checkout { name: name(ctx, tree), event: event(ctx, tree).ok()?, glance: glance? };
            Some((tree.path.clone(), checkout))
        });
        let checkouts = seen.collect();
        Outside {
            checkouts,
            names: names::look(ctx),
            specs: ctx.repo.references(SPEC_REFS).unwrap_or_default().into_iter().collect(),
            stashes: ctx.repo.stashes().unwrap_or_default(),
            config: ctx.repo.own_config(),
            hooks: hooks::Hooks::look(&ctx.repo),
        }
    }

    /// What was seen, of a moment ago at most, and not before the worktree was set up: what a person or the setup does meanwhile is not the
    /// agent's doing.
    pub fn end_just_now(self, ctx: &Context, own: &Path) -> Outside {
        let is_set_up = ctx.repo.config("chant.worktreeSetup").is_some();
        match is_set_up || self.since.elapsed() > MOMENT {
            true => look(ctx, own),
            false => self.end(ctx),
        }
    }
}

/// Compares with a later look, and keeps what lost its name from gc.
pub fn compare(ctx: &Context, run: &str, before: &Outside, after: &Outside) -> Vec<Difference> {
    let mut list = Vec::new();
    for (path, was) in &before.checkouts {
        let Some(is) = after.checkouts.get(path).filter(|is| is.event == was.event) else { continue };
        let what = differences(ctx, &was.glance, &is.glance);
        if !what.is_empty() {
            list.push(Difference {
                what: format!("{}: {}", was.name, what.join("; ")),
                see: format!("git -C '{}' status", path.display()),
            });
        }
    }
    list.extend(config(ctx, before, after));
    list.extend(before.hooks.compare(&after.hooks));
    list.extend(names::compare(ctx, run, &before.names, &after.names));
    list.extend(names::lost_specs(ctx, run, &before.specs, &after.specs));
    for lost in before.stashes.iter().filter(|stash| !after.stashes.contains(stash)) {
        keep(ctx, run, *lost);
        list.push(Difference { what: format!("the stash lost {}", lost.short()), see: format!("git stash apply {lost}") });
    }
    list
}

/// What every checkout obeys, the person's own too. What git notes down for a branch comes and goes with branches.
fn config(ctx: &Context, before: &Outside, after: &Outside) -> Option<Difference> {
    let see = "git config --local --list".to_owned();
    let Ok(mut keys) = ctx.repo.changed_keys(&before.config, &after.config) else {
        return Some(Difference { what: "the repository's configuration cannot be read any more".to_owned(), see });
    };
    keys.retain(|key| !key.starts_with("branch."));
    let keys: Vec<String> = keys.into_iter().collect();
    let what = one_line(&format!("the repository's configuration: changed: {}", listed(&keys, NAMED)));
    (!keys.is_empty()).then_some(Difference { what, see })
}

fn keep(ctx: &Context, run: &str, commit: Oid) {
    if let Err(error) = ctx.store().keep_aside(run, commit) {
        ctx.out.warning(format!("{} could not be kept: {error:#}", commit.short()));
    }
}

/// What differs in one checkout, a phrase each.
fn differences(ctx: &Context, was: &Glance, is: &Glance) -> Vec<String> {
    let mut list = Vec::new();
    if was.branch != is.branch {
        list.push(one_line(&format!("it was on {} and is on {}", was.branch, is.branch)));
    } else if was.head != is.head && !is_our_own(ctx, was.head, is.head).unwrap_or(false) {
        let short = |id: Option<Oid>| id.map_or_else(|| "no commit".to_owned(), |id| id.short());
        list.push(format!("HEAD moved from {} to {}", short(was.head), short(is.head)));
    }
    let paths: Vec<String> =
        was.changed_paths(is).iter().filter(|path| !ours(path)).map(|path| one_line(&String::from_utf8_lossy(path))).collect();
    if !paths.is_empty() {
        list.push(format!("changed: {}", listed(&paths, NAMED)));
    }
    list
}

/// Where our own worktrees lie, and the file that a verb is just replacing.
fn ours(path: &[u8]) -> bool {
    path.starts_with(b".chant/worktrees/") || path.starts_with(b".chant/specs/.chant-")
}

/// How many new commits are looked at one by one.
const COMMITS: usize = 1000;

/// True where every new commit holds nothing but specs, or merges a spec's finished work: our own verbs make those.
fn is_our_own(ctx: &Context, was: Option<Oid>, is: Option<Oid>) -> Result<bool> {
    let (Some(was), Some(mut at)) = (was, is) else { return Ok(false) };
    for _ in 0..COMMITS {
        if at == was {
            return Ok(true);
        }
        let commit = ctx.repo.commit(at)?;
        let Some(&before) = commit.parents.first() else { return Ok(false) };
        let planning = ctx.repo.code_tree(before)? == ctx.repo.code_tree(at)?;
        if !planning && !super::merge::is_of_ours(ctx, &commit)? {
            return Ok(false);
        }
        at = before;
    }
    Ok(false)
}

/// Every checkout that nobody of ours works in.
fn checkouts(ctx: &Context, own: &Path) -> Result<Vec<Worktree>> {
    let own = own.canonicalize().unwrap_or_else(|_| own.to_owned());
    let mut trees = ctx.repo.worktrees()?;
    // Listed after the worktrees: a run names its own before it makes it.
    let runs = RunDir::list(ctx.repo.common_dir())?;
    let busy: Vec<PathBuf> = runs.iter().filter(|run| run.liveness() != Liveness::Dead).filter_map(RunDir::worktree).collect();
    let verify = worktrees_dir(&ctx.repo).join(".verify");
    trees.retain(|tree| !tree.prunable && tree.path != own && tree.path != verify && !busy.contains(&tree.path) && !is_idle(&tree.path));
    Ok(trees)
}

fn glances(shared: &Glances, paths: &[PathBuf]) -> Vec<Option<Glance>> {
    let some = |some: &[PathBuf]| -> Vec<Option<Glance>> {
        std::thread::scope(|scope| {
            let looks: Vec<_> = some.iter().map(|path| scope.spawn(|| shared.at(path))).collect();
            looks.into_iter().map(|look| look.join().ok().flatten()).collect()
        })
    };
    paths.chunks(AT_ONCE).flat_map(some).collect()
}

fn name(ctx: &Context, tree: &Worktree) -> String {
    if ctx.repo.main_worktree().as_ref() == Some(&tree.path) {
        return "the main checkout".to_owned();
    }
    format!("the worktree {}", one_line(&tree.path.file_name().unwrap_or_default().to_string_lossy()))
}

fn event(ctx: &Context, tree: &Worktree) -> Result<Option<Oid>> {
    let id = tree.branch.as_deref().and_then(|branch| branch.strip_prefix("refs/heads/chant/"));
    let id = id.and_then(|id| crate::spec::SpecId::parse(id).ok());
    id.map_or(Ok(None), |id| ctx.repo.reference(&id.ref_name()))
}
