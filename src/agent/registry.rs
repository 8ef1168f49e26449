//! Which agent: one from git config, a preset for a well-known client, or one that needs no model.

use crate::failure::Failure;
use anyhow::Result;
use std::ffi::OsString;

use super::prompt::valid_name;

/// What works on a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agent {
    /// Runs the spec's own fenced `sh` block ([`script_of`]).
    Script,
    /// The person's own shell in the worktree.
    Manual,
    /// A command line for `sh -c`, with the prompt on standard input.
    Command {
        /// The name by which it was chosen.
        name: String,
        /// The command line.
        command: String,
    },
}

/// Well-known clients, as they were measured to work headless in a linked worktree: prompt on standard input, one event a line.
///
/// They get what they need to edit, run commands and commit in the worktree, and no more where they can be held to that.
const PRESETS: &[(&str, &str)] = &[
    ("claude", "exec claude -p --output-format stream-json --verbose --permission-mode acceptEdits --allowedTools Bash"),
    (
        "codex",
        "exec codex exec --json --sandbox workspace-write --add-dir \"$(git rev-parse --path-format=absolute --git-common-dir)\" \
         --add-dir \"$(git rev-parse --absolute-git-dir)\" -",
    ),
    ("opencode", "exec opencode run --format json"),
    ("gemini", "GEMINI_CLI_NO_RELAUNCH=true exec gemini -o stream-json --skip-trust --yolo"),
    ("qwen", "QWEN_CODE_NO_RELAUNCH=true exec qwen -o stream-json --yolo"),
];

impl Agent {
    /// The agent named on the command line, else by `chant.agent`. `config` answers with git config's value of a key.
    ///
    /// `script` and `manual` always mean the built-in ones; a preset gives way to `chant.agent.NAME.command`.
    pub fn resolve(name: Option<&str>, config: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let configured = || config("chant.agent").filter(|name| !name.trim().is_empty());
        let Some(name) = name.map(str::to_owned).or_else(configured) else {
            return Err(with_hints(Failure::new("no agent is configured"), "NAME")
                .hint("choose it with: git config chant.agent NAME")
                .into());
        };
        let name = name.trim();
        match name {
            "script" => return Ok(Self::Script),
            "manual" => return Ok(Self::Manual),
            _ => {}
        }
        if !valid_name(name) {
            let failure = Failure::new(format!("'{}' is no name for an agent: use letters, digits, - and _", name.escape_debug()));
            return Err(with_hints(failure, "NAME").into());
        }
        let command = config(&format!("chant.agent.{name}.command")).filter(|command| !command.trim().is_empty());
        let preset = || PRESETS.iter().find(|(known, _)| *known == name).map(|(_, command)| (*command).to_owned());
        match command.or_else(preset) {
            Some(command) => Ok(Self::Command { name: name.to_owned(), command }),
            None => Err(with_hints(Failure::new(format!("agent '{name}' has no command")), name).into()),
        }
    }

    /// The name shown to people and recorded with the run.
    pub fn name(&self) -> &str {
        match self {
            Self::Script => "script",
            Self::Manual => "manual",
            Self::Command { name, .. } => name,
        }
    }

    /// True where a person works at the terminal.
    pub fn is_interactive(&self) -> bool {
        matches!(self, Self::Manual)
    }

    /// The program and arguments that run it on a spec with this body.
    ///
    /// The caller must have found the spec to be trusted: a script is a command that came with a document.
    pub fn invocation(&self, body: &[u8]) -> Result<(OsString, Vec<OsString>)> {
        let shell = |flags: &str, script: String, name: &str| (OsString::from("sh"), vec![flags.into(), script.into(), name.into()]);
        Ok(match self {
            // `-e`: a script that goes on after a failed step would end with the last step's success.
            Self::Script => match script_of(body) {
                Some(script) => shell("-ec", script, "chant-script"),
                None => {
                    return Err(Failure::new("the spec has no script to run")
                        .hint("write a fenced ```sh block below a heading 'Script': git chant edit SPEC")
                        .hint("or choose another agent with: --agent NAME")
                        .into());
                }
            },
            Self::Manual => (std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "sh".into()), Vec::new()),
            Self::Command { name, command } => shell("-c", command.clone(), name),
        })
    }
}

