//! Exclusive starts across clones: an event that must be the only one of its kind reaches the remote before anything here says it happened.
//!
//! Whoever pushed first has the spec. The others are told who and where, and have nothing to take back but a worktree.

mod renew;
mod stale;

pub use renew::Renewal;
pub use stale::{Age, age, may_take_over, observe, timeout};

use super::fold;
use crate::context::Context;
use crate::failure::Failure;
use crate::git::{Oid, PushIf, PushRef, Pushed, RefChange, RefUpdate};
use crate::output::safe;
use crate::spec::{EventKind, SpecId, Status};
use crate::store::sync::seen_ref;
use crate::store::transport::transport;
use crate::store::{Change, Spec, Store, newest};
use anyhow::{Context as _, Result};
use std::fmt;
use std::time::Duration;

/// Who works on a spec, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The remote, as the clone that made the claim calls it.
    pub remote: String,
    /// The machine.
    pub host: String,
    /// The clone on that machine; a word that it made up once.
    pub clone: String,
    /// The run.
    pub run: String,
    /// Who started it.
    pub who: String,
    /// When, by their clock.
    pub since: i64,
    /// The newest event that the holder made to show that it is alive.
    pub sign: Oid,
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = jiff::Timestamp::from_second(self.since).map(|time| time.strftime(" since %Y-%m-%d %H:%M UTC").to_string());
        write!(f, "{} on {} (clone {}){}", safe(&self.who), safe(&self.host), safe(&self.clone), since.unwrap_or_default())
    }
}

/// The claim that a version of a spec is under; `None` where nobody works on it, or without a claim.
pub fn of(store: &Store<'_>, spec: &Spec) -> Result<Option<Claim>> {
    if spec.event.status != Status::InProgress {
        return Ok(None);
    }
    let history = store.history(spec.tip)?;
    let Some(start) = newest(&history, EventKind::Start) else { return Ok(None) };
    let value = |key: &str| start.event.extra(key).unwrap_or_default().to_owned();
    let run = value("Run");
    if value("Claim").is_empty() || run.is_empty() {
        return Ok(None);
    }
    let sign = history.iter().find(|recorded| recorded.event.extra("Claim").is_some() && recorded.event.extra("Run") == Some(&run));
    Ok(Some(Claim {
        remote: value("Claim"),
        host: value("Host"),
        clone: value("Clone"),
        who: start.author.name.clone(),
        since: start.author.seconds,
        sign: sign.map_or(start.id, |recorded| recorded.id),
        run,
    }))
}

/// The claim that this clone holds on a spec.
pub fn held(ctx: &Context, spec: &Spec) -> Result<Option<Claim>> {
    let Some(claim) = of(&ctx.store(), spec)? else { return Ok(None) };
    Ok((clone_id(ctx, false)?.as_deref() == Some(&claim.clone)).then_some(claim))
}

/// The claim that another clone holds on a spec.
pub fn held_elsewhere(ctx: &Context, spec: &Spec) -> Result<Option<Claim>> {
    let Some(claim) = of(&ctx.store(), spec)? else { return Ok(None) };
    Ok((clone_id(ctx, false)?.as_deref() != Some(&claim.clone)).then_some(claim))
}

/// The remote at which a run claims its spec: as asked, else as `chant.claim` says (`true`, or a remote's name).
pub fn remote(ctx: &Context, asked: Option<&str>) -> Result<Option<String>> {
    let configured = ctx.repo.config("chant.claim").unwrap_or_default();
    let named = Some(configured.as_str()).filter(|name| !matches!(*name, "" | "true" | "false"));
    let name = match asked {
        Some("") => named,
        Some(name) => Some(name),
        None if configured == "true" || named.is_some() => named,
        None => return Ok(None),
    };
    ctx.repo.require_remote(name).map(Some)
}

/// A start that is also a claim.
pub fn mark(ctx: &Context, change: Change, remote: &str) -> Result<Change> {
    let clone = clone_id(ctx, true)?.context("a clone has a name once it was asked for")?;
    Ok(change.with("Claim", remote).with("Host", host()).with("Clone", clone))
}

fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "somewhere".to_owned() } else { name }
}

