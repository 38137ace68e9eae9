//! Makes the deliveries that are due. Each endpoint has so many attempts under way and no more, so that one that
//! hangs delays only itself.

use super::attempt;
use super::health::Health;
use crate::core::Core;
use crate::figures;
use crate::panics::caught;
use metrics::gauge;
use model::{CallId, WebhookId};
use ports::StoreError;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How much more is asked for than is under way.
const PAGE: usize = 256;
/// Most saturated endpoints that the store is told to leave out.
const EXCEPT_MAX: usize = 1_000;
/// Longest time between two looks.
const IDLE: Duration = Duration::from_secs(30);
/// Longest time between two looks while attempts are under way, whose own due times hide later ones.
const BUSY: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_secs(1);
/// How long an attempt that panicked is not made again.
const PANIC_PAUSE: Duration = Duration::from_secs(30);
/// Shortest time between two looks: what ends within it is looked after at once.
const GAP: Duration = Duration::from_millis(5);

/// A delivery's name.
type Name = (WebhookId, CallId, u32);

/// What is under way.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<Name>,
    names: BTreeSet<Name>,
    per_endpoint: BTreeMap<WebhookId, usize>,
}

/// Until the engine stops. `fresh` tells of new deliveries.
pub(super) async fn run(core: Arc<Core>, fresh: Arc<Notify>) {
    let mut stopping = core.stopping();
    let health = Arc::new(Health::default());
    let mut under_way = UnderWay::default();
    loop {
        let looked = look(&core, &health, &mut under_way).await;
        figures::level("lyrebird_webhook_attempts_under_way", under_way.names.len());
        figures::level("lyrebird_webhook_failing_endpoints", health.remembered());
        let wait = match looked {
            Ok(0) => pause(&core, &under_way).await,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(%error, "due webhook deliveries cannot be read");
                RETRY
            }
        };
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            () = fresh.notified() => {}
            Some(ended) = under_way.tasks.join_next() => under_way.ended(ended),
            () = sleep(wait) => {}
        }
        sleep(GAP).await;
        while let Some(ended) = under_way.tasks.try_join_next() {
            under_way.ended(ended);
        }
    }
}

/// Starts what is due and may be started; how many.
async fn look(core: &Arc<Core>, health: &Arc<Health>, under_way: &mut UnderWay) -> Result<usize, StoreError> {
    let policy = &core.config.webhooks;
    let room = policy.parallel_max.saturating_sub(under_way.names.len());
    if room == 0 {
        return Ok(0);
    }
    let saturated = under_way.saturated(policy.parallel_per_endpoint_max);
    let limit = u32::try_from(under_way.names.len() + PAGE).unwrap_or(u32::MAX);
    let due = core.store.due_deliveries(core.now(), limit, &saturated).await?;
    let oldest = due.iter().filter_map(|due| due.delivery.due_at).min();
    let overdue = oldest.map(|oldest| core.now().since(oldest)).unwrap_or_default();
    gauge!("lyrebird_webhook_overdue_seconds").set(overdue.as_secs_f64());
    let mut started = 0;
    for delivery in due {
        if started >= room {
            break;
        }
        let name = (delivery.delivery.webhook, delivery.delivery.call, delivery.delivery.sequence);
        if under_way.take(name, policy.parallel_per_endpoint_max) {
            let attempt = attempt::make(core.clone(), health.clone(), delivery);
            under_way.tasks.spawn(async move {
                if caught(attempt).await.is_none() {
                    tracing::error!(webhook = %name.0, call = %name.1, "a webhook attempt panicked");
                    // It is still due, and its slot stays taken so long.
                    sleep(PANIC_PAUSE).await;
                }
                name
            });
            started += 1;
        }
    }
    Ok(started)
}

/// How long nothing can become due.
async fn pause(core: &Core, under_way: &UnderWay) -> Duration {
    if !under_way.names.is_empty() {
        return BUSY;
    }
    match core.store.next_due().await {
        Ok(Some(due)) => due.since(core.now()).clamp(GAP, IDLE),
        Ok(None) => IDLE,
        Err(_) => RETRY,
    }
}

impl UnderWay {
    /// Endpoints that have as many attempts as they may.
    fn saturated(&self, limit: usize) -> Vec<WebhookId> {
        let saturated = self.per_endpoint.iter().filter(|(_, count)| **count >= limit);
        saturated.map(|(webhook, _)| *webhook).take(EXCEPT_MAX).collect()
    }

    /// Counts a delivery in, unless it is under way already or its endpoint has enough.
    fn take(&mut self, name: Name, limit: usize) -> bool {
        let count = self.per_endpoint.get(&name.0).copied().unwrap_or(0);
        if count >= limit.max(1) || !self.names.insert(name) {
            return false;
        }
        self.per_endpoint.insert(name.0, count + 1);
        true
    }

    fn ended(&mut self, ended: Result<Name, tokio::task::JoinError>) {
        match ended {
            Ok(name) => self.forget(name),
            // Panics are caught within, and nobody cancels an attempt.
            Err(error) => tracing::error!(%error, "a webhook attempt was lost"),
        }
    }

    fn forget(&mut self, name: Name) {
        if self.names.remove(&name)
            && let Some(count) = self.per_endpoint.get_mut(&name.0)
        {
            *count -= 1;
            if *count == 0 {
                self.per_endpoint.remove(&name.0);
            }
        }
    }
}
