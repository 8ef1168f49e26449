//! Collecting what the gate decides from, and asking it.

use super::finish::CHANGED_BY_RUN;
use super::incoming::incoming_commits;
pub use super::settings::{of_branch, protects, settings};
use super::taken::{self, TakenOver};
use super::verify;
use crate::context::Context;
use crate::gate::{
    self, CriterionFacts, Decision, Incoming, IncomingCommit, IncomingHead, RequireApproval, Settings, SpecFacts, Verdict, VerifyMode,
};
use crate::git::Oid;
use crate::spec::{EventKind, Facts, Ran, SpecId, Status, intent};
use crate::store::{Spec, newest};
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What would come into a branch.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The branch, without `refs/heads/`.
    pub target: String,
    /// Where it is now.
    pub current: Option<Oid>,
    /// What comes in, and the branch that it is, where that is known.
    pub heads: Vec<(Oid, Option<String>)>,
    /// The commit that the branch would point at, where that is known.
    pub result: Option<Oid>,
    /// The remote that `current` is the word of: a copy of its branch here says nothing more.
    pub remote: Option<String>,
    /// It is a server that is asked, for what somebody pushed.
    pub on_server: bool,
}

/// Asks the gate. The caller has seen that the target is protected.
pub fn ask(ctx: &Context, asked: &Asked) -> Result<Decision> {
    let mut settings = of_branch(&ctx.repo, asked.current)?;
    // A server has its own word on overrides, and says it in its own configuration.
    settings.allow_override &= !asked.on_server || ctx.repo.config_bool("chant.allowOverride", false);
    let commits = incoming_commits(ctx, asked, &settings)?;
    let heads = heads(ctx, asked, &commits, &settings)?;
    let mut incoming = Incoming { target: asked.target.clone(), commits, heads, ..Incoming::default() };
    let ids = gate::implemented_by(&incoming);
    if !ids.is_empty() {
        let result = result_tree(ctx, asked, &settings)?;
        incoming.conflicts = matches!(result, ResultTree::Conflicts);
        incoming.result_tree_code = if let ResultTree::Is(tree) = result { Some(tree.to_string()) } else { None };
    }
    let mut known = BTreeMap::new();
    for id in ids {
        let spec = SpecId::parse(&id).ok().map(|id| find(ctx, &id)).transpose()?.flatten();
        known.insert(
            id,
            spec.map(|spec| Ok::<_, anyhow::Error>((verify::facts_by(ctx, &spec, settings.require_signed)?, spec))).transpose()?,
        );
    }
    let mut view = View { ctx, asked, taken_over: Vec::new() };
    for (id, found) in &known {
        let finish = found.as_ref().and_then(|(facts, _)| facts.finish.as_ref());
        let Some(tip) = finish.and_then(|finish| Oid::from_hex(&finish.tip)) else { continue };
        let same_tree = finish.is_some_and(|finish| Some(&finish.code_tree) == incoming.result_tree_code.as_ref());
        if same_tree {
            view.taken_over.push(TakenOver { tip, by: taken::By::Everything });
        } else if !view.contains(&tip.to_string())?
            && let Some(by) = taken::over(ctx, id, tip, &incoming, asked)?
        {
            view.taken_over.push(TakenOver { tip, by });
        }
    }
    let mut specs = BTreeMap::new();
    for (id, found) in known {
        let facts = found.map(|(facts, spec)| view.collect(&incoming, &spec, &facts, &settings)).transpose()?;
        specs.insert(id, facts);
    }
    Ok(gate::decide(&incoming, &specs, &settings))
}

/// The specs whose work would come in.
pub fn coming(ctx: &Context, asked: &Asked) -> Result<BTreeSet<String>> {
    let settings = of_branch(&ctx.repo, asked.current)?;
    let commits = incoming_commits(ctx, asked, &settings)?;
    let heads = heads(ctx, asked, &commits, &settings)?;
    Ok(gate::implemented_by(&Incoming { commits, heads, ..Incoming::default() }))
}

/// What comes in, by the names that it was given, and by those of the runs' branches that are in it: `git pull` gives none, nor does a commit.
fn heads(ctx: &Context, asked: &Asked, commits: &[IncomingCommit], settings: &Settings) -> Result<Vec<IncomingHead>> {
    let coming: HashSet<&str> = commits.iter().map(|commit| commit.id.as_str()).collect();
    let mut heads: Vec<IncomingHead> =
        asked.heads.iter().map(|(commit, branch)| IncomingHead { commit: commit.to_string(), branch: branch.clone() }).collect();
    for (branch, tip) in run_branches(ctx)? {
        let commit = tip.to_string();
        heads.extend(coming.contains(commit.as_str()).then_some(IncomingHead { commit, branch: Some(branch) }));
    }
    // Where every commit has to name its spec, being like the work of one is no name.
    if !settings.require_spec {
        heads.extend(taken::in_other_words(ctx, asked, commits)?);
    }
    Ok(heads)
}

