use crate::context::Context;
use crate::failure::Outcome;
use crate::git::Oid;
use crate::output::safe;
use crate::spec::runs::Used;
use crate::spec::{Approval, EventKind, Facts, Ran, Shown, Status, intent};
use crate::store::{Conflict, Recorded, Spec, newest, spec_path};
use crate::workflow::merge::merged_into;
use crate::workflow::{claim, files, find, pickup, verify};
use anyhow::Result;
use serde_json::json;

/// Arguments of `git chant show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// Print JSON
    #[arg(long, conflicts_with = "body")]
    json: bool,
    /// Print the document, byte for byte
    #[arg(long)]
    body: bool,
}

/// What "completed" rests on: `verified` when every criterion with a command passed on the work tip's code tree, else `claimed`.
pub fn rests_on(spec: &Spec, facts: &Facts) -> Option<&'static str> {
    let completed = spec.event.status == Status::Completed;
    completed.then(|| if verified(spec, facts).is_some() { "verified" } else { "claimed" })
}

/// Where every criterion with a command passed on the work tip's code tree: the least of it.
fn verified(spec: &Spec, facts: &Facts) -> Option<Ran> {
    let tree = facts.finish.as_ref().map(|finish| finish.code_tree.clone()).unwrap_or_default();
    let criteria = spec.document.criteria();
    let commands = criteria.iter().filter_map(|criterion| criterion.command.as_deref());
    let passes: Option<Vec<Ran>> = commands.map(|command| facts.passed(&tree, &intent::command_digest(command))).collect();
    passes?.into_iter().min()
}

/// The words behind `completed`: what was verified, and what is only claimed beside it.
fn basis(spec: &Spec, facts: &Facts) -> String {
    let criteria = spec.document.criteria();
    let claimed = criteria.iter().filter(|criterion| criterion.command.is_none()).count();
    let in_run = if verified(spec, facts) == Some(Ran::InRun) { ", checked in the agent's worktree" } else { "" };
    match rests_on(spec, facts) {
        Some("verified") if claimed > 0 => format!(" (verified{in_run}; {claimed} of {} criteria are only claimed)", criteria.len()),
        Some(word) => format!(" ({word}{in_run})"),
        None => String::new(),
    }
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let (spec, archived) = find::spec_or_archived(ctx, &args.id)?;
    if args.body {
        ctx.out.document(spec.document.as_bytes());
        return Ok(Outcome::Yes);
    }
    let facts = verify::facts(ctx, &spec)?;
    let merged = merged_into(ctx, &facts)?;
    let blockers = if archived { Vec::new() } else { pickup::blockers(ctx, &spec.id)? };
    let blockers: Vec<String> = blockers.iter().map(ToString::to_string).collect();
    let shown = match spec.event.status {
        Status::Pending if blockers.is_empty() => Shown::Ready,
        Status::Pending => Shown::Blocked,
        other => Shown::Stored(other),
    };
    let history = ctx.store().history(spec.tip)?;
    let conflicts = ctx.store().conflicts(&history)?;
    // A join has words of its own; the run's are those of its end.
    let reason = history.iter().find(|recorded| matches!(recorded.event.kind, EventKind::Fail | EventKind::Attention));
    let reason = reason.map_or(spec.event.text.as_str(), |recorded| recorded.event.text.as_str());
    let merged = merged.as_deref();
    let claim = claim::of(&ctx.store(), &spec)?;
    let claim = claim.as_ref();
    let behind = files::is_behind(ctx, &spec)?;
    let run = newest(&history, EventKind::Start).filter(|_| spec.event.status == Status::InProgress);
    let tip = facts.finish.as_ref().and_then(|finish| Oid::from_hex(&finish.tip));
    let seen = Seen {
        run,
        is_here: tip.is_some_and(|tip| ctx.repo.has_object(tip)),
        spec: &spec,
        shown,
        archived,
        facts: &facts,
        blockers: &blockers,
        merged,
        conflicts: &conflicts,
        reason,
        claim,
        behind,
    };
    if args.json {
        ctx.out.json(&as_json(&seen));
    } else {
        print(ctx, &seen);
    }
    Ok(Outcome::Yes)
}

