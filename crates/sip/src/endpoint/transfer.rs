//! The plain types of call transfer: REFER (RFC 3515, 4488, 3892) and Replaces (RFC 3891), as the application gives and
//! hears them. Knows nothing of how a transfer is carried out.

use super::order::CallKey;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names one REFER received in a call: its CSeq, which is also the id of the subscription it makes (RFC 3515 §2.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReferId(pub u32);

/// Whom the peer is to call.
#[derive(Clone, PartialEq, Eq)]
pub enum ReferTarget {
    /// A blind transfer: this URI (sip, sips or tel).
    Uri(String),
    /// An attended transfer: the party of this other call of ours, in its place. The endpoint makes the Replaces. An
    /// answered call, or one received that still rings (then early-only).
    Call(CallKey),
}

impl fmt::Debug for ReferTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(_) => f.write_str("Uri(…)"),
            Self::Call(key) => f.debug_tuple("Call").field(key).finish(),
        }
    }
}

/// A REFER to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refer {
    /// Whom the peer is to call.
    pub target: ReferTarget,
    /// Whether Referred-By names us (our From).
    pub referred_by: bool,
    /// Whether the peer is to tell how it goes; else `Refer-Sub: false` asks it not to (RFC 4488), which it may ignore.
    pub wants_progress: bool,
}

/// A REFER received. `Debug` shows no number.
#[derive(Clone, PartialEq, Eq)]
pub struct IncomingRefer {
    /// The URI of Refer-To without its headers, e.g. `sip:+15550101@192.0.2.4`.
    pub target_uri: String,
    /// The call that the new one takes the place of, if Refer-To names one: for [`super::order::OutgoingCall::replaces`].
    pub replaces: Option<Replaces>,
    /// Referred-By as received, to be handed on in the new INVITE (RFC 3892 §2.2).
    pub referred_by: Option<String>,
    /// Whether the peer wants to hear how it goes.
    pub wants_progress: bool,
}

impl fmt::Debug for IncomingRefer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IncomingRefer(replaces {}, progress {})", self.replaces.is_some(), self.wants_progress)
    }
}

/// How a transfer that we asked for goes. Each REFER ends with exactly one of Succeeded, Failed and Untold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferProgress {
    /// The peer accepted the REFER and tries.
    Accepted,
    /// 1xx: what the peer hears from its target.
    Trying {
        /// The status code.
        code: u16,
    },
    /// The target answered.
    Succeeded {
        /// 2xx.
        code: u16,
    },
    /// The peer refused the REFER, or its target refused.
    Failed {
        /// 300..=699; 408 if the REFER stayed without response.
        code: u16,
    },
    /// The peer accepted and will tell no more: it was asked not to, ended the subscription, fell silent, or the call
    /// ended.
    Untold,
}

/// A call to take the place of (RFC 3891), by the names of the one who receives it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaces {
    /// Call-ID.
    pub call_id: String,
    /// The tag of the party that receives the INVITE.
    pub to_tag: String,
    /// The tag of the party that is replaced.
    pub from_tag: String,
    /// Only as long as it is not answered.
    pub early_only: bool,
}

impl fmt::Debug for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Replaces({}, early only {})", self.call_id, self.early_only)
    }
}
