//! App keys (contract §1.12): made, listed, revoked; shown once. Admin keys only.

use super::calls::admin_scope;
use super::error::ChirpError;
use super::view::ListView;
use super::{Door, ids};
use crate::http::ask::{Ask, PathId};
use crate::http::fields::invalid;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::NewKey;
use model::call::Mode;
use model::fault::{Fault, FaultCode};
use model::tenant::{KeyClass, KeyRecord};
use serde_json::{Value, json};

/// `POST /v1/organization/app-keys`.
pub(crate) async fn create(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    admin_scope(ask.who())?;
    const CLASSES: &[(&str, KeyClass)] = &[("live", KeyClass::Live), ("test", KeyClass::Test)];
    let mut fields = ask.fields()?;
    let name = fields.text("name", 1..=128)?;
    let app = fields.text("appId", 1..=64)?;
    let app = fields.required("appId", app)?;
    let new = NewKey {
        class: fields.choice("mode", CLASSES)?.unwrap_or(KeyClass::Live),
        app: Some(ids::parse_app(&app).map_err(|_| invalid("appId", "is no id of an app"))?),
        name: fields.required("name", name)?,
    };
    fields.finish()?;
    if ask.idempotency()?.is_some() {
        // The first answer cannot be given again: the key in it is never stored.
        let message = "Idempotency-Key is not available here, because a key is shown once and never stored";
        return Err(Fault::field(FaultCode::InvalidField, "Idempotency-Key", message).into());
    }
    let made = door.engine.create_key(ask.who(), new).await?;
    let mut body = view(&made.record);
    if let Some(fields) = body.as_object_mut() {
        fields.insert("key".into(), made.key.expose().as_str().into());
    }
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// `GET /v1/organization/apps/{appId}/keys`.
pub(crate) async fn list(
    State(door): State<Door>,
    PathId(app): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let app = ids::parse_app(&app)?;
    let mut query = ask.query()?;
    let page = query.page()?;
    query.finish()?;
    let keys = door.engine.keys(ask.who()).await?;
    let of_app: Vec<_> = keys.iter().filter(|key| key.app == Some(app)).collect();
    let part = of_app.iter().skip(page.offset as usize).take(page.limit as usize);
    let data = part.map(|key| view(key)).collect();
    Ok(Json(ListView { data, total_count: of_app.len() as u64 }).into_response())
}

/// `DELETE /v1/organization/app-keys/{keyId}`.
pub(crate) async fn revoke(
    State(door): State<Door>,
    PathId(key): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    door.engine.revoke_key(ask.who(), ids::parse_key(&key)?).await?;
    Ok(Json(json!({ "message": "key revoked" })).into_response())
}

fn view(key: &KeyRecord) -> Value {
    let mode = if key.class == KeyClass::Test { Mode::Test } else { Mode::Live };
    json!({
        "id": ids::key(key.id, mode),
        "name": key.name,
        "appId": key.app.map(ids::app),
        "mode": mode,
        "prefix": key.prefix,
        "createdAt": key.created_at.to_rfc3339_millis(),
        "updatedAt": key.revoked_at.unwrap_or(key.created_at).to_rfc3339_millis(),
        "revokedAt": key.revoked_at.map(model::Timestamp::to_rfc3339_millis),
    })
}
