//! `GET /v1/calls/{callId}/capture.pcap`: the call's signalling as a packet capture.

use super::told;
use crate::chirp::Door;
use crate::chirp::error::ChirpError;
use crate::http::ask::{Ask, PathId};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The file.
pub(crate) async fn get(
    State(door): State<Door>,
    PathId(call): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let (_, lines) = told(&door, &ask, &call).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/vnd.tcpdump.pcap".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{call}.pcap\"")),
    ];
    Ok((headers, story::capture(&lines)).into_response())
}
