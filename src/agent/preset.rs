//! Well-known clients, as they were measured to work headless in a linked worktree.
//!
//! Each gets what it needs to edit, run commands and commit in the worktree, and no more where it can be held to that. Placeholders in
//! braces are filled in for each run ([`super::placeholder`]).

use super::settings::{Permissions, PromptBy};
use super::transcript::Format;

/// How a well-known client is started.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name by which it is chosen, and its program.
    pub name: &'static str,
    /// How to get it.
    pub install: &'static str,
    /// True where exactly these arguments were seen to work; else they are from the client's documentation.
    pub tested: bool,
    /// The first arguments.
    pub head: &'static [&'static str],
    /// For permissions `edit`: files, and commands where the client has no finer level.
    pub edit: &'static [&'static str],
    /// For permissions `bypass`.
    pub bypass: &'static [&'static str],
    /// Where a model is asked for.
    pub model: &'static [&'static str],
    /// Where there is a budget, and the client can keep one by itself.
    pub budget: &'static [&'static str],
    /// To go on with an earlier session; empty where the client has none.
    pub resume: &'static [&'static str],
    /// The last arguments.
    pub tail: &'static [&'static str],
    /// Its environment, for both permissions.
    pub env: &'static [(&'static str, &'static str)],
    /// More of it for permissions `bypass`.
    pub bypass_env: &'static [(&'static str, &'static str)],
    /// How it gets the prompt.
    pub prompt: PromptBy,
    /// What it prints.
    pub format: Format,
    /// True where its output says what it cost.
    pub tells_cost: bool,
    /// What a person should know before choosing it.
    pub remark: &'static str,
}

/// What most have; a preset names only what differs.
const PLAIN: Preset = Preset {
    name: "",
    install: "",
    tested: true,
    head: &[],
    edit: &[],
    bypass: &[],
    model: &["--model", "{model}"],
    budget: &[],
    resume: &[],
    tail: &[],
    env: &[],
    bypass_env: &[],
    prompt: PromptBy::Stdin,
    format: Format::Text,
    tells_cost: false,
    remark: "",
};

/// In the order in which they are looked for when none was chosen.
pub const PRESETS: &[Preset] = &[CLAUDE, CODEX, OPENCODE, GEMINI, QWEN, AIDER, GOOSE, AMP, CURSOR];

const CLAUDE: Preset = Preset {
    name: "claude",
    install: "npm install -g @anthropic-ai/claude-code",
    head: &["-p", "--output-format", "stream-json", "--verbose"],
    // `--allowedTools` takes every word up to the next option, so it is never last before a word of another kind.
    edit: &["--permission-mode", "acceptEdits", "--allowedTools", "Bash"],
    bypass: &["--dangerously-skip-permissions"],
    budget: &["--max-budget-usd", "{max_cost}"],
    resume: &["--resume", "{session_id}"],
    format: Format::Claude,
    tells_cost: true,
    ..PLAIN
};

const CODEX: Preset = Preset {
    name: "codex",
    install: "npm install -g @openai/codex",
    head: &["exec", "--json"],
    // A commit writes in both git directories of a linked worktree, and the sandbox lets neither be written otherwise.
    edit: &["--sandbox", "workspace-write", "--add-dir", "{git_common_dir}", "--add-dir", "{git_dir}"],
    bypass: &["--dangerously-bypass-approvals-and-sandbox"],
    model: &["-m", "{model}"],
    resume: &["resume", "{session_id}"],
    tail: &["-"],
    format: Format::Codex,
    ..PLAIN
};

const OPENCODE: Preset = Preset {
    name: "opencode",
    install: "npm install -g opencode-ai",
    head: &["run", "--format", "json"],
    bypass: &["--auto"],
    model: &["-m", "{model}"],
    resume: &["--session", "{session_id}"],
    format: Format::Opencode,
    tells_cost: true,
    ..PLAIN
};

const GEMINI: Preset = Preset {
    name: "gemini",
    install: "npm install -g @google/gemini-cli",
    head: &["-o", "stream-json", "--skip-trust"],
    // Without a shell it could neither check its work nor commit it.
    edit: &["--approval-mode", "auto_edit", "--allowed-tools", "run_shell_command"],
    bypass: &["--yolo"],
    model: &["-m", "{model}"],
    resume: &["--resume", "{session_id}"],
    // Without it a second process of its own ignores our signals.
    env: &[("GEMINI_CLI_NO_RELAUNCH", "true")],
    format: Format::Gemini,
    ..PLAIN
};

const QWEN: Preset = Preset {
    name: "qwen",
    install: "npm install -g @qwen-code/qwen-code",
    head: &["-o", "stream-json"],
    // Without a shell it could neither check its work nor commit it.
    edit: &["--approval-mode", "auto-edit", "--allowed-tools", "run_shell_command"],
    bypass: &["--yolo"],
    model: &["-m", "{model}"],
    resume: &["--resume", "{session_id}"],
    env: &[("QWEN_CODE_NO_RELAUNCH", "true")],
    format: Format::Claude,
    ..PLAIN
};

const AIDER: Preset = Preset {
    name: "aider",
    install: "pip install aider-chat",
    head: &[
        "--message-file",
        "{prompt_file}",
        "--yes-always",
        "--no-pretty",
        "--no-stream",
        "--no-gitignore",
        "--map-tokens",
        "0",
        "--no-check-update",
        "--analytics-disable",
        "--chat-history-file",
        "{log_dir}/aider.md",
        "--input-history-file",
        "{log_dir}/aider.in",
    ],
    prompt: PromptBy::File,
    format: Format::Aider,
    tells_cost: true,
    remark: "it edits files but runs no commands",
    ..PLAIN
};

