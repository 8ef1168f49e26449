//! What holds for any text as an id, and for whatever a person types for one.

use super::common::TestRepo;
use git_chant::spec::SpecId;
use git_chant::spec::id::{Resolution, generate, resolve};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::Index;

/// Texts that are nearly ids: their letters, and what makes a file name or a ref unsafe.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.@{}~^:?*\\[\\\\ /-]{0,8}",
        "2026-0[1-2]-2[0-3]-00[0-3](-[a-c]{1,3})?(\\.[1-2]){0,2}",
        "[a-c0-2]{1,3}(\\.lock|\\.md|\\.1|@)?",
        "\\PC{0,6}",
        any::<String>(),
    ]
}

fn ids() -> impl Strategy<Value = Vec<SpecId>> {
    btree_set("2026-0[1-2]-2[0-3]-00[0-3](-[a-c]{1,3})?(\\.[1-2])?|[a-c0-2-]{1,4}", 1..12)
        .prop_map(|texts| texts.iter().filter_map(|text| SpecId::parse(text).ok()).collect())
}

proptest! {
    #![proptest_config(crate::chance::properties(1000))]

    #[test]
    fn an_id_is_kept_as_it_is_and_is_one_safe_name(text in text()) {
        let Ok(id) = SpecId::parse(&text) else { return Ok(()) };
        prop_assert_eq!(id.as_str(), &text);
        prop_assert_eq!(SpecId::parse(id.as_str()), Ok(id.clone()));
        prop_assert!(!text.chars().any(|c| c == '/' || c == '\\' || c.is_control() || c.is_whitespace()), "{:?}", text);
        prop_assert!(!text.starts_with(['-', '.']) && id.file_name().len() < 250);
        if let Some(driver) = id.driver() {
            prop_assert!(text.starts_with(driver.as_str()) && driver != id);
        }
    }

    #[test]
    fn a_new_id_is_an_id_and_new(taken in ids(), suffix in "\\PC{0,5}") {
        let id = generate("2026-01-22", &taken, &suffix);
        prop_assert!(!taken.contains(&id));
        prop_assert_eq!(SpecId::parse(id.as_str()), Ok(id));
    }

    #[test]
    fn a_whole_id_always_means_itself(ids in ids(), pick in any::<Index>()) {
        prop_assume!(!ids.is_empty());
        let id = &ids[pick.index(ids.len())];
        for query in [id.to_string(), id.file_name(), format!(".chant/specs/{}", id.file_name())] {
            prop_assert_eq!(resolve(&query, &ids, "2026-01-22"), Resolution::One(id.clone()));
        }
    }

    #[test]
    fn whatever_is_typed_means_specs_that_are_there(ids in ids(), query in text()) {
        let found = match resolve(&query, &ids, "2026-01-22") {
            Resolution::None => Vec::new(),
            Resolution::One(id) => vec![id],
            Resolution::Many(found) => {
                prop_assert!(found.len() > 1 && found.windows(2).all(|pair| pair[0] < pair[1]));
                found
            }
        };
        prop_assert!(found.iter().all(|id| ids.contains(id)));
        let mut shuffled = ids.clone();
        shuffled.reverse();
        prop_assert_eq!(resolve(&query, &ids, "2026-01-22"), resolve(&query, &shuffled, "2026-01-22"));
    }
}

/// git itself is asked about a few hundred at once: what is an id here is a ref there.
#[test]
fn git_takes_every_id_for_a_ref() {
    use proptest::strategy::ValueTree as _;
    let repo = TestRepo::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let texts = vec(text(), 400).new_tree(&mut runner).unwrap().current();
    let mut ids: Vec<SpecId> = texts.iter().filter_map(|text| SpecId::parse(text).ok()).collect();
    ids.sort();
    ids.dedup();
    assert!(ids.len() > 50, "only {} ids", ids.len());
    let head = repo.head();
    let script: String = ids.iter().map(|id| format!("create {} {head}\n", id.ref_name())).collect();
    repo.write("script", script);
    let file = std::fs::File::open(repo.path().join("script")).unwrap();
    let output = repo.command(repo.path(), "git").args(["update-ref", "--stdin"]).stdin(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = repo.git(&["for-each-ref", "--format=%(refname)", "refs/chant/specs"]);
    assert_eq!(listed.lines().count(), ids.len());
}
