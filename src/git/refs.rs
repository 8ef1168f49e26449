//! Reading refs with gix (through git on reftable), and moving them with git, always against the value that was read. Only new ones, where
//! they are many, are written by ourselves: `packed.rs`.

use super::{Oid, Repository};
use anyhow::{Context as _, Result, bail};
use gix::bstr::ByteSlice as _;

/// A ref to be moved by compare-and-swap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefChange {
    /// The full name.
    pub name: String,
    /// What it must hold now; `None`: it must not exist.
    pub old: Option<Oid>,
    /// What it shall hold; `None`: it is deleted.
    pub new: Option<Oid>,
}

impl RefChange {
    /// Moves `name` from `old` (absent: it must not exist) to `new`.
    pub fn new(name: impl Into<String>, old: Option<Oid>, new: Option<Oid>) -> Self {
        Self { name: name.into(), old, new }
    }
}

/// How a transaction ended.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefUpdate {
    /// All refs moved.
    Done,
    /// One of them held another value by then; no value was replaced. Read again and decide again.
    Lost,
}

/// How often a transaction that met another process's lock is tried again. git itself waits for a lock before it gives up.
const LOCK_TRIES: u32 = 40;

impl Repository {
    /// The commit (or tree) that a ref holds, following symbolic refs; `None` where there is no such ref.
    pub fn reference(&self, name: &str) -> Result<Option<Oid>> {
        if let Some(memory) = self.memory() {
            return Ok(memory.get(name));
        }
        if self.reftable() {
            let output = self.git().command(["rev-parse", "--verify", "--quiet", "--end-of-options", name]).run_raw()?;
            return match output.status.code() {
                Some(0) => Ok(Oid::from_hex(&String::from_utf8_lossy(&output.stdout))),
                Some(1) => Ok(None),
                _ => bail!("could not read the ref {name}: {}", String::from_utf8_lossy(&output.stderr).trim()),
            };
        }
        self.beside_packing(|| {
            let found = self.gix.try_find_reference(name).with_context(|| format!("could not read the ref {name}"))?;
            // A symbolic ref to a branch that has no commit yet leads to no object.
            Ok(found.and_then(|mut reference| reference.follow_to_object().ok().map(|id| Oid(id.detach()))))
        })
    }

    /// Reads refs again where packed-refs was replaced meanwhile: gix reads it before it looks for the loose files, so a `git pack-refs`
    /// in between makes a ref look absent, or older than it is.
    fn beside_packing<T>(&self, read: impl Fn() -> Result<T>) -> Result<T> {
        let mut before = self.packed_refs();
        loop {
            let result = read();
            let after = self.packed_refs();
            if after == before {
                return result;
            }
            before = after;
        }
    }

