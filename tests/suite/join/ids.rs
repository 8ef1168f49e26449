//! What holds for any text that is taken for an id, made as one, or typed for one.

use git_chant::spec::SpecId;
use git_chant::spec::id::{self, Resolution};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(crate::chance::properties(500))]

    #[test]
    fn an_id_is_safe_or_refused(text in "\\PC{0,12}|[-.a-z@{}/ ~^:?*\\[\\\\]{0,12}|.{0,12}") {
        if let Ok(id) = SpecId::parse(&text) {
            let name = id.as_str();
            prop_assert_eq!(name, text.as_str());
            prop_assert!(!name.starts_with(['.', '-']) && !name.contains("..") && !name.contains(['/', ' ', '\\']) && !name.chars().any(char::is_control));
            prop_assert_eq!(std::path::Path::new(&id.file_name()).components().count(), 1);
            prop_assert_eq!(name.parse::<SpecId>().expect("an id").ref_name(), format!("refs/chant/specs/{name}"));
        }
    }

    #[test]
    fn generated_ids_are_new_and_found_again(day in 1u8..29, taken in vec("2026-01-(0[1-9]|1[0-9])-[0-9a-z]{3}-[0-9a-z]{3}", 0..20), suffix in "[0-9a-z]{3}") {
        let mut ids: Vec<SpecId> = taken.iter().map(|text| SpecId::parse(text).expect("an id")).collect();
        let date = format!("2026-01-{day:02}");
        let made = id::generate(&date, &ids, &suffix);
        prop_assert_eq!(SpecId::parse(made.as_str()), Ok(made.clone()));
        let sequence = &made.as_str()[..made.as_str().len() - 4];
        let used = ids.iter().any(|id| id.as_str().starts_with(sequence));
        prop_assert!(!used);
        ids.push(made.clone());
        prop_assert_eq!(id::resolve(made.as_str(), &ids, &date), Resolution::One(made.clone()));
        prop_assert_eq!(id::resolve(sequence, &ids, &date), Resolution::One(made));
    }

    #[test]
    fn resolving_never_panics(query in "\\PC{0,8}|.{0,8}|[-.0-9a-z]{0,12}", texts in vec("[-.0-9a-z\u{e9}]{1,12}", 0..8), today in ".{0,10}") {
        let ids: Vec<SpecId> = texts.iter().filter_map(|text| SpecId::parse(text).ok()).collect();
        match id::resolve(&query, &ids, &today) {
            Resolution::One(id) => prop_assert!(ids.contains(&id)),
            Resolution::Many(many) => prop_assert!(many.len() > 1 && many.is_sorted()),
            Resolution::None => prop_assert!(!ids.iter().any(|id| id.as_str() == query)),
        }
    }
}
