//! The decision, from facts alone.

use super::reason::abbreviated;
use super::{CriterionFacts, Decision, Incoming, IncomingCommit, Reason, Settings, SpecFacts, Verdict, VerifyMode};
use crate::spec::event::one_line;
use crate::spec::words::branch_name;
use crate::spec::{Approval, SpecId, Status};
use std::collections::{BTreeMap, BTreeSet};

/// The specs that a commit says it implements: `Chant-Spec:` at the start of any line, however far it is indented (a squash indents
/// whole messages), and `chant(<id>):` anywhere. In order, each once. Planning commits and proper reverts implement nothing.
pub fn implemented(commit: &IncomingCommit) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    if commit.planning_only || commit.revert_ok {
        return ids;
    }
    for line in std::iter::once(commit.subject.as_str()).chain(commit.message.lines()) {
        for id in trailer(line).into_iter().chain(scopes(line)) {
            if is_id(id) && !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
    }
    ids
}

/// The incoming commits that belong to a spec: those that name it, and everything on a merged branch `chant/<id>`. What merges its work
/// elsewhere names it too, and is no more of it.
pub fn belonging<'a>(incoming: &'a Incoming, id: &str) -> Vec<&'a str> {
    let branches = by_branch(incoming);
    let own = |commit: &&IncomingCommit| {
        let on_branch = branches.get(commit.id.as_str()).is_some_and(|ids| ids.contains(id));
        on_branch || (commit.parents.len() < 2 && implemented(commit).iter().any(|named| named == id))
    };
    incoming.commits.iter().filter(own).map(|commit| commit.id.as_str()).collect()
}

/// Every spec that what comes in implements: what its commits say, and the branches `chant/<id>` that are being merged.
pub fn implemented_by(incoming: &Incoming) -> BTreeSet<String> {
    let mut ids: BTreeSet<String> = incoming.commits.iter().flat_map(implemented).collect();
    ids.extend(by_branch(incoming).into_values().flatten());
    ids.extend(by_start(incoming).map(str::to_owned));
    ids
}

/// The subject of the commit with which a run of this spec begins: it holds the document, and what stands upon it is the run's work.
pub fn start_subject(id: &str) -> String {
    format!("chant({id}): start")
}

/// The specs whose runs began below what comes in, whatever the commits of the work say and the branch is called now. Work that was put
/// upon finished work later is no more of it for that.
fn by_start(incoming: &Incoming) -> impl Iterator<Item = &str> {
    let commits: BTreeMap<&str, &IncomingCommit> = incoming.commits.iter().map(|commit| (commit.id.as_str(), commit)).collect();
    let does_something = |commit: &&IncomingCommit| !commit.planning_only && !commit.revert_ok && !commit.clean_merge;
    let mut open: Vec<&str> = incoming.commits.iter().filter(does_something).map(|commit| commit.id.as_str()).collect();
    let mut below = BTreeSet::new();
    while let Some(name) = open.pop() {
        let Some(commit) = commits.get(name).filter(|_| below.insert(name)) else { continue };
        open.extend(commit.parents.iter().map(String::as_str));
    }
    let begins = move |commit: &IncomingCommit| commit.planning_only && below.contains(commit.id.as_str());
    let subjects = incoming.commits.iter().filter(move |commit| begins(commit)).map(|commit| commit.subject.as_str());
    subjects.filter_map(|subject| scopes(subject).into_iter().find(|id| is_id(id) && subject == start_subject(id)))
}

/// The spec whose work a branch holds: `chant/<id>`, and `chant/<id>@<run>` for an attempt that lost a claim.
pub fn spec_of_branch(branch: &str) -> Option<&str> {
    let rest = branch_name(branch).strip_prefix("chant/")?;
    let id = rest.rsplit_once('@').map_or(rest, |(id, _)| id);
    is_id(id).then_some(id)
}

