//! SQLite behind the store's traits, and finished files on the local disk.
//! The only room that knows SQL. It knows no use case: it keeps rows, numbers, leases and keys consistent in one
//! transaction a write, and answers only when the write is durable.

mod administration;
mod blob;
mod calls;
mod database;
mod deliveries;
mod endpoints;
mod failure;
mod figures;
mod idempotency;
mod lock;
mod newest;
mod recordings;
mod rows;
mod sqlite;
mod timelines;
mod transcriptions;
mod trunks;
mod voice_channels;
mod webhooks;
mod writer;

pub use blob::LocalBlob;
pub use failure::OpenError;
pub use lock::{DataDirLock, LockError};
pub use sqlite::{Options, SqliteStore};
pub use writer::WriteCounts;
