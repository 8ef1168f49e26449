//! Every setting: an invalid value is refused by its name, with what it takes and the command that mends it.

use super::common::TestRepo;
use git_chant::settings::table::{AGENT, Kind, SETTINGS};

/// A value that a setting of this kind cannot have, and what must be said of it.
fn bad(kind: Kind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        Kind::Words(words) => ("nonsense", words[0]),
        Kind::Switch => ("ture", "neither true nor false"),
        Kind::Number => ("0", "no number from 1"),
        Kind::Time | Kind::TimeLimit => ("soon", "no duration: 90s, 15m"),
        Kind::SizeLimit => ("lots", "no size: 500k"),
        Kind::CostLimit => ("-1", "no amount of US dollars"),
        Kind::Span => ("soon, perhaps", "no span of time: '30 days', never"),
        Kind::Variable => ("SECRET", "no NAME=value"),
        Kind::Remote | Kind::SwitchOrRemote => ("nowhere", "no remote"),
        Kind::Text => return None,
    })
}

/// What follows the last `hint: git config` of an answer, run as a person would.
fn mend(repo: &TestRepo, said: &str) {
    let line = said.lines().find_map(|line| line.strip_prefix("hint: ").filter(|hint| hint.starts_with("git config "))).unwrap();
    let status = repo.command(repo.path(), "sh").args(["-c", line]).status().unwrap();
    assert!(status.success(), "{line}");
}

#[test]
fn a_value_that_cannot_be_meant_is_refused_before_anything_is_done() {
    let repo = TestRepo::new();
    repo.git(&["config", "merge.chant.driver", "git chant merge-driver %O %A %B %P"]);
    for setting in SETTINGS {
        let Some((value, expected)) = bad(setting.kind) else { continue };
        repo.git(&["config", setting.key, value]);
        if matches!(setting.kind, Kind::Remote | Kind::SwitchOrRemote) {
            // It is looked for where it is used, and the doctor names it.
            repo.chant(&["sync"]).fails(128);
            repo.chant(&["doctor"]).fails(1).says(&format!("{} is 'nowhere', which is no remote", setting.key));
            repo.git(&["config", "--unset", setting.key]);
            continue;
        }
        let said = repo.chant(&["add", "One"]).fails(128).says(&format!("{} is '{value}', which is ", setting.key)).says(expected);
        assert!(!repo.exists(".chant/specs"), "{}", setting.key);
        mend(&repo, &said.stderr);
        repo.chant(&["list"]).ok();
    }
    // An empty value takes back what a wider configuration says.
    for setting in SETTINGS {
        repo.git(&["config", "--replace-all", setting.key, ""]);
    }
    repo.chant(&["list"]).ok();
    repo.chant(&["doctor"]).says("verify: branch; approval: never").says_not("is ''");
    repo.git(&["config", "--remove-section", "chant"]);
    // Two are one error, and the way to the other.
    repo.git(&["config", "chant.jobs", "many"]);
    repo.git(&["config", "chant.verifyTimeout", "soon"]);
    repo.chant(&["list"]).fails(128).says("chant.jobs is 'many'").says("hint: 1 more: git chant doctor");
}

