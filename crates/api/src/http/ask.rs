//! A request as a handler gets it: who asks, and the whole body within limits; and how an answer goes back.

use crate::http::refusal::Refusal;
use crate::http::{body, fields::Fields, idempotency, query::Query};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use engine::{IdempotencyHeader, Outcome};
use model::fault::{Fault, FaultCode};
use model::tenant::Principal;
use ports::store::StoredResponse;

/// The id that a path names, as it was written.
pub(crate) struct PathId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        // What is not UTF-8 is the id of nothing.
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(id)).map_err(|_| Fault::new(FaultCode::NotFound).into())
    }
}

/// The ids that a path names, as they were written.
#[allow(dead_code, reason = "the resources that use it follow")]
pub(crate) struct PathIds<T>(pub(crate) T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned + Send> FromRequestParts<S> for PathIds<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(ids)| Self(ids)).map_err(|_| Fault::new(FaultCode::NotFound).into())
    }
}

/// Who asks; set by the gate.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The key's owner.
    pub(crate) principal: Principal,
    /// The request's id.
    pub(crate) request_id: String,
}

/// A request that was let in.
pub(crate) struct Ask {
    /// Who asks.
    pub(crate) caller: Caller,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Ask {
    /// Who asks.
    pub(crate) const fn who(&self) -> Principal {
        self.caller.principal
    }

    /// A header of the request: none if it did not come, none inside if it is no text.
    pub(crate) fn header(&self, name: &str) -> Option<Option<&str>> {
        self.headers.get(name).map(|value| value.to_str().ok())
    }

    /// Whether the client accepts `wanted` and names it before `usual`. A client that says nothing gets what is
    /// usual.
    pub(crate) fn prefers(&self, wanted: &str, usual: &str) -> bool {
        let Some(Some(accept)) = self.header("accept") else { return false };
        match (accept.find(wanted), accept.find(usual)) {
            (Some(wanted), Some(usual)) => wanted < usual,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// The body's fields.
    pub(crate) fn fields(&self) -> Result<Fields, Fault> {
        body::object(&self.headers, &self.body).map(Fields::of_body)
    }

    /// The query's parameters.
    pub(crate) fn query(&self) -> Result<Query, Fault> {
        Query::parse(self.uri.query())
    }

    /// The `Idempotency-Key`, if one came.
    pub(crate) fn idempotency(&self) -> Result<Option<IdempotencyHeader>, Fault> {
        idempotency::from_request(&self.method, self.uri.path(), &self.headers, &self.body)
    }
}

impl<S: Send + Sync> FromRequest<S> for Ask {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refusal> {
        let (parts, raw) = request.into_parts();
        let caller = parts.extensions.get::<Caller>().cloned();
        // The gate stands before every handler, so the caller is always there.
        let caller = caller.ok_or_else(|| Fault::new(FaultCode::MissingKey))?;
        let body = body::read(raw).await?;
        Ok(Self { caller, method: parts.method, uri: parts.uri, headers: parts.headers, body })
    }
}

/// An answer that was made now, or given before.
pub(crate) fn answer(outcome: Outcome) -> Response {
    match outcome {
        Outcome::New(response) => stored(response),
        Outcome::Replayed(response) => {
            let mut response = stored(response);
            let replayed = HeaderValue::from_static("true");
            response.headers_mut().insert(idempotency::IDEMPOTENT_REPLAYED, replayed);
            response
        }
    }
}

fn stored(response: StoredResponse) -> Response {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::OK);
    (status, [(header::CONTENT_TYPE, "application/json")], response.body).into_response()
}

/// A body to keep and to give.
pub(crate) fn response(status: StatusCode, body: &impl serde::Serialize) -> StoredResponse {
    // Only maps with keys that are no texts fail to serialise, and no view of ours has one.
    let body = serde_json::to_string(body).unwrap_or_else(|_| "{}".into());
    StoredResponse { status: status.as_u16(), body }
}
