//! Webhook endpoints, the outbox and deliveries.

use super::{Idempotency, Page, PageRequest, StoreError, StoredResponse, Written};
use model::call::Mode;
use model::event::Event;
use model::webhook::{Attempt, Delivery, DeliveryState, Disabled, WebhookEndpoint};
use model::{AppId, CallId, Secret, Timestamp, WebhookId};

/// A delivery that is due, with its endpoint.
#[derive(Debug, Clone)]
pub struct DueDelivery {
    /// What to deliver.
    pub delivery: Delivery,
    /// Where to.
    pub endpoint: WebhookEndpoint,
    /// The secret of [`Delivery::signer`], if there is one and it still exists.
    pub signer_secret: Option<Secret<Vec<u8>>>,
}

/// Which deliveries of an endpoint.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeliveryFilter {
    /// Only of this call.
    pub call: Option<CallId>,
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Only those made before the delivery of this event.
    pub before: Option<(CallId, u32)>,
}

/// Webhooks.
#[async_trait::async_trait]
pub trait WebhookStore: Send + Sync {
    /// Keeps a new endpoint.
    async fn create_webhook(
        &self,
        endpoint: &WebhookEndpoint,
        idempotency: Option<(Idempotency, StoredResponse)>,
    ) -> Result<Written, StoreError>;

    /// Replaces an endpoint. `NotFound` if there is none of this id in its app.
    async fn update_webhook(&self, endpoint: &WebhookEndpoint) -> Result<(), StoreError>;

    /// Disables an endpoint; its pending deliveries are dropped.
    async fn disable_webhook(&self, webhook: WebhookId, disabled: Disabled) -> Result<(), StoreError>;

    /// Removes an endpoint; its pending deliveries are dropped.
    async fn delete_webhook(&self, app: AppId, webhook: WebhookId) -> Result<(), StoreError>;

    /// One endpoint, of any mode.
    async fn webhook(&self, app: AppId, webhook: WebhookId) -> Result<Option<WebhookEndpoint>, StoreError>;

    /// The endpoint of an app, mode and door for calls that name a URL of their own; `fresh` is kept where there is
    /// none yet.
    async fn notifier(&self, fresh: WebhookEndpoint) -> Result<WebhookEndpoint, StoreError>;

    /// Endpoints of an app in one mode, newest first; notifiers are none of them.
    async fn webhooks(
        &self,
        app: AppId,
        mode: Mode,
        page: PageRequest,
    ) -> Result<Page<WebhookEndpoint>, StoreError>;

    /// Events whose deliveries are not made yet, in order per call, at most `limit`.
    async fn outbox(&self, limit: u32) -> Result<Vec<Event>, StoreError>;

    /// Makes the deliveries of events and takes the events from the outbox, in one transaction.
    async fn fan_out(&self, events: &[(CallId, u32)], deliveries: Vec<Delivery>) -> Result<(), StoreError>;

    /// Deliveries that are due at `now`, oldest first: of each endpoint and call only the earliest whose first
    /// attempt has not been made, and any that are due for a further attempt. Endpoints in `except` (at most
    /// 1,000; they have as many requests under way as they may) are left out, so that a hanging one does not fill
    /// the answer. At most `limit`.
    async fn due_deliveries(
        &self,
        now: Timestamp,
        limit: u32,
        except: &[WebhookId],
    ) -> Result<Vec<DueDelivery>, StoreError>;

    /// Keeps an attempt and what follows from it.
    async fn record_attempt(&self, delivery: &Delivery, attempt: Attempt) -> Result<(), StoreError>;

    /// When the next pending delivery is due, if any.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// The deliveries of an endpoint with their attempts, newest first.
    async fn deliveries(
        &self,
        webhook: WebhookId,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<(Delivery, Vec<Attempt>)>, StoreError>;
}
