//! `GET /v1/calls/{callId}/timeline`: every step of a call, live if asked. Our addition to the contract.

use super::Door;
use super::calls::{app_scope, call_id};
use super::detail::spelled;
use super::error::ChirpError;
use crate::http::ask::{Ask, PathId};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use model::call::Mode;
use ports::store::StoredTimelineEntry;
use serde_json::{Value, json};
use std::time::Duration;

/// Most entries of one answer.
const LIMIT_MAX: u32 = 1_000;
/// Longest wait for the next entry.
const WAIT_MS_MAX: u32 = 30_000;

/// Entries above `after`, at most `limit`; with `waitMs` the answer waits so long for the first of them.
pub(crate) async fn get(
    State(door): State<Door>,
    PathId(call): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let mode = app_scope(ask.who())?;
    let id = call_id(ask.who(), &call)?;
    let mut query = ask.query()?;
    let after = query.integer("after", 0..=u32::MAX)?.unwrap_or(0);
    let limit = query.integer("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_MAX);
    let wait_ms = query.integer("waitMs", 0..=WAIT_MS_MAX)?.unwrap_or(0);
    query.finish()?;
    // Listening begins before reading, so that nothing falls between the two.
    let mut live = door.engine.journal().subscribe(id);
    let mut entries = door.engine.timeline(ask.who(), id, after, limit).await?;
    if entries.is_empty() && wait_ms > 0 {
        let wait = Duration::from_millis(wait_ms.into());
        if tokio::time::timeout(wait, live.recv()).await.is_ok() {
            entries = door.engine.timeline(ask.who(), id, after, limit).await?;
        }
    }
    let last_index = entries.last().map_or(after, |entry| entry.index);
    let data: Vec<_> = entries.into_iter().map(|entry| view(entry, mode)).collect();
    Ok(Json(json!({ "data": data, "lastIndex": last_index })).into_response())
}

fn view(stored: StoredTimelineEntry, mode: Mode) -> Value {
    let StoredTimelineEntry { index, entry } = stored;
    json!({
        "index": index,
        "at": entry.at.to_rfc3339_millis(),
        "kind": entry.kind,
        "summary": entry.summary,
        "detail": spelled(entry.detail, mode),
    })
}
