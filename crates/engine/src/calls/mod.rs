//! The use cases around calls. One file a verb.

mod arrive;
mod command;
mod expected;
mod follow;
mod heard;
mod idempotency;
mod persona_call;
mod personas;
mod place;
mod place_child;
mod read;
mod recordings;
pub(crate) mod scheduled;

pub use command::RenderCommand;
pub(crate) use expected::Expected;
pub use follow::EventFeed;
pub use heard::HeardSound;
pub use idempotency::{IdempotencyHeader, Outcome, Placed};
pub use persona_call::PersonaCalls;
pub use place::{PlaceCall, RenderPlaced};
pub use recordings::AudioForm;
pub(crate) use recordings::bury_condemned;
