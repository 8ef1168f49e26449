//! Looking at everything that git-chant rests on: what is installed, configured, protected and trusted. Nothing is changed.

use super::judge::{self, Asked};
use super::{files, hooks, recover};
use crate::agent::Agent;
use crate::context::Context;
use crate::gate::Decision;
use crate::git::Oid;
use crate::hook::Selection;
use crate::hook::look;
use crate::settings as config;
use crate::spec::settings;
use crate::spec::shell::word;
use crate::spec::words::branch_name;
use crate::store::spec_path;
use anyhow::Result;
use std::path::Path;

/// How a finding is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Ok,
    /// To know, and not wrong.
    Note,
    /// Wrong.
    Wrong,
}

impl Level {
    /// The word that people and machines see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Wrong => "wrong",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it is meant.
    pub level: Level,
    /// What it is about: `git`, `hooks`, `settings`, …
    pub about: &'static str,
    /// One sentence.
    pub text: String,
    /// What to type where it is wrong.
    pub mend: Option<String>,
}

/// Looks at everything.
pub fn examine(ctx: &Context) -> Result<Vec<Finding>> {
    let mut doctor = Doctor { ctx, findings: Vec::new() };
    doctor.git()?;
    doctor.identity();
    doctor.set_up();
    doctor.hooks()?;
    doctor.branches()?;
    doctor.settings()?;
    doctor.agent();
    doctor.trust();
    doctor.refs()?;
    doctor.runs()?;
    Ok(doctor.findings)
}

struct Doctor<'a> {
    ctx: &'a Context,
    findings: Vec<Finding>,
}

