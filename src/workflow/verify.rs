//! Running executable criteria at a commit, in a worktree of our own, and recording what came of it.

use super::{inside, judge, setup};
use crate::agent::process::{Ended, Task, run as run_process};
use crate::context::Context;
use crate::failure::Failure;
use crate::git::{Git, Oid, Repository};
use crate::output::safe;
use crate::spec::{Criterion, EventKind, Facts, intent};
use crate::store::{Change, Spec};
use anyhow::{Context as _, Result};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What to think of passes that are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The same command is not run twice on the same code tree.
    Believed,
    /// Those from before the run that is ending: what is recorded while an agent works may be of its making, with programs of its own.
    BeforeRun,
    /// Everything is run here and now: whoever can write to the specs' refs can write a pass there.
    Ignored,
}

/// What became of one criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It exited 0, here and now.
    Pass,
    /// It passed before on the same code tree, so it was not run again.
    Reused,
    /// It did not; the reason is for people.
    Fail {
        /// Its exit code.
        exit: i32,
        /// Why, with the last lines that it printed.
        reason: String,
    },
    /// It has no command: only a person or the agent can say.
    Skip,
}

/// A criterion with its verdict.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its number, from 1.
    pub number: usize,
    /// The criterion.
    pub criterion: Criterion,
    /// What became of it.
    pub verdict: Verdict,
    /// How long it ran.
    pub took: Duration,
}

impl Check {
    /// The word that people and machines see: `PASS`, `FAIL` or `SKIP`.
    pub fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Pass | Verdict::Reused => "PASS",
            Verdict::Fail { .. } => "FAIL",
            Verdict::Skip => "SKIP",
        }
    }

    /// True where its command failed.
    pub fn failed(&self) -> bool {
        matches!(self.verdict, Verdict::Fail { .. })
    }
}

/// The facts of a spec's history, as the settings here have them.
pub fn facts(ctx: &Context, spec: &Spec) -> Result<Facts> {
    facts_by(ctx, spec, judge::settings(&ctx.repo, ctx.repo.head()?.commit)?.require_signed)
}

/// The facts of a spec's history; where signatures are asked for, what has none that git believes is nobody's word.
pub fn facts_by(ctx: &Context, spec: &Spec, require_signed: bool) -> Result<Facts> {
    let history = ctx.store().history(spec.tip)?;
    let events = history.iter().map(|recorded| &recorded.event);
    Ok(match require_signed {
        false => Facts::of(events),
        true => Facts::of_believed(events, |number| ctx.repo.has_good_signature(history[number].id).unwrap_or(false)),
    })
}

/// What was known when the newest run began.
fn facts_before_run(ctx: &Context, spec: &Spec) -> Result<Facts> {
    let history = ctx.store().history(spec.tip)?;
    match history.iter().find(|recorded| recorded.event.kind == EventKind::Start) {
        Some(start) => facts(ctx, &ctx.store().load_at(&spec.id, start.id)?),
        None => Ok(Facts::default()),
    }
}

/// Refuses a spec whose commands this clone neither wrote nor approved.
pub fn require_trust(ctx: &Context, spec: &Spec, trusted_by_flag: bool) -> Result<()> {
    if trusted_by_flag || ctx.store().trusts(&intent::id(&spec.document)) {
        return Ok(());
    }
    let message = format!("{} holds commands that this clone neither wrote nor approved", spec.id);
    Err(Failure::new(message)
        .hint(format!("read it: git chant show {} --body", spec.id))
        .hint(format!("approve it: git chant approve {}", spec.id))
        .hint("or run it this once with: --trust")
        .into())
}

/// Runs every executable criterion of the spec on the code tree of `commit`, and records the verdicts as an event and as a note.
///
/// A pass on the same code tree and command is reused, unless recorded ones are ignored; a failure never is. Nothing is recorded where
/// nothing was run; nor inside a run, whose surroundings (its `PATH`) are the agent's.
pub fn verify(ctx: &Context, spec: &Spec, commit: Oid, recorded: Recorded) -> Result<Vec<Check>> {
    let facts = match recorded {
        Recorded::BeforeRun => facts_before_run(ctx, spec)?,
        Recorded::Believed | Recorded::Ignored => facts(ctx, spec)?,
    };
    let tree = ctx.repo.code_tree(commit)?;
    let criteria = spec.document.criteria();
    let mut place: Option<Place> = None;
    let mut checks = Vec::new();
    for (index, criterion) in criteria.into_iter().enumerate() {
        let began = Instant::now();
        let verdict = match &criterion.command {
            None => Verdict::Skip,
            Some(command) if recorded != Recorded::Ignored && facts.passed(&tree.to_string(), &intent::command_digest(command)) => {
                Verdict::Reused
            }
            Some(command) => {
                let place = match &mut place {
                    Some(place) => place,
                    None => place.insert(Place::prepare(ctx, commit)?),
                };
                place.run(spec, command)?
            }
        };
        checks.push(Check { number: index + 1, criterion, verdict, took: began.elapsed() });
    }
    if place.is_some() && (recorded == Recorded::BeforeRun || !inside::a_run(ctx)) {
        let mut change = Change::new(EventKind::Verify).with("Tip", commit).with("Code-Tree", tree);
        if recorded != Recorded::Believed {
            change = change.with("Fresh", true);
        }
        record(ctx, spec, change, &checks)?;
        let failed = checks.iter().filter(|check| check.failed()).count();
        let result = if failed == 0 { "verified".to_owned() } else { format!("{failed} criteria failed") };
        ctx.store().note(commit, &format!("{}: {result} on code tree {}", spec.id, tree.short()))?;
    }
    Ok(checks)
}

