//! Refusals as responses: one a status, with every code that comes with it as an example.

use crate::chirp::fault_body;
use model::fault::{Fault, FaultCode};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The responses of these codes, by status.
pub(super) fn responses(codes: &[&str], public_url: &str) -> Map<String, Value> {
    let mut by_status: BTreeMap<u16, BTreeMap<&str, FaultCode>> = BTreeMap::new();
    for code in FaultCode::ALL.iter().filter(|code| codes.contains(&code.as_str())) {
        let (status, _) = fault_body(Fault::new(*code), public_url);
        by_status.entry(status.as_u16()).or_default().insert(code.as_str(), *code);
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), response(&codes, public_url))).collect()
}

fn response(codes: &BTreeMap<&str, FaultCode>, public_url: &str) -> Value {
    let mut examples = Map::new();
    let mut limited = false;
    for (name, code) in codes {
        limited |= *code == FaultCode::RateLimited;
        let (_, body) = fault_body(Fault::new(*code), public_url);
        examples.insert((*name).to_owned(), json!({ "summary": code.cause(), "value": body }));
    }
    let error = json!({ "$ref": "#/components/schemas/Error" });
    let rate = json!({ "$ref": "#/components/schemas/RateLimited" });
    let schema = match (limited, codes.len()) {
        (true, 1) => rate,
        (true, _) => json!({ "anyOf": [error, rate] }),
        (false, _) => error,
    };
    let names: Vec<_> = codes.keys().map(|name| format!("`{name}`")).collect();
    let mut response = json!({
        "description": names.join(", "),
        "content": { "application/json": { "schema": schema, "examples": examples } },
    });
    let waits = codes.values().any(|code| matches!(code, FaultCode::RateLimited | FaultCode::Draining));
    if waits && let Some(response) = response.as_object_mut() {
        let header =
            json!({ "description": "Seconds to wait.", "schema": { "type": "integer", "minimum": 1 } });
        response.insert("headers".into(), json!({ "Retry-After": header }));
    }
    response
}
