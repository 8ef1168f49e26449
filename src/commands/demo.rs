use crate::failure::Outcome;
use anyhow::Result;

/// Arguments of `git chant demo`.
#[derive(Debug, clap::Args)]
pub struct Args {}

#[expect(clippy::unnecessary_wraps, reason = "every verb answers alike")]
pub fn run(_args: Args) -> Result<Outcome> {
    Ok(Outcome::Yes)
}
