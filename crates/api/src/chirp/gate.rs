//! What stands before every handler: the request's id, the key, the rate.

use super::Door;
use super::ask::Caller;
use super::error::{self, ChirpError};
use crate::http::rate::{Allowance, Limits, Rate};
use crate::http::request_id::{REQUEST_ID, from_client};
use crate::http::strangers::ClientAddr;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics::counter;
use model::fault::{Fault, FaultCode};
use model::tenant::Principal;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tracing::Instrument;

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
        let span = tracing::info_span!("request", id);
        let answered = async {
            let response = next.run(request).await;
            tracing::debug!(status = response.status().as_u16(), "answered");
            response
        };
        answered.instrument(span).await
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

/// One gate: the door behind it, and which of the limits it holds requests to.
#[derive(Clone)]
pub(crate) struct Gate {
    door: Door,
    limits: Arc<Limits>,
    rate: fn(&Limits) -> &Rate,
}

impl Gate {
    pub(crate) fn new(door: &Door, limits: &Arc<Limits>, rate: fn(&Limits) -> &Rate) -> Self {
        Self { door: door.clone(), limits: limits.clone(), rate }
    }
}

/// Lets a request in whose key is known and not too fast, and tells the client what it has left.
pub(crate) async fn admit(
    State(Gate { door, limits, rate }): State<Gate>,
    mut request: Request,
    next: Next,
) -> Response {
    let principal = match authenticate(&door, request.headers(), client(&request)).await {
        Err(fault) => return ChirpError::from(fault).into_response(),
        Ok(principal) => principal,
    };
    let allowance = match rate(&limits).take(principal.key) {
        Ok(allowance) => allowance,
        Err(exceeded) => {
            metrics::counter!("lyrebird_http_rate_limited_total").increment(1);
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

/// Whom the request's key speaks for. Who tried wrong keys before hears of further ones only after a wait; a key that
/// is right is let through all the same, because many clients can share an address.
async fn authenticate(door: &Door, headers: &HeaderMap, source: Option<IpAddr>) -> Result<Principal, Fault> {
    let key = bearer(headers)?;
    let waits_s = source.and_then(|source| door.strangers.wait_s(source, Instant::now()));
    let found = door.engine.authenticate(key).await;
    match (&found, source) {
        (Ok(_), Some(source)) => door.strangers.right(source),
        (Err(fault), Some(source)) if fault.code == FaultCode::InvalidKey => {
            if waits_s.is_some() {
                counter!("lyrebird_http_slowed_sources_total").increment(1);
                return Err(Fault { retry_after_s: waits_s, ..Fault::new(FaultCode::RateLimited) });
            }
            door.strangers.wrong(source, Instant::now());
        }
        _ => {}
    }
    found
}

fn client(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ClientAddr>().map(|client| client.0)
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