/// Judges what comes in against every spec that it implements. `None` stands for a spec that this clone lacks, as does no entry.
///
/// The order of reasons is fixed: by spec id, then status, work, criteria, intent, approval, dependencies, members; last, commits that
/// belong to no spec, in the order of [`Incoming::commits`].
pub fn decide(incoming: &Incoming, specs: &BTreeMap<String, Option<SpecFacts>>, settings: &Settings) -> Decision {
    let mut reasons = Vec::new();
    let mut notes = Vec::new();
    for id in implemented_by(incoming) {
        match specs.get(&id) {
            Some(Some(facts)) => {
                let found = judge(facts, incoming, settings);
                match &facts.overridden {
                    _ if found.is_empty() => notes.extend(claim(facts)),
                    Some(why) if settings.allow_override => notes.push(format!("spec {id} is let in by an override: {}", one_line(why))),
                    _ => reasons.extend(found),
                }
            }
            Some(None) | None => reasons.push(Reason::UnknownSpec { id }),
        }
    }
    if settings.require_spec {
        reasons.extend(without_spec(incoming));
    }
    if reasons.is_empty() {
        notes.extend(without_work(incoming));
        notes.extend(commit_notes(&incoming.commits));
        Decision::Allow { notes }
    } else {
        Decision::Refuse(reasons)
    }
}

fn judge(facts: &SpecFacts, incoming: &Incoming, settings: &Settings) -> Vec<Reason> {
    let result_tree = incoming.result_tree_code.as_deref();
    let mut reasons = work(facts, result_tree);
    for criterion in &facts.criteria {
        let own = judge_criterion(facts, criterion, settings);
        let on_result = if own.is_empty() { judge_on_result(facts, criterion, result_tree, settings.verify) } else { None };
        reasons.extend(own.into_iter().chain(on_result));
    }
    if incoming.conflicts {
        // One way on for all of them: there is no result yet.
        let before = reasons.len();
        reasons.retain(|reason| !matches!(reason, Reason::ResultNotChecked { .. }));
        let conflict = || Reason::ResultConflicts { id: facts.id.clone(), target: branch_name(&incoming.target).to_owned() };
        reasons.extend((reasons.len() < before).then(conflict));
    }
    reasons.extend(intent(facts));
    reasons.extend(approval(facts));
    let id = || facts.id.clone();
    for (dependency, present) in &facts.dependencies_in_result {
        if !present {
            reasons.push(Reason::DependencyMissing { id: id(), dependency: dependency.clone() });
        }
    }
    for (member, status) in &facts.members {
        if *status != Status::Completed {
            reasons.push(Reason::MemberOpen { id: id(), member: member.clone(), status: *status });
        }
    }
    reasons
}

/// Status, and which work comes in. Of a spec that is not completed, an old work tip says nothing.
fn work(facts: &SpecFacts, result_tree: Option<&str>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let id = || facts.id.clone();
    if facts.status != Status::Completed {
        reasons.push(Reason::NotCompleted { id: id(), status: facts.status });
    } else if facts.finish_unsigned {
        reasons.push(Reason::FinishUnsigned { id: id() });
    } else if let Some(tip) = &facts.finish_tip {
        let taken_over = facts.finish_tree_code.is_some() && facts.finish_tree_code.as_deref() == result_tree;
        if !facts.tip_in_result && !taken_over {
            reasons.push(Reason::WorkMissing { id: id(), tip: tip.clone() });
        }
    } else {
        reasons.push(Reason::NoWorkTip { id: id() });
    }
    if facts.status == Status::Completed && !facts.later_commits.is_empty() {
        reasons.push(Reason::LaterWork { id: id(), commits: facts.later_commits.clone(), merged: facts.merged_already });
    }
    // Of a run that ended badly nothing was given up yet: it can be resumed, and what is wrong with it was said.
    let given_up = !matches!(facts.status, Status::Failed | Status::NeedsAttention);
    if given_up && !facts.abandoned_commits.is_empty() {
        reasons.push(Reason::AbandonedWork { id: id(), status: facts.status, commits: facts.abandoned_commits.clone() });
    }
    reasons
}

