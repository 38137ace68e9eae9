//! The store behind narrow traits. Every write is one transaction and durable when it returns; writes of many
//! callers are committed in groups. Lists are bounded.

mod administration;
mod calls;
mod endpoints;
mod idempotency;
mod recordings;
mod timelines;
mod transcriptions;
mod voice_channels;
mod webhooks;

pub use administration::{Bootstrap, KeyStore, TrunkStore};
pub use calls::{
    CallCommit, CallFilter, CallFlow, CallStore, Claim, ClaimedCall, CommandState, Created, DueCalls,
    NewCall, Page, PageRequest, Place, StartDue, StatusIs,
};
pub use endpoints::EndpointStore;
pub use idempotency::{Idempotency, IdempotencyStore, Reserved, StoredResponse, Written};
pub use recordings::{Condemned, FoundRecording, RecordingFilter, RecordingStore, RecordingUsage};
pub use timelines::{StoredTimelineEntry, TimelineStore};
pub use transcriptions::TranscriptionStore;
pub use voice_channels::VoiceChannelStore;
pub use webhooks::{DeliveryFilter, DueDelivery, WebhookStore};

/// Why the store cannot do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another node owns the call now: whoever asked must let go of it.
    #[error("the lease on the call is lost")]
    LeaseLost,
    /// There is no such row.
    #[error("no such row")]
    NotFound,
    /// The row exists already, or another one refers to it.
    #[error("conflicts with another row: {0}")]
    Conflict(&'static str),
    /// The event's number is not the next one.
    #[error("event number {got} where {expected} is next")]
    Sequence {
        /// What was to be written.
        got: u32,
        /// What is next.
        expected: u32,
    },
    /// More writes wait than may.
    #[error("too many writes are waiting")]
    Busy,
    /// The database cannot be read or written.
    #[error("database: {0}")]
    Unavailable(String),
}

/// All of it.
pub trait Store:
    CallStore
    + KeyStore
    + TrunkStore
    + EndpointStore
    + VoiceChannelStore
    + WebhookStore
    + RecordingStore
    + TranscriptionStore
    + TimelineStore
    + IdempotencyStore
{
}

impl<T> Store for T where
    T: CallStore
        + KeyStore
        + TrunkStore
        + EndpointStore
        + VoiceChannelStore
        + WebhookStore
        + RecordingStore
        + TranscriptionStore
        + TimelineStore
        + IdempotencyStore
{
}
