//! Endpoints, the outbox, deliveries.

use super::{MemoryStore, page};
use model::call::Mode;
use model::event::Event;
use model::webhook::{Attempt, Delivery, DeliveryState, Disabled, WebhookEndpoint};
use model::{AppId, CallId, Timestamp, WebhookId};
use ports::StoreError;
use ports::store::{
    DeliveryFilter, DueDelivery, Idempotency, Page, PageRequest, StoredResponse, WebhookStore, Written,
};
use std::sync::atomic::Ordering;

#[async_trait::async_trait]
impl WebhookStore for MemoryStore {
    async fn create_webhook(
        &self,
        endpoint: &WebhookEndpoint,
        idempotency: Option<(Idempotency, StoredResponse)>,
    ) -> Result<Written, StoreError> {
        let mut state = self.write()?;
        let written = state.once(idempotency);
        if written == Written::New {
            state.webhooks.push(endpoint.clone());
        }
        Ok(written)
    }

    async fn update_webhook(&self, endpoint: &WebhookEndpoint) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let found = state.webhooks.iter_mut().find(|w| w.id == endpoint.id).ok_or(StoreError::NotFound)?;
        *found = endpoint.clone();
        Ok(())
    }

    async fn disable_webhook(&self, webhook: WebhookId, disabled: Disabled) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let found = state.webhooks.iter_mut().find(|w| w.id == webhook).ok_or(StoreError::NotFound)?;
        found.disabled = Some(disabled);
        for (delivery, _) in state.deliveries.iter_mut().filter(|(d, _)| d.webhook == webhook) {
            if delivery.state == DeliveryState::Pending {
                (delivery.state, delivery.due_at) = (DeliveryState::Dropped, None);
            }
        }
        Ok(())
    }

    async fn delete_webhook(&self, app: AppId, webhook: WebhookId) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let before = state.webhooks.len();
        state.webhooks.retain(|w| !(w.id == webhook && w.app == app));
        if state.webhooks.len() == before { Err(StoreError::NotFound) } else { Ok(()) }
    }

    async fn webhook(&self, app: AppId, webhook: WebhookId) -> Result<Option<WebhookEndpoint>, StoreError> {
        Ok(self.read().webhooks.iter().find(|w| w.id == webhook && w.app == app).cloned())
    }

    async fn notifier(&self, fresh: WebhookEndpoint) -> Result<WebhookEndpoint, StoreError> {
        let mut state = self.write()?;
        let is_it = |w: &&WebhookEndpoint| {
            w.notifier && (w.app, w.mode, &w.door) == (fresh.app, fresh.mode, &fresh.door)
        };
        if let Some(known) = state.webhooks.iter().find(is_it) {
            return Ok(known.clone());
        }
        state.webhooks.push(fresh.clone());
        Ok(fresh)
    }

    async fn webhooks(
        &self,
        app: AppId,
        mode: Mode,
        request: PageRequest,
    ) -> Result<Page<WebhookEndpoint>, StoreError> {
        Ok(page(
            self.read()
                .webhooks
                .iter()
                .filter(|w| !w.notifier && (w.app, w.mode) == (app, mode))
                .cloned()
                .collect(),
            request,
        ))
    }

    async fn outbox(&self, limit: u32) -> Result<Vec<Event>, StoreError> {
        let state = self.read();
        let event =
            |(call, sequence): &(CallId, u32)| state.calls[call].events[*sequence as usize - 1].clone();
        Ok(state.outbox.iter().take(limit as usize).map(event).collect())
    }

    async fn fan_out(&self, events: &[(CallId, u32)], deliveries: Vec<Delivery>) -> Result<(), StoreError> {
        let mut state = self.write()?;
        state.outbox.retain(|event| !events.contains(event));
        state.deliveries.extend(deliveries.into_iter().map(|delivery| (delivery, Vec::new())));
        Ok(())
    }

    async fn due_deliveries(
        &self,
        now: Timestamp,
        limit: u32,
        except: &[WebhookId],
    ) -> Result<Vec<DueDelivery>, StoreError> {
        assert!(!self.panic_next.swap(false, Ordering::SeqCst), "told to panic");
        let state = self.read();
        let mut due = Vec::new();
        for (delivery, _) in &state.deliveries {
            let earlier = state.deliveries.iter().any(|(other, _)| {
                (other.webhook, other.call) == (delivery.webhook, delivery.call)
                    && other.sequence < delivery.sequence
                    && other.attempts == 0
                    && other.state == DeliveryState::Pending
            });
            let first_in_line = delivery.attempts > 0 || !earlier;
            let is_due =
                delivery.state == DeliveryState::Pending && delivery.due_at.is_some_and(|at| at <= now);
            let endpoint = state.webhooks.iter().find(|w| w.id == delivery.webhook);
            if let Some(endpoint) = endpoint
                && first_in_line
                && is_due
                && !except.contains(&endpoint.id)
            {
                let signer = state.webhooks.iter().find(|w| Some(w.id) == delivery.signer);
                due.push(DueDelivery {
                    delivery: delivery.clone(),
                    endpoint: endpoint.clone(),
                    signer_secret: signer.map(|signer| signer.signing_secret.clone()),
                });
            }
        }
        due.sort_by_key(|due| due.delivery.due_at);
        due.truncate(limit as usize);
        Ok(due)
    }

    async fn record_attempt(&self, delivery: &Delivery, attempt: Attempt) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let name = |d: &Delivery| (d.webhook, d.call, d.sequence);
        let found = state.deliveries.iter_mut().find(|(known, _)| name(known) == name(delivery));
        let (known, attempts) = found.ok_or(StoreError::NotFound)?;
        *known = delivery.clone();
        attempts.push(attempt);
        Ok(())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.read().deliveries.iter().filter_map(|(delivery, _)| delivery.due_at).min())
    }

    async fn deliveries(
        &self,
        webhook: WebhookId,
        filter: DeliveryFilter,
        request: PageRequest,
    ) -> Result<Page<(Delivery, Vec<Attempt>)>, StoreError> {
        let state = self.read();
        let end = |(call, sequence)| {
            state.deliveries.iter().position(|(other, _)| {
                (other.webhook, other.call, other.sequence) == (webhook, call, sequence)
            })
        };
        let end = filter.before.map_or(usize::MAX, |last| end(last).unwrap_or(0));
        let all = state.deliveries.iter().take(end).filter(|(delivery, _)| {
            delivery.webhook == webhook
                && filter.state.is_none_or(|state| state == delivery.state)
                && filter.call.is_none_or(|call| call == delivery.call)
        });
        Ok(page(all.cloned().collect(), request))
    }
}
