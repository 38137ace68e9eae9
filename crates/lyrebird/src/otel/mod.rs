//! Traces for an OpenTelemetry collector: one span a request, one a call with its milestones, linked to the request that
//! placed it. Sent as OTLP over HTTP in its JSON form, in batches, behind a bounded queue: a collector that is slow or
//! gone costs spans, never calls.

mod encode;
mod layer;
mod span;

use crate::config::Otel;
use layer::Spans;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use reqwest::Client;
use span::Span;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::timeout_at;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::registry::LookupSpan;

/// Most finished spans that wait; one more is dropped and counted.
const WAITING_MAX: usize = 4_096;
/// Most spans of one request.
const BATCH_MAX: usize = 512;
/// How long a span waits for company.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// Longest request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Shortest time between two warnings.
const QUIET: Duration = Duration::from_secs(60);
/// The target of events that belong into traces although they are too many for the log's default level.
const MILESTONES: &str = "milestone";

/// The layer that gathers spans, if there is a collector. Must be called on a tokio runtime.
pub(crate) fn layer<S>(otel: &Otel) -> Result<Option<Box<dyn Layer<S> + Send + Sync>>, String>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let endpoint = otel.endpoint.trim_end_matches('/');
    if endpoint.is_empty() {
        return Ok(None);
    }
    let url = format!("{endpoint}/v1/traces");
    let client = Client::builder().timeout(TIMEOUT).build();
    let client = client.map_err(|error| format!("otel: the HTTP client cannot be made: {error}"))?;
    client.post(&url).build().map_err(|_| format!("otel.endpoint {endpoint:?} is no URL"))?;
    describe_counter!("lyrebird_otel_spans_total", "Finished spans, by what became of them.");
    describe_gauge!("lyrebird_otel_spans_waiting", "Finished spans that wait to be sent.");
    let (spans, finished) = mpsc::channel(WAITING_MAX);
    tokio::spawn(export(finished, client, url, otel.service_name.clone()));
    let milestones = filter_fn(|metadata| metadata.target() == MILESTONES);
    Ok(Some(Spans::new(spans).with_filter(LevelFilter::INFO.or(milestones)).boxed()))
}

async fn export(mut finished: mpsc::Receiver<Span>, client: Client, url: String, service: String) {
    let mut warned: Option<Instant> = None;
    while let Some(first) = finished.recv().await {
        let batch = gather(first, &mut finished).await;
        gauge!("lyrebird_otel_spans_waiting").set(finished.len() as f64);
        let sent = client.post(&url).json(&encode::batch(&batch, &service)).send().await;
        let trouble = match sent.and_then(reqwest::Response::error_for_status) {
            Ok(_) => None,
            Err(error) => Some(error.without_url()),
        };
        let outcome = if trouble.is_none() { "sent" } else { "refused" };
        counter!("lyrebird_otel_spans_total", "outcome" => outcome).increment(batch.len() as u64);
        if let Some(error) = trouble
            && warned.is_none_or(|at| at.elapsed() >= QUIET)
        {
            warned = Some(Instant::now());
            tracing::warn!(%error, "the OpenTelemetry collector takes no traces");
        }
    }
}

/// A batch: what comes within [`BATCH_WAIT`].
async fn gather(first: Span, finished: &mut mpsc::Receiver<Span>) -> Vec<Span> {
    let until = tokio::time::Instant::now() + BATCH_WAIT;
    let mut batch = vec![first];
    while batch.len() < BATCH_MAX
        && let Ok(Some(span)) = timeout_at(until, finished.recv()).await
    {
        batch.push(span);
    }
    batch
}
