mod sample;
mod stage;

use crate::failure::{Failure, Outcome};
use crate::output::{Output, safe};
use crate::workflow::files;
use anyhow::{Context as _, Result};
use stage::{Ends, Stage, word};
use std::path::{Path, PathBuf};

/// Arguments of `git chant demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to make the repository: a directory that is empty, or not there yet
    #[arg(value_name = "DIR", default_value = "git-chant-demo")]
    dir: PathBuf,
}

pub fn run(args: Args) -> Result<Outcome> {
    let stage = Stage::new(Output::new(None), empty_dir(&args.dir)?)?;
    opening(&stage, &args.dir)?;
    setting_up(&stage)?;
    three_runs(&stage)?;
    refused(&stage)?;
    allowed(&stage)?;
    where_next(&stage, &args.dir);
    Ok(Outcome::Yes)
}

/// Makes the directory; one that holds anything is left alone.
fn empty_dir(dir: &Path) -> Result<PathBuf> {
    let shown = safe(&dir.to_string_lossy());
    let refuse =
        |why: &str| Failure::new(format!("'{shown}' {why}; the demo wants a directory of its own")).hint("git chant demo OTHER-DIR");
    if dir.exists() && !dir.is_dir() {
        return Err(refuse("is not a directory").into());
    }
    std::fs::create_dir_all(dir).with_context(|| format!("could not make '{shown}'"))?;
    let mut entries = std::fs::read_dir(dir).with_context(|| format!("could not look into '{shown}'"))?;
    if entries.next().is_some() {
        return Err(refuse("is not empty").into());
    }
    dir.canonicalize().with_context(|| format!("could not find '{shown}'"))
}

fn opening(stage: &Stage, shown: &Path) -> Result<()> {
    stage.begin(
        "A small key-value store loses updates when two programs write at once: issue 42.\n\
         Four specs take it from the report to a merged fix. The agent is a script, so\n\
         this needs no model and no network. Every line after a $ is run for real.",
    );
    stage.title("A repository with a bug");
    stage.prepare(&["init", "--quiet", "--template=", "--initial-branch=main", "."])?;
    sample::configure(stage)?;
    write(stage.dir(), sample::FILES)?;
    stage.prepare(&["add", "--all"])?;
    stage.prepare(&["commit", "--quiet", "-m", "A key-value store"])?;
    stage.show_line(&format!("cd {}", word(shown)));
    stage.run("git log --oneline --stat", Ends::Well)?;
    stage.say("Its test passes, for it writes one value after the other.");
    stage.run("sh tests/set-and-get.sh", Ends::Well)
}

fn setting_up(stage: &Stage) -> Result<()> {
    stage.title("Four specs");
    write(&stage.git_dir().join("chant-demo"), sample::AGENT)?;
    stage.say(
        "`init` sets a clone up, once. An agent is a command in git config; this one is a\n\
         shell script, and was put into .git/chant-demo.",
    );
    stage.run("git chant init --agent demo", Ends::Well)?;
    stage.run("git config chant.agent.demo.command", Ends::Well)?;
    stage.run("git add .chant/config.md", Ends::Well)?;
    stage.run("git commit --quiet -m 'Use git-chant'", Ends::Well)?;
    stage.say(
        "A spec is a markdown file: what is wanted, and criteria to accept it by. Write it\n\
         with `git chant add`, or by hand, as these four were. A criterion that ends in a\n\
         `$ command` is checked by running the command.",
    );
    write(&stage.dir().join(".chant/specs"), sample::SPECS)?;
    stage.run("cat .chant/specs/004-fix.md", Ends::Well)?;
    stage.say("The next command sees the new files, and keeps them as git refs and in commits.");
    stage.run("git chant list", Ends::Well)
}

fn three_runs(stage: &Stage) -> Result<()> {
    stage.title("Work");
    stage.say(
        "`work` runs the agent in a worktree and on a branch of its own, so your files stay\n\
         as they are. Any part of an id that only one spec has is enough.",
    );
    stage.run("git chant work 001", Ends::Well)?;
    stage.say("The next one builds on the first, which is not merged yet.");
    stage.run("git chant work 002", Ends::Well)?;
    stage.run("git chant work 003", Ends::Well)?;
    stage.say("Three are completed, and that has freed the fourth.");
    stage.run("git chant list", Ends::Well)
}

fn refused(stage: &Stage) -> Result<()> {
    stage.title("An agent says that it is done, and is not");
    stage.run("git chant work 004", Ends::Badly)?;
    stage.say(
        "The agent ticked every box and ended with exit code 0. Neither counts: git-chant ran\n\
         the commands itself, and the ticks stay on the branch.",
    );
    stage.run("git chant verify 004", Ends::Badly)?;
    stage.say("Branch and worktree are kept. Somebody in a hurry merges the branch, with plain git:");
    stage.run("git merge chant/004-fix", Ends::Badly)?;
    stage.say("A hook asked git-chant, and git refused. Nothing has moved.");
    stage.run("git status --short --branch", Ends::Well)
}

fn allowed(stage: &Stage) -> Result<()> {
    stage.title("The second attempt");
    stage.say("`resume` goes on from the work of the first one; `reset` would start over.");
    stage.run("git chant resume 004", Ends::Well)?;
    stage.say("Now the same merge is let through. It brings the work of the other three along.");
    stage.run("git merge chant/004-fix", Ends::Well)?;
    stage.run("sh tests/regression/issue-42.sh", Ends::Well)?;
    stage.run("git chant show 004", Ends::Well)?;
    stage.say("How it came to that is kept in a git ref of its own, which plain git can read.");
    stage.run("git chant history 004", Ends::Well)
}

fn where_next(stage: &Stage, shown: &Path) {
    stage.title("Where to look next");
    let mut path = String::new();
    if let Some(dir) = stage.path_to_export() {
        stage.say("git does not find git-chant on your PATH yet. The first line mends that.");
        path = format!("  export PATH={}:\"$PATH\"\n", word(&dir));
    }
    stage.text(&format!("{path}  cd {}\n{}", word(shown), sample::NEXT));
}

fn write(dir: &Path, list: &[(&str, &str)]) -> Result<()> {
    list.iter().try_for_each(|(path, text)| files::replace(&dir.join(path), text.as_bytes()))
}