    /// What tells one packed-refs file from the next; `None` where there is none.
    fn packed_refs(&self) -> Option<(u64, u64, std::time::SystemTime)> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = std::fs::metadata(self.common_dir().join("packed-refs")).ok()?;
        Some((metadata.ino(), metadata.len(), metadata.modified().ok()?))
    }

    /// Every ref below `prefix` (which ends in `/`), sorted by name.
    pub fn references(&self, prefix: &str) -> Result<Vec<(String, Oid)>> {
        if let Some(memory) = self.memory() {
            return Ok(memory.below(prefix));
        }
        if self.reftable() {
            let text = self.git().command(["for-each-ref", "--format=%(objectname) %(refname)", prefix]).line()?;
            let pairs = text.lines().filter_map(|line| line.split_once(' '));
            return Ok(pairs.filter_map(|(id, name)| Some((name.to_owned(), Oid::from_hex(id)?))).collect());
        }
        if let Some(list) = self.loose_and_packed(prefix) {
            return Ok(list);
        }
        self.beside_packing(|| {
            let platform = self.gix.references().context("could not list refs")?;
            let mut list = Vec::new();
            for reference in platform.prefixed(prefix).with_context(|| format!("could not list {prefix}"))? {
                // A ref that is deleted while we list is reported as an error by gix; it is simply not there.
                let Ok(reference) = reference else { continue };
                if let Some(id) = reference.target().try_id() {
                    list.push((text(reference.name().as_bstr()), Oid(id.to_owned())));
                }
            }
            list.sort();
            Ok(list)
        })
    }

    /// The same, first the loose files and then packed-refs as it is by then: what `git pack-refs` moves meanwhile is found in one of them.
    /// `None` where there is a file that cannot be read, or that went away just now.
    fn loose_and_packed(&self, prefix: &str) -> Option<Vec<(String, Oid)>> {
        let mut loose = Vec::new();
        for reference in self.gix.refs.loose_iter_prefixed(prefix.try_into().ok()?).ok()? {
            let reference = reference.ok()?;
            loose.push((text(reference.name.as_bstr()), reference.target.try_id().map(|id| Oid(id.to_owned()))));
        }
        loose.sort();
        let packed = self.gix.refs.open_packed_buffer().ok()?;
        let Some(packed) = packed else { return Some(loose.into_iter().filter_map(|(name, id)| Some((name, id?))).collect()) };
        let (mut list, mut loose) = (Vec::new(), loose.into_iter().peekable());
        let digits = self.gix.object_hash().len_in_hex();
        // Sorted lines of `<object> <name>`, each perhaps followed by `^<what a tag is of>`. gix would check every name, and git has.
        for line in packed.as_ref().lines().filter(|line| line.first() != Some(&b'^')) {
            let (id, name) = (line.get(..digits)?, line.get(digits + 1..)?);
            if !name.starts_with(prefix.as_bytes()) {
                if name > prefix.as_bytes() {
                    break;
                }
                continue;
            }
            while let Some((before, id)) = loose.next_if(|(other, _)| other.as_bytes() < name) {
                list.extend(id.map(|id| (before, id)));
            }
            match loose.next_if(|(other, _)| other.as_bytes() == name) {
                // A symbolic ref hides what was packed under its name.
                Some((name, id)) => list.extend(id.map(|id| (name, id))),
                None => list.push((text(name), Oid(gix::ObjectId::from_hex(id).ok()?))),
            }
        }
        list.extend(loose.filter_map(|(name, id)| Some((name, id?))));
        Some(list)
    }

    /// Moves refs in one transaction, all or none, without hooks.
    ///
    /// git's own `update-ref --stdin`, because gix's ref writes lose updates beside a concurrent `git pack-refs`. `Lost` when a ref
    /// does not hold the value that the caller decided from; a lock held by another process is waited for. Hundreds of new refs are made in
    /// packed-refs itself; only there `Lost` may leave some of them made.
    pub fn update_refs(&self, changes: &[RefChange], reason: &str) -> Result<RefUpdate> {
        if changes.is_empty() {
            return Ok(RefUpdate::Done);
        }
        if let Some(memory) = self.memory() {
            return memory.update(changes);
        }
        if let Some(done) = self.create_packed(changes)? {
            return Ok(done);
        }
        let script = transaction(changes);
        for attempt in 0..LOCK_TRIES {
            let command = self.git().command(["update-ref", "-m", reason, "--no-deref", "-z", "--stdin"]);
            let output = command.stdin(script.clone()).run_raw()?;
            if output.status.success() {
                return Ok(RefUpdate::Done);
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            match refusal(&said) {
                Refusal::Moved => return Ok(RefUpdate::Lost),
                Refusal::Locked => std::thread::sleep(std::time::Duration::from_millis(u64::from(5 + attempt * 3))),
                Refusal::Other => bail!("could not move {}: {}", changes[0].name, said.trim()),
            }
        }
        bail!("could not move {}: another git process holds its lock", changes[0].name)
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn transaction(changes: &[RefChange]) -> Vec<u8> {
    let mut script = b"start\0".to_vec();
    let hex = |id: Option<Oid>, other: Option<Oid>| match (id, other) {
        (Some(id), _) => id.to_string(),
        // The zero name must have this repository's length.
        (None, Some(other)) => "0".repeat(other.to_string().len()),
        (None, None) => "0".repeat(40),
    };
    for RefChange { name, old, new } in changes {
        let (old_hex, new_hex) = (hex(*old, *new), hex(*new, *old));
        let line = match (old, new) {
            (None, _) => format!("create {name}\0{new_hex}\0"),
            (_, None) => format!("delete {name}\0{old_hex}\0"),
            _ => format!("update {name}\0{new_hex}\0{old_hex}\0"),
        };
        script.extend_from_slice(line.as_bytes());
    }
    script.extend_from_slice(b"prepare\0commit\0");
    script
}

#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Moved,
    Locked,
    Other,
}

/// Reads git's words (locale C). Quoted are the lines of refs/files-backend.c, refs.c and refs/reftable-backend.c.
fn refusal(said: &str) -> Refusal {
    // "fatal: cannot lock ref 'refs/x': is at 1234 but expected 5678", "…: reference already exists",
    // "…: unable to resolve reference 'refs/x'", "…: reference is missing but expected 1234"
    const MOVED: &[&str] = &["but expected", "reference already exists", "unable to resolve reference", "reference is missing"];
    // "fatal: cannot lock ref 'refs/x': Unable to create '….lock': File exists.", "cannot lock references" (reftable)
    // "…: Unable to create '….lock': No space left on device", "couldn't write '….lock'": nobody holds that lock, and waiting does not help.
    const NEVER: &[&str] =
        &["couldn't write", "No space left", "quota exceeded", "Read-only file system", "Permission denied", "Input/output error"];
    const LOCKED: &[&str] = &[".lock'", "cannot lock references", "data is locked", "unable to create directory", "Unable to create"];
    let says = |list: &[&str]| list.iter().any(|words| said.contains(words));
    if says(MOVED) {
        Refusal::Moved
    } else if says(LOCKED) && !says(NEVER) {
        Refusal::Locked
    } else {
        Refusal::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_states_every_old_value() {
        let a = Oid::from_hex(&"a".repeat(40));
        let b = Oid::from_hex(&"b".repeat(40));
        let script = transaction(&[RefChange::new("r/1", None, a), RefChange::new("r/2", a, b), RefChange::new("r/3", b, None)]);
        let script = String::from_utf8(script).expect("text").replace('\0', "|");
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        assert_eq!(script, format!("start|create r/1|{a}|update r/2|{b}|{a}|delete r/3|{b}|prepare|commit|"));
    }

    #[test]
    fn gits_refusals_are_told_apart() {
        for (said, is) in [
            ("fatal: prepare: cannot lock ref 'r': is at 12 but expected 34", Refusal::Moved),
            ("fatal: prepare: cannot lock ref 'r': reference already exists", Refusal::Moved),
            ("fatal: prepare: cannot lock ref 'r': unable to resolve reference 'r'", Refusal::Moved),
            ("fatal: prepare: cannot lock ref 'r': Unable to create '/x/r.lock': File exists.", Refusal::Locked),
            ("fatal: prepare: cannot lock ref 'r': Unable to create '/x/r.lock': No space left on device", Refusal::Other),
            ("fatal: prepare: cannot update ref 'r': couldn't write '/x/r.lock'", Refusal::Other),
            ("fatal: invalid ref format: r..", Refusal::Other),
        ] {
            assert_eq!(refusal(said), is, "{said}");
        }
    }
}
