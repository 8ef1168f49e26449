//! The shapes that real clients print, shortened: each of their ends, good and bad.
#![allow(clippy::unwrap_used)]

use super::*;

mod by_documentation;

fn facts(format: Format, lines: &str) -> Facts {
    let (whole, facts) = Reader::all(format, lines.as_bytes());
    // However the bytes arrive, they say the same.
    let mut reader = Reader::new(format);
    let mut items: Vec<Item> = lines.as_bytes().chunks(7).flat_map(|chunk| reader.feed(chunk)).collect();
    items.extend(reader.end());
    assert_eq!((items, reader.facts()), (whole, &facts));
    facts
}

fn rendered(format: Format, lines: &str) -> Vec<String> {
    Reader::all(format, lines.as_bytes()).0.iter().map(Item::rendered).collect()
}

fn tokens(input: u64, cached: u64, output: u64) -> Tokens {
    Tokens { input, cached, output }
}

const CLAUDE_INIT: &str = r#"{"type":"system","subtype":"init","cwd":"/r/.chant/worktrees/x","session_id":"95cf-784a","tools":["Bash"],"model":"claude-opus-5-5","permissionMode":"acceptEdits"}
"#;
const CLAUDE_WORK: &str = r#"{"type":"assistant","message":{"id":"msg_1","model":"claude-opus-5-5","content":[{"type":"text","text":"I will write the file first."}],"usage":{"input_tokens":100,"cache_creation_input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}},"session_id":"95cf-784a"}
{"type":"assistant","message":{"id":"msg_1","model":"claude-opus-5-5","content":[{"type":"tool_use","id":"t1","name":"Write","input":{"file_path":"/r/hello.txt","content":"hello\n"}}],"usage":{"input_tokens":100,"cache_creation_input_tokens":10,"cache_read_input_tokens":5,"output_tokens":7}},"session_id":"95cf-784a"}
{"type":"user","message":{"role":"user","content":[{"type":"tool_result","content":"File created","tool_use_id":"t1"}]}}
{"type":"assistant","message":{"id":"msg_2","content":[{"type":"tool_use","id":"t2","name":"Bash","input":{"command":"git add -A &&\n git commit -qm x","description":"scripted"}}],"usage":{"input_tokens":120,"output_tokens":3}}}
{"type":"user","message":{"role":"user","content":[{"type":"tool_result","content":"Exit code 3\nout","is_error":true,"tool_use_id":"t2"}]}}
"#;

/// The keys of claude's result come in this order: `type` is among the last.
fn claude_result(rest: &str) -> String {
    format!(
        r#"{{"duration_api_ms":135,"stop_reason":"end_turn","session_id":"95cf-784a","total_cost_usd":0.9,"usage":{{"input_tokens":200,"cache_creation_input_tokens":0,"cache_read_input_tokens":20,"output_tokens":81}},{rest},"type":"result","model_usage_since_last_result":{{"a":{{"costUSD":0.2}},"b":{{"costUSD":0.1}}}}}}
"#
    )
}

