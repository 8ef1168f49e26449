//! Partial clones: what git has left with a remote is brought when it is read, and then all that specs need at once.

use super::Repository;
use super::remote::as_the_user;
use anyhow::Result;

/// Where specs and what belongs to them lie.
const GLOBS: [&str; 4] = ["--glob=refs/chant/*", "--glob=refs/chant-remotes/*", "--glob=refs/notes/chant", "--glob=refs/chant-notes/*"];

impl Repository {
    /// Reads; in a partial clone once more, after what is missing was brought. `wanted` is what is read, as git names it.
    pub(super) fn reading<T>(&self, wanted: impl Fn() -> String, read: impl Fn() -> Result<T>) -> Result<T> {
        read().or_else(|error| if self.bring(&wanted()) { read() } else { Err(error) })
    }

    fn bring(&self, wanted: &str) -> bool {
        let promisors = self.promisors();
        if promisors.is_empty() {
            return false;
        }
        if !self.brought.replace(true) {
            // Whatever could not be brought together is asked for by itself.
            drop(self.bring_all(&promisors));
        }
        self.git().command(["cat-file", "-p", wanted]).succeeds().unwrap_or(false)
    }

    /// One fetch for every object that specs lack, as git's own for one: with a filter, else `git gc` would take for lost what was promised.
    /// The first may bring trees, and the next what these name.
    fn bring_all(&self, promisors: &[String]) -> Result<()> {
        let fetch = ["--quiet", "--filter=blob:none", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--stdin", "--"];
        for _ in 0..2 {
            let args = ["rev-list", "--objects", "--no-object-names", "--missing=print"];
            let listed = self.git().command(args).args(GLOBS).line()?;
            let missing: String = listed.lines().filter_map(|line| line.strip_prefix('?')).map(|id| format!("{id}\n")).collect();
            for remote in promisors.iter().filter(|_| !missing.is_empty()) {
                // What we have says nothing about what we lack.
                let command = self.git().command(["-c", "fetch.negotiationAlgorithm=noop", "fetch"]).args(fetch).arg(remote);
                if as_the_user(command.stdin(missing.as_str())).succeeds()? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The remotes that hold what a partial clone lacks; none in any other clone.
    fn promisors(&self) -> Vec<String> {
        let is_promisor = |remote: &String| self.config_bool(&format!("remote.{remote}.promisor"), false);
        let mut list: Vec<String> = self.remotes().into_iter().filter(is_promisor).collect();
        list.extend(self.config("extensions.partialClone").filter(|remote| !list.contains(remote)));
        list
    }
}
