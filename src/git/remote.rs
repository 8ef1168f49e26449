//! Which remote is meant, and pushing to it, through the user's own git: its ssh, its credentials, its proxies.

use super::command::GitCommand;
use super::{Oid, RefChange, RefUpdate, Repository};
use crate::failure::Failure;
use anyhow::{Context as _, Result, ensure};
use std::fs::File;

/// A ref that a push moves on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushRef {
    /// The full name there.
    pub name: String,
    /// What it shall hold; `None`: it is deleted.
    pub new: Option<Oid>,
    /// On which condition.
    pub only: PushIf,
}

/// On which condition a remote's ref moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushIf {
    /// It is not there yet, or what it holds is an ancestor of what it shall hold.
    FastForward,
    /// It holds exactly this (`None`: it is not there).
    Holds(Option<Oid>),
    /// Always. For views alone.
    Always,
}

impl PushRef {
    /// Moves a ref forward.
    pub fn forward(name: impl Into<String>, new: Oid) -> Self {
        Self { name: name.into(), new: Some(new), only: PushIf::FastForward }
    }

    /// Deletes a ref that still holds what was seen.
    pub fn delete(name: impl Into<String>, seen: Oid) -> Self {
        Self { name: name.into(), new: None, only: PushIf::Holds(Some(seen)) }
    }

    fn refspec(&self) -> String {
        let force = if self.only == PushIf::Always { "+" } else { "" };
        let new = self.new.map(|new| new.to_string()).unwrap_or_default();
        format!("{force}{new}:{}", self.name)
    }

    fn lease(&self) -> Option<String> {
        let PushIf::Holds(seen) = self.only else { return None };
        // Always with a value: without one git takes the tracking ref, which any fetch moves.
        Some(format!("--force-with-lease={}:{}", self.name, seen.map(|seen| seen.to_string()).unwrap_or_default()))
    }
}

/// How a push ended that reached the remote.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Every ref is there.
    Done,
    /// None is, and why. What another ref's fate decided is not listed.
    Refused(Vec<Refused>),
}

/// A ref that a remote did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its full name.
    pub name: String,
    /// In git's words (`non-fast-forward`, `fetch first`, `hook declined`), or the remote's.
    pub why: String,
    /// True where the remote itself said no, false where it holds something else than we saw.
    pub by_remote: bool,
}

/// From so many refs on, a push names them by a pattern.
const MANY: usize = 100;

/// Where a push names them meanwhile.
pub const STAGES: &str = "refs/chant-push/";

impl Repository {
    /// The remote that is meant where none is named: `chant.remote`, that of the branch's upstream, `origin`, the only one there is.
    pub fn default_remote(&self) -> Result<Option<String>> {
        if let Some(remote) = self.config("chant.remote").filter(|remote| !remote.is_empty()) {
            return Ok(Some(remote));
        }
        let all = self.remotes();
        let upstream = self.current_branch()?.and_then(|branch| self.config(&format!("branch.{branch}.remote")));
        let only = if all.len() == 1 { all.first().cloned() } else { None };
        Ok(upstream.filter(|name| all.contains(name)).or_else(|| all.iter().find(|name| *name == "origin").cloned()).or(only))
    }

    /// The remote with this name, or the default one; a refusal where there is none.
    pub fn require_remote(&self, name: Option<&str>) -> Result<String> {
        let all = self.remotes();
        if let (None, Some(gone)) = (name, self.config("chant.remote").filter(|name| !name.is_empty() && !all.contains(name))) {
            let failure = Failure::new(format!("chant.remote is '{gone}', and there is no such remote"));
            let other =
                all.first().map_or_else(|| format!("git remote add {gone} URL"), |other| format!("git config chant.remote {other}"));
            return Err(failure.hint(other).into());
        }
        let name = match name {
            Some(name) => Some(name.to_owned()),
            None => self.default_remote()?,
        };
        match name {
            Some(name) if all.contains(&name) => Ok(name),
            Some(name) => Err(Failure::new(format!("there is no remote '{name}'")).hint(format!("git remote add {name} URL")).into()),
            None if all.is_empty() => {
                Err(Failure::new("this repository has no remote to share specs with").hint("git remote add origin URL").into())
            }
            None => {
                let name = all.first().map_or("origin", String::as_str);
                Err(Failure::new("which of the remotes is meant?").hint(format!("git config chant.remote {name}")).into())
            }
        }
    }