const GOOSE: Preset = Preset {
    name: "goose",
    install: "see https://block.github.io/goose",
    tested: false,
    head: &["run", "--no-session", "-q", "-i", "-"],
    bypass_env: &[("GOOSE_MODE", "auto")],
    format: Format::Goose,
    remark: "with 'edit' your own goose settings decide what it may do",
    ..PLAIN
};

const AMP: Preset = Preset {
    name: "amp",
    install: "npm install -g @sourcegraph/amp",
    tested: false,
    head: &["-x", "--stream-json"],
    bypass: &["--dangerously-allow-all"],
    model: &[],
    format: Format::Claude,
    remark: "with 'edit' your own amp settings decide what it may do",
    ..PLAIN
};

const CURSOR: Preset = Preset {
    name: "cursor-agent",
    install: "see https://cursor.com/cli",
    tested: false,
    head: &["-p", "--trust", "--output-format", "stream-json"],
    bypass: &["--force"],
    resume: &["--resume", "{session_id}"],
    format: Format::Claude,
    remark: "with 'edit' your own cursor permissions decide what it may do",
    ..PLAIN
};

/// The preset of this name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

/// What a run adds to a preset's fixed arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// A model was asked for.
    pub model: bool,
    /// There is a budget.
    pub budget: bool,
    /// An earlier session is to go on.
    pub session: bool,
}

impl Preset {
    /// The arguments, placeholders as they are.
    pub fn args(&self, permissions: Permissions, wanted: Wanted) -> Vec<&'static str> {
        let level = match permissions {
            Permissions::Edit => self.edit,
            Permissions::Bypass => self.bypass,
        };
        let when = |asked: bool, args: &'static [&'static str]| if asked { args } else { &[] };
        let parts = [
            self.head,
            level,
            when(wanted.model, self.model),
            when(wanted.budget, self.budget),
            when(wanted.session, self.resume),
            self.tail,
        ];
        parts.concat()
    }

    /// Its environment.
    pub fn env(&self, permissions: Permissions) -> impl Iterator<Item = (&'static str, &'static str)> {
        let more = if permissions == Permissions::Bypass { self.bypass_env } else { &[] };
        self.env.iter().chain(more).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_bypassed_unless_asked_for() {
        for preset in PRESETS {
            let args = preset.args(Permissions::Edit, Wanted { model: true, budget: true, session: true }).join(" ");
            for word in ["dangerously", "yolo", "--force", "--auto ", "bypass"] {
                assert!(!format!("{args} ").contains(word), "{}: {args}", preset.name);
            }
            assert!(preset.env(Permissions::Edit).all(|(_, value)| value != "auto"), "{}", preset.name);
        }
    }

    #[test]
    fn each_client_gets_the_arguments_that_it_takes_in_their_order() {
        let all = Wanted { model: true, budget: true, session: true };
        let table = [
            (
                "claude",
                "-p --output-format stream-json --verbose --permission-mode acceptEdits --allowedTools Bash --model {model} \
                 --max-budget-usd {max_cost} --resume {session_id}",
                "-p --output-format stream-json --verbose --dangerously-skip-permissions",
            ),
            (
                "codex",
                "exec --json --sandbox workspace-write --add-dir {git_common_dir} --add-dir {git_dir} -m {model} resume {session_id} -",
                "exec --json --dangerously-bypass-approvals-and-sandbox -",
            ),
            ("opencode", "run --format json -m {model} --session {session_id}", "run --format json --auto"),
            (
                "gemini",
                "-o stream-json --skip-trust --approval-mode auto_edit --allowed-tools run_shell_command -m {model} --resume {session_id}",
                "-o stream-json --skip-trust --yolo",
            ),
            (
                "qwen",
                "-o stream-json --approval-mode auto-edit --allowed-tools run_shell_command -m {model} --resume {session_id}",
                "-o stream-json --yolo",
            ),
            (
                "aider",
                "--message-file {prompt_file} --yes-always --no-pretty --no-stream --no-gitignore --map-tokens 0 --no-check-update \
                 --analytics-disable --chat-history-file {log_dir}/aider.md --input-history-file {log_dir}/aider.in --model {model}",
                "--message-file {prompt_file} --yes-always --no-pretty --no-stream --no-gitignore --map-tokens 0 --no-check-update \
                 --analytics-disable --chat-history-file {log_dir}/aider.md --input-history-file {log_dir}/aider.in",
            ),
            ("goose", "run --no-session -q -i - --model {model}", "run --no-session -q -i -"),
            ("amp", "-x --stream-json", "-x --stream-json --dangerously-allow-all"),
            (
                "cursor-agent",
                "-p --trust --output-format stream-json --model {model} --resume {session_id}",
                "-p --trust --output-format stream-json --force",
            ),
        ];
        assert_eq!(table.map(|(name, ..)| name).to_vec(), PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>());
        for (preset, (_, edit, bypass)) in PRESETS.iter().zip(table) {
            assert_eq!(preset.args(Permissions::Edit, all).join(" "), edit);
            assert_eq!(preset.args(Permissions::Bypass, Wanted::default()).join(" "), bypass);
            let by = if preset.name == "aider" { PromptBy::File } else { PromptBy::Stdin };
            assert_eq!(preset.prompt, by, "{}", preset.name);
        }
        // One process each: else a signal reaches the outer one alone.
        for (name, variable) in [("gemini", "GEMINI_CLI_NO_RELAUNCH"), ("qwen", "QWEN_CODE_NO_RELAUNCH")] {
            let env: Vec<_> =
                PRESETS.iter().filter(|preset| preset.name == name).flat_map(|preset| preset.env(Permissions::Edit)).collect();
            assert_eq!(env, [(variable, "true")]);
        }
    }
}
