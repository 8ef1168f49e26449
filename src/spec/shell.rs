//! Words in the commands that people are told to type: what comes from other clones may hold what a shell would read.

/// A value as one word of a shell's.
#[must_use]
pub fn word(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.,+@%/".contains(c);
    if !value.is_empty() && value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_is_quoted() {
        for (value, expected) in
            [("refs/heads/main", "refs/heads/main"), ("größe", "größe"), ("a;$(b)", "'a;$(b)'"), ("it's", r"'it'\''s'"), ("", "''")]
        {
            assert_eq!(word(value), expected);
        }
    }
}
