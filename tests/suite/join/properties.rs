//! What holds for any two versions of any spec.

use super::{Branch, State, clean, joined};
use git_chant::spec::document::Document;
use git_chant::spec::join::join;
use git_chant::spec::{Approval, Status};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

/// Documents: fields in any order and style, text and task list items, some of it broken.
fn document() -> impl Strategy<Value = String> {
    let field = select(vec![
        "type: code\n",
        "type: task\n",
        "status: pending\n",
        "status: done\n",
        "labels: [a, b]\n",
        "labels:\n- a\n- c\n",
        "labels: []\n",
        "labels:\n  # why\n  - b\n\n  - 'd'\n",
        "labels: a\n",
        "# a comment\n",
        "\n",
        "nested:\n  x: 1\n  y: [2]\n",
        "text: |\n  a\n\n  b\n",
        "broken\n",
        "priority: 1\n",
        "priority: \"1\"\n",
        "commits: [1, 2]\n",
        "a: [&x 1, *x]\n",
        "- loose\n",
        "\"quoted\": yes\n",
        "'it''s': 1\n",
        "labels:\n-\tc\n- b # x\n",
        "labels:\n  - \"a\n    # no comment\"\n  - d\n",
        "labels: [a, 'b]', # of c\n  e]\n",
        "text: |+\n  - x\n  status: y\n\n",
        "said: \"one\n\n  status: two\"\n",
        "flow: {a: [1,\n2]\n}\n",
        "key[0]: [x]\n",
        "members: &m [a]\n",
    ]);
    let line = select(vec![
        "# Title\n",
        "text\n",
        "more text\n",
        "\n",
        "- [ ] one\n",
        "- [x] one\n",
        "- [ ] two\n",
        "- [X] two\n",
        "## Acceptance Criteria\n",
        "## Agent Output\n",
        "```\n",
        "~~~~sh\n",
        "- - [ ] four\n",
        "    - [ ] five\n",
        "<!-- [ ]\n",
        "-->\n",
        "  1. [ ] three\n",
        "---\n",
        "no end",
        "\r\n",
    ]);
    let shape = select(vec![(true, false, false), (true, true, false), (true, false, true), (false, false, false), (true, false, false)]);
    (vec(field, 0..7), vec(line, 0..9), shape).prop_map(|(fields, lines, (front, crlf, bom))| {
        let front = if front { format!("---\n{}---\n", fields.concat()) } else { String::new() };
        let text = format!("{}{front}{}", if bom { "\u{feff}" } else { "" }, lines.concat());
        if crlf { text.replace('\n', "\r\n") } else { text }
    })
}

fn state() -> impl Strategy<Value = State> {
    let approval = select(vec![Approval::None, Approval::Required, Approval::Approved, Approval::Rejected]);
    (document(), select(Status::ALL.to_vec()), 0u32..3, approval).prop_map(|(text, status, attempt, approval)| State {
        status,
        attempt,
        approval,
        ..State::new(&text)
    })
}

fn branch() -> impl Strategy<Value = Branch> {
    (state(), "[0-9a-f]{2}", 0usize..3, any::<bool>(), any::<bool>()).prop_map(|(state, tip, events, stopped, refused)| Branch {
        stopped: stopped.then_some(state.status),
        refused: refused.then_some(state.approval),
        ..Branch::new(state, &tip, events)
    })
}

/// A document whose parts change one by one: what each side changes is known.
#[derive(Clone, Debug)]
struct Parts {
    fields: Vec<u8>,
    labels: Vec<bool>,
    ticks: Vec<bool>,
    paragraphs: Vec<u8>,
}

impl Parts {
    fn text(&self) -> String {
        let mut text = String::from("---\n");
        for (at, value) in self.fields.iter().enumerate() {
            text.extend([format!("field{at}: {value}\n")]);
        }
        let labels: Vec<String> = (0..self.labels.len()).filter(|at| self.labels[*at]).map(|at| format!("l{at}")).collect();
        text.extend([format!("labels: [{}]\n---\n# T\n\n", labels.join(", "))]);
        for (at, version) in self.paragraphs.iter().enumerate() {
            text.extend([format!("Paragraph {at}, version {version}.\n\n")]);
        }
        text.push_str("## Acceptance Criteria\n\n");
        for (at, ticked) in self.ticks.iter().enumerate() {
            text.extend([format!("- [{}] criterion {at}\n", if *ticked { 'x' } else { ' ' })]);
        }
        text
    }

    /// What two sides make of it where no part is changed by both.
    fn merge(&self, a: &Self, b: &Self) -> Self {
        fn three<T: PartialEq + Clone>(base: &[T], a: &[T], b: &[T]) -> Vec<T> {
            base.iter().zip(a.iter().zip(b)).map(|(base, (a, b))| if a == base { b.clone() } else { a.clone() }).collect()
        }
        Self {
            fields: three(&self.fields, &a.fields, &b.fields),
            labels: three(&self.labels, &a.labels, &b.labels),
            ticks: three(&self.ticks, &a.ticks, &b.ticks),
            paragraphs: three(&self.paragraphs, &a.paragraphs, &b.paragraphs),
        }
    }
}