/// The branches of runs here and as remotes had them, without the place in front of the name.
pub(super) fn run_branches(ctx: &Context) -> Result<Vec<(String, Oid)>> {
    let mut places = vec!["refs/heads/".to_owned()];
    places.extend(ctx.repo.remotes().iter().map(|remote| format!("refs/remotes/{remote}/")));
    let mut branches = Vec::new();
    for place in places {
        for (name, tip) in ctx.repo.references(&format!("{place}chant/"))? {
            branches.extend(name.strip_prefix(&place).map(|branch| (branch.to_owned(), tip)));
        }
    }
    Ok(branches)
}

/// The code tree that the branch will have.
enum ResultTree {
    Is(Oid),
    Conflicts,
    /// Nobody asks for it, or it is not known yet.
    Unknown,
}

/// What the result is judged by is worth a merge in memory.
fn result_tree(ctx: &Context, asked: &Asked, settings: &Settings) -> Result<ResultTree> {
    if let Some(result) = asked.result {
        return ctx.repo.code_tree(result).map(ResultTree::Is);
    }
    let (VerifyMode::Merge, [(head, _)], Some(current)) = (settings.verify, &asked.heads[..], asked.current) else {
        return Ok(ResultTree::Unknown);
    };
    if ctx.repo.is_ancestor(current, *head)? {
        return ctx.repo.code_tree(*head).map(ResultTree::Is);
    }
    let merged = ctx.repo.merge_tree(current, *head)?;
    if merged.conflicts.is_empty() { ctx.repo.code_tree(merged.tree).map(ResultTree::Is) } else { Ok(ResultTree::Conflicts) }
}

fn find(ctx: &Context, id: &SpecId) -> Result<Option<Spec>> {
    match ctx.store().load(id)? {
        Some(spec) => Ok(Some(spec)),
        None => ctx.store().load_archived(id),
    }
}

/// What is known of a spec, as seen from a result.
pub(super) struct View<'a> {
    pub(super) ctx: &'a Context,
    pub(super) asked: &'a Asked,
    /// Work that the result holds in other commits. What its tip contains (the chain below it) is in the result with it.
    pub(super) taken_over: Vec<TakenOver>,
}

