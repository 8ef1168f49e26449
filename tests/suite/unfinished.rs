//! A verb that is killed while it commits a spec's file: staged, and the branch not moved yet. The next command finishes it.

use super::common::{CHANT, Outcome, TestRepo};

/// A git that kills whoever starts it before it moves the branch.
const DEADLY: &str = r#"case " $* " in *" chant: chant("*) kill -9 $PPID; exit 1;; esac
exec "$REAL_GIT" "$@""#;

/// A repository whose last command was killed in the middle of committing an edit; the spec's id.
fn killed() -> (TestRepo, String) {
    let repo = TestRepo::with_chant();
    let id = repo.add_spec("Greet", &["It greets"]);
    let dir = repo.script("deadly/git", DEADLY).parent().unwrap().to_owned();
    let real = std::env::split_paths(&std::env::var_os("PATH").unwrap()).map(|dir| dir.join("git")).find(|path| path.is_file()).unwrap();
    let path = std::env::join_paths(std::iter::once(dir).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap()))).unwrap();
    let mut command = repo.command(repo.path(), CHANT);
    command.args(["edit", &id, "--title", "Greet everybody"]).env("PATH", path).env("REAL_GIT", real);
    let outcome = Outcome::of(&mut command);
    assert!(
        repo.git(&["status", "--porcelain", "--untracked-files=no"]).starts_with("M  "),
        "it was not killed where it should be: {outcome}"
    );
    (repo, id)
}

#[test]
fn the_next_command_finishes_the_commit() {
    let (repo, id) = killed();
    let before = repo.git(&["rev-list", "--count", "HEAD"]);
    repo.chant(&["list"]).ok().says("Greet everybody");
    assert_eq!(repo.git(&["status", "--porcelain", "--untracked-files=no"]), "");
    assert!(repo.git(&["log", "-1", "--format=%s", "--name-only"]).contains(&TestRepo::spec_file(&id)));
    assert_eq!(repo.git(&["rev-list", "--count", "HEAD"]).parse::<u32>().unwrap(), before.parse::<u32>().unwrap() + 1);
    repo.chant(&["list"]).ok();
    assert_eq!(repo.events(&id), ["create", "edit"]);
}

#[test]
fn what_a_person_made_of_the_file_since_is_an_edit_of_theirs() {
    let (repo, id) = killed();
    repo.edit_spec(&id, "It greets", "It greets twice");
    repo.chant(&["list"]).ok().says("Recorded your edit");
    assert_eq!(repo.git(&["status", "--porcelain", "--untracked-files=no"]), "");
    assert!(repo.git(&["show", &format!("HEAD:{}", TestRepo::spec_file(&id))]).contains("It greets twice"));
    assert_eq!(repo.events(&id), ["create", "edit", "edit"]);
}

#[test]
fn beside_a_merge_it_waits_until_that_is_over() {
    let (repo, id) = killed();
    repo.write("x", "x");
    repo.git(&["add", "x"]);
    let tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
    let other = repo.git(&["commit-tree", "-p", "HEAD", "-m", "Other", &tree]);
    std::fs::write(repo.git_dir().join("MERGE_HEAD"), format!("{other}\n")).unwrap();
    repo.chant(&["list"]).ok();
    assert!(repo.git(&["status", "--porcelain", "--untracked-files=no"]).contains(&format!("M  {}", TestRepo::spec_file(&id))));
    std::fs::remove_file(repo.git_dir().join("MERGE_HEAD")).unwrap();
    repo.chant(&["list"]).ok();
    assert_eq!(repo.git(&["status", "--porcelain", "--untracked-files=no"]), "A  x", "nobody else's index entry was touched");
}
