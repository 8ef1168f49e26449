use crate::agent::preset::{PRESETS, Wanted, preset};
use crate::agent::registry::Program;
use crate::agent::settings::{CommitBy, Permissions};
use crate::agent::transcript::Format;
use crate::agent::{Agent, Client, Surroundings as _};
use crate::context::Context;
use crate::failure::Outcome;
use crate::output::{Colour, safe, table};
use serde_json::{Value, json};

/// Arguments of `git chant agents`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is known of one agent: what it would run, or what is missing.
struct Known {
    name: String,
    client: Result<Client, String>,
}

pub fn run(ctx: &Context, args: Args) -> Outcome {
    let chosen = ctx.repo.config("chant.agent").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let default = chosen.clone().or_else(|| Agent::resolve(None, &ctx.repo).ok().map(|agent| agent.name().to_owned()));
    let list: Vec<Known> = names(ctx).into_iter().map(|name| look(ctx, name)).collect();
    if args.json {
        let agents: Vec<Value> = list.iter().map(|known| as_json(ctx, known, default.as_deref())).collect();
        ctx.out.json(&json!({ "default": default, "configured": chosen.is_some(), "agents": agents }));
        return Outcome::Yes;
    }
    print(ctx, &list, default.as_deref());
    match (&default, &chosen) {
        (None, _) => ctx.out.hint("install one of them, or work without a model: git chant work SPEC --agent script"),
        (Some(name), None) => ctx
            .out
            .hint(format!("no agent is configured, so '{name}', which is installed, is used; choose with: git config chant.agent NAME")),
        (Some(_), Some(_)) => {}
    }
    Outcome::Yes
}

/// The well-known ones, then those that only git config knows.
fn names(ctx: &Context) -> Vec<String> {
    let mut names: Vec<String> = PRESETS.iter().map(|preset| preset.name.to_owned()).collect();
    for section in ctx.repo.config_subsections("chant") {
        if let Some(name) = section.strip_prefix("agent.")
            && !is_built_in(ctx, name)
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    names
}

/// True for those that are always there. Whoever gives one of them a command is told that it is not heard.
fn is_built_in(ctx: &Context, name: &str) -> bool {
    matches!(name, "script" | "manual") && ctx.repo.config(&format!("chant.agent.{name}.command")).is_none()
}

fn look(ctx: &Context, name: String) -> Known {
    let client = match Agent::resolve(Some(&name), &ctx.repo) {
        Ok(Agent::Client(client)) => Ok(*client),
        Ok(_) => Err(format!("'{name}' always means the built-in one")),
        Err(error) => Err(format!("{error:#}")),
    };
    Known { name, client }
}

/// `ready`, `missing` (its program is not installed) or `broken` (its settings).
fn state(ctx: &Context, known: &Known) -> &'static str {
    match &known.client {
        Ok(client) if absent(ctx, client).is_some() => "missing",
        Ok(_) => "ready",
        Err(_) if preset(&known.name).is_some_and(|preset| ctx.repo.find(preset.name).is_none()) => "missing",
        Err(_) => "broken",
    }
}

fn remarks(ctx: &Context, client: &Client) -> Vec<String> {
    let mut list = Vec::new();
    if let Program::Preset(preset, _) = &client.program {
        if !preset.tested {
            list.push("its arguments are from its documentation, not tried".to_owned());
        }
        if !preset.remark.is_empty() && client.settings.permissions == Permissions::Edit {
            list.push(preset.remark.to_owned());
        }
    }
    list.extend(absent(ctx, client));
    if client.settings.limits.cost.is_some() {
        list.extend(budget(client));
    }
    list
}

/// Words with which a line for the shell begins that are no programs.
const OF_THE_SHELL: &[&str] = &[
    "cd", "command", "eval", "exec", "export", "for", "if", "case", "read", "set", "trap", "type", "ulimit", "umask", "unset", "until",
    "while",
];

