//! Recordings of calls (contract §1.7), as far as listing and fetching goes.

use super::calls::{app_scope, call_id};
use super::error::ChirpError;
use super::view::{ListView, RecordingView};
use super::{Door, ids};
use crate::http::ask::{Ask, PathId};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::RecordingId;
use model::fault::{Fault, FaultCode};
use model::tenant::Principal;
use std::path::Path;
use tokio_util::io::ReaderStream;

/// Bytes read from a file at once.
const CHUNK_BYTES: usize = 64 * 1024;

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

/// `GET /v1/calls/recordings/{recordingId}/file`.
pub(crate) async fn file(
    State(door): State<Door>,
    PathId(recording): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let id = recording_id(ask.who(), &recording)?;
    let (_, path) = door.engine.recording_file(ask.who(), id).await?;
    Ok(wav(&path, &recording).await?)
}

/// A wav file as an answer; `name` is what it is saved as, without its ending.
pub(crate) async fn wav(path: &Path, name: &str) -> Result<Response, Fault> {
    let gone = |_| Fault::new(FaultCode::NotFound);
    let file = tokio::fs::File::open(path).await.map_err(gone)?;
    let length = file.metadata().await.map_err(gone)?.len();
    let headers = [
        (header::CONTENT_TYPE, "audio/wav".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.wav\"")),
    ];
    Ok((headers, Body::from_stream(ReaderStream::with_capacity(file, CHUNK_BYTES))).into_response())
}

fn recording_id(who: Principal, text: &str) -> Result<RecordingId, Fault> {
    let key_mode = app_scope(who)?;
    let (id, mode) = ids::parse_recording(text)?;
    if mode == key_mode { Ok(id) } else { Err(Fault::new(FaultCode::NotFound)) }
}