/// The name of this clone. It says nothing about where the clone lies.
fn clone_id(ctx: &Context, make: bool) -> Result<Option<String>> {
    let path = ctx.repo.common_dir().join("chant/clone");
    let read = || std::fs::read_to_string(&path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if let Some(id) = read() {
        return Ok(Some(id));
    }
    if !make {
        return Ok(None);
    }
    let dir = path.parent().context("a file lies in a directory")?;
    std::fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
    let file = tempfile::NamedTempFile::new_in(dir).with_context(|| format!("could not write in {}", dir.display()))?;
    std::fs::write(file.path(), format!("{:08x}\n", fastrand::u32(..))).context("could not name this clone")?;
    // Whoever is first names it.
    drop(file.persist_noclobber(&path));
    Ok(read())
}

/// What a remote said to an event that was offered to it.
#[derive(Debug)]
pub enum Offer {
    /// It is there.
    Taken,
    /// The spec moved there meanwhile; what it is now has been folded in here.
    Moved,
    /// It could not be reached, or takes nothing of ours.
    No(anyhow::Error),
}

/// How often a push is tried that the remote refuses although nothing moved there: it may be busy.
const TRIES: u32 = 6;

/// Pushes an event, and what has to go with it, on the condition that the remote has still what was last seen there. Nothing moves here.
pub fn offer(ctx: &Context, remote: &str, event: &Spec, more: &[PushRef]) -> Result<Offer> {
    let store = ctx.store();
    let way = transport(&ctx.repo, remote, &[])?;
    let name = seen_ref(remote, &event.id);
    let parents = ctx.repo.commit(event.tip)?.parents;
    let mut tries = 0;
    loop {
        let seen = ctx.repo.reference(&name)?;
        // The lease alone would let us push over what came in since the event was made.
        if seen.is_some_and(|seen| !parents.contains(&seen) && !ctx.repo.is_ancestor(seen, event.tip).unwrap_or(false)) {
            return moved(&store, remote, &event.id);
        }
        let only = PushIf::Holds(seen);
        let mut refs = vec![PushRef { name: event.id.ref_name(), new: Some(event.tip), only }];
        refs.extend_from_slice(more);
        let answer = way.push(&refs);
        if matches!(answer, Ok(Pushed::Done)) {
            store.saw(remote, &refs)?;
            return Ok(Offer::Taken);
        }
        // Whatever went wrong: what the remote has now says whose it is.
        if let Err(error) = way.fetch() {
            return Ok(Offer::No(answer.err().unwrap_or(error)));
        }
        let now = ctx.repo.reference(&name)?;
        if now == Some(event.tip) {
            return Ok(Offer::Taken);
        }
        if now != seen {
            return moved(&store, remote, &event.id);
        }
        let refused = match answer {
            Ok(Pushed::Refused(refused)) => refused,
            Ok(Pushed::Done) => Vec::new(),
            Err(error) => return Ok(Offer::No(error)),
        };
        tries += 1;
        if tries == TRIES || super::sync::is_final(&refused) {
            return Ok(Offer::No(super::sync::refusal(remote, &refused).into()));
        }
        std::thread::sleep(Duration::from_millis(fastrand::u64(10..40) * u64::from(tries)));
    }
}

fn moved(store: &Store<'_>, remote: &str, id: &SpecId) -> Result<Offer> {
    let plan = fold::fold(store, remote)?;
    if plan.held.contains(id) {
        let why = Failure::new(format!("what {remote} has of {id} cannot be folded in")).hint(format!("git chant fetch {remote}"));
        return Ok(Offer::No(why.into()));
    }
    Ok(Offer::Moved)
}

/// The remote could not be asked for a claim, or does not take any.
#[derive(Debug)]
pub struct Unclaimed(SpecId);

impl fmt::Display for Unclaimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} could not be claimed, and is not started", self.0)
    }
}

/// Records a start: at the remote first where it claims the spec. `None`: the spec moved here or there meanwhile.
pub fn record_start(ctx: &Context, remote: Option<&str>, spec: &Spec, change: &Change) -> Result<Option<Spec>> {
    let store = ctx.store();
    let Some(remote) = remote else { return store.append(spec, change) };
    let change = mark(ctx, change.clone(), remote)?;
    let next = store.prepare(spec, &change)?;
    match offer(ctx, remote, &next, &[])? {
        Offer::Taken => record_taken(ctx, remote, spec.tip, &next).map(Some),
        Offer::Moved => Ok(None),
        Offer::No(error) => Err(error.context(Unclaimed(spec.id.clone()))),
    }
}

/// Records that a stale claim is taken over: at the remote first, and not at all where the holder, or somebody else, moved it meanwhile.
pub fn take_over(ctx: &Context, remote: &str, spec: &Spec, change: &Change) -> Result<Spec> {
    let next = ctx.store().prepare(spec, change)?;
    match offer(ctx, remote, &next, &[])? {
        Offer::Taken => record_taken(ctx, remote, spec.tip, &next),
        Offer::Moved => Err(Failure::new(format!("{} moved at {remote} just now, so it is left alone", spec.id))
            .hint(format!("git chant show {}", spec.id))
            .into()),
        Offer::No(error) => Err(error.context(format!("the claim on {} could not be taken over", spec.id))),
    }
}

/// Records here what the remote has taken. Where the spec moved here meanwhile the two are joined, as any fetch would.
pub fn record_taken(ctx: &Context, remote: &str, old: Oid, next: &Spec) -> Result<Spec> {
    let store = ctx.store();
    if store.publish(next, Some(old), &[])?.is_none() {
        fold::fold(&store, remote)?;
        return store.require(&next.id);
    }
    Ok(next.clone())
}

