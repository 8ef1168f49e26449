//! `.chant/config.md`: the settings that a team shares, in its front matter. Settings only, never a command.

use super::document::Document;
use serde_yaml::{Mapping, Value};

/// The settings of git config that take one of a few words; the first is the default.
pub const WORDS: &[(&str, &[&str])] =
    &[("chant.verify", &["branch", "merge", "none"]), ("chant.requireApproval", &["never", "foreign", "always"])];

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

/// What is wrong with the file, a sentence each. What is wrong says nothing, so that people must be told.
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
        let words = WORDS.iter().find(|(name, _)| *name == config_key(key)).map(|(_, words)| *words);
        let known = words.map_or(KEYS.contains(&key), |words| value.as_str().is_some_and(|word| words.contains(&word)));
        if !known {
            let why = words.map_or_else(|| "there is no such setting".to_owned(), |words| format!("it takes {}", words.join(", ")));
            faults.push(format!("'{key}: {}' says nothing: {why}", said.trim()));
        } else if BOOLEANS.contains(&key) && value.as_bool().is_none() {
            faults.push(format!("'{key}' takes true or false"));
        }
    }
    faults
}

/// The keys that take no fixed words.
const KEYS: &[&str] = &["protected", "require_spec", "require_signed", "allow_override"];
const BOOLEANS: &[&str] = &["require_spec", "require_signed", "allow_override"];

/// `require_spec` as git config has it: `chant.requireSpec`.
fn config_key(key: &str) -> String {
    let mut words = key.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(format!("chant.{first}"), |name, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        name + &head.to_uppercase() + tail
    })
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
    let word = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
    let flag = |key: &str| map.get(key).and_then(Value::as_bool);
    Shared {
        protected: map.get("protected").map(list).unwrap_or_default(),
        verify: word("verify"),
        require_spec: flag("require_spec").unwrap_or(false),
        require_approval: word("require_approval"),
        require_signed: flag("require_signed").unwrap_or(false),
        allow_override: flag("allow_override"),
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
            "'verify: yes' says nothing: it takes branch, merge, none",
            "'require_spec' takes true or false",
            "'x: y' says nothing: there is no such setting",
        ];
        assert_eq!(wrong, expected);
        assert_eq!(read(b"protected: main\n"), Shared::default());
    }
}
