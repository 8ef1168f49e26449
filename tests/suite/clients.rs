//! Agents that print what real clients print: what git-chant makes of it, and what it shows people.

use crate::common::TestRepo;

/// A repository with one spec, whose agent says that it is `format` and runs this script.
fn with_agent(format: &str, script: &str) -> (TestRepo, String) {
    let repo = TestRepo::with_chant();
    repo.agent("mine", script);
    repo.git(&["config", "chant.agent.mine.format", format]);
    let id = repo.add_spec("Say hello", &["It greets `$ grep -q hello hello.txt`"]);
    (repo, id)
}

const WORKS: &str = "echo hello > hello.txt; git add hello.txt; git commit -qm hello";

const INIT: &str = r#"{"type":"system","subtype":"init","session_id":"95cf-784a","model":"claude-opus-5-5"}"#;

fn result(rest: &str) -> String {
    format!(
        r#"{{"session_id":"95cf-784a","total_cost_usd":0.25,"usage":{{"input_tokens":2000,"output_tokens":81}},"is_error":false,"subtype":"success","type":"result"{rest}}}"#
    )
}

/// A script that prints these lines, whatever is in them.
fn says(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("cat <<'EOT'\n{line}\nEOT\n")).collect()
}

fn claude(before: &str, end: &str) -> String {
    let tool = r#"{"type":"assistant","message":{"id":"m","content":[{"type":"text","text":"I write \u001b]0;title\u0007 it."},{"type":"tool_use","name":"Bash","input":{"command":"ls"}}]}}"#;
    format!("cat > /dev/null\n{}{before}\n{}", says(&[INIT, tool]), says(&[end]))
}

#[test]
fn a_stream_is_read_recorded_and_shown() {
    let (repo, id) = with_agent("claude", &claude(WORKS, &result("")));
    repo.chant(&["work", &id]).ok().says("$ ls").says("> claude-opus-5-5, 2.0k in, 81 out, $0.2500").says_not("\u{1b}");
    let file = repo.chant(&["show", &id, "--body"]).ok().stdout;
    assert!(file.contains("model: claude-opus-5-5") && file.contains("I write"), "{file}");
    assert!(!file.contains("session_id") && !file.contains('\u{1b}'), "{file}");
    repo.chant(&["show", &id]).ok().says("2000 tokens in, 81 out, $0.2500");
    assert_eq!(repo.show(&id)["used"]["cost"], "0.2500");
    let log =
        repo.chant(&["log", &id]).ok().says("$ ls").says("Run 1 of 1: mine, completed, claude-opus-5-5, 2000 tokens in, 81 out, $0.2500");
    assert!(!log.stdout.contains('\u{1b}') && !log.stdout.contains("session_id"), "{log}");
    repo.chant(&["log", &id, "--raw"]).ok().says(INIT).says("\\u001b]0;title");
    let message = repo.git(&["log", "-1", "--format=%B", &format!("refs/chant/specs/{id}")]);
    assert!(message.contains("Chant-Session: 95cf-784a\nChant-Model: claude-opus-5-5\nChant-Tokens: in=2000 cached=0 out=81"), "{message}");
}

