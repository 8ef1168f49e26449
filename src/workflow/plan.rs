//! What a run would do: checked and decided before anything is changed, so that `--dry-run` prints it and stops.

use super::{find, judge, verify};
use crate::agent::settings::CommitBy;
use crate::agent::{Agent, prompt};
use crate::context::Context;
use crate::failure::Failure;
use crate::gate::RequireApproval;
use crate::git::{Oid, Repository};
use crate::settings::values;
use crate::spec::graph::Blocker;
use crate::spec::{SpecId, Status, intent};
use crate::store::{Spec, spec_path};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `90`, `90s`, `15m`, `2h`.
pub fn parse_duration(text: &str) -> Result<Duration> {
    values::duration(text).with_context(|| format!("'{}' is no duration: 90s, 15m or 2h", text.escape_debug()))
}

/// What a person asked of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The agent's name; else `chant.agent`.
    pub agent: Option<String>,
    /// The prompt's name; else the spec's, else its type's.
    pub prompt: Option<String>,
    /// Handed to the agent, and recorded; else `chant.agent.<name>.model`.
    pub model: Option<String>,
    /// The client's own session that is to go on.
    pub session: Option<String>,
    /// When the agent is ended.
    pub timeout: Option<Duration>,
    /// The branch that the work is meant for.
    pub target: Option<String>,
    /// Start although dependencies are open or attempts are used up. It never overrules a rejection or a missing approval.
    pub force: bool,
    /// The remote at which the spec is claimed before the agent runs.
    pub claim: Option<String>,
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
    /// The target is merged into the work before the agent begins, and the agent settles the conflicts.
    pub settles: bool,
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
    let agent = match super::members::suffice(&spec.id, &spec.document, &ctx.store().list()?.0) {
        true => Agent::Members,
        false => Agent::resolve(options.agent.as_deref(), &ctx.repo)?,
    };
    // An agent that cannot be started is found out now, not after the event that says it was.
    agent.check(spec.document.body())?;
    CommitBy::read(agent.name(), &ctx.repo)?;
    let mut options = options;
    options.model = options.model.or_else(|| agent.model().map(str::to_owned));
    let target = match &options.target {
        Some(target) => target.clone(),
        None => target(ctx)?,
    };
    let base = ctx.repo.reference(&format!("refs/heads/{target}"))?;
    let base = base.ok_or_else(|| no_commit_yet(&target))?;
    let front = spec.document.front().with_context(|| format!("could not read {}", spec_path(&spec.id)))?;
    let named = options.prompt.clone().or(front.prompt);
    let prompt = named.unwrap_or_else(|| prompt::default_for(&front.spec_type).to_owned());
    template(ctx, &prompt)?;
    let worktree = worktrees_dir(&ctx.repo).join(spec.id.as_str());
    let inputs = inputs(ctx, &spec, base)?;
    Ok(Plan { spec, agent, target, base, worktree, inputs, prompt, options, settles: false })
}

/// Why nothing can be worked for, or merged into, this branch.
pub fn no_commit_yet(target: &str) -> Failure {
    Failure::new(format!("branch '{target}' has no commit yet")).hint("git commit --allow-empty -m 'Begin'")
}

/// The branch that work is meant for: the one checked out, else `chant.target`.
pub fn target(ctx: &Context) -> Result<String> {
    let here = ctx.repo.current_branch()?;
    let of_a_run = here.as_deref().is_some_and(|branch| branch.starts_with("chant/"));
    here.filter(|_| !of_a_run).or_else(|| ctx.repo.config("chant.target")).ok_or_else(|| match of_a_run {
        true => Failure::new("HEAD is on the branch of a spec, which is no target for work").hint("name one with: --target BRANCH").into(),
        false => Failure::new("HEAD is on no branch, so the work has no target")
            .hint(format!("git switch {}", trunk(ctx)))
            .hint("or name it with: --target BRANCH")
            .into(),
    })
}

/// The branch that somebody most likely means.
fn trunk(ctx: &Context) -> &'static str {
    let is_there = |name: &&str| ctx.repo.reference(&format!("refs/heads/{name}")).is_ok_and(|tip| tip.is_some());
    ["main", "master"].into_iter().find(is_there).unwrap_or("BRANCH")
}

