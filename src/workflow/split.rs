//! Splitting a spec: its members become specs of their own, and it becomes their driver.

use super::plan::{self, Options, Plan};
use super::verify;
use crate::agent::process::{Task, run as run_process};
use crate::agent::transcript::Reader;
use crate::agent::{Ended, Place};
use crate::context::Context;
use crate::failure::Failure;
use crate::git::{RefChange, Repository};
use crate::spec::document::FieldValue;
use crate::spec::split::{Part, parts};
use crate::spec::{Document, EventKind, SpecId, Status, intent};
use crate::store::{Change, Spec, spec_path};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};

/// Refuses a spec that is worked already, or split.
pub fn may_split(ctx: &Context, spec: &Spec) -> Result<()> {
    let id = &spec.id;
    if spec.event.status != Status::Pending {
        return Err(Failure::new(format!("{id} is {}", spec.event.status)).hint(format!("git chant reset {id}")).into());
    }
    let front = spec.document.front().with_context(|| format!("could not read {}", spec_path(id)))?;
    if !front.members.is_empty() {
        return Err(Failure::new(format!("{id} is split already")).hint(format!("git chant work {id}")).into());
    }
    verify::require_trust(ctx, spec, false)
}

/// Asks an agent, which works in a worktree of its own and is to change nothing.
pub fn ask(ctx: &Context, spec: &Spec, options: &Options) -> Result<Vec<Part>> {
    let options = Options { prompt: options.prompt.clone().or(Some("split".to_owned())), ..options.clone() };
    let mut plan = plan::plan_unchecked(ctx, spec.clone(), options)?;
    if plan.agent.is_interactive() {
        return Err(Failure::new("'manual' proposes nothing").hint(format!("git chant split {} --sections", spec.id)).into());
    }
    plan.worktree = plan::worktrees_dir(&ctx.repo).join(format!(".split-{:06x}", fastrand::u32(..0x0100_0000)));
    ctx.repo.add_detached_worktree(&plan.worktree, plan.base)?;
    let answer = answer(ctx, &plan);
    if let Err(error) = ctx.repo.remove_worktree(&plan.worktree) {
        ctx.out.warning(format!("the agent changed something, which is kept in {}: {error:#}", plan.worktree.display()));
    }
    let answer = answer?;
    let found = parts(answer.as_bytes());
    if found.is_empty() {
        let said: String = answer.trim().chars().take(300).collect();
        let message = format!("the agent proposed no members: {}", if said.is_empty() { "it said nothing" } else { &said });
        return Err(Failure::new(message).hint(format!("git chant split {} --sections", spec.id)).into());
    }
    Ok(found)
}

fn answer(ctx: &Context, plan: &Plan) -> Result<String> {
    let dir = tempfile::tempdir().context("could not make a temporary directory")?;
    let prompt_file = dir.path().join("prompt.md");
    std::fs::write(&prompt_file, plan::ask(ctx, plan)?).context("could not write the prompt")?;
    let place = place(ctx, plan, dir.path(), prompt_file.clone())?;
    let invocation = plan.agent.invocation(plan.spec.document.body(), &place)?;
    let log = dir.path().join("log");
    let open = std::fs::OpenOptions::new().create(true).append(true).read(true).open(&log).context("could not open a temporary file")?;
    let mut env =
        vec![("CHANT_RUN_ID".into(), format!("split-{:08x}", fastrand::u32(..)).into()), ("GIT_TERMINAL_PROMPT".into(), "0".into())];
    env.extend(invocation.env);
    let limits = plan.agent.limits();
    let ended = run_process(
        Task {
            program: invocation.program,
            args: invocation.args,
            cwd: plan.worktree.clone(),
            env,
            prompt_file: if invocation.prompt_on_stdin { prompt_file } else { PathBuf::from("/dev/null") },
            log: open,
            group_file: None,
            timeout: plan.options.timeout.or(limits.time),
            idle: limits.idle,
            max_output: limits.output,
            grace: limits.grace,
            interactive: false,
        },
        &mut |_| {},
    )?;
    let said = std::fs::read(&log).context("could not read what the agent said")?;
    let facts = Reader::all(plan.agent.format(), &said).1;
    let trouble = match ended {
        Ended::Exited(0) => facts.failure(),
        Ended::Exited(code) => Some(format!("it exited with {code}")),
        _ => Some("it was ended".to_owned()),
    };
    if let Some(trouble) = trouble {
        return Err(Failure::new(format!("the agent '{}' failed: {trouble}", plan.agent.name()))
            .hint(format!("git chant split {} --sections", plan.spec.id))
            .into());
    }
    Ok(match plan.agent.format().is_plain() {
        true => String::from_utf8_lossy(&said).into_owned(),
        false => facts.last_words.unwrap_or_default(),
    })
}

