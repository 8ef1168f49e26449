use super::work::{announce, ended as run_json, report, started_json, tell_used};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::{Colour, Output, safe};
use crate::settings::{self, values};
use crate::spec::{SpecId, Status};
use crate::workflow::finish::Conclusion;
use crate::workflow::live::{Bar, Events, Lines, Live};
use crate::workflow::many::{self, Request, Sum, Teller, What, Which, Worked};
use crate::workflow::merge::Merged;
use crate::workflow::plan::Options;
use crate::workflow::start::Started;
use crate::workflow::{find, members};
use anyhow::Result;
use serde_json::{Value, json};

/// Which specs to work, and how many at once.
#[derive(Debug, clap::Args)]
pub struct Several {
    /// Every spec that is ready, or becomes so meanwhile
    #[arg(long, conflicts_with_all = ["ids", "label"])]
    all: bool,
    /// Every spec with this label that is ready, or becomes so meanwhile; may be given more than once
    #[arg(long, value_name = "LABEL", conflicts_with = "ids")]
    label: Vec<String>,
    /// Several at once: this many, else `chant.jobs`, else 4
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "")]
    parallel: Option<String>,
    /// One after another, and nothing more after one that is not done
    #[arg(long, conflicts_with = "parallel")]
    chain: bool,
    /// Start this many specs at most
    #[arg(long, value_name = "N")]
    max: Option<usize>,
}

impl Several {
    /// True where more than one named spec may be meant.
    pub fn is_asked(&self) -> bool {
        self.all || !self.label.is_empty() || self.parallel.is_some() || self.chain || self.max.is_some()
    }

    /// `--parallel 001 002` means two specs: a number is written without a leading zero.
    pub fn take_id(&mut self, ids: &mut Vec<String>) {
        let is_number = |word: &str| word.parse::<usize>().is_ok_and(|number| number.to_string() == word);
        if let Some(word) = self.parallel.take_if(|word| !word.is_empty() && !is_number(word)) {
            ids.insert(0, word);
            self.parallel = Some(String::new());
        }
    }

    fn which(&self, ctx: &Context, queries: &[String]) -> Result<Which> {
        if queries.is_empty() {
            return Ok(Which::Ready(self.label.clone()));
        }
        let mut ids: Vec<SpecId> = Vec::new();
        for query in queries {
            let spec = find::spec(ctx, query)?;
            if spec.event.status == Status::Completed {
                ctx.out.note(format!("{} is completed already.", spec.id));
            } else if !ids.contains(&spec.id) {
                ids.push(spec.id);
            }
        }
        Ok(Which::These(members::expand(ctx, &ids)?))
    }

    /// What is asked for, with the specs that these words mean.
    pub fn request(&self, ctx: &Context, queries: &[String], options: Options, merge: bool) -> Result<Request> {
        let jobs = jobs(ctx, self.parallel.as_deref())?;
        Ok(Request { which: self.which(ctx, queries)?, jobs, most: self.max, chain: self.chain, merge, options })
    }
}

/// How many at once `--parallel` means.
pub fn jobs(ctx: &Context, parallel: Option<&str>) -> Result<usize> {
    let number = match parallel {
        None => 1,
        Some("") => settings::number(&ctx.repo, "chant.jobs")?,
        Some(text) => values::number(text).ok_or_else(|| {
            Failure::new(format!("--parallel is '{}', which is not a whole number of 1 or more", text.escape_debug()))
                .hint("git chant work --parallel 4")
        })?,
    };
    Ok(usize::try_from(number)?)
}

/// Works many specs, and sums up.
pub fn run(ctx: &Context, request: &Request, json: bool) -> Result<Outcome> {
    let words = Words { out: ctx.out, prefixed: request.jobs > 1, merges: request.merge };
    let teller: &dyn Teller = if json { &Machine { out: ctx.out } } else { &words };
    let Sum { list, stopped } = many::work(ctx, request, teller)?;
    let done = list.iter().filter(|worked| worked.is_done()).count();
    if json {
        ctx.out.json_line(&json!({ "event": "summary", "done": done, "not_done": list.len() - done }));
    } else if stopped && list.is_empty() {
        ctx.out.line("Stopped before anything was started.");
    } else {
        sum_up(ctx, request, &list);
    }
    Ok(if done == list.len() && !(stopped && list.is_empty()) { Outcome::Yes } else { Outcome::No })
}

