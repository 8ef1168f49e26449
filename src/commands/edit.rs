use super::editor::in_editor;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::safe;
use crate::spec::document::FieldValue;
use crate::spec::graph::Blocker;
use crate::spec::{Document, EventKind, SpecId, Status};
use crate::store::{Change, SETTLES, Spec};
use crate::workflow::{files, finalize, find, inside};
use anyhow::Result;

/// Arguments of `git chant edit`. Without options an editor is opened.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: its id, or a part of it that only one has
    id: String,
    /// Ask for another status: pending, paused, cancelled or completed
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Set the title
    #[arg(long, value_name = "TITLE")]
    title: Option<String>,
    /// Set the type
    #[arg(long = "type", value_name = "TYPE")]
    spec_type: Option<String>,
    /// Set the prompt to work with
    #[arg(long, value_name = "PROMPT")]
    prompt: Option<String>,
    /// Add a label
    #[arg(long, value_name = "LABEL")]
    add_label: Vec<String>,
    /// Remove a label
    #[arg(long, value_name = "LABEL")]
    remove_label: Vec<String>,
    /// Add a dependency
    #[arg(long, value_name = "ID")]
    depends_on: Vec<String>,
    /// Remove a dependency
    #[arg(long, value_name = "ID")]
    no_depends_on: Vec<String>,
}

impl Args {
    fn has_options(&self) -> bool {
        self.title.is_some()
            || self.spec_type.is_some()
            || self.prompt.is_some()
            || ![&self.add_label, &self.remove_label, &self.depends_on, &self.no_depends_on].into_iter().all(Vec::is_empty)
    }
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let spec = find::spec(ctx, &args.id)?;
    let mut changed = false;
    if args.has_options() {
        changed |= change(ctx, &spec.id, |document| apply(ctx, document, &args))?;
    } else if args.status.is_none() {
        changed |= by_editor(ctx, &spec)?;
    }
    if let Some(word) = &args.status {
        changed |= request(ctx, &spec.id, word)?;
    }
    ctx.out.line(if changed { format!("Edited {}.", spec.id) } else { format!("Nothing changed in {}.", spec.id) });
    Ok(Outcome::Yes)
}

/// Applies a change to the newest document until it takes, and writes the file. The new intent is trusted as the old one was.
fn change(ctx: &Context, id: &SpecId, mut apply: impl FnMut(&mut Document) -> Result<()>) -> Result<bool> {
    let mut was = None;
    let spec = ctx.store().amend(id, |spec| {
        was = Some(ctx.repo.hash_blob(spec.document.as_bytes())?);
        let mut document = spec.document.clone();
        apply(&mut document)?;
        refuse_circle(ctx, id, &document)?;
        document.front().map_err(|error| Failure::new(format!("the edited spec's {error}")))?;
        inside::trust_made_from(ctx, &[&spec.document], &document)?;
        Ok((document != spec.document).then(|| Change::new(EventKind::Edit).document(document)))
    })?;
    let Some(spec) = spec else { return Ok(false) };
    files::write_back(ctx, was, &spec, "edit spec")?;
    Ok(true)
}

fn apply(ctx: &Context, document: &mut Document, args: &Args) -> Result<()> {
    let front = document.front().map_err(|error| Failure::new(error.to_string()))?;
    if let Some(title) = &args.title {
        set_title(document, title);
    }
    for (name, value) in [("type", &args.spec_type), ("prompt", &args.prompt)] {
        if let Some(value) = value {
            document.set(name, value.clone().into());
        }
    }
    let labels = edited(&front.labels, &args.add_label, &args.remove_label);
    if labels != front.labels {
        document.set("labels", FieldValue::List(labels));
    }
    let ids = |queries: &[String]| queries.iter().map(|query| Ok(find::id(ctx, query)?.to_string())).collect::<Result<Vec<_>>>();
    let depends_on = edited(&front.depends_on, &ids(&args.depends_on)?, &ids(&args.no_depends_on)?);
    if depends_on != front.depends_on {
        document.set("depends_on", FieldValue::List(depends_on));
    }
    Ok(())
}

/// Refuses dependencies by which a spec would wait for itself, unless it does so already.
fn refuse_circle(ctx: &Context, id: &SpecId, document: &Document) -> Result<()> {
    let mut specs = ctx.store().list()?.0;
    let own = document.front().map_err(|error| Failure::new(error.to_string()))?.depends_on;
    let Some(spec) = specs.iter_mut().find(|spec| spec.id == *id).filter(|spec| spec.event.depends_on != own) else { return Ok(()) };
    spec.event.depends_on = own;
    let graph = find::graph(ctx, &specs)?;
    match graph.blockers(id).into_iter().find(|blocker| matches!(blocker, Blocker::Cycle(ids) if ids.contains(id))) {
        Some(circle) => Err(Failure::new(format!("that makes a circle: {id} {circle}"))
            .hint(format!("what it depends on now: git chant show {id}"))
            .into()),
        None => Ok(()),
    }
}

