//! Reads a JSON body within limits: bytes, content type, depth, UTF-8.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use model::fault::{Fault, FaultCode};
use serde_json::{Map, Value};
use std::time::Duration;

/// Largest body.
pub(crate) const BODY_BYTES_MAX: usize = 256 * 1024;
/// Deepest nesting.
const DEPTH_MAX: usize = 32;
/// Longest time a client may take to send its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads the whole body.
pub(crate) async fn read(body: Body) -> Result<Bytes, Fault> {
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    match collected {
        Err(_) => Err(malformed("the body did not arrive within 30 seconds")),
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Fault::new(FaultCode::BodyTooLarge))
        }
        Ok(Err(_)) => Err(malformed("the body broke off")),
    }
}

/// Reads a JSON object. An empty body counts as `{}`.
pub(crate) fn object(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, Fault> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    check_content_type(headers)?;
    if depth(body) > DEPTH_MAX {
        return Err(Fault::new(FaultCode::JsonTooDeep));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(malformed("the body must be a JSON object, { … }")),
        Err(error) => {
            Err(malformed(&format!("at line {}, column {}: {error}", error.line(), error.column())))
        }
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Fault> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let media_type = text.split(';').next().unwrap_or_default().trim();
    if media_type == "application/json" || media_type.ends_with("+json") {
        Ok(())
    } else {
        Err(Fault::new(FaultCode::UnsupportedMediaType))
    }
}

fn malformed(detail: &str) -> Fault {
    let mut fault = Fault::new(FaultCode::MalformedJson);
    fault.message = format!("{} {detail}.", fault.message);
    fault
}

/// The deepest nesting of brackets outside of strings; enough to bound a parser's recursion before it runs.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &[u8], expected: Result<usize, FaultCode>) {
        let got = object(&HeaderMap::new(), body).map(|fields| fields.len()).map_err(|fault| fault.code);
        assert_eq!(got, expected, "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn bodies() {
        check(b"", Ok(0));
        check(br#"{"a":1,"b":"{[\"[["}"#, Ok(2));
        check(b"[]", Err(FaultCode::MalformedJson));
        check(b"{", Err(FaultCode::MalformedJson));
        check(b"{\"a\":\"\xff\"}", Err(FaultCode::MalformedJson));
        check(format!("{{\"a\":{}1{}}}", "[".repeat(31), "]".repeat(31)).as_bytes(), Ok(1));
        check(
            format!("{{\"a\":{}1{}}}", "[".repeat(32), "]".repeat(32)).as_bytes(),
            Err(FaultCode::JsonTooDeep),
        );
        check("[".repeat(100_000).as_bytes(), Err(FaultCode::JsonTooDeep));
    }

    #[test]
    fn other_content_types_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
        assert_eq!(object(&headers, b"{}").unwrap_err().code, FaultCode::UnsupportedMediaType);
        headers.insert(header::CONTENT_TYPE, "application/json; charset=utf-8".parse().unwrap());
        assert!(object(&headers, b"{}").is_ok());
    }
}
