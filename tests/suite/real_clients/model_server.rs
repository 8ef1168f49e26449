//! A model that knows one thing: it calls the shell once, and is done. It speaks what the real clients speak, on the loopback only.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// What the model has its client run, before it says that it is done.
pub const COMMAND: &str =
    "echo hello >> hello.txt; sed -i 's/- \\[ \\]/- [x]/' .chant/specs/$CHANT_SPEC_ID.md; git add -A && git commit -q -m 'Add hello'";

/// Serves until the process ends; the port.
pub fn serve() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is no fault of the test.
            std::thread::spawn(move || drop(answer(stream)));
        }
    });
    port
}

fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        let header = header.to_ascii_lowercase();
        chunked |= header.starts_with("transfer-encoding:") && header.contains("chunked");
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    while chunked {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let mut part = vec![0; size + 2];
        reader.read_exact(&mut part)?;
        body.extend_from_slice(&part[..size]);
        chunked = size > 0;
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (kind, text) = respond(&path, &body);
    let mut stream = stream;
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len())
}

fn respond(path: &str, body: &Value) -> (&'static str, String) {
    let streams = path.contains("streamGenerateContent") || body["stream"] == true;
    let whole = |value: Value| ("application/json", value.to_string());
    let events = |events: Vec<Value>, named: bool, end: &str| {
        let name = |event: &Value| if named { format!("event: {}\n", event["type"].as_str().unwrap_or_default()) } else { String::new() };
        let text: String = events.iter().map(|event| format!("{}data: {event}\n\n", name(event))).collect();
        ("text/event-stream", text + end)
    };
    if path.contains("/messages") {
        let message = anthropic(body);
        return if streams { events(anthropic_events(&message), true, "") } else { whole(message) };
    }
    if path.ends_with("/responses") {
        return events(responses(body), true, "");
    }
    if path.contains("/chat/completions") {
        return if streams { events(chat(body), false, "data: [DONE]\n\n") } else { whole(words(body)) };
    }
    if path.contains("enerateContent") {
        return if streams { events(vec![gemini(body)], false, "") } else { whole(gemini(body)) };
    }
    whole(json!({}))
}

/// True for the first request that can call tools; what comes after it, or beside it (a title), gets words.
fn calls_tool(body: &Value, result: &str) -> bool {
    body["tools"].as_array().is_some_and(|tools| !tools.is_empty()) && !body.to_string().contains(result)
}

fn anthropic(body: &Value) -> Value {
    let calls = calls_tool(body, "\"type\":\"tool_result\"");
    let block = match calls {
        true => json!({"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": COMMAND, "description": "say hello"}}),
        false => json!({"type": "text", "text": "All done."}),
    };
    json!({
        "id": if calls { "msg_1" } else { "msg_2" }, "type": "message", "role": "assistant", "model": body["model"], "content": [block],
        "stop_reason": if calls { "tool_use" } else { "end_turn" }, "stop_sequence": null,
        "usage": {"input_tokens": 100, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 7}
    })
}

fn anthropic_events(message: &Value) -> Vec<Value> {
    let block = &message["content"][0];
    let (empty, delta) = match block["type"] == "text" {
        true => (json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": block["text"]})),
        false => {
            let empty = json!({"type": "tool_use", "id": block["id"], "name": block["name"], "input": {}});
            (empty, json!({"type": "input_json_delta", "partial_json": block["input"].to_string()}))
        }
    };
    let mut start = message.clone();
    start["content"] = json!([]);
    start["stop_reason"] = Value::Null;
    vec![
        json!({"type": "message_start", "message": start}),
        json!({"type": "content_block_start", "index": 0, "content_block": empty}),
        json!({"type": "content_block_delta", "index": 0, "delta": delta}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": message["stop_reason"], "stop_sequence": null}, "usage": {"output_tokens": 7}}),
        json!({"type": "message_stop"}),
    ]
}

fn responses(body: &Value) -> Vec<Value> {
    let item = match calls_tool(body, "\"type\":\"function_call_output\"") {
        true => json!({
            "type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed", "name": "exec_command",
            "arguments": json!({"cmd": COMMAND}).to_string()
        }),
        false => json!({
            "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": "All done.", "annotations": []}]
        }),
    };
    let response =
        json!({"id": "resp_1", "object": "response", "created_at": 1, "status": "in_progress", "model": body["model"], "output": []});
    let mut done = response.clone();
    done["status"] = json!("completed");
    done["output"] = json!([item]);
    done["usage"] = json!({"input_tokens": 100, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 107});
    vec![
        json!({"type": "response.created", "response": response}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        json!({"type": "response.completed", "response": done}),
    ]
}

/// What a client calls its shell.
fn shell(body: &Value) -> &'static str {
    if body["tools"].to_string().contains("run_shell_command") { "run_shell_command" } else { "bash" }
}

/// An answer to a client that has no tools: it takes its edits from what is said.
fn words(body: &Value) -> Value {
    let asked = body["messages"].to_string();
    let spec = asked.split(".chant/specs/").nth(1).and_then(|rest| rest.split(".md").next());
    let said = match spec {
        Some(id) if asked.contains("SEARCH/REPLACE") => format!(
            "hello.txt\n```\n<<<<<<< SEARCH\n=======\nhello\n>>>>>>> REPLACE\n```\n\n.chant/specs/{id}.md\n```\n<<<<<<< SEARCH\n\
             - [ ] It is kind\n=======\n- [x] It is kind\n>>>>>>> REPLACE\n```\n\nAll done."
        ),
        _ => "Add hello".to_owned(),
    };
    let choice = json!({"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}});
    let usage = json!({"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107});
    json!({"id": "c", "created": 1, "model": body["model"], "object": "chat.completion", "choices": [choice], "usage": usage})
}

fn chat(body: &Value) -> Vec<Value> {
    let calls = calls_tool(body, "\"role\":\"tool\"");
    let delta = match calls {
        true => json!({"role": "assistant", "tool_calls": [{"index": 0, "id": "call_1", "type": "function",
            "function": {"name": shell(body), "arguments": json!({"command": COMMAND, "description": "say hello"}).to_string()}}]}),
        false => json!({"role": "assistant", "content": "All done."}),
    };
    let chunk =
        |choices: Value| json!({"id": "c", "created": 1, "model": body["model"], "object": "chat.completion.chunk", "choices": choices});
    let mut last = chunk(json!([]));
    last["usage"] = json!({"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107});
    let stop = if calls { "tool_calls" } else { "stop" };
    vec![
        chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}])),
        chunk(json!([{"index": 0, "delta": {}, "finish_reason": stop}])),
        last,
    ]
}

fn gemini(body: &Value) -> Value {
    let part = match calls_tool(body, "\"functionResponse\"") {
        true => {
            json!({"functionCall": {"id": "fc1", "name": "run_shell_command", "args": {"command": COMMAND, "description": "say hello"}}})
        }
        false => json!({"text": "All done."}),
    };
    json!({
        "candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 7, "totalTokenCount": 107}
    })
}
