//! The front matter as values. Reading is lenient where people are (a string for a list of one) and strict where a guess would lie
//! (broken YAML, a key given twice, a list where a word belongs).

use super::document::{DocumentError, TOOL_FIELDS};
use super::status::{Status, UnknownStatus};
use super::yaml_lines;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_yaml::{Mapping, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// More than this is no front matter but an attack on the YAML parser.
const MOST_BYTES: usize = 64 * 1024;

/// Lists in lists deeper than this are not given to the YAML parser, which needs the square of the depth.
const MOST_DEPTH: usize = 64;

/// What git-chant reads of a front matter; every other key is the user's own.
#[derive(Clone, Debug, PartialEq)]
pub struct FrontMatter {
    /// `type`; `code` where there is none.
    pub spec_type: String,
    /// `status`, as written.
    pub status: Option<String>,
    /// `labels`.
    pub labels: Vec<String>,
    /// `depends_on`.
    pub depends_on: Vec<String>,
    /// `informed_by`.
    pub informed_by: Vec<String>,
    /// `target_files`.
    pub target_files: Vec<String>,
    /// `members`.
    pub members: Vec<String>,
    /// `commits`, tool-written.
    pub commits: Vec<String>,
    /// `prompt`.
    pub prompt: Option<String>,
    /// `model`, tool-written.
    pub model: Option<String>,
    /// `completed_at`, tool-written.
    pub completed_at: Option<String>,
    /// `branch`, tool-written.
    pub branch: Option<String>,
    /// `priority`; larger comes first.
    pub priority: Option<i64>,
    /// `approval.required`.
    pub approval_required: bool,
}

impl Default for FrontMatter {
    fn default() -> Self {
        Self {
            spec_type: "code".to_owned(),
            status: None,
            labels: Vec::new(),
            depends_on: Vec::new(),
            informed_by: Vec::new(),
            target_files: Vec::new(),
            members: Vec::new(),
            commits: Vec::new(),
            prompt: None,
            model: None,
            completed_at: None,
            branch: None,
            priority: None,
            approval_required: false,
        }
    }
}

impl FrontMatter {
    /// The status, where there is one; a word that is none is an error.
    pub fn status(&self) -> Result<Option<Status>, UnknownStatus> {
        self.status.as_deref().map(str::parse).transpose()
    }
}

/// Reads the YAML between the `---` lines. `first_line` is the line of the file at which it begins, for errors.
pub fn parse(yaml: &str, first_line: usize) -> Result<FrontMatter, DocumentError> {
    if yaml.len() > MOST_BYTES {
        return Err(DocumentError { line: first_line, message: format!("front matter of more than {MOST_BYTES} bytes") });
    }
    if depth(yaml) > MOST_DEPTH {
        return Err(DocumentError { line: first_line, message: format!("front matter with lists more than {MOST_DEPTH} deep") });
    }
    let fields = yaml_lines::fields(yaml.as_bytes());
    let line_of = |at: usize| first_line + yaml[..at].lines().count();
    let mut seen = BTreeMap::new();
    for (name, range) in &fields {
        if let Some(earlier) = seen.insert(name, line_of(range.start)) {
            let message = format!("`{}` is given twice, first in line {earlier}", name.escape_debug());
            return Err(DocumentError { line: line_of(range.start), message });
        }
    }
    let broken = |error: serde_yaml::Error| {
        let line = error.location().map_or(0, |location| location.line().saturating_sub(1));
        DocumentError { line: first_line + line, message: format!("front matter is no valid YAML: {}", without_places(&error.to_string())) }
    };
    let Some(map) = mapping(yaml).map_err(broken)? else {
        return Err(DocumentError { line: first_line, message: "front matter is no list of `key: value` lines".to_owned() });
    };
    if let Some(at) = disagreement(yaml, &fields, &map) {
        let message = "it is not clear which lines are whose; write each field as `key: value` from the first column".to_owned();
        return Err(DocumentError { line: line_of(at), message });
    }
    let words = Words(&map).deserialize(serde_yaml::Deserializer::from_str(yaml)).map_err(broken)?;
    Reader { fields: &fields, line_of: &line_of, words }.read(&map)
}

/// The parser's words without the lines and columns that it counts in what it was handed: ours is the line of the file.
fn without_places(error: &str) -> String {
    let mut parts = error.split(" at line ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let rest = rest.strip_prefix(" column ").map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        text + rest
    })
}

