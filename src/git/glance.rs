//! What a checkout looks like at one moment, so that two moments can be compared.

use super::{Git, Oid, Repository};
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// One look at a checkout: as much as a single `git status` tells, and of every path that it names the size and time of the file.
///
/// Ignored files are not looked at, and of an untracked directory only the directory itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// The branch without `refs/heads/`, or git's `(detached)`.
    pub branch: String,
    /// The commit; `None` before the first one.
    pub head: Option<Oid>,
    paths: BTreeMap<Vec<u8>, String>,
}

impl Glance {
    /// Looks at the checkout with this top. Nothing is written, the index's own cache of file times included.
    pub fn at(top: &Path) -> Result<Self> {
        let args = ["status", "--porcelain=v2", "--branch", "-z", "--no-renames", "--no-ahead-behind", "--ignore-submodules=dirty"];
        let output = Git::at(top).command(args).output()?;
        Ok(Self::parse(&output, |path| stamp(&top.join(OsStr::from_bytes(path)))))
    }

    fn parse(status: &[u8], stamp: impl Fn(&[u8]) -> String) -> Self {
        let mut glance = Self::default();
        for entry in status.split(|&byte| byte == 0).filter(|entry| !entry.is_empty()) {
            // "# branch.oid 12ab", "1 M. N... 100644 100644 100644 <head> <index> path", "u UU N... <4 modes> <3 ids> path", "? path"
            let fields = match entry[0] {
                b'#' => 3,
                b'1' => 9,
                b'u' => 11,
                _ => 2,
            };
            let mut words = entry.splitn(fields, |&byte| byte == b' ');
            let before: Vec<_> = words.by_ref().take(fields - 1).map(String::from_utf8_lossy).collect();
            let last = words.next().unwrap_or_default();
            match before.get(1).map(AsRef::as_ref) {
                Some("branch.oid") => glance.head = Oid::from_hex(&String::from_utf8_lossy(last)),
                Some("branch.head") => glance.branch = String::from_utf8_lossy(last).into_owned(),
                _ if entry[0] == b'#' => {}
                _ => drop(glance.paths.insert(last.to_vec(), format!("{} {}", before.join(" "), stamp(last)))),
            }
        }
        glance
    }

    /// The paths that are not in the same state in both, sorted.
    pub fn changed_paths(&self, after: &Self) -> Vec<Vec<u8>> {
        let mut list: Vec<_> =
            self.paths.iter().filter(|(path, state)| after.paths.get(*path) != Some(state)).map(|(path, _)| path).collect();
        list.extend(after.paths.keys().filter(|path| !self.paths.contains_key(*path)));
        list.sort();
        list.into_iter().cloned().collect()
    }
}

/// Looks that threads share: a look reads every file of a checkout, and where many want one at the same time one is enough.
#[derive(Debug, Default)]
pub struct Glances {
    places: Mutex<BTreeMap<PathBuf, Arc<Mutex<Last>>>>,
}

/// The last look at one checkout, and when it began.
type Last = Option<(Instant, Option<Glance>)>;

impl Glances {
    /// A look at the checkout with this top that begins no earlier than now; `None` where it cannot be read. All who ask while another look
    /// goes on share the next one.
    pub fn at(&self, top: &Path) -> Option<Glance> {
        self.since(Instant::now(), top, || Glance::at(top).ok())
    }

    fn since(&self, asked: Instant, top: &Path, look: impl FnOnce() -> Option<Glance>) -> Option<Glance> {
        let last = Arc::clone(self.places.lock().ok()?.entry(top.to_owned()).or_default());
        let mut last = last.lock().ok()?;
        if let Some((_, glance)) = last.as_ref().filter(|(began, _)| *began >= asked) {
            return glance.clone();
        }
        let began = Instant::now();
        let glance = look();
        *last = Some((began, glance.clone()));
        glance
    }
}

