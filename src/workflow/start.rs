//! Before an agent runs: the plan, then branch, worktree and prompt, and last of all the `start` event. Whatever can fail is done before
//! the event that says it happened, so a spec is never in progress with nobody working.

use super::{find, verify};
use crate::agent::{Agent, RunDir, prompt};
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::git::checkout::PathCommit;
use crate::git::{Git, Oid, RefChange, RefUpdate, Repository};
use crate::spec::{EventKind, SpecId, Status, intent};
use crate::store::{Change, SPEC_DIR, Spec, spec_path};
use anyhow::{Context as _, Result, bail};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a person asked of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The agent's name; else `chant.agent`.
    pub agent: Option<String>,
    /// The prompt's name; else the spec's, else its type's.
    pub prompt: Option<String>,
    /// Handed to the agent as `CHANT_MODEL`, and recorded.
    pub model: Option<String>,
    /// When the agent is ended.
    pub timeout: Option<Duration>,
    /// The branch that the work is meant for.
    pub target: Option<String>,
    /// Start although dependencies are open or attempts are used up. It never overrules a rejection or a missing approval.
    pub force: bool,
    /// Run commands of an intent that this clone neither wrote nor approved.
    pub trust: bool,
}

/// What a run would do. Nothing has been changed yet.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The spec, as decided from.
    pub spec: Spec,
    /// Who works.
    pub agent: Agent,
    /// The branch that the work is meant for, without `refs/heads/`.
    pub target: String,
    /// Its tip.
    pub base: Oid,
    /// Where the work will be.
    pub worktree: PathBuf,
    /// Unmerged work that is taken in first, in order.
    pub inputs: Vec<(SpecId, Oid)>,
    /// The prompt's name.
    pub prompt: String,
    /// What was asked.
    pub options: Options,
}

/// A run that has begun; its locks are held until this is dropped.
pub struct Started {
    /// The plan.
    pub plan: Plan,
    /// The spec after `start`.
    pub spec: Spec,
    /// The run's directory.
    pub dir: RunDir,
    /// The commit on which the agent begins.
    pub base: Oid,
    _lock: File,
}

/// Where linked worktrees of runs lie: under the main worktree, or in the git directory of a bare repository.
pub fn worktrees_dir(repo: &Repository) -> PathBuf {
    match repo.main_worktree() {
        Some(main) => main.join(".chant/worktrees"),
        None => repo.common_dir().join("chant/worktrees"),
    }
}

/// Checks everything that can be checked before anything is changed.
pub fn plan(ctx: &Context, spec: Spec, options: Options) -> Result<Plan> {
    may_start(ctx, &spec, &options)?;
    plan_unchecked(ctx, spec, options)
}

/// The plan without asking whether the spec may start now, for `prep` and `--dry-run`.
pub fn plan_unchecked(ctx: &Context, spec: Spec, options: Options) -> Result<Plan> {
    let agent = Agent::resolve(options.agent.as_deref(), &|key| ctx.repo.config(key))?;
    // An agent that cannot be started is found out now, not after the event that says it was.
    agent.invocation(spec.document.body())?;
    let target = match &options.target {
        Some(target) => target.clone(),
        None => target(ctx)?,
    };
    let base = ctx.repo.reference(&format!("refs/heads/{target}"))?;
    let base =
        base.ok_or_else(|| Failure::new(format!("branch '{target}' has no commit yet")).hint("git commit --allow-empty -m 'Begin'"))?;
    let front = spec.document.front().with_context(|| format!("could not read {}", spec_path(&spec.id)))?;
    let named = options.prompt.clone().or(front.prompt);
    let prompt = named.unwrap_or_else(|| prompt::default_for(&front.spec_type).to_owned());
    template(ctx, &prompt)?;
    let worktree = worktrees_dir(&ctx.repo).join(spec.id.as_str());
    let inputs = inputs(ctx, &spec, base)?;
    Ok(Plan { spec, agent, target, base, worktree, inputs, prompt, options })
}

