//! The intent: what a person asked for, without what the work on it writes.

use super::document::{Document, TOOL_FIELDS};
use super::markdown::{Kind, lines};
use sha2::{Digest as _, Sha256};

/// The document without box states, tool-written front matter and tool-written sections; line ends are LF, blanks at the end
/// and a byte order mark are dropped.
///
/// The two `---` lines are always there: else a front matter that moved into the body, where it says nothing, would look the same.
pub fn of(document: &Document) -> Vec<u8> {
    let mut text = b"---\n".to_vec();
    for line in document.front_lines_without(TOOL_FIELDS) {
        push_line(&mut text, line);
    }
    text.extend_from_slice(b"---\n");
    let body = document.without_tool_sections();
    let mut unticked = body.to_vec();
    for line in lines(body) {
        if let Kind::Task { box_offset, .. } = line.kind {
            unticked[box_offset] = b' ';
        }
    }
    let begin = text.len();
    for line in unticked.split_inclusive(|&byte| byte == b'\n') {
        push_line(&mut text, line);
    }
    let end = text[begin..].trim_ascii_end().len();
    text.truncate(begin + end);
    text.push(b'\n');
    text
}

fn push_line(text: &mut Vec<u8>, line: &[u8]) {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    text.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
    text.push(b'\n');
}

/// The name of an intent: lowercase hexadecimal SHA-256 of [`of`].
pub fn id(document: &Document) -> String {
    hex(&of(document))
}

/// A unified diff from one intent to the other; empty when they are the same.
pub fn diff(old: &Document, new: &Document) -> String {
    let (old, new) = (of(old), of(new));
    if old == new {
        return String::new();
    }
    let (old, new) = (String::from_utf8_lossy(&old), String::from_utf8_lossy(&new));
    let patch = diffy::create_patch(&old, &new).to_string();
    // The two header lines name files; there are none.
    patch.lines().skip_while(|line| !line.starts_with("@@")).map(|line| format!("{line}\n")).collect()
}

/// The name of a command in verdicts: the first 16 digits of its SHA-256.
pub fn command_digest(command: &str) -> String {
    hex(command.as_bytes())[..16].to_owned()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str =
        "---\ntype: code\nstatus: pending\nlabels:\n- a\n---\n# T\n\n## Acceptance Criteria\n\n- [ ] one\n- [ ] two `$ true`\n";

    fn id_of(text: &str) -> String {
        id(&Document::parse(text))
    }

    #[test]
    fn ticks_tool_fields_and_tool_sections_are_no_intent() {
        let same = [
            SPEC.replace("[ ] one", "[x] one"),
            SPEC.replace("pending", "completed\ncommits:\n- 12ab\n- 34cd"),
            SPEC.replace("status: pending\n", ""),
            format!("{SPEC}\n## Agent Output\n\n- [ ] three\n"),
            SPEC.replace('\n', "\r\n"),
            format!("\u{feff}{SPEC}\n\n"),
        ];
        for text in same {
            assert_eq!(id_of(&text), id_of(SPEC), "{text}");
        }
    }

    #[test]
    fn everything_else_is() {
        let other = [
            SPEC.replace("one", "won"),
            SPEC.replace("$ true", "$ false"),
            SPEC.replace("- [ ] one\n", ""),
            SPEC.replace("- a", "- b"),
            SPEC.replace("# T", "# T\n\n## Agent Output\n"),
            SPEC.replace("labels:", "x:\n  status: y\nlabels:"),
            SPEC.replace("- [ ] one", "```\n- [ ] one\n```"),
            format!("---\nstatus: pending\n---\n{SPEC}"),
        ];
        for text in other {
            assert_ne!(id_of(&text), id_of(SPEC), "{text}");
        }
    }

    #[test]
    fn what_git_chant_writes_into_any_document_is_no_intent() {
        for text in [
            "",
            "a",
            "---\n---",
            "---\nx: y\n",
            "# T\n```\na\n",
            "# T\n<!-- a\n",
            "~~~~\na\r\n\r\n",
            "- a\n  ```\n  b\n",
            "```\n- [ ] a\n~~~",
        ] {
            let before = Document::parse(text);
            let mut after = before.clone();
            after.set("status", "completed".into());
            after.append_tool_section("Agent Output", "```\n~~~~\n-->\n## Acceptance Criteria\n- [ ] no");
            assert_eq!(diff(&before, &after), "", "{text:?}");
            assert_eq!(after.criteria(), before.criteria(), "{text:?}");
        }
    }

    #[test]
    fn a_diff_shows_only_the_intent() {
        let new = SPEC.replace("two `$ true`", "two").replace("pending", "failed");
        let diff = diff(&Document::parse(SPEC), &Document::parse(new));
        assert!(diff.contains("-- [ ] two `$ true`\n+- [ ] two\n"), "{diff}");
        assert!(!diff.contains("failed"));
    }
}
