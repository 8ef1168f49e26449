//! Many specs: a listing reads them with several threads, and says the same.

use super::common::TestRepo;

#[test]
fn a_listing_of_many_is_whole_and_in_order() {
    let repo = TestRepo::new();
    let ids: Vec<String> = (0..1200).map(|number| format!("2026-01-29-{number:04}-abc")).collect();
    for (number, id) in ids.iter().enumerate() {
        repo.write(&format!(".chant/specs/{id}.md"), format!("---\nlabels: [l{}]\n---\n# Title {number}\n", number % 7));
    }
    repo.commit_all("specs");
    repo.chant(&["init"]).ok().says("1200 imported");
    let expected: String = ids.iter().enumerate().map(|(number, id)| format!("{id}\tready\tcode\tTitle {number}\n")).collect();
    let listed = repo.chant(&["list", "--porcelain"]).ok();
    assert_eq!((listed.stdout, listed.stderr.as_str()), (expected, ""));
    assert_eq!(repo.chant(&["list", "--label", "l3", "--count"]).ok().stdout, "171\n");
    // One in the middle that is no event is named; no other is lost.
    repo.git(&["update-ref", "refs/chant/specs/2026-01-29-0700-x", "HEAD"]);
    let listed = repo.chant(&["list", "--count"]).ok().says("refs/chant/specs/2026-01-29-0700-x holds no spec");
    assert_eq!(listed.stdout, "1200\n");
}
