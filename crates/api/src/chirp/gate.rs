//! What stands before every handler: the request's id, the key, the rate.

use super::Door;
use super::ask::Caller;
use super::error::{self, ChirpError};
use crate::http::rate::{Allowance, Rate};
use crate::http::request_id::{REQUEST_ID, from_client};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::fault::{Fault, FaultCode};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The id of a request, on its way to the handler.
#[derive(Clone)]
struct RequestId(String);

/// Largest block of headers, names and values together.
const HEADERS_BYTES_MAX: usize = 16 * 1024;

/// Gives every request its id and echoes it, and every fault its body. What has too many headers goes no further.
pub(crate) async fn identify(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let id = from_client(request.headers()).unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    request.extensions_mut().insert(RequestId(id.clone()));
    let headers_bytes: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let mut response = if headers_bytes > HEADERS_BYTES_MAX {
        ChirpError::from(Fault::new(FaultCode::HeadersTooLarge)).into_response()
    } else {
        next.run(request).await
    };
    if let Some(fault) = response.extensions_mut().remove::<Fault>() {
        let headers = std::mem::take(response.headers_mut());
        response = error::render(fault, &door.public_url);
        response.headers_mut().extend(headers);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Lets a request in whose key is known and not too fast, and tells the client what it has left.
pub(crate) async fn admit(
    State((door, rate)): State<(Door, Arc<Rate>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let principal = match bearer(request.headers()) {
        Err(fault) => return ChirpError::from(fault).into_response(),
        Ok(key) => match door.engine.authenticate(key).await {
            Err(fault) => return ChirpError::from(fault).into_response(),
            Ok(principal) => principal,
        },
    };
    let allowance = match rate.take(principal.key) {
        Ok(allowance) => allowance,
        Err(exceeded) => {
            let mut fault = Fault::new(FaultCode::RateLimited);
            fault.retry_after_s = u32::try_from(exceeded.retry_after_s).ok();
            let mut response = ChirpError::from(fault).into_response();
            show(response.headers_mut(), exceeded.allowance);
            return response;
        }
    };
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    request.extensions_mut().insert(Caller { principal, request_id });
    let mut response = next.run(request).await;
    show(response.headers_mut(), allowance);
    response
}

fn bearer(headers: &HeaderMap) -> Result<&str, Fault> {
    let value = headers.get(header::AUTHORIZATION).ok_or_else(|| Fault::new(FaultCode::MissingKey))?;
    let text = value.to_str().map_err(|_| Fault::new(FaultCode::InvalidKey))?;
    let (scheme, key) = text.split_once(' ').ok_or_else(|| Fault::new(FaultCode::MissingKey))?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(key.trim())
    } else {
        Err(Fault::new(FaultCode::MissingKey))
    }
}

fn show(headers: &mut HeaderMap, allowance: Allowance) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    headers.insert("x-ratelimit-limit", allowance.limit.into());
    headers.insert("x-ratelimit-remaining", allowance.remaining.into());
    headers.insert("x-ratelimit-reset", now.saturating_add(allowance.reset_in_s).into());
}