/// Everything that is shown of a spec.
struct Seen<'a> {
    spec: &'a Spec,
    shown: Shown,
    archived: bool,
    conflicts: &'a [Conflict],
    reason: &'a str,
    facts: &'a Facts,
    blockers: &'a [String],
    merged: Option<&'a str>,
    claim: Option<&'a claim::Claim>,
    /// The start of a run that is on.
    run: Option<&'a Recorded>,
    /// Finished work is in this clone.
    is_here: bool,
    behind: bool,
}

impl Seen<'_> {
    /// The command to type, where one is more likely than others.
    fn next(&self) -> Option<String> {
        let id = &self.spec.id;
        let verb = match self.shown {
            _ if self.archived || !self.conflicts.is_empty() => return None,
            Shown::Ready => "work",
            Shown::Blocked if self.spec.event.approval.blocks() => "approve",
            // Another clone's run is heard there.
            Shown::Stored(Status::InProgress) if self.claim.is_none() => return Some(format!("git chant log {id} --follow")),
            // Paused before it began: there is nothing to go on with.
            Shown::Stored(Status::Paused) if self.facts.start.is_none() => "reset",
            Shown::Stored(Status::Failed | Status::Paused) => "resume",
            Shown::Stored(Status::Completed) if self.merged.is_none() && self.is_here => "merge",
            Shown::Stored(Status::Cancelled) => "reset",
            Shown::Blocked | Shown::Stored(_) => return None,
        };
        Some(format!("git chant {verb} {id}"))
    }

    /// Who works on it, and since when.
    fn agent(&self) -> Option<String> {
        let run = self.run?;
        let agent = run.event.extra("Agent").unwrap_or("an agent");
        Some(format!("{agent}, since {} UTC", super::history::date(run.author.seconds)))
    }
}

fn as_json(seen: &Seen) -> serde_json::Value {
    let Seen { spec, shown, archived, facts, blockers, merged, conflicts, claim, .. } = *seen;
    let front = spec.document.front().unwrap_or_default();
    let criteria: Vec<_> = spec
        .document
        .criteria()
        .into_iter()
        .enumerate()
        .map(|(index, criterion)| json!({"number": index + 1, "text": criterion.text, "ticked": criterion.ticked, "command": criterion.command}))
        .collect();
    json!({
        "id": spec.id.as_str(),
        "title": spec.document.title(),
        "status": shown.as_str(),
        "rests_on": rests_on(spec, facts),
        "checked_in": rests_on(spec, facts).and(verified(spec, facts)).map(|ran| if ran == Ran::InRun { "run" } else { "own" }),
        "archived": archived,
        "type": front.spec_type,
        "labels": front.labels,
        "depends_on": front.depends_on,
        "informed_by": front.informed_by,
        "target_files": front.target_files,
        "attempt": spec.event.attempt,
        "approval": spec.event.approval.as_str(),
        "approved_by": facts.approved_by,
        "intent": intent::id(&spec.document),
        "blocked_by": blockers,
        "branch": spec.id.branch(),
        "target": facts.start.as_ref().map(|start| start.target.clone()),
        "tip": facts.finish.as_ref().map(|finish| finish.tip.clone()),
        "merged_into": merged,
        "claimed_by": claim.map(|claim| json!({"who": claim.who, "host": claim.host, "clone": claim.clone, "run": claim.run})),
        "criteria": criteria,
        "overrides": facts.overrides,
        "runs": facts.runs.len(),
        "used": used_json(facts),
        "conflicts": conflicts.iter().map(|conflict| conflict.what.as_str()).collect::<Vec<_>>(),
    })
}

fn used_json(facts: &Facts) -> serde_json::Value {
    let used = used(facts);
    json!({ "input": used.input, "cached": used.cached, "output": used.output, "cost": used.cost() })
}

