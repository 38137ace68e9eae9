//! From fragments to one document.

use super::faults;
use crate::chirp::EVENT_NAMES;
use model::call::CallSetup;
use model::fault::FaultCode;
use model::sound::Codec;
use serde_json::{Map, Value, json};
use std::ops::RangeInclusive;

/// Refusals of every operation that needs a key.
const OF_ALL: [&str; 6] = [
    "missing_key",
    "invalid_key",
    "wrong_key_class",
    "rate_limited",
    "headers_too_large",
    "store_unavailable",
];
/// Refusals of every operation that takes a body.
const OF_BODIES: [&str; 7] = [
    "malformed_json",
    "unsupported_media_type",
    "body_too_large",
    "json_too_deep",
    "missing_field",
    "unknown_field",
    "invalid_field",
];
/// Refusals of every operation that takes parameters.
const OF_QUERIES: [&str; 2] = ["unknown_field", "invalid_field"];

/// The document of all fragments.
pub(super) fn document(fragments: &[&str], public_url: &str) -> Value {
    let mut tags = Vec::new();
    let [mut paths, mut schemas, mut parameters] = [(); 3].map(|()| Map::new());
    for fragment in fragments {
        // A fragment that is no JSON is left out; a test reads them all.
        let Ok(Value::Object(mut fragment)) = serde_json::from_str(fragment) else { continue };
        if let Some(Value::Array(more)) = fragment.remove("tags") {
            tags.extend(more);
        }
        for (name, all) in [("paths", &mut paths), ("schemas", &mut schemas), ("parameters", &mut parameters)]
        {
            if let Some(Value::Object(more)) = fragment.remove(name) {
                all.extend(more);
            }
        }
    }
    schemas.insert("EventName".into(), json!({ "type": "string", "enum": EVENT_NAMES }));
    let codes: Vec<_> = FaultCode::ALL.iter().map(|code| code.as_str()).collect();
    schemas.insert("ErrorCode".into(), json!({ "type": "string", "enum": codes }));
    let codecs: Vec<_> = Codec::ALL.into_iter().map(|codec| json!(codec)).collect();
    schemas.insert("Codec".into(), json!({ "type": "string", "enum": codecs }));
    limit(&mut schemas, "ringTimeoutMs", CallSetup::RING_TIMEOUTS_MS, CallSetup::RING_TIMEOUT_MS);
    limit(&mut schemas, "maxDurationMs", CallSetup::MAX_DURATIONS_MS, CallSetup::MAX_DURATION_MS);
    for path in paths.values_mut().filter_map(Value::as_object_mut) {
        for operation in path.values_mut().filter_map(Value::as_object_mut) {
            complete(operation, public_url);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lyrebird",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Programmable voice: an HTTP request becomes a phone call.",
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": public_url }],
        "tags": tags,
        "paths": paths,
        "components": { "schemas": schemas, "parameters": parameters, "securitySchemes": security_schemes() },
    })
}

/// Puts the limits of a new call's field where they are described.
fn limit(schemas: &mut Map<String, Value>, field: &str, range: RangeInclusive<u32>, default: u32) {
    let fields = schemas
        .get_mut("NewCall")
        .and_then(|call| call.get_mut("properties")?.get_mut(field)?.as_object_mut());
    let Some(fields) = fields else { return };
    for (name, value) in [("minimum", *range.start()), ("maximum", *range.end()), ("default", default)] {
        fields.insert(name.to_owned(), value.into());
    }
}

const INTRODUCTION: &str = "Every request bears a key: `Authorization: Bearer …`. An app's test key makes sandbox calls \
     and nothing else, its live key real ones; an admin key administers. Errors name the field and the remedy. \
     `Idempotency-Key` makes a POST repeatable. Ids of test objects have `test_` in them.";

fn security_schemes() -> Value {
    let scheme =
        |description: &str| json!({ "type": "http", "scheme": "bearer", "description": description });
    json!({
        "appKey": scheme("`sk_live_app_…` or `sk_test_app_…`"),
        "adminKey": scheme("`sk_admin_…`"),
    })
}

/// Gives an operation what its fragment leaves out.
fn complete(operation: &mut Map<String, Value>, public_url: &str) {
    let key = operation.remove("key");
    let key = key.as_ref().and_then(Value::as_str).unwrap_or("none");
    let idempotent = operation.remove("idempotent").is_some();
    let own = operation.remove("faults");
    let own = own.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    let mut faults: Vec<&str> = own.collect();
    if key != "none" {
        operation.insert("security".into(), security(key));
        faults.extend(OF_ALL);
    }
    if operation.contains_key("requestBody") {
        faults.extend(OF_BODIES);
    }
    if operation.contains_key("parameters") || idempotent {
        faults.extend(OF_QUERIES);
    }
    let mut headers = Vec::new();
    if idempotent {
        headers.push(json!({ "$ref": "#/components/parameters/idempotencyKey" }));
    }
    if key != "none" {
        headers.push(json!({ "$ref": "#/components/parameters/requestId" }));
    }
    if !headers.is_empty()
        && let Some(parameters) = operation.entry("parameters").or_insert_with(|| json!([])).as_array_mut()
    {
        parameters.extend(headers);
    }
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    if let Some(responses) = responses.as_object_mut() {
        for response in responses.values_mut().filter_map(Value::as_object_mut) {
            spell_out(response);
        }
        responses.extend(faults::responses(&faults, public_url));
    }
}

fn security(key: &str) -> Value {
    match key {
        "app" => json!([{ "appKey": [] }]),
        "admin" => json!([{ "adminKey": [] }]),
        _ => json!([{ "appKey": [] }, { "adminKey": [] }]),
    }
}

/// `"schema": "Call"` stands for a JSON body of that schema.
fn spell_out(response: &mut Map<String, Value>) {
    let Some(Value::String(name)) = response.remove("schema") else { return };
    let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
    response.insert("content".into(), json!({ "application/json": { "schema": schema } }));
}
