//! What the brain orders of a leg and what it hears of it, in words that fit any kind of signalling.

use crate::secret::Pii;
use crate::transfer::{TransferFact, TransferId, TransferReply, TransferTarget};
use serde::{Deserialize, Serialize};

/// An order to the carrier that holds the leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegOrder {
    /// Ring the callee. What it needs to know beyond this stands with the call.
    Dial {
        /// How long the callee may ring.
        ring_timeout_ms: u32,
    },
    /// Tell an inbound caller that it rings. Where its sound is opened, [`LegFact::Ringing`] follows.
    Ring {
        /// Open the sound path before the answer.
        early_media: bool,
    },
    /// Accept an inbound leg.
    Answer,
    /// Refuse an inbound leg.
    Reject {
        /// What the caller is told.
        refusal: Refusal,
    },
    /// End the leg, whatever its state: withdraw, refuse or hang up.
    HangUp,
    /// Put an answered leg on hold: the far side is asked to send no sound. [`LegFact::Held`] follows if it agrees.
    Hold,
    /// Take a leg off hold again. [`LegFact::Resumed`] follows if the far side agrees.
    Resume,
    /// Ask the far side to call somebody else instead of us. [`LegFact::Transfer`] tells how that goes.
    Transfer {
        /// Whom.
        target: TransferTarget,
    },
    /// Tell the far side how what it asked for by [`LegFact::TransferAsked`] goes.
    AnswerTransfer {
        /// Which request.
        transfer: TransferId,
        /// What it is told.
        reply: TransferReply,
    },
}

/// What an inbound caller is told when the leg is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Busy here.
    Busy,
    /// Declined.
    Declined,
    /// Nobody decided in time, or nobody answered.
    Unavailable,
    /// The dialled address belongs to nobody here.
    NotFound,
    /// This server takes no calls now: it stops, is full, or cannot write.
    ServerBusy,
}

/// What happened to a leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegFact {
    /// The next hop has the call; nothing rings yet.
    Trying,
    /// The far side rings; of an inbound leg: the caller was told so.
    Ringing {
        /// Sound already comes from the far side; of an inbound leg: our sound reaches it.
        early_media: bool,
    },
    /// The far side answered and the sound path is set up.
    Answered,
    /// An answered leg is on hold: whoever holds wants no sound of the other side, or sends none.
    Held {
        /// Who holds.
        by: LegSide,
    },
    /// An answered leg is off hold.
    Resumed {
        /// Who held it.
        by: LegSide,
    },
    /// How a transfer goes that was ordered.
    Transfer(TransferFact),
    /// The far side of an answered leg asks us to call somebody for it. Told only where that may be followed.
    TransferAsked {
        /// Names the request.
        transfer: TransferId,
        /// Whom: a phone number where it is one, else the user part of an address.
        to: Pii<String>,
    },
    /// The leg is over. Nothing follows.
    Ended(LegEnd),
}

/// One of a leg's two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegSide {
    /// We.
    Local,
    /// The party at the far end.
    Remote,
}

/// How a leg ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegEnd {
    /// What it means for the call.
    pub kind: LegEndKind,
    /// Who did it.
    pub by: LegEndedBy,
    /// What signalling said, word for word.
    pub cause: ReleaseCause,
}

/// What a leg's end means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegEndKind {
    /// An answered leg was hung up.
    HungUp,
    /// Busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// The callee declined.
    Declined,
    /// Withdrawn before an answer.
    Canceled,
    /// Unknown number, unreachable, refused by the carrier, broken.
    Failed,
}

/// Who ended a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegEndedBy {
    /// The party at the far end, or the network on its side.
    Remote,
    /// An order of ours.
    Local,
    /// A timer.
    Timeout,
    /// The packets do not get through.
    Transport,
}

/// What signalling said when it let go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReleaseCause {
    /// The final status code of the signalling protocol, if one was exchanged.
    pub code: Option<u16>,
    /// Its phrase, or ours where none was exchanged. At most 128 bytes.
    pub phrase: String,
    /// The Q.850 cause, if one was given.
    pub q850: Option<u8>,
    /// How long the far side asks us to wait before trying again.
    pub retry_after_s: Option<u32>,
}

impl ReleaseCause {
    /// A cause of our own making, without a code.
    pub fn local(phrase: &str) -> Self {
        Self { phrase: phrase.to_owned(), ..Self::default() }
    }
}