impl Doctor<'_> {
    fn ok(&mut self, about: &'static str, text: impl Into<String>) {
        self.findings.push(Finding { level: Level::Ok, about, text: text.into(), mend: None });
    }

    fn note(&mut self, about: &'static str, text: impl Into<String>) {
        self.findings.push(Finding { level: Level::Note, about, text: text.into(), mend: None });
    }

    fn wrong(&mut self, about: &'static str, text: impl Into<String>, mend: impl Into<String>) {
        self.findings.push(Finding { level: Level::Wrong, about, text: text.into(), mend: Some(mend.into()) });
    }

    fn git(&mut self) -> Result<()> {
        let said = self.ctx.repo.git().command(["version"]).line()?;
        let version = said.trim_start_matches("git version ").to_owned();
        let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        if (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) < (2, 38) {
            self.wrong("git", format!("git {version} is too old: 2.38 is needed"), "install a newer git");
        } else {
            self.ok("git", format!("git {version}"));
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own = hooks::binary()?;
        match std::env::split_paths(&path).map(|dir| dir.join("git-chant")).find(|file| file.is_file()) {
            None => {
                let dir = own.parent().unwrap_or(Path::new("")).display().to_string();
                self.wrong("program", "git-chant is not on the PATH, so 'git chant' is not found", format!("export PATH=\"{dir}:$PATH\""));
            }
            Some(found) if found.canonicalize().ok() != own.canonicalize().ok() => {
                self.note("program", format!("'git chant' is {}, and this is {}", found.display(), own.display()));
            }
            Some(found) => self.ok("program", found.display().to_string()),
        }
        Ok(())
    }

    fn identity(&mut self) {
        match self.ctx.repo.committer() {
            Ok(who) => self.ok("identity", format!("{} <{}>", who.name, who.email)),
            Err(error) => {
                self.wrong("identity", error.to_string(), "git config user.name 'Your Name' && git config user.email you@example.com");
            }
        }
    }

    /// What `git chant init` does once for a clone.
    fn set_up(&mut self) {
        let repo = &self.ctx.repo;
        if repo.work_dir().is_none() {
            return;
        }
        let exclude = std::fs::read_to_string(repo.common_dir().join("info/exclude")).unwrap_or_default();
        let excluded = exclude.lines().any(|line| line == "/.chant/worktrees/" || line == "/.chant/");
        if !excluded || repo.config("merge.chant.driver").is_none() {
            self.wrong("clone", "git-chant was not set up in this clone", "git chant init");
        } else {
            self.ok("clone", "set up");
        }
        for remote in repo.remotes() {
            let wanted = format!("+refs/chant/*:refs/chant-remotes/{remote}/*");
            if !repo.config_all(&format!("remote.{remote}.fetch")).contains(&wanted) {
                self.wrong("clone", format!("git fetch does not bring specs from the remote '{remote}'"), "git chant init");
            }
        }
    }

    fn hooks(&mut self) -> Result<()> {
        let repo = &self.ctx.repo;
        let (selection, unknown) = Selection::parse(&repo.config("chant.hooks").unwrap_or_default());
        for word in unknown {
            self.wrong("hooks", format!("chant.hooks names '{word}', which is no hook of git-chant's"), "git chant hooks install --full");
        }
        let protected = hooks::protected(repo)?;
        let look = look::look(repo, &selection, &protected, &hooks::binary()?)?;
        if look.troubles.is_empty() {
            let dir = look.place.dir.as_deref().unwrap_or(Path::new("")).display().to_string();
            self.ok("hooks", format!("{} installed in {dir} ({})", look.hooks.len(), look.place.describe()));
        }
        for trouble in look.troubles {
            self.wrong("hooks", trouble.what, trouble.mend);
        }
        if selection.light {
            self.note("hooks", "light: a fast-forward of a protected branch is seen by pre-push and by the server alone; all of them: git chant hooks install --full");
        }
        for manager in look.managers {
            self.note("hooks", manager.to_string());
        }
        for (name, events) in look.configured {
            self.note(
                "hooks",
                format!("git's configuration names the hook '{name}' ({events}); git 2.54 and later run it before git-chant's"),
            );
        }
        self.ok("protected", protected.join(", "));
        Ok(())
    }

    fn branches(&mut self) -> Result<()> {
        for name in hooks::protected(&self.ctx.repo)?.iter().filter(|name| !name.contains('*')) {
            self.another_name(branch_name(name))?;
        }
        for (name, tip) in self.ctx.repo.references("refs/heads/")? {
            let branch = branch_name(&name);
            if judge::protects(&self.ctx.repo, branch, Some(tip))? {
                self.unpublished(branch, tip);
            }
        }
        Ok(())
    }

    /// No hook is told that a protected branch moves where it is another name of one that is not.
    fn another_name(&mut self, branch: &str) -> Result<()> {
        let repo = &self.ctx.repo;
        let said = repo.git().command(["symbolic-ref", "-q", &format!("refs/heads/{branch}")]).run_raw()?.stdout;
        let said = String::from_utf8_lossy(&said);
        let Some(other) = said.trim_end().strip_prefix("refs/heads/") else { return Ok(()) };
        if !judge::protects(repo, other, None)? {
            let full = word(&format!("refs/heads/{branch}"));
            let mend = format!("git symbolic-ref -d {full} && git branch {} {}", word(branch), word(other));
            self.wrong("protected", format!("the branch {branch} is another name of {other}, which is not protected"), mend);
        }
        Ok(())
    }

    /// Not every way into a branch runs a hook (`git branch -M` runs none), and what was let in may be undone since: what a protected branch
    /// has and no remote's copy of it is judged once more.
    fn unpublished(&mut self, branch: &str, tip: Oid) {
        let repo = &self.ctx.repo;
        let copy = |remote: &String| repo.reference(&format!("refs/remotes/{remote}/{branch}")).ok().flatten();
        let remote = repo.remotes().into_iter().find_map(|remote| copy(&remote).map(|there| (remote, there)));
        let Some((remote, there)) = remote.filter(|(_, there)| *there != tip) else { return };
        let heads = vec![(tip, None)];
        let asked = Asked { target: branch.to_owned(), current: Some(there), heads, result: Some(tip), ..Asked::default() };
        let why = match judge::ask(self.ctx, &asked) {
            Ok(Decision::Allow { .. }) => return,
            Ok(Decision::Refuse(reasons)) => reasons.iter().map(ToString::to_string).next().unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        let range = word(&format!("{remote}/{branch}..{branch}"));
        let mend = format!("git chant gate --target {} {range}", word(branch));
        self.wrong("protected", format!("the branch {branch} holds commits that a push would refuse: {why}"), mend);
    }

    fn settings(&mut self) -> Result<()> {
        let repo = &self.ctx.repo;
        for fault in config::faults(repo).into_iter().chain(config::more_faults(repo)) {
            self.wrong("settings", fault.to_string(), fault.mend);
        }
        for unknown in config::unknown(repo) {
            let meant = unknown.near.map(|near| format!("; is {near} meant?")).unwrap_or_default();
            self.wrong("settings", format!("{} is no setting{meant}", unknown.key), unknown.mend);
        }
        let Some(tip) = repo.head()?.commit else { return Ok(()) };
        if let Some((blob, false)) = repo.entry_at(tip, b".chant/config.md")? {
            for fault in settings::faults(&repo.blob(blob)?) {
                self.wrong("settings", format!(".chant/config.md: {fault}"), "$(git var GIT_EDITOR) .chant/config.md");
            }
        }
        let settings = judge::settings(repo, Some(tip))?;
        let verify = settings.verify.as_str();
        let place = if settings.believes_runs() { ", also in the agent's worktree" } else { "" };
        let spec = if settings.require_spec { "; every commit needs a spec" } else { "" };
        let signed = if settings.require_signed { ", signed" } else { "" };
        let overrides = if settings.allow_override { "" } else { "; overrides are turned off" };
        self.ok("settings", format!("verify: {verify}{place}; approval: {}{signed}{spec}{overrides}", settings.require_approval.as_str()));
        let ssh = repo.config("gpg.format").is_some_and(|format| format == "ssh");
        if settings.require_signed && ssh && repo.config("gpg.ssh.allowedSignersFile").is_none() {
            self.wrong("settings", "git believes no ssh signature without a list of signers", "git config gpg.ssh.allowedSignersFile FILE");
        }
        Ok(())
    }

    fn agent(&mut self) {
        let repo = &self.ctx.repo;
        match Agent::resolve(None, repo) {
            Ok(agent) => self.ok("agent", agent.name().to_owned()),
            Err(error) => self.note("agent", format!("{error}: git chant agents")),
        }
    }

    fn trust(&mut self) {
        if self.ctx.repo.config("chant.trust").is_some_and(|value| value == "all") {
            self.note(
                "trust",
                "chant.trust=all: commands of every spec run here, whoever wrote them; to end that: git config --unset chant.trust",
            );
            return;
        }
        let dir = self.ctx.repo.common_dir().join("chant/trust");
        let count = std::fs::read_dir(dir).map_or(0, Iterator::count);
        self.ok("trust", format!("{count} {} written or approved in this clone", if count == 1 { "intent" } else { "intents" }));
    }

    fn refs(&mut self) -> Result<()> {
        let (specs, foreign) = self.ctx.store().list()?;
        self.ok("specs", specs.len().to_string());
        for name in foreign {
            self.wrong("specs", format!("{name} holds no event, so there is no such spec"), format!("git update-ref -d {}", word(&name)));
        }
        for (id, error) in files::unreadable(self.ctx)? {
            let path = spec_path(&id);
            self.wrong("specs", format!("{path}: {error}"), format!("$(git var GIT_EDITOR) {path}"));
        }
        Ok(())
    }

    fn runs(&mut self) -> Result<()> {
        for id in recover::died(self.ctx)? {
            self.wrong("runs", format!("{id}: its git-chant died"), format!("git chant resume {id}"));
        }
        Ok(())
    }
}
