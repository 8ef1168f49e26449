//! The join, as tables of what people do at the same time and, in [`properties`], as what holds for all pairs.

use git_chant::spec::document::Document;
use git_chant::spec::join::{Joined, Side, Version, join};
use git_chant::spec::{Approval, Status};

mod ids;
mod properties;

/// A version with its document.
#[derive(Clone, Debug, PartialEq)]
struct State {
    document: Document,
    status: Status,
    attempt: u32,
    approval: Approval,
}

impl State {
    fn new(text: &str) -> Self {
        Self { document: Document::parse(text), status: Status::Pending, attempt: 0, approval: Approval::None }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.document.as_bytes()).into_owned()
    }

    fn version(&self) -> Version<'_> {
        Version { document: &self.document, status: self.status, attempt: self.attempt, approval: self.approval }
    }
}

impl From<Joined> for State {
    fn from(joined: Joined) -> Self {
        let Joined { document, status, attempt, approval, .. } = joined;
        Self { document, status, attempt, approval }
    }
}

/// A side with what happened on it.
#[derive(Clone, Debug)]
struct Branch {
    state: State,
    tip: String,
    events: usize,
    stopped: Option<Status>,
    refused: Option<Approval>,
}

impl Branch {
    fn new(state: State, tip: &str, events: usize) -> Self {
        Self { state, tip: tip.to_owned(), events, stopped: None, refused: None }
    }

    fn side(&self) -> Side<'_> {
        Side {
            version: self.state.version(),
            tip: &self.tip,
            events: self.events,
            stopped_by_person: self.stopped,
            rejected_or_lapsed: self.refused,
        }
    }
}

/// Joins both ways round, and holds what must hold for every pair.
fn joined(base: &State, a: &Branch, b: &Branch) -> Joined {
    let version = base.version();
    let there = join(Some(&version), &a.side(), &b.side());
    let back = join(Some(&version), &b.side(), &a.side());
    assert_eq!(there, back, "the order of the sides matters");
    // The next join of the result with a side has that side as its base.
    for side in [a, b] {
        let result = Branch::new(there.clone().into(), "ff", a.events + b.events);
        let still = Branch { events: 0, ..side.clone() };
        let again = join(Some(&side.state.version()), &result.side(), &still.side());
        assert_eq!(State::from(again), result.state, "joining a side again changes something");
    }
    there
}

/// Joins two texts made from a third; the first has more events.
fn texts(base: &str, a: &str, b: &str) -> (String, Vec<&'static str>) {
    let joined = joined(&State::new(base), &Branch::new(State::new(a), "aa", 2), &Branch::new(State::new(b), "bb", 1));
    (String::from_utf8_lossy(joined.document.as_bytes()).into_owned(), joined.conflicts)
}

/// As [`texts`], where no conflict is expected, and whoever has more events must not matter.
fn clean(base: &str, a: &str, b: &str) -> String {
    let (one, conflicts) = texts(base, a, b);
    assert_eq!(conflicts, Vec::<&str>::new(), "{base:?} {a:?} {b:?}");
    let (two, _) = texts(base, b, a);
    assert_eq!(one, two);
    one
}

const SPEC: &str = "---\n# What kind\ntype: code\nstatus: pending\nlabels:\n- auth\n- api\ntarget_files: [src/a.rs, src/b.rs] # these\n\
                    priority: 2\n---\n# Title\n\nFirst.\n\nSecond.\n\n## Acceptance Criteria\n\n- [ ] one\n- [ ] two\n- [ ] three\n";

#[test]
fn what_one_side_changed_is_kept() {
    for (a, b) in [
        (("type: code", "type: research"), ("priority: 2", "priority: 3")),
        (("# What kind", "# Which kind"), ("type: code", "type: research")),
        (("- api", "- api\n- ui"), ("src/b.rs]", "src/b.rs, src/c.rs]")),
        (("# Title", "# Other title"), ("three\n", "three\n- [ ] four\n")),
        (("First.", "First!"), ("Second.", "Second!")),
        (("- [ ] one", "- [x] one"), ("- [ ] two", "- [x] two")),
        (("- [ ] one", "- [x] one"), ("three\n", "three\n- [ ] four\n")),
        (("- [ ] two", "- [x] two"), ("- [ ] one", "- [ ] one, in other words")),
        (("- [ ] one\n", ""), ("- [ ] two", "- [X] two")),
        (("priority: 2\n", ""), ("- [ ] two", "- [X] two")),
        (("priority: 2\n", "priority: 2\nmine:\n  nested: [1]\n"), ("type: code\n", "type: code\nprompt: 'x'\n")),
        (("three\n", "three\n\n## Agent Output\n\n```text\nok\n```\n"), ("First.", "First!")),
        (("three\n", "three\n\n## Agent Output\n\n```text\nok\n```\n"), ("three\n", "three\n\nA note.\n")),
        (("labels:\n- auth\n- api\n", "labels: [api, 'auth']\n"), ("First.", "First!")),
    ] {
        let only_a = SPEC.replacen(a.0, a.1, 1);
        let only_b = SPEC.replacen(b.0, b.1, 1);
        assert!(only_a != SPEC && only_b != SPEC);
        let result = clean(SPEC, &only_a, &only_b);
        for (old, new) in [a, b] {
            if new.is_empty() {
                assert!(!result.contains(old), "{old:?} is back:\n{result}");
            } else {
                let gained = new.strip_prefix(old).unwrap_or(new);
                assert!(result.contains(gained), "{new:?} is lost:\n{result}");
            }
        }
    }
}

