//! Which hooks a repository wants, and how that is written in `chant.hooks`.

use super::HookKind;
use std::collections::BTreeSet;
use std::fmt;

/// Which hooks are installed. The default is every local one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only what runs at commits, merges, pushes and the start of a rebase: git makes a hook for every ref that moves dear.
    pub light: bool,
    /// `pre-receive`, for a repository that is pushed to.
    pub server: bool,
    /// What is left out.
    pub without: BTreeSet<HookKind>,
}

impl Selection {
    /// Reads `chant.hooks`: the words `full`, `light`, `server`, and `-<hook>` for each that is left out. Other words say nothing, and are
    /// returned.
    pub fn parse(text: &str) -> (Self, Vec<String>) {
        let (mut selection, mut unknown) = (Self::default(), Vec::new());
        for word in text.split_whitespace() {
            match (word, word.strip_prefix('-').map(str::parse)) {
                ("full", _) => {}
                ("light", _) => selection.light = true,
                ("server", _) => selection.server = true,
                (_, Some(Ok(kind))) => {
                    selection.without.insert(kind);
                }
                _ => unknown.push(word.to_owned()),
            }
        }
        (selection, unknown)
    }

    /// The hooks. A bare repository has no checkout in which the local ones could run, and a server that died in
    /// `reference-transaction` would tell nobody why.
    pub fn kinds(&self, bare: bool) -> Vec<HookKind> {
        let wanted = |kind: &HookKind| match kind {
            HookKind::PreReceive => self.server,
            _ if bare => false,
            // A rebase runs these for every commit.
            HookKind::ReferenceTransaction | HookKind::PrepareCommitMsg => !self.light,
            _ => true,
        };
        HookKind::ALL.into_iter().filter(wanted).filter(|kind| !self.without.contains(kind)).collect()
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.light { "light" } else { "full" })?;
        if self.server {
            f.write_str(" server")?;
        }
        self.without.iter().try_for_each(|kind| write!(f, " -{kind}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_reads_back() {
        for text in ["full", "light", "full server", "light server -pre-rebase -pre-push"] {
            let (selection, unknown) = Selection::parse(text);
            assert_eq!((selection.to_string().as_str(), unknown.len()), (text, 0));
        }
        assert_eq!(Selection::parse("-x heavy").1, ["-x", "heavy"]);
        assert_eq!(Selection::parse(""), (Selection::default(), Vec::new()));
    }

    #[test]
    fn light_has_nothing_that_runs_for_every_ref_or_every_commit_of_a_rebase() {
        let light = Selection { light: true, ..Selection::default() }.kinds(false);
        assert!(!light.contains(&HookKind::ReferenceTransaction) && !light.contains(&HookKind::PrepareCommitMsg));
        assert!(light.contains(&HookKind::PreMergeCommit) && light.contains(&HookKind::CommitMsg));
        assert_eq!(Selection::default().kinds(true), []);
        assert_eq!(Selection { server: true, ..Selection::default() }.kinds(true), [HookKind::PreReceive]);
    }
}
