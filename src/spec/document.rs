//! A spec's document, kept byte for byte. Reading never fails; changing one thing changes only that thing's bytes.

use super::criteria::{self, Criterion, is_tool_heading};
use super::front_matter::{self, FrontMatter};
use super::markdown::{Kind, lines, strict_lines};
use super::yaml_lines as yaml;
use std::fmt;
use std::ops::Range;

pub use super::criteria::TOOL_SECTIONS;

/// Front matter that git-chant writes. It is no part of the intent.
pub const TOOL_FIELDS: &[&str] = &["status", "commits", "completed_at", "model", "branch"];

const BOM: &[u8] = b"\xef\xbb\xbf";

/// What is wrong with a document, and on which line of the file (from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    /// The line.
    pub line: usize,
    /// What is wrong, for people.
    pub message: String,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for DocumentError {}

/// A value to be written into front matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// One word or sentence; quoted where YAML needs it.
    Scalar(String),
    /// A list of them.
    List(Vec<String>),
    /// `true` or `false`.
    Bool(bool),
    /// YAML of our own, on one line.
    Raw(&'static str),
}

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        Self::Scalar(text.to_owned())
    }
}

impl From<String> for FieldValue {
    fn from(text: String) -> Self {
        Self::Scalar(text)
    }
}

impl From<Vec<String>> for FieldValue {
    fn from(list: Vec<String>) -> Self {
        Self::List(list)
    }
}

impl From<bool> for FieldValue {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

/// A markdown document with optional YAML front matter: an optional byte order mark, a line `---`, YAML, a line `---`, the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    bytes: Vec<u8>,
    /// The bytes between the `---` lines; `None` where there is no front matter.
    front: Option<Range<usize>>,
    body: usize,
}

impl Document {
    /// Takes any bytes. What is no front matter is body.
    pub fn parse(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let begin = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
        let mut at = begin;
        let mut front_start = None;
        for line in bytes[begin..].split_inclusive(|&byte| byte == b'\n') {
            let bare = line.strip_suffix(b"\n").unwrap_or(line);
            let is_mark = bare.strip_suffix(b"\r").unwrap_or(bare) == b"---";
            let next = at + line.len();
            match front_start {
                None if is_mark => front_start = Some(next),
                None => break,
                Some(start) if is_mark => return Self { front: Some(start..at), body: next, bytes },
                Some(_) => {}
            }
            at = next;
        }
        Self { bytes, front: None, body: begin }
    }

    /// A new document: these fields, a title, and a body below it.
    pub fn new(fields: &[(&str, FieldValue)], title: &str, body: &str) -> Self {
        let title = super::event::one_line(title);
        let gap = if body.trim().is_empty() { "" } else { "\n" };
        let body = if body.trim().is_empty() { String::new() } else { format!("{}\n", body.trim_matches('\n')) };
        let mut document = Self::parse(format!("---\n---\n\n# {title}\n{gap}{body}"));
        for (name, value) in fields {
            document.set(name, value.clone());
        }
        document
    }

    /// The document, as it came or as it was changed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The front matter's values. Refuses one that begins and never ends: its fields would be prose, and nobody told.
    pub fn front(&self) -> Result<FrontMatter, DocumentError> {
        let first = self.body().split(|&byte| byte == b'\n').next().unwrap_or_default();
        if self.front.is_none() && first.strip_suffix(b"\r").unwrap_or(first) == b"---" {
            return Err(DocumentError { line: 1, message: "front matter begins here, and no second line `---` ends it".to_owned() });
        }
        let yaml = std::str::from_utf8(self.front_bytes()).map_err(|error| {
            let line = self.front_bytes()[..error.valid_up_to()].split(|&byte| byte == b'\n').count() - 1;
            DocumentError { line: line + 2, message: "front matter is no UTF-8".to_owned() }
        })?;
        front_matter::parse(yaml, 2)
    }

    /// The first level-1 heading, else the first line of text, without control characters; possibly empty.
    pub fn title(&self) -> String {
        let lines = lines(self.without_tool_sections());
        let heading = lines.iter().find_map(|line| match line.kind {
            Kind::Heading(1, text) => Some(text),
            _ => None,
        });
        let text = || {
            lines.iter().find_map(|line| match line.kind {
                Kind::Heading(_, text) | Kind::Text(text) => Some(text),
                _ => None,
            })
        };
        super::event::one_line(heading.or_else(text).unwrap_or_default())
    }