/// How deep lists and maps nest at most: in brackets, or as marks on one line.
fn depth(yaml: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for byte in yaml.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    let marks = |line: &str| line.split_ascii_whitespace().take_while(|word| matches!(*word, "-" | "?" | ":")).count();
    yaml.lines().map(marks).fold(most, usize::max)
}

/// The top-level map; `None` where the YAML is something else.
fn mapping(yaml: &str) -> Result<Option<Mapping>, serde_yaml::Error> {
    Ok(match serde_yaml::from_str(yaml)? {
        Value::Mapping(map) => Some(map),
        Value::Null => Some(Mapping::new()),
        _ => None,
    })
}

/// Where the lines that are taken for fields are not the fields that the YAML parser sees.
///
/// The intent leaves out lines. They must be exactly the tool-written fields, and nothing else may hang on them (an alias).
fn disagreement(yaml: &str, fields: &[(String, Range<usize>)], map: &Mapping) -> Option<usize> {
    if let Some((_, range)) = fields.iter().find(|(name, _)| !map.contains_key(name.as_str())) {
        return Some(range.start);
    }
    if map.len() != fields.len() {
        return Some(0);
    }
    let is_tool = |name: &str| TOOL_FIELDS.contains(&name);
    let tools: Vec<_> = fields.iter().filter(|(name, _)| is_tool(name)).map(|(_, range)| range.clone()).collect();
    let (mut rest, mut at) = (String::new(), 0);
    for range in &tools {
        rest.push_str(&yaml[at..range.start]);
        at = range.end;
    }
    rest.push_str(&yaml[at..]);
    let mut expected = map.clone();
    expected.retain(|name, _| !name.as_str().is_some_and(is_tool));
    let same = mapping(&rest).ok().flatten() == Some(expected);
    (!same).then(|| tools.first().map_or(0, |range| range.start))
}

/// The top-level values and the items of top-level lists as they are written: `1e10` is a commit, not a number.
struct Words<'a>(&'a Mapping);

impl<'de> DeserializeSeed<'de> for Words<'_> {
    type Value = BTreeMap<String, Vec<String>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() { Ok(BTreeMap::new()) } else { deserializer.deserialize_map(self) }
    }
}

impl<'de> Visitor<'de> for Words<'_> {
    type Value = BTreeMap<String, Vec<String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("front matter")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let is_word = |value: &Value| matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_));
        let mut words = BTreeMap::new();
        while let Some(name) = access.next_key::<String>()? {
            match self.0.get(name.as_str()) {
                Some(value) if is_word(value) => drop(words.insert(name, vec![access.next_value()?])),
                Some(Value::Sequence(list)) if list.iter().all(|value| value.is_null() || is_word(value)) => {
                    let written: Vec<String> = access.next_value()?;
                    let given = written.into_iter().zip(list).filter(|(_, value)| !value.is_null());
                    words.insert(name, given.map(|(word, _)| word).collect());
                }
                _ => drop(access.next_value::<IgnoredAny>()?),
            }
        }
        Ok(words)
    }
}

struct Reader<'a> {
    fields: &'a [(String, Range<usize>)],
    line_of: &'a dyn Fn(usize) -> usize,
    words: BTreeMap<String, Vec<String>>,
}