/// The branch that work is meant for: the one checked out, else `chant.target`.
pub fn target(ctx: &Context) -> Result<String> {
    let here = ctx.repo.current_branch()?.filter(|branch| !branch.starts_with("chant/"));
    here.or_else(|| ctx.repo.config("chant.target")).ok_or_else(|| {
        Failure::new("HEAD is on no branch, so the work has no target")
            .hint("git switch main")
            .hint("or name it with: --target BRANCH")
            .into()
    })
}

fn may_start(ctx: &Context, spec: &Spec, options: &Options) -> Result<()> {
    let id = &spec.id;
    let refuse = |message: String, hints: &[String]| {
        let failure = hints.iter().fold(Failure::new(message), |failure, hint| failure.hint(hint.clone()));
        Err(failure.into())
    };
    if spec.event.approval.blocks() {
        let word = if spec.event.approval == crate::spec::Approval::Rejected { "was rejected" } else { "waits for approval" };
        return refuse(format!("{id} {word}"), &[format!("git chant approve {id}")]);
    }
    match spec.event.status {
        Status::Pending => {}
        Status::InProgress => {
            let hints = [format!("watch it: git chant log {id} --follow"), format!("if it died: git chant resume {id}")];
            return refuse(format!("{id} is in progress already"), &hints);
        }
        Status::Completed => {
            return refuse(format!("{id} is completed"), &[format!("git chant merge {id}"), format!("git chant reset {id}")]);
        }
        Status::Failed => {
            let hints = [format!("go on from its work: git chant resume {id}"), format!("start over: git chant reset {id}")];
            return refuse(format!("{id} failed"), &hints);
        }
        Status::NeedsAttention => {
            let hints = [format!("git chant show {id}"), format!("git chant approve {id}"), format!("git chant reset {id}")];
            return refuse(format!("{id} needs attention: its intent changed while it was worked on"), &hints);
        }
        Status::Paused | Status::Cancelled => return refuse(format!("{id} is {}", spec.event.status), &[format!("git chant reset {id}")]),
    }
    verify::require_trust(ctx, spec, options.trust)?;
    if options.force {
        return Ok(());
    }
    let blockers = super::pickup::blockers(ctx, id)?;
    if !blockers.is_empty() {
        return refuse(
            format!("{id} is blocked: {}", blockers.join("; ")),
            &[format!("git chant show {id}"), "or start it all the same: --force".into()],
        );
    }
    let most = ctx.repo.config("chant.maxAttempts").and_then(|text| text.parse().ok()).unwrap_or(3);
    let starts = verify::facts(ctx, spec)?.starts_since_reset;
    if starts >= most {
        let hints = [format!("git chant log {id}"), format!("git chant reset {id}"), "or start it all the same: --force".into()];
        return refuse(format!("{id} was started {starts} times (chant.maxAttempts)"), &hints);
    }
    Ok(())
}

/// The work tips that this spec builds on and that its target does not have yet: what it depends on, and what wrote the files that it is
/// informed by.
fn inputs(ctx: &Context, spec: &Spec, base: Oid) -> Result<Vec<(SpecId, Oid)>> {
    let front = spec.document.front().unwrap_or_default();
    let (specs, _) = ctx.store().list()?;
    let graph = find::graph(ctx, &specs)?;
    let mut wanted = graph.dependencies(&spec.id);
    for other in specs.iter().filter(|other| other.id != spec.id && other.event.status == Status::Completed) {
        let own_file = spec_path(&other.id);
        let named = front.informed_by.iter().any(|path| path == &own_file || path == other.id.as_str());
        let wrote = || -> Result<bool> {
            let targets = ctx.store().document_at(other.tip)?.front().unwrap_or_default().target_files;
            Ok(front.informed_by.iter().any(|path| targets.contains(path)))
        };
        if !wanted.contains(&other.id) && !front.informed_by.is_empty() && (named || wrote()?) {
            wanted.push(other.id.clone());
        }
    }
    let mut inputs = Vec::new();
    for id in wanted {
        let Some(other) = specs.iter().find(|other| other.id == id) else { continue };
        let history = ctx.store().history(other.tip)?;
        let facts = crate::spec::Facts::of(history.iter().map(|recorded| &recorded.event));
        let Some(tip) = facts.finish.and_then(|finish| Oid::from_hex(&finish.tip)) else { continue };
        if ctx.repo.has_object(tip) && !ctx.repo.is_ancestor(tip, base)? {
            inputs.push((id, tip));
        }
    }
    Ok(inputs)
}

