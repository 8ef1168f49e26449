use crate::context::Context;
use crate::failure::Outcome;
use crate::output::safe;
use crate::workflow::find;
use anyhow::Result;
use serde_json::json;

/// Arguments of `git chant history`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let (spec, _) = find::spec_or_archived(ctx, &args.id)?;
    let history = ctx.store().history(spec.tip)?;
    if args.json {
        let list: Vec<_> = history
            .iter()
            .map(|recorded| {
                let extra: Vec<_> = recorded.event.extra.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
                json!({
                    "commit": recorded.id.to_string(), "event": recorded.event.kind.as_str(), "status": recorded.event.status.as_str(),
                    "attempt": recorded.event.attempt, "author": recorded.author.name, "date": date(recorded.author.seconds),
                    "text": recorded.event.text, "trailers": extra,
                })
            })
            .collect();
        ctx.out.json(&list.into());
        return Ok(Outcome::Yes);
    }
    let open = ctx.store().conflicts(&history)?;
    for recorded in history {
        let event = &recorded.event;
        let who = safe(&recorded.author.name);
        // An import is the same commit in every clone, so it has no date of its own.
        let when = if recorded.author.seconds == 0 { "(no date)".to_owned() } else { date(recorded.author.seconds) };
        ctx.out.line(format!("{}  {when:<16}  {:<9}  {:<15}  {who}", recorded.id.short(), event.kind, event.status));
        for line in event.text.lines().take(20) {
            ctx.out.line(format!("    {}", safe(line)));
        }
        for line in event.extras("Outside") {
            ctx.out.line(format!("    outside of its worktree, while it was on: {}", safe(line)));
        }
        if event.extra("Conflict").is_some() && open.iter().any(|conflict| conflict.sides == recorded.parents) {
            ctx.out.line(format!("    nobody has settled this yet: git chant edit {}", spec.id));
        }
    }
    Ok(Outcome::Yes)
}

/// A date for people, in UTC. A date that no calendar has (another clone wrote it) is shown as the number it is.
pub(super) fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.strftime("%Y-%m-%d %H:%M").to_string())
}
