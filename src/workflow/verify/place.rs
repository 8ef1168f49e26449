//! Where the commands of criteria run: in a worktree of our own, kept for its caches or made anew for every check, or, at the end of a
//! run and where `chant.verifyIn` says so, in the worktree of the run itself.
//!
//! There is no lock on the last, and nothing is built twice. What its agent left in it that git ignores can make a check pass, though, so
//! that a pass there is recorded as one of there.

use super::Verdict;
use crate::agent::process::Ended;
use crate::context::Context;
use crate::failure::Failure;
use crate::git::{Git, Oid, RefChange, RefUpdate, Repository, idle, worktrees};
use crate::store::Spec;
use crate::workflow::finish::Work;
use crate::workflow::settings::{self, VerifyIn};
use crate::workflow::{judge, plan, setup, shell, verify};
use anyhow::{Context as _, Result};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A worktree in which commands run, as a commit has it.
pub(super) struct Place {
    path: PathBuf,
    commit: Oid,
    timeout: Option<Duration>,
    kind: Kind,
}

enum Kind {
    /// Of our own; one check at a time.
    Own { _lock: File },
    /// That of a run; what lay in it before, as `git status` has it.
    Run { branch: String, run: String, before: BTreeSet<Vec<u8>> },
}

/// The worktree of a run that ends, where its criteria may be checked there: this clone wants it, its target does not ask for more, and
/// what is tracked in it is what was committed.
pub(super) fn of_run(ctx: &Context, spec: &Spec, work: &Work, tip: Oid) -> Result<Option<Place>> {
    let Some(path) = work.worktree.as_deref().filter(|path| path.exists()) else { return Ok(None) };
    if settings::verify_in(&ctx.repo)? != VerifyIn::Run || spec.document.criteria().iter().all(|criterion| criterion.command.is_none()) {
        return Ok(None);
    }
    let target = verify::facts(ctx, spec)?.start.map(|start| start.target).unwrap_or_default();
    if !judge::of_branch(&ctx.repo, ctx.repo.reference(&format!("refs/heads/{target}"))?)?.believes_runs() {
        return Ok(None);
    }
    let (before, tree) = (worktrees::status(path)?, Repository::open(path)?);
    let loose = |entry: &Vec<u8>| entry.starts_with(b"?? ") || entry.starts_with(b"!! ");
    let is_there = tree.current_branch()? == Some(work.id.branch()) && tree.head()?.commit == Some(tip);
    if !is_there || tree.operation().is_some() || !before.iter().all(loose) || !idle::shows_all(path)? {
        ctx.out.note(format!("The criteria of {} are not checked in its worktree, which is not as it was committed.", work.id));
        return Ok(None);
    }
    std::fs::write(list(path)?, UNDER_WAY).context("could not remember that checks are under way")?;
    let kind = Kind::Run { branch: work.id.branch(), run: work.run.clone(), before: before.into_iter().collect() };
    Ok(Some(Place { path: path.to_owned(), commit: tip, timeout: settings::verify_timeout(&ctx.repo)?, kind }))
}

impl Place {
    /// The worktree of our own.
    pub(super) fn prepare(ctx: &Context, commit: Oid) -> Result<Self> {
        let (verify_in, timeout) = (settings::verify_in(&ctx.repo)?, settings::verify_timeout(&ctx.repo)?);
        let lock = ctx.repo.lock_file("verify.lock")?;
        lock.lock().context("could not lock the verify worktree")?;
        let path = plan::worktrees_dir(&ctx.repo).join(".verify");
        if verify_in == VerifyIn::Fresh && path.exists() {
            std::fs::remove_dir_all(&path).context("could not empty the verify worktree")?;
        }
        let place = Self { path, commit, timeout, kind: Kind::Own { _lock: lock } };
        let is_there = is_worktree(&ctx.repo, &place.path)?;
        if !is_there {
            ctx.repo.forget_worktree(&place.path)?;
            ctx.repo.add_detached_worktree(&place.path, commit)?;
        }
        if !setup::is_done(ctx, &place.path)? {
            if is_there {
                place.empty()?;
            }
            setup::prepare(ctx, &place.path)?;
        }
        place.empty()?;
        Ok(place)
    }