#[test]
fn the_doctor_names_every_value_that_cannot_be_meant_and_every_name_that_is_none() {
    let repo = TestRepo::new();
    let of_agent = |key: &str| format!("chant.agent.odd one.{key}");
    let all = SETTINGS.iter().map(|setting| (setting.key.to_owned(), setting.kind));
    let all: Vec<(String, Kind)> = all.chain(AGENT.iter().map(|setting| (of_agent(setting.key), setting.kind))).collect();
    // git does not care how names are written.
    for key in ["chant.verifyTimeOut", "chant.verfyIn", "chant.agent.odd one.timout", "chant.flavour", "chant.agnet.x.command"] {
        repo.git(&["config", key, "90s"]);
    }
    for (key, value) in all.iter().filter_map(|(key, kind)| Some((key, bad(*kind)?.0))) {
        repo.git(&["config", key, value]);
    }
    repo.git(&["config", "--global", "chant.requireSpecs", "true"]);
    let said = repo.chant(&["doctor", "--json"]).fails(1).stdout;
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let findings: Vec<(&str, &str)> = said["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["about"] == "settings" && finding["level"] == "wrong")
        .map(|finding| (finding["text"].as_str().unwrap(), finding["command"].as_str().unwrap()))
        .collect();
    let finds = |text: &str| findings.iter().find(|(found, _)| found.contains(text)).unwrap_or_else(|| panic!("{text}: {findings:#?}"));
    for (key, expected) in all.iter().filter_map(|(key, kind)| Some((key, bad(*kind)?.1))) {
        let (text, command) = finds(&format!("{key} is '"));
        assert!(text.contains(expected) && command.starts_with("git config "), "{text} {command}");
    }
    finds("chant.verfyIn is no setting; is chant.verifyIn meant?");
    finds("chant.agent.odd one.timout is no setting; is chant.agent.odd one.timeout meant?");
    assert_eq!(finds("chant.flavour is no setting").0, "chant.flavour is no setting");
    assert_eq!(finds("chant.agnet.x.command is no setting").1, "git config --unset-all chant.agnet.x.command");
    assert_eq!(
        finds("chant.requireSpecs is no setting; is chant.requireSpec meant?").1,
        "git config --global --unset-all chant.requireSpecs"
    );
    assert!(
        !findings.iter().any(|(text, _)| text.contains("verifyTimeOut is no setting") || text.contains("merge.chant")),
        "{findings:#?}"
    );
}

/// A hook stops nobody's work because of a typo: it asks for the most, and says so where it refuses.
#[test]
fn a_hook_takes_the_stricter_side_and_says_so() {
    let repo = TestRepo::with_chant();
    repo.agent("robin", "echo made >made.txt");
    let id = repo.add_spec("Do it", &["It is made `$ test -f made.txt`"]);
    repo.chant(&["work", &id]).ok();
    repo.git(&["switch", "-q", "-c", "free"]);
    repo.commit_all("Free as a bird");
    repo.write("bird", "x\n");
    repo.commit_all("Fly");
    repo.git(&["switch", "-q", "main"]);
    repo.git(&["config", "chant.requireSpec", "ture"]);
    let said = repo.try_git(&["merge", "-q", "free"]);
    assert!(said.code != 0 && !repo.exists("bird"), "{said}");
    said.says("belongs to no spec").says("warning: chant.requireSpec is 'ture', which is neither true nor false; the strictest is taken");
    // What asks for no more than is there goes on.
    repo.try_git(&["merge", "-q", "--no-ff", "--no-edit", &format!("chant/{id}")]).ok();
    repo.git(&["config", "--unset", "chant.requireSpec"]);
    // What is shared is told of too.
    repo.write(".chant/config.md", "---\nprotected: [main]\nrequire_spec: maybe\nverify: meerge\n---\n");
    repo.git(&["add", ".chant/config.md"]);
    repo.git(&["commit", "-q", "--no-verify", "-m", "Settings", "--trailer", &format!("Chant-Spec={id}")]);
    repo.try_git(&["merge", "-q", "--no-ff", "--no-edit", "free"])
        .says("belongs to no spec")
        .says(".chant/config.md of main: 'require_spec: maybe' is neither true nor false")
        .says("'verify: meerge' is none of: branch, merge, none");
}

/// With `chant.autoPush` mistyped a push goes on without specs, and says so.
#[test]
fn a_push_goes_on_without_what_cannot_be_meant() {
    let repo = TestRepo::with_chant();
    repo.with_origin();
    repo.add_spec("One", &[]);
    repo.git(&["config", "chant.autoPush", "enabled"]);
    repo.try_git(&["push", "-q", "origin", "main"]).ok().says("chant.autoPush is 'enabled'").says("specs were not pushed along");
    assert!(!repo.git(&["ls-remote", "origin"]).contains("refs/chant/"));
}
