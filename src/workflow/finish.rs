//! After an agent ran: what it left is committed, the criteria are checked, and `finish` or `fail` says what came of it.
//!
//! The event and the branch move in one ref transaction. An attempt that is not the current one any more writes nothing.

use super::{files, verify};
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::git::{CommitDraft, Git, Oid, RefChange, Repository};
use crate::output::safe;
use crate::spec::join::{Side, Version, join};
use crate::spec::{Document, EventKind, SpecId, Status, intent};
use crate::store::runs::RunRecord;
use crate::store::{Change, SPEC_DIR, Spec, spec_path};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// A run whose agent has ended, or that has none.
#[derive(Clone, Debug)]
pub struct Work {
    /// The spec's id.
    pub id: SpecId,
    /// The run; empty for work that was done by hand.
    pub run: String,
    /// The attempt that it is.
    pub attempt: u32,
    /// The commit on which it began.
    pub base: Oid,
    /// Its worktree, if that is still there.
    pub worktree: Option<PathBuf>,
    /// The model that was asked for.
    pub model: Option<String>,
    /// What the agent printed.
    pub transcript: Vec<u8>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Completed; the work tip.
    Finished(Oid),
    /// Failed, and why.
    Failed(String),
    /// The intent changed; a person decides.
    NeedsAttention(String),
    /// Another attempt has begun or the run was reset: nothing was recorded.
    Overtaken,
}

/// Ends a run. `failure` is why the agent itself failed, if it did.
pub fn conclude(ctx: &Context, work: &Work, failure: Option<String>) -> Result<Conclusion> {
    let left = commit_leftovers(work);
    // What a person did to the file meanwhile counts: the outcome is decided from the spec as it is now.
    if let Err(error) = super::pickup::pick_up(ctx) {
        ctx.out.warning(format!("the files of this checkout could not be looked at: {error:#}"));
    }
    let tip = tip(ctx, work)?;
    if !work.run.is_empty() {
        keep_all(ctx, work, tip)?;
    }
    let spec = ctx.store().require(&work.id)?;
    if !is_current(work, &spec) {
        return Ok(Conclusion::Overtaken);
    }
    let failure = match failure {
        Some(reason) => Some(reason),
        None => left.err().map(|error| format!("what the agent left could not be committed: {error:#}")),
    };
    let began = document_at_start(ctx, &spec)?;
    let ended = ended_document(ctx, work, tip)?.unwrap_or_else(|| began.clone());
    if intent::id(&began) != intent::id(&ended) {
        return needs_attention(ctx, work, tip, &began, &ended);
    }
    if let Some(reason) = failure {
        return fail(ctx, work, tip, &reason);
    }
    if !did_anything(ctx, work, tip, &began, &ended)? {
        let why = format!("the agent ended without changing anything; if there was nothing left to do: git chant finalize {}", work.id);
        return fail(ctx, work, tip, &why);
    }
    complete(ctx, work, tip, &began, &ended)
}

/// Commits what the agent left behind in its worktree, with the repository's hooks, as an ordinary commit would run them.
fn commit_leftovers(work: &Work) -> Result<()> {
    let Some(worktree) = work.worktree.as_deref().filter(|path| path.exists()) else { return Ok(()) };
    let git = Git::at(worktree);
    let branch = git.command(["symbolic-ref", "-q", "HEAD"]).run_raw()?;
    let expected = format!("refs/heads/{}", work.id.branch());
    if String::from_utf8_lossy(&branch.stdout).trim() != expected {
        anyhow::bail!("its worktree is not on {} any more", work.id.branch());
    }
    git.command(["add", "--all"]).output()?;
    if git.command(["diff", "--cached", "--quiet"]).succeeds()? {
        return Ok(());
    }
    let message = format!("chant({}): commit what the agent left", work.id);
    git.command(["commit", "--quiet", "-m", &message]).with_hooks().output().map(drop)
}

