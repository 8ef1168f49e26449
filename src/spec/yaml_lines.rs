//! Front matter as lines: where a top-level field begins and ends, and how a value is written there. What YAML means is
//! `front_matter`'s matter; this keeps comments, order, quoting and line ends of everything that is not touched.

use super::document::FieldValue;
use std::ops::Range;

/// Every top-level field, in order: its name and its bytes. Comments and blank lines around a field belong to nobody.
///
/// [`super::front_matter::parse`] refuses a front matter whose fields the YAML parser sees elsewhere.
pub fn fields(yaml: &[u8]) -> Vec<(String, Range<usize>)> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in yaml.split_inclusive(|&byte| byte == b'\n') {
        lines.push(start..start + line.len());
        start += line.len();
    }
    let mut found = Vec::new();
    let (mut index, mut is_broken) = (0, false);
    while let Some(line) = lines.get(index) {
        if let Some((name, colon)) = key(bare(&yaml[line.clone()])) {
            let last = last_line(yaml, &lines, index, line.start + colon + 1, &mut is_broken);
            found.push((name, line.start..lines[last].end));
            index = last;
        }
        index += 1;
    }
    found
}

/// The bytes of a top-level field, if it is there; of the first one if it is there twice.
pub fn field_range(yaml: &[u8], field: &str) -> Option<Range<usize>> {
    field_ranges(yaml, field).into_iter().next()
}

/// The bytes of every top-level field of this name.
pub fn field_ranges(yaml: &[u8], field: &str) -> Vec<Range<usize>> {
    fields(yaml).into_iter().filter(|(name, _)| name == field).map(|(_, range)| range).collect()
}

