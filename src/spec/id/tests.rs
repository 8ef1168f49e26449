//! Ids: real ones, hostile ones, and what people type for them.

use super::*;

fn id(text: &str) -> SpecId {
    SpecId::parse(text).expect("an id")
}

#[test]
fn real_ids_are_taken() {
    for text in [
        "2026-01-28-000-k2p",
        "001-comprehension",
        "2026-01-29-002-imgproto",
        "x.1",
        "x.2.1",
        "größe",
        "e\u{301}t\u{e9}",
        "it's",
        "a@b",
        "日本語",
        "हिन्दी",
    ] {
        assert_eq!(SpecId::parse(text).map(|id| id.to_string()), Ok(text.to_owned()));
    }
}

#[test]
fn hostile_ids_are_refused() {
    let long = "a".repeat(201);
    for text in [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "-a",
        "a.",
        "a.lock",
        "a.md",
        "a/b",
        "../a",
        "a\\b",
        "a b",
        "a~1",
        "a^",
        "a:b",
        "a?",
        "a*",
        "a[b",
        "a$(reboot)",
        "a`reboot`",
        "a;reboot",
        "a&reboot",
        "@",
        "a@{1}",
        "index",
        "a\0",
        "a\n",
        "a\u{1b}[31m",
        "a\u{7f}",
        "a\u{85}",
        "a\u{a0}b",
        "a\u{202e}b",
        "a\u{2066}b",
        "a\u{200b}b",
        "a\u{200d}b",
        "a\u{feff}",
        "a\u{ad}b",
        "a\u{61c}b",
        "a\u{3164}",
        "a\u{fe0f}",
        "a\u{e0041}",
        "a\u{e000}",
        "\u{301}a",
        "a\"",
        "a|b",
        "a<b",
        "a\u{3000}b",
        "a\u{2028}b",
        &long,
    ] {
        let error = SpecId::parse(text).expect_err(text).to_string();
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
    assert!(SpecId::parse(&"a".repeat(200)).is_ok());
}

#[test]
fn drivers_go_by_the_name() {
    assert_eq!(id("x.1").driver(), Some(id("x")));
    assert_eq!(id("x.2.1").driver(), Some(id("x.2")));
    for text in ["x", "x.y", "a.lock.1", "1"] {
        assert_eq!(id(text).driver(), None, "{text}");
    }
}

#[test]
fn names_are_derived() {
    let id = id("x.1");
    assert_eq!((id.ref_name().as_str(), id.branch().as_str(), id.file_name().as_str()), ("refs/chant/specs/x.1", "chant/x.1", "x.1.md"));
}

#[test]
fn sequences_count_up_and_are_never_reused() {
    let next = |taken: &[&str]| generate("2026-01-28", &taken.iter().map(|t| id(t)).collect::<Vec<_>>(), "abc").to_string();
    assert_eq!(next(&[]), "2026-01-28-001-abc");
    assert_eq!(next(&["2026-01-27-005-abc", "001-comprehension"]), "2026-01-28-001-abc");
    assert_eq!(next(&["2026-01-28-000-k2p"]), "2026-01-28-001-abc");
    assert_eq!(next(&["2026-01-28-003-k2p", "2026-01-28-001-k2p", "2026-01-28-002-imgproto"]), "2026-01-28-004-abc");
    assert_eq!(next(&["2026-01-28-009-k2p.1"]), "2026-01-28-00a-abc");
    assert_eq!(next(&["2026-01-28-00z-k2p"]), "2026-01-28-010-abc");
    assert_eq!(next(&["2026-01-28-zzz-k2p"]), "2026-01-28-1000-abc");
    assert_eq!(next(&["2026-01-28-1000-k2p"]), "2026-01-28-1001-abc");
}

#[test]
fn generated_ids_are_ids_whatever_is_put_in() {
    for (date, suffix) in [("2026-01-28", "k9w"), ("", ""), ("../..", "\0.lock"), ("--", "md"), ("\u{202e}", "a/b")] {
        let made = generate(date, &[], suffix);
        assert_eq!(SpecId::parse(made.as_str()), Ok(made));
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let ids: Vec<SpecId> = [
        "2026-01-22-001-k9w",
        "2026-01-22-001-k9w.1",
        "2026-01-22-002-abc",
        "2026-02-22-001-xyz",
        "2026-03-01-005-q1q",
        "2026-03-01-006-005",
        "001-comprehension",
        "auth",
        "auth-tokens",
    ]
    .map(id)
    .to_vec();
    let one = |text: &str| Resolution::One(id(text));
    let many = |texts: &[&str]| Resolution::Many(texts.iter().map(|t| id(t)).collect());
    for (query, today, expected) in [
        ("auth", "", one("auth")),
        ("k9w", "", one("2026-01-22-001-k9w")),
        ("k9w.1", "", one("2026-01-22-001-k9w.1")),
        ("005", "2026-03-01", one("2026-03-01-006-005")),
        ("006", "2026-03-01", one("2026-03-01-006-005")),
        ("001", "2026-01-22", one("2026-01-22-001-k9w")),
        ("001.1", "2026-01-22", one("2026-01-22-001-k9w.1")),
        ("001", "2026-12-12", one("001-comprehension")),
        ("22-002", "", one("2026-01-22-002-abc")),
        ("22-001", "", many(&["2026-01-22-001-k9w", "2026-02-22-001-xyz"])),
        ("01-22-001", "", one("2026-01-22-001-k9w")),
        ("2026-01-22-001", "", one("2026-01-22-001-k9w")),
        ("001-k9w", "", one("2026-01-22-001-k9w")),
        ("auth-", "", one("auth-tokens")),
        ("preh", "", one("001-comprehension")),
        ("2026-02", "", one("2026-02-22-001-xyz")),
        (".chant/specs/2026-01-22-002-abc.md", "", one("2026-01-22-002-abc")),
        (".chant/specs/auth.md", "", one("auth")),
        ("nothing", "", Resolution::None),
        ("", "", Resolution::None),
        (".md", "", Resolution::None),
        ("\u{202e}\0", "", Resolution::None),
    ] {
        assert_eq!(resolve(query, &ids, today), expected, "{query}");
    }
}
