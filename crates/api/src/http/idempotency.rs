//! The `Idempotency-Key` header.

use axum::http::{HeaderMap, Method};
use engine::IdempotencyHeader;
use model::fault::{Fault, FaultCode};
use sha2::{Digest, Sha256};

/// The header.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Says that an answer was given before.
pub(crate) const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";

const KEY_BYTES_MAX: usize = 255;

/// The header's value, with the fingerprint of the request it came with.
pub(crate) fn from_request(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<IdempotencyHeader>, Fault> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let usable = |text: &&str| {
        !text.is_empty() && text.len() <= KEY_BYTES_MAX && text.bytes().all(|b| (0x20..0x7f).contains(&b))
    };
    let Some(value) = value.to_str().ok().filter(usable) else {
        let message = "Idempotency-Key must be 1 to 255 printable ASCII characters";
        return Err(Fault::field(FaultCode::InvalidField, "Idempotency-Key", message));
    };
    let mut hash = Sha256::new();
    for part in [method.as_str().as_bytes(), b"\n", path.as_bytes(), b"\n", body] {
        hash.update(part);
    }
    Ok(Some(IdempotencyHeader { value: value.to_owned(), fingerprint: hash.finalize().into() }))
}
