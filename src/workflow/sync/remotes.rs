//! Remotes that were renamed or removed by `git remote`, which knows nothing of what we keep of them.

use super::fold_in;
use crate::context::Context;
use crate::git::RefUpdate;
use crate::output::safe;
use crate::store::sync::{WAYS, refspecs};
use crate::store::transport::is_branch;
use anyhow::Result;

/// Our refspecs of a remote that was renamed name the old one still: `git fetch` would bring its specs where nobody looks for them.
pub(super) fn follow(ctx: &Context) -> Result<()> {
    let remotes = ctx.repo.remotes();
    if ctx.inside_run.is_some() {
        return Ok(());
    }
    for remote in &remotes {
        let key = format!("remote.{remote}.fetch");
        let have = ctx.repo.config_all(&key);
        for wanted in refspecs(remote) {
            // What comes before the remote's name, and what comes after it.
            let (Some(end), Some((_, after))) = (wanted.find(&format!("/{remote}/")), wanted.rsplit_once(&format!("/{remote}/"))) else {
                continue;
            };
            let old = have.iter().find(|refspec| {
                let middle = refspec.strip_prefix(&wanted[..=end]).and_then(|rest| rest.strip_suffix(&format!("/{after}")));
                middle.is_some_and(|name| name != remote && !remotes.iter().any(|other| other == name))
            });
            let Some(old) = old else { continue };
            let args = if have.contains(&wanted) { vec!["--unset-all", &key, old] } else { vec!["--replace-all", &key, &wanted, old] };
            ctx.repo.git().command(["config", "--local", "--fixed-value"]).args(args).output()?;
            ctx.out.note(format!("Remote {} fetches {} now; it was {}.", safe(remote), safe(&wanted), safe(old)));
        }
    }
    Ok(())
}

/// Lets an ordinary `git fetch` bring specs from a remote, beside ours and never over them. What was added is returned.
pub fn subscribe(ctx: &Context, remote: &str) -> Result<Vec<String>> {
    if is_branch(&ctx.repo, remote) {
        return Ok(Vec::new());
    }
    let key = format!("remote.{remote}.fetch");
    let have = ctx.repo.config_all(&key);
    let missing: Vec<String> = refspecs(remote).into_iter().filter(|refspec| !have.contains(refspec)).collect();
    for refspec in &missing {
        ctx.repo.git().command(["config", "--local", "--add", &key, refspec]).output()?;
    }
    Ok(missing)
}

/// The same for a remote that was added after `git chant init`, when specs are shared with it.
pub fn subscribe_late(ctx: &Context, remote: &str) -> Result<()> {
    let possible = ctx.repo.work_dir().is_some() && ctx.is_set_up() && ctx.inside_run.is_none();
    if possible && !subscribe(ctx, remote)?.is_empty() {
        ctx.out.note(format!("An ordinary git fetch brings specs from {} too, from now on.", safe(remote)));
    }
    Ok(())
}

/// True for a remote that is not configured any more.
pub(super) fn is_gone(ctx: &Context, remote: &str) -> bool {
    let remotes = ctx.repo.remotes();
    let there = |name: &str| remotes.iter().any(|known| known == name);
    !there(remote) && !WAYS.iter().any(|way| remote.strip_suffix(way).is_some_and(there))
}

/// What a remote had that is gone is ours; what cannot be folded in is all that is left of it.
pub(super) fn forget(ctx: &Context, remote: &str) -> Result<()> {
    let plan = fold_in(ctx, remote)?;
    let forgotten = plan.skipped.is_empty() && ctx.store().forget(remote)? == RefUpdate::Done;
    // Another way to it is the same remote to people.
    if forgotten && !WAYS.iter().any(|way| remote.ends_with(way)) {
        ctx.out.note(format!("There is no remote {} any more; what it had is here.", safe(remote)));
    }
    Ok(())
}
