//! A merge that git itself cannot make: the checkout is as it was.

use super::{TestRepo, finished, repository};
use std::path::Path;

/// git writes it before it refuses.
fn snapshot(repo: &TestRepo) -> super::super::common::Snapshot {
    repo.snapshot().without("git dir ORIG_HEAD")
}

#[test]
fn a_fast_forward_whose_branch_cannot_move_is_taken_back() {
    let (repo, id) = finished(&["It is good"], &[]);
    repo.git(&["config", "chant.verify", "merge"]);
    repo.write("README.md", "of a person\n");
    let lock = repo.git_dir().join("refs/heads/main.lock");
    std::fs::write(&lock, "").unwrap();
    let before = snapshot(&repo);
    repo.chant(&["merge", &id]).fails(128).says("git merge refused in");
    before.assert_same(&snapshot(&repo));
    std::fs::remove_file(&lock).unwrap();
    repo.chant(&["merge", &id]).ok().says("Merged.");
    assert_eq!(repo.git(&["status", "--porcelain"]), " M README.md");
}

/// Finished work with a file that a filter writes, which fails in the midst of the merge, as one does that needs a network.
fn filtered(verify: &str) -> (TestRepo, String) {
    let repo = repository();
    repo.write(".gitattributes", "*.big filter=far\n");
    repo.write(".gitignore", "*.local\n");
    repo.write("first", "1\n");
    repo.commit_all("Filter");
    for (key, value) in [("clean", "cat"), ("smudge", "cat"), ("required", "true")] {
        repo.git(&["config", &format!("filter.far.{key}"), value]);
    }
    let agent = "echo 2 >first; mkdir -p new/dir; echo n >new/dir/file; ln -s file new/dir/link; echo far >z.big; echo set >zz.local";
    repo.agent("maker", &format!("{agent}; git add -f .; git commit -q -m Make"));
    let id = repo.add_spec("Make", &[]);
    repo.chant(&["work", &id]).ok();
    repo.git(&["config", "chant.verify", verify]);
    repo.git(&["config", "filter.far.smudge", "false"]);
    (repo, id)
}

#[test]
fn a_merge_that_stops_in_the_midst_of_the_files_is_taken_back() {
    for verify in ["branch", "merge"] {
        let (repo, id) = filtered(verify);
        repo.write("README.md", "of a person\n");
        repo.write("zz.local", "a person's too\n");
        let before = snapshot(&repo);
        let said = repo.chant(&["merge", &id]).fails(128).says("git merge refused in").says("smudge filter");
        assert!(before == snapshot(&repo), "{verify}: {said}\n{}", before.diff(&snapshot(&repo)));
        assert!(!Path::new(repo.path()).join("new").exists() && repo.read("zz.local") == "a person's too\n");
        repo.git(&["config", "filter.far.smudge", "cat"]);
        repo.chant(&["merge", &id]).ok().says("Merged.");
        assert_eq!((repo.read("first").as_str(), repo.read("README.md").as_str()), ("2\n", "of a person\n"));
    }
}

#[test]
fn a_merge_whose_target_moves_meanwhile_is_made_anew() {
    for checked_out in [true, false] {
        let check = "It is there `$ test -e made.txt && sh \"$HOME/check\"`";
        let repo = super::repository();
        repo.write("../home/check", "");
        repo.agent("maker", "echo made >made.txt");
        let id = repo.add_spec("Make it", &[check]);
        repo.chant(&["work", &id]).ok();
        repo.git(&["config", "chant.verify", "merge"]);
        // What comes out is not the tree that was checked already.
        repo.write("beside.txt", "beside\n");
        repo.commit_all("Beside");
        // While the merge is checked, before it is in, somebody else's commit comes in; once.
        let top = repo.path().display().to_string();
        let other = "git commit-tree -p main -m Meanwhile main^{tree}";
        let moves = format!("cd '{top}'; git reset -q --soft $({other})");
        let moves = if checked_out { moves } else { format!("cd '{top}'; git update-ref refs/heads/main $({other})") };
        repo.write("../home/check", format!("test -e \"$HOME/moved\" || {{ : >\"$HOME/moved\"; {moves}; }}"));
        if !checked_out {
            repo.git(&["switch", "-q", "-c", "elsewhere"]);
        }
        repo.chant(&["merge", &id, "--target", "main"]).ok().says("Merged.");
        let log = repo.git(&["log", "--format=%s", "main"]);
        assert!(log.contains("Meanwhile") && log.contains(": merge Make it"), "{log}");
        assert_eq!(repo.git(&["show", "main:made.txt"]), "made");
        assert_eq!(repo.git(&["status", "--porcelain", "--untracked-files=no"]), "");
    }
}
