//! The nouns of the project: ids, numbers, calls, legs, sound, flows, events, tenants, trunks, webhooks, faults.
//! Knows no other room, no vendor's word, no clock and no random source. See ARCHITECTURE.md.

pub mod amd;
pub mod call;
pub mod child;
mod country;
pub mod endpoint;
pub mod event;
pub mod fault;
pub mod flow;
pub mod id;
pub mod leg;
pub mod meeting;
pub mod number;
pub mod recording;
pub mod secret;
pub mod session;
pub mod sound;
pub mod speech;
pub mod srtp;
pub mod tenant;
pub mod time;
pub mod timeline;
pub mod transcription;
pub mod transfer;
pub mod trunk;
pub mod voice_channel;
pub mod webhook;

pub use id::{
    AppId, CallId, CommandId, EndpointId, IdSource, KeyId, LegId, NodeId, NumberId, OrganizationId,
    RecordingId, TranscriptionId, TrunkId, VoiceChannelId, WebhookId,
};
pub use number::E164;
pub use secret::{Pii, Secret};
pub use time::Timestamp;
