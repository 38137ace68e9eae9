//! The use cases behind every door: placing and commanding calls, the actors that run them, the journal, webhook
//! delivery, recovery. Knows no adapter, no vendor's word and nothing of signalling. See ARCHITECTURE.md.

mod actor;
mod book;
mod calls;
mod config;
mod core;
pub mod egress;
mod encoding;
mod engine;
mod fault;
mod figures;
mod journal;
mod keys;
mod losses;
mod mac;
mod meetings;
mod panics;
mod phones;
mod prompts;
mod resources;
mod running;
mod transcriptions;
mod trunks;
mod webhooks;

pub use calls::{
    AudioForm, EventFeed, HeardSound, IdempotencyHeader, Outcome, PersonaCalls, PlaceCall, Placed,
    RenderCommand, RenderPlaced,
};
pub use config::{EngineConfig, EngineParts, WebhookPolicy};
pub use egress::{AllowedHosts, EgressConfig, HttpEgress};
pub use engine::Engine;
pub use journal::Journal;
pub use keys::{BootstrapKeys, CreatedKey, NewKey, bootstrap, create_key};
pub use resources::{
    CreatedEndpoint, NewEndpoint, NewNumber, NewTrunk, NewVoiceChannel, NewWebhook, TrunkChange,
    VoiceChannelChange, WebhookChange, check_trunk,
};
