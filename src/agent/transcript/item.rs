//! One thing that an agent said or did, for people.

/// One thing that an agent said or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The agent's own words.
    Said(String),
    /// A tool was called.
    Did {
        /// The tool.
        tool: String,
        /// What for: a command, a path.
        what: String,
    },
    /// A tool failed; the first of what it printed.
    Failed(String),
    /// A tool was not allowed.
    Denied(String),
    /// Something else went wrong.
    Trouble(String),
    /// A line that is no event.
    Text(String),
}

impl Item {
    /// The word for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Said(_) => "said",
            Self::Did { .. } => "tool",
            Self::Failed(_) => "tool_failed",
            Self::Denied(_) => "denied",
            Self::Trouble(_) => "trouble",
            Self::Text(_) => "text",
        }
    }

    /// What it says, without its kind.
    pub fn text(&self) -> &str {
        match self {
            Self::Said(text) | Self::Failed(text) | Self::Denied(text) | Self::Trouble(text) | Self::Text(text) => text,
            Self::Did { what, .. } => what,
        }
    }

    /// For a transcript that people read: words as they are, everything else marked.
    pub fn rendered(&self) -> String {
        match self {
            Self::Said(text) | Self::Text(text) => text.clone(),
            Self::Did { tool, what } if is_shell(tool) => format!("$ {what}"),
            Self::Did { tool, what } => format!("* {tool} {what}").trim_end().to_owned(),
            Self::Denied(tool) => format!("! not allowed: {tool}"),
            Self::Failed(text) | Self::Trouble(text) => format!("! {text}"),
        }
    }

    /// For a progress line: of words, the last line that says something.
    pub(super) fn short(&self) -> String {
        match self {
            Self::Said(words) => words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned(),
            other => other.rendered(),
        }
    }
}

fn is_shell(tool: &str) -> bool {
    matches!(tool, "Bash" | "bash" | "shell" | "run_shell_command")
}
