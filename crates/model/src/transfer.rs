//! A far side that is handed over to somebody else: asked to call them itself, in words that fit any kind of
//! signalling.

use crate::id::LegId;
use crate::secret::Pii;
use serde::{Deserialize, Serialize};

/// Whom a far side is asked to call instead of us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransferTarget {
    /// A phone number, or an address of the signalling's own kind.
    Address(Pii<String>),
    /// The party of another leg of ours, in our place. Both legs are of one carrier.
    Leg(LegId),
}

/// How a transfer that we asked for goes. The last is one of `Done`, `Failed` and `Untold`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransferFact {
    /// The far side has agreed, and tries.
    Agreed,
    /// The new party has answered the far side.
    Done,
    /// The far side refused, or did not get through.
    Failed {
        /// The final status code of the signalling protocol.
        code: u16,
    },
    /// The far side agreed and will tell no more.
    Untold,
}

/// Names one request of a far side to be handed over, within its leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransferId(pub u32);

/// What a far side that asked to be handed over is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransferReply {
    /// It is not done.
    Refused,
    /// It is being tried.
    Agreed,
    /// The new party rings.
    Ringing,
    /// The new party answered.
    Done,
    /// The new party was not reached.
    Failed,
}
