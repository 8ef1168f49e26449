//! Collecting what the gate decides from, and asking it.

use super::verify;
use crate::context::Context;
use crate::gate::{self, CriterionFacts, Decision, Incoming, IncomingCommit, IncomingHead, Settings, SpecFacts, Verdict, VerifyMode};
use crate::git::history::PLANNING;
use crate::git::{Oid, Repository};
use crate::spec::{Facts, SpecId, Status, intent, settings};
use crate::store::Spec;
use anyhow::Result;
use std::collections::{BTreeMap, HashSet};

/// What would come into a branch.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The branch, without `refs/heads/`.
    pub target: String,
    /// Where it is now.
    pub current: Option<Oid>,
    /// What comes in, and the branch that it is, where that is known.
    pub heads: Vec<(Oid, Option<String>)>,
    /// The commit that the branch would point at, where that is known.
    pub result: Option<Oid>,
}

/// The gate's settings: git config, tightened (never loosened) by `.chant/config.md` at the target's tip, and the other way round.
pub fn settings(repo: &Repository, tip: Option<Oid>) -> Result<Settings> {
    let file = tip.map(|tip| repo.entry_at(tip, b".chant/config.md")).transpose()?.flatten();
    let shared = file.map(|(blob, _)| Ok::<_, anyhow::Error>(settings::read(&repo.blob(blob)?))).transpose()?.unwrap_or_default();
    let mut settings = Settings::default();
    let mut protected = repo.config_all("chant.protected");
    protected.extend(shared.protected);
    if !protected.is_empty() {
        protected.sort();
        protected.dedup();
        settings.protected = protected;
    }
    // "none" must be said on every side that says anything: one that asks for verification has it.
    let said: Vec<String> = repo.config("chant.verify").into_iter().chain(shared.verify).collect();
    if !said.is_empty() && said.iter().all(|word| word == "none") {
        settings.verify = VerifyMode::None;
    }
    settings.require_spec = repo.config_bool("chant.requireSpec", false) || shared.require_spec;
    Ok(settings)
}

/// Asks the gate. The caller has seen that the target is protected.
pub fn ask(ctx: &Context, asked: &Asked) -> Result<Decision> {
    let settings = settings(&ctx.repo, asked.current)?;
    let commits = incoming_commits(ctx, asked)?;
    let result_tree_code = asked.result.map(|commit| ctx.repo.code_tree(commit)).transpose()?.map(|tree| tree.to_string());
    let heads = asked.heads.iter().map(|(commit, branch)| IncomingHead { commit: commit.to_string(), branch: branch.clone() }).collect();
    let incoming = Incoming { target: asked.target.clone(), result_tree_code, commits, heads };
    let mut known = BTreeMap::new();
    for id in gate::implemented_by(&incoming) {
        let spec = SpecId::parse(&id).ok().map(|id| find(ctx, &id)).transpose()?.flatten();
        known.insert(id, spec.map(|spec| Ok::<_, anyhow::Error>((verify::facts(ctx, &spec)?, spec))).transpose()?);
    }
    let mut view = View { ctx, asked, taken_over: Vec::new() };
    for (id, found) in &known {
        let finish = found.as_ref().and_then(|(facts, _)| facts.finish.as_ref());
        let Some(tip) = finish.and_then(|finish| Oid::from_hex(&finish.tip)) else { continue };
        let same_tree = finish.is_some_and(|finish| Some(&finish.code_tree) == incoming.result_tree_code.as_ref());
        if same_tree || (!view.contains(&tip.to_string())? && view.is_squashed(id, tip, &incoming)?) {
            view.taken_over.push(tip);
        }
    }
    let mut specs = BTreeMap::new();
    for (id, found) in known {
        let facts = found.map(|(facts, spec)| view.collect(&incoming, &spec, &facts, &settings)).transpose()?;
        specs.insert(id, facts);
    }
    Ok(gate::decide(&incoming, &specs, &settings))
}

fn find(ctx: &Context, id: &SpecId) -> Result<Option<Spec>> {
    match ctx.store().load(id)? {
        Some(spec) => Ok(Some(spec)),
        None => ctx.store().load_archived(id),
    }
}

