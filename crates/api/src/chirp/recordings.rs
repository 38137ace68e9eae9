//! Recordings of calls (contract §1.7).

use super::calls::{app_scope, call_id};
use super::error::ChirpError;
use super::view::{ListView, RecordingView};
use super::{Door, ids};
use crate::http::ask::{Ask, PathId};
use crate::http::file;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engine::AudioForm;
use model::RecordingId;
use model::fault::{Fault, FaultCode};
use model::tenant::Principal;
use serde_json::json;

/// `GET /v1/calls/{callId}/recordings`.
pub(crate) async fn list(
    State(door): State<Door>,
    PathId(call): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let mode = app_scope(ask.who())?;
    let id = call_id(ask.who(), &call)?;
    let mut query = ask.query()?;
    let page = query.page()?;
    query.finish()?;
    let recordings = door.engine.recordings(ask.who(), id).await?;
    let total_count = recordings.len() as u64;
    let part = recordings.iter().skip(page.offset as usize).take(page.limit as usize);
    let data: Vec<_> = part.map(|recording| RecordingView::new(recording, mode, &door.public_url)).collect();
    Ok(Json(ListView { data, total_count }).into_response())
}

/// `GET /v1/calls/recordings/{recordingId}`.
pub(crate) async fn get(
    State(door): State<Door>,
    PathId(recording): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let mode = app_scope(ask.who())?;
    let id = recording_id(ask.who(), &recording)?;
    let recording = door.engine.recording(ask.who(), id).await?;
    Ok(Json(RecordingView::new(&recording, mode, &door.public_url)).into_response())
}

/// `GET /v1/calls/recordings/{recordingId}/file`, and the same with `?format=mp3`.
pub(crate) async fn fetch(
    State(door): State<Door>,
    PathId(recording): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let id = recording_id(ask.who(), &recording)?;
    let mut query = ask.query()?;
    let form = query.choice("format", &[("wav", AudioForm::Kept), ("mp3", AudioForm::Mp3)])?;
    query.finish()?;
    let form = form.unwrap_or(AudioForm::Kept);
    let (_, path) = door.engine.recording_file(ask.who(), id, form).await?;
    let (ending, media_type) = match form {
        AudioForm::Kept => ("wav", "audio/wav"),
        AudioForm::Mp3 => ("mp3", "audio/mpeg"),
    };
    Ok(file::file(&path, &format!("{recording}.{ending}"), media_type, &ask).await?)
}

/// `DELETE /v1/calls/recordings/{recordingId}`.
pub(crate) async fn remove(
    State(door): State<Door>,
    PathId(recording): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let id = recording_id(ask.who(), &recording)?;
    door.engine.delete_recording(ask.who(), id).await?;
    Ok(Json(json!({ "message": "recording deleted" })).into_response())
}

fn recording_id(who: Principal, text: &str) -> Result<RecordingId, Fault> {
    let key_mode = app_scope(who)?;
    let (id, mode) = ids::parse_recording(text)?;
    if mode == key_mode { Ok(id) } else { Err(Fault::new(FaultCode::NotFound)) }
}