/// Keeps the work tip from gc, and what the agent made on the way and left behind (a reset, a detached HEAD), as the reflogs tell it.
fn keep_all(ctx: &Context, work: &Work, tip: Oid) -> Result<()> {
    ctx.store().keep(&work.run, tip)?;
    let log = |git: &Git, name: &str| git.command(["log", "-g", "-n", "500", "--format=%H", name, "--"]).line().unwrap_or_default();
    let mut seen = log(ctx.repo.git(), &work.id.branch());
    if let Some(worktree) = work.worktree.as_deref().filter(|path| path.exists()) {
        seen = format!("{seen}\n{}", log(&Git::at(worktree), "HEAD"));
    }
    let (tip, base) = (tip.to_string(), work.base.to_string());
    let mut args: Vec<&str> = seen.lines().filter(|line| !line.is_empty()).collect();
    if args.is_empty() {
        return Ok(());
    }
    args.extend(["--not", &tip, &base]);
    for left in ctx.repo.rev_list(&args)? {
        ctx.store().keep_aside(&work.run, left)?;
    }
    Ok(())
}

fn tip(ctx: &Context, work: &Work) -> Result<Oid> {
    let branch = format!("refs/heads/{}", work.id.branch());
    Ok(ctx.repo.reference(&branch)?.unwrap_or(work.base))
}

pub(super) fn document_in(ctx: &Context, work: &Work, commit: Oid) -> Result<Option<Document>> {
    let found = ctx.repo.entry_at(commit, spec_path(&work.id).as_bytes())?;
    found.filter(|(_, is_tree)| !is_tree).map(|(blob, _)| Ok(Document::parse(ctx.repo.blob(blob)?))).transpose()
}

/// The document that the run was given: that of the newest start.
fn document_at_start(ctx: &Context, spec: &Spec) -> Result<Document> {
    let history = ctx.store().history(spec.tip)?;
    let start = history.iter().find(|recorded| recorded.event.kind == EventKind::Start);
    start.map_or_else(|| Ok(spec.document.clone()), |start| ctx.store().document_at(start.id))
}

/// The document as the agent left it: on its branch, or in silent mode, where no branch holds it, in its worktree.
fn ended_document(ctx: &Context, work: &Work, tip: Oid) -> Result<Option<Document>> {
    if let Some(document) = document_in(ctx, work, tip)? {
        return Ok(Some(document));
    }
    let file = work.worktree.as_ref().map(|path| path.join(SPEC_DIR).join(work.id.file_name()));
    Ok(file.filter(|file| file.is_file()).and_then(|file| std::fs::read(file).ok()).map(Document::parse))
}

fn did_anything(ctx: &Context, work: &Work, tip: Oid, began: &Document, ended: &Document) -> Result<bool> {
    let ticked = |document: &Document| document.criteria().iter().map(|criterion| criterion.ticked).collect::<Vec<_>>();
    Ok(ctx.repo.code_tree(work.base)? != ctx.repo.code_tree(tip)? || ticked(began) != ticked(ended))
}

fn needs_attention(ctx: &Context, work: &Work, tip: Oid, began: &Document, ended: &Document) -> Result<Conclusion> {
    let diff = intent::diff(began, ended);
    attention(ctx, work, tip, format!("the run changed what the spec asks for:\n\n{diff}"))
}

fn attention(ctx: &Context, work: &Work, tip: Oid, reason: String) -> Result<Conclusion> {
    let change = Change::new(EventKind::Attention).status(Status::NeedsAttention).text(&reason).with("Run", &work.run).with("Tip", tip);
    match record_until_it_takes(ctx, work, &change, &reason)? {
        true => Ok(Conclusion::NeedsAttention(reason)),
        false => Ok(Conclusion::Overtaken),
    }
}

fn fail(ctx: &Context, work: &Work, tip: Oid, reason: &str) -> Result<Conclusion> {
    let change = Change::new(EventKind::Fail).status(Status::Failed).text(reason).with("Run", &work.run).with("Tip", tip);
    match record_until_it_takes(ctx, work, &change, reason)? {
        true => Ok(Conclusion::Failed(reason.to_owned())),
        false => Ok(Conclusion::Overtaken),
    }
}