#[test]
fn a_reworded_value_is_no_change_of_it() {
    let a = SPEC.replace("priority: 2", "priority: 0x2");
    let b = SPEC.replace("priority: 2", "priority: 5");
    assert!(clean(SPEC, &a, &b).contains("priority: 5\n"));
}

#[test]
fn lists_keep_what_was_added_and_drop_what_was_removed() {
    for (base, a, b, expected) in [
        ("labels:\n- auth\n- api\n", "labels:\n- auth\n- api\n- ui\n", "labels:\n- auth\n- db\n", "labels:\n- auth\n- db\n- ui\n"),
        ("labels: [auth, api]\n", "labels: [api, auth, ui]\n", "labels: [auth, db]\n", "labels: [auth, db, ui]\n"),
        ("labels: [auth] # why\n", "labels: [auth, a] # why\n", "labels: [auth, \"b: c\"] # why\n", "labels: [auth, a, \"b: c\"] # why\n"),
        ("", "labels: [b]\n", "labels:\n  - a\n", "labels: [a, b]\n"),
        ("labels: one\n", "labels: [one, two]\n", "labels: three\n", "labels: [three, two]\n"),
        (
            "labels:\n- a # first\n- b\n",
            "labels:\n- a # first\n# mine\n- c\n- b\n",
            "labels:\n  - a # first\n  - b\n  - d\n",
            "labels:\n- a # first\n- b\n# mine\n- c\n- d\n",
        ),
        ("labels: [a]\n", "labels: []\n", "labels: [a, b]\n", "labels: [b]\n"),
        ("labels: [a]\n", "", "labels: [a, b]\n", "labels: [b]\n"),
        ("labels: [a, b]\n", "labels: [a]\n", "labels: [b]\n", "labels: []\n"),
        ("labels: [a, b]\n", "labels: [a]\n", "labels: []\n", "labels: []\n"),
        ("mine: [1, 2]\n", "mine: [1, 2, 3]\n", "mine: [2, 1, 2]\n", "mine: [1, 2, 3]\n"),
        ("mine: [1, 2]\n", "mine: [1, 2, \"yes\"]\n", "mine: [1, 2, '3']\n", "mine: [1, 2, \"3\", yes]\n"),
    ] {
        let wrap = |fields: &str| format!("---\ntype: code\n{fields}---\n# T\n");
        let (result, conflicts) = texts(&wrap(base), &wrap(a), &wrap(b));
        assert_eq!(result, wrap(expected), "{base:?} {a:?} {b:?}");
        assert!(conflicts.is_empty());
    }
}

/// What only looks like a comment, a field or a list is none, here as everywhere else.
#[test]
fn lists_written_oddly_stay_lists() {
    for (base, a, b, expected) in [
        ("labels:\n- \"x\n  # y\"\n- d\n", "labels:\n- \"x\n  # y\"\n", "labels:\n- \"x\n  # y\"\n- d\n- e\n", &["x # y", "e"][..]),
        ("labels: [x,\nd]\n", "labels: [x]\n", "labels: [x,\nd, e]\n", &["x", "e"]),
        ("labels: !!seq [x, d]\n", "labels: !!seq [x]\n", "labels: !!seq [x, d, e]\n", &["x", "e"]),
        (
            "labels:\n- |\n  # x\n  - y\n- d\n",
            "labels:\n- |\n  # x\n  - y\n",
            "labels:\n- |\n  # x\n  - y\n- d\n- e\n",
            &["# x\n- y\n", "e"],
        ),
    ] {
        let wrap = |fields: &str| format!("---\ntype: code\n{fields}text: |\n  status: no\n  - no\npriority: 1\n---\n# T\n");
        let (result, conflicts) = texts(&wrap(base), &wrap(a).replace("priority: 1", "priority: 2"), &wrap(b));
        let front = Document::parse(result.clone()).front().unwrap_or_else(|error| panic!("{error}: {result}"));
        assert_eq!(
            (front.labels.as_slice(), front.priority.is_some()),
            (expected.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice(), true)
        );
        assert!(conflicts.is_empty() && result.contains("text: |\n  status: no\n  - no\npriority: 2\n"), "{result}");
    }
}

