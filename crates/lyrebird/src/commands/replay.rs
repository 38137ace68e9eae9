//! `lyrebird replay`: what the far side of a call did, once more against a changed flow. Exit code 0 if nothing of it
//! changed, 1 if something did, 2 for what cannot be read.

use super::CommandResult;
use super::simulate::{program, read};
use crate::cli::Replay;
use crate::client::Client;
use crate::config::Flags;
use crate::differences::Line;
use crate::failure::{BadInput, Failure};
use crate::{differences, terminal};
use model::timeline::{TimelineEntry, TimelineKind};
use model::{CallId, IdSource, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use sim::{Inputs, Plan, Program, Telling};
use std::path::Path;

/// Entries of one page of a timeline.
const PAGE: u32 = 500;

/// Runs the command.
pub(crate) async fn run(flags: &Flags, args: Replay) -> CommandResult {
    let recorded = timeline(flags, &args).await?;
    let inputs =
        Inputs::of_timeline(&recorded).map_err(|error| BadInput(format!("{}: {error}", args.call)))?;
    let Value::Array(flow) = read(&args.flow)? else {
        return Err(BadInput(format!("{}: must hold a list of commands", args.flow.display())).into());
    };
    let request = Map::from_iter([("flow".to_owned(), Value::Array(flow))]);
    let changed = program(request, &args.flow, true)?;
    let plans = changed.calls.into_iter();
    let calls = plans.map(|plan| Plan { recorded: Some(inputs.clone()), ..plan }).collect();
    let report = sim::run(&Program { seed: args.seed, calls, ..changed }, Telling::All);
    let (before, after) = (lines(&recorded), lines(&report.timeline));
    let Some(told) = differences::of_lines(&before, &after) else {
        before.iter().for_each(|line| terminal::line(&format!("  {}", line.shown)));
        return Ok(());
    };
    told.iter().for_each(|line| terminal::line(line));
    Err("the call goes otherwise: - as it was, + as it would be".into())
}

/// An entry as the API shows it.
#[derive(Deserialize)]
struct Shown {
    at: String,
    kind: TimelineKind,
    summary: String,
    #[serde(default)]
    detail: Value,
}

async fn timeline(flags: &Flags, args: &Replay) -> Result<Vec<TimelineEntry>, Failure> {
    let file = Path::new(&args.call);
    let entries = if file.exists() {
        entries_of(read(file)?)
    } else {
        let client = Client::new(&args.remote, flags)?;
        let mut all = Vec::new();
        loop {
            let after = all.len();
            let path = format!("/v1/calls/{}/timeline?after={after}&limit={PAGE}", args.call);
            let page = entries_of(client.get(&path).await?);
            if page.is_empty() {
                break all;
            }
            all.extend(page);
        }
    };
    let call = CallId::generate(&mut IdSource::new(args.seed), Timestamp::default());
    let entry = |value: Value| {
        let shown: Shown = serde_json::from_value(value).ok()?;
        let Shown { at, kind, summary, detail } = shown;
        Some(TimelineEntry { call, at: Timestamp::parse_rfc3339(&at)?, kind, summary, detail })
    };
    let entries: Option<Vec<_>> = entries.into_iter().map(entry).collect();
    entries.ok_or_else(|| BadInput(format!("{}: holds no timeline", args.call)).into())
}

/// The entries in an answer of the API, in what a simulation printed, or in a bare list.
fn entries_of(value: Value) -> Vec<Value> {
    match value {
        Value::Array(entries) => entries,
        Value::Object(mut object) => {
            let entries = object.remove("data").or_else(|| object.remove("timeline"));
            entries.map(entries_of).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// What a flow can change: steps, keys, recordings, the call itself. Shown with the time since the answer, and compared
/// without it: what is spoken takes another time than in the real call.
fn lines(entries: &[TimelineEntry]) -> Vec<Line> {
    use TimelineKind::{Call, Dtmf, Flow, Recording};
    let is_answer =
        |entry: &&TimelineEntry| entry.detail.get("event").is_some_and(|event| event == "answered");
    let answered = entries.iter().find(is_answer).map(|entry| entry.at);
    let told = entries.iter().filter(|entry| matches!(entry.kind, Call | Dtmf | Flow | Recording));
    let line = |entry: &TimelineEntry| {
        let since =
            answered.filter(|answered| *answered <= entry.at).map(|answered| entry.at.since(answered));
        let moment = since.map_or_else(String::new, |since| format!("{:.1} s", since.as_secs_f64()));
        Line { same: entry.summary.clone(), shown: format!("{moment:>9}  {}", entry.summary) }
    };
    told.map(line).collect()
}
