use crate::context::Context;
use crate::failure::Outcome;
use crate::output::{Colour, safe, table};
use crate::spec::graph::Graph;
use crate::spec::{Shown, SpecId, Status};
use crate::store::Listed;
use crate::workflow::{find, pickup, recover};
use anyhow::Result;
use serde_json::json;

/// Arguments of `git chant list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only specs that can be started now
    #[arg(long, conflicts_with = "status")]
    ready: bool,
    /// Only specs of this status (ready, blocked, `in_progress`, completed, failed, …); may be given more than once
    #[arg(long, value_name = "STATUS")]
    status: Vec<String>,
    /// Only specs of this type
    #[arg(long = "type", value_name = "TYPE")]
    spec_type: Option<String>,
    /// Only specs with this label; given more than once, with all of them
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// Print JSON
    #[arg(long, group = "form")]
    json: bool,
    /// Print `id TAB status TAB type TAB title`, one line a spec
    #[arg(long, group = "form")]
    porcelain: bool,
    /// Print only how many there are
    #[arg(long, group = "form")]
    count: bool,
}

pub fn run(ctx: &Context, args: Args) -> Result<Outcome> {
    let (specs, foreign) = read(ctx)?;
    for name in foreign {
        ctx.out.warning(format!("{} holds no spec", safe(&name)));
    }
    let wanted = wanted(&args)?;
    let graph = find::graph(ctx, &specs)?;
    let rows: Vec<(&Listed, Shown)> = specs
        .iter()
        .map(|spec| (spec, find::shown(&graph, &spec.id)))
        .filter(|(spec, shown)| {
            (wanted.is_empty() || wanted.iter().any(|word| word == shown.as_str() || *word == spec.event.status.as_str()))
                && args.spec_type.as_ref().is_none_or(|kind| *kind == spec.event.spec_type)
                && args.label.iter().all(|label| spec.event.labels.contains(label))
        })
        .collect();
    if args.count {
        ctx.out.line(rows.len().to_string());
    } else if args.json {
        ctx.out.json(&rows.iter().map(|(spec, shown)| row_json(spec, *shown)).collect());
    } else if args.porcelain {
        let lines: String = rows.iter().map(|(spec, shown)| porcelain(spec, *shown)).collect();
        ctx.out.raw(lines.as_bytes());
    } else if rows.is_empty() {
        ctx.out.note(nothing(ctx, specs.is_empty())?);
    } else {
        // What is asked for is what waits: so is for what.
        let waits = wanted.iter().all(|word| word == "blocked") && !wanted.is_empty();
        print(ctx, &rows, waits.then_some(&graph));
    }
    Ok(Outcome::Yes)
}

/// Why nothing is listed, and what to type next.
fn nothing(ctx: &Context, no_specs: bool) -> Result<&'static str> {
    Ok(if !no_specs {
        "No spec matches."
    } else if !ctx.is_set_up() {
        "There are no specs, and git-chant is not set up in this clone yet: git chant init"
    } else if ctx.store().archived()?.is_empty() {
        "There are no specs yet. Write one: git chant add 'What you want'"
    } else {
        "Every spec is archived; git chant show ID shows one. Write the next: git chant add 'What you want'"
    })
}

/// The specs, with people's edits of the files recorded first. Reading begins while git compares the files: ten thousand untouched ones
/// cost nothing extra.
fn read(ctx: &Context) -> Result<(Vec<Listed>, Vec<String>)> {
    let look = pickup::begin(ctx)?;
    let mut specs = ctx.store().list()?;
    let news = pickup::end(ctx, look)?;
    news.tell(ctx)?;
    if news.any {
        specs = ctx.store().list()?;
    }
    if ctx.inside_run.is_none() {
        recover::report(ctx)?;
    }
    Ok(specs)
}

/// The status words asked for, in the form that is compared; a word that is no status is refused.
fn wanted(args: &Args) -> Result<Vec<String>> {
    if args.ready {
        return Ok(vec!["ready".to_owned()]);
    }
    let word = |text: &String| {
        let normal = text.to_ascii_lowercase().replace('-', "_");
        if matches!(normal.as_str(), "ready" | "blocked") {
            return Ok(normal);
        }
        let known = Status::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(", ");
        let failure = || crate::failure::Failure::new(format!("'{}' is not a status", safe(text))).hint(format!("ready, blocked, {known}"));
        Ok(normal.parse::<Status>().map_err(|_| failure())?.as_str().to_owned())
    };
    args.status.iter().map(word).collect()
}

fn porcelain(spec: &Listed, shown: Shown) -> String {
    let clean = |text: &str| safe(text).replace(['\t', '\n'], " ");
    [spec.id.as_str(), shown.as_str(), &clean(&spec.event.spec_type), &clean(&spec.event.title)].join("\t") + "\n"
}

fn row_json(spec: &Listed, shown: Shown) -> serde_json::Value {
    json!({
        "id": spec.id.as_str(),
        "status": shown.as_str(),
        "type": spec.event.spec_type,
        "title": spec.event.title,
        "labels": spec.event.labels,
        "depends_on": spec.event.depends_on,
        "attempt": spec.event.attempt,
        "approval": spec.event.approval.as_str(),
    })
}

/// A line a spec; with a graph, what each waits for.
fn print(ctx: &Context, rows: &[(&Listed, Shown)], waits: Option<&Graph>) {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|(spec, shown)| vec![spec.id.to_string(), shown.to_string(), safe(&spec.event.spec_type), safe(&spec.event.title)])
        .collect();
    let widths = table::widths(&cells);
    let mut text = String::new();
    for (row, (spec, shown)) in cells.iter().zip(rows) {
        let status = ctx.out.paint(colour(*shown), &row[1], widths[1]);
        let waits = waits.map(|graph| format!(" ({})", blockers(graph, &spec.id))).unwrap_or_default();
        text.push_str(&format!("{:<w0$}  {status}  {:<w2$}  {}{waits}\n", row[0], row[2], row[3], w0 = widths[0], w2 = widths[2]));
    }
    ctx.out.raw(text.as_bytes());
}

fn blockers(graph: &Graph, id: &SpecId) -> String {
    graph.blockers(id).iter().map(|blocker| safe(&blocker.to_string())).collect::<Vec<_>>().join("; ")
}

/// The colour of a status, the same everywhere.
pub fn colour(shown: Shown) -> Colour {
    match shown {
        Shown::Ready | Shown::Stored(Status::Completed) => Colour::Green,
        Shown::Stored(Status::Failed | Status::NeedsAttention) => Colour::Red,
        Shown::Blocked | Shown::Stored(Status::InProgress) => Colour::Yellow,
        Shown::Stored(_) => Colour::Dim,
    }
}
