use super::sum_up;
use crate::context::Context;
use crate::failure::Outcome;
use crate::output::{Colour, safe};
use crate::workflow::{fsck, pickup};
use anyhow::Result;
use serde_json::json;

/// Arguments of `git chant fsck`. Exit code 1: something is wrong still.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rebuild what can be rebuilt: everything but the events of specs
    #[arg(long)]
    repair: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    // An edit that nobody has looked at yet is no fault.
    let looked = if ctx.is_set_up() { pickup::pick_up(ctx).err() } else { None };
    let mut findings = fsck::fsck(ctx, args.repair)?;
    // What was in the way may be mended now.
    let looked = looked.and_then(|error| if args.repair { pickup::pick_up(ctx).err() } else { Some(error) });
    if let Some(error) = looked {
        findings.push(fsck::Finding {
            about: "files".to_owned(),
            text: format!("the files of this checkout could not be looked at: {error:#}"),
            command: "git chant fsck --repair".to_owned(),
            mended: false,
        });
    }
    let wrong = findings.iter().filter(|finding| !finding.mended).count();
    if args.json {
        let row = |finding: &fsck::Finding| json!({ "about": finding.about, "text": finding.text, "command": finding.command, "mended": finding.mended });
        ctx.out.json(&json!({ "ok": wrong == 0, "findings": findings.iter().map(row).collect::<Vec<_>>() }));
        return Ok(if wrong == 0 { Outcome::Yes } else { Outcome::No });
    }
    for finding in &findings {
        let (colour, word) = if finding.mended { (Colour::Green, "mended") } else { (Colour::Red, "wrong") };
        ctx.out.line(format!("{} {}: {}", ctx.out.paint(colour, word, 6), safe(&finding.about), safe(&finding.text)));
        if !finding.mended {
            ctx.out.line(format!("       → {}", safe(&finding.command)));
        }
    }
    Ok(sum_up(ctx, wrong))
}