/// What all runs together used.
fn used(facts: &Facts) -> Used {
    facts.runs.iter().fold(Used::default(), |sum, run| sum.plus(run.used))
}

fn print(ctx: &Context, seen: &Seen) {
    let Seen { spec, shown, archived, facts, blockers, merged, conflicts, reason, claim, behind, .. } = *seen;
    let out = &ctx.out;
    let front = spec.document.front().unwrap_or_default();
    out.line(format!("{}  {}", spec.id, safe(&spec.document.title())));
    let basis = basis(spec, facts);
    let status = out.paint(super::list::colour(shown), shown.as_str(), 0);
    out.line(format!("status:      {status}{basis}{}", if archived { ", archived" } else { "" }));
    let field = |name: &str, value: String| {
        if !value.is_empty() {
            let name = if name.is_empty() { String::new() } else { format!("{name}:") };
            out.line(format!("{name:<12} {}", safe(&value)));
        }
    };
    field("type", front.spec_type.clone());
    field("labels", front.labels.join(", "));
    field("depends on", front.depends_on.join(", "));
    field("informed by", front.informed_by.join(", "));
    field("targets", front.target_files.join(", "));
    if spec.event.attempt > 0 {
        field("attempt", spec.event.attempt.to_string());
    }
    field("approval", approval(spec, facts));
    field("agent", seen.agent().unwrap_or_default());
    field("claimed by", claim.map(ToString::to_string).unwrap_or_default());
    if let Some(finish) = &facts.finish {
        let place = match merged {
            Some(target) => format!(", merged into {target}"),
            None if seen.is_here => String::new(),
            None => " (not in this clone)".to_owned(),
        };
        field("work tip", format!("{:.10}{place}", finish.tip));
    }
    if let Some(words) = super::log::used(used(facts)) {
        field("used", format!("{}, {words}", super::log::counted(facts.runs.len())));
    }
    if matches!(spec.event.status, Status::Failed | Status::NeedsAttention) {
        field("reason", reason.to_owned());
    }
    for blocker in blockers {
        field("blocked by", blocker.clone());
    }
    for why in &facts.overrides {
        field("override", why.clone());
    }
    for conflict in conflicts {
        let (what, both) = (&conflict.what, conflict.show());
        field("conflict", format!("two people changed the {what} at once, and one's text was taken; see both: {both}"));
        field("", format!("settle it: git chant edit {}", spec.id));
    }
    if behind {
        field("file", format!("{} asks for something older here; what counts: git chant show {} --body", spec_path(&spec.id), spec.id));
    }
    field("next", seen.next().unwrap_or_default());
    criteria(ctx, spec, facts);
}

/// The approval, and whose it is; nothing where none was asked for.
fn approval(spec: &Spec, facts: &Facts) -> String {
    let by = facts.approved_by.as_ref().filter(|_| spec.event.approval == Approval::Approved);
    match spec.event.approval {
        Approval::None => String::new(),
        approval => format!("{approval}{}", by.map(|by| format!(" by {by}")).unwrap_or_default()),
    }
}

fn criteria(ctx: &Context, spec: &Spec, facts: &Facts) {
    let tree = facts.finish.as_ref().map(|finish| finish.code_tree.clone()).unwrap_or_default();
    let list = spec.document.criteria();
    if !list.is_empty() {
        ctx.out.line("");
    }
    for (index, criterion) in list.iter().enumerate() {
        let mark = if criterion.ticked { 'x' } else { ' ' };
        let command = criterion.command.as_ref().map(|command| {
            let passed = match facts.passed(&tree, &intent::command_digest(command)) {
                Some(Ran::Alone) => "  (passed)",
                Some(Ran::InRun) => "  (passed in the agent's worktree)",
                None => "",
            };
            format!("  $ {command}{passed}")
        });
        ctx.out.line(safe(&format!("{:>3}. [{mark}] {}{}", index + 1, criterion.text, command.unwrap_or_default())));
    }
}
