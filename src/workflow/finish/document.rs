//! The document at the end of a run: as it began, as the agent left it, and as `finish` writes it on the branch.

use super::Work;
use crate::context::{self, Context};
use crate::git::history::is_planning;
use crate::git::{CommitDraft, Git, Oid};
use crate::output::safe;
use crate::spec::join::{Side, Version, join};
use crate::spec::{Document, EventKind, SpecId, Status};
use crate::store::{Change, SPEC_DIR, Spec, newest, spec_path};
use crate::workflow::files;
use crate::workflow::verify::Check;
use anyhow::Result;
use std::fmt;

/// The spec's document on a branch.
pub fn on_branch(ctx: &Context, work: &Work, commit: Oid) -> Result<Option<Document>> {
    let found = ctx.repo.entry_at(commit, spec_path(&work.id).as_bytes())?;
    found.filter(|(_, is_tree)| !is_tree).map(|(blob, _)| Ok(Document::parse(ctx.repo.blob(blob)?))).transpose()
}

/// The document that the run was given: that of the newest start.
pub(super) fn at_start(ctx: &Context, spec: &Spec) -> Result<Document> {
    let history = ctx.store().history(spec.tip)?;
    let start = newest(&history, EventKind::Start);
    start.map_or_else(|| Ok(spec.document.clone()), |start| ctx.store().document_at(start.id))
}

/// The document as the agent left it: on its branch, or in silent mode, where no branch holds it, in its worktree.
pub(super) fn ended(ctx: &Context, work: &Work, tip: Oid) -> Result<Option<Document>> {
    if let Some(document) = on_branch(ctx, work, tip)? {
        return Ok(Some(document));
    }
    let file = work.worktree.as_ref().map(|path| path.join(SPEC_DIR).join(work.id.file_name()));
    Ok(file.filter(|file| file.is_file()).and_then(|file| std::fs::read(file).ok()).map(Document::parse))
}

/// What documentation and research rest on: the files that the spec names, as the work tip has them, so that drift is a tree diff.
fn inputs(ctx: &Context, document: &Document, tip: Oid) -> Result<Vec<(String, Oid)>> {
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

/// Why work is not completed although it was checked; the numbers are those of criteria.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsettled {
    /// Their commands failed.
    Failed(Vec<usize>),
    /// They have no command, and nobody has ticked them.
    Open(Vec<usize>),
}

impl Unsettled {
    /// The command that says more, or mends it.
    pub fn next(&self, id: &SpecId) -> String {
        match self {
            Self::Failed(_) => format!("git chant verify {id}"),
            Self::Open(numbers) => format!("git chant check {id} {}", list(numbers, " ")),
        }
    }
}

impl fmt::Display for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(numbers) => write!(f, "{} failed", criteria(numbers)),
            Self::Open(numbers) if numbers.len() == 1 => write!(f, "{} is not ticked, and no command decides it", criteria(numbers)),
            Self::Open(numbers) => write!(f, "{} are not ticked, and no command decides them", criteria(numbers)),
        }
    }
}

fn criteria(numbers: &[usize]) -> String {
    format!("{} {}", if numbers.len() == 1 { "criterion" } else { "criteria" }, list(numbers, ", "))
}

fn list(numbers: &[usize], between: &str) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

/// Ticks what was seen to pass. `Some`: that is not enough.
pub fn settle_boxes(document: &mut Document, checks: &[Check]) -> Result<Option<Unsettled>> {
    let failed: Vec<usize> = checks.iter().filter(|check| check.failed()).map(|check| check.number).collect();
    if !failed.is_empty() {
        return Ok(Some(Unsettled::Failed(failed)));
    }
    for check in checks.iter().filter(|check| check.word() == "PASS") {
        document.set_box(check.number, true)?;
    }
    let criteria = document.criteria().into_iter().enumerate();
    let open: Vec<usize> = criteria.filter(|(_, criterion)| !criterion.ticked).map(|(index, _)| index + 1).collect();
    Ok((!open.is_empty()).then_some(Unsettled::Open(open)))
}

/// The event that says that work is completed; `commit` is the work tip.
pub fn finish_change(ctx: &Context, work: &Work, commit: Oid, document: Document) -> Result<Change> {
    let change = Change { inputs: inputs(ctx, &document, commit)?, ..Change::new(EventKind::Finish) };
    let change = change.status(Status::Completed).document(document);
    let change = if work.run.is_empty() { change } else { change.with("Run", &work.run) };
    Ok(change.with("Tip", commit).with("Code-Tree", ctx.repo.code_tree(commit)?))
}

/// The spec as it is now, with the ticks that the agent made since it began.
pub fn combine(spec: &Spec, began: &Document, ended: &Document) -> Document {
    let version = |document| Version { document, status: spec.event.status, attempt: spec.event.attempt, approval: spec.event.approval };
    // Only ticks and prose count of what came from a run; its front matter is ours.
    let ended = began.replace_body(ended.body());
    let side = |document, tip| Side { version: version(document), tip, events: 1, stopped_by_person: None, rejected_or_lapsed: None };
    join(Some(&version(began)), &side(&spec.document, "a"), &side(&ended, "b")).document
}

/// Writes into the document what a finished one says: status, commits, date, model, and what the agent printed.
pub fn finish_document(ctx: &Context, work: &Work, tip: Oid, document: &mut Document) -> Result<()> {
    let range = format!("{}..{tip}", work.base);
    let mut commits = Vec::new();
    for commit in ctx.repo.rev_list(&["--reverse", "--no-merges", &range])? {
        let paths = ctx.repo.changed_paths(&[commit])?.remove(&commit).unwrap_or_default();
        let planning = paths.iter().all(|path| is_planning(path));
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
    if let Some(model) = work.facts.model.as_ref().or(work.model.as_ref()) {
        document.set("model", model.clone().into());
    }
    let said = safe(&work.said());
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
pub fn finish_commit(ctx: &Context, work: &Work, tip: Oid, document: &Document) -> Result<Oid> {
    if ctx.silent() {
        return Ok(tip);
    }
    let blob = ctx.repo.write_blob(document.as_bytes())?;
    let mut changes = vec![(spec_path(&work.id).into_bytes(), Some(blob))];
    let deleted = deleted_specs(ctx, work, tip)?;
    let restores = !deleted.is_empty();
    changes.extend(deleted);
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
        // Not from the file: a filter would make something else of it than the commit holds.
        git.command(["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{}", spec_path(&work.id))]).output()?;
        if restores {
            git.command(["checkout", "--quiet", &commit.to_string(), "--", SPEC_DIR]).output()?;
        }
    }
    Ok(commit)
}
