//! `GET /v1/calls/{callId}/heard`: what each side of a test call heard. Our addition to the contract.

use super::Door;
use super::calls::call_id;
use super::error::ChirpError;
use super::view::ListView;
use crate::http::ask::{Ask, PathId};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use model::fault::{Fault, FaultCode};
use ports::Party;
use serde::Serialize;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HeardView {
    party: &'static str,
    url: String,
    duration_ms: u32,
    bytes: u64,
}

/// The list: of an ended test call both sides, a moment after its end.
pub(crate) async fn list(
    State(door): State<Door>,
    PathId(call): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let id = call_id(ask.who(), &call)?;
    ask.query()?.finish()?;
    let sounds = door.engine.heard(ask.who(), id).await?;
    let view = |sound: &engine::HeardSound| HeardView {
        party: sound.party.as_str(),
        url: format!("{}/v1/calls/{call}/heard/{}.wav", door.public_url, sound.party.as_str()),
        duration_ms: sound.duration_ms,
        bytes: sound.bytes,
    };
    let data: Vec<_> = sounds.iter().map(view).collect();
    let total_count = data.len() as u64;
    Ok(Json(ListView { data, total_count }).into_response())
}

/// `…/heard/caller.wav` and `…/heard/callee.wav`.
pub(crate) async fn file(
    State(door): State<Door>,
    path: Result<Path<(String, String)>, PathRejection>,
    ask: Ask,
) -> Result<Response, ChirpError> {
    // What is not UTF-8 is the name of nothing.
    let Ok(Path((call, file))) = path else { return Err(Fault::new(FaultCode::NotFound).into()) };
    let id = call_id(ask.who(), &call)?;
    let party = file.strip_suffix(".wav");
    let party = party.and_then(|name| Party::ALL.into_iter().find(|party| party.as_str() == name));
    let party = party.ok_or_else(|| Fault::new(FaultCode::NotFound))?;
    let path = door.engine.heard_file(ask.who(), id, party).await?;
    let name = format!("{call}-{}.wav", party.as_str());
    Ok(crate::http::file::file(&path, &name, "audio/wav", &ask).await?)
}
