use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::git::Oid;
use crate::output::{Colour, safe};
use crate::spec::Status;
use crate::store::Spec;
use crate::workflow::verify::{Check, Recorded, Verdict};
use crate::workflow::{absent, closed, find, inside, judge, verify};
use anyhow::Result;
use serde_json::json;

/// Arguments of `git chant verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The specs; without any, all that are in progress, completed or failed
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Every spec that has work
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Run commands that came from another clone
    #[arg(long)]
    trust: bool,
    /// Run every command, also where a pass is recorded
    #[arg(long)]
    fresh: bool,
    /// Check at this commit: a merge made by hand, say
    #[arg(long, value_name = "COMMIT", requires = "ids")]
    on: Option<String>,
    /// The specs whose work HEAD would bring into this branch, as the gate sees them
    #[arg(long, value_name = "BRANCH", conflicts_with_all = ["ids", "all"])]
    target: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let specs = specs(ctx, &args)?;
    if specs.is_empty() && args.target.is_none() && !args.json {
        ctx.out.line("Nothing to verify: no spec has work yet.");
    }
    let mut outcome = Outcome::Yes;
    let mut reports = Vec::new();
    for spec in specs {
        if let Some(tip) = elsewhere(ctx, &spec, &args)? {
            let refusal = absent::refusal(ctx, &spec.id, tip).hint("or check a commit that holds it: --on COMMIT");
            if args.ids.is_empty() {
                outcome = Outcome::No;
                ctx.out.warning(refusal.to_string());
                for hint in refusal.hints() {
                    ctx.out.hint(hint);
                }
                continue;
            }
            return Err(refusal.into());
        }
        let Some(commit) = commit_of(ctx, &spec, args.on.as_deref())? else {
            return Err(Failure::new(format!("there is no commit to verify {} at", spec.id)).hint("git commit").into());
        };
        verify::require_trust(ctx, &spec, args.trust)?;
        let recorded = if args.fresh { Recorded::Ignored } else { Recorded::Believed };
        let checks = verify::verify(ctx, &spec, commit, recorded)?;
        if checks.iter().any(Check::failed) {
            outcome = Outcome::No;
        }
        if args.json {
            reports.push(as_json(&spec, commit, &checks));
        } else {
            print(ctx, &spec, commit, &checks);
        }
    }
    if args.json {
        ctx.out.json(&reports.into());
    }
    if inside::a_run(ctx) {
        ctx.out.hint("inside a run this is shown, and not recorded: git-chant checks for itself when the run ends");
    }
    Ok(outcome)
}

fn specs(ctx: &Context, args: &Args) -> Result<Vec<Spec>> {
    if !args.ids.is_empty() {
        return args.ids.iter().map(|query| find::spec(ctx, query)).collect();
    }
    if let Some(target) = &args.target {
        let (asked, _) = super::gate::asked(ctx, "HEAD", Some(target))?;
        let ids = judge::coming(ctx, &asked)?;
        if ids.is_empty() && !args.json {
            ctx.out.line(format!("nothing that comes into {} names a spec", safe(target)));
        }
        return ids.iter().map(|id| find::spec(ctx, id)).collect();
    }
    let (listed, _) = ctx.store().list()?;
    let has_work = |status| matches!(status, Status::InProgress | Status::Completed | Status::Failed | Status::NeedsAttention);
    listed.iter().filter(|spec| has_work(spec.event.status)).map(|spec| ctx.store().load_at(&spec.id, spec.tip)).collect()
}

/// The tip of finished work that is in another clone only: what is here says nothing about it. Once it is merged, what is checked out does,
/// although the tip may be cut off (a shallow clone).
fn elsewhere(ctx: &Context, spec: &Spec, args: &Args) -> Result<Option<Oid>> {
    if args.on.is_some() || closed::is_merged(ctx, spec.tip)? {
        return Ok(None);
    }
    absent::tip(ctx, spec, &verify::facts(ctx, spec)?, ctx.repo.head()?.commit)
}

/// Where a spec's work is: what a person says, else its work tip, else its branch, else what is checked out here.
fn commit_of(ctx: &Context, spec: &Spec, named: Option<&str>) -> Result<Option<Oid>> {
    if let Some(named) = named {
        return ctx.repo.resolve_commit(named).map(Some);
    }
    let finish = verify::facts(ctx, spec)?.finish.and_then(|finish| Oid::from_hex(&finish.tip));
    let tip = finish.filter(|tip| ctx.repo.has_object(*tip) && spec.event.status == Status::Completed);
    if let Some(tip) = tip {
        return Ok(Some(tip));
    }
    match ctx.repo.reference(&spec.id.branch_ref())? {
        Some(branch) => Ok(Some(branch)),
        None => Ok(ctx.repo.head()?.commit),
    }
}

fn print(ctx: &Context, spec: &Spec, commit: Oid, checks: &[Check]) {
    ctx.out.line(format!("{}  {} (at {})", spec.id, safe(&spec.document.title()), commit.short()));
    if checks.is_empty() {
        ctx.out.line("  no acceptance criteria");
    }
    for check in checks {
        let colour = match check.word() {
            "PASS" => Colour::Green,
            "FAIL" => Colour::Red,
            _ => Colour::Dim,
        };
        let text = safe(&check.criterion.text);
        let more = match &check.verdict {
            Verdict::Reused => "  (passed before on this code tree)".to_owned(),
            Verdict::Fail { reason, .. } => reason.lines().map(|line| format!("\n        {}", safe(line))).collect(),
            Verdict::Skip if check.criterion.ticked => "  (ticked; no command decides it)".to_owned(),
            Verdict::Skip => "  (not ticked; no command decides it)".to_owned(),
            Verdict::Pass => String::new(),
        };
        ctx.out.line(format!("  {} {:>2}. {text}{more}", ctx.out.paint(colour, check.word(), 0), check.number));
    }
}

fn as_json(spec: &Spec, commit: Oid, checks: &[Check]) -> serde_json::Value {
    let list: Vec<_> = checks
        .iter()
        .map(|check| {
            let reason = match &check.verdict {
                Verdict::Fail { reason, .. } => Some(reason.clone()),
                _ => None,
            };
            json!({
                "number": check.number, "text": check.criterion.text, "command": check.criterion.command, "ticked": check.criterion.ticked,
                "verdict": check.word(), "reason": reason, "reused": check.verdict == Verdict::Reused,
            })
        })
        .collect();
    json!({"id": spec.id.as_str(), "commit": commit.to_string(), "checks": list})
}
