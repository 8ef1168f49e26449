use super::work::used;
use crate::agent::Agent;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::safe;
use crate::spec::split::{Part, parts};
use crate::store::Spec;
use crate::workflow::live::{Bar, Live, Unheard};
use crate::workflow::plan::Options;
use crate::workflow::{files, find, split};
use anyhow::Result;

/// Arguments of `git chant split`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// Ask no agent: every `##` section becomes a member, else every item of a numbered list
    #[arg(long, conflicts_with_all = ["agent", "model"])]
    sections: bool,
    /// The agent that proposes members
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The model that the agent is to use
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Print the members, and make none
    #[arg(long)]
    dry_run: bool,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let spec = find::spec(ctx, &args.id)?;
    split::may_split(ctx, &spec)?;
    let (list, proposed) = propose(ctx, &spec, &args)?;
    if args.dry_run {
        print(ctx, &list);
        return Ok(Outcome::Yes);
    }
    let (driver, members) = split::apply(ctx, &spec, &list, !proposed)?;
    let was = ctx.repo.hash_blob(spec.document.as_bytes())?;
    files::write_back(ctx, Some(was), &driver, "split")?;
    for member in &members {
        files::write_back(ctx, None, member, "add spec")?;
        ctx.out.line(format!("Created spec: {} ({})", member.id, safe(&member.event.title)));
    }
    if proposed {
        let ids: Vec<&str> = members.iter().map(|member| member.id.as_str()).collect();
        ctx.out.hint(format!("an agent wrote them: read each, then git chant approve ID ({})", ids.join(", ")));
    }
    ctx.out.hint(format!("work them, and {} with them: git chant work {}", spec.id, spec.id));
    Ok(Outcome::Yes)
}

/// The members, and whether an agent proposed them.
fn propose(ctx: &Context, spec: &Spec, args: &Args) -> Result<(Vec<Part>, bool)> {
    let options = Options { agent: args.agent.clone(), model: args.model.clone(), ..Options::default() };
    let has_agent = || args.agent.is_some() || Agent::resolve(None, &ctx.repo).is_ok_and(|agent| matches!(agent, Agent::Client(_)));
    if !args.sections && has_agent() {
        let mut live: Box<dyn Live> = if ctx.out.moves() { Box::new(Bar::new(ctx.out, &spec.id)) } else { Box::new(Unheard) };
        let (list, facts) = split::ask(ctx, spec, &options, live.as_mut())?;
        drop(live);
        if let Some(words) = used(&facts) {
            ctx.out.note(words);
        }
        return Ok((list, true));
    }
    let list = parts(spec.document.body());
    if list.is_empty() {
        return Err(Failure::new(format!("{} has no two '##' sections, and no numbered list, to be split into", spec.id))
            .hint(format!("write them: git chant edit {}", spec.id))
            .hint(format!("or let an agent propose members: git chant split {} --agent NAME", spec.id))
            .into());
    }
    Ok((list, false))
}

fn print(ctx: &Context, list: &[Part]) {
    for (index, part) in list.iter().enumerate() {
        let waits: Vec<String> = part.depends_on.iter().map(ToString::to_string).collect();
        let waits = if waits.is_empty() { String::new() } else { format!(" (depends on {})", waits.join(", ")) };
        ctx.out.line(format!("{}. {}{waits}", index + 1, safe(&part.title)));
        for line in part.body.lines() {
            ctx.out.line(safe(&format!("   {line}")).trim_end());
        }
    }
}
