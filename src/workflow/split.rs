//! Splitting a spec: its members become specs of their own, and it becomes their driver.

use super::live::Live;
use super::plan::{self, Options};
use super::{inside, question, verify};
use crate::agent::transcript::Facts;
use crate::context::Context;
use crate::failure::Failure;
use crate::git::RefChange;
use crate::spec::document::FieldValue;
use crate::spec::split::{Part, parts};
use crate::spec::{Document, EventKind, SpecId, Status};
use crate::store::{Change, Spec, spec_path};
use anyhow::{Context as _, Result};

/// Refuses a spec that is worked already, or split.
pub fn may_split(ctx: &Context, spec: &Spec) -> Result<()> {
    let id = &spec.id;
    if spec.event.status != Status::Pending {
        let verb = if spec.event.status == Status::InProgress { "pause" } else { "reset" };
        return Err(Failure::new(format!("{id} is {}", spec.event.status)).hint(format!("git chant {verb} {id}")).into());
    }
    let front = spec.document.front().with_context(|| format!("could not read {}", spec_path(id)))?;
    if !front.members.is_empty() {
        return Err(Failure::new(format!("{id} is split already")).hint(format!("git chant work {id}")).into());
    }
    verify::require_trust(ctx, spec, false)
}

/// Asks an agent.
pub fn ask(ctx: &Context, spec: &Spec, options: &Options, live: &mut dyn Live) -> Result<(Vec<Part>, Facts)> {
    let options = Options { prompt: options.prompt.clone().or(Some("split".to_owned())), ..options.clone() };
    let plan = plan::plan_unchecked(ctx, spec.clone(), options)?;
    let sections = format!("git chant split {} --sections", spec.id);
    if plan.agent.is_interactive() {
        return Err(Failure::new("'manual' proposes nothing").hint(sections).into());
    }
    let name = plan.agent.name().to_owned();
    let answer = question::ask(ctx, plan, live)?;
    if let Some(trouble) = answer.trouble {
        return Err(Failure::new(format!("'{name}' proposed nothing: {trouble}")).hint(sections).into());
    }
    let found = parts(answer.words.as_bytes());
    if found.is_empty() {
        let said: String = answer.words.trim().chars().take(300).collect();
        let message = format!("the agent proposed no members: {}", if said.is_empty() { "it said nothing" } else { &said });
        return Err(Failure::new(message).hint(sections).into());
    }
    Ok((found, answer.facts))
}

/// Makes the members and the spec their driver, all or nothing; the driver comes first. What came from an agent is trusted only once a
/// person has approved it.
pub fn apply(ctx: &Context, spec: &Spec, list: &[Part], trusted: bool) -> Result<(Spec, Vec<Spec>)> {
    let ids = ids(ctx, spec, list.len())?;
    let members = ids.iter().zip(documents(spec, list, &ids)?).map(|(id, document)| {
        if trusted {
            inside::trust(ctx, &document)?;
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
    inside::trust(ctx, &document)?;
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
