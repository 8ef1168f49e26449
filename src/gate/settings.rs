//! What the gate asks for, and how what several sides say becomes one: the strictest holds.

use crate::spec::words::branch_name;

/// What the gate asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The protected branches: names, in which `*` stands for anything but `/` and `**` for anything.
    pub protected: Vec<String>,
    /// Which verdicts are asked for.
    pub verify: VerifyMode,
    /// Every commit that is not planning must belong to a spec.
    pub require_spec: bool,
    /// Which specs need an approval that do not ask for one themselves.
    pub require_approval: RequireApproval,
    /// Approvals and overrides count only with a signature that git believes.
    pub require_signed: bool,
    /// A person may let work in, in spite of the gate.
    pub allow_override: bool,
    /// A pass in the worktree of a run is one: this repository checks there itself. No tracked file can say so.
    pub checks_in_runs: bool,
}

/// Which verdicts the gate asks for; what comes later asks for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum VerifyMode {
    /// None: ticks are enough, and the answer says that it is a claim.
    None,
    /// Every executable criterion passed on the work tip's code tree.
    #[default]
    Branch,
    /// And on the code tree of the result.
    Merge,
}

impl VerifyMode {
    /// The strictest of what was said. A word that means nothing asks for everything: it was meant to ask for something.
    pub fn strictest<'a>(said: impl IntoIterator<Item = &'a str>) -> Self {
        let mode = |word: &str| [Self::None, Self::Branch, Self::Merge].into_iter().find(|mode| mode.as_str() == word);
        said.into_iter().map(|word| mode(word).unwrap_or(Self::Merge)).max().unwrap_or_default()
    }

    /// The word in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Branch => "branch",
            Self::Merge => "merge",
        }
    }
}

/// Which specs need an approval that do not ask for one themselves; what comes later asks for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequireApproval {
    /// None.
    #[default]
    Never,
    /// Those whose intent this clone did not write.
    Foreign,
    /// All.
    Always,
}

impl RequireApproval {
    /// The strictest of what was said. A word that means nothing asks for everything: it was meant to ask for something.
    pub fn strictest<'a>(said: impl IntoIterator<Item = &'a str>) -> Self {
        let mode = |word: &str| [Self::Never, Self::Foreign, Self::Always].into_iter().find(|mode| mode.as_str() == word);
        said.into_iter().map(|word| mode(word).unwrap_or(Self::Always)).max().unwrap_or_default()
    }

    /// The word in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Foreign => "foreign",
            Self::Always => "always",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            protected: vec!["main".to_owned(), "master".to_owned()],
            verify: VerifyMode::Branch,
            require_spec: false,
            require_approval: RequireApproval::Never,
            require_signed: false,
            allow_override: true,
            checks_in_runs: false,
        }
    }
}

impl Settings {
    /// True where a pass in the worktree of a run is enough. Whoever wants the result of a merge checked wants no pass that rests on
    /// what an agent left lying around.
    pub fn believes_runs(&self) -> bool {
        self.checks_in_runs && self.verify != VerifyMode::Merge
    }

    /// True where `branch` (`main` or `refs/heads/main`) is protected.
    pub fn protects(&self, branch: &str) -> bool {
        let branch = branch_name(branch);
        self.protected.iter().any(|pattern| matches(branch_name(pattern).as_bytes(), branch.as_bytes()))
    }
}

/// `*` matches anything but `/`, `**` anything, every other byte itself.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return name.is_empty() };
    if *first != b'*' {
        return name.split_first().is_some_and(|(byte, tail)| byte == first && matches(rest, tail));
    }
    let (rest, deep) = match rest.strip_prefix(b"*") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let reach = if deep { name.len() } else { name.iter().position(|byte| *byte == b'/').unwrap_or(name.len()) };
    (0..=reach).any(|taken| matches(rest, &name[taken..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn main_and_master_are_protected_unless_said_otherwise() {
        let settings = Settings::default();
        assert!(settings.protects("main") && settings.protects("refs/heads/master"));
        assert!(!settings.protects("mainline") && !settings.protects("topic/main") && !settings.protects("Main"));
    }

    #[test]
    fn of_several_words_the_strictest_holds_and_one_that_means_nothing_loosens_nothing() {
        assert_eq!(VerifyMode::strictest(["none", "merge", "branch"]), VerifyMode::Merge);
        assert_eq!(VerifyMode::strictest(["none", "yes"]), VerifyMode::Merge);
        assert_eq!(VerifyMode::strictest(["none"]), VerifyMode::None);
        assert_eq!(VerifyMode::strictest([]), VerifyMode::Branch);
        assert_eq!(RequireApproval::strictest(["never", "foreign"]), RequireApproval::Foreign);
        assert_eq!(RequireApproval::strictest(["never", "sometimes"]), RequireApproval::Always);
        assert_eq!(RequireApproval::strictest([]), RequireApproval::Never);
    }

    #[test]
    fn patterns_stay_within_a_component_unless_doubled() {
        let with = |pattern: &str| Settings { protected: vec![pattern.to_owned()], ..Settings::default() };
        for (pattern, branch, expected) in [
            ("release/*", "release/1.0", true),
            ("release/*", "release/1.0/fix", false),
            ("release/**", "release/1.0/fix", true),
            ("*", "main", true),
            ("*", "a/b", false),
            ("**", "a/b", true),
            ("v*.x", "v12.x", true),
            ("v*.x", "v12.y", false),
            ("refs/heads/main", "main", true),
            ("", "main", false),
            ("a+b", "a+b", true),
        ] {
            assert_eq!(with(pattern).protects(branch), expected, "{pattern} {branch}");
        }
    }
}
