#![allow(clippy::unwrap_used)]

use super::*;
use crate::agent::settings::{CommitBy, Permissions};
use std::time::Duration;

/// Git config, and what is on PATH.
#[derive(Default)]
struct Fake {
    config: Vec<(&'static str, &'static str)>,
    path: Vec<&'static str>,
}

impl Surroundings for Fake {
    fn one(&self, key: &str) -> Option<String> {
        self.all(key).pop()
    }

    fn all(&self, key: &str) -> Vec<String> {
        let same = self.config.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
        same.map(|(_, value)| (*value).to_owned()).collect()
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        self.path.contains(&program).then(|| PathBuf::from("/bin").join(program))
    }
}

fn client(name: &str, fake: &Fake) -> Client {
    match Agent::resolve(Some(name), fake).unwrap() {
        Agent::Client(client) => *client,
        other => panic!("{other:?}"),
    }
}

fn refusal(name: Option<&str>, fake: &Fake) -> (String, String) {
    let error = Agent::resolve(name, fake).unwrap_err();
    (error.to_string(), error.downcast_ref::<Failure>().unwrap().hints().join("\n"))
}

#[test]
fn the_command_line_wins_over_config_and_config_over_presets() {
    let fake = Fake {
        config: vec![
            ("chant.agent", "mine"),
            ("chant.agent.mine.command", "run me"),
            ("chant.agent.claude.command", "run you"),
            ("chant.agent.script.command", "never"),
        ],
        path: vec!["codex", "claude"],
    };
    let line = |line: &str| Program::Line(line.to_owned());
    assert!(matches!(Agent::resolve(None, &fake).unwrap(), Agent::Client(client) if client.program == line("run me") && !client.found));
    assert_eq!(client("claude", &fake).program, line("run you"));
    assert_eq!(client("claude", &fake).format(), Format::Claude);
    assert!(matches!(Agent::resolve(Some("script"), &fake).unwrap(), Agent::Script(_)));
    assert!(matches!(client("codex", &fake).program, Program::Preset(preset, path) if preset.name == "codex" && path.ends_with("codex")));
}

#[test]
fn without_a_choice_the_first_that_is_installed_is_taken() {
    let fake = Fake { path: vec!["goose", "gemini"], ..Fake::default() };
    assert!(matches!(Agent::resolve(None, &fake).unwrap(), Agent::Client(client) if client.name == "gemini" && client.found));
}

#[test]
fn a_refusal_names_the_next_command() {
    let none = Fake::default();
    for (name, config_key) in [(None, "chant.agent.NAME.command"), (Some("other"), "chant.agent.other.command")] {
        let (_, hints) = refusal(name, &none);
        assert!(hints.contains(&format!("git config {config_key} 'CMD'")), "{hints}");
        assert!(hints.contains("--agent script") && hints.contains("manual"), "{hints}");
    }
    let (message, hints) = refusal(Some("codex"), &none);
    assert!(message.contains("not installed") && hints.contains("npm install -g @openai/codex"), "{message} {hints}");
}

#[test]
fn a_name_that_is_no_config_key_is_refused() {
    for name in ["a.b", "../x", "", " ", "a b", "x\u{1b}[31m", "x.command=y"] {
        let error = Agent::resolve(Some(name), &Fake::default()).unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'));
    }
}

#[test]
fn settings_are_read_and_have_sane_defaults() {
    let fake = Fake {
        config: vec![
            ("chant.agent.x.command", "c"),
            ("chant.agent.x.format", "codex"),
            ("chant.agent.x.permissions", "bypass"),
            ("chant.agent.x.idleTimeout", "15m"),
            ("chant.agent.x.timeout", "none"),
            ("chant.agent.x.maxOutput", "2k"),
            ("chant.agent.x.maxCost", "2.5"),
            ("chant.agent.x.grace", "1s"),
            ("chant.agent.x.maxConcurrent", "3"),
            ("chant.agent.x.env", "A=1"),
            ("chant.agent.x.env", "B=x=y"),
        ],
        path: vec!["claude"],
    };
    let settings = client("x", &fake).settings;
    let limits =
        Limits { time: None, idle: Some(Duration::from_secs(900)), output: Some(2048), cost: Some(2.5), grace: Duration::from_secs(1) };
    assert_eq!((settings.limits, settings.format, settings.max_concurrent), (limits, Some(Format::Codex), Some(3)));
    assert_eq!(settings.env, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "x=y".to_owned())]);
    let plain = client("claude", &fake).settings;
    assert_eq!((plain.permissions, plain.weight), (Permissions::Edit, 1));
    assert!(plain.limits.time.is_some() && plain.limits.idle.is_some() && plain.limits.output.is_some());
}

