//! `chant.requireSigned`, with a real ssh key and a real gpg key: git itself says which signatures it believes.

use super::super::common::{Outcome, TestRepo};
use super::super::merges::{beside, finished, repository};
use super::{overriding, unticked};

/// A key that git signs with; `believed` puts it among the allowed signers.
fn ssh_key(repo: &TestRepo, name: &str, believed: bool) {
    let key = repo.root().join(format!("home/{name}"));
    let mut keygen = repo.command(repo.root(), "ssh-keygen");
    Outcome::of(keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&key)).ok();
    repo.git(&["config", "gpg.format", "ssh"]);
    repo.git(&["config", "user.signingKey", key.to_str().unwrap()]);
    let signers = repo.root().join("home/signers");
    if believed {
        let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
        std::fs::write(&signers, format!("tester@example.com {public}")).unwrap();
    }
    repo.git(&["config", "gpg.ssh.allowedSignersFile", signers.to_str().unwrap()]);
}

/// Finished work whose approval is asked for, and given without a signature.
fn approved() -> (TestRepo, String, String) {
    let (repo, id) = finished(&["It is good"], &[]);
    repo.git(&["config", "chant.requireApproval", "always"]);
    beside(&repo, |repo| drop(repo.chant(&["approve", &id]).ok()));
    let branch = format!("chant/{id}");
    (repo, id, branch)
}

#[test]
fn an_approval_counts_with_a_signature_that_git_believes() {
    let (repo, id, branch) = approved();
    repo.chant(&["gate", &branch]).ok();
    ssh_key(&repo, "ann", true);
    repo.git(&["config", "chant.requireSigned", "true"]);
    // Given before anybody asked for signatures, and finished before.
    let said = repo.try_git(&["merge", &branch]).fails(128).says("its approval has no signature that git believes");
    let said = said.says(&format!("hint: git -c commit.gpgSign=true chant approve {id}"));
    said.says("its finish has no signature that git believes").says(&format!("hint: git -c chant.requireSigned=true chant finalize {id}"));
    beside(&repo, |repo| drop(repo.chant(&["finalize", &id]).ok()));
    // Signed with a key that nobody vouches for.
    ssh_key(&repo, "mallory", false);
    beside(&repo, |repo| drop(repo.chant(&["approve", &id]).ok()));
    repo.try_git(&["merge", &branch]).fails(128).says("no signature that git believes");
    repo.git(&["config", "user.signingKey", repo.root().join("home/ann").to_str().unwrap()]);
    beside(&repo, |repo| drop(repo.chant(&["approve", &id]).ok()));
    let events = repo.history(&id);
    let approval = events.iter().find(|event| event["event"] == "approve").unwrap();
    repo.git(&["verify-commit", approval["commit"].as_str().unwrap()]);
    repo.try_git(&["merge", &branch]).ok();
    repo.chant(&["doctor"]).ok().says("signed");
    repo.git(&["config", "--unset", "gpg.ssh.allowedSignersFile"]);
    repo.chant(&["doctor"]).fails(1).says("→ git config gpg.ssh.allowedSignersFile FILE");
}

/// The whole way with signatures: what a run records counts, and what somebody writes there does not.
#[test]
fn what_work_rests_on_is_signed_from_the_beginning() {
    let repo = repository();
    repo.write(".chant/config.md", "---\nrequire_signed: true\n---\n");
    repo.commit_all("Settle");
    let id = repo.add_spec("Do it", &["It holds `$ echo x >>\"$HOME/checks\"`", "It is good"]);
    repo.git(&["config", "gpg.format", "ssh"]);
    repo.git(&["config", "user.signingKey", "/nowhere/key"]);
    // Better known before the work than after it.
    repo.chant(&["work", &id]).fails(128).says("could not sign").says("hint: git config user.signingKey KEY");
    assert_eq!(repo.show(&id)["status"], "ready");
    ssh_key(&repo, "ann", true);
    repo.chant(&["work", &id]).ok();
    let branch = format!("chant/{id}");
    repo.chant(&["gate", &branch, "--target", "main"]).ok();
    let signed = |kind: &str| {
        let events = repo.history(&id);
        let event = events.iter().find(|event| event["event"] == kind).unwrap();
        repo.try_git(&["verify-commit", event["commit"].as_str().unwrap()]).code == 0
    };
    assert!(signed("verify") && signed("finish"));
    // The same event, written by somebody else.
    let name = format!("refs/chant/specs/{id}");
    let (tip, message) = (repo.git(&["rev-parse", &name]), repo.git(&["log", "-1", "--format=%B", &name]));
    let forged = repo.git(&["commit-tree", &format!("{tip}^{{tree}}"), "-p", &format!("{tip}~1"), "-m", &message]);
    repo.git(&["update-ref", &name, &forged]);
    repo.chant(&["gate", &branch, "--target", "main"]).fails(1).says("its finish has no signature that git believes");
    repo.git(&["update-ref", &name, &tip]);
    // Without a key a check is made, and its pass counts for nobody who asks for signatures.
    repo.git(&["config", "user.signingKey", "/nowhere/key"]);
    repo.chant(&["verify", &id, "--fresh"]).ok().says("git does not trust the signature on these verdicts");
    assert!(!signed("verify"));
    repo.chant(&["gate", &branch, "--target", "main"]).ok();
    repo.try_git(&["merge", "-q", &branch]).ok();
}