/// Prints what would be worked, in the order in which it could be.
pub fn dry_run(ctx: &Context, request: &Request) -> Result<Outcome> {
    let (specs, _) = ctx.store().list()?;
    let graph = find::graph(ctx, &specs)?;
    let ids: Vec<SpecId> = match &request.which {
        Which::Unfinished => Vec::new(),
        Which::These(ids) => ids.clone(),
        Which::Ready(labels) => {
            let wanted = specs.iter().filter(|spec| spec.has_one_of(labels));
            wanted.filter(|spec| spec.event.status == Status::Pending).map(|spec| spec.id.clone()).collect()
        }
    };
    let order = graph.order(&ids).map_err(|cycle| Failure::new(cycle.to_string()).hint("git chant edit ID --no-depends-on OTHER"))?;
    ctx.out.line(format!("Would work {}, {} at once:", count(order.len(), "spec"), request.jobs));
    for id in &order {
        let title = specs.iter().find(|spec| spec.id == *id).map(|spec| safe(&spec.event.title)).unwrap_or_default();
        ctx.out.line(format!("{id}  {}  {title}", find::shown(&graph, id)));
        for blocker in graph.blockers(id) {
            ctx.out.line(format!("    {blocker}"));
        }
    }
    Ok(Outcome::Yes)
}

/// What happens, for people.
struct Words {
    out: Output,
    prefixed: bool,
    merges: bool,
}

impl Words {
    fn prefix(&self, id: &SpecId) -> String {
        if self.prefixed { format!("[{id}] ") } else { String::new() }
    }
}

impl Teller for Words {
    fn started(&self, started: &Started) -> Box<dyn Live> {
        let prefix = self.prefix(&started.spec.id);
        announce(self.out, started, &prefix);
        if self.out.moves() {
            return Box::new(Bar::new(self.out, &started.spec.id));
        }
        Box::new(Lines::new(self.out, prefix))
    }

    fn ended(&self, worked: &Worked) {
        let (out, id, prefix) = (self.out, &worked.id, self.prefix(&worked.id));
        let bad = |what: &str, error: &anyhow::Error| {
            out.line(format!("{prefix}{} {id} {what}: {}", out.paint(Colour::Red, "✗", 0), safe(&format!("{error:#}"))));
            for hint in error.chain().filter_map(|cause| cause.downcast_ref::<Failure>()).flat_map(Failure::hints) {
                out.hint(safe(hint));
            }
        };
        match &worked.what {
            What::NotStarted(error) => bad("was not started", error),
            What::Broken(error) => bad("was not brought to its end", error),
            What::Ran(run, merge) => {
                tell_used(out, run, &prefix);
                report(out, id, &run.conclusion, &prefix, self.merges);
                let Some(merge) = merge else { return };
                match merge {
                    Err(error) => bad("was not merged", error),
                    Ok(merge) => tell_merge(out, id, merge, &prefix),
                }
            }
        }
    }
}

fn tell_merge(out: Output, id: &SpecId, merge: &Merged, prefix: &str) {
    match merge {
        Merged::Done => out.line(format!("{prefix}{} {id} merged", out.paint(Colour::Green, "✓", 0))),
        Merged::Already => out.line(format!("{prefix}{} {id} merged already", out.paint(Colour::Green, "✓", 0))),
        other => {
            out.line(format!("{prefix}{} {id} {}", out.paint(Colour::Red, "✗", 0), unmerged(other)));
            let auto = if matches!(other, Merged::Conflict(_)) { " --auto" } else { "" };
            out.hint(format!("git chant merge {id}{auto}"));
        }
    }
}

fn unmerged(merge: &Merged) -> String {
    match merge {
        Merged::Done | Merged::Already => "is merged".to_owned(),
        Merged::Conflict(files) => format!("was not merged: it conflicts in {}", safe(&files.join(", "))),
        Merged::Refused(reasons) => {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            format!("was not merged: {}", safe(&reasons.join("; ")))
        }
    }
}

/// What happens, for machines.
struct Machine {
    out: Output,
}

impl Teller for Machine {
    fn started(&self, started: &Started) -> Box<dyn Live> {
        self.out.json_line(&started_json(started));
        Box::new(Events::new(self.out, &started.spec.id, started.dir.run_id()))
    }

