//! Faults in this door's shape.

use crate::http::refusal::Refusal;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::fault::{Fault, FaultClass, FaultCode};
use serde_json::{Value, json};

/// What a handler of this door refuses with.
pub(crate) use crate::http::refusal::Refusal as ChirpError;

/// What a refusal looks like here: its first fault.
pub(crate) fn render(refusal: &Refusal, public_url: &str) -> Response {
    let fault = refusal.first().clone();
    let retry_after_s = fault.retry_after_s;
    let (status, body) = body(fault, public_url);
    let mut response = (status, Json(body)).into_response();
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Its status and body.
pub(crate) fn body(fault: Fault, public_url: &str) -> (StatusCode, Value) {
    let (status, kind) = status_and_type(fault.code);
    if fault.code == FaultCode::RateLimited {
        // The one error whose body is a text instead of an object (contract §1.14).
        let seconds = fault.retry_after_s.unwrap_or(1);
        let text = format!("Rate limit exceeded. Try again in {seconds} seconds.");
        return (status, json!({ "error": text }));
    }
    let code = fault.code.as_str();
    let mut error = json!({
        "type": kind,
        "message": fault.message,
        "code": code,
        "doc_url": format!("{public_url}/docs/errors#{code}"),
    });
    if let (Some(param), Some(fields)) = (fault.param, error.as_object_mut()) {
        fields.insert("param".into(), param.into());
    }
    (status, json!({ "error": error }))
}

fn status_and_type(code: FaultCode) -> (StatusCode, &'static str) {
    const INVALID: &str = "invalid_request_error";
    match (code, code.class()) {
        (FaultCode::MethodNotAllowed, _) => (StatusCode::METHOD_NOT_ALLOWED, INVALID),
        (FaultCode::UnsupportedMediaType, _) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID),
        (FaultCode::HeadersTooLarge, _) => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, INVALID),
        (_, FaultClass::Invalid) => (StatusCode::BAD_REQUEST, INVALID),
        (_, FaultClass::TooLarge) => (StatusCode::PAYLOAD_TOO_LARGE, INVALID),
        (_, FaultClass::NotFound) => (StatusCode::NOT_FOUND, INVALID),
        (_, FaultClass::Conflict) => (StatusCode::CONFLICT, INVALID),
        (_, FaultClass::Limited) => (StatusCode::TOO_MANY_REQUESTS, INVALID),
        (_, FaultClass::Unauthenticated) => (StatusCode::UNAUTHORIZED, "authentication_error"),
        (_, FaultClass::Forbidden) => (StatusCode::FORBIDDEN, "authentication_error"),
        (_, FaultClass::Unavailable) => (StatusCode::SERVICE_UNAVAILABLE, "api_error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_is_never_a_5xx() {
        for code in FaultCode::ALL {
            let (status, _) = status_and_type(*code);
            assert_eq!(status.is_server_error(), code.class() == FaultClass::Unavailable, "{code:?}");
        }
    }
}