/// In its quarantine, by its own list of signers, and of what was pushed in the same push.
#[test]
fn a_server_believes_its_own_signers() {
    let (repo, id, branch) = approved();
    let bare = repo.at(repo.with_origin());
    bare.chant(&["hooks", "install", "--server"]).ok();
    bare.git(&["config", "chant.requireSigned", "true"]);
    bare.git(&["config", "chant.requireApproval", "foreign"]);
    let push = || repo.try_git(&["push", "-q", "--no-verify", "origin", &format!("{branch}:main"), "refs/chant/*:refs/chant/*"]);
    let said = push().fails(1).says("remote: error: spec").says("its finish has no signature that git believes");
    said.says("its approval has no signature that git believes");
    ssh_key(&repo, "ann", true);
    repo.git(&["config", "chant.requireSigned", "true"]);
    for verb in ["finalize", "approve"] {
        beside(&repo, |repo| drop(repo.chant(&[verb, &id]).ok()));
    }
    push().fails(1).says("no signature that git believes");
    let signers = repo.root().join("home/signers");
    bare.git(&["config", "gpg.ssh.allowedSignersFile", signers.to_str().unwrap()]);
    push().ok();
    assert_eq!(bare.git(&["rev-parse", "main"]), repo.git(&["rev-parse", &branch]));
}

#[test]
fn an_approval_that_cannot_be_signed_is_not_given() {
    let (repo, id) = finished(&["It is good"], &[]);
    repo.git(&["config", "chant.requireSigned", "true"]);
    repo.git(&["config", "gpg.format", "ssh"]);
    repo.git(&["config", "user.signingKey", "/nowhere/key"]);
    repo.chant(&["approve", &id]).fails(128).says("could not sign");
    assert!(!repo.events(&id).contains(&"approve".to_owned()));
}

#[test]
fn an_override_is_signed_too() {
    let (repo, id, branch) = unticked();
    repo.with_origin();
    ssh_key(&repo, "ann", true);
    overriding(&repo, "now", &["merge", "--ff-only", &branch]).ok();
    // It was not signed; here and now it let the work in, but it lets nothing out.
    repo.git(&["config", "chant.requireSigned", "true"]);
    repo.try_git(&["push", "-q", "origin", "main"]).fails(1).says("criterion 1 is not ticked");
    overriding(&repo, "now", &["push", "-q", "origin", "main"]).ok();
    assert_eq!(repo.events(&id).iter().filter(|kind| *kind == "override").count(), 2);
}

#[test]
fn gpg_signatures_count_as_well() {
    let (repo, id, branch) = approved();
    let home = repo.root().join("home/.gnupg");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut gpg = repo.command(repo.root(), "gpg");
    gpg.args([
        "--batch",
        "--quiet",
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "",
        "--quick-gen-key",
        "Tester <tester@example.com>",
        "ed25519",
        "sign",
    ]);
    if Outcome::of(&mut gpg).code != 0 {
        eprintln!("gpg makes no key here (its agent has no socket): left out");
        return;
    }
    repo.git(&["config", "chant.requireSigned", "true"]);
    repo.git(&["config", "user.signingKey", "tester@example.com"]);
    repo.try_git(&["merge", &branch]).fails(128).says("no signature that git believes");
    beside(&repo, |repo| drop(repo.chant(&["approve", &id]).ok()));
    beside(&repo, |repo| drop(repo.chant(&["finalize", &id]).ok()));
    repo.try_git(&["merge", &branch]).ok();
    drop(Outcome::of(repo.command(repo.root(), "gpgconf").args(["--kill", "gpg-agent"])));
}
