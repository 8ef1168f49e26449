//! Names of specs: which ones are safe, how new ones are made, and what a person may type for one.
//!
//! An id becomes a file name, a ref name, a branch name and a line on a terminal, and it arrives from other people's clones and files.
//! What cannot be all of these safely is no id.

use std::fmt;
use std::str::FromStr;

/// Longer ids are refused: with `.md` and `.lock` appended they still have to fit a file name of 255 bytes.
const MAX_BYTES: usize = 200;

/// The name of a spec: one path component that is also one ref component, printable and unambiguous on a terminal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpecId(String);

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdError {
    text: String,
    reason: &'static str,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.text.chars().take(80).collect();
        write!(f, "'{}' is no spec id: {}", shown.escape_debug(), self.reason)
    }
}

impl std::error::Error for IdError {}

impl SpecId {
    /// Checks a text and takes it as an id, unchanged.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        match objection(text) {
            Some(reason) => Err(IdError { text: text.to_owned(), reason }),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `refs/chant/specs/<id>`.
    pub fn ref_name(&self) -> String {
        format!("refs/chant/specs/{}", self.0)
    }

    /// `chant/<id>`, the branch for its work.
    pub fn branch(&self) -> String {
        format!("chant/{}", self.0)
    }

    /// `refs/heads/chant/<id>`.
    pub fn branch_ref(&self) -> String {
        format!("refs/heads/{}", self.branch())
    }

    /// `<id>.md`.
    pub fn file_name(&self) -> String {
        format!("{}.md", self.0)
    }

    /// The spec that this one is a member of, going by the name: `x.1` is a member of `x`, `x.2.1` of `x.2`.
    pub fn driver(&self) -> Option<Self> {
        let (driver, number) = self.0.rsplit_once('.')?;
        // What is left of a safe id need not be safe: `a.lock.1`.
        if is_number(number) { Self::parse(driver).ok() } else { None }
    }
}

impl fmt::Display for SpecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for SpecId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for SpecId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

/// What speaks against a text as an id: `git check-ref-format`, file systems, terminals, and names that mean something else here.
fn objection(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > MAX_BYTES {
        return Some("it is longer than 200 bytes");
    }
    if text.starts_with(['.', '-']) {
        return Some("it begins with '.' or '-'");
    }
    if text.ends_with('.') || text.contains("..") {
        return Some("it ends with '.' or has '..' in it");
    }
    if [".lock", ".md"].iter().any(|end| text.ends_with(end)) {
        return Some("it ends with '.lock' or '.md'");
    }
    if text == "@" || text.contains("@{") {
        return Some("it is '@' or has '@{' in it");
    }
    if text == "index" {
        return Some("the name is taken by the archive's index");
    }
    // Hints are commands with ids in them, and people paste them.
    if text.bytes().any(|byte| matches!(byte, b'$' | b'`' | b';' | b'&')) {
        return Some("it has one of $ ` ; & in it");
    }
    if text.bytes().any(|byte| matches!(byte, b'/' | b'\\' | b'~' | b'^' | b':' | b'?' | b'*' | b'[' | b'"' | b'<' | b'>' | b'|')) {
        return Some("it has one of / \\ ~ ^ : ? * [ \" < > | in it");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some("it has a blank or a control character in it");
    }
    if !is_visible(text) {
        return Some("it has a character in it that cannot be seen");
    }
    None
}

/// False where a text holds what a terminal does not show as itself: format and bidi characters, unassigned ones, fillers.
fn is_visible(text: &str) -> bool {
    // Every listing asks this of every id, and nearly all are of these.
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return true;
    }
    // The standard library's table of printable characters is reached through `escape_debug`; it escapes quotes too, which are fine.
    // A leading letter lets combining marks follow as they do in Indic scripts, but an id cannot begin with one.
    let plain = text.replace('\'', "_");
    let printable = plain.escape_debug().eq(plain.chars());
    let invisible = |c| {
        matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}')
            || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
    };
    printable && !plain.chars().any(invisible)
}

/// An id of the usual shape, taken apart: `2026-01-28-001-k2p.1` is date, sequence, suffix and member number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    date: &'a str,
    sequence: &'a str,
    suffix: &'a str,
    /// With its leading dot, or empty.
    member: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (base, member) = split_member(text);
        let (date, rest) = (base.get(..10)?, base.get(10..)?.strip_prefix('-')?);
        let (sequence, suffix) = rest.split_once('-')?;
        (is_date(date) && is_sequence(sequence) && !suffix.is_empty()).then_some(Self { date, sequence, suffix, member })
    }

    /// What people call the spec by: the suffix and the member number, as they stand in the id.
    pub(super) fn name(text: &'a str) -> Option<&'a str> {
        let parts = Self::of(text)?;
        text.get(text.len() - parts.suffix.len() - parts.member.len()..)
    }
}