    /// The remote, and the refspec of its, that a plain `git fetch` would overwrite this ref with, or take it away with; as in a mirror.
    pub fn overwritten_by(&self, name: &str) -> Option<(String, String)> {
        let covers = |refspec: &String| {
            let to = refspec.split_once(':').map_or("", |(_, to)| to);
            to.split_once('*').map_or(to == name, |(start, end)| name.starts_with(start) && name.ends_with(end))
        };
        let of = |remote: String| {
            let refspec = self.config_all(&format!("remote.{remote}.fetch")).into_iter().find(covers)?;
            Some((remote, refspec))
        };
        self.remotes().into_iter().find_map(of)
    }

    /// Pushes refs, all or none. An error is a push that did not reach the remote, or of which nobody knows whether it did.
    pub fn push(&self, remote: &str, refs: &[PushRef]) -> Result<Pushed> {
        self.sweep_stages()?;
        let (pushed, said) = self.push_once(remote, refs, true)?;
        match pushed {
            Some(pushed) => Ok(pushed),
            None if said.contains("does not support --atomic") => {
                // What takes refs away goes last, so that nothing is gone before what replaces it is there.
                let (deleted, moved): (Vec<_>, Vec<_>) = refs.iter().cloned().partition(|to| to.new.is_none());
                for part in [moved, deleted].iter().filter(|part| !part.is_empty()) {
                    match self.push_once(remote, part, false)? {
                        (Some(Pushed::Done), _) => {}
                        (Some(refused), _) => return Ok(refused),
                        (None, said) => return Err(unreachable_remote("push to", remote, &said).into()),
                    }
                }
                Ok(Pushed::Done)
            }
            None => Err(unreachable_remote("push to", remote, &said).into()),
        }
    }

    /// git compares every refspec with every ref, so many are pushed as one pattern, from names of our own that hold what was decided.
    fn push_once(&self, remote: &str, refs: &[PushRef], atomic: bool) -> Result<(Option<Pushed>, String)> {
        let staged = |to: &PushRef| to.only == PushIf::FastForward && to.new.is_some() && to.name.starts_with("refs/");
        if refs.iter().filter(|to| staged(to)).count() < MANY {
            return self.push_refspecs(remote, refs, None, atomic);
        }
        let (many, few): (Vec<_>, Vec<_>) = refs.iter().cloned().partition(staged);
        let lock = self.stages_lock()?;
        lock.lock_shared().context("could not lock what is pushed")?;
        let stage = format!("{STAGES}{:016x}/", fastrand::u64(..));
        let place = |to: &PushRef| to.name.replacen("refs/", &stage, 1);
        let create: Vec<_> = many.iter().map(|to| RefChange::new(place(to), None, to.new)).collect();
        ensure!(self.update_refs(&create, "chant: push")? == RefUpdate::Done, "somebody else has written below {stage}");
        let pushed = self.push_refspecs(remote, &few, Some(format!("{stage}*:refs/*")), atomic);
        let delete: Vec<_> = many.iter().map(|to| RefChange::new(place(to), to.new, None)).collect();
        // They are ours alone; should one be gone already, so much the better.
        match self.update_refs(&delete, "chant: push")? {
            RefUpdate::Done | RefUpdate::Lost => pushed,
        }
    }

    /// Takes away what a push left that was killed. Whoever pushes holds the lock together with others who do; false where somebody does.
    pub fn sweep_stages(&self) -> Result<bool> {
        let left = self.references(STAGES)?;
        if left.is_empty() {
            return Ok(true);
        }
        let lock = self.stages_lock()?;
        if lock.try_lock().is_err() {
            return Ok(false);
        }
        let delete: Vec<_> = left.into_iter().map(|(name, tip)| RefChange::new(name, Some(tip), None)).collect();
        Ok(self.update_refs(&delete, "chant: push")? == RefUpdate::Done)
    }

    fn stages_lock(&self) -> Result<File> {
        self.lock_file("push.lock")
    }

