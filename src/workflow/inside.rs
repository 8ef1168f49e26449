//! What is for people, and not for a run.

use crate::agent::around::run_around;
use crate::context::Context;
use crate::spec::{Document, intent};
use anyhow::Result;

/// True where an agent at work started us, also where it hides that.
pub fn a_run(ctx: &Context) -> bool {
    ctx.inside_run.is_some() || run_around(ctx.repo.common_dir())
}

/// Trusts what a person wrote or has read. What a run writes waits for a person's approval.
pub fn trust(ctx: &Context, document: &Document) -> Result<()> {
    if a_run(ctx) { Ok(()) } else { ctx.store().trust(&intent::id(document)) }
}

/// The same of what was made from other versions: as far as every one of those is trusted.
pub fn trust_made_from(ctx: &Context, from: &[&Document], made: &Document) -> Result<()> {
    if a_run(ctx) { Ok(()) } else { ctx.store().trust_made_from(from, made) }
}
