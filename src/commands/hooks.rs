use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::hook::install::{Action, Removal, State};
use crate::hook::look::{Look, look};
use crate::hook::{HookKind, Selection};
use crate::output::safe;
use crate::spec::shell::word;
use crate::workflow::hooks::{self, Installed};
use anyhow::Result;

/// Arguments of `git chant hooks`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do
    #[arg(value_enum, default_value = "status")]
    action: Verb,
    /// Install every local hook again, after --light
    #[arg(long, conflicts_with = "light")]
    full: bool,
    /// Leave out what runs for every ref that moves: a fast-forward is then seen by pre-push and by the server alone
    #[arg(long)]
    light: bool,
    /// Install pre-receive, which judges what is pushed to this repository
    #[arg(long)]
    server: bool,
    /// Install where core.hooksPath serves every repository of yours
    #[arg(long)]
    everywhere: bool,
    /// Leave out the hook that guards a remote's protected branches
    #[arg(long)]
    no_pre_push: bool,
    /// Leave out the hook that refuses a rebase before it begins
    #[arg(long)]
    no_pre_rebase: bool,
    /// Leave out the hook that writes trailers into squashes and merges
    #[arg(long)]
    no_prepare_commit_msg: bool,
    /// Leave out the hook that marks the commits of a run
    #[arg(long)]
    no_commit_msg: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Verb {
    /// Install or renew them; hooks that are there already are kept and run first
    Install,
    /// Take them away, and put back what was there before, byte for byte
    Uninstall,
    /// Say which there are, where, and what is wrong
    Status,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let only_install = args.full || args.light || args.server || args.everywhere || !left_out(&args).is_empty();
    if only_install && args.action != Verb::Install {
        return Err(Failure::new("these options are for installing").hint("git chant hooks install").into());
    }
    match args.action {
        Verb::Install => install(ctx, &args),
        Verb::Uninstall => uninstall(ctx),
        Verb::Status => status(ctx),
    }
}

fn left_out(args: &Args) -> Vec<HookKind> {
    let flags = [
        (args.no_pre_push, HookKind::PrePush),
        (args.no_pre_rebase, HookKind::PreRebase),
        (args.no_prepare_commit_msg, HookKind::PrepareCommitMsg),
        (args.no_commit_msg, HookKind::CommitMsg),
    ];
    flags.into_iter().filter(|(given, _)| *given).map(|(_, kind)| kind).collect()
}

/// What was chosen before holds until something else is chosen: a plain `install` renews.
fn install(ctx: &Context, args: &Args) -> Result<Outcome> {
    let mut selection = hooks::selection(&ctx.repo);
    let before = selection.clone();
    if args.full {
        selection = Selection { server: selection.server, ..Selection::default() };
    }
    selection.light |= args.light;
    selection.server |= args.server;
    selection.without.extend(left_out(args));
    let installed = hooks::install(ctx, &selection, args.everywhere)?;
    if selection != before {
        ctx.repo.git().command(["config", "--local", "chant.hooks", &selection.to_string()]).output()?;
        ctx.out.line(format!("git config: chant.hooks = {selection}"));
    }
    print_installed(ctx, &installed);
    Ok(Outcome::Yes)
}

/// What was done, for people.
pub fn print_installed(ctx: &Context, installed: &Installed) {
    let mut counts = (0, 0);
    for (kind, action) in &installed.report.hooks {
        match action {
            Action::Installed => counts.0 += 1,
            Action::Renewed => counts.1 += 1,
            Action::Unchanged => {}
            Action::KeptForeign { path } => {
                counts.0 += 1;
                ctx.out.line(format!("hook {kind}: yours is kept as {} and runs first", safe(&path.display().to_string())));
            }
            Action::KeptEdit { path } => {
                counts.1 += 1;
                ctx.out.line(format!("hook {kind}: your edited copy is kept as {}", safe(&path.display().to_string())));
            }
        }
    }
    for (kind, removal) in &installed.report.removed {
        print_removal(ctx, *kind, removal);
    }
    let dir = installed.place.dir.clone().unwrap_or_default();
    match counts {
        (0, 0) => ctx.out.line("hooks: as they should be"),
        (new, renewed) => {
            let part = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
            let done: Vec<String> = [part(new, "installed"), part(renewed, "renewed")].into_iter().flatten().collect();
            ctx.out.line(format!("hooks: {} in {}", done.join(", "), safe(&dir.display().to_string())));
        }
    }
    if installed.place.is_relative() {
        ctx.out.warning("core.hooksPath is relative: a linked worktree without that directory runs no hooks");
        ctx.out.hint(format!("git config core.hooksPath {}", safe(&word(&dir.display().to_string()))));
    }
    ctx.out.line(format!("protected branches: {}", safe(&installed.protected.join(", "))));
}

fn print_removal(ctx: &Context, kind: HookKind, removal: &Removal) {
    match removal {
        Removal::Removed => ctx.out.line(format!("hook {kind}: taken away")),
        Removal::Restored => ctx.out.line(format!("hook {kind}: yours is back")),
        Removal::NotOurs => {}
        Removal::KeptEdit { path } => {
            let path = safe(&path.display().to_string());
            ctx.out.line(format!("hook {kind}: taken away; your edited copy is kept as {path}"));
        }
    }
}

fn uninstall(ctx: &Context) -> Result<Outcome> {
    let removed = hooks::uninstall(ctx)?;
    for (_, kind, removal) in &removed {
        print_removal(ctx, *kind, removal);
    }
    if removed.is_empty() {
        ctx.out.line("There were no hooks of git-chant's.");
    } else {
        ctx.out.line("Nothing here is guarded any more. Again: git chant hooks install");
    }
    Ok(Outcome::Yes)
}

fn status(ctx: &Context) -> Result<Outcome> {
    let protected = hooks::protected(&ctx.repo)?;
    let look = look(&ctx.repo, &hooks::selection(&ctx.repo), &protected, &hooks::binary()?)?;
    if let Some(dir) = &look.place.dir {
        ctx.out.line(format!("Hooks lie in {} ({}).", safe(&dir.display().to_string()), safe(&look.place.describe())));
    }
    print_hooks(ctx, &look);
    ctx.out.line(format!("They guard: {}", safe(&protected.join(", "))));
    for trouble in &look.troubles {
        ctx.out.error(safe(&trouble.what));
        ctx.out.hint(safe(&trouble.mend));
    }
    Ok(if look.troubles.is_empty() { Outcome::Yes } else { Outcome::No })
}

fn print_hooks(ctx: &Context, look: &Look) {
    for (kind, state, after) in &look.hooks {
        let word = match state {
            State::Current => "installed",
            State::Missing => "missing",
            State::Outdated => "outdated",
            State::Edited => "changed by hand",
            State::NotExecutable => "not executable",
            State::Foreign => "somebody else's",
        };
        let after = if *after { ", after another hook" } else { "" };
        ctx.out.line(format!("  {kind:<21} {word}{after}"));
    }
    for manager in &look.managers {
        ctx.out.line(safe(&manager.to_string()));
    }
    for (name, events) in &look.configured {
        ctx.out.line(format!(
            "git's configuration names the hook '{}' ({}); git 2.54 and later run it before these.",
            safe(name),
            safe(events)
        ));
    }
}