#[test]
fn scalars_go_with_more_events_then_with_the_larger_name() {
    let base = State::new(SPEC);
    let edit = |value: &str| State::new(&SPEC.replace("priority: 2", &format!("priority: {value}")));
    for (events_a, events_b, expected) in [(1, 2, "priority: 8"), (2, 1, "priority: 7"), (1, 1, "priority: 8")] {
        let (a, b) = (Branch::new(edit("7"), "aa", events_a), Branch::new(edit("8"), "bb", events_b));
        assert!(State::from(joined(&base, &a, &b)).text().contains(expected));
    }
}

#[test]
fn a_body_that_collides_is_the_prevailing_sides_and_says_so() {
    let a = SPEC.replace("First.", "One.").replace("priority: 2", "priority: 3");
    let b = SPEC.replace("First.", "Un.").replace("- [ ] two", "- [x] two").replace("- api\n", "- api\n- ui\n");
    let (result, conflicts) = texts(SPEC, &a, &b);
    assert_eq!(conflicts, ["body"]);
    assert!(result.contains("One.") && !result.contains("Un."));
    // What does not collide is kept all the same: fields, list members, ticks.
    assert!(result.contains("priority: 3") && result.contains("- ui") && result.contains("- [x] two"), "{result}");
}

#[test]
fn ticks_follow_their_items() {
    let moved = SPEC.replace("- [ ] one\n- [ ] two\n- [ ] three\n", "- [ ] three\n- [ ] one\n- [ ] two\n");
    let ticked = SPEC.replace("- [ ] three", "- [x] three");
    assert!(clean(SPEC, &moved, &ticked).ends_with("- [x] three\n- [ ] one\n- [ ] two\n"));
    // A tick was for the old words.
    let reworded = SPEC.replace("three", "three and a half");
    assert!(clean(SPEC, &reworded, &ticked).ends_with("- [ ] three and a half\n"));
    let done = SPEC.replace("[ ]", "[x]");
    let opened = done.replace("- [x] two", "- [ ] two");
    let more = done.replace("First.", "First!");
    assert!(clean(&done, &opened, &more).ends_with("- [x] one\n- [ ] two\n- [x] three\n"));
}

#[test]
fn a_box_that_was_code_is_what_one_side_made_of_it() {
    let base = State::new("---\n---\n```\n- [ ] one\n```\n");
    let ours = Branch::new(State::new("---\n---\n- [x] one\n"), "aa", 0);
    let still = Branch::new(State { attempt: 3, ..base.clone() }, "bb", 1);
    assert_eq!(joined(&base, &ours, &still).document, ours.state.document);
}

#[test]
fn line_ends_are_no_edit() {
    let crlf = SPEC.replace('\n', "\r\n");
    let edited = SPEC.replace("First.", "First!").replace("- api\n", "- api\n- ui\n");
    assert_eq!(clean(SPEC, &crlf, &edited), edited.replace('\n', "\r\n"));
    let other = crlf.replace("Second.", "Second!").replace("- api\r\n", "- api\r\n- db\r\n");
    let result = clean(&crlf, &other, &edited.replace('\n', "\r\n"));
    assert!(result.contains("First!\r\n\r\nSecond!\r\n") && result.contains("- db\r\n- ui\r\n"), "{result:?}");
    let bom = format!("\u{feff}{SPEC}");
    assert_eq!(clean(SPEC, &bom, &edited), format!("\u{feff}{edited}"));
}

#[test]
fn broken_front_matter_is_merged_as_text() {
    let base = "---\ntype: code\ntype: task\nlabels:\n- a\nx: y\n---\n# T\n";
    let result = clean(base, &base.replace("x: y", "x: z"), &base.replace("type: code", "type: research"));
    assert_eq!(result, base.replace("x: y", "x: z").replace("type: code", "type: research"));
    assert_eq!(clean("# T\n", "---\na: b\n---\n# T\n", "# T\n\nMore.\n"), "---\na: b\n---\n# T\n\nMore.\n");
}

