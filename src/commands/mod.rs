//! One file a verb: its arguments (their doc comments are the help) above the function that runs them.

mod add;
mod agents;
mod approve;
mod archive;
mod check;
mod cleanup;
mod demo;
mod doctor;
mod edit;
mod editor;
mod fetch;
mod finalize;
mod fsck;
mod gate;
mod generate;
mod history;
pub(crate) mod hook;
mod hooks;
mod init;
mod list;
mod log;
mod many;
mod merge;
mod merge_driver;
mod prep;
mod push;
mod reject;
mod reset;
mod resume;
mod show;
mod split;
mod stop;
mod sync;
mod takeover;
mod verify;
mod work;
mod work_loop;
mod worktree;

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::settings;
use crate::workflow::{hooks as guards, pickup, recover, sync as sharing};
use anyhow::Result;
use clap::Subcommand;

/// Every verb.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up this repository, or this clone of one
    Init(init::Args),
    /// Write a new spec
    #[command(aliases = ["create", "new"])]
    Add(add::Args),
    /// List specs
    #[command(aliases = ["ls", "status"])]
    List(list::Args),
    /// Show one spec
    Show(show::Args),
    /// Change a spec, in an editor or by options
    Edit(edit::Args),
    /// Tick acceptance criteria
    Check(check::Args),
    /// Untick acceptance criteria
    Uncheck(check::Args),
    /// Run agents on specs in linked worktrees
    ///
    /// A spec is worked where it is ready: pending, nothing that it depends on is open, and no approval is missing. Its agent works on the
    /// branch `chant/ID`, in a linked worktree. When it has ended, git-chant commits what it left, runs the executable criteria, and
    /// records `completed`, `failed` or `needs_attention`. Exit status 1: not every spec was completed.
    Work(work::Args),
    /// Print the prompt that an agent would get
    Prep(prep::Args),
    /// Run executable criteria and record the verdicts
    ///
    /// They run at the work tip, in a worktree of git-chant's own, whatever `chant.verifyIn` says: what passed at the end of a run in its
    /// agent's worktree is run again here.
    Verify(verify::Args),
    /// Approve what a spec asks for
    Approve(approve::Args),
    /// Reject a spec, or the work done for it, with a reason
    Reject(reject::Args),
    /// Take a spec back to the start; its earlier work is kept on a branch
    ///
    /// It is pending again, whatever it was. What its branch and worktree held is kept on `chant/ID@N`. A run that is on is ended first:
    /// `git chant pause`.
    Reset(reset::Args),
    /// List the agents that are there, and what is missing
    Agents(agents::Args),
    /// Go on with a run that failed or died, from its work
    ///
    /// For specs that failed, were paused, or whose run died. It goes on with their branch and worktree, and in the client's own session
    /// where it has one. That is another attempt, as `chant.maxAttempts` counts them.
    Resume(resume::Args),
    /// Stop a spec's agent and go on by hand in its worktree
    Takeover(takeover::Args),
    /// List, find and remove the worktrees of runs
    Worktree(worktree::Args),
    /// Remove the worktrees of finished runs
    Cleanup(cleanup::Args),
    /// Split a spec into members that are worked on their own
    Split(split::Args),
    /// Give a spec up
    Cancel(stop::CancelArgs),
    /// Put a spec aside: stop its run, if one is on, and keep the work
    ///
    /// The agent is asked to end as Ctrl-C asks it; branch and worktree stay as they are, for `git chant resume`. Merged work is refused.
    Pause(stop::PauseArgs),
    /// Complete a spec whose work was done by hand
    ///
    /// The work is the branch `chant/ID`, or, where there is none, what is checked out here. Every executable criterion is run, and must
    /// pass; every other must be ticked. No run can complete a spec.
    Finalize(finalize::Args),
    /// Merge finished work into its target
    ///
    /// The gate is asked first. Where the target is checked out git merges there, with the repository's hooks; a conflict leaves everything
    /// as it was. The work's branch and worktree are removed afterwards. Exit status 1: not everything was merged.
    Merge(merge::Args),
    /// Ask whether a commit may come into a protected branch
    Gate(gate::Args),
    /// Install, take away or explain the hooks that keep unfinished work out
    Hooks(hooks::Args),
    /// Say what is installed, configured, protected and trusted, and what is wrong
    Doctor(doctor::Args),
    /// Check every ref, note, archive entry and file against the specs, and with --repair rebuild what can be derived from them
    Fsck(fsck::Args),
    /// Fold specs into the archive
    Archive(archive::Args),
    /// Bring specs from a remote, and fold them in
    Fetch(fetch::Args),
    /// Share specs with a remote
    Push(push::Args),
    /// Fetch specs from a remote, join them, and push
    Sync(sync::Args),
    /// Show what the agent said and did in a run
    Log(log::Args),
    /// Show a spec's events
    History(history::Args),
    /// Make a small sample repository and work in it
    Demo(demo::Args),
    /// What the hook files call
    #[command(hide = true)]
    Hook(hook::Args),
    /// What git calls to merge two versions of a spec file
    #[command(hide = true)]
    MergeDriver(merge_driver::Args),
    /// Write man pages and completions
    #[command(hide = true)]
    Generate(generate::Args),
}

