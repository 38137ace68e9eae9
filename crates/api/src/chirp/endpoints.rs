//! `/v1/endpoints`: phones that register here with a user name and a password. Our addition to the contract; written
//! and read by an app's live key, and by admin keys.

use super::error::ChirpError;
use super::view::ListView;
use super::{Door, ids};
use crate::http::ask::{Ask, PathId};
use crate::http::fields::invalid;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::NewEndpoint;
use model::Secret;
use model::endpoint::PhoneEndpoint;
use model::fault::{Fault, FaultCode};
use ports::carrier::PhoneRegistration;
use serde_json::{Value, json};

/// `POST /v1/endpoints`.
pub(crate) async fn create(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    let mut fields = ask.fields()?;
    let username = fields.text("username", 1..=256)?;
    let password = fields.text("password", 1..=512)?;
    let app = fields.text("appId", 1..=64)?;
    let app = app.map(|app| ids::parse_app(&app).map_err(|_| invalid("appId", "is no id of an app")));
    let new = NewEndpoint {
        app: app.transpose()?,
        username: fields.required("username", username)?,
        password: password.map(Secret::new),
    };
    fields.finish()?;
    if ask.idempotency()?.is_some() {
        // The first answer cannot be given again: the password in it is never stored.
        let message =
            "Idempotency-Key is not available here, because a password is shown once and never stored";
        return Err(Fault::field(FaultCode::InvalidField, "Idempotency-Key", message).into());
    }
    let made = door.engine.create_endpoint(ask.who(), new).await?;
    let mut body = view(&door, &made.endpoint);
    if let Some(fields) = body.as_object_mut() {
        fields.insert("password".into(), made.password.expose().as_str().into());
    }
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// `GET /v1/endpoints`.
pub(crate) async fn list(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    let mut query = ask.query()?;
    let page = query.page()?;
    query.finish()?;
    let endpoints = door.engine.endpoints(ask.who(), page).await?;
    let data = endpoints.items.iter().map(|endpoint| view(&door, endpoint)).collect();
    Ok(Json(ListView { data, total_count: endpoints.total }).into_response())
}

/// `GET /v1/endpoints/{endpointId}`.
pub(crate) async fn get(
    State(door): State<Door>,
    PathId(endpoint): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let endpoint = door.engine.endpoint(ask.who(), ids::parse_endpoint(&endpoint)?).await?;
    Ok(Json(view(&door, &endpoint)).into_response())
}

/// `DELETE /v1/endpoints/{endpointId}`.
pub(crate) async fn remove(
    State(door): State<Door>,
    PathId(endpoint): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    door.engine.delete_endpoint(ask.who(), ids::parse_endpoint(&endpoint)?).await?;
    Ok(Json(json!({ "message": "endpoint removed" })).into_response())
}

fn view(door: &Door, endpoint: &PhoneEndpoint) -> Value {
    let places = door.engine.registrations(endpoint);
    let places: Vec<_> = places.iter().map(registration).collect();
    json!({
        "id": ids::endpoint(endpoint.id),
        "username": endpoint.username,
        "realm": PhoneEndpoint::REALM,
        "address": format!("sip:{}", endpoint.username),
        "appId": ids::app(endpoint.app),
        "status": if places.is_empty() { "unregistered" } else { "registered" },
        "registrations": places,
        "createdAt": endpoint.created_at.to_rfc3339_millis(),
    })
}

fn registration(place: &PhoneRegistration) -> Value {
    json!({
        "transport": place.transport,
        "source": place.source.to_string(),
        "userAgent": place.user_agent,
        "registeredAt": place.registered_at.to_rfc3339_millis(),
        "expiresAt": place.expires_at.to_rfc3339_millis(),
    })
}