/// A prompt's template: the repository's own at the top of this checkout, else the built-in one.
fn template(ctx: &Context, name: &str) -> Result<String> {
    if !prompt::valid_name(name) {
        return prompt::load(name, None);
    }
    let own = ctx.repo.work_dir().map(|top| top.join(".chant/prompts").join(format!("{name}.md")));
    let text = own.and_then(|path| std::fs::read_to_string(path).ok());
    prompt::load(name, text.as_deref())
}

/// The prompt of a plan. `root` is where the files that the spec names are read.
pub fn compose(ctx: &Context, plan: &Plan, root: &Path) -> Result<String> {
    let front = plan.spec.document.front().unwrap_or_default();
    let criteria = plan.spec.document.criteria();
    let criteria: Vec<String> = criteria.iter().map(|criterion| format!("- {}", criterion.text)).collect();
    let project = ctx.repo.main_worktree().and_then(|top| Some(top.file_name()?.to_string_lossy().into_owned()));
    let values = prompt::Values {
        project_name: ctx.repo.config("chant.project").or(project).unwrap_or_default(),
        spec_id: plan.spec.id.to_string(),
        spec_title: plan.spec.document.title(),
        spec_description: String::from_utf8_lossy(plan.spec.document.without_tool_sections()).into_owned(),
        spec_target_files: front.target_files.join("\n"),
        spec_acceptance_criteria: criteria.join("\n"),
        worktree_path: plan.worktree.display().to_string(),
        worktree_branch: plan.spec.id.branch(),
    };
    let informed: Vec<(String, String)> = front.informed_by.iter().filter_map(|path| read_named(root, path)).collect();
    Ok(prompt::compose(&template(ctx, &plan.prompt)?, &values, plan.spec.document.as_bytes(), &informed))
}

/// A file that a spec names, inside the checkout: no absolute path, no `..`, no link out of it.
fn read_named(root: &Path, path: &str) -> Option<(String, String)> {
    let root = root.canonicalize().ok()?;
    let file = root.join(path).canonicalize().ok().filter(|file| file.starts_with(&root) && file.is_file())?;
    Some((path.to_owned(), String::from_utf8_lossy(&std::fs::read(file).ok()?).into_owned()))
}

/// Makes branch, worktree and prompt, and records `start`. On any failure what was made is taken back.
pub fn begin(ctx: &Context, plan: Plan) -> Result<Started> {
    let lock = lock(ctx, &plan.spec.id)?;
    let run_id = new_run_id();
    let dir = RunDir::create(ctx.repo.common_dir(), &run_id, plan.spec.id.as_str())?;
    match prepare(ctx, &plan, &dir, &run_id) {
        Ok((base, spec)) => Ok(Started { plan, spec, dir, base, _lock: lock }),
        Err(error) => {
            take_back(ctx, &plan);
            dir.remove()?;
            Err(error)
        }
    }
}

