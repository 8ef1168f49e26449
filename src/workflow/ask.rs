//! From what git hands to a hook to what the gate is asked.

use super::judge::{self, Asked};
use super::{hooks, receive};
use crate::context::Context;
use crate::failure::Failure;
use crate::gate::{self, Decision, Reason};
use crate::git::Oid;
use crate::hook::HookKind;
use crate::hook::input::{Invocation, MergedHead, NewValue, Push, Question, merged_heads, questions};
use crate::spec::words::branch_name;
use anyhow::{Context as _, Result};
use std::ffi::OsString;
use std::path::Path;

/// What a hook tells git.
pub enum Answer {
    /// Go on.
    Fine,
    /// Stop, and why.
    No(Vec<Refusal>),
}

/// Why one branch may not move.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The protected branch, without `refs/heads/`.
    pub target: String,
    /// Every reason.
    pub reasons: Vec<Reason>,
    /// What would come in.
    pub tips: Vec<Oid>,
}

/// Answers one call of a hook.
pub fn answer(ctx: &Context, kind: HookKind, args: &[OsString], stdin: &[u8]) -> Result<Answer> {
    match Invocation::parse(kind, args, stdin)? {
        Invocation::CommitMsg { file } => mark(ctx, &file, &[]),
        Invocation::PrepareCommitMsg { file, .. } => mark(ctx, &file, &squashed(ctx)?),
        Invocation::PreMergeCommit => merge_heads(ctx, merged_heads(std::env::vars_os())),
        Invocation::PreCommit => merge_heads(ctx, merge_head_file(ctx)),
        Invocation::PreRebase { upstream, branch } => rebase(ctx, upstream, branch),
        Invocation::PrePush { remote, pushes } => push(ctx, &remote, pushes),
        Invocation::PreReceive { updates } => receive::receive(ctx, &updates),
        Invocation::ReferenceTransaction { state, updates } => {
            let head = ctx.repo.head()?;
            // What cannot be read is asked about, and said then.
            let protects =
                |name: &str| ctx.repo.reference(name).and_then(|current| judge::protects(&ctx.repo, name, current)).unwrap_or(true);
            for question in questions(state, &updates, &merged_heads(std::env::vars_os()), head.branch.as_deref(), protects) {
                let answer = match question {
                    Question::MergeHeads { heads } => merge_heads(ctx, heads)?,
                    Question::Update { reference, new } => update(ctx, &reference.to_string(), &new, false)?,
                };
                if matches!(answer, Answer::No(_)) {
                    return Ok(answer);
                }
            }
            Ok(Answer::Fine)
        }
    }
}

/// May these be merged into the branch that is checked out?
fn merge_heads(ctx: &Context, heads: Vec<MergedHead>) -> Result<Answer> {
    let Some(target) = ctx.repo.current_branch()? else { return Ok(Answer::Fine) };
    let current = ctx.repo.head()?.commit;
    if heads.is_empty() || !judge::protects(&ctx.repo, &target, current)? {
        return Ok(Answer::Fine);
    }
    let heads: Vec<(Oid, Option<String>)> =
        heads.iter().filter_map(|head| Some((Oid::from_hex(&head.oid)?, Some(head.name.clone())))).collect();
    decide(ctx, Asked { target, current, heads, ..Asked::default() })
}

/// May this branch be put upon that commit, and so take in what the commit has and it lacks?
fn rebase(ctx: &Context, upstream: Option<String>, branch: Option<String>) -> Result<Answer> {
    let (Some(upstream), Some(target)) = (upstream, branch.map_or_else(|| ctx.repo.current_branch(), |branch| Ok(Some(branch)))?) else {
        return Ok(Answer::Fine);
    };
    let current = ctx.repo.reference(&format!("refs/heads/{target}"))?;
    if current.is_none() || !judge::protects(&ctx.repo, &target, current)? {
        return Ok(Answer::Fine);
    }
    let upstream_commit = ctx.repo.resolve_commit(&upstream)?;
    decide(ctx, Asked { target, current, heads: vec![(upstream_commit, Some(upstream))], ..Asked::default() })
}

/// May these be pushed to a remote's protected branches? What the remote's branch has already is not judged.
fn push(ctx: &Context, remote: &str, pushes: Vec<Push>) -> Result<Answer> {
    for push in pushes {
        let Some(target) = push.reference.to_string().strip_prefix("refs/heads/").map(str::to_owned) else { continue };
        let known = |id: &Oid| ctx.repo.has_object(*id);
        let current = match push.old.as_deref().and_then(Oid::from_hex).filter(known) {
            Some(current) => Some(current),
            // Somebody pushed meanwhile: git will refuse this unless it is forced. The last that we saw is what there is to compare with.
            None => ctx.repo.reference(&format!("refs/remotes/{remote}/{target}"))?,
        };
        let Some(new) = Oid::from_hex(&push.new).filter(|new| Some(*new) != current) else { continue };
        if !judge::protects(&ctx.repo, &target, current)? {
            continue;
        }
        let answer = decide(
            ctx,
            Asked { target, current, heads: vec![(new, None)], result: Some(new), remote: Some(remote.to_owned()), on_server: false },
        )?;
        if matches!(answer, Answer::No(_)) {
            return Ok(answer);
        }
    }
    super::sync::carry(ctx, remote);
    Ok(Answer::Fine)
}

