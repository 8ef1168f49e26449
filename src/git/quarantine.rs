//! The repository as it would be after a push, while git still holds what was pushed in quarantine.

use super::{Oid, Repository};
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A view of a repository in a directory of its own, which is gone with it: its refs and objects are the repository's and those of the
/// push. Whatever is written there is gone too, so a push that is refused leaves nothing behind.
pub struct Quarantine {
    /// The repository as it would be.
    pub repo: Repository,
    _dir: tempfile::TempDir,
}

impl Repository {
    /// The view in which these refs (full name, new value) have moved already. gix knows no quarantine; it knows alternates.
    pub fn quarantine(&self, moved: &[(String, Option<Oid>)]) -> Result<Quarantine> {
        let dir = tempfile::Builder::new().prefix("git-chant-").tempdir().context("could not make a temporary directory")?;
        let write = |path: &str, text: String| {
            let file = dir.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap_or(dir.path()))
                .and_then(|()| std::fs::write(&file, text))
                .context("could not write a temporary file")
        };
        std::fs::create_dir_all(dir.path().join("refs")).context("could not make a temporary directory")?;
        let real = self.common_dir().canonicalize().context("could not find the git directory")?;
        let head = self.git().command(["symbolic-ref", "-q", "HEAD"]).run_raw()?;
        let head = String::from_utf8_lossy(&head.stdout).trim().to_owned();
        write("HEAD", if head.is_empty() { "ref: refs/heads/main\n".to_owned() } else { format!("ref: {head}\n") })?;
        write("config", self.view_config(&real))?;
        write("objects/info/alternates", object_dirs(&real))?;
        write("packed-refs", self.moved_refs(moved)?)?;
        let repo = Repository::open(dir.path())?;
        Ok(Quarantine { repo, _dir: dir })
    }

    /// The real configuration, without what says where and how the real repository keeps its parts.
    fn view_config(&self, real: &std::path::Path) -> String {
        let path = real.join("config").display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
        let include = format!("[include]\n\tpath = \"{path}\"\n");
        let sha256 = self.config("extensions.objectFormat").is_some_and(|format| format == "sha256");
        // What is pushed is judged as it is.
        let mut format = format!(
            "[core]\n\trepositoryFormatVersion = {}\n\tbare = true\n\tuseReplaceRefs = false\n",
            u8::from(sha256 || self.reftable())
        );
        if sha256 {
            format += "[extensions]\n\tobjectFormat = sha256\n";
        }
        // Only a git that knows reftable knows this word.
        if self.reftable() {
            format += "[extensions]\n\trefStorage = files\n";
        }
        include + &format
    }

    fn moved_refs(&self, moved: &[(String, Option<Oid>)]) -> Result<String> {
        let text = self.git().command(["for-each-ref", "--format=%(refname) %(objectname)"]).line()?;
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        let mut refs: BTreeMap<String, String> = pairs.map(|(name, id)| (name.to_owned(), id.to_owned())).collect();
        for (name, new) in moved {
            match new {
                Some(new) => drop(refs.insert(name.clone(), new.to_string())),
                None => drop(refs.remove(name)),
            }
        }
        let lines: String = refs.into_iter().map(|(name, id)| format!("{id} {name}\n")).collect();
        Ok(format!("# pack-refs with: sorted\n{lines}"))
    }
}

/// The quarantine and the real objects, a line each.
fn object_dirs(real: &std::path::Path) -> String {
    let quarantine = std::env::var_os("GIT_OBJECT_DIRECTORY").map(PathBuf::from).and_then(|dir| dir.canonicalize().ok());
    let dirs = quarantine.into_iter().chain([real.join("objects")]);
    dirs.map(|dir| format!("{}\n", dir.display())).collect()
}