fn prepare(ctx: &Context, plan: &Plan, dir: &RunDir, run_id: &str) -> Result<(Oid, Spec)> {
    let (id, branch) = (&plan.spec.id, plan.spec.id.branch());
    let full = format!("refs/heads/{branch}");
    super::recover::set_aside(ctx, id, "left over")?;
    if ctx.repo.update_refs(&[RefChange::new(&full, None, Some(plan.base))], "chant: start")? == RefUpdate::Lost {
        bail!("branch {branch} appeared meanwhile");
    }
    ctx.repo.add_worktree(&plan.worktree, &branch, &format!("git-chant run {run_id}"))?;
    dir.set_worktree(&plan.worktree)?;
    for (input, tip) in &plan.inputs {
        take_in(&plan.worktree, id, input, *tip)?;
    }
    let tree = Repository::open(&plan.worktree)?;
    let change = Change::new(EventKind::Start)
        .status(Status::InProgress)
        .with("Run", run_id)
        .with("Intent", intent::id(&plan.spec.document))
        .with("Target", &plan.target)
        .with("Agent", plan.agent.name());
    let mut change = Change { new_attempt: true, ..change };
    let document = ctx.store().prepare(&plan.spec, &change)?.document;
    write_spec(ctx, &tree, id, document.as_bytes(), &format!("chant({id}): start\n"))?;
    let base = ctx.repo.reference(&full)?.context("the branch was just made")?;
    change = change.with("Base", base);
    dir.set_prompt(compose(ctx, plan, &plan.worktree)?.as_bytes())?;
    ctx.store().keep(run_id, base)?;
    match ctx.store().append(&plan.spec, &change)? {
        Some(spec) => Ok((base, spec)),
        None => Err(Failure::new(format!("{id} changed while the run was being prepared")).hint(format!("git chant show {id}")).into()),
    }
}

/// Writes the spec's file in a run's worktree, and commits it there unless specs are kept out of every commit.
pub fn write_spec(ctx: &Context, tree: &Repository, id: &SpecId, bytes: &[u8], message: &str) -> Result<()> {
    let top = tree.require_work_dir()?;
    super::files::replace(&top.join(SPEC_DIR).join(id.file_name()), bytes)?;
    if ctx.silent() {
        return Ok(());
    }
    let blob = tree.write_blob(bytes)?;
    match tree.commit_path(&spec_path(id), blob, message)? {
        PathCommit::Done(_) => Ok(()),
        PathCommit::NotCommitted(reason) if reason.contains("already") => Ok(()),
        PathCommit::NotCommitted(reason) => bail!("could not commit the spec on {}: {reason}", id.branch()),
    }
}

/// Begins another attempt on the branch and in the worktree of the last one.
pub fn go_on(ctx: &Context, plan: Plan) -> Result<Started> {
    may_go_on(ctx, &plan)?;
    let lock = lock(ctx, &plan.spec.id)?;
    let run_id = new_run_id();
    let id = &plan.spec.id;
    let full = format!("refs/heads/{}", id.branch());
    let base = ctx.repo.reference(&full)?;
    let base = base.ok_or_else(|| Failure::new(format!("{id} has no branch to go on from")).hint(format!("git chant reset {id}")))?;
    let dir = RunDir::create(ctx.repo.common_dir(), &run_id, id.as_str())?;
    ctx.repo.prune_worktrees()?;
    let reason = format!("git-chant run {run_id}");
    match ctx.repo.worktree_of(&full)? {
        Some(_) => ctx.repo.lock_worktree(&plan.worktree, &reason)?,
        None => ctx.repo.add_worktree(&plan.worktree, &id.branch(), &reason)?,
    }
    dir.set_worktree(&plan.worktree)?;
    dir.set_prompt(compose(ctx, &plan, &plan.worktree)?.as_bytes())?;
    ctx.store().keep(&run_id, base)?;
    refresh_spec(ctx, &plan)?;
    // The work began where the first attempt on this branch began: what came since is the work.
    let began = verify::facts(ctx, &plan.spec)?.start.and_then(|start| Oid::from_hex(&start.base)).unwrap_or(base);
    let change = Change::new(EventKind::Start)
        .status(Status::InProgress)
        .with("Run", &run_id)
        .with("Intent", intent::id(&plan.spec.document))
        .with("Target", &plan.target)
        .with("Agent", plan.agent.name())
        .with("Base", began);
    let change = Change { new_attempt: true, ..change };
    match ctx.store().append(&plan.spec, &change)? {
        Some(spec) => Ok(Started { plan, spec, dir, base: began, _lock: lock }),
        None => {
            dir.remove()?;
            Err(Failure::new("the spec changed while the run was being prepared").hint("git chant list").into())
        }
    }
}

