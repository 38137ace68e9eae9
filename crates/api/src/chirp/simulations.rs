//! `POST /v1/simulations`: a flow in virtual time, before it rings a phone. Our addition to the contract. Nothing is
//! stored and nobody is called; the request and the answer are also those of `lyrebird simulate`.

use super::Door;
use super::calls::app_scope;
use super::commands::command;
use super::error::ChirpError;
use super::flow;
use super::render::renderer;
use super::trunks::codecs;
use super::view::{CallView, DIRECTIONS};
use crate::http::ask::Ask;
use crate::http::fields::{Fields, invalid};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use model::E164;
use model::call::{CallSetup, Direction};
use model::fault::{Fault, FaultCode};
use model::flow::CallCommand;
use model::timeline::TimelineEntry;
use persona::{CATALOGUE, Settings};
use serde_json::{Map, Value, json};
use sim::{Faults, Limits, NetworkProfile, Plan, Program, Report, Telling, World};
use std::time::Duration;

/// Most simulations of this server at once.
pub(crate) const AT_ONCE_MAX: usize = 2;
/// Most of them for one app: nobody takes all the places.
pub(crate) const AT_ONCE_OF_ONE_MAX: usize = 1;
/// How far a simulation goes: an hour of virtual time, and a few seconds of ours.
const LIMITS: Limits = Limits { time: Duration::from_secs(3_600), steps: 2_000_000 };
/// The largest whole number that every JSON reader keeps exact.
const SEED_MAX: u64 = (1 << 53) - 1;
/// Most commands of the app, and when the last one may come.
const COMMANDS_MAX: usize = 50;
const COMMAND_MS_MAX: u64 = 3_600_000;
/// Longest name of a persona, of a network or of a command, in characters.
const NAME_CHARS_MAX: usize = 256;

/// Runs a simulation on a thread of its own.
pub(crate) async fn create(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    app_scope(ask.who())?;
    let program = read(ask.fields()?)?;
    let Some(seat) = door.simulations.take(ask.who()) else {
        let mut fault = Fault::new(FaultCode::RateLimited);
        fault.retry_after_s = Some(1);
        return Err(fault.into());
    };
    let public_url = door.public_url.clone();
    let answer = tokio::task::spawn_blocking(move || {
        let _seat = seat;
        let report = World::new(&program, Telling::All).run(LIMITS);
        view(&program, &report, &public_url)
    });
    let answer = answer.await.map_err(|_| invalid("flow", "could not be simulated: the simulator failed"))?;
    Ok(Json(answer).into_response())
}

/// Reads a request: what is simulated.
pub fn program(body: Map<String, Value>) -> Result<Program, Fault> {
    read(Fields::of_body(body))
}

fn read(mut fields: Fields) -> Result<Program, Fault> {
    let direction = fields.choice("direction", DIRECTIONS)?.unwrap_or(Direction::Outbound);
    let variables = flow::variables(&mut fields, "variables")?;
    let steps = flow::take(&mut fields, "flow", &variables)?;
    let persona = persona(&mut fields)?;
    let metadata = fields.object("metadata")?.unwrap_or_default();
    let plain = Plan::outbound(persona, steps);
    let plan = Plan {
        direction,
        codecs: codecs(&mut fields)?.unwrap_or_else(|| plain.codecs.clone()),
        settings: settings(&metadata)?,
        commands: commands(&mut fields)?,
        ring_timeout_ms: fields
            .integer("ringTimeoutMs", CallSetup::RING_TIMEOUTS_MS)?
            .unwrap_or(CallSetup::RING_TIMEOUT_MS),
        max_duration_ms: fields
            .integer("maxDurationMs", CallSetup::MAX_DURATIONS_MS)?
            .unwrap_or(CallSetup::MAX_DURATION_MS),
        variables,
        ..plain
    };
    if direction == Direction::Inbound && plan.flow.is_some() {
        return Err(invalid("flow", "is of outbound calls; an inbound call is answered by commands"));
    }
    let seed = fields.integer("seed", 0..=SEED_MAX)?.unwrap_or(1);
    let network = match fields.text("network", 1..=NAME_CHARS_MAX)? {
        None => NetworkProfile::CLEAN,
        Some(text) => NetworkProfile::parse(&text).map_err(|error| invalid("network", &said(&error)))?,
    };
    let faults = match fields.take("faults") {
        None => Faults::NONE,
        Some(value) => {
            serde_json::from_value::<Faults>(value).map_err(|error| invalid("faults", &said(&error)))?
        }
    };
    fields.finish()?;
    Ok(Program { network, faults, ..Program::of(plan, seed) })
}

fn said(error: &impl std::fmt::Display) -> String {
    format!("is not understood: {error}")
}

/// Whom the call goes to, or comes from: `persona`, by name or number, or `to`.
fn persona(fields: &mut Fields) -> Result<String, Fault> {
    let named = fields.text("persona", 1..=NAME_CHARS_MAX)?;
    let to = fields.text("to", 1..=NAME_CHARS_MAX)?;
    let (name, path) = match (named, to) {
        (Some(_), Some(_)) => return Err(invalid("to", "must not be given together with persona")),
        (Some(name), None) => (name, "persona"),
        (None, Some(number)) => (number, "to"),
        (None, None) => return Ok(CATALOGUE.first().map_or("+15005550000", |entry| entry.number).to_owned()),
    };
    if let Some(entry) = CATALOGUE.iter().find(|entry| entry.name == name) {
        return Ok(entry.number.to_owned());
    }
    let number = name.parse::<E164>().map(String::from);
    number.map_err(|_| {
        let names: Vec<_> = CATALOGUE.iter().map(|entry| entry.name).collect();
        invalid(path, &format!("must be a number in E.164 form, or one of {}", names.join(", ")))
    })
}

