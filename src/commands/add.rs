use super::editor::in_editor;
use crate::context::{self, Context};
use crate::failure::{Failure, Outcome};
use crate::output::safe;
use crate::spec::document::FieldValue;
use crate::spec::{Document, EventKind, SpecId, id};
use crate::store::{Change, Spec, spec_path};
use crate::workflow::{files, inside};
use anyhow::{Context as _, Result};
use std::io::Read as _;

/// Arguments of `git chant add`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it is about, in one line
    title: String,
    /// What kind of work it is (code, task, research, documentation, …)
    #[arg(long = "type", value_name = "TYPE", default_value = "code")]
    spec_type: String,
    /// A label; may be given more than once
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// A spec that must be completed first; may be given more than once
    #[arg(long, value_name = "ID")]
    depends_on: Vec<String>,
    /// A file or spec that the agent shall read; may be given more than once
    #[arg(long, value_name = "PATH")]
    informed_by: Vec<String>,
    /// A file that the work shall write; may be given more than once
    #[arg(long, value_name = "PATH")]
    target_file: Vec<String>,
    /// An acceptance criterion; ends in `$ command` in backticks to be checked by running it
    #[arg(long, value_name = "TEXT")]
    criterion: Vec<String>,
    /// The prompt to work with
    #[arg(long, value_name = "PROMPT")]
    prompt: Option<String>,
    /// Do not let it start or be merged before a person approves it
    #[arg(long)]
    needs_approval: bool,
    /// Take the body from a file, or from standard input with `-`
    #[arg(long, value_name = "FILE")]
    body_file: Option<String>,
    /// Open an editor on it
    #[arg(long)]
    edit: bool,
    /// Print the id alone
    #[arg(long)]
    porcelain: bool,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    if args.title.trim().is_empty() {
        return Err(Failure::new("a spec needs a title").hint("git chant add 'What it is about'").into());
    }
    let document = Document::new(&fields(ctx, &args)?, &args.title, &body(&args)?);
    let spec = match args.edit {
        true => in_editor(ctx, &format!("add --edit '{}'", args.title.replace('\'', r"'\''")), &document, |edited| create(ctx, &edited)),
        false => create(ctx, &document),
    }?;
    files::write_back(ctx, None, &spec, "add spec")?;
    let words = if args.porcelain { spec.id.to_string() } else { format!("Created spec: {}", spec.id) };
    ctx.out.line(words);
    if spec.document.criteria().is_empty() && !args.porcelain {
        ctx.out.hint(format!("it has no acceptance criteria yet: git chant edit {}", spec.id));
    } else if !args.porcelain {
        let committed = committed_to(ctx, &spec)?.map(|branch| format!("its file is committed to {}; ", safe(&branch))).unwrap_or_default();
        ctx.out.hint(format!("{committed}start it: git chant work {}", spec.id));
    }
    Ok(Outcome::Yes)
}

/// The branch whose tip holds the spec's file.
fn committed_to(ctx: &Context, spec: &Spec) -> Result<Option<String>> {
    let (Some(branch), Some(head)) = (ctx.repo.current_branch()?, ctx.repo.head()?.commit) else { return Ok(None) };
    let there = ctx.repo.entry_at(head, spec_path(&spec.id).as_bytes())?;
    Ok(there.map(|_| branch))
}

/// Trusts what a person wrote, and makes the first event under the next free id of the day. A lock keeps two processes of this clone off
/// the same number; two clones are told apart by the random suffix.
fn create(ctx: &Context, document: &Document) -> Result<Spec> {
    document.front().map_err(|error| Failure::new(format!("the new spec's {error}")))?;
    inside::trust(ctx, document)?;
    let store = ctx.store();
    let lock = ctx.repo.lock_file("add.lock")?;
    lock.lock().context("could not lock add")?;
    loop {
        let mut taken = store.ids()?;
        taken.extend(store.archived()?.into_keys());
        let id = id::generate(&context::today(), &taken, &suffix());
        let mut change = Change::new(EventKind::Create).document(document.clone());
        if let Some(run) = &ctx.inside_run {
            change = change.with("Run", run);
        }
        if let Some(spec) = store.create(&id, change)? {
            return Ok(spec);
        }
    }
}

/// What random suffixes are made of: no letter that reads as another one.
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// Three random characters that tell apart the same number from two clones. `GIT_CHANT_TEST_SUFFIX` stands in for chance in tests.
fn suffix() -> String {
    match std::env::var("GIT_CHANT_TEST_SUFFIX") {
        Ok(suffix) if !suffix.is_empty() => suffix,
        _ => (0..3).map(|_| char::from(LETTERS[fastrand::usize(..LETTERS.len())])).collect(),
    }
}

fn fields(ctx: &Context, args: &Args) -> Result<Vec<(&'static str, FieldValue)>> {
    let mut fields: Vec<(&str, FieldValue)> = vec![("type", args.spec_type.clone().into()), ("status", "pending".into())];
    if args.needs_approval {
        fields.push(("approval", FieldValue::Raw("{required: true}")));
    }
    if let Some(prompt) = &args.prompt {
        fields.push(("prompt", prompt.clone().into()));
    }
    let depends_on: Vec<String> = args
        .depends_on
        .iter()
        .map(|query| crate::workflow::find::id(ctx, query).map(|id: SpecId| id.to_string()))
        .collect::<Result<_>>()?;
    for (name, list) in
        [("labels", &args.label), ("depends_on", &depends_on), ("informed_by", &args.informed_by), ("target_files", &args.target_file)]
    {
        if !list.is_empty() {
            fields.push((name, list.clone().into()));
        }
    }
    Ok(fields)
}

fn body(args: &Args) -> Result<String> {
    let mut text = match args.body_file.as_deref() {
        None => String::new(),
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("could not read the body from standard input")?;
            text
        }
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("could not read {file}"))?,
    };
    let has_criteria = !crate::spec::criteria::find(text.as_bytes()).is_empty();
    if has_criteria && args.criterion.is_empty() {
        return Ok(text);
    }
    text = text.trim_end().to_owned();
    let items: String = args.criterion.iter().map(|item| format!("- [ ] {}\n", crate::spec::event::one_line(item))).collect();
    Ok(if has_criteria { format!("{text}\n{items}") } else { format!("{text}\n\n## Acceptance Criteria\n\n{items}") })
}
