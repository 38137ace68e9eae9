//! Flows that can never run as they stand: refused wherever one is given, and told in full by `POST /v1/flows/check`.

use super::{unchecked, variables};
use crate::chirp::Door;
use crate::chirp::error::ChirpError;
use crate::http::ask::Ask;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use call::check::{FlowFault, check};
use model::fault::{Fault, FaultCode};
use model::flow::Flow;
use model::flow::variable::Variables;
use serde_json::{Value, json};

/// The first fault of a flow at `path`, if it has one.
pub(crate) fn refuse(flow: &Flow, variables: &Variables, path: &str) -> Result<(), Fault> {
    let faults = check(flow, variables.keys().map(String::as_str));
    let Some(fault) = faults.first() else { return Ok(()) };
    let param = param(path, fault);
    Err(Fault::field(FaultCode::InvalidFlow, &param, format!("{param}: {}", fault.message)))
}

/// `POST /v1/flows/check`.
pub(crate) async fn create(State(_): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    let mut fields = ask.fields()?;
    let variables = variables(&mut fields, "variables")?;
    let flow = unchecked(&mut fields, "flow");
    let flow = match flow.and_then(|flow| fields.required("flow", flow)) {
        Ok(flow) => flow,
        Err(fault) => return Ok(Json(json!({ "valid": false, "faults": [unread(&fault)] })).into_response()),
    };
    fields.finish()?;
    let faults = check(&flow, variables.keys().map(String::as_str));
    let told: Vec<Value> = faults.iter().map(view).collect();
    Ok(Json(json!({ "valid": told.is_empty(), "faults": told })).into_response())
}

fn view(fault: &FlowFault) -> Value {
    json!({ "pointer": pointer(&param("flow", fault)), "code": fault.kind.code(), "message": fault.message })
}

/// A step that cannot even be read.
fn unread(fault: &Fault) -> Value {
    let path = fault.param.as_deref().unwrap_or("flow");
    json!({ "pointer": pointer(path), "code": fault.code.as_str(), "message": fault.message })
}

/// `flow[2].flow[0].text`.
fn param(path: &str, fault: &FlowFault) -> String {
    let mut param = path.to_owned();
    for (depth, step) in fault.steps.iter().enumerate() {
        if depth > 0 {
            param.push_str(".flow");
        }
        param.push_str(&format!("[{step}]"));
    }
    if let Some(field) = &fault.field {
        param.push('.');
        param.push_str(field);
    }
    param
}

/// A path as a JSON pointer (RFC 6901): `/flow/2/flow/0/text`.
fn pointer(path: &str) -> String {
    let parts = path.split(['.', '[']).map(|part| part.trim_end_matches(']'));
    parts.fold(String::new(), |pointer, part| pointer + "/" + &part.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_pointers() {
        for (path, expected) in [
            ("flow", "/flow"),
            ("flow[2].prompt.say.text", "/flow/2/prompt/say/text"),
            ("a[0].b/c", "/a/0/b~1c"),
        ] {
            assert_eq!(pointer(path), expected);
        }
    }
}