impl Reader<'_> {
    fn read(&self, map: &Mapping) -> Result<FrontMatter, DocumentError> {
        let mut front = FrontMatter {
            status: self.word(map, "status")?,
            labels: self.words(map, "labels")?,
            depends_on: self.words(map, "depends_on")?,
            informed_by: self.words(map, "informed_by")?,
            target_files: self.words(map, "target_files")?,
            members: self.words(map, "members")?,
            commits: self.words(map, "commits")?,
            prompt: self.word(map, "prompt")?,
            model: self.word(map, "model")?,
            completed_at: self.word(map, "completed_at")?,
            branch: self.word(map, "branch")?,
            ..FrontMatter::default()
        };
        if let Some(spec_type) = self.word(map, "type")? {
            front.spec_type = spec_type;
        }
        if let Some(priority) = self.word(map, "priority")? {
            front.priority = Some(priority.parse().map_err(|_| self.error("priority", "is no whole number"))?);
        }
        front.approval_required = match map.get("approval") {
            None | Some(Value::Null) => false,
            Some(Value::Mapping(approval)) => match approval.get("required") {
                None | Some(Value::Null) => false,
                Some(Value::Bool(required)) => *required,
                Some(_) => return Err(self.error("approval", "has a `required` that is neither true nor false")),
            },
            Some(_) => return Err(self.error("approval", "is not of the form `approval: {required: true}`")),
        };
        Ok(front)
    }

    fn word(&self, map: &Mapping, key: &str) -> Result<Option<String>, DocumentError> {
        match (map.get(key), self.words.get(key).map(Vec::as_slice)) {
            (None | Some(Value::Null), _) => Ok(None),
            (Some(Value::Sequence(_)), _) | (_, None) => Err(self.error(key, "is a list or a mapping where one value belongs")),
            (_, Some(words)) => Ok(words.first().cloned()),
        }
    }

    fn words(&self, map: &Mapping, key: &str) -> Result<Vec<String>, DocumentError> {
        match (map.get(key), self.words.get(key)) {
            (None | Some(Value::Null), _) => Ok(Vec::new()),
            (_, Some(words)) => Ok(words.clone()),
            _ => Err(self.error(key, "is no list of plain values")),
        }
    }

    fn error(&self, key: &str, what: &str) -> DocumentError {
        let start = self.fields.iter().find(|(name, _)| name == key).map_or(0, |(_, range)| range.start);
        DocumentError { line: (self.line_of)(start), message: format!("`{key}` {what}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lenient_shapes() {
        let front =
            parse("type: research\nlabels: one\ndepends_on: [a, 3]\ncommits:\n- 1234567\npriority: 2\nmine: {x: 1}\n", 2).expect("valid");
        assert_eq!(front.spec_type, "research");
        assert_eq!(front.labels, ["one"]);
        assert_eq!(front.depends_on, ["a", "3"]);
        assert_eq!(front.commits, ["1234567"]);
        assert_eq!(front.priority, Some(2));
        assert_eq!(parse("# only a comment\n", 2), Ok(FrontMatter::default()));
        assert!(parse("approval:\n  required: true\n", 2).expect("valid").approval_required);
    }

    #[test]
    fn errors_name_the_line() {
        for (yaml, line) in [
            ("type: code\nlabels:\n  a: b\n", 3),
            ("type: [a]\n", 2),
            ("type: code\ntype: task\n", 3),
            ("a: b\nc: 'open\n", 3),
            ("- a\n", 2),
            ("x: y\napproval: yes please\n", 3),
        ] {
            let error = parse(yaml, 2).expect_err(yaml);
            assert!(error.line.abs_diff(line) <= 1, "{yaml:?}: {error:?}");
        }
    }

    #[test]
    fn alias_bombs_and_huge_front_matter_are_refused() {
        let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (name, before) in ('b'..='k').zip('a'..='j') {
            bomb.push_str(&format!(
                "{name}: &{name} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}]\n"
            ));
        }
        assert!(parse(&bomb, 2).is_err());
        assert!(parse(&"a: b\n".repeat(20_000), 2).is_err());
    }

    #[test]
    fn words_are_as_written() {
        let front = parse("commits: [12e4567, 1e10, 0123456, ~, 0x1f]\nmodel: 4.50\nlabels: 007\n", 2).expect("valid");
        assert_eq!(front.commits, ["12e4567", "1e10", "0123456", "0x1f"]);
        assert_eq!((front.model.as_deref(), front.labels), (Some("4.50"), vec!["007".to_owned()]));
    }

    #[test]
    fn lines_and_values_must_agree() {
        for (yaml, line) in [
            ("a: b\nstatus: x\n'status': y\n", 4),
            ("? status\n: x\n", 3),
            ("{status: x}\n", 2),
            ("  status: x\n", 2),
            ("a: b\n&a status: x\n", 3),
            ("a: b\nmodel: &m x\ntarget_files: [*m]\n", 3),
            ("a: &m x\ncommits: [&m y]\nlabels: *m\n", 3),
        ] {
            let error = parse(yaml, 2).expect_err(yaml);
            assert_eq!(error.line, line, "{yaml:?}: {error}");
        }
        assert!(parse("a: &m x\nlabels: *m\nmodel: y\n", 2).is_ok());
    }

    #[test]
    fn deep_nesting_is_refused_at_once() {
        for yaml in [format!("a: {}\n", "[".repeat(60_000)), format!("a:\n  {}\n", "- ".repeat(30_000))] {
            assert!(parse(&yaml, 2).expect_err("deep").message.contains("deep"));
        }
    }
}
