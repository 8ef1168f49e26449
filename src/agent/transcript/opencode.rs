//! `opencode run --format json`. It has no end event: a stream is whole when its last step ended by itself.

use super::facts::{Tokens, clean};
use super::{Item, Reader, count, purpose, text};
use serde_json::Value;

pub(super) fn read(reader: &mut Reader, event: &Value, items: &mut Vec<Item>) {
    reader.facts.set_session(text(event, &["sessionID"]));
    match text(event, &["type"]) {
        Some("step_start") => reader.facts.whole = false,
        Some("text") => items.extend(text(event, &["part", "text"]).map(|words| Item::Said(words.to_owned()))),
        Some("tool_use") => tool(reader, event, items),
        Some("step_finish") => step_finish(reader, event, items),
        Some("error") => {
            let name = text(event, &["error", "name"]).unwrap_or("error");
            let message = text(event, &["error", "data", "message"]).unwrap_or_default();
            let status = event.pointer("/error/data/statusCode").and_then(Value::as_u64);
            let status = status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
            let error = clean(&format!("{name}: {message}{status}"), 300);
            reader.facts.set_error(&error);
            items.push(Item::Trouble(error));
        }
        _ => {}
    }
}

fn step_finish(reader: &mut Reader, event: &Value, items: &mut Vec<Item>) {
    let Some(part) = event.get("part") else { return };
    let reason = text(part, &["reason"]).unwrap_or("unknown");
    reader.facts.whole = reason == "stop";
    if reader.facts.whole {
        // An error before it was overcome.
        reader.facts.error = None;
    } else if reason != "tool-calls" {
        items.push(Item::Trouble(format!("a step ended with '{}'", clean(reason, 60))));
    }
    if let Some(used) = part.get("tokens") {
        let cache = |key| used.get("cache").map_or(0, |cache| count(cache, key));
        reader.facts.add_tokens(Tokens {
            input: count(used, "input").saturating_add(cache("read")).saturating_add(cache("write")),
            cached: cache("read"),
            output: count(used, "output").saturating_add(count(used, "reasoning")),
        });
    }
    reader.facts.add_cost(part.get("cost").and_then(Value::as_f64));
}

fn tool(reader: &mut Reader, event: &Value, items: &mut Vec<Item>) {
    let Some(part) = event.get("part") else { return };
    let tool = clean(text(part, &["tool"]).unwrap_or("a tool"), 100);
    let Some(state) = part.get("state") else { return };
    items.push(Item::Did { tool: tool.clone(), what: state.get("input").map(purpose).unwrap_or_default() });
    let exit = state.pointer("/metadata/exit").and_then(Value::as_i64).filter(|code| *code != 0);
    if text(state, &["status"]) == Some("error") {
        let error = text(state, &["error"]).unwrap_or_default();
        if is_denial(error) {
            reader.facts.denied.push(tool.clone());
            items.push(Item::Denied(tool));
        } else {
            items.push(Item::Failed(clean(error, 300)));
        }
    } else if let Some(code) = exit {
        let said = text(state, &["output"]).unwrap_or_default();
        items.push(Item::Failed(format!("exit {code}: {}", clean(said, 300))));
    }
}

/// What opencode says where its own rules, or nobody at the terminal, refuse a tool.
fn is_denial(error: &str) -> bool {
    error.contains("rejected permission") || error.contains("specified a rule which prevents you from using")
}
