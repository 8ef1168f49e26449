use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::spec::Status;
use crate::store::{ARCHIVE_DIR, Listed, spec_path};
use crate::workflow::{absent, closed, find, verify};
use anyhow::{Context as _, Result};

/// Arguments of `git chant archive`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The specs
    #[arg(value_name = "ID", required_unless_present = "label")]
    ids: Vec<String>,
    /// Every completed or cancelled spec with this label
    #[arg(long, value_name = "LABEL", conflicts_with = "ids")]
    label: Option<String>,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let (specs, _) = ctx.store().list()?;
    let chosen: Vec<Listed> = match &args.label {
        Some(label) => specs.into_iter().filter(|spec| spec.event.labels.contains(label) && spec.event.status.is_closed()).collect(),
        None => {
            let ids = args.ids.iter().map(|query| Ok(find::spec(ctx, query)?.id)).collect::<Result<Vec<_>>>()?;
            specs.into_iter().filter(|spec| ids.contains(&spec.id)).collect()
        }
    };
    for spec in &chosen {
        require_done(ctx, spec)?;
    }
    let folded = ctx.store().archive(&chosen)?;
    for id in &folded {
        move_file(ctx, id)?;
        ctx.out.line(format!("Archived: {id}"));
    }
    if folded.is_empty() {
        ctx.out.line("Nothing to archive.");
    }
    Ok(if folded.len() == chosen.len() { Outcome::Yes } else { Outcome::No })
}

/// A spec that is open, or whose work is on a branch that is not merged, stays.
fn require_done(ctx: &Context, spec: &Listed) -> Result<()> {
    let id = &spec.id;
    // What is archived counts as done for whatever depends on it.
    if !spec.event.status.is_closed() {
        let (verb, gives_up) = match spec.event.status {
            Status::Pending => ("work", true),
            Status::InProgress => ("pause", false),
            Status::NeedsAttention => ("show", true),
            _ => ("resume", true),
        };
        let failure = Failure::new(format!("{id} is {}, not completed or cancelled", spec.event.status));
        let failure = failure.hint(format!("git chant {verb} {id}"));
        return Err(if gives_up { failure.hint(format!("or give it up: git chant cancel {id}")) } else { failure }.into());
    }
    let here = ctx.repo.head()?.commit;
    let whole = ctx.store().load_at(id, spec.tip)?;
    // A merge that was recorded, or a commit that a person declared to hold the work, is known in every clone.
    if let Some(tip) = absent::tip(ctx, &whole, &verify::facts(ctx, &whole)?, here)?
        && !closed::is_merged(ctx, spec.tip)?
    {
        let held = format!("or where a commit here holds it: git chant merge --mark {id} COMMIT");
        return Err(absent::refusal(ctx, id, tip).hint(held).into());
    }
    let branch = ctx.repo.reference(&id.branch_ref())?;
    if let (Some(branch), Some(here)) = (branch, here)
        && !ctx.repo.is_ancestor(branch, here)?
    {
        return Err(Failure::new(format!("{id} has work on {} that is not merged", id.branch()))
            .hint(format!("git chant merge {id}"))
            .hint(format!("or give it up, its work is kept: git chant reset {id}, then git chant cancel {id}"))
            .into());
    }
    Ok(())
}

/// Moves the file to `.chant/archive/`, and commits the move where this checkout may.
fn move_file(ctx: &Context, id: &crate::spec::SpecId) -> Result<()> {
    let (Some(from), Some(top)) = (ctx.store().file(id), ctx.repo.work_dir()) else { return Ok(()) };
    if !from.exists() || ctx.inside_run.is_some() {
        return Ok(());
    }
    let new = format!("{ARCHIVE_DIR}/{}", id.file_name());
    let to = top.join(&new);
    if let Some(dir) = to.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
    }
    if to.exists() {
        return Ok(());
    }
    std::fs::rename(&from, &to).with_context(|| format!("could not move {}", from.display()))?;
    if ctx.commits_files() {
        let blob = ctx.repo.write_blob(&std::fs::read(&to).with_context(|| format!("could not read {new}"))?)?;
        let changes = [(spec_path(id), None), (new.clone(), Some(blob))];
        if let crate::git::checkout::PathCommit::NotCommitted(reason) =
            ctx.repo.commit_paths(&changes, &format!("chant({id}): archive\n"))?
        {
            ctx.out.note(format!("{new} is moved but not committed: {reason}."));
        }
    }
    Ok(())
}
