//! Counts requests by route, method and status, and how long they took. A route is its pattern, never a path.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Instant;

/// Says what the figures mean.
pub(crate) fn describe() {
    describe_counter!("lyrebird_http_requests_total", "Requests by route, method and status.");
    describe_histogram!(
        "lyrebird_http_request_seconds",
        "Time from a request's headers to its answer's headers."
    );
    describe_gauge!("lyrebird_http_requests_under_way", "Requests that are being answered.");
    describe_counter!("lyrebird_http_rate_limited_total", "Requests refused because their key was too fast.");
    describe_counter!("lyrebird_http_wrong_keys_total", "Requests with a key that nobody has.");
    describe_counter!(
        "lyrebird_http_slowed_sources_total",
        "Wrong keys refused with a wait, after others from their address."
    );
    describe_gauge!("lyrebird_http_rate_keys", "Keys whose rate is remembered.");
    describe_gauge!("lyrebird_http_event_streams", "Event streams that are open.");
    describe_gauge!("lyrebird_simulations_under_way", "Simulations that run for clients.");
    describe_gauge!("lyrebird_http_wrong_key_sources", "Addresses from which wrong keys came lately.");
}

/// Counts one request.
pub(crate) async fn count(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = method(request.method());
    let begun = Instant::now();
    let _under_way = UnderWay::begin();
    let response = next.run(request).await;
    let status = response.status().as_str().to_owned();
    counter!("lyrebird_http_requests_total", "route" => route.clone(), "method" => method, "status" => status)
        .increment(1);
    histogram!("lyrebird_http_request_seconds", "route" => route, "method" => method)
        .record(begun.elapsed().as_secs_f64());
    response
}

/// The known methods, and one word for all that clients make up.
fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// Counted until it is dropped, also where the client goes away.
struct UnderWay;

impl UnderWay {
    fn begin() -> Self {
        gauge!("lyrebird_http_requests_under_way").increment(1);
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        gauge!("lyrebird_http_requests_under_way").decrement(1);
    }
}
