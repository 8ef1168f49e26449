//! Putting shims into a hooks directory, and taking them away again.
//!
//! Only files with our mark are ours. A hook of somebody else is kept as `<hook>.before-chant`, with its mode and, where it is a symbolic
//! link, as that link; the shim runs it first, and [`uninstall`] puts it back. A shim that a person has changed is set aside as
//! `<hook>.edited` before it is replaced. There is no moment without a hook: the old file gets its second name first, then the shim is
//! renamed over it. Whatever could refuse is looked at before anything is written.

use super::HookKind;
use super::shim::{self, Origin};
use crate::failure::Failure;
use anyhow::{Context as _, Result};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, utimensat};
use std::fs::{self, Metadata, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What is installed.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The kinds; others of ours that are there are taken away.
    pub kinds: &'a [HookKind],
    /// The protected branches, which are baked in.
    pub protected: &'a [String],
    /// The program that is asked.
    pub binary: &'a Path,
}

/// What [`install`] did, a hook each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Every kind that is installed, and what was done for it.
    pub hooks: Vec<(HookKind, Action)>,
    /// Every kind of ours that is not wanted any more, and what was done with it.
    pub removed: Vec<(HookKind, Removal)>,
}

/// What [`install`] did for one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// There was none.
    Installed,
    /// Ours was there, and differed.
    Renewed,
    /// Ours was there.
    Unchanged,
    /// Somebody else's was there; it runs first now.
    KeptForeign {
        /// Where it is now.
        path: PathBuf,
    },
    /// Ours was there, and a person had changed it.
    KeptEdit {
        /// Where that is now. It does not run.
        path: PathBuf,
    },
}

/// What [`uninstall`] did for one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Ours is gone, and there was no other before it.
    Removed,
    /// The hook that was there before is back.
    Restored,
    /// There was none of ours.
    NotOurs,
    /// Ours is gone (and the earlier one back), and what a person had changed in it is kept.
    KeptEdit {
        /// Where.
        path: PathBuf,
    },
}

/// How a hook stands, as [`status`] sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is none.
    Missing,
    /// As [`install`] would write it.
    Current,
    /// Ours, of another version, for other branches or another program.
    Outdated,
    /// Ours, changed by a person.
    Edited,
    /// Ours, but git skips it: it is not executable.
    NotExecutable,
    /// Somebody else's.
    Foreign,
}

/// What is found at a hook's path.
enum Found {
    Nothing,
    Foreign,
    Ours { text: Vec<u8>, executable: bool },
    Edited,
}

/// Installs the wanted hooks into `hooks_dir` ([`super::place`] says where that is), and takes away those of ours that are not wanted any
/// more. Running it again changes nothing.
pub fn install(hooks_dir: &Path, wanted: Wanted<'_>) -> Result<Report> {
    let binary = wanted.binary;
    if !binary.is_absolute() {
        return Err(Failure::new(format!("could not install hooks that run '{}', which is no absolute path", binary.display())).into());
    }
    fs::create_dir_all(hooks_dir).with_context(|| format!("could not make '{}'", hooks_dir.display()))?;
    for kind in wanted.kinds {
        let path = hooks_dir.join(kind.as_str());
        if matches!(find(&path)?, Found::Foreign) {
            may_keep(&path)?;
        }
    }
    let mut hooks = Vec::new();
    for &kind in wanted.kinds {
        let path = hooks_dir.join(kind.as_str());
        let text = shim::render(kind, wanted.protected, binary);
        let failed = || format!("could not install '{}'", path.display());
        if matches!(find(&path)?, Found::Foreign) {
            drop_put_aside(&path).with_context(failed)?;
        }
        let action = install_one(&path, &text).with_context(failed)?;
        drop_put_aside(&path).with_context(failed)?;
        hooks.push((kind, action));
    }
    let unwanted = HookKind::ALL.into_iter().filter(|kind| !wanted.kinds.contains(kind));
    let removed = unwanted.map(|kind| remove(hooks_dir, kind)).filter(|removed| !matches!(removed, Ok((_, Removal::NotOurs))));
    Ok(Report { hooks, removed: removed.collect::<Result<_>>()? })
}

/// Takes our hooks away and puts the earlier ones back, byte for byte.
pub fn uninstall(hooks_dir: &Path) -> Result<Vec<(HookKind, Removal)>> {
    HookKind::ALL.into_iter().map(|kind| remove(hooks_dir, kind)).collect()
}

fn remove(hooks_dir: &Path, kind: HookKind) -> Result<(HookKind, Removal)> {
    let path = hooks_dir.join(kind.as_str());
    let removal = uninstall_one(&path).with_context(|| format!("could not uninstall '{}'", path.display()))?;
    let put_aside = drop_put_aside(&path)?;
    Ok((kind, if removal == Removal::NotOurs && put_aside { Removal::Removed } else { removal }))
}

