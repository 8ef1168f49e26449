//! One join for three callers: an edit picked up from a file, two clones, and git's merge driver.
//!
//! Three-way against the version that both sides come from. The two sides are ordered first (the one with more events, then the larger
//! object id, *prevails*), and everything else is a function of that order: whoever joins the same pair gets the same bytes.
//! What only one side changed is kept, always; what both changed is decided by a rule per kind of value.

mod body;
mod fields;
mod lines;
mod list;

use super::document::Document;
use super::intent;
use super::status::{Approval, Status};

/// One version of a spec: what its ref's commit holds and says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version<'a> {
    /// The document.
    pub document: &'a Document,
    /// The stored status.
    pub status: Status,
    /// The attempt; 0 before the first start.
    pub attempt: u32,
    /// Where it stands with its approvers.
    pub approval: Approval,
}

/// One of the two versions to be joined, and what happened on the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side<'a> {
    /// The version.
    pub version: Version<'a>,
    /// The object id of its commit.
    pub tip: &'a str,
    /// How many events led here from the base, joins not counted.
    pub events: usize,
    /// The status that a person's cancel (or reject) gave it since the base.
    pub stopped_by_person: Option<Status>,
    /// What a rejection, or a lapse of an approval, made of the approval since the base.
    pub rejected_or_lapsed: Option<Approval>,
}

/// What two versions become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The document.
    pub document: Document,
    /// The stored status.
    pub status: Status,
    /// The attempt.
    pub attempt: u32,
    /// Where it stands with its approvers.
    pub approval: Approval,
    /// `body` where both sides changed the same text, and one side's was taken.
    pub conflicts: Vec<&'static str>,
    /// Fields that both sides gave another value: the prevailing side's was taken.
    pub collided: Vec<String>,
}

impl From<Version<'_>> for Joined {
    fn from(version: Version<'_>) -> Self {
        let Version { document, status, attempt, approval } = version;
        Self { document: document.clone(), status, attempt, approval, conflicts: Vec::new(), collided: Vec::new() }
    }
}

/// Joins two versions that both come from `base`; without one, everything in which they differ was changed by both.
#[must_use]
pub fn join(base: Option<&Version<'_>>, a: &Side<'_>, b: &Side<'_>) -> Joined {
    if a.version == b.version || base == Some(&b.version) {
        return a.version.into();
    }
    if base == Some(&a.version) {
        return b.version.into();
    }
    let (first, second) = if prevails(a, b) { (a, b) } else { (b, a) };
    let outcome = outcome(base, first, second);
    let (document, conflicts, collided) = documents(base.map(|base| base.document), first, second, outcome);
    let approval = approval(base, first, second, &document);
    Joined { document, status: outcome.status, attempt: outcome.attempt, approval, conflicts, collided }
}

/// True where `a` decides what neither rule nor base does. Total, so that the order of the arguments never matters.
fn prevails(a: &Side<'_>, b: &Side<'_>) -> bool {
    // Two sides with one tip are one version; what follows the tip only makes the order total for callers that have no tips.
    let key = |side: &Side<'_>| {
        let version = side.version;
        (version.attempt, version.status.rank(), approval_rank(version.approval))
    };
    let by_events = a.events.cmp(&b.events).then_with(|| a.tip.cmp(b.tip)).then_with(|| key(a).cmp(&key(b)));
    by_events.then_with(|| a.version.document.as_bytes().cmp(b.version.document.as_bytes())).is_ge()
}

/// What came of a spec, and whose word it is.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    status: Status,
    attempt: u32,
    /// True where it is the prevailing side's.
    of_first: bool,
}

/// A person's cancel or reject; then whoever alone changed it; then the higher attempt; then the rank of the status.
fn outcome(base: Option<&Version<'_>>, first: &Side<'_>, second: &Side<'_>) -> Outcome {
    let (one, two) = (first.version, second.version);
    let of = |version: Version<'_>| (version.status, version.attempt);
    let changed = |version: Version<'_>| base.is_none_or(|base| of(*base) != of(version));
    // The attempt fences runs: it never falls, whoever decides the status.
    let take = |of_first: bool| Outcome {
        status: if of_first { one.status } else { two.status },
        attempt: one.attempt.max(two.attempt),
        of_first,
    };
    match (stopped(first), stopped(second)) {
        (true, false) => return take(true),
        (false, true) => return take(false),
        (true, true) => return take(one.status.rank() >= two.status.rank()),
        (false, false) => {}
    }
    match (changed(one), changed(two)) {
        (true, false) => take(true),
        (false, true) => take(false),
        _ => take((one.attempt, one.status.rank()) >= (two.attempt, two.status.rank())),
    }
}

/// True where a person cancelled or rejected since the base, and the side did not take it back.
fn stopped(side: &Side<'_>) -> bool {
    side.stopped_by_person == Some(side.version.status)
        || (side.rejected_or_lapsed == Some(Approval::Rejected) && side.version.approval == Approval::Rejected)
}

