//! cursor-agent prints what claude prints, but tells of its tools in a shape of its own: one key, the tool's name with an ending, and its
//! arguments and its result below.

use super::facts::clean;
use super::{Item, Reader, purpose, text};
use serde_json::Value;

pub(super) fn tool_call(reader: &mut Reader, event: &Value, items: &mut Vec<Item>) {
    // A new one may have neighbours that are no tool.
    let calls = event.get("tool_call").and_then(Value::as_object).into_iter().flatten();
    let mut calls = calls.filter(|(_, call)| call.is_object());
    let Some((name, call)) = calls.next() else { return };
    let named = if name == "function" { text(call, &["name"]) } else { name.strip_suffix("ToolCall") };
    let tool = clean(named.unwrap_or(name), 100);
    if text(event, &["subtype"]) == Some("started") {
        items.push(Item::Did { tool, what: call.get("args").map(purpose).unwrap_or_default() });
    } else if let Some(result) = call.get("result") {
        items.extend(ended(reader, tool, result));
    }
}

/// A result is one of `success`, `rejected` (nobody was there to allow it), `failure` and `error`.
fn ended(reader: &mut Reader, tool: String, result: &Value) -> Option<Item> {
    if result.get("rejected").is_some() || result.get("permissionDenied").is_some() {
        reader.facts.denied.push(tool.clone());
        return Some(Item::Denied(tool));
    }
    let exit = |of: &Value| of.get("exitCode").and_then(Value::as_i64).filter(|code| *code != 0);
    let failed = result.get("failure").or_else(|| result.get("error"));
    let failed = failed.or_else(|| result.get("success").filter(|success| exit(success).is_some()))?;
    let said = ["stderr", "stdout", "message", "errorMessage", "error"].iter().find_map(|key| text(failed, &[key]));
    let said = clean(said.or(failed.as_str()).unwrap_or_default(), 300);
    Some(Item::Failed(exit(failed).map_or_else(|| said.clone(), |code| format!("exit {code}: {said}"))))
}
