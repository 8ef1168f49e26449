//! The text of a hook file.
//!
//! One template serves every kind, so that what a person reads in `.git/hooks` is the same everywhere. What it knows is baked in when it
//! is installed: its kind, the protected branches, and where git-chant is. The template's own comments say what it does.

use super::HookKind;
use crate::spec::words::branch_name;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The version in the mark of the shims that this build writes.
pub const VERSION: u32 = 5;

const TEMPLATE: &str = include_str!("shim.sh");
const MARK: &str = "# git-chant hook v";
const DIGEST: &str = "# digest: ";

/// Who wrote a hook file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody else.
    Foreign,
    /// git-chant, and nobody changed it since.
    Ours {
        /// The version in its mark.
        version: u32,
    },
    /// git-chant, and somebody changed it since.
    Edited {
        /// The version in its mark.
        version: u32,
    },
}

/// The hook file of this kind, for these protected branches (names, or patterns with `*`), asking the program at this path.
pub fn render(kind: HookKind, protected: &[String], binary: &Path) -> Vec<u8> {
    let protected = case_patterns(protected);
    let binary = quoted(binary.as_os_str().as_bytes());
    let (head, body) = cut(TEMPLATE, "@DIGEST@");
    let body = fill(body, &[("@KIND@", kind.as_str().as_bytes()), ("@BINARY@", &binary), ("@PROTECTED@", protected.as_bytes())]);
    let mut text = head.as_bytes().to_vec();
    text.extend_from_slice(digest(&body).as_bytes());
    text.extend_from_slice(&body);
    text
}

/// The same shim for other protected branches; `None` where it is not ours, was changed by a person, or is of another version.
pub fn with_protected(shim: &[u8], protected: &[String]) -> Option<Vec<u8>> {
    let (before, after) = cut(TEMPLATE, "@PROTECTED@");
    let before = &before[before.rfind("is_protected() {")?..];
    let after = &after[..=after.find('\n')?];
    if recognise(shim) != (Origin::Ours { version: VERSION }) {
        return None;
    }
    let start = find(shim, before.as_bytes())? + before.len();
    let end = start + find(&shim[start..], after.as_bytes())?;
    let body = find(shim, DIGEST.as_bytes())? + DIGEST.len();
    let body_start = body + find(&shim[body..], b"\n")?;
    let new = [&shim[body_start..start], case_patterns(protected).as_bytes(), &shim[end..]].concat();
    Some([&shim[..body], digest(&new).as_bytes(), &new[..]].concat())
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// Tells by the mark in the second line, and by the digest in the third, who wrote a hook file.
pub fn recognise(text: &[u8]) -> Origin {
    let mut lines = text.splitn(3, |byte| *byte == b'\n').skip(1);
    let version = lines.next().and_then(|line| std::str::from_utf8(line).ok()).and_then(|line| line.trim_end().strip_prefix(MARK));
    let Some(version) = version.and_then(|digits| digits.parse().ok()) else { return Origin::Foreign };
    let digested = lines.next().and_then(|rest| rest.strip_prefix(DIGEST.as_bytes())).and_then(|rest| {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        Some(digest(&rest[end..]).as_bytes() == &rest[..end])
    });
    if digested == Some(true) { Origin::Ours { version } } else { Origin::Edited { version } }
}

/// The template before and after a placeholder.
fn cut<'a>(template: &'a str, placeholder: &str) -> (&'a str, &'a str) {
    template.split_once(placeholder).expect("the template has its placeholders, in this order")
}

/// Replaces each placeholder once, in one pass: a value may hold the text of another placeholder.
fn fill(template: &str, values: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = Vec::with_capacity(template.len() + 256);
    let mut rest = template;
    for (placeholder, value) in values {
        let (before, after) = cut(rest, placeholder);
        text.extend_from_slice(before.as_bytes());
        text.extend_from_slice(value);
        rest = after;
    }
    text.extend_from_slice(rest.as_bytes());
    text
}

/// The patterns of a `case`. A shell's `*` also matches `/`, so the shim may ask where the gate then has nothing to say.
fn case_patterns(protected: &[String]) -> String {
    let pattern = |name: &String| {
        let name = format!("refs/heads/{}", branch_name(name));
        let literals: Vec<String> = name.split('*').map(quoted_text).collect();
        literals.join("*")
    };
    let patterns: Vec<String> = protected.iter().map(pattern).collect();
    // No ref holds a blank.
    if patterns.is_empty() { "'no branch'".to_owned() } else { patterns.join(" | ") }
}

fn quoted_text(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// One shell word: single quotes, which only a single quote ends.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut word = vec![b'\''];
    for byte in bytes {
        match byte {
            b'\'' => word.extend_from_slice(br"'\''"),
            byte => word.push(*byte),
        }
    }
    word.push(b'\'');
    word
}

fn digest(body: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(body) {
        write!(hex, "{byte:02x}").expect("a string takes everything");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(protected: &[&str], binary: &str) -> String {
        let protected: Vec<String> = protected.iter().map(|name| (*name).to_owned()).collect();
        String::from_utf8(render(HookKind::PreCommit, &protected, Path::new(binary))).expect("text")
    }

    #[test]
    fn a_shim_is_recognised_until_somebody_changes_it() {
        let shim = text(&["main"], "/usr/bin/git-chant");
        assert_eq!(recognise(shim.as_bytes()), Origin::Ours { version: VERSION });
        assert_eq!(recognise(format!("{shim}echo mine\n").as_bytes()), Origin::Edited { version: VERSION });
        assert_eq!(recognise(b"#!/bin/sh\n# git-chant hook v7\nexit 0\n"), Origin::Edited { version: 7 });
        for foreign in ["", "#!/bin/sh\n", "#!/bin/sh\n# git-chant hook vX\n", "#!/bin/sh\necho\n# git-chant hook v1\n"] {
            assert_eq!(recognise(foreign.as_bytes()), Origin::Foreign, "{foreign:?}");
        }
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        let shim = text(&["main", "release/*"], "/opt/@PROTECTED@/it's here/git-chant");
        assert!(shim.contains("\n    'refs/heads/main' | 'refs/heads/release/'*) return 0 ;;\n"));
        assert!(shim.contains("\nchant='/opt/@PROTECTED@/it'\\''s here/git-chant'\n"));
        assert!(shim.contains("\nkind=pre-commit\n"));
        assert!(!shim.contains("@DIGEST@") && !shim.contains("@KIND@") && !shim.contains("@BINARY@"));
    }

    #[test]
    fn other_branches_make_the_shim_that_would_be_written_for_them() {
        let lists: [&[&str]; 4] = [&["main"], &["main", "release/*"], &[], &["a'b) return 0 ;;"]];
        for (from, to) in lists.iter().flat_map(|from| lists.iter().map(move |to| (from, to))) {
            let names: Vec<String> = to.iter().map(|name| (*name).to_owned()).collect();
            let renewed = with_protected(text(from, "/x/git-chant").as_bytes(), &names).expect("ours");
            assert_eq!(String::from_utf8(renewed).expect("text"), text(to, "/x/git-chant"), "{from:?} {to:?}");
        }
        assert_eq!(with_protected(format!("{}# mine\n", text(&["main"], "/x")).as_bytes(), &[]), None);
    }

    #[test]
    fn no_protected_branch_is_a_pattern_that_matches_nothing() {
        assert!(text(&[], "/x").contains("    'no branch') return 0 ;;"));
        assert!(text(&["a'b", "refs/heads/c"], "/x").contains(r"'refs/heads/a'\''b' | 'refs/heads/c')"));
    }
}
