use crate::agent::Agent;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::safe;
use crate::spec::{Document, SpecId};
use crate::store::import::ImportFile;
use crate::store::transport::transport;
use crate::store::{ARCHIVE_DIR, SPEC_DIR, spec_path};
use crate::workflow::sync::{self, Report};
use crate::workflow::{files, hooks, inside, pickup};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};

/// Arguments of `git chant init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Keep `.chant/` out of every commit: specs live in refs alone
    #[arg(long)]
    silent: bool,
    /// Install no hooks
    #[arg(long)]
    no_hooks: bool,
    /// The agent to work with (sets `chant.agent`)
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
}

const CONFIG: &str = include_str!("config.md");

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let top = ctx.repo.require_work_dir()?;
    refuse_mixed_modes(ctx, &args)?;
    // Once silent, always silent: a later `init` renews what is there.
    let set_up = Setup { ctx, top, silent: args.silent || ctx.silent() };
    if args.silent {
        set_up.config("chant.silent", "true")?;
    }
    set_up.exclude()?;
    set_up.settings_file()?;
    set_up.merge_driver()?;
    if let Some(agent) = &args.agent {
        set_up.config("chant.agent", agent)?;
    }
    set_up.remotes()?;
    if args.no_hooks {
        ctx.out.line("hooks: left alone (--no-hooks)");
    } else {
        set_up.hooks()?;
    }
    set_up.fetch()?;
    set_up.import()?;
    // What people did to files of specs that others know. What this command has written is not in the configuration that it began with.
    pickup::pick_up(&Context::discover()?)?;
    if let Some(Err(error)) = args.agent.as_deref().map(|name| Agent::resolve(Some(name), &ctx.repo)) {
        // It may be installed later; 'git chant work' would be the first to say so.
        ctx.out.warning(format!("{error:#}"));
        for hint in error.downcast_ref::<Failure>().map(Failure::hints).unwrap_or_default() {
            ctx.out.hint(hint);
        }
    }
    let specs = ctx.store().ids()?.len();
    ctx.out.line(match specs {
        0 => "Ready. Write a spec: git chant add 'What you want'".to_owned(),
        1 => "Ready, with 1 spec: git chant list".to_owned(),
        _ => format!("Ready, with {specs} specs: git chant list"),
    });
    Ok(Outcome::Yes)
}

/// Going silent where commits hold spec files already would have git overwrite them unseen.
fn refuse_mixed_modes(ctx: &Context, args: &Args) -> Result<()> {
    let head = ctx.repo.head()?.commit;
    let tracked = head.map(|head| ctx.repo.entry_at(head, SPEC_DIR.as_bytes())).transpose()?.flatten().is_some();
    if args.silent && tracked {
        return Err(Failure::new(format!("{SPEC_DIR} is committed here, so it cannot be kept out of commits"))
            .hint("git chant init")
            .hint(format!("or take it out of git first: git rm -r --cached {SPEC_DIR} && git commit"))
            .into());
    }
    Ok(())
}

/// A branch's name in a YAML list; git allows names that are more than a word to YAML.
fn yaml_word(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte)) && name.starts_with(char::is_alphabetic);
    if plain { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}

struct Setup<'a> {
    ctx: &'a Context,
    top: PathBuf,
    silent: bool,
}

