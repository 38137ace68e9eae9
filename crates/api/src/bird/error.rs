//! Refusals in this door's shape (contract §2.1): `{code, message, details?}`, details by field path.

use crate::http::refusal::Refusal;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::fault::{Fault, FaultClass, FaultCode};
use serde_json::{Map, Value, json};

/// What a handler of this door refuses with.
pub(crate) use crate::http::refusal::Refusal as BirdError;

/// What a refusal looks like here: all of its faults.
pub(crate) fn render(refusal: &Refusal, _public_url: &str) -> Response {
    let (status, body) = body(refusal);
    let mut response = (status, Json(body)).into_response();
    if let Some(seconds) = refusal.first().retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Its status and body.
pub(crate) fn body(refusal: &Refusal) -> (StatusCode, Value) {
    let first = refusal.first();
    let (status, code) = status_and_code(first.code);
    let details = details(refusal);
    let message = if details.is_empty() { first.message.as_str() } else { "the request is invalid" };
    let mut body = json!({ "code": code, "message": message });
    if let (false, Some(fields)) = (details.is_empty(), body.as_object_mut()) {
        fields.insert("details".into(), details.into());
    }
    (status, body)
}

/// Messages by field path.
fn details(refusal: &Refusal) -> Map<String, Value> {
    let mut details = Map::new();
    for fault in refusal.all() {
        let Some(param) = &fault.param else { continue };
        let entry = details.entry(path(param)).or_insert_with(|| json!([]));
        if let Some(messages) = entry.as_array_mut() {
            messages.push(message(fault, param).into());
        }
    }
    details
}

/// `callFlow[0].options.text` as this door writes it: `callFlow.0.options.text`.
fn path(param: &str) -> String {
    param.replace('[', ".").replace(']', "")
}

/// The message without the path that it may begin with.
fn message<'f>(fault: &'f Fault, param: &str) -> &'f str {
    fault.message.strip_prefix(param).map_or(fault.message.as_str(), str::trim_start)
}

fn status_and_code(code: FaultCode) -> (StatusCode, &'static str) {
    match (code, code.class()) {
        (FaultCode::MethodNotAllowed, _) => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
        (FaultCode::HeadersTooLarge, _) => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "InvalidPayload"),
        (FaultCode::MalformedJson | FaultCode::JsonTooDeep | FaultCode::UnsupportedMediaType, _) => {
            (StatusCode::BAD_REQUEST, "InvalidPayload")
        }
        (FaultCode::WrongKeyClass, _) | (_, FaultClass::Forbidden) => (StatusCode::FORBIDDEN, "Forbidden"),
        (_, FaultClass::Invalid) => (StatusCode::UNPROCESSABLE_ENTITY, "InvalidPayload"),
        (_, FaultClass::TooLarge) => (StatusCode::PAYLOAD_TOO_LARGE, "InvalidPayload"),
        (_, FaultClass::NotFound) => (StatusCode::NOT_FOUND, "NotFound"),
        (_, FaultClass::Conflict) => (StatusCode::CONFLICT, "Conflict"),
        (_, FaultClass::Limited) => (StatusCode::TOO_MANY_REQUESTS, "LimitExceeded"),
        (_, FaultClass::Unauthenticated) => (StatusCode::UNAUTHORIZED, "Unauthorized"),
        (_, FaultClass::Unavailable) => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::refusal::Faults;

    #[test]
    fn bad_input_is_never_a_5xx() {
        for code in FaultCode::ALL {
            let (status, _) = status_and_code(*code);
            assert_eq!(status.is_server_error(), code.class() == FaultClass::Unavailable, "{code:?}");
        }
    }

    #[test]
    fn all_faults_are_told_by_path() {
        let mut faults = Faults::default();
        faults.need::<String>("to", Ok(None));
        for what in ["must be a text", "is too odd"] {
            let path = "callFlow[0].options.text";
            faults.push(Fault::field(FaultCode::InvalidField, path, format!("{path} {what}")));
        }
        let (status, body) = body(&faults.check().unwrap_err());
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let details =
            json!({ "to": ["is required"], "callFlow.0.options.text": ["must be a text", "is too odd"] });
        let expected =
            json!({ "code": "InvalidPayload", "message": "the request is invalid", "details": details });
        assert_eq!(body, expected);
    }
}
