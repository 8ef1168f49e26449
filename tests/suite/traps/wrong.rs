//! Wrong results.

use super::{TestRepo, WORKER, repository, status};

#[test]
fn an_archived_dependency_is_a_done_one_and_its_number_stays_taken() {
    let (repo, first) = repository(WORKER);
    let second = repo.add_spec_with("Then", &["It is made"], &["--depends-on", &first]);
    assert_eq!(status(&repo, &second), "blocked");
    repo.chant(&["work", &first, "--merge"]).ok();
    repo.chant(&["archive", &first]).ok();
    assert_eq!(status(&repo, &second), "ready");
    repo.chant(&["work", &second]).ok();
    let third = repo.add_spec("Last", &[]);
    assert!(third.starts_with("2026-01-29-003"), "{third}");
}

#[test]
fn a_cycle_is_seen_and_hangs_nothing() {
    let (repo, first) = repository(WORKER);
    let second = repo.add_spec_with("Then", &["It is made"], &["--depends-on", &first]);
    repo.chant(&["edit", &first, "--depends-on", &second]).fails(128).says("that makes a circle").says("depends on itself");
    // By hand, or in two clones, it can be written all the same.
    let file = TestRepo::spec_file(&first);
    repo.write(&file, repo.read(&file).replacen("type: code\n", &format!("type: code\ndepends_on: [{second}]\n"), 1));
    for id in [&first, &second] {
        assert_eq!(status(&repo, id), "blocked");
        repo.chant(&["work", id]).fails(128).says("blocked").says("depends on itself");
    }
    repo.chant(&["merge", "--all"]);
    repo.chant(&["list"]).ok();
}

#[test]
fn from_any_directory_and_on_any_branch() {
    let repo = TestRepo::empty("repo", &["-b", "trunk"]);
    repo.write("deep/er/file", "x\n");
    repo.commit_all("first");
    let deep = repo.at(repo.path().join("deep/er"));
    deep.chant(&["init"]).ok();
    repo.commit_all("Use git-chant");
    deep.agent("worker", WORKER);
    let id = deep.add_spec("Make it", &["It is made"]);
    assert!(repo.exists(&TestRepo::spec_file(&id)) && !deep.exists(".chant"));
    deep.chant(&["check", &id, "1"]).ok();
    deep.chant(&["uncheck", &id, "1"]).ok();
    deep.chant(&["work", &id]).ok();
    deep.chant(&["merge", &id]).ok();
    assert_eq!(repo.git(&["symbolic-ref", "--short", "HEAD"]), "trunk");
    assert!(repo.exists(&format!("made-{id}")));
    deep.chant(&["archive", &id]).ok();
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
}

#[test]
fn the_commits_of_a_spec_are_the_work_and_not_our_bookkeeping() {
    let (repo, id) =
        repository(&format!("{WORKER}\ngit commit -qam 'Tick the box'\necho two >two.txt; git add two.txt; git commit -qm 'Make more'"));
    repo.chant(&["work", &id]).ok();
    let branch = format!("chant/{id}");
    let named = repo.git(&["show", &format!("{branch}:{}", TestRepo::spec_file(&id))]);
    let subjects: Vec<String> = named
        .lines()
        .skip_while(|line| *line != "commits:")
        .skip(1)
        .take_while(|line| line.trim_start().starts_with("- "))
        .map(|line| repo.git(&["log", "-1", "--format=%s", line.trim_start().trim_start_matches("- ").trim_matches(['"', '\''])]))
        .collect();
    assert_eq!(subjects, ["Make it", "Make more"], "{named}");
}
