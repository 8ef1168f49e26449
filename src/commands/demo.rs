use crate::failure::Outcome;
use anyhow::Result;

/// Arguments of `git chant demo`.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> Result<Outcome> {
    Ok(Outcome::Yes)
}
