//! `GET /v1/calls/{callId}/ladder.svg`: the call as a ladder diagram.

use super::told;
use crate::chirp::Door;
use crate::chirp::error::ChirpError;
use crate::http::ask::{Ask, PathId};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The drawing has styles of its own and nothing else: no script, nothing fetched.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The drawing.
pub(crate) async fn get(
    State(door): State<Door>,
    PathId(call): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let (row, lines) = told(&door, &ask, &call).await?;
    let title = format!("{call} · {}", row.created_at.to_rfc3339_millis());
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    Ok((headers, story::ladder(&title, &lines)).into_response())
}