/// What the branch does not have yet. Commits that a remote's copy of the branch has are published and not judged: else nobody could pull.
fn incoming_commits(ctx: &Context, asked: &Asked) -> Result<Vec<IncomingCommit>> {
    let heads: Vec<String> = asked.heads.iter().map(|(commit, _)| commit.to_string()).collect();
    let current = asked.current.map(|commit| commit.to_string());
    let published = format!("--glob=refs/remotes/*/{}", asked.target);
    let mut args: Vec<&str> = heads.iter().map(String::as_str).collect();
    args.push("--not");
    args.extend(current.as_deref());
    args.push(&published);
    let ids = ctx.repo.rev_list(&args)?;
    let mut changed = ctx.repo.changed_paths(&ids)?;
    let coming: HashSet<Oid> = ids.iter().copied().collect();
    let commit = |id: Oid| {
        let mut commit = incoming_commit(ctx, id, &changed.remove(&id).unwrap_or_default())?;
        commit.revert_ok = is_true_revert(ctx, id, &commit, |undone| match asked.current {
            _ if coming.contains(&undone) => Ok(true),
            Some(current) => ctx.repo.is_ancestor(undone, current),
            None => Ok(false),
        })?;
        Ok(commit)
    };
    ids.iter().copied().map(commit).collect()
}