impl Setup<'_> {
    fn config(&self, key: &str, value: &str) -> Result<()> {
        if self.ctx.repo.config(key).as_deref() == Some(value) {
            return Ok(());
        }
        self.ctx.repo.git().command(["config", "--local", key, value]).output()?;
        self.ctx.out.line(format!("git config: {key} = {}", safe(value)));
        Ok(())
    }

    /// Adds lines to a file of the git directory, once.
    fn add_line(&self, file: &str, line: &str) -> Result<()> {
        let path = self.ctx.repo.common_dir().join(file);
        let mut text = std::fs::read(&path).unwrap_or_default();
        if text.split(|&byte| byte == b'\n').any(|have| have == line.as_bytes()) {
            return Ok(());
        }
        if !text.is_empty() && !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        text.extend_from_slice(format!("{line}\n").as_bytes());
        files::replace(&path, &text)?;
        self.ctx.out.line(format!("{file}: added {line}"));
        Ok(())
    }

    fn exclude(&self) -> Result<()> {
        self.add_line("info/exclude", "/.chant/worktrees/")?;
        if self.silent { self.add_line("info/exclude", "/.chant/") } else { Ok(()) }
    }

    fn settings_file(&self) -> Result<()> {
        let path = self.top.join(".chant/config.md");
        if path.exists() {
            self.ctx.out.line(".chant/config.md: left as it is");
            return Ok(());
        }
        let main = self.main_of_another_name()?;
        let protected = main.clone().map_or_else(|| self.ctx.repo.config_all("chant.protected"), |main| vec![main]);
        let text = match protected.iter().map(|name| yaml_word(name)).collect::<Vec<_>>().join(", ") {
            names if names.is_empty() => CONFIG.to_owned(),
            names => CONFIG.replace("[main, master]", &format!("[{names}]")),
        };
        files::replace(&path, text.as_bytes())?;
        let advice = if self.silent { "" } else { "; commit it to share the settings" };
        self.ctx.out.line(format!(".chant/config.md: created{advice}"));
        // The file counts once it is committed.
        main.map_or(Ok(()), |main| self.config("chant.protected", &main))
    }

    /// The main branch, where nothing says yet what is protected and it is called neither main nor master: what the remote checks out,
    /// else the only branch that can be it.
    fn main_of_another_name(&self) -> Result<Option<String>> {
        let repo = &self.ctx.repo;
        let usual = ["main", "master"];
        if repo.config("chant.protected").is_some() {
            return Ok(None);
        }
        let remote = repo.git().command(["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]).run_raw()?;
        let remote = String::from_utf8_lossy(&remote.stdout).trim().strip_prefix("origin/").map(str::to_owned);
        let mut has_usual = false;
        for name in usual {
            has_usual |= repo.reference(&format!("refs/heads/{name}"))?.is_some();
        }
        let here = if has_usual { None } else { repo.current_branch()?.filter(|branch| !branch.starts_with("chant/")) };
        Ok(remote.or(here).filter(|branch| !usual.contains(&branch.as_str())))
    }

    /// Plain `git merge` joins spec files as we do.
    fn merge_driver(&self) -> Result<()> {
        self.config("merge.chant.name", "git-chant spec files")?;
        self.config("merge.chant.driver", "git chant merge-driver %O %A %B %P")?;
        if self.silent { Ok(()) } else { self.add_line("info/attributes", "/.chant/**/*.md merge=chant") }
    }

    /// A plain `git fetch` brings chant refs beside ours, never over them.
    fn remotes(&self) -> Result<()> {
        for remote in self.ctx.repo.remotes() {
            for refspec in sync::subscribe(self.ctx, &remote)? {
                self.ctx.out.line(format!("remote {}: fetches {}", safe(&remote), safe(&refspec)));
            }
        }
        Ok(())
    }

    fn hooks(&self) -> Result<()> {
        // What this command has written is not in the configuration that it read when it began.
        let now = Context::discover()?;
        match hooks::install(&now, &hooks::selection(&now.repo), false) {
            Ok(installed) => super::hooks::print_installed(self.ctx, &installed),
            // Everything else is set up all the same.
            Err(error) => match error.downcast::<Failure>() {
                Ok(failure) => {
                    self.ctx.out.warning(format!("no hooks were installed: {}", safe(&failure.to_string())));
                    failure.hints().iter().for_each(|hint| self.ctx.out.hint(safe(hint)));
                }
                Err(error) => return Err(error),
            },
        }
        Ok(())
    }

    /// What a remote has comes before what files say: a spec that others know keeps its history.
    fn fetch(&self) -> Result<()> {
        let Some(remote) = self.ctx.repo.default_remote()?.filter(|name| self.ctx.repo.remotes().contains(name)) else { return Ok(()) };
        let mut report = Report::default();
        let fetched = sync::fetch(&self.ctx.store(), &*transport(&self.ctx.repo, &remote, &[])?, &mut report);
        super::sync::tell_in_short(self.ctx, &remote, &report)?;
        if let Err(error) = fetched {
            self.ctx.out.warning(safe(&format!("{error:#}")));
            self.ctx.out.hint(format!("specs that others have come with: git chant fetch {}", safe(&remote)));
        }
        Ok(())
    }

    /// Takes over every spec file that no ref knows yet, and archives those below `.chant/archive`.
    fn import(&self) -> Result<()> {
        let store = self.ctx.store();
        let mut known = store.ids()?;
        known.extend(store.archived()?.into_keys());
        let known: std::collections::HashSet<SpecId> = known.into_iter().collect();
        let live = self.read_dir(Path::new(SPEC_DIR), &known)?;
        let archived = self.read_dir(Path::new(ARCHIVE_DIR), &known)?;
        let mut all = live.clone();
        all.extend(archived.iter().filter(|file| !live.iter().any(|other| other.id == file.id)).cloned());
        let imported = store.import(&all)?;
        // What is committed may be anybody's; what is not was written here.
        let head = self.ctx.repo.head()?.commit;
        for file in &live {
            let committed = match head {
                Some(head) => self.ctx.repo.entry_at(head, spec_path(&file.id).as_bytes())?.map(|(blob, _)| blob),
                None => None,
            };
            if committed != Some(self.ctx.repo.hash_blob(&file.bytes)?) {
                inside::trust(self.ctx, &Document::parse(file.bytes.clone()))?;
            }
        }
        let folded: Vec<_> = store.list()?.0.into_iter().filter(|spec| archived.iter().any(|file| file.id == spec.id)).collect();
        let folded = store.archive(&folded)?;
        if !imported.is_empty() {
            let archived = if folded.is_empty() { String::new() } else { format!(", {} of them archived", folded.len()) };
            self.ctx.out.line(format!("specs: {} imported from files{archived}", imported.len()));
        }
        Ok(())
    }

    fn read_dir(&self, dir: &Path, known: &std::collections::HashSet<SpecId>) -> Result<Vec<ImportFile>> {
        let mut list = Vec::new();
        let mut open = vec![self.top.join(dir)];
        while let Some(dir) = open.pop() {
            let Ok(entries) = std::fs::read_dir(&dir) else { continue };
            for entry in entries {
                let entry = entry.with_context(|| format!("could not list {}", dir.display()))?;
                let kind = entry.file_type().with_context(|| format!("could not look at {}", entry.path().display()))?;
                if kind.is_dir() {
                    open.push(entry.path());
                } else if let Some(file) = self.spec_file(&entry.path(), kind.is_file())?
                    && !known.contains(&file.id)
                {
                    list.push(file);
                }
            }
        }
        list.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(list)
    }

    fn spec_file(&self, path: &Path, is_file: bool) -> Result<Option<ImportFile>> {
        if !is_file || path.extension().is_none_or(|extension| extension != "md") {
            return Ok(None);
        }
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else {
            self.ctx.out.warning(format!("{}: its name is no UTF-8; it is left alone", safe(&path.display().to_string())));
            return Ok(None);
        };
        let id = match SpecId::parse(stem) {
            Ok(id) => id,
            Err(reason) => return Ok(self.left_alone(path, reason)),
        };
        let bytes = std::fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
        if let Err(error) = Document::parse(bytes.clone()).front() {
            return Ok(self.left_alone(path, error));
        }
        Ok(Some(ImportFile { id, bytes }))
    }

    /// Says why a file is no spec, but for those that the look at the files, which follows, tells of.
    fn left_alone(&self, path: &Path, reason: impl std::fmt::Display) -> Option<ImportFile> {
        if path.parent() != Some(&self.top.join(SPEC_DIR)) {
            self.ctx.out.warning(format!("{}: {reason}; it is left alone", safe(&path.display().to_string())));
        }
        None
    }
}
