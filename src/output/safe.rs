//! Other people's words on our terminal.

/// The text without anything that a terminal would obey: control characters (newlines and tabs stay) and the marks that reorder text
/// are shown as escapes.
pub fn safe(text: &str) -> String {
    // Nearly everything is.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let reorders = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
        if reorders || (c.is_control() && !matches!(c, '\n' | '\t')) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn escapes_never_reach_the_terminal() {
        assert_eq!(safe("a\u{1b}[31mb\r\u{202e}c\td\n"), "a\\u{1b}[31mb\\r\\u{202e}c\td\n");
        assert_eq!(safe("Grüße 日本"), "Grüße 日本");
    }
}
