//! Which spec is worked on next, and starting it although others want it too.

use super::claim::Unclaimed;
use super::plan::{self, Options};
use super::start::{self, Started};
use super::{find, fold};
use crate::context::Context;
use crate::failure::Failure;
use crate::git::Oid;
use crate::output::safe;
use crate::spec::{Shown, SpecId, Status};
use crate::store::transport::transport;
use anyhow::Result;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What could not be started, and the version that could not.
pub type PassedOver = BTreeMap<SpecId, Oid>;

/// Starts a spec. Where it is claimed and the remote's has moved, what it is now decides whether it may be started still.
pub fn begin(ctx: &Context, id: &SpecId, options: &Options) -> Result<Started> {
    start::until_it_takes(ctx, id, || start::begin(ctx, plan::plan(ctx, ctx.store().require(id)?, options.clone())?))
}

/// Ready specs in the order in which they are worked: larger `priority:` first, none counts as 0, then the older one.
pub fn ready(ctx: &Context) -> Result<Vec<SpecId>> {
    let (specs, _) = ctx.store().list()?;
    let graph = find::graph(ctx, &specs)?;
    let mut list = Vec::new();
    for spec in specs.iter().filter(|spec| find::shown(&graph, &spec.id) == Shown::Ready) {
        // A front matter that cannot be read says nothing here; the start says what is wrong with it.
        let priority = ctx.store().document_at(spec.tip)?.front().ok().and_then(|front| front.priority).unwrap_or(0);
        list.push((Reverse(priority), spec.id.clone()));
    }
    // Ids begin with the day and its number.
    list.sort();
    Ok(list.into_iter().map(|(_, id)| id).collect())
}

/// Starts the first ready spec that may be started here; `None` where there is none. What is passed over is named once and remembered.
pub fn begin_next(ctx: &Context, options: &Options, passed_over: &mut PassedOver) -> Result<Option<Started>> {
    if let Some(remote) = &options.claim {
        transport(&ctx.repo, remote, &[])?.fetch()?;
        super::sync::after_fold(ctx, &fold::fold(&ctx.store(), remote)?.moves)?;
    }
    loop {
        let (mut list, store) = (ready(ctx)?, ctx.store());
        list.retain(|id| passed_over.get(id).is_none_or(|tip| store.repo.reference(&id.ref_name()).ok().flatten() != Some(*tip)));
        let Some(id) = list.into_iter().next() else { return Ok(None) };
        let error = match begin(ctx, &id, options) {
            Ok(started) => return Ok(Some(started)),
            Err(error) => error,
        };
        if error.is::<Unclaimed>() {
            return Err(error);
        }
        // Somebody else was faster: it is not ready any more.
        let Some(spec) = store.load(&id)?.filter(|spec| spec.event.status == Status::Pending) else { continue };
        ctx.out.warning(safe(&format!("{id} is passed over: {error:#}")));
        for hint in error.chain().filter_map(|cause| cause.downcast_ref::<Failure>()).flat_map(Failure::hints) {
            ctx.out.hint(safe(hint));
        }
        passed_over.insert(id, spec.tip);
    }
}
