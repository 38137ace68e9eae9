//! Idempotency keys as they come from a door, and answers as they go back.

use crate::core::Core;
use crate::fault::of_store;
use model::fault::{Fault, FaultCode};
use model::tenant::Principal;
use ports::store::{Idempotency, Reserved, StoredResponse};

/// An idempotency key as it came with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyHeader {
    /// The header's value, at most 255 bytes.
    pub value: String,
    /// SHA-256 of method, path and body.
    pub fingerprint: [u8; 32],
}

impl IdempotencyHeader {
    /// With its owner and its end.
    pub(crate) fn of(self, who: Principal, core: &Core) -> Idempotency {
        Idempotency {
            key: who.key,
            value: self.value,
            fingerprint: self.fingerprint,
            expires_at: core.now() + core.config.idempotency_ttl,
        }
    }
}

impl Core {
    /// The answer that this idempotency key got before, if it did.
    pub(crate) async fn given_before(
        &self,
        key: Option<&Idempotency>,
    ) -> Result<Option<StoredResponse>, Fault> {
        let Some(key) = key else { return Ok(None) };
        match self.store.answered(key).await.map_err(of_store)? {
            Reserved::Ours => Ok(None),
            Reserved::Replayed(first) => Ok(Some(first)),
            Reserved::Mismatch | Reserved::Pending => Err(Fault::new(FaultCode::IdempotencyConflict)),
        }
    }
}

/// The answer to a write, made durable before it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done now.
    New(StoredResponse),
    /// It was done before with the same idempotency key; this was the answer.
    Replayed(StoredResponse),
}

/// The answer to a placed call.
pub type Placed = Outcome;
