//! `.chant/config.md`: the settings that a team shares, in its front matter. Settings only, never a command.

use super::document::Document;
use serde_yaml::{Mapping, Value};

/// What the file says. Absent keys say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// `protected`: branches that the gate guards.
    pub protected: Vec<String>,
    /// `verify`: `none` or `branch`.
    pub verify: Option<String>,
    /// `require_spec`.
    pub require_spec: bool,
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
    Shared {
        protected: map.get("protected").map(list).unwrap_or_default(),
        verify: map.get("verify").and_then(Value::as_str).map(str::to_owned),
        require_spec: map.get("require_spec").and_then(Value::as_bool).unwrap_or(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_nothing_else() {
        let shared = read(b"---\nprotected: [main, release/*]\nverify: none\nrequire_spec: true\nagent: {command: rm}\n---\n# Settings\n");
        assert_eq!(shared, Shared { protected: vec!["main".into(), "release/*".into()], verify: Some("none".into()), require_spec: true });
        assert_eq!(read(b"---\n- x\n---\n"), Shared::default());
        assert_eq!(read(b"protected: main\n"), Shared::default());
    }
}