fn settings(metadata: &Map<String, Value>) -> Result<Settings, Fault> {
    Settings::from_metadata(metadata).map_err(|error| invalid(&error.field, &error.message))
}

/// `commands: [{"atMs": 3000, "type": "hangup"}, …]`: what the app does during the call.
fn commands(fields: &mut Fields) -> Result<Vec<(u64, CallCommand)>, Fault> {
    let Some(items) = fields.list("commands", 0..=COMMANDS_MAX)? else { return Ok(Vec::new()) };
    let one = |(path, value): (String, Value)| {
        let mut fields = Fields::of_value(path.clone(), value)?;
        let at_ms = fields.integer("atMs", 0..=COMMAND_MS_MAX)?;
        let at_ms = fields.required("atMs", at_ms)?;
        let kind = fields.text("type", 1..=NAME_CHARS_MAX)?;
        let kind = fields.required("type", kind)?;
        let command = command(&kind, &mut fields).map_err(|fault| within(fault, &path))?;
        fields.finish()?;
        Ok((at_ms, command))
    };
    items.into_iter().map(one).collect()
}

/// A complaint about a command, which names its own field alone, where the command is one of a list.
fn within(mut fault: Fault, path: &str) -> Fault {
    fault.param =
        fault.param.map(|param| if param.starts_with(path) { param } else { format!("{path}.{param}") });
    fault
}

/// What a simulation brought, in this door's words.
pub fn view(program: &Program, report: &Report, public_url: &str) -> Value {
    let renderer = renderer(public_url.to_owned());
    let call = report.calls.first();
    let events = call.iter().flat_map(|call| &call.events).filter_map(|event| renderer.render(event));
    let events = events.filter_map(|rendered| serde_json::from_str::<Value>(&rendered.body).ok());
    json!({
        "seed": program.seed,
        "outcome": call.map(|call| CallView::new(&call.call)),
        "events": events.collect::<Vec<_>>(),
        "timeline": report.timeline.iter().enumerate().map(entry).collect::<Vec<_>>(),
        "figures": call.and_then(|call| call.figures),
        "virtualMs": u64::try_from(report.ended_at.since(sim::BEGIN).as_millis()).unwrap_or(u64::MAX),
        "finished": report.finished,
        "digest": format!("{:016x}", report.digest),
        "violation": report.violation.as_ref().map(ToString::to_string),
    })
}

fn entry((at, entry): (usize, &TimelineEntry)) -> Value {
    json!({
        "index": at + 1,
        "at": entry.at.to_rfc3339_millis(),
        "kind": entry.kind,
        "summary": entry.summary,
        "detail": entry.detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &Value, expected: Result<&str, &str>) {
        let Value::Object(map) = body.clone() else { panic!("an object") };
        let got = program(map).map(|program| program.calls[0].persona.clone());
        let got = got.map_err(|fault| fault.param.unwrap_or_default());
        assert_eq!(got.as_deref().map_err(String::as_str), expected, "{body}");
    }

    #[test]
    fn simulations_are_asked_for_as_calls_are() {
        let flow = json!([{"command": "say", "text": "Hello"}]);
        check(&json!({"flow": flow}), Ok("+15005550000"));
        check(
            &json!({"flow": flow, "persona": "voicemail", "seed": 7, "network": "bad,loss=3"}),
            Ok("+15005550010"),
        );
        check(&json!({"flow": flow, "to": "+4930123456"}), Ok("+4930123456"));
        check(
            &json!({"direction": "inbound", "commands": [{"atMs": 5, "type": "answer"}]}),
            Ok("+15005550000"),
        );
        check(
            &json!({"flow": flow, "faults": {"storeSlowMs": 5, "carrier": "answersTwice"}}),
            Ok("+15005550000"),
        );
        check(&json!({"flow": flow, "direction": "inbound"}), Err("flow"));
        check(&json!({"flow": [{"command": "sing"}]}), Err("flow[0].command"));
        check(&json!({"flow": flow, "persona": "nobody"}), Err("persona"));
        check(&json!({"flow": flow, "persona": "fax", "to": "+15005550001"}), Err("to"));
        check(&json!({"flow": flow, "network": "good"}), Err("network"));
        check(&json!({"flow": flow, "faults": {"carrier": "kind"}}), Err("faults"));
        check(&json!({"flow": flow, "seed": -1}), Err("seed"));
        check(&json!({"flow": flow, "metadata": {"sandbox": {"beepHz": 1}}}), Err("metadata.sandbox.beepHz"));
        check(&json!({"commands": [{"atMs": 5, "type": "sing"}]}), Err("commands[0].type"));
        check(&json!({"commands": [{"type": "hangup"}]}), Err("commands[0].atMs"));
        check(&json!({"flows": flow}), Err("flows"));
    }

    #[test]
    fn a_simulation_shows_what_a_call_shows() {
        let body = json!({"flow": [{"command": "say", "text": "Hello"}], "seed": 3});
        let Value::Object(map) = body else { panic!("an object") };
        let program = program(map).unwrap();
        let view = view(&program, &sim::run(&program, Telling::All), "http://127.0.0.1:8080");
        assert_eq!(
            (&view["outcome"]["status"], &view["violation"]),
            (&json!("completed"), &Value::Null),
            "{view}"
        );
        let names: Vec<_> =
            view["events"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
        assert_eq!(names.first().copied(), Some("calls.initiated"));
        assert_eq!(names.last().copied(), Some("calls.completed"));
    }
}
