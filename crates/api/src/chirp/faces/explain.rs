//! `GET /v1/calls/{callId}/explain`: the call in plain words, as JSON, or as text for whoever accepts only that.

use super::told;
use crate::chirp::Door;
use crate::chirp::error::ChirpError;
use crate::chirp::view::{end_reason, status};
use crate::http::ask::{Ask, PathId};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use model::call::Call;
use serde_json::{Value, json};
use story::{Explanation, Finding, Heard, Step};

/// The explanation.
pub(crate) async fn get(
    State(door): State<Door>,
    PathId(call): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let (row, lines) = told(&door, &ask, &call).await?;
    let explanation = story::explain(&row, &lines);
    if ask.prefers("text/plain", "application/json") {
        return Ok(explanation.to_text().into_response());
    }
    Ok(Json(view(&call, &row, &explanation)).into_response())
}

fn view(id: &str, call: &Call, explanation: &Explanation) -> Value {
    json!({
        "callId": id,
        "summary": explanation.summary,
        "status": status(call.status),
        "endReason": call.end.as_ref().map(|end| end_reason(end.reason)),
        "heard": explanation.heard.iter().map(heard).collect::<Vec<_>>(),
        "findings": explanation.findings.iter().map(finding).collect::<Vec<_>>(),
        "steps": explanation.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn heard(heard: &Heard) -> Value {
    json!({ "listener": heard.listener, "packets": heard.packets, "text": heard.text })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "severity": finding.severity.word(),
        "code": finding.code,
        "at": finding.at.map(model::Timestamp::to_rfc3339_millis),
        "what": finding.what,
        "because": finding.because,
        "remedy": Some(finding.remedy.as_str()).filter(|remedy| !remedy.is_empty()),
        "timeline": finding.lines,
    })
}

fn step(step: &Step) -> Value {
    json!({ "at": step.at.to_rfc3339_millis(), "index": step.line, "text": step.text })
}
