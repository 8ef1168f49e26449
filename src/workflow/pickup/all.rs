//! What was found in the files of a checkout, taken in together: a thousand files are one import and one commit.

use super::{Taken, files, take};
use crate::context::Context;
use crate::git::Oid;
use crate::spec::SpecId;
use crate::store::import::ImportFile;
use crate::store::spec_path;
use crate::store::view::Observation;
use anyhow::Result;

/// What was found.
#[derive(Default)]
pub(super) struct All {
    /// Specs whose files are older versions of them.
    pub(super) old: Vec<SpecId>,
    /// Files that no spec is known by.
    new: Vec<ImportFile>,
    added: Vec<(SpecId, Oid)>,
    edited: Vec<(SpecId, Oid)>,
}

impl All {
    /// Takes in each file that is not as it was.
    pub(super) fn take(&mut self, ctx: &Context, seen: &mut [Observation]) {
        for observation in seen {
            if observation.file.is_none() || observation.file == observation.view {
                continue;
            }
            match take(ctx, observation) {
                Ok(Taken::Old) => self.old.push(observation.id.clone()),
                Ok(Taken::New(file)) => self.new.push(file),
                Ok(Taken::Edit(blob)) => self.edited.push((observation.id.clone(), blob)),
                Ok(Taken::Whole) => {}
                Err(error) => not_taken(ctx, observation, &error),
            }
        }
    }

    /// Takes over the files that no spec is known by.
    pub(super) fn adopt(&mut self, ctx: &Context, seen: &mut [Observation]) {
        if self.new.is_empty() {
            return;
        }
        let done = ctx.store().import(&self.new);
        let is_new = |id: &SpecId| self.new.iter().any(|file| file.id == *id);
        for observation in seen.iter_mut().filter(|observation| is_new(&observation.id)) {
            match (&done, observation.file) {
                (Err(error), _) => not_taken(ctx, observation, error),
                (Ok(_), Some(blob)) => {
                    ctx.out.note(format!("Took over {} as spec {}.", spec_path(&observation.id), observation.id));
                    self.added.push((observation.id.clone(), blob));
                }
                (Ok(_), None) => {}
            }
        }
    }

    pub(super) fn commit(&self, ctx: &Context) -> Result<()> {
        for (verb, files) in [("add", &self.added), ("edit", &self.edited)] {
            let message = match &files[..] {
                [(id, _)] => format!("chant({id}): {verb} spec\n"),
                _ => format!("chant: {verb} {} specs\n", files.len()),
            };
            files::commit_files(ctx, files, &message)?;
        }
        Ok(())
    }
}

/// What could not be taken in stays as it is, and the next command looks again.
fn not_taken(ctx: &Context, observation: &mut Observation, error: &anyhow::Error) {
    ctx.out.warning(format!("{}: {error:#}", spec_path(&observation.id)));
    ctx.out.hint(format!("the file is as you left it; mend it, then: git chant show {}", observation.id));
    observation.file = observation.view;
}