fn edited(list: &[String], add: &[String], remove: &[String]) -> Vec<String> {
    let mut list: Vec<String> = list.iter().filter(|item| !remove.contains(item)).cloned().collect();
    for item in add {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
    list
}

/// Replaces the first level-1 heading, or writes one above the body.
fn set_title(document: &mut Document, title: &str) {
    use crate::spec::markdown::{Kind, lines};
    let title = crate::spec::event::one_line(title);
    let body = document.body().to_vec();
    let line = lines(&body).into_iter().find(|line| matches!(line.kind, Kind::Heading(1, _)));
    let edited = match line {
        Some(line) => [&body[..line.start], format!("# {title}\n").as_bytes(), &body[line.end..]].concat(),
        None => [format!("\n# {title}\n\n").as_bytes(), &body].concat(),
    };
    *document = document.replace_body(&edited);
}

/// Has a person edit it, and gives the status that the new text asks for.
fn by_editor(ctx: &Context, from: &Spec) -> Result<bool> {
    let Some((spec, asks)) = in_editor(ctx, &format!("edit {}", from.id), &from.document, |edited| from_editor(ctx, from, edited))? else {
        return keep_joined(ctx, from);
    };
    let was = Some(ctx.repo.hash_blob(from.document.as_bytes())?);
    files::write_back(ctx, was, &spec, "edit spec")?;
    if let Some(status) = asks {
        request(ctx, &from.id, status.as_str())?;
    }
    Ok(true)
}

/// Records what an editor made of a version, joined with whatever others did while it was open; and the status that it asks for.
fn from_editor(ctx: &Context, from: &Spec, edited: Document) -> Result<Option<(Spec, Option<Status>)>> {
    if edited == from.document {
        return Ok(None);
    }
    let front = edited.front().map_err(|error| Failure::new(format!("the edited spec's {error}")))?;
    let status = front.status().map_err(|error| Failure::new(error.to_string()))?;
    let asks = status.filter(|status| Some(*status) != from.document.front().ok().and_then(|front| front.status().ok().flatten()));
    let mut document = edited;
    if asks.is_some() {
        document.set("status", from.event.status.as_str().into());
    }
    // Who had it in the editor has read it.
    inside::trust(ctx, &document)?;
    let edit = ctx.store().prepare(from, &Change::new(EventKind::Edit).document(document))?;
    loop {
        let tip = ctx.store().require(&from.id)?;
        let next = if tip.tip == from.tip { edit.clone() } else { ctx.store().join(&tip, &edit)? };
        inside::trust_made_from(ctx, &[&tip.document, &edit.document], &next.document)?;
        if let Some(spec) = ctx.store().publish(&next, Some(tip.tip), &[])? {
            return Ok(Some((spec, asks)));
        }
    }
}

/// Whoever looks at the text that a join took, and leaves it, settles the conflict.
fn keep_joined(ctx: &Context, from: &Spec) -> Result<bool> {
    let store = ctx.store();
    let settled = store.amend(&from.id, |spec| {
        let open = store.conflicts(&store.history(spec.tip)?)?;
        let change = Change::new(EventKind::Edit).text("The text that was taken is right.");
        Ok(open.first().map(|conflict| change.with(SETTLES, &conflict.what)))
    })?;
    if settled.is_some() {
        ctx.out.line("The text is as it was; the conflict is settled.");
    }
    Ok(settled.is_some())
}

/// A status that a person asks for: the verb that gives it.
fn request(ctx: &Context, id: &SpecId, word: &str) -> Result<bool> {
    let status: Status = word.parse().map_err(|_| {
        Failure::new(format!("'{}' is not a status", safe(word))).hint("a person can ask for: pending, paused, cancelled, completed")
    })?;
    match status {
        Status::Pending => super::reset::to_pending(ctx, id, ""),
        Status::Paused => super::stop::put_aside(ctx, id, ""),
        Status::Cancelled => super::stop::give_up(ctx, id, ""),
        Status::Completed => finalize::finalize(ctx, &ctx.store().require(id)?).map(|_| true),
        _ => Err(Failure::new(format!("'{status}' is a status that only a run gives")).hint(format!("git chant work {id}")).into()),
    }
}
