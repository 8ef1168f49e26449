//! The rules of the house, held by reading the source: who may know whom, and how large a file may grow.
//!
//! They are written for people in `src/lib.rs`; here they are a table.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A module of the crate's root, and the others that it may name. A new module needs a row.
const MAY_USE: &[(&str, &[&str])] = &[
    ("main", &["cli", "failure", "output"]),
    ("lib", &[]),
    ("cli", &["commands", "failure"]),
    ("commands", &["settings", "workflow", "hook", "agent", "store", "gate", "context", "git", "spec", "output", "failure"]),
    ("workflow", &["settings", "hook", "agent", "store", "gate", "context", "git", "spec", "output", "failure"]),
    ("context", &["settings", "store", "git", "output", "failure"]),
    ("hook", &["store", "gate", "git", "spec", "failure"]),
    ("agent", &["settings", "git", "spec", "failure"]),
    ("store", &["settings", "git", "spec", "failure"]),
    ("settings", &["git", "spec", "failure"]),
    ("gate", &["spec"]),
    ("spec", &[]),
    ("git", &["failure"]),
    ("output", &["failure"]),
    ("failure", &[]),
];

/// A word of the source, and the files (paths below `src` begin so) that may hold it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("gix::", &["git/"]),
    ("clap::", &["commands/", "cli.rs"]),
    ("clap_complete", &["commands/generate.rs"]),
    ("clap_mangen", &["commands/generate.rs"]),
    ("println!", &["output/"]),
    ("print!", &["output/"]),
    ("io::stdout", &["output/"]),
    ("io::stderr", &["output/"]),
    ("Command::new(\"git\")", &["git/command.rs"]),
];

/// What no pure module may name: files, processes, the environment, clocks.
const IMPURE: &[&str] =
    &["std::fs", "std::process", "std::env", "std::net", "std::thread", "SystemTime", "Instant", "jiff", "rustix", "tempfile", "fastrand"];

/// Files over the limit that have a reason to be, each with the size that it may not outgrow.
const LARGE: &[(&str, usize)] = &[("tests/suite/common.rs", 600), ("tests/suite/shim.rs", 500)];

/// Lines that a file may have.
const LIMIT: usize = 400;

struct Source {
    /// Below the repository's top.
    path: String,
    /// Without comments and without what only tests hold.
    code: String,
    lines: usize,
}

impl Source {
    /// The path below `src`.
    fn place(&self) -> &str {
        self.path.strip_prefix("src/").unwrap_or(&self.path)
    }

    /// The module of the crate's root that the file belongs to.
    fn module(&self) -> &str {
        let first = self.place().split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    fn only_tests(&self) -> bool {
        self.path.ends_with("tests.rs")
    }
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(dir: &str) -> Vec<Source> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = vec![top().join(dir)];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(top()).unwrap().to_str().unwrap().to_owned();
                files.push(Source { path, code: code(&text), lines: text.lines().count() });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The text without comment lines, up to the module of tests, which by custom comes last.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).fold(String::new(), |code, line| code + line + "\n")
}

/// The names that follow `prefix` (`crate::`), with `{a::b, c}` taken apart.
fn named(code: &str, prefix: &str) -> BTreeSet<String> {
    let word = |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for rest in code.split(prefix).skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            names.insert(word(rest));
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for c in group.chars() {
            match c {
                '}' if depth == 0 => break,
                ',' if depth == 0 => {
                    names.insert(word(&std::mem::take(&mut item)));
                }
                _ => {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    item.push(c);
                }
            }
        }
        names.insert(word(&item));
    }
    names.remove("");
    names
}

/// Fails with one line a fault.
#[track_caller]
fn none(faults: Vec<String>, advice: &str) {
    assert!(
        faults.is_empty(),
        "{}\n{advice}",
        faults.iter().fold(String::new(), |mut all, fault| {
            writeln!(all, "  {fault}").unwrap();
            all
        })
    );
}

#[test]
fn groups_of_imports_are_taken_apart() {
    let code = "use crate::{git::{Oid, refs}, spec};\nuse crate::store::Spec;\nlet x = crate::output::safe();";
    assert_eq!(named(code, "crate::").into_iter().collect::<Vec<_>>(), ["git", "output", "spec", "store"]);
}

#[test]
fn arrows_point_down_only() {
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(|source| !source.only_tests()) {
        let module = source.module();
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            faults.push(format!("{}: no rule for the module {module}", source.path));
            continue;
        };
        let prefix = if module == "main" { "git_chant::" } else { "crate::" };
        for name in named(&source.code, prefix) {
            let is_module = MAY_USE.iter().any(|(module, _)| *module == name);
            if is_module && name != module && !allowed.contains(&name.as_str()) {
                faults.push(format!("{}: {module} may not use {name}", source.path));
            }
        }
        if source.code.contains("super::super::") {
            faults.push(format!("{}: say crate::… for what is not next door", source.path));
        }
    }
    none(faults, "The table in src/lib.rs says who may use whom.");
}

#[test]
fn words_stay_in_their_module() {
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(|source| !source.only_tests()) {
        for (word, places) in ONLY_IN {
            if source.code.contains(word) && !places.iter().any(|place| source.place().starts_with(place)) {
                faults.push(format!("{}: {word} belongs in {}", source.path, places.join(", ")));
            }
        }
        if matches!(source.module(), "spec" | "gate") {
            faults.extend(
                IMPURE.iter().filter(|word| source.code.contains(**word)).map(|word| format!("{}: {word} in a pure module", source.path)),
            );
        }
    }
    none(faults, "One module knows gix, one prints, one file spawns git; spec and gate do no I/O.");
}

#[test]
fn no_file_outgrows_a_reader() {
    let mut faults = Vec::new();
    for source in sources("src").into_iter().chain(sources("tests")) {
        let limit = LARGE.iter().find(|(path, _)| *path == source.path).map_or(LIMIT, |(_, limit)| *limit);
        if source.lines > limit {
            faults.push(format!("{}: {} lines, {limit} at most", source.path, source.lines));
        }
    }
    none(faults, "Split it by subject, or give it a row with a reason in tests/suite/layers.rs.");
}

#[test]
fn no_test_file_is_forgotten() {
    let all = sources("tests/suite");
    let mut faults = Vec::new();
    for source in &all {
        let path = Path::new(&source.path);
        let (dir, name) = (path.parent().unwrap().to_str().unwrap(), path.file_stem().unwrap().to_str().unwrap());
        if source.path == "tests/suite/main.rs" {
            continue;
        }
        let parents = [format!("{dir}/main.rs"), format!("{dir}.rs"), format!("{dir}/mod.rs")];
        let declares = |parent: &Source| {
            parents.contains(&parent.path)
                && parent.code.lines().any(|line| line.trim_start_matches("pub ").trim() == format!("mod {name};"))
        };
        if name != "mod" && !all.iter().any(declares) {
            faults.push(format!("{}: no `mod {name};` beside it", source.path));
        }
    }
    none(faults, "A file that no module names is never compiled.");
}
