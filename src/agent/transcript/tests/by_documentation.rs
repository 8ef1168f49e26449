//! Clients that no registry has: the shapes that their documentation and their sources tell of.

use super::*;

const CURSOR_BEGIN: &str = r#"{"type":"system","subtype":"init","apiKeySource":"login","cwd":"/r","session_id":"s-42","model":"gpt-5.2","permissionMode":"default"}
{"type":"user","message":{"role":"user","content":[{"type":"text","text":"the prompt"}]},"session_id":"s-42"}
{"type":"thinking","subtype":"delta","text":"hm","session_id":"s-42","timestamp_ms":1}
{"type":"thinking","subtype":"completed","session_id":"s-42","timestamp_ms":1}
{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"I found it."}]},"session_id":"s-42","model_call_id":"m"}
"#;

const CURSOR_END: &str = r#"{"type":"result","subtype":"success","is_error":false,"duration_ms":2000,"duration_api_ms":1900,"result":"I found it.Done.","session_id":"s-42","request_id":"r"}
"#;

fn cursor_call(subtype: &str, call: &str) -> String {
    format!("{{\"type\":\"tool_call\",\"subtype\":\"{subtype}\",\"call_id\":\"c\\n1\",\"tool_call\":{{{call}}},\"session_id\":\"s-42\"}}\n")
}

#[test]
fn cursor_that_worked() {
    let calls = [
        cursor_call("started", r#""shellToolCall":{"args":{"command":"make","timeout":1,"toolCallId":"c"}}"#),
        cursor_call(
            "completed",
            r#""shellToolCall":{"args":{"command":"make"},"result":{"success":{"exitCode":2,"stdout":"out","stderr":"no rule"}}}"#,
        ),
        cursor_call("started", r#""hookAdditionalContexts":[],"readToolCall":{"args":{"path":"src/main.rs"}}"#),
        cursor_call(
            "completed",
            r#""readToolCall":{"args":{"path":"src/main.rs"},"result":{"success":{"content":"fn main() {}","totalLines":1}}}"#,
        ),
        cursor_call("completed", r#""editToolCall":{"args":{"path":"x"},"result":{"error":{"path":"x","error":"no such file"}}}"#),
        cursor_call("started", r#""function":{"name":"search","arguments":"{}"}"#),
        cursor_call("completed", r#""toolCallId":"c""#),
    ];
    let lines = format!("{CURSOR_BEGIN}{}{CURSOR_END}", calls.concat());
    assert_eq!(
        rendered(Format::Claude, &lines),
        ["I found it.", "$ make", "! exit 2: no rule", "* read src/main.rs", "! no such file", "* search"]
    );
    let facts = facts(Format::Claude, &lines);
    assert_eq!((facts.failure(), facts.session.as_deref(), facts.model.as_deref()), (None, Some("s-42"), Some("gpt-5.2")));
    assert_eq!((facts.tokens, facts.cost), (None, None));
}

#[test]
fn cursor_that_may_not() {
    let rejected = cursor_call(
        "completed",
        r#""shellToolCall":{"args":{"command":"rm x"},"result":{"rejected":{"command":"rm x","workingDirectory":"/r","reason":"","isReadonly":false}}}"#,
    );
    let lines = format!("{CURSOR_BEGIN}{rejected}{CURSOR_END}");
    assert_eq!(rendered(Format::Claude, &lines)[1..], ["! not allowed: shell"]);
    assert_eq!(facts(Format::Claude, &lines).failure().unwrap(), "the agent was not allowed to use shell");
}

#[test]
fn cursor_that_failed_has_no_end_or_says_so() {
    // Documented: on a failure there may be no last event, only words on standard error.
    let lines = format!("{CURSOR_BEGIN}Error: You've hit your usage limit\n");
    assert!(facts(Format::Claude, &lines).failure().unwrap().contains("broke off"));
    let end = r#"{"type":"result","subtype":"error","is_error":true,"result":"Authentication required","session_id":"s-42","usage":{"inputTokens":10,"outputTokens":2,"cacheReadTokens":5,"cacheWriteTokens":1}}"#;
    let facts = facts(Format::Claude, &format!("{CURSOR_BEGIN}{end}"));
    assert!(facts.failure().unwrap().contains("Authentication required"));
    assert_eq!(facts.tokens, Some(tokens(16, 5, 2)));
}

const GOOSE_ERROR: &str = "Ran into this error: Request failed: Authentication failed. Status: 401 Unauthorized.\n\nPlease retry if you think this is a transient or recoverable error.\n";

#[test]
fn goose_whose_success_is_an_error_in_words_only() {
    let why = facts(Format::Goose, &format!("I begin.\n\n{GOOSE_ERROR}")).failure().unwrap();
    assert_eq!(why, "the agent reported an error: Request failed: Authentication failed. Status: 401 Unauthorized");
    assert_eq!(rendered(Format::Goose, GOOSE_ERROR)[0], format!("! {}", GOOSE_ERROR.lines().next().unwrap()));
    // Somebody else's words, of which it tells.
    let worked = facts(Format::Goose, &format!("The log says:\n{GOOSE_ERROR}\nI mended it.\n"));
    assert_eq!((worked.failure(), worked.last_words.as_deref()), (None, Some("I mended it.")));
}