/// A line without its end.
fn bare(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The name of the field that the line begins, and the offset of its colon.
fn key(line: &[u8]) -> Option<(String, usize)> {
    let is_colon = |at: usize| line.get(at) == Some(&b':') && matches!(line.get(at + 1), None | Some(b' ' | b'\t'));
    match line.first()? {
        b' ' | b'\t' | b'#' => None,
        b'-' if matches!(line.get(1), None | Some(b' ' | b'\t')) => None,
        b'"' | b'\'' => {
            let end = quoted_end(line, 0)?;
            let colon = end + line[end..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let name = serde_yaml::from_str(std::str::from_utf8(&line[..end]).ok()?).ok()?;
            is_colon(colon).then_some((name, colon))
        }
        _ => {
            let colon = (0..line.len()).find(|&at| is_colon(at))?;
            let name = String::from_utf8_lossy(&line[..colon]).trim().to_owned();
            comment(&line[..colon]).is_none().then_some((name, colon))
        }
    }
}

/// The last line of the field whose name is on line `first`.
///
/// A value that nothing closes makes the YAML broken; it is taken for one line, and no other is looked for: that would take long.
fn last_line(yaml: &[u8], lines: &[Range<usize>], first: usize, value: usize, is_broken: &mut bool) -> usize {
    let start = value_start(yaml, value, lines[first].end);
    let mark = yaml[..lines[first].end].get(start).copied();
    let has_list = matches!(mark, None | Some(b'#'));
    let keeps_comments = has_list || matches!(mark, Some(b'|' | b'>'));
    let needs_end = matches!(mark, Some(b'"' | b'\'' | b'[' | b'{')) && !*is_broken;
    let closed = if needs_end { closed_end(yaml, start) } else { None };
    *is_broken |= needs_end && closed.is_none();
    let mut last = closed.map_or(first, |end| lines.partition_point(|line| line.end < end));
    for (index, line) in lines.iter().enumerate().skip(last + 1) {
        let text = bare(&yaml[line.clone()]);
        let content = text.trim_ascii_start();
        let is_comment = content.starts_with(b"#");
        if content.is_empty() {
            continue;
        }
        if content.len() < text.len() {
            if keeps_comments || !is_comment {
                last = index;
            }
        } else if has_list && text[0] == b'-' && key(text).is_none() {
            last = index;
        } else if !(has_list && is_comment) {
            break;
        }
    }
    last
}

/// The offset of a value behind blanks, an anchor and a tag; `end` where there is none on the line.
fn value_start(yaml: &[u8], mut at: usize, end: usize) -> usize {
    let skip = |at: usize, blank: bool| yaml[at..end].iter().take_while(|byte| byte.is_ascii_whitespace() == blank).count();
    at += skip(at, true);
    while at < end && matches!(yaml[at], b'&' | b'!') {
        at += skip(at, false);
        at += skip(at, true);
    }
    at
}

/// The offset behind a value in quotes or brackets.
fn closed_end(yaml: &[u8], start: usize) -> Option<usize> {
    match yaml.get(start)? {
        b'"' | b'\'' => quoted_end(yaml, start),
        b'[' | b'{' => flow_end(yaml, start),
        _ => None,
    }
}

fn quoted_end(text: &[u8], start: usize) -> Option<usize> {
    let quote = text[start];
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'\\' if quote == b'"' => at += 2,
            &byte if byte == quote && quote == b'\'' && text.get(at + 1) == Some(&quote) => at += 2,
            &byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn flow_end(text: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut depth, mut at_token) = (start, 0_usize, true);
    loop {
        let byte = *text.get(at)?;
        match byte {
            b'"' | b'\'' if at_token => at = quoted_end(text, at)?,
            b'#' if text[at - 1].is_ascii_whitespace() => {
                at += text[at..].iter().position(|&byte| byte == b'\n')?;
                continue;
            }
            _ => at += 1,
        }
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
        at_token = matches!(byte, b'[' | b'{' | b',' | b':') || (at_token && byte.is_ascii_whitespace());
    }
}

/// Where a comment begins, with the blanks before it.
fn comment(text: &[u8]) -> Option<usize> {
    let hash = (0..text.len()).find(|&at| text[at] == b'#' && (at == 0 || matches!(text[at - 1], b' ' | b'\t')))?;
    Some(text[..hash].trim_ascii_end().len())
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
            let flow = is_flow(first) && was.is_some_and(|was| was.lines().count() == 1);
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

fn is_flow(line: &str) -> bool {
    key(line.as_bytes()).is_some_and(|(_, colon)| line.as_bytes().get(value_start(line.as_bytes(), colon + 1, line.len())) == Some(&b'['))
}

/// A comment behind a value on the line of its name, with its `#`.
fn trailing_comment(line: &str) -> Option<&str> {
    let (_, colon) = key(line.as_bytes())?;
    let start = value_start(line.as_bytes(), colon + 1, line.len());
    let from = match line.as_bytes().get(start) {
        Some(b'"' | b'\'' | b'[' | b'{') => closed_end(line.as_bytes(), start)?,
        _ => colon + 1,
    };
    let comment = comment(&line.as_bytes()[from..])?;
    Some(line[from + comment..].trim())
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
        && !text.chars().any(|c| c.is_control() || is_unprintable(c))
        && matches!(serde_yaml::from_str::<serde_yaml::Value>(text), Ok(serde_yaml::Value::String(read)) if read == text)
        // YAML 1.1 readers, which other tools use, take these for booleans, and digits with colons or underscores for numbers.
        && !matches!(text.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off")
        && !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'e' | b'E' | b'_' | b':' | b'.' | b'x'));
    if plain { text.to_owned() } else { quoted(text) }
}

/// What JSON writes as it is and a YAML file should not hold: controls, line separators, and what turns the direction of the text.
fn is_unprintable(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// JSON's string syntax is YAML's double-quoted one.
fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).expect("a string is always JSON");
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // Printable in JSON, not in YAML.
            _ if is_unprintable(c) => out.push_str(&format!("\\u{:04x}", c as u32)),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_brackets_hold_their_lines() {
        let table: &[(&str, &[(&str, &str)])] = &[
            ("a: [b,\nc: d,\n  'e]' # ]\n]\nf: {}\n", &[("a", "a: [b,\nc: d,\n  'e]' # ]\n]\n"), ("f", "f: {}\n")]),
            ("a: 'b\nc: d''\n'\ne: \"\\\"\nf: g\"\n", &[("a", "a: 'b\nc: d''\n'\n"), ("e", "e: \"\\\"\nf: g\"\n")]),
            ("a: &x !t [\nb: c]\nd: !t\n  e: f\n", &[("a", "a: &x !t [\nb: c]\n"), ("d", "d: !t\n  e: f\n")]),
            ("a: it's [b\nc: [it's, b's]\n", &[("a", "a: it's [b\n"), ("c", "c: [it's, b's]\n")]),
            ("a: [b\nc: d\n", &[("a", "a: [b\n"), ("c", "c: d\n")]),
            ("a:b: c\nd:\te\nhttp://x: y\n", &[("a:b", "a:b: c\n"), ("d", "d:\te\n"), ("http://x", "http://x: y\n")]),
            ("'c''d' : 2\n\"e\\\"f\": 3\n", &[("c'd", "'c''d' : 2\n"), ("e\"f", "\"e\\\"f\": 3\n")]),
            (
                "a: b\n  # of c\nc: |\n  d\n  # e\n\nf:\n- g\n# h\n- i\n",
                &[("a", "a: b\n"), ("c", "c: |\n  d\n  # e\n"), ("f", "f:\n- g\n# h\n- i\n")],
            ),
        ];
        for (yaml, expected) in table {
            let found = fields(yaml.as_bytes());
            let found: Vec<_> = found.iter().map(|(name, range)| (name.as_str(), &yaml[range.clone()])).collect();
            assert_eq!(&found, expected, "{yaml:?}");
        }
    }

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
        assert_eq!(render("s", &"v".into(), Some("s: 'it''s # b' # c\n"), "\n"), "s: v # c\n");
        assert_eq!(render("l", &list, Some("l: [x, \"y # z\"]\n"), "\n"), "l: [a, \"b, c\"]\n");
        assert_eq!(render("l", &list, Some("l: [\n  x\n]\n"), "\n"), "l:\n  - a\n  - b, c\n");
    }
}