fn incoming_commit(ctx: &Context, id: Oid, paths: &[Vec<u8>]) -> Result<IncomingCommit> {
    let commit = ctx.repo.commit(id)?;
    let below = |path: &[u8], dir: &str| path.starts_with(dir.as_bytes()) && path.get(dir.len()) == Some(&b'/');
    let planning = |path: &Vec<u8>| PLANNING.iter().any(|dir| below(path, dir));
    let message = String::from_utf8_lossy(&commit.message).into_owned();
    Ok(IncomingCommit {
        id: id.to_string(),
        parents: commit.parents.iter().map(ToString::to_string).collect(),
        subject: message.lines().next().unwrap_or_default().to_owned(),
        // A merge changes nothing against its first parent where the other side was planning; its message still names what it brings.
        planning_only: commit.parents.len() < 2 && paths.iter().all(planning),
        touches_settings: paths.iter().any(|path| path == b".chant/config.md" || below(path, ".chant/prompts")),
        revert_ok: false,
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
    let undoing = ctx.repo.patch_id(undone, before)?;
    Ok(undoing.is_some() && ctx.repo.patch_id(parent, id)? == undoing)
}

/// What is known of a spec, as seen from a result.
struct View<'a> {
    ctx: &'a Context,
    asked: &'a Asked,
    /// Work tips that the result holds as a squash. What they contain (the chain below them) is in the result with them.
    taken_over: Vec<Oid>,
}

impl View<'_> {
    /// True where the result will contain a commit.
    fn contains(&self, commit: &str) -> Result<bool> {
        let Some(commit) = Oid::from_hex(commit).filter(|commit| self.ctx.repo.has_object(*commit)) else { return Ok(false) };
        for place in self.asked.heads.iter().map(|(head, _)| *head).chain(self.asked.current).chain(self.taken_over.iter().copied()) {
            if self.ctx.repo.is_ancestor(commit, place)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// True where one incoming commit that names the spec does just what the whole work does: a squash.
    fn is_squashed(&self, id: &str, tip: Oid, incoming: &Incoming) -> Result<bool> {
        let Some(current) = self.asked.current else { return Ok(false) };
        if !self.ctx.repo.has_object(tip) {
            return Ok(false);
        }
        let Some(base) = self.ctx.repo.merge_bases(tip, current)?.first().copied() else { return Ok(false) };
        let Some(whole) = self.ctx.repo.patch_id(base, tip)? else { return Ok(false) };
        for commit in incoming.commits.iter().filter(|commit| gate::implemented(commit).iter().any(|named| named == id)) {
            if let ([parent], Some(own)) = (&commit.parents[..], Oid::from_hex(&commit.id))
                && let Some(parent) = Oid::from_hex(parent)
                && self.ctx.repo.patch_id(parent, own)?.as_ref() == Some(&whole)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Everything the gate asks about one spec.
    fn collect(&self, incoming: &Incoming, spec: &Spec, facts: &Facts, settings: &Settings) -> Result<SpecFacts> {
        let ctx = self.ctx;
        let front = spec.document.front().unwrap_or_default();
        let intent_now = intent::id(&spec.document);
        let tip = facts.finish.as_ref().map(|finish| finish.tip.clone());
        let finish_tree_code = facts.finish.as_ref().map(|finish| finish.code_tree.clone()).filter(|tree| !tree.is_empty());
        let intent_at_start = facts.start.as_ref().map(|start| start.intent.clone());
        let differs = intent_at_start.as_ref().is_some_and(|start| *start != intent_now);
        // Verdicts of work that is not finished are those on what is being merged.
        let judged_tree = match (&finish_tree_code, self.asked.heads.first()) {
            (Some(tree), _) => Some(tree.clone()),
            (None, Some((head, _))) => Some(ctx.repo.code_tree(*head)?.to_string()),
            (None, None) => None,
        };
        Ok(SpecFacts {
            id: spec.id.to_string(),
            title: spec.document.title(),
            status: spec.event.status,
            attempt: spec.event.attempt,
            approval: spec.event.approval,
            approval_required: front.approval_required,
            criteria: criteria(spec, facts, judged_tree.as_deref(), settings),
            intent_diff: if differs { intent_diff(ctx, spec)? } else { None },
            intent_now,
            intent_at_start,
            intent_approved: facts.approved_intent.clone(),
            tip_in_result: tip.as_ref().map(|tip| self.contains(tip)).transpose()?.unwrap_or(false),
            finish_tip: tip.clone(),
            finish_tree_code,
            dependencies_in_result: dependencies(self, &front.depends_on)?,
            abandoned_commits: abandoned(ctx, incoming, facts, tip.as_deref())?,
            members: members(ctx, &front.members)?,
        })
    }
}

fn criteria(spec: &Spec, facts: &Facts, tree: Option<&str>, settings: &Settings) -> Vec<CriterionFacts> {
    let verdict = |command: &str| {
        let (tree, digest) = (tree.unwrap_or_default(), intent::command_digest(command));
        match facts.failed(tree, &digest) {
            _ if facts.passed(tree, &digest) => Verdict::Passed,
            Some(exit) => Verdict::Failed { exit },
            None => Verdict::NotRun,
        }
    };
    let number = spec.document.criteria().into_iter().enumerate();
    number
        .map(|(index, criterion)| CriterionFacts {
            number: index + 1,
            verdict: criterion.command.as_deref().filter(|_| settings.verify != VerifyMode::None).map_or(Verdict::NotRun, verdict),
            text: criterion.text,
            ticked: criterion.ticked,
            command: criterion.command,
        })
        .collect()
}

/// How the intent differs from the one that the newest start was given.
fn intent_diff(ctx: &Context, spec: &Spec) -> Result<Option<String>> {
    let history = ctx.store().history(spec.tip)?;
    let start = history.iter().find(|recorded| recorded.event.kind == crate::spec::EventKind::Start);
    let began = start.map(|start| ctx.store().document_at(start.id)).transpose()?;
    Ok(began.map(|began| intent::diff(&began, &spec.document)))
}

fn dependencies(view: &View<'_>, ids: &[String]) -> Result<Vec<(String, bool)>> {
    let mut list = Vec::new();
    for id in ids {
        // One that is archived, or was completed without work of ours, is where it belongs already.
        let Some(spec) = SpecId::parse(id).ok().map(|id| view.ctx.store().load(&id)).transpose()?.flatten() else { continue };
        let tip = verify::facts(view.ctx, &spec)?.finish.map(|finish| finish.tip);
        let present = match tip {
            Some(tip) => view.contains(&tip)?,
            None => spec.event.status == Status::Completed,
        };
        list.push((spec.id.to_string(), present));
    }
    Ok(list)
}

/// The incoming commits that only an attempt that was given up has.
fn abandoned(ctx: &Context, incoming: &Incoming, facts: &Facts, tip: Option<&str>) -> Result<Vec<String>> {
    let coming: HashSet<&str> = incoming.commits.iter().map(|commit| commit.id.as_str()).collect();
    let mut list = Vec::new();
    for given_up in &facts.abandoned {
        if !Oid::from_hex(given_up).is_some_and(|commit| ctx.repo.has_object(commit)) {
            continue;
        }
        let own = |commit: &&Oid| coming.contains(commit.to_string().as_str());
        let mut args = vec![given_up.as_str(), "--not"];
        args.extend(tip);
        args.extend(facts.start.as_ref().map(|start| start.base.as_str()).filter(|base| !base.is_empty()));
        list.extend(ctx.repo.rev_list(&args)?.iter().filter(own).map(ToString::to_string));
    }
    list.sort();
    list.dedup();
    Ok(list)
}

fn members(ctx: &Context, ids: &[String]) -> Result<Vec<(String, Status)>> {
    let mut list = Vec::new();
    for id in ids {
        let Some(spec) = SpecId::parse(id).ok().map(|id| find(ctx, &id)).transpose()?.flatten() else { continue };
        list.push((spec.id.to_string(), spec.event.status));
    }
    Ok(list)
}