#[test]
fn a_setting_that_cannot_be_meant_is_refused_with_the_command_that_mends_it() {
    for (key, value) in [
        ("chant.agent.x.format", "json"),
        ("chant.agent.x.permissions", "all"),
        ("chant.agent.x.prompt", "tty"),
        ("chant.agent.x.timeout", "soon"),
        ("chant.agent.x.maxOutput", "lots"),
        ("chant.agent.x.maxCost", "-1"),
        ("chant.agent.x.weight", "0"),
        ("chant.agent.x.env", "no value: secret"),
    ] {
        let (message, hints) = refusal(Some("x"), &Fake { config: vec![("chant.agent.x.command", "c"), (key, value)], path: vec![] });
        let mend = if key == "chant.agent.x.env" { "git config --edit".to_owned() } else { format!("git config {key} ") };
        assert!(message.contains(key) && hints.contains(&mend) && !message.contains("secret"), "{message} {hints}");
    }
}

#[test]
fn an_agent_is_run_by_a_shell_and_a_script_stops_at_its_first_failure() {
    let run = |invocation: Invocation| {
        std::process::Command::new(invocation.program).args(invocation.args).envs(invocation.env).output().unwrap()
    };
    let fake = Fake { config: vec![("chant.agent.script.timeout", "90s")], path: vec![] };
    let agent = Agent::resolve(Some("script"), &fake).unwrap();
    assert_eq!((agent.limits().time, agent.limits().output), (Some(Duration::from_secs(90)), Some(256 << 20)));
    let script = agent.invocation(b"```sh\nfalse\ntrue\n```\n", &Place::default()).unwrap();
    assert!(!run(script).status.success());
    assert!(agent.check(b"none").is_err());
    let dir = tempfile::tempdir().unwrap();
    let prompt_file = dir.path().join("a prompt");
    std::fs::write(&prompt_file, "--- it's `me`").unwrap();
    let place = Place { prompt_file: prompt_file.clone(), ..Place::default() };
    for (prompt, line, said) in [
        ("stdin", "exit 3 #", String::new()),
        ("file", "printf %s", prompt_file.display().to_string()),
        ("file", "printf %s {prompt_file} #", prompt_file.display().to_string()),
        ("arg", "printf %s", "\n--- it's `me`".to_owned()),
    ] {
        let fake = Fake { config: vec![("chant.agent.x.command", line), ("chant.agent.x.prompt", prompt)], path: vec![] };
        let invocation = Agent::resolve(Some("x"), &fake).unwrap().invocation(b"", &place).unwrap();
        assert_eq!(invocation.prompt_on_stdin, prompt == "stdin");
        let output = run(invocation);
        assert_eq!((String::from_utf8(output.stdout).unwrap(), output.status.code() == Some(3)), (said, prompt == "stdin"), "{line}");
    }
}

#[test]
fn a_preset_gets_its_values_as_arguments() {
    let fake = Fake { config: vec![("chant.agent.codex.env", "OPENAI_API_KEY=k")], path: vec!["codex"] };
    let place = Place { git_dir: "/w t/.git".into(), model: Some("$(m)".into()), ..Place::default() };
    let invocation = Agent::resolve(Some("codex"), &fake).unwrap().invocation(b"", &place).unwrap();
    let args: Vec<_> = invocation.args.iter().map(|arg| arg.to_str().unwrap()).collect();
    assert!(args.contains(&"/w t/.git") && args.contains(&"$(m)") && args.last() == Some(&"-"), "{args:?}");
    assert!(invocation.env.contains(&("OPENAI_API_KEY".into(), "k".into())));
}

#[test]
fn the_table_of_settings_has_the_words_that_are_read() {
    use crate::settings::table::{AGENT, Kind};
    let words = |key: &str| match AGENT.iter().find(|setting| setting.key == key).map(|setting| setting.kind) {
        Some(Kind::Words(words)) => words.to_vec(),
        other => panic!("{key}: {other:?}"),
    };
    assert_eq!(words("format"), Format::ALL.map(Format::as_str));
    assert_eq!(words("prompt"), [PromptBy::Stdin, PromptBy::File, PromptBy::Arg].map(PromptBy::as_str));
    assert_eq!(words("permissions"), [Permissions::Edit, Permissions::Bypass].map(Permissions::as_str));
    assert_eq!(words("commit"), [CommitBy::Both, CommitBy::Agent, CommitBy::Chant].map(CommitBy::as_str));
}