#[test]
fn exit_0_alone_is_never_completed() {
    let denied = result(r#","permission_denials":[{"tool_name":"Write"},{"tool_name":"Bash"}]"#);
    let refused = result("").replace("\"is_error\":false", "\"is_error\":true,\"result\":\"Invalid API key\",\"api_error_status\":401");
    let dropped =
        format!(r#"{{"type":"system","subtype":"api_retry","attempt":1,"max_retries":10,"error":"unknown"}}{}"#, "\n") + &result("");
    let in_words = result(r#","result":"[API Error: 401 invalid x-api-key]""#);
    for (name, before, end, reason) in [
        ("nothing done", "", result("").as_str(), "the agent changed nothing"),
        ("denied", WORKS, &denied, "was not allowed to use Write, Bash"),
        ("error", WORKS, &refused, "reported an error: Invalid API key (HTTP 401)"),
        ("error in words", WORKS, &in_words, "API Error: 401 invalid x-api-key"),
        ("no end", WORKS, "", "broke off before its end"),
        ("cut", WORKS, "{\"type\":\"resul", "broke off before its end"),
        ("dropped", "", &dropped, "the agent changed nothing (the model's server failed and is asked again (1 of 10): unknown)"),
    ] {
        let (repo, id) = with_agent("claude", &claude(before, end));
        repo.chant(&["work", &id]).fails(1).says(reason);
        assert_eq!(repo.show(&id)["status"], "failed", "{name}");
        repo.chant(&["log", &id]).ok().says("failed: ").says(reason);
    }
}

#[test]
fn other_streams_are_judged_too() {
    let codex = r#"{"type":"turn.failed","error":{"message":"stream disconnected before completion"}}"#;
    let opencode = r#"{"type":"step_finish","sessionID":"s","part":{"reason":"unknown","tokens":{},"cost":0}}"#;
    let gemini = r#"{"type":"result","status":"error","error":{"message":"Model stream ended"}}"#;
    for (format, line, reason) in [
        ("codex", codex, "stream disconnected"),
        ("opencode", opencode, "broke off before its end (a step ended with 'unknown')"),
        ("gemini", gemini, "Model stream ended"),
    ] {
        let (repo, id) = with_agent(format, &format!("{WORKS}\n{}", says(&[line])));
        repo.chant(&["work", &id]).fails(1).says(reason);
    }
}

#[test]
fn a_budget_ends_an_agent_that_tells_what_it_costs() {
    let step = r#"{"type":"step_finish","sessionID":"s","part":{"reason":"tool-calls","tokens":{"input":1},"cost":0.6}}"#;
    let (repo, id) = with_agent("opencode", &format!("{WORKS}\n{}sleep 1000", says(&[step, step])));
    repo.git(&["config", "chant.agent.mine.maxCost", "1"]);
    repo.chant(&["work", &id]).fails(1).says("reached its budget, and was ended: $1.2000 (maxCost)");
    assert!(repo.git(&["log", "--format=%s", &format!("chant/{id}")]).contains("hello"));
}

#[test]
fn work_whose_price_is_told_at_its_end_stands_and_what_it_cost_is_said() {
    // It stays for a moment after its last word: long enough to be ended for it.
    let (repo, id) = with_agent("claude", &format!("{}\nsleep 0.5", claude(WORKS, &result(""))));
    repo.git(&["config", "chant.agent.mine.maxCost", "0.2"]);
    repo.chant(&["agents"]).ok().says("for chant.agent.mine.maxCost to end it, hand it {max_cost}");
    let said = format!("warning: {id}: 'mine' cost $0.2500, which is more than its budget of $0.2 (chant.agent.mine.maxCost)");
    repo.chant(&["work", &id]).ok().says(&said).says("completed");
    // One that is handed it keeps it by itself, and says so.
    let end = result(r#","subtype":"error_max_budget_usd","result":"""#).replace("\"is_error\":false", "\"is_error\":true");
    let (repo, id) = with_agent("claude", &claude(WORKS, &end));
    repo.git(&["config", "chant.agent.mine.command", "test \"$CHANT_MAX_COST\" = {max_cost} && test {max_cost} = 0.2 && agent-mine"]);
    repo.git(&["config", "chant.agent.mine.maxCost", "0.2"]);
    repo.chant(&["agents"]).ok().says_not("hand it");
    repo.chant(&["work", &id]).fails(1).says("reported an error: error max budget usd");
    repo.git(&["config", "chant.agent.mine.format", "codex"]);
    repo.chant(&["agents"]).ok().says("it does not tell what it costs: chant.agent.*.maxCost has no effect");
}

#[test]
fn who_commits_is_a_choice() {
    let subjects = |repo: &TestRepo, id: &str| repo.git(&["log", "--format=%s", &format!("main..chant/{id}")]);
    let script = "echo one > one.txt; git add one.txt; git commit -qm One; echo two > two.txt; git add two.txt; git commit -qm Two\n";
    let leaves = format!("{script}{WORKS}\necho more > left.txt");
    let (repo, id) = with_agent("text", &leaves);
    repo.git(&["config", "chant.agent.mine.commit", "nobody"]);
    repo.chant(&["work", &id]).fails(128).says("chant.agent.mine.commit is 'nobody'").says("hint: git config chant.agent.mine.commit both");
    repo.git(&["config", "chant.agent.mine.commit", "agent"]);
    repo.chant(&["agents"]).ok().says("commit=agent: what it leaves uncommitted makes the run fail");
    repo.chant(&["work", &id]).fails(1).says("to commit its work itself (commit=agent), and left").says("left.txt");
    assert!(repo.exists(&format!(".chant/worktrees/{id}/left.txt")));
    assert!(subjects(&repo, &id).contains("Two"));
    let (repo, id) = with_agent("text", &leaves);
    repo.git(&["config", "chant.commit", "chant"]);
    repo.chant(&["work", &id]).ok();
    let expected = format!("chant({id}): finish\nchant({id}): work\nchant({id}): start");
    assert_eq!(subjects(&repo, &id), expected);
    assert_eq!(repo.git(&["show", &format!("chant/{id}:two.txt")]), "two");
    assert!(repo.git(&["log", "--format=%s", "--glob=refs/chant-kept"]).contains("Two"), "what was folded is kept");
}

#[test]
fn limits_are_said_in_words() {
    for (key, value, script, reason) in [
        ("idleTimeout", "1s", "sleep 1000", "said nothing for too long, and was ended (idleTimeout)"),
        ("maxOutput", "1k", "yes", "printed too much, and was ended (maxOutput)"),
        ("timeout", "1s", "while :; do echo x; sleep 0.2; done", "the agent was ended after 1s (chant.agent.mine.timeout)"),
    ] {
        let (repo, id) = with_agent("text", script);
        repo.git(&["config", &format!("chant.agent.mine.{key}"), value]);
        repo.chant(&["work", &id]).fails(1).says(reason);
    }
}

#[test]
fn events_for_machines() {
    let (repo, id) = with_agent("claude", &claude(WORKS, &result("")));
    let said = repo.chant(&["work", &id, "--json"]).ok().stdout;
    let events: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{said}"))).collect();
    let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["start", "said", "tool", "end"]);
    assert_eq!((&events[2]["tool"], &events[2]["text"]), (&"Bash".into(), &"ls".into()));
    assert_eq!((&events[3]["outcome"], &events[3]["facts"]["tokens"]["input"]), (&"completed".into(), &2000.into()));
}

#[test]
fn earlier_runs_are_told_apart_and_summed() {
    let (repo, id) = with_agent("claude", &claude("", &result("")));
    repo.chant(&["work", &id]).fails(1);
    repo.agent("mine", &claude(WORKS, &result("")));
    repo.chant(&["resume", &id]).ok();
    repo.chant(&["log", &id, "--run", "1"]).ok().says("Run 1 of 2").says("the agent changed nothing").says("All runs: 4000 tokens in");
    repo.chant(&["log", &id]).ok().says("Run 2 of 2").says("$0.5000");
    repo.chant(&["log", &id, "--run", "3"]).fails(128).says("has 2 runs").says("hint: git chant log");
    repo.chant(&["show", &id]).ok().says("2 runs, 4000 tokens in, 162 out, $0.5000");
}

#[test]
fn an_agent_finds_its_surroundings() {
    let (repo, id) = with_agent("text", "true");
    let out = repo.root().join("tmp/seen");
    let line = format!(
        "cat {{prompt_file}} > /dev/null && test -d {{git_dir}} && test -d {{git_common_dir}} && printf '%s\\n' {{spec_id}} {{model}} \
         \"$SECRET\" \"$GIT_AUTHOR_NAME\" \"$GIT_EDITOR\" > {} && test -f {{spec_file}} && test {{spec_file}} = \"$CHANT_SPEC_FILE\" && \
         test {{worktree}} = \"$PWD\" && test {{log_dir}}/prompt.md = {{prompt_file}} && test -z {{session_id}} && test -z {{max_cost}} && {WORKS}",
        out.display()
    );
    repo.git(&["config", "chant.agent.mine.command", &line]);
    repo.git(&["config", "chant.agent.mine.model", "some model"]);
    repo.git(&["config", "--add", "chant.agent.mine.env", "SECRET=k e=y"]);
    repo.chant(&["work", &id]).ok();
    assert_eq!(std::fs::read_to_string(out).unwrap(), format!("{id}\nsome model\nk e=y\nTester\ntrue\n"));
    assert!(repo.chant(&["show", &id, "--body"]).ok().stdout.contains("model: some model"));
}

#[test]
fn the_prompt_comes_in_the_way_that_was_asked_for() {
    let repo = TestRepo::with_chant();
    // Of two ways just one has it, and standard input has an end.
    repo.agent(
        "mine",
        "said=$(cat)\ncase $1 in /*) cat \"$1\" >one;; *) echo \"$1\" >one;; esac\necho \"$said\" >two; grep -l 'Say hello' one two",
    );
    for (by, way) in [("stdin", "two"), ("file", "one"), ("arg", "one")] {
        let id = repo.add_spec("Say hello", &[]);
        repo.git(&["config", "chant.agent.mine.prompt", by]);
        let said = repo.chant(&["work", &id]).ok().stdout;
        assert_eq!(said.lines().filter(|line| ["one", "two"].contains(line)).collect::<Vec<_>>(), [way], "{by}: {said}");
    }
}

#[test]
fn a_script_has_limits_too() {
    let repo = TestRepo::with_chant();
    repo.write("body.md", "```sh\nyes\n```\n");
    let id = repo.add_spec_with("Flood", &[], &["--body-file", "body.md"]);
    repo.git(&["config", "chant.agent.script.maxOutput", "1k"]);
    repo.chant(&["work", &id, "--agent", "script"]).fails(1).says("printed too much, and was ended (maxOutput)");
    repo.chant(&["agents"]).ok().says_not("broken");
    repo.git(&["config", "chant.agent.script.timeout", "soon"]);
    repo.chant(&["resume", &id, "--agent", "script"]).fails(128).says("git config chant.agent.script.timeout");
}

#[test]
fn what_is_there_is_listed_and_what_is_missing_said() {
    let repo = TestRepo::with_chant();
    let fake = repo.root().join("bin");
    repo.script("codex", "true");
    repo.git(&["config", "chant.agent.mine.command", "my-agent"]);
    repo.git(&["config", "chant.agent.mine.env", "KEY=secret"]);
    repo.git(&["config", "chant.agent.odd.command", "x"]);
    repo.git(&["config", "chant.agent.odd.timeout", "soon"]);
    // Only this directory: the machine may have clients of its own.
    let path = fake.to_str().unwrap();
    let said = repo.chant_env(&[("PATH", path)], &["agents", "--json"]).ok();
    assert!(!said.stdout.contains("secret"), "{said}");
    let all: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let of = |name: &str| all["agents"].as_array().unwrap().iter().find(|agent| agent["name"] == name).unwrap().clone();
    assert_eq!((&all["default"], &all["configured"]), (&"codex".into(), &false.into()));
    assert_eq!((&of("codex")["state"], &of("codex")["permissions"]), (&"ready".into(), &"edit".into()));
    assert!(of("codex")["command"].as_str().unwrap().starts_with("codex exec --json --sandbox workspace-write"));
    assert_eq!((&of("claude")["state"], &of("claude")["install"]), (&"missing".into(), &"npm install -g @anthropic-ai/claude-code".into()));
    assert_eq!((&of("mine")["command"], &of("mine")["env"][0]), (&"my-agent".into(), &"KEY".into()));
    assert_eq!(of("odd")["state"], "broken");
    let text = repo.chant_env(&[("PATH", path)], &["agents"]).ok().says("* codex").says("chant.agent.odd.timeout is 'soon'");
    text.says("choose with: git config chant.agent NAME").says("there is no my-agent on PATH");
    // What is there, and what only the shell knows.
    for line in ["codex exec", "cd x && my-agent", "A=1 my-agent", "{ my-agent; }", "\"$HOME/my-agent\""] {
        repo.git(&["config", "chant.agent.mine.command", line]);
        repo.git(&["config", "chant.agent.odd.command", line]);
        repo.chant(&["agents"]).ok().says_not("on PATH");
    }
}

/// A client that no registry has, as its documentation has it: it takes just these arguments, and the prompt on standard input.
fn documented(repo: &TestRepo, client: &str, args: &str, does: &str) {
    repo.script(client, &format!("[ \"$*\" = '{args}' ] || {{ echo \"$*\"; exit 64; }}\ngrep -q 'Say hello' || exit 65\n{does}"));
    repo.git(&["config", "chant.agent", client]);
}

#[test]
fn cursor_agent_as_it_is_documented() {
    let repo = TestRepo::with_chant();
    let id = repo.add_spec("Say hello", &["It greets `$ grep -q hello hello.txt`"]);
    let init = r#"{"type":"system","subtype":"init","session_id":"s-42","model":"gpt-5.2","permissionMode":"default"}"#;
    let call = |result: &str| {
        format!(
            r#"{{"type":"tool_call","subtype":"completed","tool_call":{{"shellToolCall":{{"args":{{"command":"git commit"}},"result":{{{result}}}}}}}}}"#
        )
    };
    let end = r#"{"type":"result","subtype":"success","is_error":false,"duration_ms":1,"result":"Done.","session_id":"s-42"}"#;
    let rejected = call(r#""rejected":{"command":"git commit","workingDirectory":"/r","reason":"","isReadonly":false}"#);
    documented(&repo, "cursor-agent", "-p --trust --output-format stream-json", &format!("{WORKS}\n{}", says(&[init, &rejected, end])));
    repo.chant(&["agents"]).ok().says("with 'edit' your own cursor permissions decide what it may do");
    repo.chant(&["work", &id]).fails(1).says("! not allowed: shell").says("failed: the agent was not allowed to use shell");
    // The person lets it do what it likes; it goes on in its own session.
    let done = says(&[init, &call(r#""success":{"exitCode":0}"#), end]);
    documented(&repo, "cursor-agent", "-p --trust --output-format stream-json --force --model gpt-5.2 --resume s-42", &done);
    repo.git(&["config", "chant.agent.cursor-agent.permissions", "bypass"]);
    repo.git(&["config", "chant.agent.cursor-agent.model", "gpt-5.2"]);
    repo.chant(&["resume", &id]).ok().says("completed");
    assert!(repo.chant(&["show", &id, "--body"]).ok().stdout.contains("model: gpt-5.2"));
}

#[test]
fn goose_as_it_is_documented() {
    let repo = TestRepo::with_chant();
    let id = repo.add_spec("Say hello", &[]);
    let error = "echo 'Ran into this error: Request failed: 401 Unauthorized.'; echo; echo 'Please retry if you think this is a transient or recoverable error.'";
    documented(&repo, "goose", "run --no-session -q -i -", &format!("[ -z \"$GOOSE_MODE\" ] || exit 66\n{WORKS}\n{error}"));
    repo.chant(&["work", &id]).fails(1).says("failed: the agent reported an error: Request failed: 401 Unauthorized");
    documented(
        &repo,
        "goose",
        "run --no-session -q -i - --model gpt-5.2",
        "[ \"$GOOSE_MODE\" = auto ] || exit 66\necho more >>hello.txt\necho 'Done.'",
    );
    repo.git(&["config", "chant.agent.goose.permissions", "bypass"]);
    repo.chant(&["resume", &id, "--model", "gpt-5.2"]).ok().says("Done.").says("completed");
}

#[test]
fn a_client_that_is_not_installed_is_refused_before_anything_is_changed() {
    let repo = TestRepo::with_chant();
    let id = repo.add_spec("Say hello", &["It greets"]);
    repo.git(&["config", "chant.agent", "cursor-agent"]);
    let before = repo.git(&["for-each-ref"]);
    repo.chant(&["work", &id]).fails(128).says("agent 'cursor-agent' is not installed").says("hint: see what is there: git chant agents");
    assert_eq!(before, repo.git(&["for-each-ref"]));
}
