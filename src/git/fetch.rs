//! Fetching from a remote, through the user's own git.

use super::command::GitCommand;
use super::remote::{as_the_user, unreachable_remote};
use super::{Oid, RefChange, RefUpdate, Repository};
use anyhow::Result;

/// How often a fetch that met another process's lock is tried again.
const LOCK_TRIES: u64 = 10;

/// What git says of a ref that stands where a directory of refs has to be, or the other way round, after its name.
const EXISTS: &str = "' exists; cannot create";
/// How many refs are taken out of the way, one after the other where git names one at a time.
const MOST_IN_THE_WAY: usize = 50;

impl Repository {
    /// Fetches these refspecs, all or nothing, and takes away what the remote has no more of what they name.
    pub fn fetch(&self, remote: &str, refspecs: &[String]) -> Result<()> {
        let args = ["--quiet", "--atomic", "--prune", "--no-write-fetch-head"];
        for _ in 0..MOST_IN_THE_WAY {
            match ask(|| as_the_user(fetch_command(self, &args, remote, refspecs)))? {
                Ok(_) => return Ok(()),
                Err(said) if self.clear_the_way(&said, refspecs)? => {}
                Err(said) => return Err(unreachable_remote("fetch from", remote, &said).into()),
            }
        }
        Err(unreachable_remote("fetch from", remote, "too many refs stand in each other's way").into())
    }

    /// Where the remote has `a/b` now and had `a`, git prunes too late to put the one in the other's place, and nobody could fetch anything
    /// any more. What we remember of the remote is fetched anew; true where something of it was in the way.
    fn clear_the_way(&self, said: &str, refspecs: &[String]) -> Result<bool> {
        // "error: cannot lock ref 'refs/x/a/b': 'refs/x/a' exists; cannot create 'refs/x/a/b'"
        let names = said.split(EXISTS).filter_map(|before| before.rsplit_once('\'').map(|(_, name)| name));
        let mut changes: Vec<RefChange> = Vec::new();
        for name in names.take(said.matches(EXISTS).count()).filter(|name| is_written_by(refspecs, name)) {
            if let Some(tip) = self.reference(name)?
                && changes.iter().all(|change| change.name != name)
            {
                changes.push(RefChange::new(name, Some(tip), None));
            }
        }
        Ok(!changes.is_empty() && self.update_refs(&changes, "chant: fetch")? == RefUpdate::Done)
    }

    /// The same for the first time, when none of the refs that these refspecs name is here. git brings the objects and says what the refs
    /// would be; it would write a file for each. False: fetch as ever.
    pub fn fetch_first(&self, remote: &str, refspecs: &[String]) -> Result<bool> {
        let fetch = |more: &[&str]| ask(|| as_the_user(fetch_command(self, &[&["--dry-run"], more].concat(), remote, refspecs)));
        let failed = |said: String| unreachable_remote("fetch from", remote, &said);
        let refs = match fetch(&["--porcelain"])? {
            Ok(said) => new_refs(&said, refspecs),
            Err(said) if said.contains("unknown option") => {
                // git before 2.41 does not say it so that it can be read. What moves between the two questions comes with the next fetch.
                let list = || {
                    as_the_user(self.git().command(["ls-remote", "--refs", "--", remote]).args(refspecs.iter().map(|spec| source(spec))))
                };
                let listed = ask(list)?.map_err(failed)?;
                fetch(&["--quiet"])?.map_err(failed)?;
                listed_refs(&listed, refspecs).into_iter().filter(|(_, id)| self.has_object(*id)).collect()
            }
            Err(said) => return Err(failed(said).into()),
        };
        let changes: Vec<_> = refs.into_iter().map(|(name, id)| RefChange::new(name, None, Some(id))).collect();
        // Somebody else may have fetched meanwhile.
        Ok(matches!(self.update_refs(&changes, "chant: fetch"), Ok(RefUpdate::Done)))
    }
}

/// Asks a remote, again where somebody else fetches here at the same time. git's answer, or what it said instead.
fn ask(command: impl Fn() -> GitCommand) -> Result<std::result::Result<String, String>> {
    let mut tries = 0;
    loop {
        let output = command().run_raw()?;
        if output.status.success() {
            return Ok(Ok(String::from_utf8_lossy(&output.stdout).into_owned()));
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let busy = (said.contains("cannot lock ref") && !said.contains(EXISTS)) || said.contains(".lock': File exists");
        if !busy || tries == LOCK_TRIES {
            return Ok(Err(said));
        }
        tries += 1;
        std::thread::sleep(std::time::Duration::from_millis(20 * tries));
    }
}

fn fetch_command(repo: &Repository, args: &[&str], remote: &str, refspecs: &[String]) -> GitCommand {
    repo.git().command(["fetch", "--no-tags", "--no-recurse-submodules"]).args(args).args(["--", remote]).args(refspecs)
}

/// True for a ref that one of these refspecs writes here.
fn is_written_by(refspecs: &[String], name: &str) -> bool {
    refspecs.iter().filter_map(|spec| spec.split_once(':')).any(|(_, to)| name.starts_with(to.trim_end_matches('*')))
}

/// What `git fetch --porcelain` says of refs that are new, `* <zeros> <object> <ref>`, and that these refspecs ask for: in a mirror, git says
/// what else would be new.
fn new_refs(porcelain: &str, refspecs: &[String]) -> Vec<(String, Oid)> {
    let new = |line: &str| {
        let mut words = line.strip_prefix("* ")?.split(' ').skip(1);
        let id = Oid::from_hex(words.next()?)?;
        Some((words.next().filter(|name| is_written_by(refspecs, name))?.to_owned(), id))
    };
    porcelain.lines().filter_map(new).collect()
}

/// What `git ls-remote` lists, `<object> TAB <ref>`, by the names that these refspecs (each with a `*` that ends both sides) give it here.
fn listed_refs(listed: &str, refspecs: &[String]) -> Vec<(String, Oid)> {
    let here = |name: &str| {
        let here = |spec: &String| {
            let (from, to) = spec.trim_start_matches('+').split_once(':')?;
            Some(format!("{}{}", to.strip_suffix('*')?, name.strip_prefix(from.strip_suffix('*')?)?))
        };
        refspecs.iter().find_map(here)
    };
    let new = |line: &str| line.split_once('\t').and_then(|(id, name)| Some((here(name)?, Oid::from_hex(id)?)));
    listed.lines().filter_map(new).collect()
}

fn source(refspec: &str) -> &str {
    refspec.trim_start_matches('+').split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_fetch_would_make_is_read_in_both_of_gits_forms() {
        let specs = ["+refs/chant/*:refs/seen/o/*".to_owned(), "+refs/notes/chant*:refs/seen-notes/o/chant*".to_owned()];
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let said =
            format!("* {0} {one} refs/seen/o/specs/a\n* {0} {two} refs/chant/specs/a\n  {one} {two} refs/seen/o/specs/b\n", "0".repeat(40));
        let new = vec![("refs/seen/o/specs/a".to_owned(), Oid::from_hex(&one).expect("an oid"))];
        assert_eq!(new_refs(&said, &specs), new);
        let listed = format!("{one}\trefs/chant/specs/a\n{two}\trefs/notes/chant\n{two}\trefs/heads/refs/chant/x\n");
        let notes = ("refs/seen-notes/o/chant".to_owned(), Oid::from_hex(&two).expect("an oid"));
        assert_eq!(listed_refs(&listed, &specs), [new[0].clone(), notes]);
    }
}
