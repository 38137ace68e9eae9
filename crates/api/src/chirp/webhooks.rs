//! `/v1/webhooks` (contract §1.13) and the log of deliveries.

use super::calls::app_scope;
use super::error::ChirpError;
use super::render::{DOOR, EVENT_NAMES};
use super::view::ListView;
use super::{Door, ids};
use crate::http::ask::{Ask, PathId, answer, response};
use crate::http::fields::{Fields, invalid, text};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::{NewWebhook, WebhookChange};
use model::fault::Fault;
use model::webhook::{Attempt, Delivery, DeliveryState, WebhookEndpoint};
use model::{Secret, Timestamp};
use ports::store::DeliveryFilter;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Longest URL, in characters.
const URL_CHARS_MAX: usize = 2_048;
/// Longest static header, in characters.
const HEADER_CHARS_MAX: usize = 4_096;

/// `POST /v1/webhooks`.
pub(crate) async fn create(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    app_scope(ask.who())?;
    let mut fields = ask.fields()?;
    let url = fields.text("url", 1..=URL_CHARS_MAX)?;
    let events = events(&mut fields)?;
    let new = NewWebhook {
        door: DOOR.to_owned(),
        url: fields.required("url", url)?,
        events: fields.required("events", events)?,
        filters: Vec::new(),
        headers: headers(&mut fields)?.unwrap_or_default(),
        signing_secret: None,
        alike_max: None,
    };
    fields.finish()?;
    let render = |endpoint: &WebhookEndpoint| {
        let mut body = view(endpoint);
        body.insert("signingSecret".into(), signing_secret(endpoint).into());
        response(StatusCode::CREATED, &body)
    };
    Ok(answer(door.engine.create_webhook(ask.who(), new, ask.idempotency()?, &render).await?))
}

/// `GET /v1/webhooks`.
pub(crate) async fn list(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    let mut query = ask.query()?;
    let page = query.page()?;
    query.finish()?;
    let endpoints = door.engine.webhooks(ask.who(), DOOR).await?;
    let (limit, offset) = (page.limit as usize, page.offset as usize);
    let data = endpoints.iter().skip(offset).take(limit).map(view).collect();
    Ok(Json(ListView { data, total_count: endpoints.len() as u64 }).into_response())
}

/// `GET /v1/webhooks/{webhookId}`.
pub(crate) async fn get(
    State(door): State<Door>,
    PathId(webhook): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let endpoint = door.engine.webhook(ask.who(), DOOR, ids::parse_webhook(&webhook)?).await?;
    Ok(Json(view(&endpoint)).into_response())
}

/// `PUT /v1/webhooks/{webhookId}`: what is not given stays; a disabled endpoint is enabled again.
pub(crate) async fn update(
    State(door): State<Door>,
    PathId(webhook): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let mut fields = ask.fields()?;
    let change = WebhookChange {
        url: fields.text("url", 1..=URL_CHARS_MAX)?,
        events: events(&mut fields)?,
        headers: headers(&mut fields)?,
        ..WebhookChange::default()
    };
    fields.finish()?;
    let endpoint = door.engine.update_webhook(ask.who(), DOOR, ids::parse_webhook(&webhook)?, change).await?;
    Ok(Json(view(&endpoint)).into_response())
}

/// `DELETE /v1/webhooks/{webhookId}`.
pub(crate) async fn remove(
    State(door): State<Door>,
    PathId(webhook): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    door.engine.delete_webhook(ask.who(), DOOR, ids::parse_webhook(&webhook)?).await?;
    Ok(Json(json!({ "message": "webhook deleted" })).into_response())
}