fn place(ctx: &Context, plan: &Plan, dir: &Path, prompt_file: PathBuf) -> Result<Place> {
    Ok(Place {
        prompt_file,
        worktree: plan.worktree.clone(),
        spec_id: plan.spec.id.to_string(),
        spec_file: plan.worktree.join(spec_path(&plan.spec.id)),
        model: plan.options.model.clone(),
        session: None,
        git_common_dir: ctx.repo.common_dir().to_owned(),
        git_dir: Repository::open(&plan.worktree)?.git_dir().to_owned(),
        log_dir: dir.to_owned(),
        max_cost: plan.agent.limits().cost,
    })
}

/// Makes the members and the spec their driver, all or nothing; the driver comes first. What came from an agent is trusted only once a
/// person has approved it.
pub fn apply(ctx: &Context, spec: &Spec, list: &[Part], trusted: bool) -> Result<(Spec, Vec<Spec>)> {
    let trusts = trusted && ctx.inside_run.is_none();
    let ids = ids(ctx, spec, list.len())?;
    let members = ids.iter().zip(documents(spec, list, &ids)?).map(|(id, document)| {
        if trusts {
            ctx.store().trust(&intent::id(&document))?;
        }
        ctx.store().draft(id, &Change::new(EventKind::Create).document(document))
    });
    let members: Vec<Spec> = members.collect::<Result<_>>()?;
    let refs: Vec<RefChange> = members.iter().map(|member| RefChange::new(member.id.ref_name(), None, Some(member.tip))).collect();
    loop {
        let now = ctx.store().require(&spec.id)?;
        let change = drive(ctx, &now, &members)?;
        if let Some(driver) = ctx.store().append_with(&now, &change, &refs)? {
            return Ok((driver, members));
        }
        for member in &members {
            if ctx.store().load(&member.id)?.is_some() {
                return Err(Failure::new(format!("{} was taken meanwhile", member.id)).hint(format!("git chant split {}", spec.id)).into());
            }
        }
    }
}

/// What the members ask for.
fn documents(spec: &Spec, list: &[Part], ids: &[SpecId]) -> Result<Vec<Document>> {
    let front = spec.document.front().unwrap_or_default();
    let mut made = Vec::new();
    for part in list {
        let mut fields: Vec<(&str, FieldValue)> = vec![("type", front.spec_type.clone().into()), ("status", "pending".into())];
        let depends_on = part.depends_on.iter().filter_map(|number| ids.get(number.checked_sub(1)?)).map(ToString::to_string);
        let depends_on: Vec<String> = depends_on.chain(front.depends_on.iter().cloned()).collect();
        for (name, list) in [("labels", &front.labels), ("depends_on", &depends_on)] {
            if !list.is_empty() {
                fields.push((name, list.clone().into()));
            }
        }
        let document = Document::new(&fields, &part.title, &part.body);
        document.front().map_err(|error| Failure::new(format!("the member '{}': {error}", part.title)))?;
        made.push(document);
    }
    Ok(made)
}

/// The event that makes a spec the driver of these members.
fn drive(ctx: &Context, spec: &Spec, members: &[Spec]) -> Result<Change> {
    let members: Vec<String> = members.iter().map(|member| member.id.to_string()).collect();
    let mut document = spec.document.clone();
    document.set("type", "driver".into());
    document.set("members", FieldValue::List(members.clone()));
    if ctx.inside_run.is_none() {
        ctx.store().trust(&intent::id(&document))?;
    }
    Ok(Change::new(EventKind::Edit).document(document).text(format!("split into {}", members.join(", "))))
}

/// The first ids `x.1`, `x.2`, … that nobody has.
fn ids(ctx: &Context, spec: &Spec, count: usize) -> Result<Vec<SpecId>> {
    let mut taken = ctx.store().ids()?;
    taken.extend(ctx.store().archived()?.into_keys());
    let mut ids = Vec::new();
    for number in 1.. {
        let id = SpecId::parse(&format!("{}.{number}", spec.id)).map_err(|error| Failure::new(error.to_string()))?;
        if !taken.contains(&id) {
            ids.push(id);
        }
        if ids.len() == count {
            break;
        }
    }
    Ok(ids)
}