fn complete(ctx: &Context, work: &Work, tip: Oid, began: &Document, ended: &Document) -> Result<Conclusion> {
    loop {
        let spec = ctx.store().require(&work.id)?;
        if let Some(conclusion) = complete_once(ctx, work, tip, began, ended, &spec)? {
            return Ok(conclusion);
        }
    }
}

/// One try, decided from this version of the spec. `None`: somebody added an event meanwhile; a pass that was recorded is reused.
fn complete_once(ctx: &Context, work: &Work, tip: Oid, began: &Document, ended: &Document, spec: &Spec) -> Result<Option<Conclusion>> {
    // An intent that changed says more than a criterion that fails for it.
    let edited = combine(spec, began, ended);
    if intent::id(&edited) != intent::id(began) {
        let reason = format!("it was edited while the run was on:\n\n{}", intent::diff(began, &edited));
        return attention(ctx, work, tip, reason).map(Some);
    }
    let checks = match verify::verify(ctx, spec, tip) {
        Ok(checks) => checks,
        Err(error) => return fail(ctx, work, tip, &format!("its criteria could not be checked: {error:#}")).map(Some),
    };
    let failed: Vec<String> = checks.iter().filter(|check| check.failed()).map(|check| check.number.to_string()).collect();
    if !failed.is_empty() {
        return fail(ctx, work, tip, &format!("criterion {} failed: git chant verify {}", failed.join(", "), work.id)).map(Some);
    }
    // The verdicts are events too: what a person did while the commands ran counts.
    let spec = ctx.store().require(&work.id)?;
    let mut document = combine(&spec, began, ended);
    for check in checks.iter().filter(|check| check.word() == "PASS") {
        document.set_box(check.number, true)?;
    }
    let open: Vec<String> = numbered_open(&document);
    if !open.is_empty() {
        return fail(ctx, work, tip, &format!("criterion {} is not ticked, and no command decides it", open.join(", "))).map(Some);
    }
    if intent::id(&document) != intent::id(began) {
        // Edited while the commands ran: the next try says so.
        return Ok(None);
    }
    finish_document(ctx, work, tip, &mut document)?;
    let commit = finish_commit(ctx, work, tip, &document)?;
    let inputs = inputs(ctx, &document, commit)?;
    let change = Change { inputs, ..Change::new(EventKind::Finish) }
        .status(Status::Completed)
        .document(document)
        .with("Run", &work.run)
        .with("Tip", commit)
        .with("Code-Tree", ctx.repo.code_tree(commit)?);
    let branch = RefChange::new(format!("refs/heads/{}", work.id.branch()), Some(tip), Some(commit));
    Ok(match record(ctx, work, &spec, &change, (commit != tip).then_some(branch), "completed")? {
        Record::Done => Some(Conclusion::Finished(commit)),
        Record::Overtaken => Some(Conclusion::Overtaken),
        Record::Again => None,
    })
}

/// What documentation and research rest on: the files that the spec names, as the work tip has them, so that drift is a tree diff.
pub(super) fn inputs(ctx: &Context, document: &Document, tip: Oid) -> Result<Vec<(String, Oid)>> {
    let front = document.front().unwrap_or_default();
    if !matches!(front.spec_type.as_str(), "documentation" | "research") {
        return Ok(Vec::new());
    }
    let mut list = Vec::new();
    for path in front.informed_by.iter().filter(|path| !path.is_empty() && !path.starts_with('/')) {
        if let Some((blob, false)) = ctx.repo.entry_at(tip, path.as_bytes())? {
            list.push((path.clone(), blob));
        }
    }
    Ok(list)
}

/// The numbers of the criteria whose boxes are open.
pub fn numbered_open(document: &Document) -> Vec<String> {
    let criteria = document.criteria().into_iter().enumerate();
    criteria.filter(|(_, criterion)| !criterion.ticked).map(|(index, _)| (index + 1).to_string()).collect()
}

/// The spec as it is now, with the ticks that the agent made since it began.
fn combine(spec: &Spec, began: &Document, ended: &Document) -> Document {
    let version = |document| Version { document, status: spec.event.status, attempt: spec.event.attempt, approval: spec.event.approval };
    // Only ticks and prose count of what came from a run; its front matter is ours.
    let ended = began.replace_body(ended.body());
    let side = |document, tip| Side { version: version(document), tip, events: 1, stopped_by_person: None, rejected_or_lapsed: None };
    join(Some(&version(began)), &side(&spec.document, "a"), &side(&ended, "b")).document
}