/// How every wanted hook stands.
pub fn status(hooks_dir: &Path, wanted: Wanted<'_>) -> Result<Vec<(HookKind, State)>> {
    let mut states = Vec::new();
    for &kind in wanted.kinds {
        let state = match find(&hooks_dir.join(kind.as_str()))? {
            Found::Nothing => State::Missing,
            Found::Foreign => State::Foreign,
            Found::Edited => State::Edited,
            Found::Ours { executable: false, .. } => State::NotExecutable,
            Found::Ours { text, .. } if text == shim::render(kind, wanted.protected, wanted.binary) => State::Current,
            Found::Ours { .. } => State::Outdated,
        };
        states.push((kind, state));
    }
    Ok(states)
}

/// Makes the shims that lie here know these protected branches. Nothing else of them changes, and only those that nobody has changed are
/// touched; with `write` false only their time is, where they know them already.
///
/// A shim asks git-chant about every branch while git's configuration is newer than itself, so each then takes the `as_of` of that.
pub fn refresh(hooks_dir: &Path, protected: &[String], as_of: SystemTime, write: bool) -> Result<()> {
    for kind in HookKind::ALL {
        let path = hooks_dir.join(kind.as_str());
        let Ok(Found::Ours { text, executable: true }) = find(&path) else { continue };
        let Some(new) = shim::with_protected(&text, protected) else { continue };
        if new != text && write {
            self::write(&path, &new)?;
        } else if new != text {
            continue;
        }
        set_modified(&path, as_of)?;
    }
    Ok(())
}

/// By its name: a hook that somebody has open for writing cannot be started, and one that is just being started not opened.
fn set_modified(path: &Path, time: SystemTime) -> Result<()> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let time = Timespec { tv_sec: i64::try_from(since.as_secs())?, tv_nsec: since.subsec_nanos().into() };
    let times = Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::empty()).with_context(|| format!("could not set the time of '{}'", path.display()))
}

/// True where a file is a shim of ours, whatever its name (another hook manager may have renamed it).
pub fn is_ours(path: &Path) -> bool {
    fs::read(path).is_ok_and(|text| !matches!(shim::recognise(&text), Origin::Foreign))
}

/// Where an earlier hook is kept.
pub fn kept_path(hook: &Path) -> PathBuf {
    with_suffix(hook, ".before-chant")
}

/// The names under which another hook manager puts ours aside: pre-commit runs it from there, lefthook does not.
const PUT_ASIDE: [&str; 2] = ["legacy", "old"];

/// Where another hook manager put ours aside, and as what.
pub fn put_aside(hook: &Path) -> Option<(PathBuf, &'static str)> {
    PUT_ASIDE.into_iter().map(|suffix| (with_suffix(hook, &format!(".{suffix}")), suffix)).find(|(path, _)| is_ours(path))
}

/// Takes away what another hook manager put aside: ours is back in its place, or is to be gone; and lefthook, which never writes over such
/// a file, could not be installed again. The hook that was there before ours takes its place, as it would have without us.
fn drop_put_aside(path: &Path) -> Result<bool> {
    let Some((aside, _)) = put_aside(path) else { return Ok(false) };
    if let Found::Edited = find(&aside)? {
        set_aside(&aside)?;
    }
    let kept = kept_path(path);
    let failed = || format!("could not take '{}' away", aside.display());
    if !exists(&kept)? || is_of_same_manager(path, &kept)? {
        fs::remove_file(&aside).with_context(failed)?;
    } else {
        fs::rename(&kept, &aside).with_context(failed)?;
    }
    Ok(true)
}

/// What a hook manager writes into every hook of its own.
pub const MANAGERS: [(&str, &str); 3] =
    [("pre-commit", "File generated by pre-commit"), ("husky", "$(dirname \"$0\")/h\""), ("lefthook", "lefthook")];

/// True where the same hook manager wrote both, so that the newer one stands for both; and where both are the same.
fn is_of_same_manager(newer: &Path, older: &Path) -> Result<bool> {
    if same(newer, older)? {
        return Ok(true);
    }
    let text = |path| fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    let (newer, older) = (text(newer), text(older));
    Ok(MANAGERS.iter().any(|(_, mark)| newer.contains(mark) && older.contains(mark)))
}

fn install_one(path: &Path, text: &[u8]) -> Result<Action> {
    // A second process may install at the same time: whoever comes second looks again.
    for _ in 0..3 {
        let action = match find(path)? {
            Found::Nothing => Action::Installed,
            Found::Ours { text: old, executable: true } if old == text => return Ok(Action::Unchanged),
            Found::Ours { .. } => Action::Renewed,
            Found::Edited => Action::KeptEdit { path: set_aside(path)? },
            Found::Foreign => match keep(path)? {
                Some(path) => Action::KeptForeign { path },
                None => continue,
            },
        };
        write(path, text)?;
        return Ok(action);
    }
    Err(Failure::new("the hook changed while it was being replaced").hint("try again: git chant hooks install").into())
}

