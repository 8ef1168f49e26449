//! `claude --output-format stream-json`, and what qwen, amp and cursor-agent print in the same shape.

use super::facts::{Tokens, clean};
use super::{Item, Reader, count, cursor, purpose, text};
use serde_json::Value;

pub(super) fn read(reader: &mut Reader, event: &Value, items: &mut Vec<Item>) {
    match text(event, &["type"]) {
        Some("system") => system(reader, event, items),
        Some("assistant") => assistant(reader, event, items),
        Some("user") => results(event, items),
        Some("tool_call") => cursor::tool_call(reader, event, items),
        Some("result") => result(reader, event),
        _ => {}
    }
}

fn system(reader: &mut Reader, event: &Value, items: &mut Vec<Item>) {
    match text(event, &["subtype"]) {
        Some("init") => {
            reader.facts.set_session(text(event, &["session_id"]));
            reader.facts.set_model(text(event, &["model"]));
        }
        Some("permission_denied") => {
            let tool = clean(text(event, &["tool_name"]).unwrap_or("a tool"), 100);
            reader.facts.denied.push(tool.clone());
            items.push(Item::Denied(tool));
        }
        Some("api_retry") => {
            let error = clean(text(event, &["error"]).unwrap_or("unknown"), 200);
            let status = event.get("error_status").and_then(Value::as_u64).map(|status| format!(", HTTP {status}")).unwrap_or_default();
            let (attempt, most) = (count(event, "attempt"), count(event, "max_retries"));
            items.push(Item::Trouble(format!("the model's server failed and is asked again ({attempt} of {most}): {error}{status}")));
        }
        _ => {}
    }
}

fn assistant(reader: &mut Reader, event: &Value, items: &mut Vec<Item>) {
    let Some(message) = event.get("message") else { return };
    for block in message.get("content").and_then(Value::as_array).into_iter().flatten() {
        match text(block, &["type"]) {
            Some("text") => items.extend(text(block, &["text"]).map(|words| Item::Said(words.to_owned()))),
            Some("tool_use") => {
                let tool = clean(text(block, &["name"]).unwrap_or("a tool"), 100);
                items.push(Item::Did { tool, what: block.get("input").map(purpose).unwrap_or_default() });
            }
            _ => {}
        }
    }
    // One answer comes as several events, each with all of its tokens so far.
    let (Some(id), Some(usage)) = (text(message, &["id"]), message.get("usage")) else { return };
    let now = tokens(usage);
    let before = reader.answer.take().filter(|(known, _)| known == id).map(|(_, tokens)| tokens).unwrap_or_default();
    reader.facts.add_tokens(Tokens {
        input: now.input.saturating_sub(before.input),
        cached: now.cached.saturating_sub(before.cached),
        output: now.output.saturating_sub(before.output),
    });
    reader.answer = Some((id.to_owned(), now));
}

fn results(event: &Value, items: &mut Vec<Item>) {
    let content = event.pointer("/message/content").and_then(Value::as_array);
    for block in content.into_iter().flatten() {
        if text(block, &["type"]) == Some("tool_result") && block.get("is_error").and_then(Value::as_bool) == Some(true) {
            items.push(Item::Failed(clean(&words_of(block.get("content")), 300)));
        }
    }
}

/// Content is a string, or a list of blocks with text.
fn words_of(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(words)) => words.clone(),
        Some(Value::Array(blocks)) => blocks.iter().filter_map(|block| text(block, &["text"])).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    }
}

fn result(reader: &mut Reader, event: &Value) {
    let facts = &mut reader.facts;
    facts.whole = true;
    facts.set_session(text(event, &["session_id"]));
    if let Some(usage) = event.get("usage") {
        facts.tokens = Some(tokens(usage));
        reader.answer = None;
    }
    // The total goes over every run of a session; what came since the last result is this run's.
    let since = event.get("model_usage_since_last_result").and_then(Value::as_object);
    match since.map(|models| models.values().filter_map(|model| model.get("costUSD").and_then(Value::as_f64)).sum()) {
        Some(cost) => facts.add_cost(Some(cost)),
        None => facts.cost = event.get("total_cost_usd").and_then(Value::as_f64).or(facts.cost),
    }
    if let Some(denials) = event.get("permission_denials").and_then(Value::as_array).filter(|list| !list.is_empty()) {
        facts.denied = denials.iter().map(|denial| clean(text(denial, &["tool_name"]).unwrap_or("a tool"), 100)).collect();
    }
    // `subtype` is "success" for a failed one too.
    let said = text(event, &["result"]).unwrap_or_default();
    if event.get("is_error").and_then(Value::as_bool) == Some(true) {
        facts.set_error(reason(event, said));
    } else if let Some(error) = api_error(said) {
        facts.set_error(error);
    } else {
        facts.error = None;
    }
}

fn reason(event: &Value, said: &str) -> String {
    let errors = event.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut words: Vec<String> = if said.is_empty() { errors.map(str::to_owned).collect() } else { vec![said.to_owned()] };
    if let Some(why) = text(event, &["terminal_reason"]).or_else(|| text(event, &["subtype"])).filter(|why| *why != "success") {
        words.insert(0, format!("{}:", why.replace('_', " ")));
    }
    if let Some(status) = event.get("api_error_status").and_then(Value::as_u64) {
        words.push(format!("(HTTP {status})"));
    }
    words.join(" ")
}

/// qwen calls it a success when its server refused, and only the last words say so.
fn api_error(said: &str) -> Option<&str> {
    let said = said.trim();
    let at = said.rfind("[API Error:").filter(|_| said.ends_with(']'))?;
    Some(&said[at + 1..said.len() - 1])
}

fn tokens(usage: &Value) -> Tokens {
    // cursor-agent spells them in its own way.
    let either = |key, other| count(usage, key).max(count(usage, other));
    let (input, output) = (either("input_tokens", "inputTokens"), either("output_tokens", "outputTokens"));
    let read = either("cache_read_input_tokens", "cacheReadTokens");
    let made = either("cache_creation_input_tokens", "cacheWriteTokens");
    // qwen counts the cached part in, and gives a total by which that can be seen.
    let counted_in = usage.get("total_tokens").and_then(Value::as_u64) == Some(input.saturating_add(output));
    let input = if counted_in { input } else { input.saturating_add(read).saturating_add(made) };
    Tokens { input, cached: read, output }
}
