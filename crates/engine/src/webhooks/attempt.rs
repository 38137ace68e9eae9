//! One attempt: a signed request, its verdict, what follows from it.

use super::health::Health;
use super::{schedule, signature};
use crate::core::Core;
use metrics::{counter, histogram};
use model::Timestamp;
use model::timeline::TimelineKind;
use model::webhook::{Attempt, Delivery, DeliveryState, Disabled};
use ports::store::DueDelivery;
use ports::{EgressError, EgressRequest, EgressResponse, StoreError};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Most bytes of an answer that are read; nobody looks at them.
const RESPONSE_BYTES_MAX: usize = 16 * 1024;
/// "Gone": the receiver wants nothing any more.
const GONE: u16 = 410;
/// How often an attempt's result is tried to be kept before it is left to the next attempt.
const KEEP_ATTEMPTS: u32 = 5;

/// What one attempt brought.
struct Verdict {
    attempt: Attempt,
    asked: Option<Duration>,
    delivered: bool,
}

/// Makes one attempt and keeps what follows from it.
pub(super) async fn make(core: Arc<Core>, health: Arc<Health>, due: DueDelivery) {
    let DueDelivery { mut delivery, endpoint, signer_secret } = due;
    let at = core.now();
    let url = delivery.url.as_ref().unwrap_or(&endpoint.url).clone();
    let secret = signer_secret.as_ref().unwrap_or(&endpoint.signing_secret);
    let request = EgressRequest {
        url: url.clone(),
        body: Some(delivery.body.clone().into()),
        headers: signature::headers(&endpoint, core.renderer(&endpoint.door), &url, secret, &delivery, at),
        response_bytes_max: RESPONSE_BYTES_MAX,
        timeout: core.config.webhooks.timeout,
    };
    let result = core.egress.send(request).await;
    let verdict = judge(&core, &delivery, at, result);
    note(&core, &delivery, &url, &verdict);
    count(&verdict);
    follow(&core, &mut delivery, &verdict);
    keep(&core, &delivery, &verdict.attempt).await;
    if endpoint.notifier {
        // One call's URL says nothing about another's.
        return;
    }
    if verdict.attempt.status == Some(GONE) {
        disable(&core, &delivery, "The endpoint answered 410 Gone.").await;
    } else if verdict.delivered {
        health.succeeded(endpoint.id);
    } else if health.failed_for_too_long(&core, &endpoint, at).await {
        let days = core.config.webhooks.failing_limit.as_secs() / 86_400;
        disable(&core, &delivery, &format!("Every delivery failed for {days} days.")).await;
    }
}

fn judge(
    core: &Core,
    delivery: &Delivery,
    at: Timestamp,
    result: Result<EgressResponse, EgressError>,
) -> Verdict {
    let latency_ms = u32::try_from(core.now().since(at).as_millis()).unwrap_or(u32::MAX);
    let (status, error, asked) = match result {
        Ok(response) => (Some(response.status), None, response.retry_after_s.map(Duration::from_secs)),
        Err(error) => (None, Some(error.to_string()), None),
    };
    let number = delivery.attempts.saturating_add(1);
    Verdict {
        attempt: Attempt { number, at, status, error, latency_ms },
        asked,
        delivered: status.is_some_and(|status| (200..300).contains(&status)),
    }
}

fn count(verdict: &Verdict) {
    let Attempt { status, latency_ms, .. } = verdict.attempt;
    let outcome = match status {
        _ if verdict.delivered => "delivered",
        Some(_) => "refused",
        None => "unreachable",
    };
    counter!("lyrebird_webhook_attempts_total", "outcome" => outcome).increment(1);
    histogram!("lyrebird_webhook_attempt_seconds").record(f64::from(latency_ms) / 1_000.0);
}

/// What becomes of the delivery.
fn follow(core: &Core, delivery: &mut Delivery, verdict: &Verdict) {
    delivery.attempts = verdict.attempt.number;
    let random = core.with_ids(model::IdSource::next_u64);
    let wait = schedule::wait(&core.config.webhooks, delivery.attempts, verdict.asked, random);
    (delivery.state, delivery.due_at) = match wait {
        _ if verdict.delivered => (DeliveryState::Delivered, None),
        _ if verdict.attempt.status == Some(GONE) => (DeliveryState::Dropped, None),
        Some(wait) => (DeliveryState::Pending, Some(core.now() + wait)),
        None => (DeliveryState::Exhausted, None),
    };
    let ended = match delivery.state {
        DeliveryState::Pending => return,
        DeliveryState::Delivered => "delivered",
        DeliveryState::Exhausted => "exhausted",
        DeliveryState::Dropped => "dropped",
    };
    counter!("lyrebird_webhook_deliveries_ended_total", "state" => ended).increment(1);
}

/// Keeps the result. When the store does not take it, the delivery stays due and is made again: at least once.
async fn keep(core: &Core, delivery: &Delivery, attempt: &Attempt) {
    let mut wait = Duration::from_millis(200);
    for _ in 0..KEEP_ATTEMPTS {
        match core.store.record_attempt(delivery, attempt.clone()).await {
            // Not found: the endpoint was removed meanwhile, and its deliveries with it.
            Ok(()) | Err(StoreError::NotFound) => return,
            Err(error) => tracing::warn!(%error, "a webhook attempt could not be kept"),
        }
        sleep(wait).await;
        wait *= 2;
    }
}

async fn disable(core: &Core, delivery: &Delivery, reason: &str) {
    let disabled = Disabled { at: core.now(), reason: reason.to_owned() };
    if let Err(error) = core.store.disable_webhook(delivery.webhook, disabled).await {
        tracing::warn!(%error, webhook = %delivery.webhook, "an endpoint could not be disabled");
    }
    let summary = format!("the webhook endpoint is disabled: {reason}");
    core.note(
        delivery.call,
        TimelineKind::Webhook,
        summary,
        json!({ "webhook": delivery.webhook.to_string() }),
    );
}

fn note(core: &Core, delivery: &Delivery, url: &str, verdict: &Verdict) {
    let Attempt { number, status, error, latency_ms, .. } = &verdict.attempt;
    let answer = match (status, error) {
        (Some(status), _) => status.to_string(),
        (None, error) => error.clone().unwrap_or_default(),
    };
    // Path and query may hold a secret; the host is enough to tell endpoints apart.
    let host =
        url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let name = &delivery.event_name;
    let summary = format!("{name} to {host}: {answer} in {latency_ms} ms (attempt {number})");
    let detail = json!({
        "webhook": delivery.webhook.to_string(),
        "messageId": delivery.message_id,
        "sequence": delivery.sequence,
        "attempt": number,
        "status": status,
        "error": error,
        "latencyMs": latency_ms,
    });
    core.note(delivery.call, TimelineKind::Webhook, summary, detail);
}
