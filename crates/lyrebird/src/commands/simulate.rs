//! `lyrebird simulate`: a flow in virtual time, as a tool for people and for tests: exit code 0 as expected, 1 not as
//! expected, 2 for what cannot be read.

use super::CommandResult;
use crate::cli::Simulate;
use crate::differences::Line;
use crate::failure::BadInput;
use crate::{differences, terminal};
use model::fault::Fault;
use serde_json::{Map, Value, json};
use sim::{Program, Telling};
use std::path::Path;

/// Links in events begin with it; there is no server.
const PUBLIC_URL: &str = "http://localhost";

/// Runs the command.
pub(crate) fn run(args: &Simulate) -> CommandResult {
    let (request, is_list) = request(args)?;
    let program = program(request, &args.file, is_list)?;
    let report = sim::run(&program, Telling::All);
    let answer = api::simulation_view(&program, &report, PUBLIC_URL);
    if args.json {
        terminal::line(&serde_json::to_string_pretty(&answer)?);
    } else {
        terminal::line(report.to_text().trim_end());
    }
    if let Some(violation) = &report.violation {
        return Err(format!("an invariant is broken, which is a fault of the server: {violation}").into());
    }
    match &args.expect {
        None => Ok(()),
        Some(file) => compare(file, &answer, &report.to_text()),
    }
}

/// The request, and whether the file holds only the flow.
fn request(args: &Simulate) -> Result<(Map<String, Value>, bool), BadInput> {
    let (mut request, is_list) = match read(&args.file)? {
        Value::Array(flow) => (Map::from_iter([("flow".to_owned(), Value::Array(flow))]), true),
        Value::Object(request) => (request, false),
        _ => {
            let file = args.file.display();
            return Err(BadInput(format!("{file}: must hold a list of commands, or an object")));
        }
    };
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            request.insert(name.to_owned(), value);
        }
    };
    set("persona", args.persona.clone().map(Value::from));
    set("seed", args.seed.map(Value::from));
    set("network", args.network.clone().map(Value::from));
    set("faults", argument("--faults", args.faults.as_deref())?);
    let sandbox = argument("--sandbox", args.sandbox.as_deref())?;
    set("metadata", sandbox.map(|sandbox| json!({ "sandbox": sandbox })));
    Ok((request, is_list))
}

fn argument(name: &str, text: Option<&str>) -> Result<Option<Value>, BadInput> {
    let parse = |text| serde_json::from_str(text).map_err(|error| BadInput(format!("{name}: {error}")));
    text.map(parse).transpose()
}

/// A file's JSON.
pub(super) fn read(file: &Path) -> Result<Value, BadInput> {
    let said = |error: &dyn std::fmt::Display| BadInput(format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| said(&error))?;
    serde_json::from_str(&text).map_err(|error| said(&error))
}

/// What is simulated. `is_list`: the file is the request's flow alone.
pub(super) fn program(request: Map<String, Value>, file: &Path, is_list: bool) -> Result<Program, BadInput> {
    api::simulation(request).map_err(|fault| {
        let Fault { message, param, .. } = fault;
        let pointer = pointer(&param.unwrap_or_default());
        let inside = if is_list { pointer.strip_prefix("/flow").unwrap_or(&pointer) } else { &pointer };
        BadInput(format!("{}: {inside}: {message}", file.display()))
    })
}

/// A field's path as a JSON pointer (RFC 6901): `flow[0].text` is `/flow/0/text`.
fn pointer(path: &str) -> String {
    let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
    parts.fold(String::new(), |pointer, part| format!("{pointer}/{part}"))
}

fn compare(file: &Path, answer: &Value, timeline: &str) -> CommandResult {
    let is_json = file.extension().is_some_and(|extension| extension == "json");
    let found = if is_json {
        differences::of_values(&read(file)?, answer)
    } else {
        let text = std::fs::read_to_string(file)
            .map_err(|error| BadInput(format!("{}: {error}", file.display())))?;
        let lines = |text: &str| text.trim_end().lines().map(Line::plain).collect::<Vec<_>>();
        differences::of_lines(&lines(&text), &lines(timeline)).unwrap_or_default()
    };
    if found.is_empty() {
        return Ok(());
    }
    Err(format!("not as {} expects:\n{}", file.display(), found.join("\n")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_pointers() {
        assert_eq!(pointer("flow[0].prompt.say.text"), "/flow/0/prompt/say/text");
        assert_eq!(pointer("seed"), "/seed");
        assert_eq!(pointer(""), "");
    }
}
