//! Whether a remote, as it was last seen, has anything that is not here, told from names and values alone: the common case reads no spec.

use super::Store;
use super::notes::NOTES_REF;
use super::sync::{SEEN_NOTES, SEEN_REFS, seen_notes};
use crate::git::Oid;
use anyhow::Result;

/// How what a remote had stands to what is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Both have the same; only runs of ours may not be there.
    Same,
    /// All that it has is here, and some of ours is not there.
    Here,
    /// Something is to be looked at.
    Differs,
}

/// Refs by name, sorted.
type Refs = [(String, Oid)];

impl Store<'_> {
    /// How a remote, as last seen, stands to what is here.
    pub fn standing(&self, remote: &str) -> Result<Standing> {
        let ours = self.repo.references("refs/chant/")?;
        let prefix = format!("{SEEN_REFS}{remote}/");
        let seen = self.repo.references(&prefix)?;
        self.compare(&ours, remote, &seen)
    }

    /// True where all that any remote was seen to have is here. False says nothing.
    pub fn has_all_seen(&self) -> Result<bool> {
        let seen = self.repo.references(SEEN_REFS)?;
        // Nobody to share with is the commonest case of all, and every command begins here.
        if seen.is_empty() && self.repo.references(SEEN_NOTES)?.is_empty() {
            return Ok(true);
        }
        let ours = self.repo.references("refs/chant/")?;
        let mut looked_at = 0;
        for remote in self.repo.remotes() {
            let prefix = format!("{SEEN_REFS}{remote}/");
            let from = seen.partition_point(|(name, _)| *name < prefix);
            let count = seen[from..].partition_point(|(name, _)| name.starts_with(&prefix));
            if self.compare(&ours, &remote, &seen[from..from + count])? == Standing::Differs {
                return Ok(false);
            }
            looked_at += count;
        }
        // What is left was brought by a remote that is gone, or has two owners.
        Ok(looked_at == seen.len())
    }

    fn compare(&self, ours: &Refs, remote: &str, seen: &Refs) -> Result<Standing> {
        let (notes, theirs) = (self.repo.reference(NOTES_REF)?, self.repo.reference(&seen_notes(remote))?);
        if theirs.is_some() && theirs != notes {
            return Ok(Standing::Differs);
        }
        let refs = compare(ours, seen, SEEN_REFS.len() + remote.len() + 1);
        Ok(if refs == Standing::Same && notes != theirs { Standing::Here } else { refs })
    }
}

/// `start` is where the name that the remote gave a ref begins, without `refs/chant/`.
fn compare(ours: &Refs, seen: &Refs, start: usize) -> Standing {
    let (ours, mut seen) = (shared(ours, "refs/chant/".len()), shared(seen, start).peekable());
    let mut standing = Standing::Same;
    for (name, tip) in ours {
        if seen.peek().is_some_and(|(theirs, _)| *theirs < name) {
            return Standing::Differs;
        }
        // A run is written once, and pushed where that is asked for.
        match seen.next_if(|(theirs, _)| *theirs == name) {
            Some((_, theirs)) if theirs != tip && !is_run(name) => return Standing::Differs,
            None if !is_run(name) => standing = Standing::Here,
            _ => {}
        }
    }
    if seen.next().is_some() { Standing::Differs } else { standing }
}

/// What clones share, by the name that follows `refs/chant/`.
fn shared(refs: &Refs, start: usize) -> impl Iterator<Item = (&str, Oid)> {
    let names = refs.iter().filter_map(move |(name, tip)| Some((name.get(start..)?, *tip)));
    names.filter(|(name, _)| name.starts_with("specs/") || *name == "archive" || is_run(name))
}

fn is_run(name: &str) -> bool {
    name.starts_with("runs/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refs(list: &[(&str, u8)]) -> Vec<(String, Oid)> {
        let id = |byte: u8| Oid::from_hex(&char::from(byte).to_string().repeat(40)).expect("a name");
        list.iter().map(|(name, byte)| ((*name).to_owned(), id(*byte))).collect()
    }

    #[test]
    fn names_and_values_tell_whether_anything_is_new() {
        let ours =
            refs(&[("refs/chant/archive", b'1'), ("refs/chant/runs/a/r", b'2'), ("refs/chant/specs/a", b'3'), ("refs/chant/x", b'4')]);
        let stands = |seen: &[(&str, u8)]| compare(&ours, &refs(seen), "r/o/".len());
        let (archive, spec) = (("r/o/archive", b'1'), ("r/o/specs/a", b'3'));
        assert_eq!(stands(&[archive, ("r/o/runs/a/r", b'2'), spec]), Standing::Same);
        assert_eq!(stands(&[archive, spec]), Standing::Same, "a run is ours alone until it is asked for");
        assert_eq!(stands(&[archive, ("r/o/runs/a/r", b'9'), spec]), Standing::Same, "a run is written once");
        assert_eq!(stands(&[spec]), Standing::Here);
        assert_eq!(stands(&[archive]), Standing::Here);
        assert_eq!(stands(&[]), Standing::Here);
        for other in [("r/o/specs/a", b'5'), ("r/o/specs/b", b'3'), ("r/o/runs/a/s", b'2'), ("r/o/specs/", b'3')] {
            let mut seen = [archive, other];
            seen.sort_unstable();
            assert_eq!(stands(&seen), Standing::Differs, "{other:?}");
        }
        assert_eq!(stands(&[archive, ("r/o/chant-state", b'7'), spec]), Standing::Same, "a mark of ours");
    }
}
