//! What people see: every file of `tests/cmd/` is a verb as it is typed, with all that it prints, and the README is one of them.
//!
//! Each runs in a repository of its own, with nothing of the machine's environment: [`TestRepo`]'s. What differs from run to run is left
//! out with trycmd's `[..]`. `TRYCMD=overwrite cargo test cmd::` writes what is printed now into the files; read it before you commit it.

use super::common::TestRepo;
use std::fs;
use std::path::{Path, PathBuf};

/// An agent without a model. It does what the spec's title says, and says so.
const AGENT: &str = r#"
prompt=$(cat)
case $prompt in
*'Do nothing'*) echo "I see nothing to do." && exit ;;
*'Give up'*) echo "This is beyond me." && exit 3 ;;
*'Change the rules'*) sed -i 's/- \[ \] .*/- [x] It is good enough/' "$CHANT_SPEC_FILE" ;;
esac
echo "I write made.txt."
echo "$CHANT_SPEC_ID" >>made.txt
git add made.txt
git commit -q -m 'Make it'
"#;

/// The README's agent: what `claude` is asked for in the tour, and prints of it.
const CLAUDE: &str = r#"
cat >/dev/null
echo 'echo hello, world' >hello.sh
git add hello.sh
git commit -q -m 'Greet the world'
echo '{"type":"assistant","message":{"content":[{"type":"text","text":"Wrote hello.sh, which says hello."}]}}'
echo '{"type":"result","subtype":"success","is_error":false}'
"#;

/// A case file, copied beside the directory that trycmd runs it in: `<root>/<name>.md` and `<root>/<name>.in`.
struct Case {
    file: PathBuf,
    copy: PathBuf,
    repo: TestRepo,
}

impl Case {
    /// The repository of a case; without a commit, and without git-chant.
    fn new(file: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let repo = TestRepo::empty(format!("{stem}.in"), &[]);
        let copy = repo.root().join(file.file_name().unwrap());
        fs::copy(&file, &copy).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self { file, copy, repo }
    }

    /// A verb's case: a repository with git-chant and an agent.
    fn of_verb(name: &str) -> Self {
        let case = Self::new(&format!("tests/cmd/{name}.md"));
        case.repo.write("README.md", "# A project\n");
        case.repo.commit_all("first");
        case.repo.chant(&["init"]).ok();
        case.repo.commit_all("Use git-chant");
        case.repo.agent("robin", AGENT);
        case
    }

    fn run(self) {
        let cases = trycmd::TestCases::new();
        for program in ["git", "cat", "sed", "sh"] {
            cases.register_bin(program, self.hermetic(program).as_path());
        }
        cases.case(&self.copy).run();
    }

    /// A program that runs with a scenario's environment, and with nothing of ours.
    fn hermetic(&self, program: &str) -> PathBuf {
        let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap().replace('\'', "'\\''"));
        let command = self.repo.command(self.repo.path(), program);
        let env: Vec<String> =
            command.get_envs().filter_map(|(name, value)| Some(format!("{}={}", name.to_str()?, quoted(value?)))).collect();
        self.repo.script(format!("hermetic/{program}"), &format!("exec env -i {} {program} \"$@\" </dev/null", env.join(" ")))
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if std::env::var_os("TRYCMD").is_some_and(|mode| mode == "overwrite") {
            fs::copy(&self.copy, &self.file).unwrap();
        }
    }
}

macro_rules! verbs {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { Case::of_verb(stringify!($name)).run(); })*

        /// Every file of `tests/cmd/` runs.
        #[test]
        fn no_file_is_left_out() {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd");
            let mut there: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            there.sort();
            let mut run = vec!["init.md".to_owned(), $(concat!(stringify!($name), ".md").to_owned()),*];
            run.sort();
            assert_eq!(there, run);
        }
    };
}

verbs![
    add, agents, approve, archive, cancel, check, doctor, edit, finalize, gate, history, hooks, list, log, merge, pause, prep, refusals,
    reject, reset, resume, show, split, verify, work, work_many,
];

#[test]
fn init() {
    Case::new("tests/cmd/init.md").run();
}

#[test]
fn the_readme_tells_what_happens() {
    let case = Case::new("README.md");
    case.repo.write("README.md", "# A project\n");
    case.repo.commit_all("first");
    case.repo.script("claude", CLAUDE);
    case.run();
}

#[test]
fn the_readmes_undo_leaves_nothing_of_ours() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let undo = readme.split("## Undo").nth(1).and_then(|text| text.split("```sh\n").nth(1)).and_then(|text| text.split("```").next());
    let repo = TestRepo::with_chant();
    repo.agent("robin", AGENT);
    repo.with_origin();
    repo.git(&["push", "-q", "origin", "main"]);
    let id = repo.add_spec("Say hello", &["made.txt is there `$ test -s made.txt`"]);
    repo.chant(&["work", &id, "--merge"]).ok();
    repo.chant(&["sync"]).ok();
    let output = repo.command(repo.path(), "sh").args(["-ec", undo.unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(repo.git(&["for-each-ref", "--format=%(refname)", "--exclude=refs/heads/main", "--exclude=refs/remotes"]), "");
    assert!(!repo.exists(".git/chant") && !repo.exists(".git/hooks/reference-transaction"));
    let settings = repo.git(&["config", "--local", "--list"]);
    assert!(!["\nchant.", "merge.chant", "refs/chant", "notes/chant"].iter().any(|ours| settings.contains(ours)), "{settings}");
    assert_eq!(repo.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1);
    assert!(["exclude", "attributes"].iter().all(|file| !repo.read(&format!(".git/info/{file}")).contains("chant")));
}