/// A rejection or a lapse; then whoever alone changed it; then what lets less through. An approval is kept only for the intent that it
/// was given for: where the other side changed it at the same time, nobody has approved what came out.
fn approval(base: Option<&Version<'_>>, first: &Side<'_>, second: &Side<'_>, joined: &Document) -> Approval {
    let (one, two) = (first.version.approval, second.version.approval);
    let stricter = |a: Approval, b: Approval| if approval_rank(a) >= approval_rank(b) { a } else { b };
    let refused = |side: &Side<'_>| side.rejected_or_lapsed.filter(|given| *given == side.version.approval);
    let approval = match (refused(first), refused(second)) {
        (Some(given), other) | (other, Some(given)) => other.map_or(given, |other| stricter(given, other)),
        (None, None) => match base.map(|base| base.approval) {
            Some(base) if base == one => two,
            Some(base) if base == two => one,
            _ => stricter(one, two),
        },
    };
    if approval != Approval::Approved {
        return approval;
    }
    let intent = intent::of(joined);
    let approved = |side: &Side<'_>| side.version.approval == Approval::Approved && intent::of(side.version.document) == intent;
    if approved(first) || approved(second) { approval } else { Approval::Required }
}

/// How much an approval stands in the way.
fn approval_rank(approval: Approval) -> u8 {
    match approval {
        Approval::None => 0,
        Approval::Approved => 1,
        Approval::Required => 2,
        Approval::Rejected => 3,
    }
}

/// Joins the documents: front matter field by field, then the body. Line ends are a property of the document, not of its lines.
fn documents(base: Option<&Document>, first: &Side<'_>, second: &Side<'_>, outcome: Outcome) -> (Document, Vec<&'static str>, Vec<String>) {
    let (one, two) = (first.version.document, second.version.document);
    let status =
        (first.version.status != second.version.status).then_some(fields::Status { value: outcome.status, of_first: outcome.of_first });
    let all = [base, Some(one), Some(two)];
    let ends = all.map(|document| document.map(|document| LineEnd::of(document.as_bytes())));
    // A document that mixes its line ends cannot be written back as it was: then lines are compared with their ends.
    let uniform = !ends.contains(&Some(LineEnd::Mixed));
    let end = if uniform { LineEnd::join(ends) } else { LineEnd::None };
    let parts = |document: &Document| {
        let header = &document.as_bytes()[..document.as_bytes().len() - document.body().len()];
        let tool = document.without_tool_sections().len();
        let (main, tail) = body::split(document.body(), tool);
        [header, main, tail].map(|bytes| if uniform { to_lf(bytes) } else { bytes.to_vec() })
    };
    let [header_b, main_b, tail_b] = base.map(parts).unwrap_or_default();
    let ([header_1, main_1, tail_1], [header_2, main_2, tail_2]) = (parts(one), parts(two));
    let (header, collided) = fields::join(&header_b, &header_1, &header_2, status);
    let main = body::join_main(&main_b, &main_1, &main_2);
    let tail = body::join_tail(&tail_b, &tail_1, &tail_2, outcome.of_first);
    let conflicts = if main.conflict || tail.conflict { vec!["body"] } else { Vec::new() };
    let text = [header, body::assemble(main.text, tail.text)].concat();
    (Document::parse(if end == LineEnd::Crlf { to_crlf(&text) } else { text }), conflicts, collided)
}

/// How the lines of a document end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    /// There is no line end.
    None,
    Lf,
    Crlf,
    Mixed,
}

impl LineEnd {
    fn of(bytes: &[u8]) -> Self {
        let all = bytes.split(|&byte| byte == b'\n').count() - 1;
        let crlf = bytes.windows(2).filter(|pair| pair == b"\r\n").count();
        match (all, crlf) {
            (0, _) => Self::None,
            (_, 0) => Self::Lf,
            _ if all == crlf => Self::Crlf,
            _ => Self::Mixed,
        }
    }

    /// Three-way, of base, prevailing and other side; a document without line ends has no say.
    fn join([base, one, two]: [Option<Self>; 3]) -> Self {
        let (base, one, two) = (base.unwrap_or(Self::None), one.unwrap_or(Self::None), two.unwrap_or(Self::None));
        if one == Self::None || (one == base && two != Self::None) { two } else { one }
    }
}

fn to_lf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        if byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
            out.push(byte);
        }
    }
    out
}

fn to_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    for &byte in bytes {
        if byte == b'\n' {
            out.push(b'\r');
        }
        out.push(byte);
    }
    out
}

/// The rule for what has no rule: whoever alone changed it, and the prevailing side where both did.
fn three_way<T: PartialEq>(base: T, one: T, two: T) -> T {
    if one == base { two } else { one }
}
