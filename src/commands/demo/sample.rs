//! What the sample repository holds: the store, its specs, and the script that stands in for an agent.

use super::stage::Stage;
use anyhow::Result;

/// The first commit.
pub const FILES: &[(&str, &str)] = &[
    ("README.md", include_str!("sample/README.md")),
    ("store.sh", include_str!("sample/store.sh")),
    ("tests/set-and-get.sh", include_str!("sample/tests/set-and-get.sh")),
];

/// In `.chant/specs`.
pub const SPECS: &[(&str, &str)] = &[
    ("001-comprehension.md", include_str!("sample/specs/001-comprehension.md")),
    ("002-reproduction.md", include_str!("sample/specs/002-reproduction.md")),
    ("003-root-cause.md", include_str!("sample/specs/003-root-cause.md")),
    ("004-fix.md", include_str!("sample/specs/004-fix.md")),
];

/// In `.git/chant-demo`: the agent, and what it will write.
pub const AGENT: &[(&str, &str)] = &[
    ("agent.sh", include_str!("agent/agent.sh")),
    ("comprehension.md", include_str!("agent/comprehension.md")),
    ("issue-42.sh", include_str!("agent/issue-42.sh")),
    ("root-cause.md", include_str!("agent/root-cause.md")),
    ("store-locks.sh", include_str!("agent/store-locks.sh")),
    ("store-renames.sh", include_str!("agent/store-renames.sh")),
];

/// The last words, below `cd DIR`.
pub const NEXT: &str = include_str!("next.txt");

/// Settings of the sample repository alone. Some only keep the reader's own settings from changing the story.
pub fn configure(stage: &Stage) -> Result<()> {
    let settings = [
        ("user.name", "Sam Sample"),
        ("user.email", "sam@example.com"),
        ("commit.gpgSign", "false"),
        ("core.autocrlf", "false"),
        // No path is written into it: the repository may be moved, and its path may hold anything.
        ("chant.agent.demo.command", "sh \"$(git rev-parse --git-common-dir)/chant-demo/agent.sh\""),
    ];
    for (key, value) in settings {
        stage.prepare(&["config", key, value])?;
    }
    // Hooks that serve every repository of this account are none of the demo's business, and would take the place of its own.
    if stage.has_shared_hooks()? {
        let hooks = stage.git_dir().join("hooks");
        stage.prepare(&["config", "core.hooksPath", &hooks.to_string_lossy()])?;
    }
    Ok(())
}