/// `GET /v1/webhooks/{webhookId}/deliveries`: each with its attempts, newest first.
pub(crate) async fn deliveries(
    State(door): State<Door>,
    PathId(webhook): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let mut query = ask.query()?;
    let page = query.page()?;
    let call = query.text("callId")?;
    let call = call.map(|text| ids::parse_call(&text)).transpose();
    let filter = DeliveryFilter {
        call: call.map_err(|_| invalid("callId", "is no id of a call"))?.map(|(id, _)| id),
        state: query.choice("status", DELIVERY_STATES)?,
        before: None,
    };
    query.finish()?;
    let found = door.engine.deliveries(ask.who(), DOOR, ids::parse_webhook(&webhook)?, filter, page).await?;
    let data = found.items.iter().map(|(delivery, attempts)| delivery_view(delivery, attempts)).collect();
    Ok(Json(ListView { data, total_count: found.total }).into_response())
}

fn events(fields: &mut Fields) -> Result<Option<Vec<String>>, Fault> {
    let Some(items) = fields.list("events", 1..=EVENT_NAMES.len())? else { return Ok(None) };
    let known = |(path, value): (String, Value)| {
        let name = text(&path, value, 1..=64)?;
        if EVENT_NAMES.contains(&name.as_str()) {
            return Ok(name);
        }
        Err(invalid(&path, &format!("must be one of {}", EVENT_NAMES.join(", "))))
    };
    let mut names = items.into_iter().map(known).collect::<Result<Vec<_>, _>>()?;
    names.sort_unstable();
    names.dedup();
    Ok(Some(names))
}

fn headers(fields: &mut Fields) -> Result<Option<BTreeMap<String, Secret<String>>>, Fault> {
    let Some(map) = fields.object("headers")? else { return Ok(None) };
    let header = |(name, value): (String, Value)| {
        let path = format!("headers.{}", name.chars().take(64).collect::<String>());
        Ok((name, Secret::new(text(&path, value, 0..=HEADER_CHARS_MAX)?)))
    };
    map.into_iter().map(header).collect::<Result<_, _>>().map(Some)
}

fn view(endpoint: &WebhookEndpoint) -> Map<String, Value> {
    let headers: BTreeMap<_, _> =
        endpoint.headers.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
    let fields = json!({
        "id": ids::webhook(endpoint.id, endpoint.mode),
        "appId": ids::app(endpoint.app),
        "url": endpoint.url,
        "events": endpoint.events,
        "headers": headers,
        "status": if endpoint.disabled.is_some() { "disabled" } else { "active" },
        "disabledReason": endpoint.disabled.as_ref().map(|disabled| &disabled.reason),
        "createdAt": endpoint.created_at.to_rfc3339_millis(),
        "updatedAt": endpoint.updated_at.to_rfc3339_millis(),
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// As Standard Webhooks libraries take it.
fn signing_secret(endpoint: &WebhookEndpoint) -> String {
    use base64::Engine as _;
    format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(endpoint.signing_secret.expose()))
}

const DELIVERY_STATES: &[(&str, DeliveryState)] = &[
    ("pending", DeliveryState::Pending),
    ("delivered", DeliveryState::Delivered),
    ("exhausted", DeliveryState::Exhausted),
    ("dropped", DeliveryState::Dropped),
];

fn delivery_view(delivery: &Delivery, attempts: &[Attempt]) -> Value {
    let status = DELIVERY_STATES.iter().find(|(_, state)| *state == delivery.state).map(|(word, _)| *word);
    let attempts: Vec<_> = attempts.iter().map(attempt_view).collect();
    json!({
        "eventId": delivery.message_id,
        "event": delivery.event_name,
        "sequence": delivery.sequence,
        "status": status,
        "nextAttemptAt": delivery.due_at.map(Timestamp::to_rfc3339_millis),
        "body": serde_json::from_str::<Value>(&delivery.body).unwrap_or_default(),
        "attempts": attempts,
    })
}

fn attempt_view(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "at": attempt.at.to_rfc3339_millis(),
        "responseStatus": attempt.status,
        "error": attempt.error,
        "latencyMs": attempt.latency_ms,
    })
}
