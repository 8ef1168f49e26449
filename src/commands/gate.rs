use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::gate::{Decision, Reason};
use crate::git::Oid;
use crate::output::safe;
use crate::spec::words::branch_name;
use crate::workflow::judge::{self, Asked};
use crate::workflow::{plan, settings};
use anyhow::Result;
use serde_json::json;

/// Arguments of `git chant gate`. Exit code 1: it may not come in, and every reason was printed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What would come in: a commit, or a range FROM..TO; else HEAD
    #[arg(value_name = "COMMIT|RANGE", default_value = "HEAD")]
    commit: String,
    /// The protected branch; else the one checked out
    #[arg(long, value_name = "BRANCH")]
    target: Option<String>,
    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Print what another machine reads
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Annotations of GitHub Actions, which others read too
    Github,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let (asked, name) = asked(ctx, &args.commit, args.target.as_deref())?;
    let decision = judge::ask(ctx, &asked)?;
    let target = &asked.target;
    match (args.json, args.format) {
        (true, _) => ctx.out.json(&as_json(target, &decision)),
        (_, Some(Format::Github)) => print_github(ctx, target, &decision),
        _ => print(ctx, &name, &asked, &decision),
    }
    Ok(if matches!(decision, Decision::Allow { .. }) { Outcome::Yes } else { Outcome::No })
}

/// What a commit or range would bring into a branch, and its name for people.
pub fn asked(ctx: &Context, commit: &str, target: Option<&str>) -> Result<(Asked, String)> {
    let target = match target {
        Some(target) => target.to_owned(),
        None => plan::target(ctx)?,
    };
    let (from, name) = match commit.split_once("..") {
        Some((from, to)) => (Some(from), to.trim_start_matches('.').to_owned()),
        None => (None, commit.to_owned()),
    };
    let name = if name.is_empty() { "HEAD".to_owned() } else { name };
    let head = ctx.repo.head()?;
    let unknown = |_| match (&head.branch, head.commit) {
        (Some(branch), None) if name == "HEAD" => plan::no_commit_yet(branch_name(branch)),
        _ => Failure::new(format!("'{}' names no commit", safe(&name))).hint("git branch --all"),
    };
    let commit = ctx.repo.resolve_commit(&name).map_err(unknown)?;
    let branch = ctx.repo.reference(&format!("refs/heads/{name}"))?.map(|_| name.clone());
    let current = match from {
        Some(from) => Some(ctx.repo.resolve_commit(if from.is_empty() { "HEAD" } else { from })?),
        None => current(ctx, &target, &name)?,
    };
    Ok((Asked { target, current, heads: vec![(commit, branch)], result: Some(commit), ..Asked::default() }, name))
}

/// Where the target is: here, else where a remote has it, as in a checkout that CI made.
fn current(ctx: &Context, target: &str, name: &str) -> Result<Option<Oid>> {
    if let Some(here) = ctx.repo.reference(&format!("refs/heads/{target}"))? {
        return Ok(Some(here));
    }
    for remote in ctx.repo.remotes() {
        if let Some(there) = ctx.repo.reference(&format!("refs/remotes/{remote}/{target}"))? {
            return Ok(Some(there));
        }
    }
    let missing = Failure::new(format!("there is no branch '{}' to come into", safe(target)));
    let Some(remote) = ctx.repo.remotes().into_iter().next() else { return Err(missing.hint("git branch").into()) };
    Err(missing
        .hint(format!("git fetch {remote} +refs/heads/{target}:refs/remotes/{remote}/{target}"))
        .hint(format!("or say from where: git chant gate --target {target} FROM..{name}"))
        .into())
}

fn print(ctx: &Context, name: &str, asked: &Asked, decision: &Decision) {
    let target = &asked.target;
    let comes_in = asked.result != asked.current;
    match decision {
        Decision::Allow { notes } => {
            ctx.out.line(if comes_in {
                format!("{} may come into {target}.", safe(name))
            } else {
                format!("{} is the tip of {target} already; nothing would come in.", safe(name))
            });
            for note in notes {
                ctx.out.note(format!("note: {}", safe(note)));
            }
        }
        Decision::Refuse(reasons) => {
            ctx.out.line(format!("{} may not come into {target}:", safe(name)));
            print_reasons(ctx, reasons);
            drop(settings::tell_guesses(ctx, target));
        }
    }
}

fn as_json(target: &str, decision: &Decision) -> serde_json::Value {
    let (notes, reasons) = match decision {
        Decision::Allow { notes } => (notes.as_slice(), [].as_slice()),
        Decision::Refuse(reasons) => ([].as_slice(), reasons.as_slice()),
    };
    let reason = |reason: &Reason| {
        json!({
            "spec": reason.spec(), "kind": reason.kind(), "text": reason.to_string(), "command": reason.mend(), "detail": reason.detail(),
        })
    };
    let reasons: Vec<_> = reasons.iter().map(reason).collect();
    json!({ "allowed": reasons.is_empty(), "target": target, "reasons": reasons, "notes": notes })
}

/// One annotation each: `::error title=…::…`, in which `%`, carriage returns and newlines are written as the format wants them.
fn print_github(ctx: &Context, target: &str, decision: &Decision) {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    match decision {
        Decision::Allow { notes } => {
            for note in notes {
                ctx.out.line(format!("::notice title=git-chant::{}", data(&safe(note))));
            }
        }
        Decision::Refuse(reasons) => {
            for reason in reasons {
                let detail = reason.detail().map_or_else(String::new, |detail| format!("\n{detail}"));
                let text = format!("{reason}\n{}{detail}", reason.mend());
                ctx.out.line(format!("::error title=git-chant%3A not into {}::{}", data(target).replace(',', "%2C"), data(&safe(&text))));
            }
        }
    }
}

/// Every reason, each with the command that mends it.
pub fn print_reasons(ctx: &Context, reasons: &[Reason]) {
    for reason in reasons {
        ctx.out.error(safe(&reason.to_string()));
        if let Some(detail) = reason.detail() {
            ctx.out.note(safe(&detail.lines().map(|line| format!("       {line}\n")).collect::<String>()));
        }
        ctx.out.hint(safe(&reason.mend()));
    }
}
