//! What git has done already where a hook says no, and the one command that takes it back.

use super::ask::Refusal;
use crate::context::Context;
use crate::git::Oid;
use crate::hook::HookKind;
use anyhow::Result;

/// How to go on, and how to take it back; nothing where index and files are as the person left them.
pub fn hints(ctx: &Context, kind: HookKind, refusals: &[Refusal]) -> Vec<String> {
    let under_way = match kind {
        // git notes that it is merging only afterwards.
        HookKind::PreMergeCommit => Some("merge"),
        HookKind::PreCommit | HookKind::ReferenceTransaction => ctx.repo.operation().filter(|word| *word != "bisect"),
        _ => return Vec::new(),
    };
    if let Some(word) = under_way {
        return vec![format!("then go on: git {word} --continue"), format!("or take back what git has done: git {word} --abort")];
    }
    let tip = refusals.first().and_then(|refusal| refusal.tips.first()).filter(|_| kind == HookKind::ReferenceTransaction);
    match tip.map(|tip| is_checked_out(ctx, *tip)) {
        Some(Ok(true)) => vec!["take back what git has done to index and files: git reset --merge".to_owned()],
        _ => Vec::new(),
    }
}

/// True where index and files are those of a commit that was there before, and HEAD stays elsewhere (`git reset --hard`, `checkout -B`).
/// What a person staged for a commit of their own is theirs.
fn is_checked_out(ctx: &Context, tip: Oid) -> Result<bool> {
    let tip = tip.to_string();
    let is_index = |commit: &str| ctx.repo.git().command(["diff-index", "--cached", "--quiet", commit, "--"]).succeeds();
    Ok(is_index(&tip)? && !is_index("HEAD")? && ctx.repo.rev_list(&["-1", &tip, "--not", "--all"])?.is_empty())
}