/// Splits `x.2.1` into `x` and `.2.1`.
fn split_member(text: &str) -> (&str, &str) {
    let mut base = text;
    while let Some((rest, number)) = base.rsplit_once('.') {
        if !is_number(number) || rest.is_empty() {
            break;
        }
        base = rest;
    }
    text.split_at(base.len())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `YYYY-MM-DD` in shape; which days a month has does not matter here.
fn is_date(text: &str) -> bool {
    text.len() == 10 && text.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() })
}

/// Three base-36 digits, more after the 46,656th spec of a day.
fn is_sequence(text: &str) -> bool {
    (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A new id for `date` (`YYYY-MM-DD`): the day's next sequence in three base-36 digits from `001`, then `suffix`.
///
/// `taken` holds live and archived ids, so that a sequence is never used twice by this clone; the random suffix keeps two clones apart.
#[must_use]
pub fn generate(date: &str, taken: &[SpecId], suffix: &str) -> SpecId {
    let used = |id: &SpecId| {
        let parts = Parts::of(id.as_str()).filter(|parts| parts.date == date)?;
        u64::from_str_radix(parts.sequence, 36).ok()
    };
    let next = taken.iter().filter_map(used).max().unwrap_or(0) + 1;
    let clean = |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect::<String>();
    // With letters, digits and inner dashes only, and a sequence in the middle, the rules of `objection` hold.
    SpecId(format!("{}-{}-{}", clean(date).trim_start_matches('-'), base36(next), clean(suffix)).trim_start_matches('-').to_owned())
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.len() < 3 {
        let digit = u32::try_from(number % 36).unwrap_or(0);
        digits.push(char::from_digit(digit, 36).unwrap_or('0'));
        number /= 36;
    }
    digits.iter().rev().collect()
}

/// What a person's word for a spec means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// This spec.
    One(SpecId),
    /// No spec that is known here.
    None,
    /// Several; sorted.
    Many(Vec<SpecId>),
}

/// Finds the spec that `query` means: the first rule that matches anything decides, and where it matches several, all are returned.
///
/// In order: the id itself; its suffix (`k9w`); today's sequence (`005`); a day's or a month and day's sequence (`22-001`,
/// `01-22-001`); sequence and suffix (`005-k9w`); the beginning of an id; any part of one. A member is meant only where its number is
/// given (`k9w.1`), up to the last two rules. A leading `.chant/specs/` and a trailing `.md` are ignored.
#[must_use]
pub fn resolve(query: &str, ids: &[SpecId], today: &str) -> Resolution {
    let query = query.trim();
    let query = query.strip_prefix("./").unwrap_or(query);
    let query = query.strip_prefix(".chant/specs/").or_else(|| query.strip_prefix(".chant/archive/")).unwrap_or(query);
    let query = query.strip_suffix(".md").unwrap_or(query);
    if query.is_empty() {
        return Resolution::None;
    }
    let (base, member) = split_member(query);
    let same_member = |parts: &Parts<'_>| parts.member == member;
    let shaped =
        |rule: &dyn Fn(&Parts<'_>) -> bool| found(ids, |id| Parts::of(id).is_some_and(|parts| same_member(&parts) && rule(&parts)));
    let dated = base.rsplit_once('-');

    let rules: [&dyn Fn() -> Resolution; 7] = [
        &|| found(ids, |id| id == query),
        &|| shaped(&|parts| parts.suffix == base),
        &|| shaped(&|parts| parts.date == today && parts.sequence == base),
        &|| shaped(&|parts| dated.is_some_and(|(day, sequence)| parts.sequence == sequence && is_end_of_date(parts.date, day))),
        &|| shaped(&|parts| base.split_once('-') == Some((parts.sequence, parts.suffix))),
        &|| found(ids, |id| id.starts_with(query)),
        &|| found(ids, |id| id.contains(query)),
    ];
    rules.iter().map(|rule| rule()).find(|answer| *answer != Resolution::None).unwrap_or(Resolution::None)
}

/// True for `22`, `01-22` and `2026-01-22` on 2026-01-22.
fn is_end_of_date(date: &str, day: &str) -> bool {
    matches!(day.len(), 2 | 5 | 10) && date.ends_with(day)
}

fn found(ids: &[SpecId], matches: impl Fn(&str) -> bool) -> Resolution {
    let mut hits: Vec<SpecId> = ids.iter().filter(|id| matches(id.as_str())).cloned().collect();
    hits.sort();
    hits.dedup();
    match hits.len() {
        0 => Resolution::None,
        1 => Resolution::One(hits.remove(0)),
        _ => Resolution::Many(hits),
    }
}

#[cfg(test)]
mod tests;
