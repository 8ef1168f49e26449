use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::hook::{HookKind, shim};
use crate::output::safe;
use crate::workflow::ask::{self, Refusal};
use crate::workflow::{half_done, hooks, overrule, settings};
use anyhow::Result;
use std::ffi::OsString;
use std::io::Read as _;

/// Arguments of `git chant hook`: the hook's name and what git handed to it. Standard input is the hook's own.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The hook's name
    kind: String,
    /// What git handed to it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

pub fn run(args: Args) -> Result<Outcome> {
    let kind: HookKind = args.kind.parse().map_err(|error| Failure::new(format!("{error}")))?;
    let mut stdin = Vec::new();
    if kind.reads_stdin() {
        std::io::stdin().read_to_end(&mut stdin)?;
    }
    let ctx = Context::discover_to_judge()?;
    if std::env::var("GIT_CHANT_HOOK").ok().and_then(|version| version.parse::<u32>().ok()).unwrap_or(1) < shim::VERSION {
        ctx.out.hint("the hooks here are of an older git-chant; renew them: git chant hooks install");
    }
    let answer = ask::answer(&ctx, kind, &args.args, &stdin)?;
    // A hook that could not be renewed goes on asking; nobody's merge is stopped for that.
    drop(hooks::refresh_if_older(&ctx));
    match answer {
        ask::Answer::Fine => Ok(Outcome::Yes),
        ask::Answer::No(refusals) => refuse(&ctx, kind, &refusals),
    }
}

/// Says why, and lets it through all the same where a person says so here and now. Nobody can say that on a server's behalf.
fn refuse(ctx: &Context, kind: HookKind, refusals: &[Refusal]) -> Result<Outcome> {
    let why = overrule::word().filter(|_| kind != HookKind::PreReceive);
    if let Some(why) = &why {
        match overrule::overrule(ctx, refusals, why) {
            Ok(()) => {
                let count: usize = refusals.iter().map(|refusal| refusal.reasons.len()).sum();
                ctx.out.warning(format!(
                    "let through in spite of {count} {}: {}",
                    if count == 1 { "reason" } else { "reasons" },
                    safe(why)
                ));
                return Ok(Outcome::Yes);
            }
            Err(error) => {
                print_refusals(ctx, kind, refusals);
                return Err(error);
            }
        }
    }
    print_refusals(ctx, kind, refusals);
    for hint in half_done::hints(ctx, kind, refusals) {
        ctx.out.hint(hint);
    }
    if kind == HookKind::PreReceive {
        ctx.out.hint("then push both again: git chant push && git push");
    }
    Ok(Outcome::No)
}

fn print_refusals(ctx: &Context, kind: HookKind, refusals: &[Refusal]) {
    for refusal in refusals {
        ctx.out.error(safe(&headline(kind, &refusal.target)));
        super::gate::print_reasons(ctx, &refusal.reasons);
        // What cannot be read here was said.
        drop(settings::tell_guesses(ctx, &refusal.target));
    }
}

fn headline(kind: HookKind, target: &str) -> String {
    if target.starts_with("refs/") {
        return format!("this would rewrite {target}; git-chant refuses it:");
    }
    let whose = if kind == HookKind::PrePush { " of the remote" } else { "" };
    format!("this would bring unfinished work into {target}{whose}; git-chant refuses it:")
}
