//! What comes from a remote was written by anybody.

use super::*;

/// A commit on a ref of the remote: any message, any files.
fn plant(repo: &TestRepo, name: &str, message: &str, file: Option<&str>) -> String {
    let tree = match file {
        Some(file) => {
            repo.write("planted", "---\nstatus: pending\n---\n# Planted\n");
            let blob = repo.git(&["hash-object", "-w", "planted"]);
            std::fs::remove_file(repo.path().join("planted")).unwrap();
            repo.script("plant", &format!("printf '100644 blob {blob}\\t{file}\\n' | git mktree"));
            Outcome::of(&mut repo.command(repo.path(), repo.root().join("bin/plant"))).ok().stdout.trim().to_owned()
        }
        None => repo.git(&["hash-object", "-t", "tree", "-w", "/dev/null"]),
    };
    let commit = repo.git(&["commit-tree", "-m", message, &tree]);
    repo.git(&["push", "--quiet", "origin", &format!("{commit}:{name}")]);
    commit
}

const EVENT: &str = "create: X\n\nChant-Event: create\nChant-Status: pending\nChant-Attempt: 0\n";

#[test]
fn what_is_no_spec_is_named_and_the_rest_comes() {
    let (us, them) = two_clones();
    let good = us.add_spec("Good", &["First"]);
    us.chant(&["push"]).ok();
    plant(&us, "refs/chant/specs/no-event", "just a commit", Some("spec.md"));
    plant(&us, "refs/chant/specs/no-file", EVENT, Some("other.md"));
    plant(&us, "refs/chant/specs/empty", EVENT, None);
    plant(&us, "refs/chant/specs/-x", EVENT, Some("spec.md"));
    plant(&us, "refs/chant/specs/deep/er", EVENT, Some("spec.md"));
    plant(&us, "refs/chant/runs/x/y/z", "run", None);
    plant(&us, "refs/chant/unknown", "what is this", None);
    let said = them.chant(&["fetch"]).ok();
    for name in ["no-event", "no-file", "empty", "specs/-x", "specs/deep/er", "runs/x/y/z"] {
        assert_eq!(said.stderr.lines().filter(|line| line.starts_with("warning: ") && line.contains(name)).count(), 1, "{name}: {said}");
    }
    said.says(&format!("new        {good}"));
    assert_eq!(them.git(&["for-each-ref", "--format=%(refname)", "refs/chant"]), format!("refs/chant/specs/{good}"));
    // Nor do they stop a push of our own, or spoil every command from then on.
    let id = them.chant_env(&[("GIT_CHANT_TEST_SUFFIX", "xyz")], &["add", "--porcelain", "Mine"]).ok().stdout.trim().to_owned();
    them.chant(&["push"]).ok().says(&format!("pushed     {id}"));
    them.chant(&["list"]).ok().says_not("warning");
}

#[test]
fn a_broken_version_of_a_spec_of_ours_is_left_alone_here_and_there() {
    let (us, them) = two_clones();
    let id = us.add_spec("Mine", &["First"]);
    us.chant(&["push"]).ok();
    them.chant(&["fetch"]).ok();
    let broken = plant(&us, "refs/chant/specs/other", "no event at all", None);
    us.git(&["push", "--quiet", "--force", "origin", &format!("{broken}:refs/chant/specs/{id}")]);
    let before = shared(&them);
    let way = format!("git push --force REMOTE refs/chant/specs/{id}");
    them.chant(&["sync"]).ok().says(&format!("warning: {id} is left alone")).says(&way);
    assert_eq!(shared(&them), before);
    assert_eq!(us.git(&["ls-remote", "origin", &format!("refs/chant/specs/{id}")]).split('\t').next(), Some(broken.as_str()));
    // Ours is, and what the remote had of it is whole: then that is the way.
    us.git(&["push", "--quiet", "--force", "origin", &format!("refs/chant/specs/{id}")]);
    them.git(&["fetch", "--quiet"]);
    them.git(&["update-ref", &format!("refs/chant/specs/{id}"), "HEAD"]);
    them.chant(&["sync"]).ok().says(&format!("warning: {id} is left alone")).says("git chant fsck");
    let way = format!("update-ref refs/chant/specs/{id} refs/chant-remotes/origin/specs/{id}");
    them.chant(&["fsck"]).fails(1).says(&format!("→ git {way}"));
    them.git(&way.split(' ').collect::<Vec<_>>());
    them.chant(&["fsck"]).ok();
    assert_eq!(shared(&them), before);
}

#[test]
fn a_title_from_elsewhere_reaches_the_terminal_without_its_escapes() {
    let (us, them) = two_clones();
    plant(
        &us,
        "refs/chant/specs/2026-01-01-001-esc",
        "create: \u{1b}[31mred\n\nChant-Event: create\nChant-Status: pending\nChant-Attempt: 0\n",
        Some("spec.md"),
    );
    let said = them.chant(&["fetch"]).ok().says("red");
    assert!(!said.stdout.contains('\u{1b}') && !said.stderr.contains('\u{1b}'), "{said}");
}

#[test]
fn a_name_that_stands_in_the_way_of_a_spec_stops_nothing_else() {
    let (us, them) = two_clones();
    let id = us.add_spec("Mine", &["First"]);
    us.chant(&["push"]).ok();
    them.chant(&["fetch"]).ok();
    us.git(&["push", "--quiet", "origin", &format!(":refs/chant/specs/{id}")]);
    let deep = format!("refs/chant/specs/{id}/deeper");
    plant(&us, &deep, EVENT, Some("spec.md"));
    let other = them.chant_env(&[("GIT_CHANT_TEST_SUFFIX", "xyz")], &["add", "--porcelain", "Other"]).ok().stdout.trim().to_owned();
    let way = format!("git push REMOTE --delete {deep}");
    them.chant(&["sync"]).ok().says(&format!("pushed     {other}")).says(&way).says_not(&format!("pushed     {id}"));
    them.git(&["push", "--quiet", "origin", "--delete", &deep]);
    them.chant(&["sync"]).ok().says(&format!("pushed     {id}"));
    us.chant(&["sync"]).ok();
    assert_eq!(shared(&us), shared(&them));
}

#[test]
fn a_number_that_somebody_made_up_breaks_nothing() {
    let (us, them) = two_clones();
    let event = "fail: X\n\nChant-Event: fail\nChant-Status: failed\nChant-Attempt: 4294967295\n";
    plant(&us, "refs/chant/specs/many", event, Some("spec.md"));
    them.chant(&["fetch"]).ok().says("many");
    them.chant(&["reset", "many"]).ok();
    assert_eq!(them.show("many")["attempt"], 4_294_967_295_u32);
}