/// Where the settings ask for approvals that specs do not ask for themselves, work waits for them too.
fn is_approved_as_asked(ctx: &Context, spec: &Spec) -> Result<bool> {
    let intent = intent::id(&spec.document);
    let asked = match judge::settings(&ctx.repo, ctx.repo.head()?.commit)?.require_approval {
        RequireApproval::Never => false,
        RequireApproval::Foreign => !ctx.store().trusts(&intent),
        RequireApproval::Always => true,
    };
    Ok(!asked || verify::facts(ctx, spec)?.approved_intent == Some(intent))
}

/// Refuses to begin what was done, is on, or waits for others; and what no run may go on with either.
fn may_start(ctx: &Context, spec: &Spec, options: &Options) -> Result<()> {
    let id = &spec.id;
    is_to_be_started(ctx, spec)?;
    may_run(ctx, spec, options)?;
    let blockers = if options.force { Vec::new() } else { super::pickup::blockers(ctx, id)? };
    // An approval that lapsed since this version was read is seen when the start is recorded, and decided anew.
    let blockers: Vec<String> =
        blockers.iter().filter(|blocker| !matches!(blocker, Blocker::Approval(_))).map(ToString::to_string).collect();
    if blockers.is_empty() {
        return Ok(());
    }
    let hints = [format!("git chant show {id}"), "or start it all the same: --force".into()];
    refuse(format!("{id} is blocked: {}", blockers.join("; ")), &hints)
}

/// Refuses every run, a first or a further one, of what is not approved or not trusted, could not be signed, or was tried often enough.
pub fn may_run(ctx: &Context, spec: &Spec, options: &Options) -> Result<()> {
    let id = &spec.id;
    if spec.event.approval.blocks() {
        let word = if spec.event.approval == crate::spec::Approval::Rejected { "was rejected" } else { "waits for approval" };
        return refuse(format!("{id} {word}"), &[format!("git chant approve {id}")]);
    }
    if !is_approved_as_asked(ctx, spec)? {
        return refuse(format!("{id} waits for approval (chant.requireApproval)"), &[format!("git chant approve {id}")]);
    }
    verify::require_trust(ctx, spec, options.trust)?;
    if ctx.store().requires_signed()? {
        // Its finish will be signed, when nobody is there to mend it.
        let refused = |error| {
            Failure::new(format!("chant.requireSigned is set, but signing fails: {error:#}")).hint("git config user.signingKey KEY")
        };
        ctx.store().try_signing().map_err(refused)?;
    }
    let most = super::start::max_attempts(ctx)?;
    let starts = verify::facts(ctx, spec)?.starts_since_reset;
    if starts >= most && !options.force {
        let hints = [format!("git chant log {id}"), format!("git chant reset {id}"), "or start it all the same: --force".into()];
        return refuse(format!("{id} was started {starts} times (chant.maxAttempts)"), &hints);
    }
    Ok(())
}

/// Refuses what is on, done, or a person's to decide about.
fn is_to_be_started(ctx: &Context, spec: &Spec) -> Result<()> {
    let id = &spec.id;
    match spec.event.status {
        Status::Pending => Ok(()),
        Status::InProgress => {
            super::claim::refuse_elsewhere(ctx, spec)?;
            let hints = [format!("watch it: git chant log {id} --follow"), format!("if it died: git chant resume {id}")];
            refuse(format!("{id} is in progress already"), &hints)
        }
        Status::Completed => Err(is_done(ctx, spec)?.into()),
        Status::Failed => {
            let hints = [format!("go on from its work: git chant resume {id}"), format!("start over: git chant reset {id}")];
            refuse(format!("{id} failed"), &hints)
        }
        Status::NeedsAttention => {
            refuse(format!("{id} needs attention: its intent changed while it was worked on"), &after_other_intent(id))
        }
        Status::Paused if ctx.repo.reference(&id.branch_ref())?.is_some() => {
            let hints = [format!("go on from its work: git chant resume {id}"), format!("start over: git chant reset {id}")];
            refuse(format!("{id} is paused"), &hints)
        }
        Status::Paused | Status::Cancelled => refuse(format!("{id} is {}", spec.event.status), &[format!("git chant reset {id}")]),
    }
}

