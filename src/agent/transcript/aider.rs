//! aider: words for people, and among them the model, what was used, and what went wrong.

use super::Reader;
use super::facts::{Tokens, clean};
use super::item::Item;

/// A line; all of it is shown.
pub(super) fn read(reader: &mut Reader, line: &str, items: &mut Vec<Item>) {
    // "Model: openai/gpt-4o with diff edit format"
    if let Some((model, _)) = line.strip_prefix("Model: ").and_then(|rest| rest.split_once(" with ")) {
        reader.facts.set_model(Some(model));
    }
    if let Some(used) = line.strip_prefix("Tokens: ") {
        take_used(reader, used);
    }
    // "litellm.AuthenticationError: …": it exits with 0 all the same.
    match line.starts_with("litellm.") && line.contains("Error") {
        true => items.push(Item::Trouble(clean(line, 300))),
        false => items.push(Item::Text(line.to_owned())),
    }
}

/// "12k sent, 3.1k cache hit, 63 received. Cost: $0.0021 message, $0.0034 session."
fn take_used(reader: &mut Reader, used: &str) {
    let (tokens, cost) = used.split_once(" Cost: ").unwrap_or((used, ""));
    let mut now = Tokens::default();
    for part in tokens.trim_end_matches('.').split(", ") {
        let Some((number, what)) = part.split_once(' ').and_then(|(number, what)| Some((amount(number)?, what))) else { continue };
        match what {
            "sent" => now.input = number,
            "cache hit" => now.cached = number,
            "received" => now.output = number,
            _ => {}
        }
    }
    reader.facts.add_tokens(now);
    let session = cost.split(", ").find_map(|part| part.trim_end_matches('.').strip_suffix(" session"));
    let session = session.and_then(|text| text.trim_start_matches('$').parse::<f64>().ok());
    if let Some(cost) = session.filter(|cost| cost.is_finite() && *cost >= 0.0) {
        // It sums up by itself.
        reader.facts.cost = Some(cost);
    }
}

/// `63`, `2.6k`, `1.2M`.
fn amount(text: &str) -> Option<u64> {
    let (digits, factor) = match text.strip_suffix(['k', 'M']) {
        Some(digits) if text.ends_with('k') => (digits, 1_000),
        Some(digits) => (digits, 1_000_000),
        None => (text, 1),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let tenths = if part.is_empty() { 0 } else { part.get(..1)?.parse::<u64>().ok()? };
    whole.parse::<u64>().ok()?.checked_mul(factor)?.checked_add(tenths * factor / 10)
}
