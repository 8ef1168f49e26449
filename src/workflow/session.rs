//! Going on with the client's own session, where it has one and it was here.

use super::verify;
use crate::agent::transcript::{Reader, is_session};
use crate::agent::{Agent, RunDir};
use crate::context::Context;
use crate::store::Spec;
use anyhow::Result;

/// The session of the spec's last run, for an agent that can go on with it. Of a run that died it is in what the agent printed.
///
/// Sessions are files of the client on this machine: one that another clone tells of is none here.
pub fn last(ctx: &Context, spec: &Spec, agent: &Agent, dead: Option<&RunDir>) -> Result<Option<String>> {
    let runs = verify::facts(ctx, spec)?.runs;
    let Some(run) = runs.last().filter(|run| agent.has_sessions() && run.agent == agent.name()) else { return Ok(None) };
    if let Some(dead) = dead.filter(|dead| dead.run_id() == run.id) {
        let log = std::fs::read(dead.log_path()).unwrap_or_default();
        return Ok(Reader::all(dead.format(), &log).1.session);
    }
    let here = ctx.store().kept(&run.id)?.is_some();
    Ok(run.session.clone().filter(|session| here && is_session(session)))
}

/// What an agent is told before everything else when it goes on: nothing of it is in its template.
pub fn going_on(ctx: &Context, spec: &Spec) -> Result<String> {
    let runs = verify::facts(ctx, spec)?.runs;
    let reason = runs.last().map(|run| run.reason.trim()).filter(|reason| !reason.is_empty());
    let ended = reason.map(|reason| format!(" The last run ended with: {reason}")).unwrap_or_default();
    Ok(format!("This was worked on before, in this directory. Look at what is there, and go on from it.{ended}\n\n"))
}
