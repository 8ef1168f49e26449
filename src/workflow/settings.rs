//! The gate's settings, from git config and from what the team shares.

use crate::context::Context;
use crate::gate::{RequireApproval, Settings, VerifyMode};
use crate::git::{Oid, Repository};
use crate::output::safe;
use crate::settings as config;
use crate::spec::settings::{self, Shared};
use anyhow::Result;
use std::time::Duration;

/// The file that shares settings.
const FILE: &[u8] = b".chant/config.md";

/// Where criteria are checked at the end of a run: `chant.verifyIn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyIn {
    /// In a worktree of our own that is kept for its caches.
    Kept,
    /// In one that is made anew for every check.
    Fresh,
    /// In the worktree of the run.
    Run,
}

/// `chant.verifyIn`, from git config alone: what is shared could not be tightened by it.
pub fn verify_in(repo: &Repository) -> Result<VerifyIn> {
    Ok(match config::word(repo, "chant.verifyIn")?.as_str() {
        "run" => VerifyIn::Run,
        "fresh" => VerifyIn::Fresh,
        _ => VerifyIn::Kept,
    })
}

/// `chant.verifyTimeout`: how long the command of a criterion may take.
pub fn verify_timeout(repo: &Repository) -> Result<Option<Duration>> {
    config::limit(repo, "chant.verifyTimeout")
}

/// git config, and `.chant/config.md` at the target's tip: what either asks for is asked for, whatever the other says.
pub fn settings(repo: &Repository, tip: Option<Oid>) -> Result<Settings> {
    let shared = tip.map(|tip| shared(repo, tip)).transpose()?.unwrap_or_default();
    let mut settings = Settings::default();
    let mut protected = repo.config_all("chant.protected");
    protected.extend(shared.protected);
    if !protected.is_empty() {
        protected.sort();
        protected.dedup();
        settings.protected = protected;
    }
    let own = |key| repo.config(key).filter(|value| !value.is_empty());
    let verify: Vec<String> = own("chant.verify").into_iter().chain(shared.verify).collect();
    settings.verify = VerifyMode::strictest(verify.iter().map(String::as_str));
    let approval: Vec<String> = own("chant.requireApproval").into_iter().chain(shared.require_approval).collect();
    settings.require_approval = RequireApproval::strictest(approval.iter().map(String::as_str));
    settings.require_spec = config::strict(repo, "chant.requireSpec", true) || shared.require_spec;
    settings.require_signed = config::strict(repo, "chant.requireSigned", true) || shared.require_signed;
    // From git config alone: it asks for less.
    settings.checks_in_runs = repo.config("chant.verifyIn").is_some_and(|value| value == "run");
    settings.allow_override = config::strict(repo, "chant.allowOverride", false) && shared.allow_override.unwrap_or(true);
    Ok(settings)
}

/// The settings of the gate: an invalid value is taken for the strictest one.
const GATE: &[&str] =
    &["chant.allowOverride", "chant.requireApproval", "chant.requireSigned", "chant.requireSpec", "chant.verify", "chant.verifyIn"];

/// Says what of the settings of a branch had to be guessed: a hook stops nobody's work because of a typo, and asks for more meanwhile.
pub fn tell_guesses(ctx: &Context, target: &str) -> Result<()> {
    for fault in config::faults(&ctx.repo).into_iter().filter(|fault| GATE.contains(&fault.key.as_str())) {
        ctx.out.warning(format!("{fault}; the strictest is taken"));
        ctx.out.hint(fault.mend);
    }
    let Some(tip) = ctx.repo.reference(&format!("refs/heads/{target}"))? else { return Ok(()) };
    let Some((blob, false)) = ctx.repo.entry_at(tip, FILE)? else { return Ok(()) };
    for fault in settings::faults(&ctx.repo.blob(blob)?) {
        ctx.out.warning(safe(&format!(".chant/config.md of {target}: {fault}")));
        ctx.out.hint("an invalid value counts as the strictest one; fix it there: git chant doctor");
    }
    Ok(())
}

/// What a branch that is at `tip` asks for. One that is not there yet asks for the most that is asked for elsewhere.
pub fn of_branch(repo: &Repository, tip: Option<Oid>) -> Result<Settings> {
    let mut settings = settings(repo, tip)?;
    for place in if tip.is_none() { places(repo)? } else { Vec::new() } {
        let other = self::settings(repo, Some(place))?;
        settings.verify = settings.verify.max(other.verify);
        settings.require_approval = settings.require_approval.max(other.require_approval);
        settings.require_spec |= other.require_spec;
        settings.require_signed |= other.require_signed;
        settings.allow_override &= other.allow_override;
    }
    Ok(settings)
}

/// What `.chant/config.md` of a commit says.
fn shared(repo: &Repository, tip: Oid) -> Result<Shared> {
    let file = repo.entry_at(tip, FILE)?;
    Ok(file.map(|(blob, _)| Ok::<_, anyhow::Error>(settings::read(&repo.blob(blob)?))).transpose()?.unwrap_or_default())
}

/// Whether a branch that is at `tip` is protected. What is checked out where git runs has no say but to protect more: it may be the very
/// branch that wants in.
pub fn protects(repo: &Repository, branch: &str, tip: Option<Oid>) -> Result<bool> {
    if settings(repo, tip)?.protects(branch) {
        return Ok(true);
    }
    for place in places(repo)?.into_iter().filter(|place| Some(*place) != tip) {
        if (Settings { protected: shared(repo, place)?.protected, ..Settings::default() }).protects(branch) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Every branch name and pattern that is protected by what is known here.
pub fn protected(repo: &Repository) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for place in places(repo)? {
        all.extend(settings(repo, Some(place))?.protected);
    }
    if all.is_empty() {
        all = settings(repo, None)?.protected;
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// Where the list of protected branches may stand: what is checked out here and in the main worktree, and the usual trunks.
fn places(repo: &Repository) -> Result<Vec<Oid>> {
    let mut places: Vec<Oid> = repo.head()?.commit.into_iter().chain(repo.main_head()).collect();
    for trunk in ["refs/heads/main", "refs/heads/master"] {
        places.extend(repo.reference(trunk)?);
    }
    let mut seen = Vec::new();
    places.retain(|place| {
        !seen.contains(place) && {
            seen.push(*place);
            true
        }
    });
    Ok(places)
}
