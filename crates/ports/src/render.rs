//! How a door shows an event in a webhook.

use model::event::Event;

/// An event in a door's own shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedEvent {
    /// The door's name of the event.
    pub name: String,
    /// The message id, the same whenever the same event is rendered.
    pub id: String,
    /// The body, JSON.
    pub body: String,
}

/// A door's rendering. Pure.
pub trait EventRenderer: Send + Sync {
    /// The door's name, as [`model::webhook::WebhookEndpoint::door`] has it.
    fn door(&self) -> &'static str;

    /// The event in the door's shape; none where the door has no word for it.
    fn render(&self, event: &Event) -> Option<RenderedEvent>;
}
