//! The gate's settings, from git config and from what the team shares.

use crate::gate::{RequireApproval, Settings, VerifyMode};
use crate::git::{Oid, Repository};
use crate::spec::settings;
use anyhow::Result;

/// git config, and `.chant/config.md` at the target's tip: what either asks for is asked for, whatever the other says.
pub fn settings(repo: &Repository, tip: Option<Oid>) -> Result<Settings> {
    let file = tip.map(|tip| repo.entry_at(tip, b".chant/config.md")).transpose()?.flatten();
    let shared = file.map(|(blob, _)| Ok::<_, anyhow::Error>(settings::read(&repo.blob(blob)?))).transpose()?.unwrap_or_default();
    let mut settings = Settings::default();
    let mut protected = repo.config_all("chant.protected");
    protected.extend(shared.protected);
    if !protected.is_empty() {
        protected.sort();
        protected.dedup();
        settings.protected = protected;
    }
    let verify: Vec<String> = repo.config("chant.verify").into_iter().chain(shared.verify).collect();
    settings.verify = VerifyMode::strictest(verify.iter().map(String::as_str));
    let approval: Vec<String> = repo.config("chant.requireApproval").into_iter().chain(shared.require_approval).collect();
    settings.require_approval = RequireApproval::strictest(approval.iter().map(String::as_str));
    settings.require_spec = repo.config_bool("chant.requireSpec", false) || shared.require_spec;
    settings.require_signed = repo.config_bool("chant.requireSigned", false) || shared.require_signed;
    settings.allow_override = repo.config_bool("chant.allowOverride", true) && shared.allow_override.unwrap_or(true);
    Ok(settings)
}