pub(super) fn finish_document(ctx: &Context, work: &Work, tip: Oid, document: &mut Document) -> Result<()> {
    let range = format!("{}..{tip}", work.base);
    let mut commits = Vec::new();
    for commit in ctx.repo.rev_list(&["--reverse", "--no-merges", &range])? {
        let paths = ctx.repo.changed_paths(commit)?;
        let planning = paths.iter().all(|path| crate::git::history::PLANNING.iter().any(|dir| path.starts_with(dir.as_bytes())));
        if !planning {
            commits.push(commit.to_string()[..7].to_owned());
        }
    }
    document.set("status", Status::Completed.as_str().into());
    if commits.is_empty() {
        document.remove("commits");
    } else {
        document.set("commits", commits.into());
    }
    document.set("completed_at", context::now_utc().into());
    if let Some(model) = &work.model {
        document.set("model", model.clone().into());
    }
    let said = safe(&String::from_utf8_lossy(&work.transcript));
    if !said.trim().is_empty() {
        document.append_tool_section("Agent Output", &tail(&said, 5000));
    }
    Ok(())
}

/// The last `most` characters, from the beginning of a line.
fn tail(text: &str, most: usize) -> String {
    let Some((cut, _)) = text.char_indices().rev().nth(most) else { return text.to_owned() };
    let from = text[cut..].find('\n').map_or(cut, |at| cut + at + 1);
    format!("[…]\n{}", &text[from..])
}

/// The other specs' files that were there when the run began and are gone: a run has no business with them, so they are put back.
fn deleted_specs(ctx: &Context, work: &Work, tip: Oid) -> Result<Vec<(Vec<u8>, Option<Oid>)>> {
    let list = |commit: Oid| match ctx.repo.entry_at(commit, SPEC_DIR.as_bytes())? {
        Some((tree, true)) => ctx.repo.tree_entries(tree),
        _ => Ok(Vec::new()),
    };
    let now: std::collections::HashSet<Vec<u8>> = list(tip)?.into_iter().map(|(name, _)| name).collect();
    let gone = list(work.base)?.into_iter().filter(|(name, _)| !now.contains(name));
    Ok(gone.map(|(name, blob)| ([SPEC_DIR.as_bytes(), b"/", &name].concat(), Some(blob))).collect())
}

/// The last commit of the work: the document, completed. In silent mode no branch holds it, and the work tip stays.
pub(super) fn finish_commit(ctx: &Context, work: &Work, tip: Oid, document: &Document) -> Result<Oid> {
    if ctx.silent() {
        return Ok(tip);
    }
    let blob = ctx.repo.write_blob(document.as_bytes())?;
    let mut changes = vec![(spec_path(&work.id).into_bytes(), Some(blob))];
    changes.extend(deleted_specs(ctx, work, tip)?);
    let tree = ctx.repo.edit_tree(Some(ctx.repo.commit(tip)?.tree), &changes)?;
    let draft = CommitDraft {
        tree,
        parents: vec![tip],
        message: format!("chant({}): finish\n\nChant-Spec: {}\n", work.id, work.id),
        author: ctx.repo.author()?,
        committer: ctx.repo.committer()?,
    };
    let commit = ctx.repo.write_commit(&draft)?;
    if let Some(worktree) = work.worktree.as_deref().filter(|path| path.exists()) {
        // The files first: killed before the refs move, the worktree merely has the document staged.
        files::replace(&worktree.join(SPEC_DIR).join(work.id.file_name()), document.as_bytes())?;
        let git = Git::at(worktree);
        git.command(["update-index", "--add", "--", &spec_path(&work.id)]).output()?;
        git.command(["checkout", "--quiet", &commit.to_string(), "--", SPEC_DIR]).output()?;
    }
    Ok(commit)
}

