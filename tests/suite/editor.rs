//! Specs in a person's editor: every editing has a file of its own, and a text that was not taken stays.

use super::common::TestRepo;

/// The texts that editors left in the git directory.
fn left(repo: &TestRepo) -> Vec<String> {
    let files = repo.common_dir().join("chant").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut texts: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    texts.sort();
    texts.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn two_editors_at_once_have_a_file_each() {
    let repo = TestRepo::with_chant();
    let inner = "INNER=1 git chant add --edit Two";
    repo.script("both", &format!("test -n \"$INNER\" || {inner} || exit 1\necho \"Text ${{INNER:-0}}.\" >>\"$1\""));
    let said = repo.chant_env(&[("GIT_EDITOR", "both")], &["add", "--edit", "One"]).ok().stdout;
    let ids: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("Created spec: ")).collect();
    for (id, words) in ids.iter().zip([["# Two", "Text 1."], ["# One", "Text 0."]]) {
        let body = repo.chant(&["show", id, "--body"]).ok().stdout;
        assert!(words.iter().all(|word| body.contains(word)), "{body}");
    }
    assert_eq!((ids.len(), left(&repo)), (2, Vec::new()));
}

#[test]
fn a_text_that_is_not_taken_stays_and_is_named() {
    let repo = TestRepo::with_chant();
    let breaks = [("GIT_EDITOR", "printf -- '---\\ntype: [\\n---\\n# Long thought\\n' >")];
    let said = repo.chant_env(&breaks, &["add", "--edit", "One"]).fails(128).says("the text was not recorded: the new spec's");
    let id = repo.add_spec("Two", &["First"]);
    repo.chant_env(&breaks, &["edit", &id]).fails(128).says(&format!("git chant edit {id}"));
    // An editor that ends badly may have saved before that.
    repo.chant_env(&[("GIT_EDITOR", "sh -c 'echo more >>$1; exit 1' sh")], &["edit", &id]).fails(128).says("it is in ");
    assert_eq!(left(&repo).len(), 3);
    assert_eq!(left(&repo).iter().filter(|text| text.contains("# Long thought")).count(), 2);
    repo.chant(&["edit", &id]).fails(128).says("nothing was changed").says_not("it is in ");
    assert_eq!(left(&repo).len(), 3);
    let file = said.stderr.lines().find_map(|line| line.strip_prefix("hint: it is in ")).unwrap();
    std::fs::write(file, "---\nstatus: pending\n---\n# Mended\n").unwrap();
    repo.chant_env(&[("GIT_EDITOR", &format!("cp '{file}'"))], &["edit", &id]).ok();
    repo.chant(&["show", &id, "--body"]).ok().says("# Mended");
}