/// Records how a run ended. Under a claim the remote takes it first, `finish` together with the branch; where the remote cannot be asked,
/// it is recorded here, and the join decides when it can. `None`: the spec moved meanwhile.
pub fn record_end(ctx: &Context, spec: &Spec, change: &Change, others: &[RefChange]) -> Result<Option<Spec>> {
    let store = ctx.store();
    let Some(claim) = held(ctx, spec)? else { return store.append_with(spec, change, others) };
    let next = store.prepare(spec, change)?;
    let tip = change.extra.iter().find(|(key, _)| key == "Tip").and_then(|(_, tip)| Oid::from_hex(tip));
    let more = match tip.filter(|_| change.kind == EventKind::Finish) {
        Some(tip) => branch(ctx, &claim.remote, &spec.id, tip),
        None => Ok(Vec::new()),
    };
    let answer = more.and_then(|more| offer(ctx, &claim.remote, &next, &more)).unwrap_or_else(Offer::No);
    match answer {
        Offer::Moved => return Ok(None),
        Offer::Taken => {}
        Offer::No(error) => {
            ctx.out.warning(format!("the end of this run is known here only: {error:#}"));
            ctx.out.hint(format!("git chant push --branches {}", claim.remote));
        }
    }
    if let Some(done) = store.publish(&next, Some(spec.tip), others)? {
        return Ok(Some(done));
    }
    if ctx.repo.reference(&seen_ref(&claim.remote, &spec.id))? != Some(next.tip) {
        return Ok(None);
    }
    // Somebody here added an event while the remote took ours.
    fold::fold(&store, &claim.remote)?;
    move_each(ctx, &spec.id, others)?;
    store.require(&spec.id).map(Some)
}

/// What goes with an event that the remote has taken: where not all of it can move, then whatever can. A branch that somebody moved
/// meanwhile must not cost the run its transcript.
fn move_each(ctx: &Context, id: &SpecId, others: &[RefChange]) -> Result<()> {
    const WHY: &str = "chant: finish";
    if ctx.repo.update_refs(others, WHY)? == RefUpdate::Done {
        return Ok(());
    }
    for change in others {
        if ctx.repo.update_refs(std::slice::from_ref(change), WHY)? == RefUpdate::Lost {
            ctx.out.warning(format!("{} moved while the run was being ended, and is left as it is", change.name));
            ctx.out.hint(format!("git chant finalize {id}"));
        }
    }
    Ok(())
}

/// Brings here what the remote has of a spec whose claim we hold, so that we know whether we still hold it.
pub fn look(ctx: &Context, spec: &Spec) {
    let fetch = |claim: Claim| -> Result<()> {
        transport(&ctx.repo, &claim.remote, &[])?.fetch()?;
        fold::fold(&ctx.store(), &claim.remote).map(drop)
    };
    if let Err(error) = held(ctx, spec).and_then(|claim| claim.map_or(Ok(()), fetch)) {
        ctx.out.warning(format!("could not ask the remote whether the claim on {} is still ours: {error:#}", spec.id));
    }
}

/// The branch of a finished run, to be pushed with its `finish`. Another attempt's branch that is there under this name is kept
/// under its own.
pub fn branch(ctx: &Context, remote: &str, id: &SpecId, tip: Oid) -> Result<Vec<PushRef>> {
    let spec = format!("refs/heads/chant/{id}");
    transport(&ctx.repo, remote, &[format!("+{spec}*:refs/remotes/{remote}/chant/{id}*")])?.fetch()?;
    let there = ctx.repo.reference(&format!("refs/remotes/{remote}/chant/{id}"))?;
    let mut refs = vec![PushRef { name: spec.clone(), new: Some(tip), only: PushIf::Holds(there) }];
    if let Some(there) = there.filter(|there| !ctx.repo.is_ancestor(*there, tip).unwrap_or(false)) {
        let aside = format!("{spec}@{}", there.short());
        if ctx.repo.reference(&format!("refs/remotes/{remote}/chant/{id}@{}", there.short()))?.is_none() {
            refs.push(PushRef { name: aside, new: Some(there), only: PushIf::Holds(None) });
        }
    }
    Ok(refs)
}

/// Refuses what only the holder of a claim may do.
pub fn refuse_elsewhere(ctx: &Context, spec: &Spec) -> Result<()> {
    match held_elsewhere(ctx, spec)? {
        Some(claim) => Err(taken(&spec.id, &claim).into()),
        None => Ok(()),
    }
}

/// Somebody else has it.
pub fn taken(id: &SpecId, claim: &Claim) -> Failure {
    Failure::new(format!("{id} is claimed by {claim}"))
        .hint("take another: git chant work --next --claim")
        .hint(format!("if that machine is gone: git chant reset --stale {id}"))
}