    fn push_refspecs(&self, remote: &str, refs: &[PushRef], pattern: Option<String>, atomic: bool) -> Result<(Option<Pushed>, String)> {
        // A push mirror takes no refspecs; ours name what is pushed.
        let no_mirror = format!("remote.{remote}.mirror=false");
        let command = self.git().command(["-c", &no_mirror, "push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no"]);
        let command = command.args(atomic.then_some("--atomic")).args(refs.iter().filter_map(PushRef::lease));
        let command = as_the_user(command.args(["--", remote]).args(refs.iter().map(PushRef::refspec)).args(pattern));
        let output = command.run_raw()?;
        if output.status.success() {
            return Ok((Some(Pushed::Done), String::new()));
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let refused = refusals(&String::from_utf8_lossy(&output.stdout));
        if refused.is_empty() { Ok((None, said)) } else { Ok((Some(Pushed::Refused(with_words_of_remote(refused, &said))), said)) }
    }
}

/// git may ask the user for a password here, where the user has not forbidden it.
pub(super) fn as_the_user(command: GitCommand) -> GitCommand {
    match std::env::var_os("GIT_TERMINAL_PROMPT") {
        Some(value) => command.env("GIT_TERMINAL_PROMPT", value),
        None => command.env("GIT_TERMINAL_PROMPT", "1"),
    }
}

/// What `git push --porcelain` says of refs that were not taken: `! TAB from:to TAB [rejected] (why)`.
fn refusals(porcelain: &str) -> Vec<Refused> {
    let mut list = Vec::new();
    for line in porcelain.lines() {
        let Some((refs, summary)) = line.strip_prefix("!\t").and_then(|rest| rest.split_once('\t')) else { continue };
        let name = refs.rsplit_once(':').map_or(refs, |(_, name)| name).to_owned();
        let why = summary.split_once('(').map_or(summary, |(_, why)| why.trim_end_matches(')')).to_owned();
        list.push(Refused { name, why, by_remote: summary.starts_with("[remote") });
    }
    // In an atomic push one ref's fate is everybody's; those are named only where nobody knows whose.
    let own = |refused: &Refused| !refused.why.starts_with("atomic ") && !refused.why.contains("atomic push fail");
    if list.iter().any(own) {
        list.retain(own);
    }
    list
}

/// A hook on the server explains itself on `remote: ` lines; that is what a person wants to read.
fn with_words_of_remote(mut refused: Vec<Refused>, said: &str) -> Vec<Refused> {
    let words: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix("remote: ")).map(str::trim).filter(|line| !line.is_empty()).take(5).collect();
    for one in refused.iter_mut().filter(|one| one.by_remote && !words.is_empty()) {
        one.why = format!("{}: {}", one.why, words.join(" "));
    }
    refused
}

/// git's own words, in one line: what comes before its advice.
pub(super) fn unreachable_remote(what: &str, remote: &str, said: &str) -> Failure {
    let words = said.lines().map(|line| ["fatal: ", "error: "].iter().fold(line, |line, word| line.strip_prefix(word).unwrap_or(line)));
    let words: Vec<&str> = words.take_while(|line| !line.is_empty()).collect();
    Failure::new(format!("could not {what} {remote}: {}", words.join("; "))).hint(format!("git ls-remote {remote}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_push_says_is_read() {
        let said = "To /x\n!\tabc:refs/chant/specs/a\t[rejected] (fetch first)\n!\tabc:refs/chant/specs/b\t[rejected] (atomic push failed)\n\
                    =\tabc:refs/chant/specs/c\t[up to date]\nDone\n";
        let refused = refusals(said);
        assert_eq!(refused, [Refused { name: "refs/chant/specs/a".into(), why: "fetch first".into(), by_remote: false }]);
        let hook = refusals("!\tabc:refs/chant/specs/a\t[remote rejected] (pre-receive hook declined)\n");
        let hook = with_words_of_remote(hook, "remote: no chant here   \nerror: failed to push\n");
        assert_eq!(hook[0].why, "pre-receive hook declined: no chant here");
        assert!(hook[0].by_remote);
    }

    #[test]
    fn a_lease_always_names_its_value() {
        let oid = Oid::from_hex(&"a".repeat(40)).expect("an oid");
        assert_eq!(PushRef::delete("r", oid).lease(), Some(format!("--force-with-lease=r:{oid}")));
        let create = PushRef { name: "r".into(), new: Some(oid), only: PushIf::Holds(None) };
        assert_eq!((create.lease().as_deref(), create.refspec()), (Some("--force-with-lease=r:"), format!("{oid}:r")));
        assert_eq!(PushRef::forward("r", oid).lease(), None);
    }
}
