//! The document's promises, for any text: the same bytes come back, and changing one thing changes only that thing.

use git_chant::spec::document::FieldValue;
use git_chant::spec::{Document, intent};
use proptest::prelude::*;
use std::path::PathBuf;

/// Lines that look like the ones specs are made of, so that chance meets the interesting cases.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("---".to_owned()),
        Just("status: pending".to_owned()),
        Just("labels: [a, b] # why".to_owned()),
        Just("depends_on:".to_owned()),
        Just("- x".to_owned()),
        Just("  - y".to_owned()),
        Just("# comment".to_owned()),
        Just("text: |".to_owned()),
        Just("  --- inside".to_owned()),
        Just("## Acceptance Criteria".to_owned()),
        Just("- [ ] one".to_owned()),
        Just("  - [x] two `$ true`".to_owned()),
        Just("```".to_owned()),
        Just("## Agent Output".to_owned()),
        Just(String::new()),
        "[a-z:# \\-\\[\\]`\"'{}|>]{0,12}",
    ]
}

fn document() -> impl Strategy<Value = String> {
    let end = prop_oneof![Just("\n"), Just("\r\n")];
    (prop::collection::vec(line(), 0..24), end, any::<bool>(), any::<bool>()).prop_map(|(lines, end, front, bom)| {
        let head = if front { format!("---{end}") } else { String::new() };
        format!("{}{head}{}", if bom { "\u{feff}" } else { "" }, lines.join(end))
    })
}

proptest! {
    #![proptest_config(crate::chance::properties(400))]

    #[test]
    fn any_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let document = Document::parse(bytes.clone());
        prop_assert_eq!(document.as_bytes(), &bytes[..]);
        // Nothing that reads it may panic.
        drop((document.title(), document.front(), document.criteria(), intent::id(&document)));
    }

    #[test]
    fn texts_like_specs_come_back(text in document()) {
        let document = Document::parse(text.clone());
        prop_assert_eq!(document.as_bytes(), text.as_bytes());
        drop((document.title(), document.front(), document.criteria(), intent::id(&document)));
    }

    #[test]
    fn setting_a_field_keeps_body_and_every_other_field(text in document(), value in "\\PC{0,20}") {
        let before = Document::parse(text);
        prop_assume!(before.front().is_ok());
        let mut after = before.clone();
        after.set("model", value.as_str().into());
        let front = after.front();
        prop_assert!(front.is_ok(), "{:?}\n{}", front, String::from_utf8_lossy(after.as_bytes()));
        prop_assert_eq!(front.unwrap().model, Some(value));
        prop_assert_eq!(after.body(), before.body());
        let kept = |document: &Document| document.front_lines_without(&["model"]).iter().map(|line| line.to_vec()).collect::<Vec<_>>();
        prop_assert_eq!(kept(&after), kept(&before));
    }

    #[test]
    fn lists_read_back(items in prop::collection::vec("\\PC{0,12}", 0..5)) {
        for was in ["---\nlabels: [x]\n---\n", "---\nlabels:\n    - x\n---\n", "---\na: b\n---\n"] {
            let mut document = Document::parse(was);
            document.set("labels", FieldValue::List(items.clone()));
            prop_assert_eq!(&document.front().unwrap().labels, &items);
        }
    }

    #[test]
    fn a_tick_changes_one_byte_and_no_intent(text in document(), pick in any::<prop::sample::Index>()) {
        let before = Document::parse(format!("## Acceptance Criteria\n- [ ] sure\n{text}"));
        let criteria = before.criteria();
        let number = pick.index(criteria.len()) + 1;
        let mut after = before.clone();
        after.set_box(number, !criteria[number - 1].ticked).unwrap();
        let differ = before.as_bytes().iter().zip(after.as_bytes()).filter(|(a, b)| a != b).count();
        prop_assert_eq!((differ, before.as_bytes().len()), (1, after.as_bytes().len()));
        prop_assert_eq!(intent::id(&before), intent::id(&after));
        prop_assert_eq!(after.criteria()[number - 1].ticked, !criteria[number - 1].ticked);
    }

    #[test]
    fn what_a_run_writes_is_no_intent(text in document(), said in "\\PC{0,30}") {
        let before = Document::parse(text);
        prop_assume!(before.front().is_ok());
        let mut after = before.clone();
        after.set("status", "completed".into());
        after.set("commits", FieldValue::List(vec!["1234567".into()]));
        after.append_tool_section("Agent Output", &format!("{said}\n## Acceptance Criteria\n- [x] no"));
        prop_assert!(after.body().len() != after.without_tool_sections().len());
        prop_assert_eq!(intent::id(&before), intent::id(&after));
        prop_assert_eq!(before.criteria(), after.criteria());
    }
}

/// Real specs of another team, where the tests are told where they are.
fn corpus() -> Vec<(PathBuf, Vec<u8>)> {
    let Some(dir) = std::env::var_os("CHANT_CORPUS") else {
        eprintln!("skipped: CHANT_CORPUS is not set");
        return Vec::new();
    };
    let files = std::fs::read_dir(&dir).expect("CHANT_CORPUS is a directory").map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "md")).map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn real_specs_parse_and_come_back() {
    for (path, bytes) in corpus() {
        let document = Document::parse(bytes.clone());
        assert_eq!(document.as_bytes(), bytes, "{}", path.display());
        let front = document.front().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(front.status().is_ok(), "{}: {:?}", path.display(), front.status);
        assert!(!document.title().is_empty(), "{}", path.display());
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let has_section = text.contains("\n## acceptance criteria\n") && text.contains("\n- [");
        assert!(!has_section || !document.criteria().is_empty(), "{name}: its criteria were not found");
        assert!(git_chant::spec::SpecId::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn changing_a_field_of_a_real_spec_changes_only_its_lines() {
    for (path, bytes) in corpus() {
        let before = Document::parse(bytes);
        for field in ["status", "labels", "completed_at", "commits", "new_field"] {
            let mut after = before.clone();
            after.set(field, if field == "labels" || field == "commits" { vec!["zz".to_owned()].into() } else { "zz".into() });
            assert_eq!(after.body(), before.body(), "{} {field}", path.display());
            let kept = |document: &Document| document.front_lines_without(&[field]).iter().map(|line| line.to_vec()).collect::<Vec<_>>();
            assert_eq!(kept(&after), kept(&before), "{} {field}", path.display());
            assert!(after.front().is_ok(), "{} {field}", path.display());
        }
    }
}
