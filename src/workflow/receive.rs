//! What a server is asked: may this push come in? It is judged as a whole, in its quarantine, with the specs that come in the same push.

use super::ask::{self, Answer, Refusal};
use super::judge;
use crate::context::Context;
use crate::gate::Reason;
use crate::git::{Oid, Repository};
use crate::hook::input::{NewValue, RefUpdate};
use crate::spec::SpecId;
use crate::store::{ARCHIVE_REF, SPEC_REFS};
use anyhow::Result;

/// Judges a push: every protected branch that it moves, and that no event of a spec is taken away by it.
pub fn receive(ctx: &Context, updates: &[RefUpdate]) -> Result<Answer> {
    let moved: Vec<(String, Option<Oid>)> = updates.iter().map(|update| (update.name.to_string(), value(&update.new))).collect();
    let shared: Vec<_> = moved.iter().filter(|(name, _)| name.starts_with("refs/chant/")).cloned().collect();
    let view = ctx.repo.quarantine(&shared)?;
    let seen = Context::of(view.repo);
    let mut refusals = Vec::new();
    for (name, new) in &shared {
        if let Some(reason) = rewritten(&ctx.repo, &seen.repo, name, *new)? {
            refusals.push(Refusal { target: name.clone(), reasons: vec![reason], tips: Vec::new() });
        }
    }
    for update in updates {
        let name = update.name.to_string();
        if !name.starts_with("refs/heads/") || !judge::protects(&seen.repo, &name, seen.repo.reference(&name)?)? {
            continue;
        }
        if let Answer::No(more) = ask::update(&seen, &name, &update.new, true)? {
            refusals.extend(more);
        }
    }
    for reason in refusals.iter_mut().flat_map(|refusal| &mut refusal.reasons) {
        // Here it was not pushed; where it was written it is known.
        if let Reason::UnknownSpec { id } = reason {
            *reason = Reason::NotPushed { id: std::mem::take(id) };
        }
    }
    Ok(if refusals.is_empty() { Answer::Fine } else { Answer::No(refusals) })
}

fn value(new: &NewValue) -> Option<Oid> {
    if let NewValue::Object(hex) = new { Oid::from_hex(hex) } else { None }
}

/// Events are only ever added: a spec's ref moves forward, or goes when the archive has taken its tip.
fn rewritten(before: &Repository, after: &Repository, name: &str, new: Option<Oid>) -> Result<Option<Reason>> {
    let id = name.strip_prefix(SPEC_REFS).and_then(|id| SpecId::parse(id).ok()).map(|id| id.to_string());
    let of = if name == ARCHIVE_REF { Some("archive".to_owned()) } else { id };
    let (Some(id), Some(old)) = (of, before.reference(name)?) else { return Ok(None) };
    let kept_by = match new {
        Some(new) => Some(new),
        None if name == ARCHIVE_REF => None,
        None => after.reference(ARCHIVE_REF)?,
    };
    let kept = kept_by.map(|tip| after.is_ancestor(old, tip)).transpose()?.unwrap_or(false);
    Ok((!kept).then_some(Reason::EventsLost { id }))
}
