//! From what a person types to a spec.

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output::safe;
use crate::spec::graph::{Graph, Node};
use crate::spec::id::{Resolution, resolve};
use crate::spec::{Shown, SpecId, Status};
use crate::store::{Listed, Spec};
use anyhow::Result;

/// The id that a person means, live or archived. An ambiguous one is refused with its candidates.
pub fn id(ctx: &Context, query: &str) -> Result<SpecId> {
    let store = ctx.store();
    // The common case, a whole id, needs no list.
    if let Ok(id) = SpecId::parse(query)
        && ctx.repo.reference(&id.ref_name())?.is_some()
    {
        return Ok(id);
    }
    let live = store.ids()?;
    let found = match resolve(query, &live, &context::today()) {
        Resolution::None => {
            let archived: Vec<SpecId> = store.archived()?.into_keys().collect();
            resolve(query, &archived, &context::today())
        }
        found => found,
    };
    match found {
        Resolution::One(id) => Ok(id),
        Resolution::None => Err(Failure::new(format!("no spec matches '{}'", safe(query))).hint("git chant list").into()),
        Resolution::Many(ids) => {
            let mut failure = Failure::new(format!("'{}' could be {} specs", safe(query), ids.len()));
            for id in ids.iter().take(10) {
                failure = failure.hint(id.to_string());
            }
            Err(failure.into())
        }
    }
}

/// The live spec that a person means.
pub fn spec(ctx: &Context, query: &str) -> Result<Spec> {
    let id = id(ctx, query)?;
    match ctx.store().load(&id)? {
        Some(spec) => Ok(spec),
        None => Err(Failure::new(format!("{id} is archived"))
            .hint(format!("git chant show {id}"))
            .hint("an archived spec is only read; write a new one: git chant add 'What you want'")
            .into()),
    }
}

/// The spec that a person means, live or archived; the flag is true for an archived one.
pub fn spec_or_archived(ctx: &Context, query: &str) -> Result<(Spec, bool)> {
    let id = id(ctx, query)?;
    let store = ctx.store();
    if let Some(spec) = store.load(&id)? {
        return Ok((spec, false));
    }
    let archived = store.load_archived(&id)?;
    archived.map(|spec| (spec, true)).ok_or_else(|| Failure::new(format!("{id} has just gone")).hint("git chant list").into())
}

/// The graph of live specs. Archived ones count as done, and are read only where a dependency is not live.
pub fn graph(ctx: &Context, specs: &[Listed]) -> Result<Graph> {
    let mut nodes: Vec<Node> = specs.iter().map(node).collect();
    for (node, spec) in nodes.iter_mut().zip(specs).filter(|(_, spec)| super::members::is_driver_type(&spec.event.spec_type)) {
        // A driver waits for its members.
        let members = super::members::of(&spec.id, &ctx.store().document_at(spec.tip)?, specs);
        node.depends_on.extend(members.iter().map(ToString::to_string));
    }
    let live: std::collections::HashSet<&str> = specs.iter().map(|spec| spec.id.as_str()).collect();
    let elsewhere = specs.iter().flat_map(|spec| &spec.event.depends_on).any(|id| !live.contains(id.as_str()));
    if elsewhere {
        for (id, tip) in ctx.store().archived()? {
            if live.contains(id.as_str()) {
                continue;
            }
            let spec = ctx.store().load_at(&id, tip)?;
            let mut node = node(&Listed { id: spec.id, tip, event: spec.event });
            node.archived = true;
            nodes.push(node);
        }
    }
    Ok(Graph::new(nodes))
}

fn node(spec: &Listed) -> Node {
    Node {
        id: spec.id.clone(),
        status: spec.event.status,
        approval: spec.event.approval,
        depends_on: spec.event.depends_on.clone(),
        archived: false,
    }
}

/// What people see of a spec's status.
pub fn shown(graph: &Graph, id: &SpecId) -> Shown {
    graph.shown(id).unwrap_or(Shown::Stored(Status::Pending))
}
