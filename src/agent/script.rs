//! A spec's own script: what the agent `script` runs, with no model.

/// The script of a spec: its first fenced block marked `sh` under a heading `Script`, else its first one at all.
///
/// A block that is not closed would run prose as commands, so it does not count; nor does what the agent's output brought in.
pub fn script_of(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let mut first = None;
    // The level of the heading `Script` that we are under.
    let mut under: Option<usize> = None;
    let mut in_comment = false;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if in_comment || line.trim_start().starts_with("<!--") {
            in_comment = !line.contains("-->");
        } else if let Some((level, title)) = heading(line) {
            if level == 2 && title == "Agent Output" {
                break;
            }
            if title.eq_ignore_ascii_case("script") {
                under = Some(level);
            } else if under.is_some_and(|outer| level <= outer) {
                under = None;
            }
        } else if let Some(fence) = Fence::opened_by(line) {
            let Some(script) = fence.read(&mut lines) else { break };
            if fence.is_sh && under.is_some() {
                return Some(script);
            }
            if fence.is_sh && first.is_none() {
                first = Some(script);
            }
        }
    }
    first
}

/// The level and text of an ATX heading.
fn heading(line: &str) -> Option<(usize, &str)> {
    let rest = unindented(line)?;
    let level = rest.bytes().take_while(|&byte| byte == b'#').count();
    let title = &rest[level..];
    let blank = title.is_empty() || title.starts_with([' ', '\t']);
    let title = title.trim();
    let bare = title.trim_end_matches('#');
    // A closing run of `#` belongs to the heading only after a space.
    let title = if bare.is_empty() || bare.ends_with([' ', '\t']) { bare.trim_end() } else { title };
    ((1..=6).contains(&level) && blank).then_some((level, title))
}

/// A line without the up to three spaces that markdown does not count; four make it code.
fn unindented(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches(' ');
    (line.len() - rest.len() <= 3).then_some(rest)
}

/// An opening code fence.
struct Fence {
    mark: char,
    length: usize,
    indent: usize,
    is_sh: bool,
}

impl Fence {
    fn opened_by(line: &str) -> Option<Self> {
        let rest = unindented(line)?;
        let mark = rest.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let info = rest.trim_start_matches(mark);
        let length = rest.len() - info.len();
        // Backticks in the info string make it inline code.
        let fence = length >= 3 && !(mark == '`' && info.contains('`'));
        let is_sh = info.split_ascii_whitespace().next() == Some("sh");
        fence.then_some(Self { mark, length, indent: line.len() - rest.len(), is_sh })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let Some(rest) = unindented(line).map(str::trim_end) else { return false };
        rest.len() >= self.length && rest.chars().all(|mark| mark == self.mark)
    }

    /// The lines up to the closing fence, which must be there.
    fn read<'a>(&self, lines: &mut impl Iterator<Item = &'a str>) -> Option<String> {
        let mut content = String::new();
        for line in lines {
            if self.is_closed_by(line) {
                return Some(content);
            }
            let spaces = line.bytes().take(self.indent).take_while(|&byte| byte == b' ').count();
            content.push_str(&line[spaces..]);
            content.push('\n');
        }
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_block_under_script_wins_over_an_earlier_one() {
        let body = b"# T\n```sh\nearly\n```\n## Script\n```python\nno\n```\n### Deeper\n~~~~ sh title\n  it's\n~~~\n~~~~\n## Next\n```sh\nlate\n```\n";
        assert_eq!(script_of(body).unwrap(), "  it's\n~~~\n");
        assert_eq!(script_of(b"```sh\nearly\n```\n## Scripting\n```sh\nlate\n```\n").unwrap(), "early\n");
        assert_eq!(script_of(b"```sh\nearly\n```\n# SCRIPT #\n## x\n```sh\ndeep\n```\n").unwrap(), "deep\n");
    }

    #[test]
    fn what_only_looks_like_a_script_is_none() {
        for body in [
            "no block",
            "```\nplain\n```\n",
            "```bash\nother\n```\n",
            "```shell\nother\n```\n",
            "```sh\nnot closed\n## Prose\n",
            "````\n```sh\ninside\n```\n````\n",
            "    ```sh\n    code\n    ```\n",
            "<!--\n```sh\nhidden\n```\n-->\n",
            "## Agent Output\n```sh\nrm\n```\n",
            "```sh `x`\nrm\n",
        ] {
            assert_eq!(script_of(body.as_bytes()), None, "{body:?}");
        }
        assert_eq!(script_of(b"```sh\n\xff\n```\n"), None);
    }

    #[test]
    fn carriage_returns_and_indentation_are_not_part_of_a_script() {
        assert_eq!(script_of(b"## Script\r\n\r\n  ```sh\r\n  a\r\n    b\r\n c\r\n  ```\r\n").unwrap(), "a\n  b\nc\n");
    }
}
