//! Which way leads to a remote.

use super::sync::{GitTransport, Transport};
use crate::git::Repository;
use anyhow::Result;

/// The way to a remote that this clone is configured for. `more` are refspecs that are fetched too.
pub fn transport<'r>(repo: &'r Repository, remote: &str, more: &[String]) -> Result<Box<dyn Transport + 'r>> {
    let mut git = GitTransport::new(repo, remote);
    for refspec in more {
        git = git.also(refspec.clone());
    }
    Ok(Box::new(git))
}