/// A base and two sides; for each part of the document `0` leaves it, `1` changes it on one side, `2` on the other.
fn disjoint() -> impl Strategy<Value = (Parts, Parts, Parts)> {
    let who = |count| vec(0u8..3, count);
    (who(4), who(6), who(6), who(4), vec(any::<bool>(), 6), vec(any::<bool>(), 6)).prop_map(|(f, l, t, p, labels, ticks)| {
        let base = Parts { fields: vec![0; 4], labels, ticks, paragraphs: vec![0; 4] };
        let side = |me: u8| {
            let number = |who: &[u8]| who.iter().map(|who| if *who == me { me } else { 0 }).collect();
            let flip = |who: &[u8], old: &[bool]| who.iter().zip(old).map(|(who, old)| *old != (*who == me)).collect();
            Parts { fields: number(&f), labels: flip(&l, &base.labels), ticks: flip(&t, &base.ticks), paragraphs: number(&p) }
        };
        let (a, b) = (side(1), side(2));
        (base, a, b)
    })
}

proptest! {
    #![proptest_config(crate::chance::properties(500))]

    #[test]
    fn any_two_join_alike_from_both_sides(base in state(), a in branch(), b in branch()) {
        joined(&base, &a, &b);
        prop_assert_eq!(join(None, &a.side(), &b.side()), join(None, &b.side(), &a.side()));
    }

    #[test]
    fn joining_with_itself_or_with_the_base_changes_nothing(base in state(), a in branch(), tip in "[0-9a-f]{2}", events in 0usize..3) {
        let twin = Branch { tip, events, ..a.clone() };
        prop_assert_eq!(State::from(joined(&base, &a, &twin)), a.state.clone());
        let still = Branch::new(base.clone(), &twin.tip, events);
        prop_assert_eq!(State::from(joined(&base, &a, &still)), a.state);
    }

    #[test]
    fn a_document_that_only_one_side_changed_is_kept_byte_for_byte(base in state(), a in branch(), attempt in 3u32..9) {
        let a = Branch { state: State { status: base.status, ..a.state.clone() }, stopped: None, ..a };
        let still = Branch::new(State { attempt, ..base.clone() }, "77", 1);
        prop_assert_eq!(joined(&base, &a, &still).document, a.state.document);
    }

    #[test]
    fn no_edit_is_lost_where_none_collides((base, a, b) in disjoint()) {
        let expected = base.merge(&a, &b);
        let joined = clean(&base.text(), &a.text(), &b.text());
        // The order of a list that both changed is the base's, then sorted.
        let sorted = |text: &str| text.lines().map(|line| {
            let mut words: Vec<&str> = line.split([' ', ',', '[', ']']).filter(|word| !word.is_empty()).collect();
            if line.starts_with("labels") { words.sort_unstable(); }
            words.join(" ")
        }).collect::<Vec<_>>();
        prop_assert_eq!(sorted(&joined), sorted(&expected.text()));
    }

    #[test]
    fn well_formed_documents_join_to_well_formed_ones(values in vec(btree_map("[a-c]", "\\PC{0,6}", 0..3), 3), lists in vec(vec("\\PC{0,6}", 0..4), 3)) {
        let state = |at: usize| {
            let mut document = Document::parse("---\ntype: code\n---\n# T\n");
            for (key, value) in &values[at] {
                document.set(key, value.as_str().into());
            }
            document.set("labels", lists[at].clone().into());
            State { document, ..State::new("") }
        };
        let result = joined(&state(0), &Branch::new(state(1), "aa", 1), &Branch::new(state(2), "bb", 2));
        let front = result.document.front();
        prop_assert!(front.is_ok(), "{:?} in {:?}", front, State::from(result).text());
        let labels = front.map(|front| front.labels).unwrap_or_default();
        for label in lists[1].iter().filter(|label| lists[2].contains(label) || !lists[0].contains(label)) {
            prop_assert!(labels.contains(label), "{:?} is lost", label);
        }
    }

    #[test]
    fn a_persons_cancel_wins_and_the_attempt_never_falls(base in state(), a in branch(), b in branch()) {
        let cancelled = Branch { state: State { status: Status::Cancelled, ..a.state.clone() }, stopped: Some(Status::Cancelled), ..a };
        prop_assume!(cancelled.state != base && b.state != base);
        let result = joined(&base, &cancelled, &b);
        prop_assert_eq!(result.status, Status::Cancelled);
        prop_assert_eq!(result.attempt, cancelled.state.attempt.max(b.state.attempt));
    }
}
