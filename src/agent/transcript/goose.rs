//! goose: words for people. An error of the model's server is among them, and ends it with 0.

use super::Reader;
use super::facts::clean;
use super::item::Item;

const ERROR: &str = "Ran into this error: ";
const ADVICE: &str = "Please retry if you think this is a transient or recoverable error";

/// A line; all of it is shown.
pub(super) fn read(reader: &mut Reader, line: &str, items: &mut Vec<Item>) {
    if let Some((_, error)) = line.split_once(ERROR) {
        reader.facts.set_error(error.trim_end_matches('.'));
        return items.push(Item::Trouble(clean(line, 300)));
    }
    if !line.trim().is_empty() && !line.contains(ADVICE) {
        // It went on: they were somebody else's words.
        reader.facts.error = None;
    }
    items.push(Item::Text(line.to_owned()));
}