    /// True for the worktree of a run.
    pub(super) fn is_of_run(&self) -> bool {
        matches!(self.kind, Kind::Run { .. })
    }

    /// Makes what is tracked as it was committed; untracked files and repositories go, ignored ones (caches) stay.
    fn empty(&self) -> Result<()> {
        let git = Git::at(&self.path);
        git.command(["checkout", "--quiet", "--detach", "--force", &self.commit.to_string()]).output()?;
        git.command(["clean", "--quiet", "-ffd"]).output().map(drop)
    }

    /// Runs the command of a criterion.
    pub(super) fn run(&self, ctx: &Context, spec: &Spec, command: &str) -> Result<Verdict> {
        let env = vec![("CHANT_SPEC_ID".into(), spec.id.as_str().into()), ("GIT_TERMINAL_PROMPT".into(), "0".into())];
        let ran = shell::run(command, &self.path, env, self.timeout)?;
        // However it ended: the next one finds what was committed, and so does whoever goes on in a run's worktree.
        let changed = self.put_back(ctx)?;
        let (exit, reason) = match ran.ended {
            Ended::Exited(0) => match changed {
                None => return Ok(Verdict::Pass),
                Some(what) => (1, what),
            },
            Ended::Exited(code) => (code, format!("it exited with {code}")),
            Ended::Signalled(signal) => (128 + signal, format!("it was ended by signal {signal}")),
            Ended::TimedOut => (124, "it took too long (chant.verifyTimeout)".to_owned()),
            Ended::TooMuchOutput => (1, "it printed too much, and was ended".to_owned()),
            Ended::Idle | Ended::Stopped => (1, "it was ended".to_owned()),
            Ended::Interrupted => return Err(Failure::new("interrupted").into()),
        };
        Ok(Verdict::Fail { exit, reason: format!("{reason}{}", ran.last_lines()) })
    }

    /// What a command changed of what is committed, in words; it is put back.
    fn put_back(&self, ctx: &Context) -> Result<Option<String>> {
        let (git, commit) = (Git::at(&self.path), self.commit.to_string());
        let tree = Repository::open(&self.path)?;
        let branch = match &self.kind {
            Kind::Own { .. } => None,
            Kind::Run { branch, .. } => Some(branch.clone()),
        };
        let head = tree.head()?;
        let moved = head.commit != Some(self.commit) || tree.current_branch()? != branch;
        // What a command leaves in a submodule is untracked there too.
        let status = ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no", "--ignore-submodules=untracked"];
        let text = git.command(status).output()?;
        let files = text.split(|&byte| byte == 0).filter(|entry| entry.len() > 3);
        let files: Vec<String> = files.map(|entry| String::from_utf8_lossy(&entry[3..]).into_owned()).collect();
        if moved || !files.is_empty() {
            git.command(["checkout", "--quiet", "--force", "--detach", &commit]).output()?;
            if let Kind::Run { branch, run, .. } = &self.kind {
                take_branch_back(ctx, branch, run, self.commit)?;
                git.command(["checkout", "--quiet", branch, "--"]).output()?;
            }
        }
        Ok(match moved {
            true => Some("it made a commit, or checked out another one".to_owned()),
            false => (!files.is_empty()).then(|| format!("it changed tracked files: {}", files.join(", "))),
        })
    }

    /// Takes away what commands left in a run's worktree beside its work; what is ignored stays for the next attempt, and is remembered,
    /// so that it does not keep a finished worktree from being removed.
    pub(super) fn leave(self) -> Result<()> {
        let Kind::Run { before, .. } = &self.kind else { return Ok(()) };
        let mut ignored = Vec::new();
        for entry in worktrees::status(&self.path)?.into_iter().filter(|entry| !before.contains(entry)) {
            match entry.split_at(3) {
                (b"!! ", _) => ignored.push(String::from_utf8_lossy(&entry).into_owned()),
                (b"?? ", name) => remove(&self.path, name),
                _ => {}
            }
        }
        let list = list(&self.path)?;
        match ignored.is_empty() {
            true => std::fs::remove_file(list).context("could not forget that checks were under way"),
            false => std::fs::write(list, ignored.join("\0")).context("could not remember what checks made"),
        }
    }
}