/// Runs a verb. `tree` is the whole command line as clap knows it.
pub fn run(command: Command, tree: fn() -> clap::Command) -> Result<Outcome> {
    match command {
        Command::Demo(args) => demo::run(args),
        Command::Generate(args) => generate::run(args, tree()),
        Command::MergeDriver(args) => merge_driver::run(args),
        Command::Hook(args) => hook::run(args),
        Command::Hooks(args) => hooks::run(&Context::discover()?, args),
        Command::Doctor(args) => doctor::run(&Context::discover_to_judge()?, args),
        Command::Fsck(args) => fsck::run(&Context::discover()?, args),
        // As the hooks do, it reads refs alone: what a branch's own files say about specs is a part of what is judged.
        Command::Gate(args) => gate::run(&checked(Context::discover_to_judge()?)?, args),
        Command::Agents(args) => Ok(agents::run(&Context::discover()?, args)),
        Command::Init(args) => init::run(&checked(Context::discover()?)?, args),
        Command::Merge(_) => with_news(&checked(Context::discover_to_judge()?)?, command),
        _ => with_news(&checked(Context::discover()?)?, command),
    }
}

/// The last line of a command that looks for what is wrong.
fn sum_up(ctx: &Context, wrong: usize) -> Outcome {
    ctx.out.line(match wrong {
        0 => "Nothing is wrong.".to_owned(),
        1 => "One thing is wrong.".to_owned(),
        more => format!("{more} things are wrong."),
    });
    if wrong == 0 { Outcome::Yes } else { Outcome::No }
}

/// Before anything is done: an invalid setting is refused, not guessed. What looks for faults, or takes hooks away, does so all
/// the same, and a hook takes the stricter side.
fn checked(ctx: Context) -> Result<Context> {
    settings::check(&ctx.repo)?;
    Ok(ctx)
}

/// Runs a verb that rests on what specs are now: what others and people's editors did comes first.
fn with_news(ctx: &Context, command: Command) -> Result<Outcome> {
    // What an ordinary `git fetch` has brought comes first: a file that a branch brought is no news then.
    if let Command::List(args) = command {
        sharing::fold_seen(ctx)?;
        return list::run(ctx, args);
    }
    let look = pickup::begin(ctx)?;
    sharing::fold_seen(ctx)?;
    if matches!(command, Command::Add(_) | Command::Work(_) | Command::Resume(_)) && !ctx.is_set_up() {
        return Err(Failure::new("git-chant is not set up in this clone").hint("git chant init").into());
    }
    // Before a command decides anything: what people did to the files, and what became of runs.
    let news = pickup::end(ctx, look)?;
    if !matches!(command, Command::Show(_)) {
        news.tell(ctx)?;
    }
    // Where it cannot be done the hooks ask about every branch, and the doctor names them.
    drop(guards::refresh_if_older(ctx));
    let mends = matches!(command, Command::Resume(_) | Command::Reset(_) | Command::Finalize(_) | Command::Takeover(_));
    if ctx.inside_run.is_none() && !mends {
        recover::report(ctx)?;
    }
    match command {
        Command::Add(args) => add::run(ctx, args),
        Command::Show(args) => show::run(ctx, args),
        Command::Edit(args) => edit::run(ctx, args),
        Command::Check(args) => check::run(ctx, args, true),
        Command::Uncheck(args) => check::run(ctx, args, false),
        Command::Work(args) => work::run(ctx, args),
        Command::Prep(args) => prep::run(ctx, args),
        Command::Verify(args) => verify::run(ctx, args),
        Command::Approve(args) => approve::run(ctx, args),
        Command::Reject(args) => reject::run(ctx, args),
        Command::Reset(args) => reset::run(ctx, args),
        Command::Resume(args) => resume::run(ctx, args),
        Command::Takeover(args) => takeover::run(ctx, args),
        Command::Worktree(args) => worktree::run(ctx, args),
        Command::Cleanup(args) => cleanup::run(ctx, args),
        Command::Split(args) => split::run(ctx, args),
        Command::Cancel(args) => stop::cancel(ctx, args),
        Command::Pause(args) => stop::pause(ctx, args),
        Command::Finalize(args) => finalize::run(ctx, args),
        Command::Merge(args) => merge::run(ctx, args),
        Command::Archive(args) => archive::run(ctx, args),
        Command::Fetch(args) => fetch::run(ctx, args),
        Command::Push(args) => push::run(ctx, args),
        Command::Sync(args) => sync::run(ctx, args),
        Command::Log(args) => log::run(ctx, args),
        Command::History(args) => history::run(ctx, args),
        _ => unreachable!("the others were dispatched above"),
    }
}
