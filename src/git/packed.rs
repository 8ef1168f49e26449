//! Creating many refs at once, in packed-refs itself: a file each would cost more than all the rest of a first fetch.
//!
//! git's rules hold. packed-refs is read and replaced under its lock. Whoever creates one of these refs by itself meanwhile leaves a file,
//! which counts before packed-refs: theirs stays, and we hear of it afterwards. What is in any way unusual is left to `git update-ref`.

mod lock;

use super::{RefChange, RefUpdate, Repository};
use anyhow::{Context as _, Result};
use lock::Turn;
pub use lock::mend;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// From so many refs on.
pub(super) const MANY: usize = 256;

/// How long another process's lock is waited for; git waits as long for that of packed-refs.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often all is written anew because somebody else was faster.
const TRIES: usize = 20;

const HEADER: &[u8] = b"# pack-refs with: peeled fully-peeled sorted \n";

/// New refs, and the directories that their names make.
struct News<'a> {
    refs: BTreeMap<&'a str, String>,
    dirs: BTreeSet<&'a str>,
}

impl Repository {
    /// Creates refs in packed-refs. `None`: nothing was done, and it is for git to do. `Lost`: of some of these names another process has
    /// made something else meanwhile, which stays; the others are there.
    pub(super) fn create_packed(&self, changes: &[RefChange]) -> Result<Option<RefUpdate>> {
        let always = self.config("core.logAllRefUpdates").is_some_and(|value| value.eq_ignore_ascii_case("always"));
        if changes.len() < MANY || self.reftable() || always || self.config("core.sharedRepository").is_some() {
            return Ok(None);
        }
        let Some(news) = self.news(changes) else { return Ok(None) };
        let Some(turn) = Turn::take(self.common_dir())? else { return Ok(None) };
        let path = self.common_dir().join("packed-refs");
        for _ in 0..TRIES {
            let Some(old) = Old::read(&path)? else { return Ok(None) };
            let merged = match merge(&old.text, &news) {
                Merged::Text(text) => text,
                Merged::Taken => return Ok(Some(RefUpdate::Lost)),
                Merged::Unusual => return Ok(None),
            };
            // All is written before the lock is taken: whoever kills us while we hold it, which is for moments, leaves it in git's way.
            turn.write(&merged, old.mode)?;
            let Some(lock) = turn.lock()? else { return Ok(None) };
            if Old::read(&path)?.is_none_or(|now| now.text != old.text) {
                continue;
            }
            if !loose(self.common_dir(), &news).is_ok_and(|files| files.is_empty()) {
                return Ok(None);
            }
            lock.publish(&path)?;
            // gix tells one packed-refs from the next by its time alone.
            self.gix.refs.force_refresh_packed_buffer().context("could not read packed-refs")?;
            return self.others_files(&news).map(Some);
        }
        Ok(None)
    }

    /// The refs to be made, where all are new names for commits that are here.
    fn news<'a>(&self, changes: &'a [RefChange]) -> Option<News<'a>> {
        let mut news = News { refs: BTreeMap::new(), dirs: BTreeSet::new() };
        for RefChange { name, old, new } in changes {
            let id = new.filter(|_| old.is_none() && name.starts_with("refs/chant"))?;
            gix::refs::FullName::try_from(name.as_str()).ok()?;
            if self.gix.find_header(id.0).ok()?.kind() != gix::objs::Kind::Commit || news.refs.insert(name, id.to_string()).is_some() {
                return None;
            }
            news.dirs.extend(parents(name));
        }
        news.dirs.iter().all(|dir| !news.refs.contains_key(dir)).then_some(news)
    }

    /// Another process may have begun to make one of these refs before packed-refs had it. Once it is done, its file says what counts.
    fn others_files(&self, news: &News<'_>) -> Result<RefUpdate> {
        let start = Instant::now();
        loop {
            let files = loose(self.common_dir(), news).context("could not list refs")?;
            let is_lock = |path: &PathBuf| path.extension().is_some_and(|word| word == "lock");
            if files.iter().any(is_lock) && start.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
            let differs = |path: &PathBuf| {
                let name = path.strip_prefix(self.common_dir()).ok().and_then(Path::to_str).unwrap_or_default();
                // One that went away was deleted, or is in packed-refs.
                fs::read_to_string(path).map_or_else(
                    |error| error.kind() != ErrorKind::NotFound,
                    |id| news.refs.get(name).is_none_or(|new| new != id.trim_end()),
                )
            };
            let lost = files.iter().filter(|path| !is_lock(path)).any(differs);
            return Ok(if lost { RefUpdate::Lost } else { RefUpdate::Done });
        }
    }

    /// Packs refs after `moved` were moved, where many of those below these directories are files of their own: they would make every later
    /// listing ten times slower.
    pub fn pack_many(&self, moved: usize, dirs: &[&str]) -> Result<()> {
        let files = |dir: &&str| count_files(&self.common_dir().join(dir)) >= MANY;
        if moved < MANY || self.reftable() || !dirs.iter().any(files) {
            return Ok(());
        }
        self.git().command(["pack-refs", "--all"]).output().map(drop)
    }
}

