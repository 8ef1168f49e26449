use super::sum_up;
use crate::context::Context;
use crate::failure::Outcome;
use crate::output::{Colour, safe};
use crate::workflow::doctor::{self, Level};
use anyhow::Result;
use serde_json::json;

/// Arguments of `git chant doctor`. Exit code 1: something is wrong, and what mends it was printed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let findings = doctor::examine(ctx)?;
    let wrong = findings.iter().filter(|finding| finding.level == Level::Wrong).count();
    if args.json {
        let rows: Vec<_> = findings
            .iter()
            .map(
                |finding| json!({ "level": finding.level.as_str(), "about": finding.about, "text": finding.text, "command": finding.mend }),
            )
            .collect();
        ctx.out.json(&json!({ "ok": wrong == 0, "findings": rows }));
        return Ok(if wrong == 0 { Outcome::Yes } else { Outcome::No });
    }
    for finding in &findings {
        let colour = match finding.level {
            Level::Ok => Colour::Green,
            Level::Note => Colour::Yellow,
            Level::Wrong => Colour::Red,
        };
        let word = ctx.out.paint(colour, finding.level.as_str(), 6);
        ctx.out.line(format!("{word} {:<10} {}", finding.about, safe(&finding.text)));
        if let Some(mend) = &finding.mend {
            ctx.out.line(format!("{:17} → {}", "", safe(mend)));
        }
    }
    Ok(sum_up(ctx, wrong))
}
