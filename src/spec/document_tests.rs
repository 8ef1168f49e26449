use super::*;

const SPEC: &str = "---\ntype: code # kind\nstatus: pending\n\n# mine\nx-own:   'a'\nlabels: [a, b]\n---\n# Title\n\n## Acceptance Criteria\n\n- [ ] one\n- [x] two\n";

#[test]
fn any_bytes_come_back() {
    for text in ["", "---", "---\n", "---\n---", "---\na: b\n", "\u{feff}---\r\na: b\r\n---\r\nx", "--- \na\n---\n", "x\n---\na: b\n---\n"]
    {
        assert_eq!(Document::parse(text).as_bytes(), text.as_bytes());
    }
    assert_eq!(Document::parse(b"---\n\xff\n---\n\xfe".to_vec()).as_bytes(), b"---\n\xff\n---\n\xfe");
}

#[test]
fn only_the_fields_lines_change() {
    let mut document = Document::parse(SPEC);
    document.set("status", "completed".into());
    assert_eq!(document.as_bytes(), SPEC.replace("pending", "completed").as_bytes());
    document.set("labels", vec!["c".to_owned()].into());
    document.set("commits", vec!["12ab".to_owned()].into());
    let expected = SPEC.replace("pending", "completed").replace("[a, b]", "[c]").replace("[c]\n", "[c]\ncommits:\n  - 12ab\n");
    assert_eq!(String::from_utf8_lossy(document.as_bytes()), expected);
    document.remove("commits");
    document.remove("x-own");
    assert!(!String::from_utf8_lossy(document.as_bytes()).contains("x-own"));
    assert!(String::from_utf8_lossy(document.as_bytes()).contains("# mine"));
}

#[test]
fn crlf_and_bom_survive_a_change() {
    let text = format!("\u{feff}{}", SPEC.replace('\n', "\r\n"));
    let mut document = Document::parse(text.clone());
    document.set("status", "failed".into());
    document.set("model", "m".into());
    assert_eq!(document.as_bytes(), text.replace("pending", "failed").replace("[a, b]\r\n", "[a, b]\r\nmodel: m\r\n").as_bytes());
}

#[test]
fn a_document_without_front_matter_gets_one() {
    let mut document = Document::parse("# T\n");
    document.set("status", "pending".into());
    assert_eq!(document.as_bytes(), b"---\nstatus: pending\n---\n# T\n");
}

#[test]
fn values_from_outside_cannot_add_fields() {
    let mut document = Document::parse("---\ntype: code\n---\n");
    document.set("prompt", "x\nstatus: completed".into());
    document.set("labels", vec!["a\n---\nb".to_owned()].into());
    let front = document.front().expect("valid");
    assert_eq!(front.status, None);
    assert_eq!(front.prompt.as_deref(), Some("x\nstatus: completed"));
    assert_eq!(front.labels, ["a\n---\nb"]);
    assert_eq!(document.body(), b"");
}

#[test]
fn titles() {
    for (text, title) in [
        ("---\na: b\n---\n\n# One # \n", "One"),
        ("```\n# no\n```\n# Yes\n", "Yes"),
        ("Just text\nmore\n", "Just text"),
        ("## Two\n# One\n", "One"),
        ("# a\u{1b}[31mb\n", "a [31mb"),
        ("", ""),
    ] {
        assert_eq!(Document::parse(text).title(), title, "{text:?}");
    }
}

#[test]
fn boxes_change_one_byte() {
    let mut document = Document::parse(SPEC);
    document.set_box(1, true).expect("there are two");
    document.set_box(2, true).expect("there are two");
    assert_eq!(document.as_bytes(), SPEC.replace("[ ] one", "[x] one").as_bytes());
    assert!(document.set_box(0, true).is_err());
    assert!(document.set_box(3, true).is_err());
}

#[test]
fn a_tool_section_replaces_its_forerunner_and_holds_anything() {
    let mut document = Document::parse(SPEC);
    let criteria = document.criteria();
    document.append_tool_section("Agent Output", "```\n## Acceptance Criteria\n- [x] fake\n````\n");
    document.append_tool_section("Agent Output", "second ```` run\n## Agent Output");
    let text = String::from_utf8_lossy(document.as_bytes()).into_owned();
    assert!(text.ends_with("- [x] two\n\n## Agent Output\n\n`````text\nsecond ```` run\n## Agent Output\n`````\n"), "{text}");
    assert_eq!(document.criteria(), criteria);
}

#[test]
fn what_a_person_wrote_below_a_tool_section_stays() {
    let mut document = Document::parse("# T\n\n## Agent Output\n\n```text\nold\n```\n\n## Notes\n\nmine\n");
    document.append_tool_section("Agent Output", "new");
    assert_eq!(String::from_utf8_lossy(document.as_bytes()), "# T\n\n## Agent Output\n\n```text\nnew\n```\n\n## Notes\n\nmine\n");
}

#[test]
fn new_documents() {
    let document = Document::new(&[("type", "task".into()), ("status", "pending".into())], "Do\nit", "Body.\n");
    assert_eq!(document.as_bytes(), b"---\ntype: task\nstatus: pending\n---\n\n# Do it\n\nBody.\n");
}