/// Size, time and mode of a file: what differs from HEAD already can be written to again without `git status` saying anything new.
fn stamp(path: &Path) -> String {
    let metadata = path.symlink_metadata();
    metadata.map_or_else(|_| "-".to_owned(), |m| format!("{} {}.{:09} {:o}", m.len(), m.mtime(), m.mtime_nsec(), m.mode()))
}

impl Repository {
    /// The file with the repository's own configuration, which every checkout obeys.
    pub fn own_config(&self) -> Vec<u8> {
        std::fs::read(self.common_dir().join("config")).unwrap_or_default()
    }

    /// The keys that two such files do not have alike. Values may be keys to something else: they are not told.
    pub fn changed_keys(&self, was: &[u8], is: &[u8]) -> Result<BTreeSet<String>> {
        if was == is {
            return Ok(BTreeSet::new());
        }
        let entries = |file: &[u8]| -> Result<BTreeSet<Vec<u8>>> {
            let list = self.git().command(["config", "--no-includes", "--file", "-", "--list", "-z"]).stdin(file.to_vec()).output()?;
            Ok(list.split(|&byte| byte == 0).filter(|entry| !entry.is_empty()).map(<[u8]>::to_vec).collect())
        };
        let key = |entry: &Vec<u8>| String::from_utf8_lossy(entry.split(|&byte| byte == b'\n').next().unwrap_or_default()).into_owned();
        Ok(entries(was)?.symmetric_difference(&entries(is)?).map(key).collect())
    }

    /// The commits of the stash, newest first. All worktrees share it.
    pub fn stashes(&self) -> Result<Vec<Oid>> {
        if self.reference("refs/stash")?.is_none() {
            return Ok(Vec::new());
        }
        let text = self.git().command(["log", "-g", "--format=%H", "refs/stash", "--"]).line()?;
        Ok(text.lines().filter_map(Oid::from_hex).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn every_kind_of_line_is_read() {
        let id = "1234567890".repeat(4);
        let status = format!(
            "# branch.oid {id}\0# branch.head main\0# branch.ab +? -?\01 .M N... 100644 100644 100644 {id} {id} a b\n\0\
             u UU N... 1 2 3 4 {id} {id} {id} c\0? d e\0"
        );
        let glance = Glance::parse(status.as_bytes(), |_| "s".to_owned());
        assert_eq!((glance.branch.as_str(), glance.head), ("main", Oid::from_hex(&id)));
        let paths: Vec<_> = glance.paths.keys().map(|path| String::from_utf8_lossy(path)).collect();
        assert_eq!(paths, ["a b\n", "c", "d e"]);
        assert_eq!(Glance::parse(b"# branch.oid (initial)\0", |_| String::new()).head, None);
    }

    #[test]
    fn a_look_is_shared_by_all_who_asked_before_it_began() {
        let (glances, looks) = (Glances::default(), Cell::new(0));
        let look = |asked, top: &str| {
            glances.since(asked, Path::new(top), || {
                looks.set(looks.get() + 1);
                Some(Glance { branch: looks.get().to_string(), ..Glance::default() })
            })
        };
        let before = Instant::now();
        assert_eq!(look(before, "/a").unwrap().branch, "1");
        assert_eq!(look(before, "/a").unwrap().branch, "1", "it began after both had asked");
        assert_eq!(look(before, "/b").unwrap().branch, "2", "another place");
        assert_eq!(look(Instant::now(), "/a").unwrap().branch, "3", "asked after the last one began");
        assert_eq!(look(before, "/a").unwrap().branch, "3");
    }

    #[test]
    fn a_second_change_of_the_same_file_is_seen() {
        let of = |status: &str, stamp: &str| Glance::parse(status.as_bytes(), |_| stamp.to_owned());
        assert!(of("? a\0? b\0", "1").changed_paths(&of("? b\0? a\0", "1")).is_empty());
        assert_eq!(of("? a\0", "1").changed_paths(&of("? a\0", "2")), [b"a"]);
        assert_eq!(of("? a\0", "1").changed_paths(&of("? b\0", "1")), [b"a", b"b"]);
    }
}
