use crate::context::Context;
use crate::failure::Outcome;
use crate::output::safe;
use crate::store::transport::transport;
use crate::workflow::closed;
use crate::workflow::fold::{Move, MoveKind};
use crate::workflow::sync::{self, Options, Report};
use anyhow::Result;

/// Arguments of `git chant sync`.
///
/// What was merged or cancelled more than `chant.archiveAfter` ago (30 days; `never`) goes into the archive first; that is looked for
/// once a day.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The remote; else `chant.remote`, that of the branch's upstream, or origin
    remote: Option<String>,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let remote = ctx.repo.require_remote(args.remote.as_deref())?;
    for spec in closed::fold_old_now_and_then(ctx)? {
        ctx.out.line(format!("archived   {}  {}  {}", spec.id, spec.event.status, safe(&spec.event.title)));
    }
    let mut report = Report::default();
    let way = transport(&ctx.repo, &remote, &[])?;
    let done = sync::push(&ctx.store(), &*way, Options::default(), &mut report);
    if done.is_ok() {
        sync::subscribe_late(ctx, &remote)?;
    }
    tell(ctx, &report, "pushed")?;
    done?;
    tell_up_to_date(ctx, &remote, &report);
    Ok(Outcome::Yes)
}

/// Says that nothing moved, where nothing did.
pub fn tell_up_to_date(ctx: &Context, remote: &str, report: &Report) {
    let Report { moves, skipped, pushed, archived, others } = report;
    if moves.is_empty() && skipped.is_empty() && pushed.is_empty() && archived.is_empty() && others.is_empty() {
        ctx.out.note(format!("Everything up to date with {}.", safe(remote)));
    }
}

/// Brings the files of this checkout after the specs, and says what moved: a line a spec, nothing where nothing did.
pub fn tell(ctx: &Context, report: &Report, pushed: &str) -> Result<()> {
    sync::after_fold(ctx, &report.moves)?;
    for moved in &report.moves {
        ctx.out.line(format!("{:<10} {}  {}", sync::word(&moved.kind), moved.id, safe(&detail(moved))));
    }
    for (id, title) in &report.pushed {
        ctx.out.line(format!("{pushed:<10} {id}  {}", safe(title)));
    }
    for id in &report.archived {
        ctx.out.line(format!("{pushed:<10} {id}  to the archive"));
    }
    for name in &report.others {
        ctx.out.line(format!("{pushed:<10} {}", safe(name)));
    }
    sync::remarks(ctx, &report.moves)?.iter().for_each(|line| ctx.out.note(line));
    for line in &report.skipped {
        ctx.out.warning(safe(line));
    }
    Ok(())
}

/// The same in a line, for a command that is about something else.
pub fn tell_in_short(ctx: &Context, remote: &str, report: &Report) -> Result<()> {
    sync::after_fold(ctx, &report.moves)?;
    if let Some(line) = sync::summary(remote, &report.moves) {
        ctx.out.line(safe(&line));
    }
    sync::remarks(ctx, &report.moves)?.iter().for_each(|line| ctx.out.note(line));
    for line in &report.skipped {
        ctx.out.warning(safe(line));
    }
    Ok(())
}

fn detail(moved: &Move) -> String {
    let Move { kind, event, .. } = moved;
    match kind {
        MoveKind::Forward { from } if *from != event.status => format!("{from} -> {}  {}", event.status, event.title),
        MoveKind::Renamed { from } => format!("was {from}  {}", event.title),
        _ => format!("{}  {}", event.status, event.title),
    }
}
