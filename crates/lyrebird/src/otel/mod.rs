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
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep_until, timeout};
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
/// How long the last spans of a process may take.
const LAST: Duration = Duration::from_secs(2);
/// Shortest time between two warnings.
const QUIET: Duration = Duration::from_secs(60);
/// The target of events that belong into traces although they are too many for the log's default level.
const MILESTONES: &str = "milestone";

/// A layer of log lines and spans.
type Boxed<S> = Box<dyn Layer<S> + Send + Sync>;

/// What sends spans on.
pub(crate) struct Exporter {
    ending: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Sends what is left, within a bounded time: the process is about to end.
pub(crate) async fn finish(exporter: Option<Exporter>) {
    let Some(Exporter { ending, task }) = exporter else { return };
    ending.send_replace(true);
    if timeout(LAST, task).await.is_err() {
        tracing::warn!("the OpenTelemetry collector did not take the last traces in time");
    }
}

/// The layer that gathers spans, and what sends them on, if there is a collector. Must be called on a tokio runtime.
pub(crate) fn layer<S>(otel: &Otel) -> Result<Option<(Boxed<S>, Exporter)>, String>
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
    let ending = watch::Sender::new(false);
    let outlet = Outlet { finished, ending: ending.subscribe() };
    let task = tokio::spawn(export(outlet, client, url, otel.service_name.clone()));
    let milestones = filter_fn(|metadata| metadata.target() == MILESTONES);
    let layer = Spans::new(spans).with_filter(LevelFilter::INFO.or(milestones)).boxed();
    Ok(Some((layer, Exporter { ending, task })))
}

async fn export(mut outlet: Outlet, client: Client, url: String, service: String) {
    let mut warned: Option<Instant> = None;
    loop {
        let batch = outlet.gather().await;
        if batch.is_empty() {
            return;
        }
        gauge!("lyrebird_otel_spans_waiting").set(outlet.finished.len() as f64);
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

/// Where finished spans come out.
struct Outlet {
    finished: mpsc::Receiver<Span>,
    ending: watch::Receiver<bool>,
}

impl Outlet {
    /// A batch: what comes within [`BATCH_WAIT`] of the first span; at the end what is there. Empty at the end of all.
    async fn gather(&mut self) -> Vec<Span> {
        let Some(first) = self.next(None).await else { return Vec::new() };
        let until = tokio::time::Instant::now() + BATCH_WAIT;
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX
            && let Some(span) = self.next(Some(until)).await
        {
            batch.push(span);
        }
        batch
    }

    /// The next span; none when `until` has come, or when the process ends and none is left.
    async fn next(&mut self, until: Option<tokio::time::Instant>) -> Option<Span> {
        let late = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            span = self.finished.recv() => span,
            // A sender that is gone means the end, too.
            _ = self.ending.wait_for(|ending| *ending) => None,
            () = late => None,
        }
    }
}
