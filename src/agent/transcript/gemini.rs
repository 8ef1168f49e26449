//! `gemini -o stream-json`. Its words come in pieces.

use super::facts::{Tokens, clean};
use super::{Item, Reader, count, purpose, text};
use serde_json::Value;

pub(super) fn read(reader: &mut Reader, event: &Value, items: &mut Vec<Item>) {
    let kind = text(event, &["type"]);
    if kind == Some("message") {
        return message(reader, event, items);
    }
    reader.flush(items);
    match kind {
        Some("init") => {
            reader.facts.set_session(text(event, &["session_id"]));
            reader.facts.set_model(text(event, &["model"]));
        }
        Some("tool_use") => {
            let tool = clean(text(event, &["tool_name"]).unwrap_or("a tool"), 100);
            items.push(Item::Did { tool, what: event.get("parameters").map(purpose).unwrap_or_default() });
        }
        Some("tool_result") if text(event, &["status"]) == Some("error") => {
            let error = text(event, &["error", "message"]).or_else(|| text(event, &["output"])).unwrap_or_default();
            if error.contains("denied by policy") {
                let tool = clean(text(event, &["tool_id"]).unwrap_or("a tool").split("__").next().unwrap_or_default(), 100);
                reader.facts.denied.push(tool.clone());
                items.push(Item::Denied(tool));
            } else {
                items.push(Item::Failed(clean(error, 300)));
            }
        }
        Some("error") => items.extend(text(event, &["message"]).map(|message| Item::Trouble(clean(message, 300)))),
        Some("result") => result(reader, event),
        _ => {}
    }
}

fn message(reader: &mut Reader, event: &Value, items: &mut Vec<Item>) {
    // The other role is the prompt, which is ours.
    if text(event, &["role"]) != Some("assistant") {
        return;
    }
    if event.get("delta").and_then(Value::as_bool) != Some(true) {
        reader.flush(items);
    }
    reader.pieces.push_str(text(event, &["content"]).unwrap_or_default());
}

fn result(reader: &mut Reader, event: &Value) {
    reader.facts.whole = true;
    if let Some(stats) = event.get("stats") {
        let (input, cached) = (count(stats, "input_tokens"), count(stats, "cached"));
        reader.facts.tokens = Some(Tokens { input, cached, output: count(stats, "output_tokens") });
        // Where a router chose, the beginning only said `auto`; the one that did most of the work stands for all.
        let models = stats.get("models").and_then(Value::as_object).into_iter().flatten();
        let most = models.max_by_key(|(_, used)| count(used, "total_tokens")).map(|(model, _)| model.as_str());
        reader.facts.set_model(most);
    }
    if text(event, &["status"]) != Some("success") {
        let trouble = reader.facts.trouble.clone().unwrap_or_default();
        reader.facts.set_error(text(event, &["error", "message"]).unwrap_or(&trouble));
    }
}
