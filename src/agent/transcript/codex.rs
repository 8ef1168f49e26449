//! `codex exec --json`.

use super::facts::{Tokens, clean};
use super::{Item, Reader, count, purpose, text};
use serde_json::Value;

pub(super) fn read(reader: &mut Reader, event: &Value, items: &mut Vec<Item>) {
    match text(event, &["type"]) {
        Some("thread.started") => reader.facts.set_session(text(event, &["thread_id"])),
        Some("turn.started") => reader.facts.whole = false,
        Some("item.started") => started(event, items),
        Some("item.completed") => completed(reader, event, items),
        // Mere reconnects are told in this way too.
        Some("error") => items.extend(text(event, &["message"]).map(|message| Item::Trouble(clean(message, 300)))),
        Some("turn.completed") => {
            reader.facts.whole = true;
            if let Some(usage) = event.get("usage") {
                let (input, cached) = (count(usage, "input_tokens"), count(usage, "cached_input_tokens"));
                reader.facts.add_tokens(Tokens { input, cached, output: count(usage, "output_tokens") });
            }
        }
        Some("turn.failed") => {
            reader.facts.whole = true;
            reader.facts.set_error(text(event, &["error", "message"]).unwrap_or_default());
        }
        _ => {}
    }
}

fn started(event: &Value, items: &mut Vec<Item>) {
    let Some(item) = event.get("item") else { return };
    match text(item, &["type"]) {
        Some("command_execution") => {
            let what = clean(unwrapped(text(item, &["command"]).unwrap_or_default()), 200);
            items.push(Item::Did { tool: "shell".into(), what });
        }
        Some("file_change") => {
            let changes = item.get("changes").and_then(Value::as_array).into_iter().flatten();
            let paths: Vec<&str> = changes.filter_map(|change| text(change, &["path"])).collect();
            items.push(Item::Did { tool: "edit".into(), what: clean(&paths.join(" "), 200) });
        }
        Some("agent_message" | "reasoning" | "error" | "todo_list") | None => {}
        Some(tool) => items.push(Item::Did { tool: clean(text(item, &["tool"]).unwrap_or(tool), 100), what: purpose(item) }),
    }
}

fn completed(reader: &mut Reader, event: &Value, items: &mut Vec<Item>) {
    let Some(item) = event.get("item") else { return };
    match (text(item, &["type"]), text(item, &["status"])) {
        (Some("agent_message"), _) => items.extend(text(item, &["text"]).map(|words| Item::Said(words.to_owned()))),
        (Some("error"), _) => items.extend(text(item, &["message"]).map(|message| Item::Trouble(clean(message, 300)))),
        (Some(kind), Some("declined")) => {
            let tool = if kind == "file_change" { "edit" } else { "shell" };
            reader.facts.denied.push(tool.to_owned());
            items.push(Item::Denied(tool.to_owned()));
        }
        (Some(_), Some("failed")) => {
            let exit = item.get("exit_code").and_then(Value::as_i64).map(|code| format!("exit {code}: ")).unwrap_or_default();
            let said = clean(text(item, &["aggregated_output"]).unwrap_or_default(), 300);
            items.push(Item::Failed(format!("{exit}{said}")));
        }
        _ => {}
    }
}

/// The command without the shell that codex puts around it.
fn unwrapped(command: &str) -> &str {
    let shells = ["/bin/bash -lc ", "/bin/sh -lc ", "/bin/zsh -lc ", "/usr/bin/bash -lc ", "bash -lc "];
    let Some(inner) = shells.iter().find_map(|shell| command.strip_prefix(shell)) else { return command };
    ['\'', '"'].iter().find_map(|quote| inner.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(inner)
}
