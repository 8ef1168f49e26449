//! What is for people, and not for a run.

use crate::agent::around::run_around;
use crate::context::Context;

/// True where an agent at work started us, also where it hides that.
pub fn a_run(ctx: &Context) -> bool {
    ctx.inside_run.is_some() || run_around(ctx.repo.common_dir())
}
