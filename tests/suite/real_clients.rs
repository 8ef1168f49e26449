//! The real clients, where they are installed, against a model of our own: each a spec from edit to merge, all of them at once.
//!
//! `CHANT_TEST_CLIENTS` names the directory with their programs; `.ci/run` installs them into one. A client that is not there is skipped,
//! and said so. Each has a fresh home, no network is asked, and nothing of it is part of git-chant.

mod model_server;

use crate::common::{CHANT, Outcome, TestRepo};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the clients' programs are, if this one is among them.
fn installed(client: &str) -> Option<PathBuf> {
    let found = std::env::var_os("CHANT_TEST_CLIENTS").map(PathBuf::from).filter(|dir| dir.join(client).exists());
    if found.is_none() {
        eprintln!("skipped: {client} is not in CHANT_TEST_CLIENTS");
    }
    found
}

/// What a client has to be told of our model.
fn configure(repo: &TestRepo, client: &str, port: u16) -> Vec<(&'static str, String)> {
    let home = repo.root().join("home");
    let url = format!("http://127.0.0.1:{port}");
    let on = |names: &[&'static str]| names.iter().map(|name| (*name, "1".to_owned())).collect::<Vec<_>>();
    let put = |path: &Path, text: &str| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    match client {
        "claude" => {
            let mut env =
                on(&["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY", "DISABLE_ERROR_REPORTING"]);
            env.extend([("ANTHROPIC_BASE_URL", url), ("ANTHROPIC_API_KEY", "dummy".into())]);
            env
        }
        "codex" => {
            let config = format!(
                "model = \"gpt-fake\"\nmodel_provider = \"fake\"\n[model_providers.fake]\nname = \"fake\"\nbase_url = \"{url}/v1\"\n\
                 env_key = \"FAKE_API_KEY\"\nwire_api = \"responses\"\n[sandbox_workspace_write]\nexclude_slash_tmp = true\n\
                 exclude_tmpdir_env_var = true\n"
            );
            put(&home.join(".codex/config.toml"), &config);
            vec![("FAKE_API_KEY", "dummy".into())]
        }
        "opencode" => {
            let mut env = on(&["OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_DISABLE_MODELS_FETCH", "OPENCODE_DISABLE_LSP_DOWNLOAD"]);
            let config = serde_json::json!({
                "autoupdate": false, "share": "disabled", "model": "fake/fake-model", "small_model": "fake/fake-model",
                "provider": {"fake": {"npm": "@ai-sdk/openai-compatible", "name": "fake",
                    "options": {"baseURL": format!("{url}/v1"), "apiKey": "dummy"},
                    "models": {"fake-model": {"name": "fake-model", "limit": {"context": 200_000, "output": 8000}, "cost": {"input": 1, "output": 2}}}}}
            });
            env.push(("OPENCODE_CONFIG_CONTENT", config.to_string()));
            env
        }
        "gemini" => {
            put(&home.join(".gemini/settings.json"), r#"{"security":{"auth":{"selectedType":"gemini-api-key"}}}"#);
            repo.git(&["config", "chant.agent.gemini.model", "gemini-2.5-pro"]);
            let home = home.to_str().unwrap().to_owned();
            vec![
                ("GEMINI_API_KEY", "dummy".into()),
                ("GOOGLE_GEMINI_BASE_URL", url),
                ("GEMINI_CLI_HOME", home),
                ("GEMINI_TELEMETRY_ENABLED", "false".into()),
            ]
        }
        "qwen" => {
            put(&home.join(".qwen/settings.json"), r#"{"security":{"auth":{"selectedType":"openai"}}}"#);
            vec![("OPENAI_API_KEY", "dummy".into()), ("OPENAI_BASE_URL", format!("{url}/v1")), ("OPENAI_MODEL", "fake-model".into())]
        }
        "aider" => {
            repo.git(&["config", "chant.agent.aider.model", "openai/fake-model"]);
            let mut env = vec![("OPENAI_API_KEY", "dummy".into()), ("OPENAI_API_BASE", format!("{url}/v1"))];
            env.extend(["AIDER_EDIT_FORMAT", "AIDER_SHOW_MODEL_WARNINGS"].into_iter().zip(["diff".to_owned(), "false".to_owned()]));
            env
        }
        other => unreachable!("{other}"),
    }
}

/// One spec for each, all at the same time in the same repository: they make the same file, so that the merges have something to settle.
#[test]
fn they_work_side_by_side() {
    let clients: Vec<(&'static str, PathBuf)> = ["codex", "opencode", "gemini", "claude", "qwen", "aider"]
        .into_iter()
        .filter_map(|client| Some((client, installed(client)?)))
        .collect();
    let Some((_, bin)) = clients.first() else { return };
    let repo = TestRepo::with_chant();
    let port = model_server::serve();
    let chant = |args: &[&str], env: &[(&'static str, String)]| -> Command {
        let mut command = repo.command(repo.path(), CHANT);
        let path = command.get_envs().find_map(|(name, value)| (name == "PATH").then_some(value?.to_owned())).unwrap();
        let path = std::env::join_paths(std::iter::once(bin.clone()).chain(std::env::split_paths(&path))).unwrap();
        command.env("PATH", path).envs(env.iter().map(|(name, value)| (*name, value))).args(args);
        command
    };
    let works: Vec<(&'static str, String, Command)> = clients
        .iter()
        .map(|(client, _)| {
            let env = configure(&repo, client, port);
            let id = repo.add_spec(&format!("Let {client} say hello"), &["It greets `$ grep -q hello hello.txt`", "It is kind"]);
            let command = chant(&["work", &id, "--agent", client, "--timeout", "900s"], &env);
            (*client, id, command)
        })
        .collect();
    let known = Outcome::of(&mut chant(&["agents", "--json"], &[])).ok();
    let works: Vec<(&str, String)> = std::thread::scope(|scope| {
        let run = |(client, id, mut command): (&'static str, String, Command)| {
            scope.spawn(move || {
                Outcome::of(&mut command).ok().says("All done.").says("completed");
                (client, id)
            })
        };
        let threads: Vec<_> = works.into_iter().map(run).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (client, id) in &works {
        assert!(known.stdout.contains(&format!("\"name\": \"{client}\"")), "{known}");
        let shown = repo.show(id);
        assert_eq!((&shown["status"], &shown["rests_on"]), (&"completed".into(), &"verified".into()), "{client}");
        let tells_cost = matches!(*client, "opencode" | "claude");
        assert!(shown["used"]["input"].as_u64().unwrap() > 0 && shown["used"]["cost"].is_string() == tells_cost, "{client}: {shown}");
        assert!(!repo.exists(&format!(".chant/worktrees/{id}")), "{client}: the worktree is left");
        assert_eq!(repo.git(&["log", "-1", "--format=%an", "--grep=Add hello", &format!("chant/{id}")]), "Tester", "{client}");
        // The first to be merged makes the file, and it is the same for the others.
        repo.chant(&["merge", id]).ok();
    }
    assert_eq!(repo.read("hello.txt"), "hello\n");
    repo.assert_no_locks();
}

/// It works with its own server only; at least it knows what we tell it.
#[test]
fn amp_knows_the_arguments_of_its_preset() {
    let Some(bin) = installed("amp") else { return };
    let repo = TestRepo::new();
    let ask = |more: &[&str]| {
        let mut command = repo.command(repo.path(), bin.join("amp"));
        command.args(["-x", "--stream-json"]).args(more).env("AMP_URL", "http://127.0.0.1:9").env("AMP_API_KEY", "dummy");
        Outcome::of(&mut command).fails(1)
    };
    ask(&["--no-such-option"]).says("unknown option");
    ask(&[]).says_not("unknown option");
    ask(&["--dangerously-allow-all"]).says_not("unknown option");
}
