//! What stands before every handler of every door: the request's id, the key, the rate. How a door answers a refusal
//! and how its clients show a key, the door says in its manners.

use crate::http::ask::Caller;
use crate::http::rate::{Allowance, Limits, Rate};
use crate::http::refusal::Refusal;
use crate::http::request_id::{REQUEST_ID, from_client};
use crate::http::strangers::{ClientAddr, Strangers};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use engine::Engine;
use model::fault::{Fault, FaultCode};
use model::tenant::Principal;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::Instrument;

/// The id of a request, on its way to the handler.
#[derive(Clone)]
struct RequestId(String);

/// Largest block of headers, names and values together.
const HEADERS_BYTES_MAX: usize = 16 * 1024;

/// What is a door's own at the gate.
pub(crate) struct Manners {
    /// Its paths begin with one of these.
    pub(crate) prefixes: &'static [&'static str],
    /// A refusal in its shape; links begin with the server's own URL.
    pub(crate) render: fn(&Refusal, &str) -> Response,
    /// The schemes of `Authorization` that it takes, in lower case.
    pub(crate) schemes: &'static [&'static str],
    /// A header of its own that carries an id of the request in the form of a UUID.
    pub(crate) request_uuid: Option<&'static str>,
}

/// What all gates share.
#[derive(Clone)]
pub(crate) struct Front {
    engine: Arc<Engine>,
    public_url: Arc<str>,
    strangers: Arc<Strangers>,
    limits: Arc<Limits>,
    doors: &'static [&'static Manners],
    otherwise: &'static Manners,
}

impl Front {
    /// Where the server is found, as links name it.
    pub(crate) fn public_url(&self) -> Arc<str> {
        Arc::clone(&self.public_url)
    }

    /// In front of some doors; what is none of theirs is `otherwise`'s.
    pub(crate) fn new(
        engine: Arc<Engine>,
        config: &crate::ApiConfig,
        doors: &'static [&'static Manners],
        otherwise: &'static Manners,
    ) -> Self {
        Self {
            engine,
            public_url: config.public_url.as_str().into(),
            strangers: config.strangers.clone(),
            limits: config.limits.clone(),
            doors,
            otherwise,
        }
    }

    /// A gate that holds requests to one of the limits.
    pub(crate) fn gate(&self, rate: fn(&Limits) -> &Rate) -> Gate {
        Gate { front: self.clone(), rate }
    }

    fn manners(&self, path: &str) -> &'static Manners {
        let is = |manners: &&&Manners| manners.prefixes.iter().any(|prefix| path.starts_with(prefix));
        self.doors.iter().find(is).copied().unwrap_or(self.otherwise)
    }
}

/// Gives every request its id and echoes it, and every refusal its body. What has too many headers goes no further.
pub(crate) async fn identify(State(front): State<Front>, mut request: Request, next: Next) -> Response {
    let manners = front.manners(request.uri().path());
    let id = from_client(request.headers()).unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    request.extensions_mut().insert(RequestId(id.clone()));
    let headers_bytes: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let mut response = if headers_bytes > HEADERS_BYTES_MAX {
        Refusal::from(Fault::new(FaultCode::HeadersTooLarge)).into_response()
    } else {
        let span = tracing::info_span!("request", id);
        let answered = async {
            let response = next.run(request).await;
            tracing::debug!(status = response.status().as_u16(), "answered");
            response
        };
        answered.instrument(span).await
    };
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        let headers = std::mem::take(response.headers_mut());
        response = (manners.render)(&refusal, &front.public_url);
        response.headers_mut().extend(headers);
    }
    if let Some(name) = manners.request_uuid {
        let own = uuid::Uuid::try_parse(&id).unwrap_or_else(|_| uuid::Uuid::new_v4());
        if let Ok(value) = HeaderValue::from_str(&own.to_string()) {
            response.headers_mut().insert(name, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Answers what no route knows.
pub(crate) async fn route_not_found(uri: Uri) -> Refusal {
    let mut fault = Fault::new(FaultCode::RouteNotFound);
    let path: String = uri.path().chars().take(200).collect();
    fault.message = format!("There is no endpoint {path}. {}", FaultCode::RouteNotFound.remedy());
    fault.into()
}

/// Answers a known route with another method.
pub(crate) async fn method_not_allowed() -> Refusal {
    Fault::new(FaultCode::MethodNotAllowed).into()
}

/// One gate: which of the limits it holds requests to.
#[derive(Clone)]
pub(crate) struct Gate {
    front: Front,
    rate: fn(&Limits) -> &Rate,
}

/// Lets a request in whose key is known and not too fast, and tells the client what it has left.
pub(crate) async fn admit(
    State(Gate { front, rate }): State<Gate>,
    mut request: Request,
    next: Next,
) -> Response {
    let origin = Origin { address: client(&request), manners: front.manners(request.uri().path()) };
    let principal = match authenticate(&front, request.headers(), &origin).await {
        Err(fault) => return Refusal::from(fault).into_response(),
        Ok(principal) => principal,
    };
    let allowance = match rate(&front.limits).take(principal.key) {
        Ok(allowance) => allowance,
        Err(exceeded) => {
            metrics::counter!("lyrebird_http_rate_limited_total").increment(1);
            let mut fault = Fault::new(FaultCode::RateLimited);
            fault.retry_after_s = u32::try_from(exceeded.retry_after_s).ok();
            let mut response = Refusal::from(fault).into_response();
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

/// Where a request comes from, and at which door it is.
struct Origin {
    address: Option<IpAddr>,
    manners: &'static Manners,
}

/// Whom the request's key speaks for.
async fn authenticate(front: &Front, headers: &HeaderMap, origin: &Origin) -> Result<Principal, Fault> {
    let key = credentials(headers, origin.manners.schemes)?;
    front.strangers.ask(origin.address, front.engine.authenticate(key)).await
}

fn client(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ClientAddr>().map(|client| client.0)
}

fn credentials<'h>(headers: &'h HeaderMap, schemes: &[&str]) -> Result<&'h str, Fault> {
    let value = headers.get(header::AUTHORIZATION).ok_or_else(|| Fault::new(FaultCode::MissingKey))?;
    let text = value.to_str().map_err(|_| Fault::new(FaultCode::InvalidKey))?;
    let (scheme, key) = text.split_once(' ').ok_or_else(|| Fault::new(FaultCode::MissingKey))?;
    if schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
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
