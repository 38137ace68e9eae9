//! Since when an endpoint fails. Kept in memory; after a restart it is read back from the delivery log.

use crate::core::Core;
use model::webhook::{DeliveryState, WebhookEndpoint};
use model::{Timestamp, WebhookId};
use ports::StoreError;
use ports::store::{DeliveryFilter, PageRequest};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Most failing endpoints remembered; beyond that the log is asked each time.
const REMEMBERED_MAX: usize = 10_000;
/// How much of the log is read.
const LOG_MAX: u32 = 100;

/// The failing endpoints.
#[derive(Default)]
pub(super) struct Health {
    failing_since: Mutex<BTreeMap<WebhookId, Timestamp>>,
}

impl Health {
    /// How many are remembered.
    pub(super) fn remembered(&self) -> usize {
        self.failing_since.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A delivery arrived.
    pub(super) fn succeeded(&self, webhook: WebhookId) {
        self.failing_since.lock().unwrap_or_else(PoisonError::into_inner).remove(&webhook);
    }

    /// An attempt at `at` failed; whether the endpoint has now failed for as long as it may.
    pub(super) async fn failed_for_too_long(
        &self,
        core: &Core,
        endpoint: &WebhookEndpoint,
        at: Timestamp,
    ) -> bool {
        let known =
            self.failing_since.lock().unwrap_or_else(PoisonError::into_inner).get(&endpoint.id).copied();
        let since = match known {
            // Changed since then: it gets a fresh chance.
            Some(since) if since >= endpoint.updated_at => since,
            _ => match since(core, endpoint, at).await {
                Ok(since) => since,
                Err(error) => {
                    tracing::warn!(%error, "the delivery log cannot be read");
                    return false;
                }
            },
        };
        let mut failing = self.failing_since.lock().unwrap_or_else(PoisonError::into_inner);
        if failing.len() < REMEMBERED_MAX || failing.contains_key(&endpoint.id) {
            failing.insert(endpoint.id, since);
        }
        at.since(since) >= core.config.webhooks.failing_limit
    }
}

/// The first failure after the last success and the last change, as far back as the log is read.
async fn since(core: &Core, endpoint: &WebhookEndpoint, at: Timestamp) -> Result<Timestamp, StoreError> {
    let log = async |state, limit| {
        let filter = DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
        let page = core.store.deliveries(endpoint.id, filter, PageRequest { limit, offset: 0 }).await?;
        Ok(page.items.into_iter().flat_map(|(_, attempts)| attempts))
    };
    let delivered = log(DeliveryState::Delivered, 1).await?;
    let good_until = delivered.map(|attempt| attempt.at).max().unwrap_or_default().max(endpoint.updated_at);
    let mut first = at;
    for state in [DeliveryState::Exhausted, DeliveryState::Pending] {
        let failures = log(state, LOG_MAX).await?.map(|attempt| attempt.at);
        first = failures.filter(|at| *at >= good_until).fold(first, Timestamp::min);
    }
    Ok(first)
}
