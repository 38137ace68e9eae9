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
    /// What narrows the wanted events further.
    #[serde(default)]
    pub filters: Vec<EventFilter>,
    /// Static headers sent with each delivery, at most 20.
    pub headers: BTreeMap<String, Secret<String>>,
    /// The signing secret: 32 random bytes, or what the app chose.
    pub signing_secret: Secret<Vec<u8>>,
    /// Made by the server for the calls that name a URL of their own: it has none itself, and stands in no list.
    #[serde(default)]
    pub notifier: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Why it gets nothing any more.
    pub disabled: Option<Disabled>,
}

impl WebhookEndpoint {
    /// Whether it wants an event that its door says these things of: of each key that its filters name, one of
    /// their values.
    pub fn wants(&self, name: &str, traits: &[(&'static str, String)]) -> bool {
        let holds = |wanted: &EventFilter| {
            let mut said = traits.iter().filter(|(key, _)| *key == wanted.key);
            said.any(|(_, value)| {
                self.filters.iter().any(|filter| filter.key == wanted.key && filter.value == *value)
            })
        };
        self.events.iter().any(|event| event == name) && self.filters.iter().all(holds)
    }
}

/// One value that an event's trait may have. Filters of one key are alternatives, keys narrow each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventFilter {
    /// The door's name of the trait.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Where the events of one call go instead of to the app's endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Destination, at most 2,048 bytes.
    pub url: String,
    /// The front door in whose shape they are rendered, by its name.
    pub door: String,
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
    /// Where to instead of to the endpoint's URL: the call named one of its own.
    pub url: Option<String>,
    /// The endpoint whose secret signs it, where that is another one.
    pub signer: Option<WebhookId>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::IdSource;

    fn check(filters: &[(&str, &str)], traits: &[(&'static str, &str)], wanted: bool) {
        let at = Timestamp::from_millis(1);
        let mut ids = IdSource::new(1);
        let filter = |(key, value): &(&str, &str)| EventFilter { key: (*key).into(), value: (*value).into() };
        let endpoint = WebhookEndpoint {
            id: WebhookId::generate(&mut ids, at),
            app: AppId::generate(&mut ids, at),
            mode: Mode::Test,
            door: "a".into(),
            url: "https://example.com".into(),
            events: vec!["call".into()],
            filters: filters.iter().map(filter).collect(),
            headers: BTreeMap::new(),
            signing_secret: Secret::new(Vec::new()),
            notifier: false,
            created_at: at,
            updated_at: at,
            disabled: None,
        };
        let traits: Vec<(&'static str, String)> =
            traits.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        assert_eq!(endpoint.wants("call", &traits), wanted, "{filters:?} and {traits:?}");
        assert!(!endpoint.wants("other", &traits));
    }

    #[test]
    fn filters_of_one_key_are_alternatives_and_keys_narrow_each_other() {
        check(&[], &[], true);
        check(&[("status", "ringing")], &[("status", "ringing")], true);
        check(&[("status", "ringing"), ("status", "busy")], &[("status", "busy")], true);
        check(&[("status", "ringing")], &[("status", "busy")], false);
        check(&[("status", "ringing")], &[], false);
        check(&[("channel", "a"), ("status", "busy")], &[("channel", "a"), ("status", "busy")], true);
        check(&[("channel", "a"), ("status", "busy")], &[("channel", "b"), ("status", "busy")], false);
        check(&[("channel", "a"), ("status", "busy")], &[("channel", "a"), ("status", "ringing")], false);
    }
}
