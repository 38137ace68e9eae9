//! Manners that every door shares: the gate, bounded bodies, request ids, fields, rates. Knows no door's shape of an error.

pub(crate) mod ask;
pub(crate) mod body;
pub(crate) mod fields;
pub(crate) mod file;
pub(crate) mod gate;
pub(crate) mod idempotency;
pub(crate) mod meter;
pub(crate) mod query;
pub(crate) mod rate;
pub(crate) mod refusal;
pub(crate) mod request_id;
pub(crate) mod seats;
pub(crate) mod strangers;