fn record(ctx: &Context, spec: &Spec, mut change: Change, checks: &[Check]) -> Result<()> {
    for check in checks {
        let Some(command) = &check.criterion.command else { continue };
        let (word, exit) = match &check.verdict {
            Verdict::Pass | Verdict::Reused => ("pass", 0),
            Verdict::Fail { exit, .. } => ("fail", *exit),
            Verdict::Skip => continue,
        };
        change.text.push_str(&format!("{} {}. {}\n", check.word(), check.number, check.criterion.text));
        let digest = intent::command_digest(command);
        change = change.with("Verdict", format!("{word} {digest} exit={exit} ms={}", check.took.as_millis()));
    }
    let recorded = ctx.store().amend(&spec.id, |_| Ok(Some(change.clone())))?;
    let unsigned = |spec: &Spec| ctx.repo.has_good_signature(spec.tip).map(|good| !good);
    if ctx.store().requires_signed()? && recorded.as_ref().map(unsigned).transpose()?.unwrap_or(false) {
        ctx.out.warning("these verdicts have no signature that git believes, so that chant.requireSigned counts no pass of them");
        ctx.out.hint("git config user.signingKey KEY");
    }
    Ok(())
}

/// The worktree in which commands run: ours, kept between checks for its caches, one check at a time.
struct Place {
    path: PathBuf,
    _lock: File,
    timeout: Option<Duration>,
}

impl Place {
    fn prepare(ctx: &Context, commit: Oid) -> Result<Self> {
        let common = ctx.repo.common_dir().join("chant");
        std::fs::create_dir_all(&common).with_context(|| format!("could not make {}", common.display()))?;
        let lock = File::create(common.join("verify.lock")).context("could not make the lock of the verify worktree")?;
        lock.lock().context("could not lock the verify worktree")?;
        let path = super::plan::worktrees_dir(&ctx.repo).join(".verify");
        if ctx.repo.config("chant.verifyIn").is_some_and(|value| value == "fresh") && path.exists() {
            std::fs::remove_dir_all(&path).context("could not empty the verify worktree")?;
        }
        let git = Git::at(&path);
        let commit_name = commit.to_string();
        let put_back = || -> Result<()> {
            git.command(["checkout", "--quiet", "--detach", "--force", &commit_name]).output()?;
            // Untracked files go, ignored ones (caches) stay.
            git.command(["clean", "--quiet", "-fd"]).output().map(drop)
        };
        let is_there = is_worktree(&ctx.repo, &path)?;
        if !is_there {
            ctx.repo.forget_worktree(&path)?;
            ctx.repo.add_detached_worktree(&path, commit)?;
        }
        if !setup::is_done(ctx, &path)? {
            if is_there {
                put_back()?;
            }
            setup::prepare(ctx, &path)?;
        }
        put_back()?;
        let timeout = ctx.repo.config("chant.verifyTimeout").and_then(|text| super::plan::parse_duration(&text).ok());
        Ok(Self { path, _lock: lock, timeout: timeout.or(Some(Duration::from_secs(1800))) })
    }

    fn run(&mut self, spec: &Spec, command: &str) -> Result<Verdict> {
        let log = tempfile::NamedTempFile::new().context("could not make a temporary file")?;
        let task = Task {
            program: "sh".into(),
            args: vec!["-c".into(), command.into()],
            cwd: self.path.clone(),
            env: vec![("CHANT_SPEC_ID".into(), spec.id.as_str().into()), ("GIT_TERMINAL_PROMPT".into(), "0".into())],
            prompt_file: PathBuf::from("/dev/null"),
            log: std::fs::OpenOptions::new().read(true).append(true).open(log.path()).context("could not open a temporary file")?,
            group_file: None,
            timeout: self.timeout,
            idle: None,
            max_output: None,
            grace: Duration::from_secs(2),
            interactive: false,
        };
        let ended = run_process(task, &mut |_| {})?;
        let (exit, reason) = match ended {
            Ended::Exited(0) => match self.changed_files()? {
                files if files.is_empty() => return Ok(Verdict::Pass),
                files => (1, format!("it changed tracked files: {}", files.join(", "))),
            },
            Ended::Exited(code) => (code, format!("it exited with {code}")),
            Ended::Signalled(signal) => (128 + signal, format!("it was ended by signal {signal}")),
            Ended::TimedOut => (124, "it took too long (chant.verifyTimeout)".to_owned()),
            Ended::Idle | Ended::TooMuchOutput | Ended::Stopped => (1, "it was ended".to_owned()),
            Ended::Interrupted => return Err(Failure::new("interrupted").into()),
        };
        Ok(Verdict::Fail { exit, reason: format!("{reason}{}", last_lines(log.path())) })
    }

    /// The tracked files that a command changed; they are put back.
    fn changed_files(&self) -> Result<Vec<String>> {
        let git = Git::at(&self.path);
        let text = git.command(["status", "--porcelain=v1", "-z", "--untracked-files=no"]).output()?;
        let files = text.split(|&byte| byte == 0).filter(|entry| entry.len() > 3);
        let files: Vec<String> = files.map(|entry| String::from_utf8_lossy(&entry[3..]).into_owned()).collect();
        if !files.is_empty() {
            git.command(["checkout", "--quiet", "--force", "HEAD"]).output()?;
        }
        Ok(files)
    }
}

fn is_worktree(repo: &Repository, path: &Path) -> Result<bool> {
    let Ok(path) = path.canonicalize() else { return Ok(false) };
    Ok(repo.worktrees()?.iter().any(|tree| !tree.prunable && tree.path == path))
}

fn last_lines(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = safe(&String::from_utf8_lossy(&bytes));
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].iter().map(|line| format!("\n    {line}")).collect()
}
