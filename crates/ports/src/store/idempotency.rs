//! Idempotency keys: the first answer, again.

use super::StoreError;
use model::{KeyId, Timestamp};

/// An idempotency key as it came with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Whose it is.
    pub key: KeyId,
    /// The header's value, at most 255 bytes.
    pub value: String,
    /// SHA-256 of method, path and body.
    pub fingerprint: [u8; 32],
    /// From when on it is forgotten.
    pub expires_at: Timestamp,
}

/// An answer that was given, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// What became of a write with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It was done, now.
    New,
    /// It was done before; this was the answer.
    Replayed(StoredResponse),
    /// The key was used before with another request.
    Mismatch,
}

/// What became of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// The key is ours: do the work, then complete it.
    Ours,
    /// The work is done already; this was the answer.
    Replayed(StoredResponse),
    /// The key was used before with another request.
    Mismatch,
    /// The first request with the key is still being worked on, or died in it.
    Pending,
}

/// What is known of keys; and for writes that are not a row of the store's own, such as a command to a running call,
/// their taking and settling.
#[async_trait::async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// The answer that was given to this key before, if any: asked before the work begins. `Ours` if it was never used.
    async fn answered(&self, idempotency: &Idempotency) -> Result<Reserved, StoreError>;

    /// Takes the key before the work.
    async fn reserve(&self, idempotency: &Idempotency) -> Result<Reserved, StoreError>;

    /// Keeps the answer after the work.
    async fn complete(&self, idempotency: &Idempotency, response: &StoredResponse) -> Result<(), StoreError>;

    /// Gives the key back when the work was refused, so that it can be tried again.
    async fn release(&self, idempotency: &Idempotency) -> Result<(), StoreError>;

    /// Forgets keys that have expired.
    async fn forget_expired(&self, now: Timestamp) -> Result<u64, StoreError>;
}