/// Why nobody works on, or pauses, what is completed: it is merged, or waits for that.
pub fn is_done(ctx: &Context, spec: &Spec) -> Result<Failure> {
    let id = &spec.id;
    let merged = super::merge::merged_into(ctx, &verify::facts(ctx, spec)?)?;
    let into = merged.as_ref().map(|target| format!(", and merged into {target}")).unwrap_or_default();
    let failure = Failure::new(format!("{id} is completed{into}"));
    Ok(match merged {
        Some(_) => failure.hint(format!("git chant show {id}")),
        None => failure.hint(format!("git chant merge {id}")).hint(format!("start over: git chant reset {id}")),
    })
}

/// The ways on from a run that changed what its spec asks for.
pub fn after_other_intent(id: &SpecId) -> [String; 3] {
    [
        format!("keep what you asked for, and take the work: git chant finalize {id}"),
        format!("or take over the change: git chant edit {id}, then git chant approve {id} and git chant finalize {id}"),
        format!("or start over: git chant reset {id}"),
    ]
}

fn refuse(message: String, hints: &[String]) -> Result<()> {
    Err(hints.iter().fold(Failure::new(message), |failure, hint| failure.hint(hint.clone())).into())
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
    without_contained(ctx, inputs)
}

/// Leaves out what another input brings along: of a chain, each worked on top of the one before, only the last is merged.
fn without_contained(ctx: &Context, inputs: Vec<(SpecId, Oid)>) -> Result<Vec<(SpecId, Oid)>> {
    let mut kept = Vec::new();
    for (index, (id, tip)) in inputs.iter().enumerate() {
        let mut contained = false;
        for (other, (_, over)) in inputs.iter().enumerate() {
            // Of two that are the same commit the later one stays.
            contained |= other != index && (tip != over || other > index) && ctx.repo.is_ancestor(*tip, *over)?;
        }
        if !contained {
            kept.push((id.clone(), *tip));
        }
    }
    Ok(kept)
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

/// A question with this plan's prompt, to an agent that changes nothing.
pub fn ask(ctx: &Context, plan: &Plan) -> Result<String> {
    Ok(prompt::ask(&template(ctx, &plan.prompt)?, &values(ctx, plan), plan.spec.document.as_bytes()))
}

/// The prompt of a plan. `root` is where the files that the spec names are read.
pub fn compose(ctx: &Context, plan: &Plan, root: &Path) -> Result<String> {
    let front = plan.spec.document.front().unwrap_or_default();
    let informed: Vec<(String, String)> = front.informed_by.iter().filter_map(|path| read_named(root, path)).collect();
    Ok(prompt::compose(&template(ctx, &plan.prompt)?, &values(ctx, plan), plan.spec.document.as_bytes(), &informed))
}

fn values(ctx: &Context, plan: &Plan) -> prompt::Values {
    let front = plan.spec.document.front().unwrap_or_default();
    let criteria = plan.spec.document.criteria();
    let criteria: Vec<String> = criteria.iter().map(|criterion| format!("- {}", criterion.text)).collect();
    let project = ctx.repo.main_worktree().and_then(|top| Some(top.file_name()?.to_string_lossy().into_owned()));
    prompt::Values {
        project_name: ctx.repo.config("chant.project").or(project).unwrap_or_default(),
        spec_id: plan.spec.id.to_string(),
        spec_title: plan.spec.document.title(),
        spec_description: String::from_utf8_lossy(plan.spec.document.without_tool_sections()).into_owned(),
        spec_target_files: front.target_files.join("\n"),
        spec_acceptance_criteria: criteria.join("\n"),
        worktree_path: plan.worktree.display().to_string(),
        worktree_branch: plan.spec.id.branch(),
    }
}

/// A file that a spec names, inside the checkout: no absolute path, no `..`, no link out of it.
fn read_named(root: &Path, path: &str) -> Option<(String, String)> {
    let root = root.canonicalize().ok()?;
    let file = root.join(path).canonicalize().ok().filter(|file| file.starts_with(&root) && file.is_file())?;
    Some((path.to_owned(), String::from_utf8_lossy(&std::fs::read(file).ok()?).into_owned()))
}
