//! Names of commits, and of what git shows in the place of other objects: those that a run's agent took away or moved.

use super::{Difference, keep};
use crate::context::Context;
use crate::git::{Oid, RefChange, RefUpdate};
use crate::spec::SpecId;
use crate::spec::event::one_line;
use crate::spec::shell::word;
use crate::store::notes::NOTES_REF;
use crate::store::{SPEC_REFS, Spec};
use anyhow::Result;
use std::collections::BTreeMap;

const BRANCHES: &str = "refs/heads/";
const REPLACEMENTS: &str = "refs/replace/";

/// What is looked at, and what people call one of it.
const KINDS: [(&str, &str); 4] = [(BRANCHES, "branch"), ("refs/tags/", "tag"), ("refs/notes/", "notes"), (REPLACEMENTS, "replacement")];

/// Every name that is not ours.
pub(super) fn look(ctx: &Context) -> BTreeMap<String, Oid> {
    let all = KINDS.into_iter().flat_map(|(prefix, _)| ctx.repo.references(prefix).unwrap_or_default());
    all.filter(|(name, _)| !name.starts_with("refs/heads/chant/") && name != NOTES_REF).collect()
}

/// Names that are gone or left commits behind. One that only went forward, or is new, is somebody's ordinary work; but what is shown in the
/// place of another object is shown to every command.
pub(super) fn compare(ctx: &Context, run: &str, before: &BTreeMap<String, Oid>, after: &BTreeMap<String, Oid>) -> Vec<Difference> {
    let mut list = Vec::new();
    for (full, old) in before {
        let Some((prefix, kind, name)) = parts(full) else { continue };
        let new = after.get(full);
        // A tag does not go forward; and git follows an annotated one to its commit.
        let may_go_forward = prefix == BRANCHES || kind == "notes";
        let what = match new {
            None => format!("{kind} {name} was deleted; it was at {}", old.short()),
            Some(new) if new == old || (may_go_forward && ctx.repo.is_ancestor(*old, *new).unwrap_or(true)) => continue,
            Some(new) => format!("{kind} {name} left {} behind for {}", old.short(), new.short()),
        };
        keep(ctx, run, *old);
        let see = match (prefix, new) {
            (BRANCHES, Some(_)) => format!("git reflog {}", word(name)),
            (BRANCHES, None) => format!("git branch {} {old}", word(name)),
            _ => format!("git update-ref {} {old}", word(full)),
        };
        list.push(Difference { what: one_line(&what), see });
    }
    for full in after.keys().filter(|full| !before.contains_key(*full)) {
        if let Some((REPLACEMENTS, _, name)) = parts(full) {
            let what = one_line(&format!("git shows another object in the place of {name}"));
            list.push(Difference { what, see: format!("git replace -d {}", word(name)) });
        }
    }
    list
}

fn parts(full: &str) -> Option<(&'static str, &'static str, &str)> {
    KINDS.into_iter().find_map(|(prefix, kind)| Some((prefix, kind, full.strip_prefix(prefix)?)))
}

/// Specs that are gone, and not into the archive: no log of git's says where they were.
pub(super) fn lost_specs(ctx: &Context, run: &str, before: &BTreeMap<String, Oid>, after: &BTreeMap<String, Oid>) -> Vec<Difference> {
    let mut list = Vec::new();
    for (full, old) in before.iter().filter(|(full, _)| !after.contains_key(*full)) {
        let name = full.strip_prefix(SPEC_REFS).unwrap_or(full);
        let archived = SpecId::parse(name).is_ok_and(|id| ctx.store().load_archived(&id).is_ok_and(|spec| spec.is_some()));
        if !archived {
            keep(ctx, run, *old);
            let what = one_line(&format!("spec {name} was deleted; its last event was {}", old.short()));
            list.push(Difference { what, see: format!("git update-ref {} {old} ''", word(full)) });
        }
    }
    list
}

/// Puts the run's own spec back where its ref is gone, for nobody could say how the run ended. What was recorded since the run began is lost.
pub fn put_back(ctx: &Context, spec: &Spec) -> Result<Option<Difference>> {
    let name = spec.id.ref_name();
    if ctx.repo.reference(&name)?.is_some() || ctx.store().load_archived(&spec.id)?.is_some() {
        return Ok(None);
    }
    let done = ctx.repo.update_refs(&[RefChange::new(name, None, Some(spec.tip))], "chant: put back")?;
    let what = "its own spec was deleted, and is put back as it was when the run began".to_owned();
    Ok((done == RefUpdate::Done).then(|| Difference { what, see: format!("git chant history {}", spec.id) }))
}
