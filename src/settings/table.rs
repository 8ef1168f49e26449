//! Every setting: its name in git config, what it takes, its default, and what it is for. Commands read them, `git chant doctor` looks at
//! them, and gitchant-settings(7) is made of them.

use crate::spec::settings::{REQUIRE_APPROVAL, VERIFY};

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of these.
    Words(&'static [&'static str]),
    /// Yes or no, in git's words.
    Switch,
    /// A number from 1.
    Number,
    /// A number of seconds, minutes or hours.
    Time,
    /// The same, or `none`.
    TimeLimit,
    /// A number of bytes, or `none`.
    SizeLimit,
    /// US dollars, or `none`.
    CostLimit,
    /// A span of time in git's words (`30 days`, `never`).
    Span,
    /// The name of a remote.
    Remote,
    /// Yes, no, or the name of a remote.
    SwitchOrRemote,
    /// `NAME=value`.
    Variable,
    /// Anything.
    Text,
}

impl Kind {
    /// What it takes, in words.
    pub fn takes(self) -> String {
        match self {
            Self::Words(words) => words.join(", "),
            Self::Switch => "true or false".to_owned(),
            Self::Number => "a number from 1".to_owned(),
            Self::Time => "a time: 90s, 15m, 2h".to_owned(),
            Self::TimeLimit => "a time: 90s, 15m, 2h; none".to_owned(),
            Self::SizeLimit => "a size: 500k, 100m, 1g; none".to_owned(),
            Self::CostLimit => "US dollars: 2.50; none".to_owned(),
            Self::Span => "a span of time in git's words, or never".to_owned(),
            Self::Remote => "a remote's name".to_owned(),
            Self::SwitchOrRemote => "true, false, or a remote's name".to_owned(),
            Self::Variable => "NAME=value".to_owned(),
            Self::Text => String::new(),
        }
    }
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name: `chant.jobs`, or what follows `chant.agent.<name>.`.
    pub key: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What holds where it is not set; empty where nothing does.
    pub default: &'static str,
    /// A value that shows how it is written, where the default does not.
    pub example: &'static str,
    /// What it is for.
    pub about: &'static str,
}

impl Setting {
    /// A valid value: the default, else the example.
    pub fn good(&self) -> &'static str {
        if self.default.is_empty() { self.example } else { self.default }
    }
}