/// A box that a command decides is ticked when the work is finished: before that, the command's verdict is all there is to say.
fn judge_criterion(facts: &SpecFacts, criterion: &CriterionFacts, settings: &Settings) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let (id, number, text) = (facts.id.clone(), criterion.number, criterion.text.clone());
    let decided = criterion.command.is_some() && settings.verify != VerifyMode::None;
    if !criterion.ticked && (!decided || facts.status == Status::Completed) {
        reasons.push(Reason::Unticked { id: id.clone(), number, text: text.clone() });
    }
    if !decided {
        return reasons;
    }
    match criterion.verdict {
        Verdict::Passed => {}
        Verdict::PassedInRun if settings.believes_runs() => {}
        Verdict::Failed { exit } => reasons.push(Reason::CheckFailed { id, number, text, exit }),
        Verdict::PassedInRun => reasons.push(Reason::CheckNotRun { id, number, text, in_run: true }),
        Verdict::NotRun => reasons.push(Reason::CheckNotRun { id, number, text, in_run: false }),
    }
    reasons
}

/// Work that is fine by itself may not be together with what the target has by now.
fn judge_on_result(facts: &SpecFacts, criterion: &CriterionFacts, result_tree: Option<&str>, verify: VerifyMode) -> Option<Reason> {
    let same = result_tree.is_some() && facts.finish_tree_code.as_deref() == result_tree;
    if verify != VerifyMode::Merge || criterion.command.is_none() || same {
        return None;
    }
    let (id, number, text) = (facts.id.clone(), criterion.number, criterion.text.clone());
    match criterion.on_result {
        Verdict::Passed => None,
        Verdict::Failed { exit } => Some(Reason::ResultFailed { id, number, text, exit }),
        Verdict::NotRun | Verdict::PassedInRun => Some(Reason::ResultNotChecked { id, number, text }),
    }
}

/// A spec that was never started (finalized by hand) has no intent that the work could have departed from.
fn intent(facts: &SpecFacts) -> Option<Reason> {
    let as_at_start = facts.intent_at_start.as_ref().is_none_or(|start| *start == facts.intent_now);
    let as_approved = facts.approval == Approval::Approved && facts.intent_approved.as_ref() == Some(&facts.intent_now);
    if !as_at_start && as_approved && facts.approval_unsigned && !facts.approval_required {
        return Some(Reason::ApprovalUnsigned { id: facts.id.clone() });
    }
    let by_run = facts.status == Status::NeedsAttention && facts.intent_diff.is_some();
    ((!as_at_start && !as_approved) || by_run).then(|| Reason::IntentChanged { id: facts.id.clone(), diff: facts.intent_diff.clone() })
}

/// A rejection stands in the way even where no approval is asked for.
fn approval(facts: &SpecFacts) -> Option<Reason> {
    let id = || facts.id.clone();
    let current = facts.intent_approved.as_ref() == Some(&facts.intent_now);
    match facts.approval {
        Approval::Rejected => Some(Reason::Rejected { id: id() }),
        Approval::Approved if current && facts.approval_required && facts.approval_unsigned => Some(Reason::ApprovalUnsigned { id: id() }),
        Approval::Approved if current || !facts.approval_required => None,
        Approval::None if !facts.approval_required => None,
        Approval::Approved => Some(Reason::ApprovalLapsed { id: id() }),
        Approval::None | Approval::Required if facts.intent_approved.is_some() && !current => Some(Reason::ApprovalLapsed { id: id() }),
        Approval::None | Approval::Required => Some(Reason::ApprovalMissing { id: id() }),
    }
}

/// Done says what it rests on.
fn claim(facts: &SpecFacts) -> Option<String> {
    let checked = facts.criteria.iter().filter(|criterion| criterion.command.is_some());
    let passed = |verdict| checked.clone().filter(|criterion| criterion.verdict == verdict).count();
    let (alone, in_run) = (passed(Verdict::Passed), passed(Verdict::PassedInRun));
    let claimed = alone + in_run == 0 || alone + in_run < checked.clone().count();
    match (claimed, in_run) {
        (true, _) => Some(format!("spec {} is claimed, not verified", facts.id)),
        (false, 0) => None,
        (false, _) => Some(format!("spec {} was checked in the agent's worktree", facts.id)),
    }
}

