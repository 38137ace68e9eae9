//! Session descriptions (RFC 8866) and offer/answer (RFC 3264) for one audio stream. Must not know SIP messages, calls
//! or what is done with the sound.

mod codec;
mod crypto;
mod description;
mod formats;
mod local;
mod negotiate;
mod parse;
mod write;

pub use codec::{Codec, encoding_name};
pub use description::{Attribute, Media, Origin, SessionDescription};
pub use local::{LocalAudio, offer, reoffer};
pub use negotiate::{Negotiated, accept_answer, answer};

use thiserror::Error;

/// Which way sound flows, seen from the side that says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MediaDirection {
    /// Both ways.
    #[default]
    SendReceive,
    /// We only send.
    SendOnly,
    /// We only receive.
    ReceiveOnly,
    /// Neither.
    Inactive,
}

impl MediaDirection {
    /// Whether this side sends.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendReceive | Self::SendOnly)
    }

    /// Whether this side receives.
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendReceive | Self::ReceiveOnly)
    }

    /// By what it allows.
    pub const fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendReceive,
            (true, false) => Self::SendOnly,
            (false, true) => Self::ReceiveOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// The same, seen from the other side.
    pub const fn reversed(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    /// What both sides allow, seen from ours: `other` is what the peer says of itself.
    pub const fn with_peer(self, other: Self) -> Self {
        Self::of(self.sends() && other.receives(), self.receives() && other.sends())
    }

    /// The attribute's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendReceive => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::ReceiveOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// By the attribute's name.
    pub fn from_name(name: &str) -> Option<Self> {
        const ALL: [MediaDirection; 4] = [
            MediaDirection::SendReceive,
            MediaDirection::SendOnly,
            MediaDirection::ReceiveOnly,
            MediaDirection::Inactive,
        ];
        ALL.into_iter().find(|direction| direction.as_str().eq_ignore_ascii_case(name))
    }
}

/// Why a description was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SdpRefusal {
    /// The text is not SDP; 400.
    #[error("line {line}: {what}")]
    Malformed {
        /// From 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// No audio stream over RTP/AVP that is switched on; 488.
    #[error("no audio stream")]
    NoAudio,
    /// The audio stream speaks no codec of ours; 488.
    #[error("no common codec")]
    NoCommonCodec,
    /// The audio stream's address is a name or missing; names are not resolved here; 488.
    #[error("the audio stream has no usable address")]
    NoAddress,
    /// The audio stream is IPv4 and we are IPv6, or the other way; 488.
    #[error("the audio stream's address is of another IP version")]
    AddressFamily,
    /// The audio stream is encrypted, and this line does not do that; 488.
    #[error("the audio stream is encrypted, which is switched off here")]
    Encrypted,
    /// The audio stream is not encrypted, and this line demands it; 488.
    #[error("the audio stream is not encrypted, which is required here")]
    NotEncrypted,
    /// None of the stream's a=crypto lines is of a suite that we know, or none is well-formed; 488.
    #[error("no common crypto suite")]
    NoCommonCrypto,
    /// The answer does not fit the offer.
    #[error("the answer does not fit the offer: {0}")]
    AnswerMismatch(&'static str),
}

impl SdpRefusal {
    /// The status code this means for an INVITE.
    pub const fn status_code(&self) -> u16 {
        match self {
            Self::Malformed { .. } => 400,
            _ => 488,
        }
    }
}
