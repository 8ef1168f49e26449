use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::spec::EventKind;
use crate::store::Change;
use crate::workflow::{files, find};
use anyhow::Result;

/// Arguments of `git chant check` and `uncheck`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// The criteria, by the numbers that `git chant show` prints
    #[arg(required = true, value_name = "N", value_parser = number)]
    numbers: Vec<usize>,
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "criteria go by the numbers that 'git chant show ID' prints".to_owned())
}

pub fn run(ctx: &Context, args: Args, ticked: bool) -> Result<Outcome> {
    let id = find::spec(ctx, &args.id)?.id;
    let (mut was, mut changed) = (None, false);
    let spec = ctx.store().amend(&id, |spec| {
        was = Some(ctx.repo.hash_blob(spec.document.as_bytes())?);
        let mut document = spec.document.clone();
        for number in &args.numbers {
            let refused = |error: crate::spec::document::DocumentError| {
                Failure::new(format!("{id}: {}", error.message)).hint(format!("git chant show {id}"))
            };
            document.set_box(*number, ticked).map_err(refused)?;
        }
        changed = document != spec.document;
        Ok(changed.then(|| Change::new(EventKind::Edit).document(document)))
    })?;
    let numbers: Vec<String> = args.numbers.iter().map(ToString::to_string).collect();
    let verb = if ticked { "check" } else { "uncheck" };
    if let Some(spec) = spec {
        files::write_back(ctx, was, &spec, &format!("{verb} {}", numbers.join(", ")))?;
    }
    let word = if ticked { "Ticked" } else { "Unticked" };
    ctx.out.line(if changed { format!("{word} {} of {id}.", numbers.join(", ")) } else { format!("Nothing to do for {id}.") });
    Ok(Outcome::Yes)
}
