//! How a door shows an event in a webhook, and signs the request by a scheme of its own.

use model::call::Call;
use model::event::Event;
use model::flow::Flow;
use model::flow::variable::Variables;
use model::{Secret, Timestamp};

/// An event in a door's own shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedEvent {
    /// The door's name of the event.
    pub name: String,
    /// The message id, the same whenever the same event is rendered.
    pub id: String,
    /// The body, JSON.
    pub body: String,
    /// What an endpoint's filters ([`model::webhook::WebhookEndpoint::wants`]) can ask of it.
    pub traits: Vec<(&'static str, String)>,
}

/// A request that is about to be sent.
pub struct Signing<'a> {
    /// Where to.
    pub url: &'a str,
    /// The message's id.
    pub message_id: &'a str,
    /// When this attempt is made.
    pub at: Timestamp,
    /// What is sent.
    pub body: &'a str,
    /// HMAC-SHA-256 under the endpoint's signing secret.
    pub hmac_sha256: &'a dyn Fn(&[u8]) -> [u8; 32],
}

/// A door's rendering. Pure.
pub trait EventRenderer: Send + Sync {
    /// The door's name, as [`model::webhook::WebhookEndpoint::door`] has it.
    fn door(&self) -> &'static str;

    /// The event in the door's shape; none where the door has no word for it.
    fn render(&self, event: &Event) -> Option<RenderedEvent>;

    /// A question to the app: how does this call go on? None where the door has no such question.
    fn question(&self, _call: &Call, _variables: &Variables) -> Option<String> {
        None
    }

    /// The steps of the app's answer, none if it has nothing to add; else what is wrong with it, in words for the
    /// app's developer. `variables` are known already.
    fn answer(&self, _body: &[u8], _variables: &Variables) -> Result<Option<Flow>, String> {
        Ok(None)
    }

    /// Headers of the door's own signature, beside those of the Standard Webhooks scheme.
    fn sign(&self, _request: &Signing<'_>) -> Vec<(&'static str, Secret<String>)> {
        Vec::new()
    }
}
