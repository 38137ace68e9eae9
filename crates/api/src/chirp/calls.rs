//! `/v1/calls` (contract §1.2–1.4).

use super::Door;
use super::error::ChirpError;
use super::view::{CHANNELS, CallView, DIRECTIONS, ListView, STATUSES};
use super::{amd, channels, flow, ids};
use crate::http::ask::{Ask, PathId, answer, response};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::PlaceCall;
use model::CallId;
use model::call::{Call, CallSetup, Mode};
use model::fault::{Fault, FaultCode};
use model::flow::Flow;
use model::tenant::{Principal, Scope};
use ports::store::{CallFilter, StatusIs};

/// Longest address, in characters.
const ADDRESS_CHARS_MAX: usize = 256;
/// Most metadata filters of one list.
const METADATA_FILTERS_MAX: usize = 8;

/// `POST /v1/calls`.
pub(crate) async fn create(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    app_scope(ask.who())?;
    let order = order(&ask)?;
    let render = |call: &Call, _: Option<&Flow>| response(StatusCode::CREATED, &CallView::new(call));
    Ok(answer(door.engine.place(ask.who(), order, ask.idempotency()?, &render).await?))
}

fn order(ask: &Ask) -> Result<PlaceCall, Fault> {
    let mut fields = ask.fields()?;
    let from = fields.text("from", 1..=ADDRESS_CHARS_MAX)?;
    let to = fields.text("to", 1..=ADDRESS_CHARS_MAX)?;
    let variables = flow::variables(&mut fields, "variables")?;
    let order = PlaceCall {
        from_channel: fields.choice("fromChannel", CHANNELS)?.unwrap_or_default(),
        to_channel: fields.choice("toChannel", CHANNELS)?.unwrap_or_default(),
        metadata: fields.object("metadata")?.unwrap_or_default(),
        flow: flow::take(&mut fields, "flow", &variables)?,
        variables,
        ring_timeout_ms: fields.integer("ringTimeoutMs", CallSetup::RING_TIMEOUTS_MS)?,
        max_duration_ms: fields.integer("maxDurationMs", CallSetup::MAX_DURATIONS_MS)?,
        amd: amd::take(&mut fields, "amd")?,
        voice_channel: channels::take(&mut fields, "channelId", ask.who())?,
        scheduled_for: fields.time("scheduledFor")?,
        request_id: Some(ask.caller.request_id.clone()),
        ..PlaceCall::new(fields.required("from", from)?, fields.required("to", to)?)
    };
    fields.finish()?;
    Ok(order)
}

/// `GET /v1/calls/{callId}`.
pub(crate) async fn get(
    State(door): State<Door>,
    PathId(call): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let call = door.engine.call(ask.who(), call_id(ask.who(), &call)?).await?;
    Ok(Json(CallView::new(&call)).into_response())
}

/// `GET /v1/calls`.
pub(crate) async fn list(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    let mode = app_scope(ask.who())?;
    let mut query = ask.query()?;
    let page = query.page()?;
    let filter = CallFilter {
        mode: Some(mode),
        statuses: query.choice("status", STATUSES)?.map(StatusIs::from).into_iter().collect(),
        direction: query.choice("direction", DIRECTIONS)?,
        from: query.text("from")?.as_deref().map(address),
        to: query.text("to")?.as_deref().map(address),
        created_after: query.time("createdAfter")?,
        created_before: query.time("createdBefore")?,
        metadata: query.map("metadata", METADATA_FILTERS_MAX)?,
        ..CallFilter::default()
    };
    query.finish()?;
    let calls = door.engine.calls(ask.who(), filter, page).await?;
    let data: Vec<_> = calls.items.iter().map(CallView::new).collect();
    Ok(Json(ListView { data, total_count: calls.total }).into_response())
}

/// A plus sign that was not escaped arrives as a space.
fn address(text: &str) -> String {
    text.strip_prefix(' ').map_or_else(|| text.to_owned(), |digits| format!("+{digits}"))
}

/// Only keys that administer go on, whatever else is wrong with the request.
pub(crate) fn admin_scope(who: Principal) -> Result<(), Fault> {
    match who.scope {
        Scope::Organization => Ok(()),
        Scope::App(..) => Err(Fault::new(FaultCode::WrongKeyClass)),
    }
}

/// The mode of an app key; other keys have no calls.
pub(crate) fn app_scope(who: Principal) -> Result<Mode, Fault> {
    match who.scope {
        Scope::App(_, mode) => Ok(mode),
        Scope::Organization => Err(Fault::new(FaultCode::WrongKeyClass)),
    }
}

/// The call that a path names, for a key that could own it.
pub(crate) fn call_id(who: Principal, text: &str) -> Result<CallId, Fault> {
    let key_mode = app_scope(who)?;
    let (id, mode) = ids::parse_call(text)?;
    if mode == key_mode { Ok(id) } else { Err(Fault::new(FaultCode::CallNotFound)) }
}