/// May this protected branch move? Never believes git's old column: it is compared with what the ref holds.
pub(super) fn update(ctx: &Context, reference: &str, new: &NewValue, on_server: bool) -> Result<Answer> {
    let current = ctx.repo.reference(reference)?;
    let (commit, other) = match new {
        NewValue::Object(hex) => (Oid::from_hex(hex), None),
        NewValue::Symbolic(name) => (ctx.repo.reference(&name.to_string())?, Some(name.to_string())),
        NewValue::None => (None, None),
    };
    let answer = match commit.filter(|commit| Some(*commit) != current) {
        Some(commit) => moves_to(ctx, reference, current, commit, on_server)?,
        None => Answer::Fine,
    };
    match (&answer, other) {
        // Whatever moves that one would move this one, and be asked about by nobody.
        (Answer::Fine, Some(other)) if !judge::protects(&ctx.repo, &other, current)? => Err(another_name(reference, &other).into()),
        _ => Ok(answer),
    }
}

fn moves_to(ctx: &Context, reference: &str, current: Option<Oid>, new: Oid, on_server: bool) -> Result<Answer> {
    let target = branch_name(reference).to_owned();
    let answer = decide(ctx, Asked { target, current, heads: vec![(new, None)], result: Some(new), on_server, ..Asked::default() })?;
    let settings = |tip: Oid| ctx.repo.entry_at(tip, b".chant/config.md");
    if !on_server && settings(new)? != current.map(settings).transpose()?.flatten() {
        // It may protect more branches; a hook that could not be renewed is named by the doctor.
        drop(hooks::refresh(ctx, Some(new)));
    }
    Ok(answer)
}

fn another_name(protected: &str, other: &str) -> Failure {
    let (protected, other) = (branch_name(protected), branch_name(other));
    Failure::new(format!("the protected branch {protected} would be another name of {other}, which is not protected"))
        .hint(format!("the other way round it is guarded: git symbolic-ref refs/heads/{other} refs/heads/{protected}"))
}

fn decide(ctx: &Context, asked: Asked) -> Result<Answer> {
    let target = asked.target.clone();
    let tips = asked.heads.iter().map(|(tip, _)| *tip).collect();
    Ok(match judge::ask(ctx, &asked)? {
        Decision::Allow { .. } => Answer::Fine,
        Decision::Refuse(reasons) => Answer::No(vec![Refusal { target, reasons, tips }]),
    })
}

/// The heads of a merge that stopped at a conflict.
fn merge_head_file(ctx: &Context) -> Vec<MergedHead> {
    let text = std::fs::read_to_string(ctx.repo.git_dir().join("MERGE_HEAD")).unwrap_or_default();
    let refs = ctx.repo.references("refs/heads/chant/").unwrap_or_default();
    let name = |oid: &str| refs.iter().find(|(_, tip)| tip.to_string() == oid).map_or(oid, |(name, _)| name).to_owned();
    text.lines().map(|oid| MergedHead { oid: oid.to_owned(), name: name(oid) }).collect()
}

/// The specs whose work a squash is about to commit, from the messages that git collected.
fn squashed(ctx: &Context) -> Result<Vec<String>> {
    let file = ctx.repo.git_dir().join("SQUASH_MSG");
    if !file.exists() {
        return Ok(Vec::new());
    }
    let message = std::fs::read(&file).with_context(|| format!("could not read {}", file.display()))?;
    let commit = gate::IncomingCommit { message: String::from_utf8_lossy(&message).into_owned(), ..gate::IncomingCommit::default() };
    Ok(gate::implemented(&commit))
}

/// Adds `Chant-Spec` trailers to a message: those of the specs given, and that of the run in whose worktree the commit is made.
fn mark(ctx: &Context, file: &Path, specs: &[String]) -> Result<Answer> {
    let mut specs = specs.to_vec();
    if let Some(branch) = ctx.repo.current_branch()? {
        specs.extend(gate::spec_of_branch(&branch).map(str::to_owned));
    }
    // Most messages come by here twice.
    let message = std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
    specs.retain(|id| !message.split(|&byte| byte == b'\n').any(|line| line == format!("Chant-Spec: {id}").as_bytes()));
    if specs.is_empty() {
        return Ok(Answer::Fine);
    }
    let command = ctx.repo.git().command(["interpret-trailers", "--in-place", "--if-exists", "addIfDifferent"]);
    let trailers = specs.iter().flat_map(|id| ["--trailer".to_owned(), format!("Chant-Spec={id}")]);
    let file = std::path::absolute(file).context("a message has a path")?;
    command.args(trailers).arg("--").arg(file).output()?;
    Ok(Answer::Fine)
}
