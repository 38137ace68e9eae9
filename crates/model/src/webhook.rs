//! Webhook endpoints and the deliveries to them.

use crate::call::Mode;
use crate::id::{AppId, CallId, WebhookId};
use crate::secret::Secret;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where an app wants its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: WebhookId,
    /// The app.
    pub app: AppId,
    /// Whose calls' events it gets: live ones or test ones, as the key that made it.
    pub mode: Mode,
    /// The front door in whose shape events are rendered, by its name.
    pub door: String,
    /// Destination, at most 2,048 bytes.
    pub url: String,
    /// The door's names of the wanted events.
    pub events: Vec<String>,
    /// Static headers sent with each delivery, at most 20.
    pub headers: BTreeMap<String, Secret<String>>,
    /// The signing secret: 32 random bytes.
    pub signing_secret: Secret<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Why it gets nothing any more.
    pub disabled: Option<Disabled>,
}

/// Why and since when an endpoint gets nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why, in words for the app's developer.
    pub reason: String,
}

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The endpoint.
    pub webhook: WebhookId,
    /// The event's call.
    pub call: CallId,
    /// The event's number in the call.
    pub sequence: u32,
    /// The door's name of the event.
    pub event_name: String,
    /// The message id, the same in every attempt.
    pub message_id: String,
    /// The rendered body, the same in every attempt.
    pub body: String,
    /// Attempts made so far.
    pub attempts: u8,
    /// When the next is due; none when delivered or given up.
    pub due_at: Option<Timestamp>,
    /// How it ended.
    pub state: DeliveryState,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be tried (again).
    Pending,
    /// The endpoint answered 2xx.
    Delivered,
    /// All attempts failed.
    Exhausted,
    /// The endpoint was removed or disabled meanwhile.
    Dropped,
}

/// What one attempt brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which one, from 1.
    pub number: u8,
    /// When it began.
    pub at: Timestamp,
    /// The answer's status, if one came.
    pub status: Option<u16>,
    /// What went wrong, if no answer came.
    pub error: Option<String>,
    /// How long it took.
    pub latency_ms: u32,
}