fn count_files(dir: &Path) -> usize {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| if entry.file_type().is_ok_and(|kind| kind.is_dir()) { count_files(&entry.path()) } else { 1 }).sum()
}

/// `refs/chant`, `refs/chant/specs` for `refs/chant/specs/x`.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at]).filter(|dir| *dir != "refs")
}

/// Whatever lies where one of these refs, or its lock, would have a file. An error: there is no such directory to be had.
fn loose(common_dir: &Path, news: &News<'_>) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for dir in &news.dirs {
        let entries = match fs::read_dir(common_dir.join(dir)) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let name = format!("{dir}/{name}");
            if news.refs.contains_key(name.strip_suffix(".lock").unwrap_or(&name)) {
                found.push(entry.path());
            }
        }
    }
    Ok(found)
}

#[derive(Debug, PartialEq, Eq)]
enum Merged {
    Text(Vec<u8>),
    /// One of the names is there.
    Taken,
    /// Not the file that every git since 2.0 writes, or a name that is a directory's too.
    Unusual,
}

/// packed-refs with these refs. Lines that are there stay byte for byte.
fn merge(old: &[u8], news: &News<'_>) -> Merged {
    let end = old.iter().position(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let (header, body) = old.split_at(end);
    let says = |word: &[u8]| header.split(|&byte| byte == b' ' || byte == b'\n').any(|said| said == word);
    if !header.starts_with(b"# pack-refs with:")
        || !says(b"sorted")
        || !says(b"fully-peeled")
        || body.last().is_some_and(|&byte| byte != b'\n')
    {
        return Merged::Unusual;
    }
    let mut text = Vec::with_capacity(old.len() + news.refs.len() * 100);
    text.extend_from_slice(header);
    let (mut refs, mut last) = (news.refs.iter().peekable(), "");
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        if line[0] != b'^' {
            let name = std::str::from_utf8(line).ok().and_then(|line| line.strip_suffix('\n')?.split_once(' '));
            // A name that is no text is nowhere near ours, but where it would be sorted is not worth finding out.
            let Some((_, name)) = name.filter(|(_, name)| *name > last) else { return Merged::Unusual };
            if news.refs.contains_key(name) {
                return Merged::Taken;
            }
            if news.dirs.contains(name) || (name.starts_with("refs/chant") && parents(name).any(|dir| news.refs.contains_key(dir))) {
                return Merged::Unusual;
            }
            while let Some((name, id)) = refs.next_if(|(new, _)| **new < name) {
                text.extend_from_slice(format!("{id} {name}\n").as_bytes());
            }
            last = name;
        }
        text.extend_from_slice(line);
    }
    for (name, id) in refs {
        text.extend_from_slice(format!("{id} {name}\n").as_bytes());
    }
    Merged::Text(text)
}

/// packed-refs as it is.
struct Old {
    text: Vec<u8>,
    mode: Option<fs::Permissions>,
}

impl Old {
    /// `None` where it is no ordinary file.
    fn read(path: &Path) -> Result<Option<Self>> {
        Ok(match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_file() => {
                Some(Self { text: fs::read(path).context("could not read packed-refs")?, mode: Some(meta.permissions()) })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Some(Self { text: HEADER.to_vec(), mode: None }),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests;
