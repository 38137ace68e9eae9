//! What an organization configures: trunks, numbers, phone endpoints, webhooks. One file a resource.

mod checks;
mod endpoints;
mod numbers;
mod trunks;
mod voice_channels;
mod webhooks;

pub use endpoints::{CreatedEndpoint, NewEndpoint};
pub use numbers::NewNumber;
pub(crate) use numbers::invalid_number;
pub use trunks::{NewTrunk, TrunkChange, check_trunk};
pub use webhooks::{NewWebhook, WebhookChange};
pub(crate) use webhooks::{WEBHOOKS_MAX, check_destination};

pub(crate) use checks::{admin, app, page};
pub(crate) use voice_channels::keep_default_channels;
pub use voice_channels::{NewVoiceChannel, VoiceChannelChange};
