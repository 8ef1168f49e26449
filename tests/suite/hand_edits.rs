//! Edits of a spec's file by hand: none is dropped, none is invented.
use crate::common::TestRepo;

#[test]
fn a_tick_and_then_none_are_two_edits() {
    let repo = TestRepo::with_chant();
    let id = repo.add_spec("One", &["First", "Second"]);
    let before = repo.snapshot();
    repo.edit_spec(&id, "[ ] First", "[x] First");
    assert_eq!(repo.events(&id), ["create", "edit"]);
    repo.edit_spec(&id, "[x] First", "[ ] First");
    assert_eq!(repo.events(&id), ["create", "edit", "edit"]);
    assert_eq!(repo.events(&id), ["create", "edit", "edit"]);
    before.assert_same(&repo.snapshot());
    repo.assert_no_locks();
}
