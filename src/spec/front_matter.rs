//! The front matter as values. Reading is lenient where people are (a string for a list of one) and strict where a guess would lie
//! (broken YAML, a key given twice, a list where a word belongs).

use super::document::DocumentError;
use super::status::{Status, UnknownStatus};
use serde_yaml::{Mapping, Value};

/// More than this is no front matter but an attack on the YAML parser.
const MOST_BYTES: usize = 64 * 1024;

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
    let value: Value = serde_yaml::from_str(yaml).map_err(|error| {
        let line = error.location().map_or(0, |location| location.line().saturating_sub(1));
        DocumentError { line: first_line + line, message: format!("front matter is no valid YAML: {error}") }
    })?;
    let reader = Reader { yaml, first_line };
    match value {
        Value::Null => Ok(FrontMatter::default()),
        Value::Mapping(map) => reader.read(&map),
        _ => Err(DocumentError { line: first_line, message: "front matter is no list of `key: value` lines".to_owned() }),
    }
}

struct Reader<'a> {
    yaml: &'a str,
    first_line: usize,
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
        match map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => scalar(value).map(Some).ok_or_else(|| self.error(key, "is a list or a mapping where one value belongs")),
        }
    }

    fn words(&self, map: &Mapping, key: &str) -> Result<Vec<String>, DocumentError> {
        match map.get(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Sequence(list)) => {
                let words = list.iter().filter(|value| !value.is_null()).map(scalar).collect::<Option<Vec<_>>>();
                words.ok_or_else(|| self.error(key, "holds something that is no plain value"))
            }
            Some(value) => scalar(value).map(|word| vec![word]).ok_or_else(|| self.error(key, "is a mapping where a list belongs")),
        }
    }

    fn error(&self, key: &str, what: &str) -> DocumentError {
        let line = self.yaml.lines().position(|line| line.starts_with(key)).unwrap_or(0);
        DocumentError { line: self.first_line + line, message: format!("`{key}` {what}") }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
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
}
