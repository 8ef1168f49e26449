//! The repository's hooks: every git command of every checkout runs them.

use super::{Difference, NAMED};
use crate::git::Repository;
use crate::hook::shim::{Origin, recognise};
use crate::spec::event::one_line;
use crate::spec::shell::word;
use crate::spec::words::listed;
use crate::workflow::hooks::hooks_dir;
use std::collections::BTreeMap;
use std::fs::{self, DirEntry, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// How much of a hook is read; of a larger one, a program, its size is looked at as well.
const MOST: u64 = 1 << 20;

/// The files in the directory where git looks for hooks, at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Hooks {
    dir: PathBuf,
    files: BTreeMap<String, u64>,
}

impl Hooks {
    pub(super) fn look(repo: &Repository) -> Self {
        let dir = hooks_dir(repo);
        let entries = fs::read_dir(&dir).into_iter().flatten().flatten();
        let files = entries.filter_map(|entry| Some((entry.file_name().to_string_lossy().into_owned(), stamp(&entry)?))).collect();
        Self { dir, files }
    }

    pub(super) fn compare(&self, after: &Self) -> Option<Difference> {
        let mut names: Vec<&str> =
            self.files.iter().filter(|(name, was)| after.files.get(*name) != Some(was)).map(|(name, _)| &**name).collect();
        names.extend(after.files.keys().filter(|name| !self.files.contains_key(*name)).map(String::as_str));
        let what = one_line(&format!("the repository's hooks: changed: {}", listed(&names, NAMED)));
        (!names.is_empty()).then(|| Difference { what, see: format!("ls -lt {}", word(&self.dir.display().to_string())) })
    }
}

/// What a file is by now. One of ours is nothing but that: it is written anew whenever a setting changes.
fn stamp(entry: &DirEntry) -> Option<u64> {
    let mut text = Vec::new();
    let metadata = fs::metadata(entry.path()).ok().filter(fs::Metadata::is_file)?;
    File::open(entry.path()).ok()?.take(MOST).read_to_end(&mut text).ok()?;
    let mut hasher = DefaultHasher::new();
    if !matches!(recognise(&text), Origin::Ours { .. }) {
        (metadata.permissions().mode(), metadata.len(), text).hash(&mut hasher);
    }
    Some(hasher.finish())
}