const fn setting(key: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Setting {
    Setting { key, kind, default, example: "", about }
}

const fn text(key: &'static str, kind: Kind, example: &'static str, about: &'static str) -> Setting {
    Setting { key, kind, default: "", example, about }
}

/// Where criteria are checked.
pub const VERIFY_IN: &[&str] = &["kept", "fresh", "run"];
/// Who commits what an agent made.
pub const COMMIT: &[&str] = &["both", "agent", "chant"];

/// All but those of agents.
pub const SETTINGS: &[Setting] = &[
    text(
        "chant.agent",
        Kind::Text,
        "claude",
        "The agent that works; given more than once, they share the work. Without it the first that is installed.",
    ),
    setting(
        "chant.allowOverride",
        Kind::Switch,
        "true",
        "GIT_CHANT_OVERRIDE='why' lets work in. On a server it is off unless the server says true.",
    ),
    setting("chant.archiveAfter", Kind::Span, "30 days", "When sync and merge fold what was merged or cancelled into the archive."),
    setting("chant.autoCommit", Kind::Switch, "true", "Verbs commit the spec files that they write."),
    setting("chant.autoPush", Kind::Switch, "false", "A plain git push takes specs along."),
    setting("chant.claim", Kind::SwitchOrRemote, "false", "A start is exclusive across clones, at this remote, as with work --claim."),
    setting("chant.claimTimeout", Kind::Time, "30m", "When a claim whose holder showed no sign of life can be taken."),
    setting("chant.commit", Kind::Words(COMMIT), "both", "Who commits what agents made; see chant.agent.<name>.commit."),
    text("chant.hooks", Kind::Text, "full", "Which hooks are installed: full, light, server, and -HOOK for each that is left out."),
    setting("chant.jobs", Kind::Number, "4", "How many specs work --parallel works at once."),
    setting("chant.maxAttempts", Kind::Number, "3", "How often a spec is started until a person resets it."),
    text("chant.project", Kind::Text, "NAME", "The project's name in prompts. Without it that of its directory."),
    text(
        "chant.protected",
        Kind::Text,
        "main",
        "A branch that the gate guards (* stands for anything but /); may be given more than once. In addition to those in .chant/config.md; main and master if neither names any.",
    ),
    text(
        "chant.remote",
        Kind::Remote,
        "origin",
        "The remote that specs are shared with. Without it that of the branch's upstream, or origin.",
    ),
    setting(
        "chant.requireApproval",
        Kind::Words(REQUIRE_APPROVAL),
        "never",
        "Which specs need an approval that do not ask for one: none, those that another clone wrote, all.",
    ),
    setting(
        "chant.requireSigned",
        Kind::Switch,
        "false",
        "Approvals, overrides, finishes and passes count only with a signature that git believes.",
    ),
    setting("chant.requireSpec", Kind::Switch, "false", "The gate refuses commits that belong to no spec."),
    setting(
        "chant.retryDelay",
        Kind::Time,
        "30s",
        "How long a spec that has just failed is left alone by resume --all; twice as long every time.",
    ),
    setting("chant.silent", Kind::Switch, "false", "Spec files are in no commit; git chant init --silent sets it."),
    setting("chant.stagger", Kind::Time, "1s", "The time between two starts of work --parallel."),
    text("chant.target", Kind::Text, "main", "The branch that work is meant for where none is checked out."),
    setting(
        "chant.transport",
        Kind::Words(&["refs", "branch"]),
        "refs",
        "How specs go to a remote: on refs/chant, or on the branch chant-state. Without it, as the remote has them.",
    ),
    text("chant.trust", Kind::Words(&["all"]), "all", "Commands of every spec run here, whoever wrote them: for a CI machine."),
    setting(
        "chant.verify",
        Kind::Words(VERIFY),
        "branch",
        "Criteria must have passed on the work (branch), on the result of the merge too (merge), or ticks are believed (none).",
    ),
    setting(
        "chant.verifyIn",
        Kind::Words(VERIFY_IN),
        "kept",
        "Where criteria are checked: in a worktree kept for its caches, in one made afresh, or at the end of a run in the agent's own (run).",
    ),
    setting("chant.verifyTimeout", Kind::TimeLimit, "30m", "How long the command of a criterion may take."),
    text(
        "chant.worktreeSetup",
        Kind::Text,
        "COMMAND",
        "A line for the shell that makes a fresh worktree ready, with CHANT_ROOT and CHANT_WORKTREE.",
    ),
];

/// Those of one agent, below `chant.agent.<name>.`.
pub const AGENT: &[Setting] = &[
    text(
        "command",
        Kind::Text,
        "'CMD'",
        "A line for the shell. {prompt_file} {worktree} {spec_id} {spec_file} {model} {session_id} {max_cost} {git_common_dir} {git_dir} {log_dir} stand for quoted values.",
    ),
    setting("commit", Kind::Words(COMMIT), "both", "Who commits: agent (what it leaves makes the run fail), chant (one commit), both."),
    text("env", Kind::Variable, "NAME=value", "A variable of its environment; may be given more than once."),
    text("format", Kind::Words(&["text", "claude", "codex", "opencode", "gemini", "aider", "goose"]), "text", "What it prints."),
    setting("grace", Kind::Time, "5s", "How long it may take to end once it was asked to."),
    setting("idleTimeout", Kind::TimeLimit, "1h", "When it is ended: after this time without a word."),
    text("maxConcurrent", Kind::Number, "2", "How many of it are at work at once in the repository."),
    text("maxCost", Kind::CostLimit, "2.50", "When it is ended: at this cost in US dollars, where the client tells it."),
    setting("maxOutput", Kind::SizeLimit, "256m", "When it is ended: after this much output."),
    text("model", Kind::Text, "MODEL", "The model, unless --model names one."),
    setting("permissions", Kind::Words(&["edit", "bypass"]), "edit", "What it may do without asking."),
    text("prompt", Kind::Words(&["stdin", "file", "arg"]), "stdin", "How it is told."),
    setting("timeout", Kind::TimeLimit, "4h", "When it is ended: after this time."),
    setting("weight", Kind::Number, "1", "How often it is chosen where several share the work."),
];
