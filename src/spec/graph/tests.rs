//! The graph, as tables: `name: dependencies`, a status and the question.

use super::*;

fn id(text: &str) -> SpecId {
    SpecId::parse(text).expect("an id")
}

fn ids(text: &str) -> Vec<SpecId> {
    text.split_whitespace().map(id).collect()
}

/// One node a line: `id[!status][@archived]: dependency dependency`.
fn graph(text: &str) -> Graph {
    let node = |line: &str| {
        let (head, depends_on) = line.split_once(':').expect("a colon");
        let archived = head.ends_with("@archived");
        let head = head.trim_end_matches("@archived").trim();
        let (name, status) = head.split_once('!').unwrap_or((head, "pending"));
        Node {
            id: id(name),
            status: status.parse().expect("a status"),
            approval: Approval::None,
            depends_on: depends_on.split_whitespace().map(str::to_owned).collect(),
            archived,
        }
    };
    Graph::new(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(node).collect())
}

#[test]
fn only_what_is_open_blocks() {
    for (dependency, expected) in [
        ("b:", Shown::Blocked),
        ("b!in_progress:", Shown::Blocked),
        ("b!paused:", Shown::Blocked),
        ("b!failed:", Shown::Blocked),
        ("b!needs_attention:", Shown::Blocked),
        ("b!cancelled:", Shown::Blocked),
        ("b!completed:", Shown::Ready),
        ("b!completed@archived:", Shown::Ready),
        ("b!failed@archived:", Shown::Ready),
        ("b!cancelled@archived:", Shown::Blocked),
        ("b!completed: c\nc:", Shown::Ready),
        // The live one counts where an id is in the archive too.
        ("b!completed@archived:\nb!failed:", Shown::Blocked),
        ("c:", Shown::Blocked),
    ] {
        let graph = graph(&format!("a: b\n{dependency}"));
        assert_eq!(graph.shown(&id("a")), Some(expected), "{dependency}");
        assert_eq!(graph.blockers(&id("a")).is_empty(), expected == Shown::Ready, "{dependency}");
    }
}

#[test]
fn other_statuses_are_shown_as_stored() {
    let graph = graph("a!failed: b\nb:");
    assert_eq!(graph.shown(&id("a")), Some(Shown::Stored(Status::Failed)));
    assert_eq!(graph.shown(&id("b")), Some(Shown::Ready));
    assert_eq!(graph.shown(&id("c")), None);
    assert_eq!(graph.blockers(&id("c")), []);
}

#[test]
fn approvals_block() {
    for (approval, expected) in [
        (Approval::None, Shown::Ready),
        (Approval::Approved, Shown::Ready),
        (Approval::Required, Shown::Blocked),
        (Approval::Rejected, Shown::Blocked),
    ] {
        let node = Node { id: id("a"), status: Status::Pending, approval, depends_on: Vec::new(), archived: false };
        let graph = Graph::new(vec![node]);
        assert_eq!(graph.shown(&id("a")), Some(expected));
        let blockers = if expected == Shown::Blocked { vec![Blocker::Approval(approval)] } else { Vec::new() };
        assert_eq!(graph.blockers(&id("a")), blockers);
    }
}

#[test]
fn names_are_resolved_exactly_then_by_suffix_then_by_beginning() {
    let specs = "2026-01-28-001-k9w:\n2026-01-28-002-abc:\n2026-01-28-003-abc:\n2026-01-28-001-k9w.1:\nauth:\nauth-tokens:\nfull-name:";
    for (name, expected) in [
        ("2026-01-28-001-k9w", Some("2026-01-28-001-k9w")),
        ("k9w", Some("2026-01-28-001-k9w")),
        ("k9w.1", Some("2026-01-28-001-k9w.1")),
        (".chant/specs/auth.md", Some("auth")),
        ("auth", Some("auth")),
        ("auth-", Some("auth-tokens")),
        ("full", Some("full-name")),
        ("2026-01-28-002", Some("2026-01-28-002-abc")),
        ("abc", None),
        ("2026-01-28-001", None),
        ("name", None),
        ("zzz", None),
        ("\u{1b}[31m", None),
    ] {
        let graph = graph(&format!("{specs}\nzz: {name}"));
        let expected = match expected {
            Some(text) => Blocker::Open(id(text), Status::Pending),
            None => Blocker::Unknown(name.to_owned()),
        };
        let blockers = graph.blockers(&id("zz"));
        assert_eq!(blockers, [expected], "{name:?}");
        assert!(!blockers[0].to_string().chars().any(char::is_control));
    }
}

#[test]
fn orders_put_dependencies_first_and_are_stable() {
    let graph = graph("a: d\nb:\nc: e\nd:\ne: b\nx: y\ny: x\nz: x");
    for (asked, expected) in [
        ("a b c d e", "d a b e c"),
        ("e d c b a a", "d a b e c"),
        ("c b", "b c"),
        ("a c", "a c"),
        ("b nowhere a", "a b nowhere"),
        ("z b", "b z"),
        ("", ""),
    ] {
        assert_eq!(graph.order(&ids(asked)), Ok(ids(expected)), "{asked}");
    }
    assert_eq!(graph.order(&ids("a y")), Err(Cycle(ids("x y"))));
    assert_eq!(graph.dependencies(&id("c")), ids("b e"));
    assert_eq!(graph.dependencies(&id("x")), ids("y"));
    assert_eq!(graph.dependencies(&id("b")), []);
}

#[test]
fn circles_are_found_and_told_from_each_side() {
    let graph = graph("a: b\nb: c\nc: a d\nd:\ne: e\nf: a\ng: h\nh!completed: g");
    assert_eq!(graph.cycles(), [ids("a b c"), ids("e"), ids("g h")]);
    assert_eq!(graph.blockers(&id("b")), [Blocker::Open(id("c"), Status::Pending), Blocker::Cycle(ids("b c a"))]);
    assert_eq!(graph.blockers(&id("b"))[1].to_string(), "depends on itself: b -> c -> a -> b");
    assert_eq!(graph.blockers(&id("e")), [Blocker::Open(id("e"), Status::Pending), Blocker::Cycle(ids("e"))]);
    assert_eq!(graph.blockers(&id("f")), [Blocker::Open(id("a"), Status::Pending)]);
    // What is completed is waited for by nobody, in a circle as elsewhere.
    assert_eq!(graph.shown(&id("g")), Some(Shown::Ready));
}

#[test]
fn ten_thousand_specs_in_a_row_and_in_a_ring_are_no_trouble() {
    let name = |at: usize| format!("s{at:05}");
    let chain = |last: usize| {
        let node = |at: usize| Node {
            id: id(&name(at)),
            status: Status::Pending,
            approval: Approval::None,
            depends_on: vec![if at == 0 { name(last) } else { name(at - 1) }],
            archived: false,
        };
        Graph::new((0..10_000).rev().map(node).collect())
    };
    let row = chain(99_999);
    let all: Vec<SpecId> = (0..10_000).map(|at| id(&name(at))).collect();
    assert_eq!(row.order(&all).as_deref(), Ok(all.as_slice()));
    assert_eq!(row.dependencies(&all[9_999]).len(), 9_999);
    let ring = chain(9_999);
    assert_eq!(ring.cycles()[0].len(), 10_000);
    assert!(all.iter().all(|id| ring.shown(id) == Some(Shown::Blocked)));
    assert!(ring.blockers(&all[5]).last().expect("a circle").to_string().len() < 200);
}