    /// Everything behind the front matter.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.body..]
    }

    /// The body up to the first section that git-chant writes.
    pub fn without_tool_sections(&self) -> &[u8] {
        let body = self.body();
        let end = lines(body).iter().find(|line| is_tool_heading(&line.kind)).map_or(body.len(), |line| line.start);
        &body[..end]
    }

    /// The acceptance criteria, in order.
    pub fn criteria(&self) -> Vec<Criterion> {
        criteria::find(self.body())
    }

    /// Ticks or unticks the box of a criterion, counted from 1. Changes one byte.
    pub fn set_box(&mut self, number: usize, ticked: bool) -> Result<(), DocumentError> {
        let criteria = self.criteria();
        let Some(criterion) = number.checked_sub(1).and_then(|index| criteria.get(index)) else {
            let message = format!("there is no criterion {number}; there are {}", criteria.len());
            return Err(DocumentError { line: 1, message });
        };
        if criterion.ticked != ticked {
            self.bytes[self.body + criterion.box_offset] = if ticked { b'x' } else { b' ' };
        }
        Ok(())
    }

    /// Sets a field of the front matter; only that field's lines change. It is added behind the last one where it is new.
    pub fn set(&mut self, field: &str, value: FieldValue) {
        let line_end = self.line_end();
        let Some(front) = self.front.clone() else {
            let block = format!("---{line_end}{}---{line_end}", yaml::render(field, &value, None, line_end));
            let start = if self.bytes.starts_with(BOM) { BOM.len() } else { 0 };
            self.splice(start..start, block.into_bytes());
            return;
        };
        let old = yaml::field_range(&self.bytes[front.clone()], field);
        let (range, text) = match old {
            Some(range) => {
                let range = front.start + range.start..front.start + range.end;
                let was = String::from_utf8_lossy(&self.bytes[range.clone()]).into_owned();
                (range, yaml::render(field, &value, Some(&was), line_end))
            }
            None => (front.end..front.end, yaml::render(field, &value, None, line_end)),
        };
        self.splice(range, text.into_bytes());
    }

    /// Removes a field of the front matter with its lines, however often it is there.
    pub fn remove(&mut self, field: &str) {
        let Some(front) = self.front.clone() else { return };
        for range in yaml::field_ranges(&self.bytes[front.clone()], field).into_iter().rev() {
            self.splice(front.start + range.start..front.start + range.end, Vec::new());
        }
    }

    /// The same front matter with another body.
    #[must_use]
    pub fn replace_body(&self, body: &[u8]) -> Self {
        // The closing `---` may be the end of the file; behind a body it has to be a line.
        let is_open = self.front.is_some() && !body.is_empty() && !self.bytes[..self.body].ends_with(b"\n");
        let gap = if is_open { self.line_end() } else { "" };
        Self::parse([&self.bytes[..self.body], gap.as_bytes(), body].concat())
    }

    /// The same body with another front matter, given as the bytes between the `---` lines.
    #[must_use]
    pub fn replace_front(&self, front: &[u8]) -> Self {
        let end = self.line_end().as_bytes();
        let bom: &[u8] = if self.bytes.starts_with(BOM) { BOM } else { b"" };
        if front.is_empty() && self.front.is_none() {
            return self.clone();
        }
        Self::parse([bom, b"---", end, front, b"---", end, self.body()].concat())
    }

    /// Writes a section of ours at the end, in place of an earlier one of that heading. The text is fenced: nothing in it is markdown.
    pub fn append_tool_section(&mut self, heading: &str, text: &str) {
        let line_end = self.line_end();
        let fence = "`".repeat(longest_run(text, '`').max(2) + 1);
        let text = text.trim_end().replace("\r\n", "\n");
        let fenced = format!("{fence}text\n{text}\n{fence}\n").replace('\n', line_end);
        let (written, at) = self.with_section(heading, &fenced);
        let is_seen = lines(written.body()).iter().any(|line| line.start == at && line.kind == Kind::Heading(2, heading));
        // What the body left open may be closed by a line of the text, and our heading is inside then. Indented, no line closes it.
        *self = if is_seen { written } else { self.with_section(heading, &indented(&text, line_end)).0 };
    }

    /// The document with this section, and where in the body its heading stands.
    fn with_section(&self, heading: &str, content: &str) -> (Self, usize) {
        let (body, line_end) = (self.body(), self.line_end());
        let start = lines(body).iter().find(|line| line.kind == Kind::Heading(2, heading)).map(|line| line.start);
        let mut new = body[..start.unwrap_or(body.len())].to_vec();
        if !new.is_empty() && !new.ends_with(b"\n") {
            new.extend_from_slice(if new.ends_with(b"\r") { "\n" } else { line_end }.as_bytes());
        }
        if !new.is_empty() && !new.ends_with(b"\n\n") && !new.ends_with(b"\n\r\n") {
            new.extend_from_slice(line_end.as_bytes());
        }
        let at = new.len();
        new.extend_from_slice(format!("## {heading}{line_end}{line_end}{content}").as_bytes());
        // A fence that the old section left open holds output to the end.
        let old = start.map_or(&[][..], |start| &body[start..]);
        let next = strict_lines(old).into_iter().skip(1).find(|line| matches!(line.kind, Kind::Heading(1 | 2, _)));
        if let Some(next) = next {
            new.extend_from_slice(line_end.as_bytes());
            new.extend_from_slice(&old[next.start..]);
        }
        (self.replace_body(&new), at)
    }

    /// The bytes between the `---` lines; empty where there is no front matter.
    pub fn front_bytes(&self) -> &[u8] {
        self.front.clone().map_or(b"", |range| &self.bytes[range])
    }

    /// The front matter's lines, with their ends, without those of some top-level fields.
    pub fn front_lines_without(&self, fields: &[&str]) -> Vec<&[u8]> {
        let front = self.front_bytes();
        let skip: Vec<Range<usize>> = fields.iter().flat_map(|field| yaml::field_ranges(front, field)).collect();
        let mut at = 0;
        let mut kept = Vec::new();
        for line in front.split_inclusive(|&byte| byte == b'\n') {
            if !skip.iter().any(|range| range.contains(&at)) {
                kept.push(line);
            }
            at += line.len();
        }
        kept
    }

    /// The line end that the document uses: that of its first line.
    fn line_end(&self) -> &'static str {
        let first = self.bytes.iter().position(|&byte| byte == b'\n');
        if first.is_some_and(|at| at > 0 && self.bytes[at - 1] == b'\r') { "\r\n" } else { "\n" }
    }

    fn splice(&mut self, range: Range<usize>, with: Vec<u8>) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.splice(range, with);
        *self = Self::parse(bytes);
    }
}

fn indented(text: &str, line_end: &str) -> String {
    text.lines().map(|line| format!("    {}{line_end}", line.replace("-->", "-- >"))).collect()
}

fn longest_run(text: &str, mark: char) -> usize {
    text.split(|c| c != mark).map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
