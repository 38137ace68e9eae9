//! What the operator asks of a running server: does it live, is it ready, what are its figures. No key is needed to
//! ask for the first two, and they say nothing that a stranger should not know.

mod ready;
mod scrape;

pub(crate) use ready::{Check, Readiness};
pub(crate) use scrape::{Sampler, Scrape};

use api::ClientAddr;
use axum::Json;
use axum::Router;
use axum::extract::Extension;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use model::fault::{Fault, FaultCode};
use serde_json::json;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// What is served beside the API: on its port, and on the port that metrics may have of their own.
pub(crate) fn routers(
    readiness: Arc<Readiness>,
    scrape: Option<Arc<Scrape>>,
    listener: Option<TcpListener>,
) -> (Router, Option<(TcpListener, Router)>) {
    let ready = async move || ready_answer(&readiness.checks().await);
    let health = Router::new()
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .route("/readyz", get(ready));
    match (scrape, listener) {
        (Some(scrape), Some(listener)) => (health, Some((listener, metrics_router(scrape)))),
        (Some(scrape), None) => (health.merge(metrics_router(scrape)), None),
        (None, _) => (health, None),
    }
}

fn metrics_router(scrape: Arc<Scrape>) -> Router {
    let answer = async move |client: Option<Extension<ClientAddr>>, headers: HeaderMap| {
        let source = client.map(|Extension(ClientAddr(source))| source);
        metrics_answer(&scrape, &headers, source).await
    };
    Router::new().route("/metrics", get(answer))
}

fn ready_answer(checks: &[Check]) -> Response {
    let failing: Vec<_> =
        checks.iter().filter(|check| check.trouble.is_some()).map(|check| check.name).collect();
    let shown: serde_json::Map<_, _> =
        checks.iter().map(|check| (check.name.to_owned(), check.trouble.unwrap_or("ok").into())).collect();
    if failing.is_empty() {
        return Json(json!({ "status": "ready", "checks": shown })).into_response();
    }
    let body = json!({ "status": "not_ready", "failing": failing, "checks": shown });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

async fn metrics_answer(scrape: &Scrape, headers: &HeaderMap, source: Option<IpAddr>) -> Response {
    match scrape.admit(headers, source).await {
        Ok(()) => {}
        Err(Fault { code: FaultCode::RateLimited, retry_after_s: Some(wait_s), .. }) => {
            let wait = [(header::RETRY_AFTER, wait_s.to_string())];
            return (StatusCode::TOO_MANY_REQUESTS, wait, "too many wrong keys came from here\n")
                .into_response();
        }
        Err(_) => {
            let scheme = [(header::WWW_AUTHENTICATE, "Bearer")];
            let remedy = "metrics need the token of [metrics], or an admin key, as a bearer key\n";
            return (StatusCode::UNAUTHORIZED, scheme, remedy).into_response();
        }
    }
    let form = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (form, scrape.page()).into_response()
}
