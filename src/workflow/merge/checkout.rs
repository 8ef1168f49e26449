//! The merge in a worktree that has the target checked out: git's own, with the repository's hooks. Where it fails, nothing of it stays.

use crate::context::Context;
use crate::failure::Failure;
use crate::git::{Git, Oid, Repository};
use crate::output::safe;
use crate::spec::words::listed;
use crate::spec::{Document, SpecId};
use crate::store::{Spec, spec_path};
use crate::workflow::{files, pickup};
use anyhow::{Context as _, Result};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What is merged, and where.
pub(super) struct Merge<'a> {
    pub(super) spec: &'a Spec,
    pub(super) worktree: &'a Path,
    /// What the target is now.
    pub(super) current: Oid,
    /// The work.
    pub(super) tip: Oid,
    /// The merge of both, where it was made and checked before.
    pub(super) checked: Option<Oid>,
    pub(super) message: &'a str,
}

impl Merge<'_> {
    fn id(&self) -> &SpecId {
        &self.spec.id
    }

    /// The arguments of git's own merge: of the work, or of the merge of it that was checked.
    fn args(&self) -> Vec<String> {
        match self.checked {
            Some(commit) => ["merge", "--ff-only", &commit.to_string()].map(str::to_owned).to_vec(),
            None => ["merge", "--no-ff", "--no-edit", "-m", self.message, &self.tip.to_string()].map(str::to_owned).to_vec(),
        }
    }
}

/// Merges, and returns the files in conflict.
pub(super) fn merge(ctx: &Context, merge: &Merge<'_>) -> Result<Vec<String>> {
    let git = Git::at(merge.worktree);
    let aside = set_file_aside(ctx, merge)?;
    let output = git.command(merge.args()).with_hooks().outliving_us().run_raw()?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    // A merge that is not ours is none of ours to end, and files in conflict without one are somebody's too (`git stash pop`).
    let head = git.command(["rev-parse", "--verify", "--quiet", "MERGE_HEAD"]).run_raw()?.stdout;
    let is_ours = head == format!("{}\n", merge.tip).as_bytes();
    let conflicts = match is_ours {
        true => names(&git.command(["diff", "--name-only", "--diff-filter=U", "-z"]).output()?),
        false => Vec::new(),
    };
    let taken_back = if is_ours { abort(&git, merge, &said) } else { take_back(ctx, &git, merge, &said) };
    if let Some(bytes) = aside {
        files::replace(&merge.worktree.join(spec_path(merge.id())), &bytes)?;
    }
    let left = taken_back?;
    if !conflicts.is_empty() {
        return Ok(conflicts.iter().map(|path| path.to_string_lossy().into_owned()).collect());
    }
    let dir = merge.worktree.display();
    let failure = Failure::new(format!("git merge refused in {dir}: {}", said.trim())).hint(format!("git -C '{dir}' status"));
    let failure = if left.is_empty() { failure } else { failure.hint(not_put_back(&left)) };
    Err(failure.hint(format!("once nothing is in the way: git chant merge {}", merge.id())).into())
}

fn abort(git: &Git, merge: &Merge<'_>, said: &str) -> Result<Vec<PathBuf>> {
    let aborted = git.command(["merge", "--abort"]).output();
    let hint = format!("take it back: git -C '{}' merge --abort", merge.worktree.display());
    aborted.map(|_| Vec::new()).map_err(|error| Failure::new(format!("{}: {error:#}", said.trim())).hint(hint).into())
}

/// Puts a checkout back to what it was before git's merge failed; what could not be put back is returned.
///
/// Mostly git left a merge to be aborted, or has touched nothing. A fast-forward is in index and files before the branch moves (another
/// process's lock, a hook), and git stops in the midst of the files where one cannot be written (a full disk, a filter that fails).
fn take_back(ctx: &Context, git: &Git, merge: &Merge<'_>, said: &str) -> Result<Vec<PathBuf>> {
    if git.command(["rev-parse", "HEAD"]).line()? != merge.current.to_string() {
        return Ok(Vec::new());
    }
    if let Some(checked) = merge.checked {
        // Back from there, as switching branches would: whatever is not exactly as the merge made it stays as it is. Refused, nothing was.
        let args = ["read-tree", "-m", "-u", &checked.to_string(), &merge.current.to_string()].map(str::to_owned);
        drop(git.command(args).run_raw()?);
    }
    match WRITING.iter().any(|words| said.contains(words)) {
        true => put_files_back(ctx, git, merge),
        false => Ok(Vec::new()),
    }
}

/// What git says, in the C locale, when it stops in the midst of the files. By then it has seen that none of those that it changes had a
/// change of a person's own (`unpack-trees.c`; the words are from `entry.c` and `convert.c`).
const WRITING: &[&str] =
    &["unable to write file", "unable to create file", "unable to create symlink", "cannot create directory", "smudge filter"];

