//! `/v1/sandbox/…`: who can be called with test keys, and personas that call the app. Our addition to the contract.

use super::Door;
use super::calls::app_scope;
use super::error::ChirpError;
use super::view::{CallView, ListView};
use crate::http::ask::{Ask, answer, response};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::PersonaCalls;
use model::call::{Call, CallSetup};
use model::fault::Fault;
use persona::Listed;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Longest number or name, in characters.
const TEXT_CHARS_MAX: usize = 256;

/// One persona.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PersonaView {
    name: String,
    number: Option<String>,
    summary: &'static str,
    /// The persona of the catalogue that a named one is.
    base: Option<String>,
    settings: Map<String, Value>,
}

/// `GET /v1/sandbox/personas`.
pub(crate) async fn personas(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    app_scope(ask.who())?;
    ask.query()?.finish()?;
    let directory = door.engine.personas();
    let data: Vec<_> = directory.list().iter().map(view).collect();
    let total_count = data.len() as u64;
    Ok(Json(ListView { data, total_count }).into_response())
}

fn view(listed: &Listed<'_>) -> PersonaView {
    PersonaView {
        name: listed.name.to_owned(),
        number: listed.number.map(str::to_owned),
        summary: listed.summary,
        base: listed.base.map(str::to_owned),
        settings: listed.settings.map(persona::Settings::to_object).unwrap_or_default(),
    }
}

/// `POST /v1/sandbox/calls`: a persona calls the app.
pub(crate) async fn call(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    app_scope(ask.who())?;
    let order = order(&ask)?;
    let render = Arc::new(|call: &Call| response(StatusCode::CREATED, &CallView::new(call)));
    Ok(answer(door.engine.call_from_persona(ask.who(), order, ask.idempotency()?, render).await?))
}

fn order(ask: &Ask) -> Result<PersonaCalls, Fault> {
    let mut fields = ask.fields()?;
    let to = fields.text("to", 1..=TEXT_CHARS_MAX)?;
    let order = PersonaCalls {
        to: fields.required("to", to)?,
        from: fields.text("from", 1..=TEXT_CHARS_MAX)?,
        persona: fields.text("persona", 1..=TEXT_CHARS_MAX)?,
        sandbox: fields.object("sandbox")?.unwrap_or_default(),
        ring_timeout_ms: fields.integer("ringTimeoutMs", CallSetup::RING_TIMEOUTS_MS)?,
        request_id: Some(ask.caller.request_id.clone()),
    };
    fields.finish()?;
    Ok(order)
}
