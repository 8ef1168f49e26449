//! Parse, run, print the failure, exit code.

use git_chant::failure::Outcome;
use git_chant::{cli, output};
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(Outcome::Yes) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Err(error) => {
            output::fatal(&error);
            ExitCode::from(128)
        }
    }
}
