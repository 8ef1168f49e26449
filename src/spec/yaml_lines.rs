//! Front matter as lines: where a top-level field begins and ends, and how a value is written there. What YAML means is
//! `front_matter`'s matter; this keeps comments, order, quoting and line ends of everything that is not touched.

use super::document::FieldValue;
use std::ops::Range;

/// Every top-level field, in order: its name and its bytes. Comments and blank lines above a field belong to nobody.
pub fn fields(yaml: &[u8]) -> Vec<(String, Range<usize>)> {
    let mut list: Vec<(String, Range<usize>)> = Vec::new();
    let mut at = 0;
    for line in yaml.split_inclusive(|&byte| byte == b'\n') {
        let end = at + line.len();
        let text = String::from_utf8_lossy(line);
        if let Some(name) = key(&text) {
            list.push((name, at..end));
        } else if continues(&text)
            && let Some((_, range)) = list.last_mut()
        {
            range.end = end;
        }
        at = end;
    }
    list
}

/// The bytes of a top-level field, if it is there; of the first one if it is there twice.
pub fn field_range(yaml: &[u8], field: &str) -> Option<Range<usize>> {
    field_ranges(yaml, field).into_iter().next()
}

/// The bytes of every top-level field of this name.
pub fn field_ranges(yaml: &[u8], field: &str) -> Vec<Range<usize>> {
    fields(yaml).into_iter().filter(|(name, _)| name == field).map(|(_, range)| range).collect()
}

/// The name, where the line begins a top-level field.
fn key(line: &str) -> Option<String> {
    let line = line.trim_end();
    let (name, rest) = match line.chars().next()? {
        quote @ ('"' | '\'') => line[1..].split_once(quote)?,
        ' ' | '\t' | '#' | '-' | ']' | '}' | '[' | '{' => return None,
        _ => line.split_at(line.find(": ").or_else(|| line.ends_with(':').then(|| line.len() - 1))?),
    };
    let rest = rest.trim_start();
    (rest == ":" || rest.starts_with(": ") || rest.starts_with(":\t")).then(|| name.trim().to_owned())
}

/// True for a line that belongs to the field above: indented, a list item, or the end of a flow value.
fn continues(line: &str) -> bool {
    let bare = line.trim_end();
    !bare.trim_start().is_empty() && (line.starts_with([' ', '\t', ']', '}']) || bare == "-" || line.starts_with("- "))
}

/// A field's lines. `was` are its lines so far: their style (flow or block list, indentation, comment behind the value) is kept.
pub fn render(field: &str, value: &FieldValue, was: Option<&str>, line_end: &str) -> String {
    let first = was.and_then(|was| was.lines().next()).unwrap_or_default();
    let comment = trailing_comment(first).map(|comment| format!(" {comment}")).unwrap_or_default();
    match value {
        FieldValue::Scalar(text) => format!("{field}: {}{comment}{line_end}", scalar(text)),
        FieldValue::Bool(flag) => format!("{field}: {flag}{comment}{line_end}"),
        FieldValue::Raw(yaml) => format!("{field}: {yaml}{comment}{line_end}"),
        FieldValue::List(items) if items.is_empty() => format!("{field}: []{comment}{line_end}"),
        FieldValue::List(items) => {
            let flow = first.split_once(':').is_some_and(|(_, rest)| rest.trim_start().starts_with('['));
            if flow {
                let items: Vec<_> = items.iter().map(|item| flow_scalar(item)).collect();
                return format!("{field}: [{}]{comment}{line_end}", items.join(", "));
            }
            let item_line = was.and_then(|was| was.lines().find(|line| line.trim_start().starts_with("- ")));
            let indent = item_line.map_or("  ", |line| &line[..line.len() - line.trim_start().len()]);
            let items: String = items.iter().map(|item| format!("{indent}- {}{line_end}", scalar(item))).collect();
            format!("{field}:{comment}{line_end}{items}")
        }
    }
}

/// A comment behind a value on its line, with its `#`.
fn trailing_comment(line: &str) -> Option<&str> {
    let (_, value) = line.split_once(':')?;
    let trimmed = value.trim_start();
    let from = match trimmed.chars().next()? {
        quote @ ('"' | '\'') => 1 + trimmed[1..].find(quote)? + 1,
        '|' | '>' => return None,
        _ => 0,
    };
    let rest = &trimmed[from..];
    if rest.starts_with('#') {
        return Some(rest.trim_end());
    }
    rest.find(" #").map(|at| rest[at + 1..].trim_end())
}

fn flow_scalar(text: &str) -> String {
    let is_simple = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '/' | '-' | ' '));
    if is_simple { scalar(text) } else { quoted(text) }
}

/// A scalar as YAML: plain where it reads back as this very string, else in double quotes.
pub fn scalar(text: &str) -> String {
    let plain = text.chars().next().is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '/' | '('))
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(|c| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}'))
        && matches!(serde_yaml::from_str::<serde_yaml::Value>(text), Ok(serde_yaml::Value::String(read)) if read == text)
        // YAML 1.1 readers, which other tools use, take these for booleans, and digits with colons or underscores for numbers.
        && !matches!(text.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off")
        && !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'e' | b'E' | b'_' | b':' | b'.' | b'x'));
    if plain { text.to_owned() } else { quoted(text) }
}

/// JSON's string syntax is YAML's double-quoted one.
fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).expect("a string is always JSON");
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // Printable in JSON, not in YAML.
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_their_lines() {
        let yaml = "# head\ntype: code\nlabels:\n- a\n\n- b\n# of status\n\"status\": x # c\nnested:\n  status: y\nflow: [a,\n  b\n]\ntext: |\n  - x\n  k: v\n";
        let names: Vec<_> = fields(yaml.as_bytes()).into_iter().map(|(name, range)| (name, &yaml[range])).collect();
        let expected = [
            ("type", "type: code\n"),
            ("labels", "labels:\n- a\n\n- b\n"),
            ("status", "\"status\": x # c\n"),
            ("nested", "nested:\n  status: y\n"),
            ("flow", "flow: [a,\n  b\n]\n"),
            ("text", "text: |\n  - x\n  k: v\n"),
        ];
        assert_eq!(names, expected.map(|(name, text)| (name.to_owned(), text)));
    }

    #[test]
    fn scalars_read_back() {
        for text in [
            "plain",
            "a: b",
            "x #y",
            "yes",
            "12e4567",
            "1234567",
            "",
            " lead",
            "'q'",
            "a\nb: c",
            "\u{85}",
            "- a",
            "@x",
            "~",
            "null",
            "2026-01-01T00:00:00Z",
            "#x",
            "*a",
            "\u{7f}",
            "a\\b",
            "tab\tx",
        ] {
            let yaml = format!("k: {}\n", scalar(text));
            let map: serde_yaml::Mapping = serde_yaml::from_str(&yaml).unwrap_or_else(|e| panic!("{yaml:?}: {e}"));
            assert_eq!(map.get("k").and_then(serde_yaml::Value::as_str), Some(text), "{yaml:?}");
        }
    }

    #[test]
    fn style_and_comments_are_kept() {
        let list = FieldValue::List(vec!["a".into(), "b, c".into()]);
        assert_eq!(render("l", &list, Some("l: [x] # why\n"), "\n"), "l: [a, \"b, c\"] # why\n");
        assert_eq!(render("l", &list, Some("l:\n- x\n"), "\r\n"), "l:\r\n- a\r\n- b, c\r\n");
        assert_eq!(render("s", &"v".into(), Some("s: 'a # b' # c\n"), "\n"), "s: v # c\n");
    }
}