impl View<'_> {
    /// True where the result will contain a commit.
    fn contains(&self, commit: &str) -> Result<bool> {
        let Some(commit) = Oid::from_hex(commit).filter(|commit| self.ctx.repo.has_object(*commit)) else { return Ok(false) };
        for place in
            self.asked.heads.iter().map(|(head, _)| *head).chain(self.asked.current).chain(self.taken_over.iter().map(|taken| taken.tip))
        {
            if self.ctx.repo.is_ancestor(commit, place)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// True where the target has one of these now.
    fn is_merged<'a>(&self, commits: impl Iterator<Item = &'a String>) -> Result<bool> {
        let Some(current) = self.asked.current else { return Ok(false) };
        for commit in commits.filter_map(|commit| Oid::from_hex(commit)).filter(|commit| self.ctx.repo.has_object(*commit)) {
            if self.ctx.repo.is_ancestor(commit, current)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn contains_any<'a>(&self, commits: impl Iterator<Item = &'a String>) -> Result<bool> {
        for commit in commits {
            if self.contains(commit)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// True where the settings ask for an approval that the spec does not ask for itself.
    fn needs_approval(&self, settings: &Settings, intent: &str) -> bool {
        match settings.require_approval {
            RequireApproval::Never => false,
            RequireApproval::Foreign => !self.ctx.store().trusts(intent),
            RequireApproval::Always => true,
        }
    }

    /// Why a person let this in: all of it that names the spec must have been there when they did. What merges it is no more of it.
    fn overridden(&self, spec: &Spec, facts: &Facts, incoming: &Incoming, settings: &Settings) -> Result<Option<String>> {
        let named =
            |commit: &&gate::IncomingCommit| commit.parents.len() < 2 && gate::implemented(commit).iter().any(|id| *id == spec.id.as_str());
        for let_in in facts.let_in.iter().filter(|let_in| let_in.target == self.asked.target) {
            let tips: Vec<Oid> =
                let_in.tips.iter().filter_map(|tip| Oid::from_hex(tip)).filter(|tip| self.ctx.repo.has_object(*tip)).collect();
            let mut covered = !tips.is_empty() && self.contains_any(let_in.tips.iter())?;
            for commit in incoming.commits.iter().filter(named).filter_map(|commit| Oid::from_hex(&commit.id)) {
                covered =
                    covered && tips.iter().map(|tip| self.ctx.repo.is_ancestor(commit, *tip)).collect::<Result<Vec<_>>>()?.contains(&true);
            }
            if covered && (!settings.require_signed || is_signed(self.ctx, spec, EventKind::Override, &let_in.tips)?) {
                return Ok(Some(let_in.why.clone()));
            }
        }
        Ok(None)
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
        let tip_in_result = self.contains_any(tip.iter().chain(&facts.marked))?;
        let merged_already = self.is_merged(tip.iter().chain(&facts.marked))?;
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
            approval_required: front.approval_required || self.needs_approval(settings, &intent_now),
            finish_unsigned: facts.unbelieved_finish,
            approval_unsigned: settings.require_signed && !is_signed(self.ctx, spec, EventKind::Approve, &[])?,
            overridden: self.overridden(spec, facts, incoming, settings)?,
            criteria: criteria(spec, facts, judged_tree.as_deref(), incoming.result_tree_code.as_deref(), settings),
            intent_diff: if differs { intent_diff(ctx, spec)? } else { change_by_run(ctx, spec)? },
            intent_now,
            intent_at_start,
            intent_approved: facts.approved_intent.clone(),
            // More under the name of what is merged is like any other commit, unless every commit needs a spec that it is judged by.
            later_commits: match merged_already {
                true if !settings.require_spec => Vec::new(),
                _ if !tip_in_result => Vec::new(),
                _ => taken::later(self, incoming, spec, facts)?,
            },
            merged_already,
            tip_in_result,
            finish_tip: tip.clone(),
            finish_tree_code,
            dependencies_in_result: dependencies(self, &front.depends_on)?,
            abandoned_commits: abandoned(ctx, incoming, facts, tip.as_deref())?,
            members: members(ctx, &front.members)?,
        })
    }
}

fn criteria(spec: &Spec, facts: &Facts, tree: Option<&str>, result: Option<&str>, settings: &Settings) -> Vec<CriterionFacts> {
    let on = |tree: Option<&str>, command: &str| {
        let (tree, digest) = (tree.unwrap_or_default(), intent::command_digest(command));
        match (facts.passed(tree, &digest), facts.failed(tree, &digest)) {
            (Some(Ran::Alone), _) => Verdict::Passed,
            (Some(Ran::InRun), _) => Verdict::PassedInRun,
            (None, Some(exit)) => Verdict::Failed { exit },
            (None, None) => Verdict::NotRun,
        }
    };
    let number = spec.document.criteria().into_iter().enumerate();
    number
        .map(|(index, criterion)| {
            let command = criterion.command.as_deref().filter(|_| settings.verify != VerifyMode::None);
            CriterionFacts {
                number: index + 1,
                verdict: command.map_or(Verdict::NotRun, |command| on(tree, command)),
                on_result: command.map_or(Verdict::NotRun, |command| on(result, command)),
                text: criterion.text,
                ticked: criterion.ticked,
                command: criterion.command,
            }
        })
        .collect()
}

/// True where the newest event of this kind (for one of these tips, where any are given) has a signature that git itself believes.
pub fn is_signed(ctx: &Context, spec: &Spec, kind: EventKind, tips: &[String]) -> Result<bool> {
    let history = ctx.store().history(spec.tip)?;
    let of = |event: &crate::spec::Event| {
        event.kind == kind && (tips.is_empty() || event.extras("Tip").any(|tip| tips.iter().any(|one| one == tip)))
    };
    history.iter().find(|recorded| of(&recorded.event)).map_or(Ok(false), |recorded| ctx.repo.has_good_signature(recorded.id))
}

/// What the run changed of the intent, where that is why it needs attention: its event says so, and holds the difference.
fn change_by_run(ctx: &Context, spec: &Spec) -> Result<Option<String>> {
    if spec.event.status != Status::NeedsAttention {
        return Ok(None);
    }
    let history = ctx.store().history(spec.tip)?;
    let event = newest(&history, EventKind::Attention);
    Ok(event
        .and_then(|recorded| recorded.event.text.split_once(CHANGED_BY_RUN))
        .map(|(_, diff)| diff.trim_start_matches([':', '\n']).to_owned()))
}

/// How the intent differs from the one that the newest start was given.
fn intent_diff(ctx: &Context, spec: &Spec) -> Result<Option<String>> {
    let history = ctx.store().history(spec.tip)?;
    let start = newest(&history, EventKind::Start);
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