fn uninstall_one(path: &Path) -> Result<Removal> {
    let kept = kept_path(path);
    let removal = match find(path)? {
        Found::Foreign => {
            // A killed install may have left the second name of the hook that is still there.
            if exists(&kept)? && same(path, &kept)? {
                fs::remove_file(&kept)?;
            }
            return Ok(Removal::NotOurs);
        }
        Found::Nothing | Found::Ours { .. } if exists(&kept)? => Removal::Restored,
        Found::Nothing => return Ok(Removal::NotOurs),
        Found::Edited => Removal::KeptEdit { path: set_aside(path)? },
        Found::Ours { .. } => Removal::Removed,
    };
    if exists(&kept)? {
        fs::rename(&kept, path)?;
    } else if exists(path)? {
        fs::remove_file(path)?;
    }
    Ok(removal)
}

/// A symbolic link is somebody else's, wherever it points, and so is a file that we may not read.
fn find(path: &Path) -> Result<Found> {
    let Some(metadata) = look(path)? else { return Ok(Found::Nothing) };
    if metadata.is_dir() {
        let message = format!("'{}' is a directory, and no hook", path.display());
        return Err(Failure::new(message).hint("move it away, then: git chant hooks install").into());
    }
    if !metadata.is_file() {
        return Ok(Found::Foreign);
    }
    let Ok(text) = fs::read(path) else { return Ok(Found::Foreign) };
    Ok(match shim::recognise(&text) {
        Origin::Foreign => Found::Foreign,
        Origin::Edited { .. } => Found::Edited,
        Origin::Ours { .. } => Found::Ours { text, executable: metadata.permissions().mode() & 0o111 != 0 },
    })
}

/// Refuses where the place for somebody else's hook is taken by something else. It looks again last: another process may just have
/// given the hook its second name and put ours in its place.
fn may_keep(path: &Path) -> Result<()> {
    let kept = kept_path(path);
    if exists(&kept)? && put_aside(path).is_none() && !is_of_same_manager(path, &kept)? && matches!(find(path)?, Found::Foreign) {
        let message = format!("could not keep the hook '{}': '{}' is there already", path.display(), kept.display());
        return Err(Failure::new(message).hint("make one file of the two, or move one away, then: git chant hooks install").into());
    }
    Ok(())
}

/// Gives somebody else's hook its second name, never over another file. `None` where it is gone or changed meanwhile.
fn keep(path: &Path) -> Result<Option<PathBuf>> {
    let kept = kept_path(path);
    match second_name(path, &kept) {
        Ok(()) => Ok(Some(kept)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            may_keep(path)?;
            if !same(path, &kept)? && matches!(find(path)?, Found::Foreign) {
                fs::remove_file(&kept)?;
                return keep(path);
            }
            Ok(matches!(find(path)?, Found::Foreign).then_some(kept))
        }
        Err(error) => Err(error).with_context(|| format!("could not keep '{}' as '{}'", path.display(), kept.display())),
    }
}

/// Keeps a shim that a person has changed, under the first free name.
fn set_aside(path: &Path) -> Result<PathBuf> {
    for number in 1.. {
        let suffix = if number == 1 { ".edited".to_owned() } else { format!(".edited-{number}") };
        let aside = with_suffix(path, &suffix);
        match second_name(path, &aside) {
            Ok(()) => return Ok(aside),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("could not keep '{}' as '{}'", path.display(), aside.display())),
        }
    }
    unreachable!("a directory runs out of names last")
}

/// A hard link, which never overwrites and follows no symbolic link; where the file system has none, a rename.
fn second_name(path: &Path, name: &Path) -> std::io::Result<()> {
    match fs::hard_link(path, name) {
        Err(error) if !matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => {
            if fs::symlink_metadata(name).is_ok() {
                return Err(ErrorKind::AlreadyExists.into());
            }
            fs::rename(path, name)
        }
        result => result,
    }
}

/// Writes beside, then renames: git sees the old hook or the new one.
fn write(path: &Path, text: &[u8]) -> Result<()> {
    let dir = path.parent().context("a hook lies in a directory")?;
    let mut file = tempfile::Builder::new().prefix(".git-chant-").tempfile_in(dir)?;
    file.write_all(text)?;
    file.as_file().set_permissions(Permissions::from_mode(0o755))?;
    // Closed before it has its name: git cannot start what is open for writing.
    file.into_temp_path().persist(path)?;
    Ok(())
}

/// True where both names are the same file, or links to the same place, or hold the same bytes with the same mode.
fn same(a: &Path, b: &Path) -> Result<bool> {
    let (Some(left), Some(right)) = (look(a)?, look(b)?) else { return Ok(false) };
    if (left.dev(), left.ino()) == (right.dev(), right.ino()) {
        return Ok(true);
    }
    if left.is_symlink() && right.is_symlink() {
        return Ok(fs::read_link(a)? == fs::read_link(b)?);
    }
    Ok(left.is_file() && right.is_file() && left.mode() == right.mode() && fs::read(a)? == fs::read(b)?)
}

fn exists(path: &Path) -> Result<bool> {
    Ok(look(path)?.is_some())
}

/// What a name stands for, without following a symbolic link: a dangling one is there too.
fn look(path: &Path) -> Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("could not look at '{}'", path.display())),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