/// A run's branch on which nothing but documents changed brings no work that could be unfinished: it is planning, whatever its spec's status.
/// Nobody should take that merge for the spec's.
fn without_work(incoming: &Incoming) -> Vec<String> {
    let ids = implemented_by(incoming);
    let branches: BTreeSet<&str> = incoming.heads.iter().filter_map(|head| spec_of_branch(head.branch.as_deref()?)).collect();
    let without = branches.into_iter().filter(|id| !ids.contains(*id));
    without.map(|id| format!("nothing of spec {id} comes in but documents: that does not complete it")).collect()
}

fn commit_notes(commits: &[IncomingCommit]) -> Vec<String> {
    let mut notes = Vec::new();
    for commit in commits {
        let name = format!("commit {} ({})", abbreviated(&commit.id), one_line(&commit.subject));
        if commit.touches_settings {
            notes.push(format!("{name} changes git-chant's settings or prompts"));
        }
        if commit.revert_ok {
            notes.push(format!("{name} is a revert"));
        }
    }
    notes
}

/// Merges that change nothing themselves are exempt: what they bring is judged as the commits that they bring.
fn without_spec(incoming: &Incoming) -> Vec<Reason> {
    let named = by_branch(incoming);
    let free = |commit: &&IncomingCommit| {
        let exempt = commit.planning_only || commit.revert_ok || commit.clean_merge;
        !exempt && !named.contains_key(commit.id.as_str()) && implemented(commit).is_empty()
    };
    let reason = |commit: &IncomingCommit| Reason::NoSpec { commit: commit.id.clone(), subject: commit.subject.clone() };
    incoming.commits.iter().filter(free).map(reason).collect()
}

/// Of every incoming commit that does something, the specs whose merged branch holds it.
fn by_branch(incoming: &Incoming) -> BTreeMap<&str, BTreeSet<String>> {
    let commits: BTreeMap<&str, &IncomingCommit> = incoming.commits.iter().map(|commit| (commit.id.as_str(), commit)).collect();
    let mut named: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for head in &incoming.heads {
        let Some(id) = head.branch.as_deref().and_then(spec_of_branch) else { continue };
        let mut seen = BTreeSet::new();
        let mut open = vec![head.commit.as_str()];
        while let Some(name) = open.pop() {
            let Some(commit) = commits.get(name) else { continue };
            if !seen.insert(name) {
                continue;
            }
            open.extend(commit.parents.iter().map(String::as_str));
            if !commit.planning_only && !commit.revert_ok {
                named.entry(commit.id.as_str()).or_default().insert(id.to_owned());
            }
        }
    }
    named
}

/// The values of a line `Chant-Spec: <id>`, several where several are given.
fn trailer(line: &str) -> Vec<&str> {
    const KEY: &str = "Chant-Spec";
    let line = line.trim_start();
    let (Some(key), Some(rest)) = (line.get(..KEY.len()), line.get(KEY.len()..)) else { return Vec::new() };
    let Some(value) = rest.trim_start().strip_prefix(':').filter(|_| key.eq_ignore_ascii_case(KEY)) else { return Vec::new() };
    value.split([' ', '\t', ',']).filter(|word| !word.is_empty()).collect()
}

/// The ids of every `chant(<id>):` (or `chant(<id>)!:`) in a line that does not end a longer word.
fn scopes(line: &str) -> Vec<&str> {
    const OPEN: &str = "chant(";
    let mut ids = Vec::new();
    // ASCII lowering keeps byte offsets.
    let lower = line.to_ascii_lowercase();
    for (start, _) in lower.match_indices(OPEN) {
        let longer = line[..start].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        let Some((id, rest)) = line[start + OPEN.len()..].split_once(')') else { continue };
        if !longer && rest.strip_prefix('!').unwrap_or(rest).starts_with(':') {
            ids.push(id.trim());
        }
    }
    ids
}

/// What is no id is prose; `<id>` is prose that documentation likes.
fn is_id(text: &str) -> bool {
    !text.starts_with('<') && SpecId::parse(text).is_ok()
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