#[test]
fn outcomes() {
    use Status::{Cancelled, Completed, Failed, InProgress, NeedsAttention, Paused, Pending};
    for (base, a, b, expected) in [
        // Whoever alone changed it.
        ((InProgress, 1), (Completed, 1), (InProgress, 1), (Completed, 1)),
        ((Failed, 1), (Completed, 1), (Failed, 1), (Completed, 1)),
        // The higher attempt.
        ((Failed, 1), (Pending, 2), (Completed, 1), (Pending, 2)),
        ((InProgress, 1), (Failed, 1), (InProgress, 2), (InProgress, 2)),
        // The rank.
        ((InProgress, 1), (Failed, 1), (Completed, 1), (Failed, 1)),
        ((InProgress, 1), (NeedsAttention, 1), (Paused, 1), (NeedsAttention, 1)),
        ((InProgress, 1), (Paused, 1), (Completed, 1), (Paused, 1)),
        ((Pending, 0), (InProgress, 1), (Pending, 1), (InProgress, 1)),
        // A person's cancel, whatever the attempt; the attempt never falls.
        ((InProgress, 1), (Cancelled, 1), (Completed, 1), (Cancelled, 1)),
        ((Failed, 1), (Cancelled, 1), (InProgress, 2), (Cancelled, 2)),
        // Both changed it alike.
        ((Pending, 0), (Completed, 1), (Completed, 1), (Completed, 1)),
    ] {
        let state = |(status, attempt): (Status, u32), more: &str| {
            let text = format!("{}{more}", SPEC.replace("status: pending", &format!("status: {status}")));
            State { status, attempt, ..State::new(&text) }
        };
        for (events_a, events_b) in [(1, 2), (2, 1), (1, 1)] {
            let mut sides = [Branch::new(state(a, "\nMore.\n"), "aa", events_a), Branch::new(state(b, ""), "bb", events_b)];
            for side in &mut sides {
                side.stopped = (side.state.status == Cancelled).then_some(Cancelled);
            }
            let result = joined(&state(base, ""), &sides[0], &sides[1]);
            assert_eq!((result.status, result.attempt), expected, "{base:?} {a:?} {b:?}");
            assert!(State::from(result).text().contains(&format!("status: {}\n", expected.0)), "the document says another status");
        }
    }
}

#[test]
fn approvals() {
    use Approval::{Approved, None, Rejected, Required};
    let other = SPEC.replace("First.", "First!");
    for (base, a, b, expected) in [
        ((Required, SPEC), (Approved, SPEC, Option::None), (Required, SPEC, Option::None), Approved),
        // Given for an intent that the other side changed meanwhile.
        ((Required, SPEC), (Approved, SPEC, Option::None), (Required, other.as_str(), Option::None), Required),
        ((Required, SPEC), (Approved, SPEC, Option::None), (Rejected, SPEC, Some(Rejected)), Rejected),
        ((Approved, SPEC), (Approved, SPEC, Option::None), (Required, other.as_str(), Some(Required)), Required),
        ((Approved, SPEC), (Rejected, SPEC, Some(Rejected)), (Required, other.as_str(), Some(Required)), Rejected),
        ((None, SPEC), (Required, other.as_str(), Option::None), (Approved, SPEC, Option::None), Required),
        ((None, SPEC), (None, other.as_str(), Option::None), (None, SPEC, Option::None), None),
        // Rejected, and approved since.
        ((Required, SPEC), (Approved, SPEC, Some(Rejected)), (Required, SPEC, Option::None), Approved),
    ] {
        // A tick makes the sides differ without touching the intent.
        let state = |approval, text: &str, status| State { status, approval, ..State::new(text) };
        let mut a_side = Branch::new(state(a.0, a.1, Status::Pending), "aa", 1);
        let mut b_side = Branch::new(state(b.0, &b.1.replace("- [ ] one", "- [x] one"), Status::Pending), "bb", 2);
        (a_side.refused, b_side.refused) = (a.2, b.2);
        let result = joined(&state(base.0, base.1, Status::Pending), &a_side, &b_side);
        assert_eq!(result.approval, expected, "{base:?} {a:?} {b:?}");
    }
}

#[test]
fn a_rejection_stops_a_start() {
    let base = State { approval: Approval::Approved, ..State::new(SPEC) };
    let start = State { status: Status::InProgress, attempt: 1, ..base.clone() };
    let reject = State { approval: Approval::Rejected, ..base.clone() };
    let refused = Branch { refused: Some(Approval::Rejected), ..Branch::new(reject, "bb", 1) };
    let result = joined(&base, &Branch::new(start, "aa", 3), &refused);
    assert_eq!((result.status, result.attempt, result.approval), (Status::Pending, 1, Approval::Rejected));
}

#[test]
fn without_a_base_everything_was_changed_by_both() {
    let (a, b) = (State::new(SPEC), State::new(&SPEC.replace("First.", "First!").replace("- api\n", "- ui\n")));
    let (a, b) = (Branch::new(a, "aa", 1), Branch::new(b, "bb", 2));
    let result = join(None, &a.side(), &b.side());
    assert_eq!(result, join(None, &b.side(), &a.side()));
    assert_eq!(result.conflicts, ["body"]);
    let text = State::from(result).text();
    assert!(text.contains("First!") && text.contains("- api\n- auth\n- ui\n"), "{text}");
    assert_eq!(State::from(join(None, &a.side(), &a.side())), a.state);
}