    fn ended(&self, worked: &Worked) {
        let id = worked.id.as_str();
        match &worked.what {
            What::NotStarted(error) => {
                self.out.json_line(&json!({ "event": "end", "id": id, "outcome": "not_started", "reason": format!("{error:#}") }));
            }
            What::Broken(error) => {
                self.out.json_line(&json!({ "event": "end", "id": id, "outcome": "broken", "reason": format!("{error:#}") }));
            }
            What::Ran(report, merge) => {
                self.out.json_line(&run_json(report));
                if let Some(merge) = merge {
                    self.out.json_line(&merge_event(&worked.id, merge));
                }
            }
        }
    }
}

/// What came of a merge, for machines.
pub fn merge_event(id: &SpecId, merge: &Result<Merged>) -> Value {
    let reason = match merge {
        Ok(Merged::Done | Merged::Already) => return json!({ "event": "merge", "id": id.as_str(), "merged": true }),
        Ok(other) => unmerged(other),
        Err(error) => format!("{error:#}"),
    };
    json!({ "event": "merge", "id": id.as_str(), "merged": false, "reason": reason })
}

/// Why nothing was worked.
fn nothing(out: &Output, which: &Which) {
    match which {
        Which::Unfinished => {
            out.line("No run here failed or died.");
            out.hint("what is on: git chant list --status in_progress");
            return;
        }
        Which::Ready(labels) if !labels.is_empty() => {
            let labels: Vec<String> = labels.iter().map(|label| format!("'{}'", safe(label))).collect();
            out.line(format!("No spec with the label {} is ready.", labels.join(" or ")));
        }
        Which::Ready(_) | Which::These(_) => out.line("Nothing is ready."),
    }
    out.hint("what waits, and for what: git chant list --status blocked");
}

/// What became of everything, at the end, where it is read.
fn sum_up(ctx: &Context, request: &Request, list: &[Worked]) {
    let out = &ctx.out;
    if list.is_empty() {
        nothing(out, &request.which);
        return;
    }
    let done = list.iter().filter(|worked| worked.is_done()).count();
    out.line(format!("\n{done} of {} done:", count(list.len(), "spec")));
    let mut by_id: Vec<&Worked> = list.iter().collect();
    by_id.sort_by(|a, b| a.id.cmp(&b.id));
    for worked in by_id {
        let mark = if worked.is_done() { out.paint(Colour::Green, "✓", 0) } else { out.paint(Colour::Red, "✗", 0) };
        out.line(format!("{mark} {} {}", worked.id, outcome(worked)));
    }
    if done > 0 && !request.merge {
        out.hint("merge what is done: git chant merge --all");
    }
}

/// How one spec ended, in one line.
fn outcome(worked: &Worked) -> String {
    let first = |text: &str| safe(text.lines().next().unwrap_or_default());
    match &worked.what {
        What::NotStarted(error) => format!("not started: {}", first(&format!("{error:#}"))),
        What::Broken(error) => format!("not brought to its end: {}", first(&format!("{error:#}"))),
        What::Ran(run, merge) => {
            let seconds = run.took.as_secs();
            let took = if seconds < 60 { format!("{seconds}s") } else { format!("{}m {}s", seconds / 60, seconds % 60) };
            let outside = if run.outside.is_empty() { "" } else { "; something outside of its worktree changed" };
            let end = match (&run.conclusion, merge) {
                (Conclusion::Finished(_), None) => "completed".to_owned(),
                (Conclusion::Finished(_), Some(Ok(Merged::Done | Merged::Already))) => "completed and merged".to_owned(),
                (Conclusion::Finished(_), Some(Ok(other))) => format!("completed, {}", unmerged(other)),
                (Conclusion::Finished(_), Some(Err(error))) => format!("completed, was not merged: {}", first(&format!("{error:#}"))),
                (Conclusion::Paused(reason), _) => format!("paused: {}", first(reason)),
                (Conclusion::Failed(reason), _) => format!("failed: {}", first(reason)),
                (Conclusion::NeedsAttention(reason), _) => format!("needs attention: {}", first(reason)),
                (Conclusion::Overtaken, _) => "went on without this run".to_owned(),
            };
            format!("{end} ({took}{outside})")
        }
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
