//! Which intents this clone may run: those written here outside a run, or approved here.
//!
//! One empty file an intent in the common git directory. It is never fetched: authorship proves nothing about a command that another
//! clone wrote.

use super::Store;
use crate::spec::{Document, intent};
use anyhow::{Context as _, Result};
use std::path::PathBuf;

impl Store<'_> {
    fn trust_file(&self, intent: &str) -> PathBuf {
        self.repo.common_dir().join("chant/trust").join(intent)
    }

    /// Remembers that this clone trusts an intent.
    pub fn trust(&self, intent: &str) -> Result<()> {
        let file = self.trust_file(intent);
        if let Some(dir) = file.parent() {
            std::fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
        }
        std::fs::write(&file, b"").with_context(|| format!("could not write {}", file.display()))
    }

    /// Trusts what was made from these versions where every one of them is trusted: somebody who adds a label to another clone's spec has
    /// not read its commands. Before the event that makes it, so that nobody finds a version that is not trusted yet.
    pub fn trust_made_from(&self, from: &[&Document], made: &Document) -> Result<()> {
        if from.iter().all(|document| self.trusts(&intent::id(document))) { self.trust(&intent::id(made)) } else { Ok(()) }
    }

    /// True where this clone trusts an intent, or `chant.trust=all` says that it trusts every one.
    pub fn trusts(&self, intent: &str) -> bool {
        self.repo.config("chant.trust").is_some_and(|value| value == "all") || self.trust_file(intent).exists()
    }
}