/// What a line for the shell begins with, where that is plainly a program and is nowhere.
fn absent(ctx: &Context, client: &Client) -> Option<String> {
    let Program::Line(line) = &client.program else { return None };
    let first = line.split_whitespace().next()?;
    let plain = first.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && first.chars().all(|c| c.is_ascii_alphanumeric() || "-_./+".contains(c));
    let named = plain && !OF_THE_SHELL.contains(&first);
    (named && ctx.repo.find(first).is_none()).then(|| format!("there is no {first} on PATH"))
}

/// Why a budget may not end it.
fn budget(client: &Client) -> Option<String> {
    let tells = match &client.program {
        Program::Preset(preset, _) => preset.tells_cost,
        Program::Line(line) if client.format() == Format::Claude && !line.contains("{max_cost}") => {
            let name = &client.name;
            return Some(format!("it tells what it cost at its end: for chant.agent.{name}.maxCost to end it, hand it {{max_cost}}"));
        }
        Program::Line(_) => matches!(client.format(), Format::Claude | Format::Opencode | Format::Aider),
    };
    (!tells).then(|| "it does not tell what it costs: chant.agent.*.maxCost has no effect".to_owned())
}

fn command(client: &Client) -> String {
    let settings = &client.settings;
    let wanted = Wanted { model: settings.model.is_some(), budget: settings.limits.cost.is_some(), session: false };
    client.words(wanted).join(" ")
}

fn as_json(ctx: &Context, known: &Known, default: Option<&str>) -> Value {
    let install = preset(&known.name).map(|preset| preset.install);
    let mut value = json!({ "name": known.name, "default": default == Some(known.name.as_str()), "state": state(ctx, known) });
    let more = match &known.client {
        Err(missing) => json!({ "missing": missing, "install": install }),
        Ok(client) => json!({
            "program": match &client.program { Program::Line(_) => None, Program::Preset(_, path) => Some(path.display().to_string()) },
            "command": command(client),
            "format": client.format().as_str(),
            "prompt": client.prompt().as_str(),
            "permissions": client.settings.permissions.as_str(),
            "model": client.settings.model,
            "timeout": client.settings.limits.time.map(|time| time.as_secs()),
            "idle_timeout": client.settings.limits.idle.map(|time| time.as_secs()),
            "max_output": client.settings.limits.output,
            "max_cost": client.settings.limits.cost,
            "grace": client.settings.limits.grace.as_secs(),
            "commit": CommitBy::read(&known.name, &ctx.repo).map_or(Value::Null, |by| json!(by.as_str())),
            "max_concurrent": client.settings.max_concurrent,
            "weight": client.settings.weight,
            // The values may be keys.
            "env": client.settings.env.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "remarks": remarks(ctx, client),
        }),
    };
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}

fn print(ctx: &Context, list: &[Known], default: Option<&str>) {
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|known| {
            let mark = if default == Some(known.name.as_str()) { "*" } else { " " };
            let says = match &known.client {
                Ok(client) => command(client),
                Err(missing) if state(ctx, known) == "broken" => missing.clone(),
                Err(_) => preset(&known.name).map(|preset| preset.install).unwrap_or_default().to_owned(),
            };
            vec![format!("{mark} {}", known.name), state(ctx, known).to_owned(), says]
        })
        .collect();
    let widths = table::widths(&rows);
    for (row, known) in rows.iter().zip(list) {
        let colour = match row[1].as_str() {
            "ready" => Colour::Green,
            "broken" => Colour::Red,
            _ => Colour::Dim,
        };
        ctx.out.line(format!(
            "{:<first$}  {}  {}",
            safe(&row[0]),
            ctx.out.paint(colour, &row[1], widths[1]),
            safe(&row[2]),
            first = widths[0]
        ));
        let commits = CommitBy::read(&known.name, &ctx.repo);
        let commits = match (&known.client, commits) {
            (Ok(_), Ok(by)) if by != CommitBy::default() => Some(format!("commit={}: {}", by.as_str(), by.means())),
            (Ok(_), Err(error)) => Some(format!("{error:#}")),
            _ => None,
        };
        for remark in known.client.iter().flat_map(|client| remarks(ctx, client)).chain(commits) {
            ctx.out.line(format!("{:<indent$}{remark}", "", indent = widths[0] + widths[1] + 4));
        }
    }
    ctx.out.line("  script, manual: always there; they need no model");
}
