//! What moved, in words.

use crate::context::Context;
use crate::output::safe;
use crate::workflow::fold::{Move, MoveKind};
use crate::workflow::{files, rename};
use anyhow::Result;
use std::collections::BTreeMap;

pub(super) fn specs(count: usize) -> String {
    if count == 1 { "1 spec".to_owned() } else { format!("{count} specs") }
}

/// `origin: 3 new, 1 joined`; nothing where nothing moved.
pub fn summary(remote: &str, moves: &[Move]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for moved in moves {
        *counts.entry(word(&moved.kind)).or_default() += 1;
    }
    let words: Vec<String> = counts.iter().map(|(word, count)| format!("{} {word}", specs(*count))).collect();
    (!words.is_empty()).then(|| format!("From {remote}: {}.", words.join(", ")))
}

/// How a spec moved, in a word.
pub fn word(kind: &MoveKind) -> &'static str {
    match kind {
        MoveKind::New => "new",
        MoveKind::Forward { .. } => "updated",
        MoveKind::Joined { .. } => "joined",
        MoveKind::Renamed { .. } => "renamed",
        MoveKind::Archived => "archived",
    }
}

/// What somebody should know beyond that.
pub fn remarks(ctx: &Context, moves: &[Move]) -> Result<Vec<String>> {
    let (mut lines, mut behind) = (Vec::new(), Vec::new());
    for moved in moves {
        match &moved.kind {
            MoveKind::Renamed { from } => lines.extend(rename::remarks(ctx, from, &moved.id)?),
            MoveKind::Joined { conflicts } if !conflicts.is_empty() => lines.push(format!(
                "{0}: two people changed its {1} at once; one version was taken. See both: git chant history {0}; settle it: git chant edit {0}",
                moved.id,
                safe(&conflicts.join(" and "))
            )),
            _ => {}
        }
    }
    for moved in moves.iter().filter(|moved| matches!(moved.kind, MoveKind::Forward { .. } | MoveKind::Joined { .. })) {
        match ctx.store().load(&moved.id)? {
            Some(spec) if files::is_behind(ctx, &spec)? => behind.push(spec.id),
            _ => {}
        }
    }
    if let Some(id) = behind.first() {
        let files = if behind.len() == 1 { format!("The file of {id} asks") } else { format!("The files of {} specs ask", behind.len()) };
        lines.push(format!(
            "{files} for something older here: the newer text comes with its branch (git pull). What counts: git chant show {id} --body"
        ));
    }
    Ok(lines)
}