#[test]
fn claude_that_worked() {
    let end = claude_result(r#""permission_denials":[],"is_error":false,"subtype":"success","result":"All done.""#);
    let lines = format!("{CLAUDE_INIT}{CLAUDE_WORK}{end}");
    let facts = facts(Format::Claude, &lines);
    assert_eq!(facts.failure(), None);
    assert_eq!((facts.session.as_deref(), facts.model.as_deref()), (Some("95cf-784a"), Some("claude-opus-5-5")));
    assert_eq!(facts.tokens, Some(tokens(220, 20, 81)));
    // Of this run, not of the whole session.
    assert!((facts.cost.unwrap() - 0.3).abs() < 1e-9);
    assert_eq!(
        rendered(Format::Claude, &lines),
        ["I will write the file first.", "* Write /r/hello.txt", "$ git add -A && git commit -qm x", "! Exit code 3 out"]
    );
}

#[test]
fn claude_that_is_cut_off() {
    let facts = facts(Format::Claude, &format!("{CLAUDE_INIT}{CLAUDE_WORK}"));
    // One answer in two events is counted once.
    assert_eq!(facts.tokens, Some(tokens(235, 5, 10)));
    assert!(facts.failure().unwrap().contains("broke off"));
    assert_eq!(facts.last.as_deref(), Some("! Exit code 3 out"));
}

#[test]
fn claude_that_may_not() {
    let denied = r#"{"type":"system","subtype":"permission_denied","tool_name":"Write","tool_use_id":"t1","decision_reason_type":"safetyCheck","message":"which is a sensitive file"}
"#;
    let cut = facts(Format::Claude, &format!("{CLAUDE_INIT}{denied}"));
    assert_eq!(cut.denied, ["Write"]);
    let end = claude_result(
        r#""permission_denials":[{"tool_name":"Write","tool_input":{}},{"tool_name":"Bash"},{"tool_name":"Bash"}],"is_error":false,"subtype":"success","result":"All done.""#,
    );
    let facts = facts(Format::Claude, &format!("{CLAUDE_INIT}{denied}{end}"));
    assert_eq!(facts.failure().unwrap(), "the agent was not allowed to use Write, Bash (2 times)");
}

#[test]
fn claude_whose_success_is_an_error() {
    let retry = r#"{"type":"system","subtype":"api_retry","attempt":1,"max_retries":10,"retry_delay_ms":506,"error_status":401,"error":"authentication_failed"}
{"type":"assistant","message":{"id":"m","model":"<synthetic>","content":[{"type":"text","text":"Invalid API key"}],"usage":{"input_tokens":0,"output_tokens":0}}}
"#;
    let end = claude_result(
        r#""permission_denials":[],"terminal_reason":"api_error","is_error":true,"subtype":"success","api_error_status":401,"result":"Invalid API key · Fix external API key""#,
    );
    let refused = facts(Format::Claude, &format!("{CLAUDE_INIT}{retry}{end}"));
    let why = refused.failure().unwrap();
    assert!(why.contains("api error: Invalid API key · Fix external API key (HTTP 401)"), "{why}");
    assert_eq!(refused.model.as_deref(), Some("claude-opus-5-5"));
    assert!(refused.trouble.unwrap().contains("(1 of 10): authentication_failed, HTTP 401"));
    let stopped = claude_result(
        r#""permission_denials":[],"terminal_reason":"aborted_tools","is_error":true,"subtype":"error_during_execution","errors":["[ede] x"]"#,
    );
    let why = facts(Format::Claude, &format!("{CLAUDE_INIT}{stopped}")).failure().unwrap();
    assert!(why.contains("aborted tools: [ede] x"), "{why}");
}

#[test]
fn claude_whose_stream_was_dropped_says_that_it_was_asked_again() {
    let lines = r#"{"type":"system","subtype":"api_retry","attempt":1,"max_retries":10,"error_status":null,"error":"unknown"}
{"type":"assistant","message":{"id":"m","content":[{"type":"text","text":"partial answer then"}],"usage":{}}}
"#;
    let end = claude_result(r#""permission_denials":[],"is_error":false,"subtype":"success","result":"partial answer then""#);
    let facts = facts(Format::Claude, &format!("{CLAUDE_INIT}{lines}{end}"));
    // Its result does not tell; what was changed decides, and this is what people are told then.
    assert_eq!(facts.failure(), None);
    assert!(facts.trouble.unwrap().contains("asked again (1 of 10): unknown"));
}

#[test]
fn qwen_whose_success_is_an_error_in_words_only() {
    for (said, error) in [
        ("[API Error: 401 invalid x-api-key]", Some("API Error: 401 invalid x-api-key")),
        ("partial[API Error: Model stream ended without a finish reason.]", Some("API Error: Model stream ended without a finish reason.")),
        ("I made [API Error: x] readable.", None),
    ] {
        let lines = format!(
            r#"{{"type":"system","subtype":"init","session_id":"a1fd","model":"fake-model"}}
{{"type":"result","subtype":"success","session_id":"a1fd","is_error":false,"result":"{said}","usage":{{"input_tokens":20,"output_tokens":3,"cache_read_input_tokens":8,"total_tokens":23}},"permission_denials":[]}}
"#
        );
        let facts = facts(Format::Claude, &lines);
        assert_eq!(facts.error.as_deref(), error);
        assert_eq!((facts.tokens, facts.cost), (Some(tokens(20, 8, 3)), None));
    }
}

const CODEX_BEGIN: &str = r#"{"type":"thread.started","thread_id":"01a1-fda8"}
{"type":"item.completed","item":{"id":"item_0","type":"error","message":"Model metadata for `gpt-fake` not found."}}
{"type":"turn.started"}
"#;
const CODEX_END: &str = r#"{"type":"turn.completed","usage":{"input_tokens":39259,"cached_input_tokens":12,"cache_write_input_tokens":0,"output_tokens":81,"reasoning_output_tokens":9}}
"#;

#[test]
fn codex_that_worked() {
    let work = r#"{"type":"item.completed","item":{"id":"item_1","type":"agent_message","text":"I will write."}}
{"type":"item.started","item":{"id":"item_2","type":"file_change","changes":[{"path":"/r/hello.txt","kind":"add"}],"status":"in_progress"}}
{"type":"item.completed","item":{"id":"item_2","type":"file_change","changes":[{"path":"/r/hello.txt","kind":"add"}],"status":"completed"}}
{"type":"item.started","item":{"id":"item_3","type":"command_execution","command":"/bin/bash -lc 'echo out; exit 3'","aggregated_output":"","exit_code":null,"status":"in_progress"}}
{"type":"item.completed","item":{"id":"item_3","type":"command_execution","command":"/bin/bash -lc 'echo out; exit 3'","aggregated_output":"out\nerr\n","exit_code":3,"status":"failed"}}
"#;
    let lines = format!("{CODEX_BEGIN}{work}{CODEX_END}");
    let facts = facts(Format::Codex, &lines);
    assert_eq!((facts.failure(), facts.session.as_deref(), facts.tokens), (None, Some("01a1-fda8"), Some(tokens(39259, 12, 81))));
    assert_eq!(facts.last_words.as_deref(), Some("I will write."));
    assert_eq!(rendered(Format::Codex, &lines)[1..], ["I will write.", "* edit /r/hello.txt", "$ echo out; exit 3", "! exit 3: out err"]);
}

#[test]
fn codex_that_failed() {
    let lines = r#"{"type":"error","message":"Reconnecting... 1/1 (unexpected status 401 Unauthorized)"}
{"type":"turn.failed","error":{"message":"stream disconnected before completion: stream closed"}}
"#;
    let why = facts(Format::Codex, &format!("{CODEX_BEGIN}{lines}")).failure().unwrap();
    assert!(why.contains("stream disconnected before completion"), "{why}");
    // A reconnect that worked is no failure; nothing at all after it is one.
    let retried = format!("{CODEX_BEGIN}{}", lines.lines().next().unwrap());
    assert_eq!(facts(Format::Codex, &format!("{retried}\n{CODEX_END}")).failure(), None);
    let why = facts(Format::Codex, &retried).failure().unwrap();
    assert!(why.contains("broke off") && why.contains("Reconnecting"), "{why}");
}

#[test]
fn codex_that_may_not() {
    let lines = r#"{"type":"item.completed","item":{"id":"i","type":"command_execution","command":"rm x","aggregated_output":"","exit_code":-1,"status":"declined"}}
"#;
    let why = facts(Format::Codex, &format!("{CODEX_BEGIN}{lines}{CODEX_END}")).failure().unwrap();
    assert_eq!(why, "the agent was not allowed to use shell");
}

const OPENCODE_WORK: &str = r#"{"type":"step_start","timestamp":1,"sessionID":"ses_e025","part":{"type":"step-start"}}
{"type":"text","timestamp":1,"sessionID":"ses_e025","part":{"type":"text","text":"Shell write."}}
{"type":"tool_use","timestamp":1,"sessionID":"ses_e025","part":{"type":"tool","tool":"bash","state":{"status":"completed","input":{"command":"echo out; exit 3"},"output":"out\nerr\n","metadata":{"exit":3}}}}
{"type":"step_finish","timestamp":1,"sessionID":"ses_e025","part":{"reason":"tool-calls","tokens":{"total":7725,"input":7698,"output":27,"reasoning":2,"cache":{"write":1,"read":4}},"cost":0.007}}
{"type":"step_start","timestamp":1,"sessionID":"ses_e025","part":{"type":"step-start"}}
"#;

fn opencode_end(reason: &str) -> String {
    format!(
        r#"{{"type":"step_finish","sessionID":"ses_e025","part":{{"reason":"{reason}","tokens":{{"input":10,"output":1,"reasoning":0,"cache":{{"write":0,"read":0}}}},"cost":0.001}}}}
"#
    )
}

#[test]
fn opencode_that_worked() {
    let lines = format!("{OPENCODE_WORK}{}", opencode_end("stop"));
    let facts = facts(Format::Opencode, &lines);
    assert_eq!((facts.failure(), facts.session.as_deref(), facts.tokens), (None, Some("ses_e025"), Some(tokens(7713, 4, 30))));
    assert!((facts.cost.unwrap() - 0.008).abs() < 1e-9);
    assert_eq!(rendered(Format::Opencode, &lines), ["Shell write.", "$ echo out; exit 3", "! exit 3: out err"]);
}

#[test]
fn opencode_has_no_end_event_but_its_last_step_tells() {
    assert!(facts(Format::Opencode, OPENCODE_WORK).failure().unwrap().contains("broke off"));
    for reason in ["unknown", "length", "tool-calls"] {
        assert!(facts(Format::Opencode, &format!("{OPENCODE_WORK}{}", opencode_end(reason))).failure().is_some(), "{reason}");
    }
    let error = r#"{"type":"error","sessionID":"ses_e025","error":{"name":"APIError","data":{"message":"invalid x-api-key","statusCode":401}}}
"#;
    let why = facts(Format::Opencode, error).failure().unwrap();
    assert!(why.contains("APIError: invalid x-api-key (HTTP 401)"), "{why}");
    assert_eq!(facts(Format::Opencode, &format!("{error}{OPENCODE_WORK}{}", opencode_end("stop"))).failure(), None);
}

#[test]
fn opencode_that_may_not() {
    let lines = r#"{"type":"tool_use","sessionID":"ses_e025","part":{"tool":"edit","state":{"status":"error","input":{"filePath":"x"},"error":"The user rejected permission to use this specific tool call."}}}
"#;
    let why = facts(Format::Opencode, &format!("{lines}{}", opencode_end("stop"))).failure().unwrap();
    assert_eq!(why, "the agent was not allowed to use edit");
}

const GEMINI_WORK: &str = r#"{"type":"init","session_id":"3fe5-ff18","model":"gemini-2.5-pro"}
{"type":"message","role":"user","content":"Please add hello.txt\n"}
{"type":"message","role":"assistant","content":"I will write the file fi","delta":true}
{"type":"message","role":"assistant","content":"rst.","delta":true}
{"type":"tool_use","tool_name":"run_shell_command","tool_id":"run_shell_command__fc","parameters":{"command":"ls"}}
{"type":"tool_result","tool_id":"run_shell_command__fc","status":"error","output":"no such file"}
{"type":"message","role":"assistant","content":"Done.","delta":true}
"#;

#[test]
fn gemini_that_worked() {
    let lines = format!(
        r#"{GEMINI_WORK}{{"type":"result","status":"success","stats":{{"total_tokens":30,"input_tokens":25,"output_tokens":5,"cached":2}}}}"#
    );
    let facts = facts(Format::Gemini, &lines);
    assert_eq!((facts.failure(), facts.session.as_deref(), facts.tokens), (None, Some("3fe5-ff18"), Some(tokens(25, 2, 5))));
    assert_eq!(facts.model.as_deref(), Some("gemini-2.5-pro"));
    assert_eq!(rendered(Format::Gemini, &lines), ["I will write the file first.", "$ ls", "! no such file", "Done."]);
}

#[test]
fn gemini_that_failed() {
    let why = |end: &str| facts(Format::Gemini, &format!("{GEMINI_WORK}{end}")).failure().unwrap();
    let dropped = why(concat!(
        r#"{"type":"error","severity":"error","message":"Model stream ended without a finish reason."}"#,
        "\n",
        r#"{"type":"result","status":"error","stats":{}}"#
    ));
    assert!(dropped.contains("Model stream ended"), "{dropped}");
    let refused = why(r#"{"type":"result","status":"error","error":{"type":"unknown","message":"[API Error: {\"type\":\"error\"}]"}}"#);
    assert!(refused.contains("[API Error"), "{refused}");
    assert!(why("").contains("broke off"));
    let denied = why(concat!(
        r#"{"type":"tool_result","tool_id":"write_file__1","status":"error","error":{"message":"Tool execution denied by policy."}}"#,
        "\n",
        r#"{"type":"result","status":"success","stats":{}}"#
    ));
    assert_eq!(denied, "the agent was not allowed to use write_file");
}

#[test]
fn text_is_text() {
    let facts = facts(Format::Text, "Aider v0.86.2\r\n{\"type\":\"result\",\"is_error\":true}\n\nApplied edit");
    assert_eq!((facts.failure(), facts.session, facts.tokens), (None, None, None));
    assert_eq!((facts.last.as_deref(), facts.last_words.as_deref()), (Some("Applied edit"), Some("Applied edit")));
}

#[test]
fn what_nobody_knows_is_passed_over_and_what_is_no_event_is_shown() {
    let odd =
        "{\"type\":\"comet\",\"message\":7}\n[1,2]\n{}\n{\"type\":null}\n{\"type\":\"assistant\"}\n{\"broken\": \n\x1b[31mnpm warn\n\n";
    for format in [Format::Claude, Format::Codex, Format::Opencode, Format::Gemini] {
        assert_eq!(rendered(format, odd), ["[1,2]", "{\"broken\": ", "\x1b[31mnpm warn"], "{format:?}");
        assert!(facts(format, odd).failure().unwrap().contains("broke off"));
        assert!(Reader::all(format, b"\xff\xfe{\"type\"\xff").1.failure().is_some());
    }
}

#[test]
fn lines_of_any_length_are_read() {
    let long = "x".repeat(130_000);
    let line = format!(r#"{{"type":"item.completed","item":{{"type":"agent_message","text":"{long}"}}}}"#);
    let (items, facts) = Reader::all(Format::Codex, format!("{CODEX_BEGIN}{line}\n{CODEX_END}").as_bytes());
    assert!(items.contains(&Item::Said(long)) && facts.failure().is_none());
    assert!(facts.last.unwrap().chars().count() <= 201);
    // One that never ends is not kept.
    let mut reader = Reader::new(Format::Codex);
    for _ in 0..20 {
        assert!(reader.feed(&vec![b'y'; 1 << 20]).is_empty());
    }
    assert!(reader.line.len() <= LONGEST_LINE);
    let items = reader.feed(format!("\n{CODEX_END}").as_bytes());
    assert_eq!(items.len(), 1);
    assert!(reader.facts().whole);
}

#[test]
fn ids_and_names_from_a_stream_are_harmless() {
    for id in ["--dangerously", "a b", "a/b", "", "x\\u001b[31m"] {
        let line = format!(r#"{{"type":"thread.started","thread_id":"{id}"}}"#);
        assert_eq!(facts(Format::Codex, &line).session, None, "{id}");
    }
    let line = r#"{"type":"init","session_id":"s","model":"m\u001b[31m\nstatus: completed"}"#;
    assert_eq!(facts(Format::Gemini, line).model.as_deref(), Some("m[31m status: completed"));
}

#[test]
fn aider_tells_its_model_what_it_used_and_what_went_wrong_between_the_lines() {
    let lines = "Aider v0.86.2\nModel: openai/gpt-4o with diff edit format\n\nDone.\n\nTokens: 2.6k sent, 1k cache hit, 63 received. Cost: $0.0021 message, $0.0021 session.\nApplied edit to hello.txt\n";
    let first = facts(Format::Aider, lines);
    assert_eq!((first.model.as_deref(), first.tokens, first.cost), (Some("openai/gpt-4o"), Some(tokens(2600, 1000, 63)), Some(0.0021)));
    assert!(first.failure().is_none() && first.last.as_deref() == Some("Applied edit to hello.txt"));
    let second = facts(Format::Aider, &format!("{lines}Tokens: 1.2M sent, 400 received. Cost: $1.20 message, $1.2021 session.\n"));
    assert_eq!((second.tokens, second.cost), (Some(tokens(1_202_600, 1000, 463)), Some(1.2021)));
    let bare = facts(Format::Aider, "Tokens: 99999999999999999999 sent, x received.\nlitellm.AuthenticationError: no key\n");
    assert_eq!((bare.tokens, bare.cost), (Some(Tokens::default()), None));
    assert_eq!(bare.trouble.as_deref(), Some("litellm.AuthenticationError: no key"));
}