/// Gives a worktree that is gone on in the spec as it is now, where people changed what it asks for since; else its ticks stay.
fn refresh_spec(ctx: &Context, plan: &Plan) -> Result<()> {
    let file = plan.worktree.join(spec_path(&plan.spec.id));
    let there = std::fs::read(&file).ok().map(crate::spec::Document::parse);
    if there.is_some_and(|document| intent::id(&document) == intent::id(&plan.spec.document)) {
        return Ok(());
    }
    let tree = Repository::open(&plan.worktree)?;
    write_spec(ctx, &tree, &plan.spec.id, plan.spec.document.as_bytes(), &format!("chant({}): go on\n", plan.spec.id))
}

fn may_go_on(ctx: &Context, plan: &Plan) -> Result<()> {
    let id = &plan.spec.id;
    if plan.spec.event.approval.blocks() {
        return Err(Failure::new(format!("{id} waits for approval")).hint(format!("git chant approve {id}")).into());
    }
    verify::require_trust(ctx, &plan.spec, plan.options.trust)?;
    let most = ctx.repo.config("chant.maxAttempts").and_then(|text| text.parse().ok()).unwrap_or(3);
    let starts = verify::facts(ctx, &plan.spec)?.starts_since_reset;
    if starts >= most && !plan.options.force {
        return Err(Failure::new(format!("{id} was started {starts} times (chant.maxAttempts)"))
            .hint(format!("git chant log {id}"))
            .hint(format!("git chant reset {id}"))
            .into());
    }
    Ok(())
}

/// Merges the unmerged work of another spec into a run's worktree.
fn take_in(worktree: &Path, id: &SpecId, input: &SpecId, tip: Oid) -> Result<()> {
    let git = Git::at(worktree);
    let message = format!("chant({id}): take in {input}");
    let merge = git.command(["merge", "--quiet", "--no-ff", "--no-edit", "-m", &message, &tip.to_string()]);
    let output = merge.run_raw()?;
    if output.status.success() {
        return Ok(());
    }
    let conflicts = git.command(["diff", "--name-only", "--diff-filter=U"]).line()?;
    git.command(["merge", "--abort"]).run_raw()?;
    let files = conflicts.lines().collect::<Vec<_>>().join(", ");
    Err(Failure::new(format!("the unmerged work of {input} does not merge with the rest: conflicts in {files}"))
        .hint(format!("git chant merge {input}"))
        .into())
}

fn take_back(ctx: &Context, plan: &Plan) {
    // The worktree holds nothing but what we put there; whatever does not go is said by the next start.
    let removed = ctx.repo.unlock_worktree(&plan.worktree).and_then(|()| ctx.repo.remove_worktree(&plan.worktree));
    let branch = format!("refs/heads/{}", plan.spec.id.branch());
    if let (Ok(()), Ok(Some(tip))) = (removed, ctx.repo.reference(&branch)) {
        drop(ctx.repo.update_refs(&[RefChange::new(branch, Some(tip), None)], "chant: take back"));
    }
}

/// One process at a time prepares, ends or resets a run of a spec.
pub fn lock(ctx: &Context, id: &SpecId) -> Result<File> {
    let dir = ctx.repo.common_dir().join("chant/locks");
    std::fs::create_dir_all(&dir).with_context(|| format!("could not make {}", dir.display()))?;
    let path = dir.join(id.as_str());
    let file = File::create(&path).with_context(|| format!("could not open {}", path.display()))?;
    if file.try_lock().is_err() {
        return Err(Failure::new(format!("another git chant is working on {id}")).hint(format!("git chant log {id} --follow")).into());
    }
    Ok(file)
}

fn new_run_id() -> String {
    let time = context::now_utc().replace(['-', ':'], "");
    format!("{time}-{:06x}", fastrand::u32(..0x0100_0000))
}

/// `90`, `90s`, `15m`, `2h`: a number of seconds, minutes or hours.
pub fn parse_duration(text: &str) -> Result<Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => bail!("'{}' is no duration: 90s, 15m or 2h", text.escape_debug()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    seconds.map(Duration::from_secs).with_context(|| format!("'{}' is no duration: 90s, 15m or 2h", text.escape_debug()))
}