fn with_hints(failure: Failure, name: &str) -> Failure {
    let known: Vec<_> = PRESETS.iter().map(|(name, _)| *name).collect();
    failure
        .hint(format!("give it a command with: git config chant.agent.{name}.command 'CMD' (the prompt is on its standard input)"))
        .hint("work without a model with: --agent script (the spec's own sh block) or --agent manual (your shell)")
        .hint(format!("known without configuration: {}", known.join(", ")))
}

/// The script of a spec: its first fenced block marked `sh` under a heading `Script`, else its first one at all.
///
/// A block that is not closed would run prose as commands, so it does not count; nor does what the agent's output brought in.
pub fn script_of(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let mut first = None;
    // The level of the heading `Script` that we are under.
    let mut under: Option<usize> = None;
    let mut in_comment = false;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if in_comment || line.trim_start().starts_with("<!--") {
            in_comment = !line.contains("-->");
        } else if let Some((level, title)) = heading(line) {
            if level == 2 && title == "Agent Output" {
                break;
            }
            if title.eq_ignore_ascii_case("script") {
                under = Some(level);
            } else if under.is_some_and(|outer| level <= outer) {
                under = None;
            }
        } else if let Some(fence) = Fence::opened_by(line) {
            let Some(script) = fence.read(&mut lines) else { break };
            if fence.is_sh && under.is_some() {
                return Some(script);
            }
            if fence.is_sh && first.is_none() {
                first = Some(script);
            }
        }
    }
    first
}

/// The level and text of an ATX heading.
fn heading(line: &str) -> Option<(usize, &str)> {
    let rest = unindented(line)?;
    let level = rest.bytes().take_while(|&byte| byte == b'#').count();
    let title = &rest[level..];
    let blank = title.is_empty() || title.starts_with([' ', '\t']);
    let title = title.trim();
    let bare = title.trim_end_matches('#');
    // A closing run of `#` belongs to the heading only after a space.
    let title = if bare.is_empty() || bare.ends_with([' ', '\t']) { bare.trim_end() } else { title };
    ((1..=6).contains(&level) && blank).then_some((level, title))
}

/// A line without the up to three spaces that markdown does not count; four make it code.
fn unindented(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches(' ');
    (line.len() - rest.len() <= 3).then_some(rest)
}

/// An opening code fence.
struct Fence {
    mark: char,
    length: usize,
    indent: usize,
    is_sh: bool,
}

impl Fence {
    fn opened_by(line: &str) -> Option<Self> {
        let rest = unindented(line)?;
        let mark = rest.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let info = rest.trim_start_matches(mark);
        let length = rest.len() - info.len();
        // Backticks in the info string make it inline code.
        let fence = length >= 3 && !(mark == '`' && info.contains('`'));
        let is_sh = info.split_ascii_whitespace().next() == Some("sh");
        fence.then_some(Self { mark, length, indent: line.len() - rest.len(), is_sh })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let Some(rest) = unindented(line).map(str::trim_end) else { return false };
        rest.len() >= self.length && rest.chars().all(|mark| mark == self.mark)
    }