/// A run's branch is what was checked, whatever a command of its spec made of it; that is kept from gc.
fn take_branch_back(ctx: &Context, branch: &str, run: &str, commit: Oid) -> Result<()> {
    let name = format!("refs/heads/{branch}");
    let now = ctx.repo.reference(&name)?;
    if now == Some(commit) {
        return Ok(());
    }
    if let Some(now) = now {
        ctx.store().keep_aside(run, now)?;
    }
    match ctx.repo.update_refs(&[RefChange::new(name, now, Some(commit))], "chant: what was checked")? {
        RefUpdate::Done => Ok(()),
        RefUpdate::Lost => anyhow::bail!("{branch} moved while its criteria were checked"),
    }
}

/// A file, and the directories that it leaves empty. Best effort: what stays is shown by git. A repository of its own stays.
fn remove(worktree: &Path, name: &[u8]) {
    use std::os::unix::ffi::OsStrExt as _;
    let path = worktree.join(std::ffi::OsStr::from_bytes(name));
    if !name.ends_with(b"/") && std::fs::remove_file(&path).is_ok() {
        let above = path.ancestors().skip(1).take_while(|dir| *dir != worktree);
        above.take_while(|dir| std::fs::remove_dir(dir).is_ok()).for_each(drop);
    }
}

/// What is written while checks run in a run's worktree: killed then, nobody took away what they left.
const UNDER_WAY: &str = "?? ";

/// The ignored files that checks made in a run's worktree, as git names them.
pub fn made(worktree: &Path) -> Vec<String> {
    let text = list(worktree).and_then(|path| Ok(std::fs::read_to_string(path)?)).unwrap_or_default();
    text.split('\0').filter(|entry| entry.starts_with("!! ")).map(str::to_owned).collect()
}

/// Takes out of a run's worktree what checks left in it that were killed: it is no work. Nothing tells it from what a person put there
/// since, so that it is kept, and said.
pub fn put_aside_of_killed(ctx: &Context, run: &str, worktree: &Path) -> Result<()> {
    let list = list(worktree)?;
    if std::fs::read_to_string(&list).ok().as_deref() != Some(UNDER_WAY) {
        return Ok(());
    }
    let status = worktrees::status(worktree)?;
    let names: Vec<&[u8]> =
        status.iter().filter(|entry| entry.starts_with(b"?? ") && !entry.ends_with(b"/")).map(|entry| &entry[3..]).collect();
    if !names.is_empty() {
        let dir = tempfile::tempdir().context("could not make a temporary directory")?;
        let git = |args: &[&str]| Git::at(worktree).command(args).env("GIT_INDEX_FILE", dir.path().join("index"));
        git(&["read-tree", "HEAD"]).output()?;
        git(&["--literal-pathspecs", "add", "--pathspec-from-file=-", "--pathspec-file-nul"]).stdin(names.join(&0)).output()?;
        let tree: Oid = git(&["write-tree"]).line()?.parse()?;
        let message = "chant: what checks left that were killed\n".to_owned();
        let (author, committer) = (ctx.repo.author()?, ctx.repo.committer()?);
        let head = Repository::open(worktree)?.head()?.commit;
        let draft = crate::git::CommitDraft { tree, parents: head.into_iter().collect(), message, author, committer };
        let commit = ctx.repo.write_commit(&draft)?;
        ctx.store().keep_aside(run, commit)?;
        for name in &names {
            remove(worktree, name);
        }
        ctx.out.note(format!("Files left by interrupted checks were set aside: git show {}", commit.short()));
    }
    std::fs::remove_file(list).context("could not forget that checks were under way")
}

/// In the worktree's own git directory: it goes when the worktree does.
fn list(worktree: &Path) -> Result<PathBuf> {
    Ok(Repository::open(worktree)?.git_dir().join("chant-checks"))
}

fn is_worktree(repo: &Repository, path: &Path) -> Result<bool> {
    let Ok(path) = path.canonicalize() else { return Ok(false) };
    Ok(repo.worktrees()?.iter().any(|tree| !tree.prunable && tree.path == path))
}
