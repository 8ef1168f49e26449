//! Drivers: specs whose work is that of their members.
//!
//! A driver says so: its type, which a listing knows, is `driver` or `group`. Of any other spec `x.1` is no member: two specs that shared
//! the id `x` may be called so.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::safe;
use crate::spec::{Document, SpecId, Status};
use crate::store::Listed;
use anyhow::Result;

/// The types of specs that are drivers.
const TYPES: &[&str] = &["driver", "group"];

/// The members of a driver: those that it lists, and those that bear its name (`x.1` of `x`), live ones only. Empty for any other spec.
pub fn of(id: &SpecId, document: &Document, specs: &[Listed]) -> Vec<SpecId> {
    let front = document.front().unwrap_or_default();
    if !is_driver_type(&front.spec_type) {
        return Vec::new();
    }
    let is_member = |spec: &&Listed| {
        let named = spec.id.driver().as_ref() == Some(id) && !spec.event.depends_on.iter().any(|other| other == id.as_str());
        &spec.id != id && (named || front.members.iter().any(|member| member == spec.id.as_str()))
    };
    specs.iter().filter(is_member).map(|spec| spec.id.clone()).collect()
}

/// True for the type of a driver.
pub fn is_driver_type(spec_type: &str) -> bool {
    TYPES.contains(&spec_type.trim())
}

/// True for a driver of which nobody but its members has to do anything: commands decide whatever box is still open.
pub fn suffice(id: &SpecId, document: &Document, specs: &[Listed]) -> bool {
    let decided = document.criteria().iter().all(|criterion| criterion.ticked || criterion.command.is_some());
    decided && !of(id, document, specs).is_empty()
}

/// These specs, each after the members that it has, directly or not, that are not completed.
pub fn expand(ctx: &Context, ids: &[SpecId]) -> Result<Vec<SpecId>> {
    let (specs, _) = ctx.store().list()?;
    let (mut found, mut path) = (Vec::new(), Vec::new());
    for id in ids {
        add(ctx, &specs, id, &mut path, &mut found)?;
    }
    Ok(found)
}

fn add(ctx: &Context, specs: &[Listed], id: &SpecId, path: &mut Vec<SpecId>, found: &mut Vec<SpecId>) -> Result<()> {
    if path.contains(id) {
        let message = format!("{} is a member of itself", safe(id.as_str()));
        return Err(Failure::new(message).hint(format!("git chant edit {id}")).into());
    }
    if found.contains(id) {
        return Ok(());
    }
    path.push(id.clone());
    for member in of(id, &ctx.store().require(id)?.document, specs) {
        let open = |spec: &Listed| spec.id == member && spec.event.status != Status::Completed;
        if specs.iter().any(open) {
            add(ctx, specs, &member, path, found)?;
        }
    }
    path.pop();
    found.push(id.clone());
    Ok(())
}
