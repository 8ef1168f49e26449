//! `.chant/config.md`: the settings that a team shares, in its front matter. Settings only, never a command.

use super::document::Document;
use serde_yaml::{Mapping, Value};

/// Which verdicts the gate asks for; the first is the default.
pub const VERIFY: &[&str] = &["branch", "merge", "none"];
/// Which specs need an approval that do not ask for one themselves; the first is the default.
pub const REQUIRE_APPROVAL: &[&str] = &["never", "foreign", "always"];

/// The settings that take one of a few words.
const WORDS: &[(&str, &[&str])] = &[("verify", VERIFY), ("require_approval", REQUIRE_APPROVAL)];

/// What the file says. Absent keys say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// `protected`: branches that the gate guards.
    pub protected: Vec<String>,
    /// `verify`: `none`, `branch` or `merge`.
    pub verify: Option<String>,
    /// `require_spec`.
    pub require_spec: bool,
    /// `require_approval`: `never`, `foreign` or `always`.
    pub require_approval: Option<String>,
    /// `require_signed`.
    pub require_signed: bool,
    /// `allow_override`.
    pub allow_override: Option<bool>,
}

/// What is wrong with the file, a sentence each. An invalid value asks for the most, so that people must be told.
pub fn faults(bytes: &[u8]) -> Vec<String> {
    let document = Document::parse(bytes);
    let text = std::str::from_utf8(document.front_bytes()).unwrap_or("\0");
    let map = match serde_yaml::from_str::<Mapping>(text) {
        Ok(map) => map,
        Err(_) if text.trim().is_empty() => return Vec::new(),
        Err(error) => return vec![format!("its front matter says nothing: {error}")],
    };
    let mut faults = Vec::new();
    for (key, value) in &map {
        let Some(key) = key.as_str() else { continue };
        let said = serde_yaml::to_string(value).unwrap_or_default();
        let words = WORDS.iter().find(|(name, _)| *name == key).map(|(_, words)| *words);
        if let Some(words) = words {
            if !value.as_str().is_some_and(|word| words.contains(&word)) {
                faults.push(format!("'{key}: {}' is none of: {}", said.trim(), words.join(", ")));
            }
        } else if BOOLEANS.contains(&key) {
            if switch(value).is_none() {
                faults.push(format!("'{key}: {}' is neither true nor false", said.trim()));
            }
        } else if key != "protected" {
            faults.push(format!("'{key}: {}' says nothing; settings here are protected, {}", said.trim(), known().join(", ")));
        }
    }
    faults
}

fn known() -> Vec<&'static str> {
    WORDS.iter().map(|(name, _)| *name).chain(BOOLEANS.iter().copied()).collect()
}

const BOOLEANS: &[&str] = &["require_spec", "require_signed", "allow_override"];

/// Yes or no, in YAML's words or in those that people write; a key without a value says no.
fn switch(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(false),
        Value::Bool(value) => Some(*value),
        Value::String(word) if ["yes", "on"].contains(&word.as_str()) => Some(true),
        Value::String(word) if ["no", "off"].contains(&word.as_str()) => Some(false),
        _ => None,
    }
}

/// Reads the file; what is no front matter or of another shape says nothing.
pub fn read(bytes: &[u8]) -> Shared {
    let document = Document::parse(bytes);
    let Ok(text) = std::str::from_utf8(document.front_bytes()) else { return Shared::default() };
    let Ok(map) = serde_yaml::from_str::<Mapping>(text) else { return Shared::default() };
    let list = |value: &Value| match value {
        Value::String(one) => vec![one.clone()],
        Value::Sequence(many) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let word = |key: &str| map.get(key).filter(|value| !value.is_null()).map(|value| value.as_str().unwrap_or("?").to_owned());
    // A word that is neither was meant to ask for something, and asks for the most.
    let flag = |key: &str, strict: bool| map.get(key).map(|value| switch(value).unwrap_or(strict));
    Shared {
        protected: map.get("protected").map(list).unwrap_or_default(),
        verify: word("verify"),
        require_spec: flag("require_spec", true).unwrap_or(false),
        require_approval: word("require_approval"),
        require_signed: flag("require_signed", true).unwrap_or(false),
        allow_override: flag("allow_override", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_nothing_else() {
        let shared = read(b"---\nprotected: [main, release/*]\nverify: none\nrequire_spec: true\nagent: {command: rm}\n---\n# Settings\n");
        let expected = Shared {
            protected: vec!["main".into(), "release/*".into()],
            verify: Some("none".into()),
            require_spec: true,
            ..Shared::default()
        };
        assert_eq!(shared, expected);
        assert_eq!(read(b"---\n- x\n---\n"), Shared::default());
        assert_eq!(faults(b"---\nprotected: main\nverify: none\nrequire_spec: true\n---\n# Settings\n"), Vec::<String>::new());
        assert_eq!(faults(b"# Settings\n"), Vec::<String>::new());
        let wrong = faults(b"---\nverify: yes\nrequire_spec: 1\nx: y\n---\n");
        let expected = [
            "'verify: yes' is none of: branch, merge, none",
            "'require_spec: 1' is neither true nor false",
            "'x: y' says nothing; settings here are protected, verify, require_approval, require_spec, require_signed, allow_override",
        ];
        assert_eq!(wrong, expected);
        assert_eq!(read(b"protected: main\n"), Shared::default());
        let odd = read(b"---\nrequire_spec: ture\nrequire_signed: yes\nallow_override: 7\nverify: true\n---\n");
        assert_eq!((odd.require_spec, odd.require_signed, odd.allow_override, odd.verify.as_deref()), (true, true, Some(false), Some("?")));
        let off = read(b"---\nrequire_spec: off\nrequire_signed:\nallow_override: on\n---\n");
        assert_eq!((off.require_spec, off.require_signed, off.allow_override), (false, false, Some(true)));
    }
}