    /// The lines up to the closing fence, which must be there.
    fn read<'a>(&self, lines: &mut impl Iterator<Item = &'a str>) -> Option<String> {
        let mut content = String::new();
        for line in lines {
            if self.is_closed_by(line) {
                return Some(content);
            }
            let spaces = line.bytes().take(self.indent).take_while(|&byte| byte == b' ').count();
            content.push_str(&line[spaces..]);
            content.push('\n');
        }
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn the_command_line_wins_over_config_and_config_over_presets() {
        let config = |key: &str| match key {
            "chant.agent" => Some("mine".to_owned()),
            "chant.agent.mine.command" | "chant.agent.claude.command" => Some("run me".to_owned()),
            _ => None,
        };
        let named = |name: &str| Agent::Command { name: name.to_owned(), command: "run me".to_owned() };
        assert_eq!(Agent::resolve(None, &config).unwrap(), named("mine"));
        assert_eq!(Agent::resolve(Some("claude"), &config).unwrap(), named("claude"));
        assert_eq!(Agent::resolve(Some("script"), &config).unwrap(), Agent::Script);
        assert!(matches!(Agent::resolve(Some("codex"), &none).unwrap(), Agent::Command { name, .. } if name == "codex"));
    }

    #[test]
    fn a_refusal_names_the_next_command() {
        for (name, config_key) in [(None, "chant.agent.NAME.command"), (Some("other"), "chant.agent.other.command")] {
            let error = Agent::resolve(name, &none).unwrap_err();
            let hints = error.downcast_ref::<Failure>().unwrap().hints().join("\n");
            assert!(hints.contains(&format!("git config {config_key} 'CMD'")), "{hints}");
            assert!(hints.contains("--agent script") && hints.contains("manual"), "{hints}");
        }
    }

    #[test]
    fn a_name_that_is_no_config_key_is_refused() {
        for name in ["a.b", "../x", "", " ", "a b", "x\u{1b}[31m", "x.command=y"] {
            let error = Agent::resolve(Some(name), &|_| Some("id".to_owned())).unwrap_err();
            assert!(!error.to_string().contains('\u{1b}'));
        }
    }

    #[test]
    fn the_block_under_script_wins_over_an_earlier_one() {
        let body = b"# T\n```sh\nearly\n```\n## Script\n```python\nno\n```\n### Deeper\n~~~~ sh title\n  it's\n~~~\n~~~~\n## Next\n```sh\nlate\n```\n";
        assert_eq!(script_of(body).unwrap(), "  it's\n~~~\n");
        assert_eq!(script_of(b"```sh\nearly\n```\n## Scripting\n```sh\nlate\n```\n").unwrap(), "early\n");
        assert_eq!(script_of(b"```sh\nearly\n```\n# SCRIPT #\n## x\n```sh\ndeep\n```\n").unwrap(), "deep\n");
    }

    #[test]
    fn what_only_looks_like_a_script_is_none() {
        for body in [
            "no block",
            "```\nplain\n```\n",
            "```bash\nother\n```\n",
            "```shell\nother\n```\n",
            "```sh\nnot closed\n## Prose\n",
            "````\n```sh\ninside\n```\n````\n",
            "    ```sh\n    code\n    ```\n",
            "<!--\n```sh\nhidden\n```\n-->\n",
            "## Agent Output\n```sh\nrm\n```\n",
            "```sh `x`\nrm\n",
        ] {
            assert_eq!(script_of(body.as_bytes()), None, "{body:?}");
        }
        assert_eq!(script_of(b"```sh\n\xff\n```\n"), None);
    }

    #[test]
    fn carriage_returns_and_indentation_are_not_part_of_a_script() {
        assert_eq!(script_of(b"## Script\r\n\r\n  ```sh\r\n  a\r\n    b\r\n c\r\n  ```\r\n").unwrap(), "a\n  b\nc\n");
    }

    #[test]
    fn an_agent_is_run_by_a_shell_and_a_script_stops_at_its_first_failure() {
        let (program, args) = Agent::Script.invocation(b"```sh\nfalse\ntrue\n```\n").unwrap();
        assert!(!std::process::Command::new(program).args(args).status().unwrap().success());
        let agent = Agent::Command { name: "x".into(), command: "exit 3".into() };
        let (program, args) = agent.invocation(b"").unwrap();
        assert_eq!(std::process::Command::new(program).args(args).status().unwrap().code(), Some(3));
        assert!(Agent::Script.invocation(b"none").is_err());
    }
}
