//! Man pages and completions are made from the command line; what is committed is what it makes.

use std::path::Path;
use std::process::Command;

const MEND: &str = "cargo run -- generate .";

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}; run: {MEND}", dir.display()));
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn generate() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_git-chant")).arg("generate").arg(dir.path()).env_clear().status().unwrap();
    assert!(status.success());
    dir
}

#[test]
fn man_pages_and_completions_are_what_the_command_line_makes() {
    let dir = generate();
    for part in ["man", "completions"] {
        let (made, committed) = (dir.path().join(part), top().join(part));
        for name in names(&made) {
            let there = std::fs::read(committed.join(&name)).unwrap_or_default();
            let same = there == std::fs::read(made.join(&name)).unwrap();
            assert!(same, "{part}/{name} is not what the command line makes; run: {MEND}");
        }
        let stale: Vec<_> = names(&committed).into_iter().filter(|name| !name.ends_with(".7") && !names(&made).contains(name)).collect();
        assert!(stale.is_empty(), "no command makes these any more; git rm {part}/{}", stale.join(" "));
    }
}

/// git's completion looks for `_git_chant`; it is asked here as git asks it.
#[test]
fn bash_completes_git_chant() {
    let home = tempfile::tempdir().unwrap();
    let file = top().join("completions/git-chant.bash");
    let ask = |line: &str| {
        let script = format!(
            r#". "$1"; words=({line}); cword=$((${{#words[@]}} - 1)); __git_cmd_idx=1
            cur=${{words[cword]}}; prev=${{words[cword - 1]}}; _git_chant; printf '%s\n' "${{COMPREPLY[@]}}""#
        );
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", &script, "bash"]).arg(&file).env_clear().env("PATH", path).current_dir(home.path());
        let output = bash.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ask("git chant ver"), ["verify"]);
    assert_eq!(ask("git chant work --ag"), ["--agent"]);
    let verbs = ask("git chant ''");
    assert!(verbs.contains(&"work".to_owned()) && !verbs.contains(&"merge-driver".to_owned()), "{verbs:?}");
}

/// The one place that explains the words for outcomes has those of the code, each once, and no others.
#[test]
fn the_concepts_page_has_the_words_of_the_code() {
    use git_chant::spec::{Approval, EventKind, Status};
    let page = std::fs::read_to_string(top().join("man/gitchant-concepts.7")).unwrap().replace("\\-", "-");
    let explained = |section: &str| {
        let text = page.split(&format!(".SH {section}\n")).nth(1).unwrap_or_else(|| panic!("no section {section}"));
        let text = text.split("\n.SH ").next().unwrap();
        let tagged = text.split(".TP\n").skip(1).filter_map(|item| item.lines().next()?.strip_prefix(".B "));
        let mut words: Vec<String> = tagged.map(str::to_owned).collect();
        words.sort();
        words
    };
    let sorted = |words: Vec<&str>| {
        let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        words.sort();
        words
    };
    let mut status: Vec<_> = Status::ALL.iter().map(|status| status.as_str()).collect();
    status.extend(["ready", "blocked", "verified", "claimed"]);
    assert_eq!(explained("STATUS"), sorted(status));
    assert_eq!(explained("APPROVAL"), sorted(Approval::ALL.iter().map(|approval| approval.as_str()).collect()));
    assert_eq!(explained("EVENTS"), sorted(EventKind::ALL.iter().map(|kind| kind.as_str()).collect()));
    assert_eq!(explained("CHECKS"), ["FAIL", "PASS", "SKIP"]);
    let words: Vec<&str> = page.split(|c: char| c.is_whitespace() || "\",".contains(c)).collect();
    for prompt in git_chant::agent::prompt::names() {
        assert!(words.contains(&prompt), "no prompt {prompt}");
    }
    let readme = std::fs::read_to_string(top().join("README.md")).unwrap();
    for status in Status::ALL {
        assert!(readme.contains(&format!("`{status}`")), "README.md does not name {status}");
    }
}