/// What became of an event that ends a run.
enum Record {
    Done,
    /// Another attempt is the current one.
    Overtaken,
    /// The spec has a newer event: decide again.
    Again,
}

fn is_current(work: &Work, spec: &Spec) -> bool {
    spec.event.attempt == work.attempt && spec.event.status == Status::InProgress
}

/// For events that take no document with them, and so need no new decision when somebody else adds one.
fn record_until_it_takes(ctx: &Context, work: &Work, change: &Change, result: &str) -> Result<bool> {
    loop {
        let spec = ctx.store().require(&work.id)?;
        match record(ctx, work, &spec, change, None, result)? {
            Record::Done => return Ok(true),
            Record::Overtaken => return Ok(false),
            Record::Again => {}
        }
    }
}

/// Appends the event to this version while this attempt is the current one. Event, branch and run move in one transaction.
fn record(ctx: &Context, work: &Work, spec: &Spec, change: &Change, branch: Option<RefChange>, result: &str) -> Result<Record> {
    if !is_current(work, spec) {
        return Ok(Record::Overtaken);
    }
    let tip = change.extra.iter().find(|(key, _)| key == "Tip").and_then(|(_, tip)| Oid::from_hex(tip));
    let moved = branch.clone();
    let mut others: Vec<RefChange> = branch.into_iter().collect();
    if !work.run.is_empty() {
        others.extend(ctx.store().run_ref(&run_record(ctx, work, result, tip))?);
    }
    if ctx.store().append_with(spec, change, &others)?.is_none() {
        if let Some(branch) = moved.filter(|branch| ctx.repo.reference(&branch.name).ok().flatten() != branch.old) {
            // New work on the branch: the run is not over.
            return Err(Failure::new(format!("{} moved while the run was being ended", branch.name))
                .hint(format!("git chant finalize {}", work.id))
                .into());
        }
        return Ok(Record::Again);
    }
    if let Some(tip) = tip.filter(|_| !work.run.is_empty()) {
        ctx.store().keep(&work.run, tip)?;
        ctx.store().note(tip, &format!("{}: attempt {} {}", work.id, work.attempt, result.lines().next().unwrap_or_default()))?;
    }
    Ok(Record::Done)
}

/// The run as it is kept on a ref.
pub fn run_record<'a>(ctx: &Context, work: &'a Work, result: &'a str, tip: Option<Oid>) -> RunRecord<'a> {
    let prompt = std::fs::read(ctx.repo.common_dir().join("chant/runs").join(&work.run).join("prompt.md")).unwrap_or_default();
    RunRecord { id: &work.id, run: &work.run, prompt, transcript: &work.transcript, result, tip }
}

/// Ends a run for which [`conclude`] itself could not be carried out.
pub fn give_up(ctx: &Context, work: &Work, error: &anyhow::Error) -> Result<Conclusion> {
    let tip = tip(ctx, work)?;
    fail(ctx, work, tip, &format!("the run could not be ended: {error:#}"))
}

/// Removes a finished run's worktree where nothing is lost by it; else unlocks it and says what lies there.
pub fn tidy(ctx: &Context, worktree: &Path) -> Result<()> {
    if !worktree.exists() {
        return Ok(());
    }
    ctx.repo.unlock_worktree(worktree)?;
    let unsaved = crate::git::worktrees::unsaved(worktree)?;
    let nested = ctx.repo.worktrees()?.iter().any(|tree| tree.path != worktree && tree.path.starts_with(worktree));
    let own = format!("!! {SPEC_DIR}/");
    let foreign: Vec<&String> =
        unsaved.iter().filter(|entry| !(ctx.silent() && (entry.starts_with(&own) || *entry == "!! .chant/"))).collect();
    if !foreign.is_empty() || nested {
        ctx.out.note(format!("The worktree stays, it holds files that no commit has: {}", worktree.display()));
        return Ok(());
    }
    if ctx.silent() {
        // The excluded copy of the spec is the only thing in it that git does not know.
        drop(std::fs::remove_dir_all(worktree.join(SPEC_DIR)));
    }
    let _opened = Repository::open(worktree)?;
    ctx.repo.remove_worktree(worktree)
}