fn put_files_back(ctx: &Context, git: &Git, merge: &Merge<'_>) -> Result<Vec<PathBuf>> {
    let result = match merge.checked {
        Some(checked) => checked,
        None => ctx.repo.merge_tree(merge.current, merge.tip)?.tree,
    };
    let (made, current) = (result.to_string(), merge.current.to_string());
    let changes = |filter| git.command(["diff-tree", "-r", "-z", "--no-renames", "--name-only", filter, &current, &made]).output();
    // What is new first: it makes room.
    let mut left: Vec<PathBuf> = names(&changes("--diff-filter=A")?);
    left.retain(|path| {
        let file = merge.worktree.join(path);
        file.symlink_metadata().is_ok() && !(is_of_the_merge(ctx, result, path, &file).unwrap_or(false) && remove(merge.worktree, path))
    });
    let known = changes("--diff-filter=a")?;
    let args = ["checkout", "--quiet", &current, "--pathspec-from-file=-", "--pathspec-file-nul"];
    let checkout = git.command(args).env("GIT_LITERAL_PATHSPECS", "1").stdin(known.clone());
    if !known.is_empty() && !checkout.run_raw()?.status.success() {
        left.extend(names(&known));
    }
    Ok(left)
}

/// True for a file that holds what the merge writes there, or the beginning of it: an ignored file that was there before is a person's.
fn is_of_the_merge(ctx: &Context, result: Oid, path: &Path, file: &Path) -> Result<bool> {
    let Some((blob, false)) = ctx.repo.entry_at(result, path.as_os_str().as_bytes())? else { return Ok(false) };
    let metadata = file.symlink_metadata()?;
    let there = match metadata.is_symlink() {
        true => std::fs::read_link(file)?.into_os_string().into_encoded_bytes(),
        false if metadata.is_file() => std::fs::read(file)?,
        false => return Ok(false),
    };
    Ok(ctx.repo.blob(blob)?.starts_with(&there))
}

/// Removes a file, and the directories that only it was in; false where it stays.
fn remove(top: &Path, path: &Path) -> bool {
    let dirs: Vec<PathBuf> = path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()).map(|dir| top.join(dir)).collect();
    // git writes nothing through a link, and neither do we.
    if dirs.iter().any(|dir| dir.is_symlink()) || std::fs::remove_file(top.join(path)).is_err() {
        return false;
    }
    let _first_that_is_used = dirs.iter().find(|dir| std::fs::remove_dir(dir).is_err());
    true
}

fn not_put_back(left: &[PathBuf]) -> String {
    let named: Vec<String> = left.iter().map(|path| safe(&path.to_string_lossy())).collect();
    format!("what it left there: {}", listed(&named, 5))
}

fn names(list: &[u8]) -> Vec<PathBuf> {
    list.split(|&byte| byte == 0).filter(|name| !name.is_empty()).map(|name| std::ffi::OsStr::from_bytes(name).into()).collect()
}

/// A spec file that could not be committed would stop git's merge. Where its edit is recorded, the file goes back to HEAD's version for
/// the merge, which brings the finished one.
fn set_file_aside(ctx: &Context, merge: &Merge<'_>) -> Result<Option<Vec<u8>>> {
    let path = spec_path(merge.id());
    let (git, file) = (Git::at(merge.worktree), merge.worktree.join(&path));
    let dirty = git.command(["status", "--porcelain=v1", "--untracked-files=all", "--", &path]).line()?;
    // A file that somebody removed is in nobody's way.
    if dirty.is_empty() || dirty.starts_with(" D") || ctx.silent() {
        return Ok(None);
    }
    if !dirty.starts_with("??") && !dirty.starts_with(' ') {
        return Err(Failure::new(format!("{path} has staged changes")).hint(format!("git restore --staged {path}")).into());
    }
    let bytes = std::fs::read(&file).with_context(|| format!("could not read {path}"))?;
    require_recorded(ctx, merge, &bytes)?;
    if dirty.starts_with("??") {
        std::fs::remove_file(&file).with_context(|| format!("could not set {path} aside"))?;
    } else {
        git.command(["checkout", "--quiet", "HEAD", "--", &path]).output()?;
    }
    Ok(Some(bytes))
}

/// Refuses to set aside what is nowhere else. Every command looks at the files first, but only at those of its own checkout, it leaves
/// alone what it cannot read, and a person may have saved since.
fn require_recorded(ctx: &Context, merge: &Merge<'_>, bytes: &[u8]) -> Result<()> {
    let id = merge.id();
    let (store, blob) = (ctx.store(), ctx.repo.hash_blob(bytes)?);
    let there = Context::of(Repository::open(merge.worktree)?);
    let is_known = || anyhow::Ok(store.event_with_blob(&store.require(id)?, blob)?.is_some());
    // Bytes that were there before may be an edit too: one that goes back to them.
    if there.store().last_seen(id)? == Some(blob) && is_known()? {
        return Ok(());
    }
    let dir = merge.worktree.display();
    let refusal = |why: &str| {
        Failure::new(format!("{} in {dir} {why}", spec_path(id)))
            .hint(format!("mend the file, or put back what counts: git chant show {id} --body"))
            .hint(format!("then: git chant merge {id}"))
    };
    if let Err(error) = Document::parse(bytes).front() {
        return Err(refusal(&format!("holds an edit that cannot be recorded: {error:#}")).into());
    }
    pickup::pick_up(&there)?;
    if store.require(id)?.tip != merge.spec.tip || there.repo.head()?.commit != Some(merge.current) {
        // The gate has not seen this edit: the merge is decided anew.
        return Err(Failure::new(format!("{id} was edited in {dir} just now")).hint(format!("git chant merge {id}")).into());
    }
    if is_known()? { Ok(()) } else { Err(refusal("holds an edit that is not recorded").into()) }
}
