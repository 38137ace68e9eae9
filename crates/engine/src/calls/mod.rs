//! The use cases around calls. One file a verb.

mod arrive;
mod command;
mod follow;
mod idempotency;
mod place;
mod read;

pub use follow::EventFeed;
pub use idempotency::{IdempotencyHeader, Outcome, Placed};
pub use place::PlaceCall;
