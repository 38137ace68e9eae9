//! Session descriptions (RFC 8866) and offer/answer (RFC 3264) for one audio stream. Must not know SIP messages, calls
//! or what is done with the sound.

pub mod codec;

pub use codec::Codec;
use std::net::{IpAddr, SocketAddr};
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

/// Our end of the audio stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalAudio {
    /// Where we receive RTP.
    pub address: SocketAddr,
    /// What we speak, best first; must not be empty.
    pub codecs: Vec<Codec>,
    /// The packet length we ask for, in ms.
    pub ptime_ms: u16,
    /// Payload type of telephone-event/8000 when we offer it (96..=127); none: no DTMF by RTP.
    pub dtmf_payload_type: Option<u8>,
    /// What we want.
    pub direction: MediaDirection,
    /// Whether we can receive RTCP on the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// The o= line.
    pub origin: Origin,
}

/// The o= line: the session id stays for the whole call, the version grows with each changed description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Session id.
    pub session_id: u64,
    /// Version of the description.
    pub version: u64,
}

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// Where to send RTP; the address may be unspecified while the peer holds (then `direction` does not send).
    pub remote: SocketAddr,
    /// Where to send RTCP.
    pub remote_rtcp: SocketAddr,
    /// The codec to send, and the first to expect.
    pub codec: Codec,
    /// Payload type to send `codec` with.
    pub payload_type: u8,
    /// Payload type the peer sends `codec` with.
    pub receive_payload_type: u8,
    /// Payload type to send telephone-event with.
    pub dtmf_payload_type: Option<u8>,
    /// Payload type the peer sends telephone-event with.
    pub receive_dtmf_payload_type: Option<u8>,
    /// Packet length to send, in ms.
    pub ptime_ms: u16,
    /// What we may do.
    pub direction: MediaDirection,
    /// RTCP on the RTP port.
    pub rtcp_mux: bool,
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
    /// No audio stream that is switched on; 488.
    #[error("no audio stream")]
    NoAudio,
    /// The audio stream speaks no codec of ours; 488.
    #[error("no common codec")]
    NoCommonCodec,
    /// The answer does not fit the offer.
    #[error("the answer does not fit the offer: {0}")]
    AnswerMismatch(&'static str),
}

impl SdpRefusal {
    /// The status code this means for an INVITE.
    pub const fn status_code(&self) -> u16 {
        match self {
            Self::Malformed { .. } => 400,
            Self::NoAudio | Self::NoCommonCodec | Self::AnswerMismatch(_) => 488,
        }
    }
}

/// A session description, as parsed or to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDescription {
    /// The o= line.
    pub origin: Origin,
    /// The address in o=.
    pub origin_address: IpAddr,
}

impl SessionDescription {
    /// Reads a body of type application/sdp.
    pub fn parse(_bytes: &[u8]) -> Result<Self, SdpRefusal> {
        Err(SdpRefusal::NoAudio)
    }

    /// Writes it as a body.
    pub fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// The description to offer one audio stream with.
pub fn offer(local: &LocalAudio) -> SessionDescription {
    SessionDescription { origin: local.origin, origin_address: local.address.ip() }
}

/// Answers an offer: the first audio stream we can speak is taken, the others are refused with port 0 in order.
pub fn answer(
    _offer: &SessionDescription,
    _local: &LocalAudio,
) -> Result<(SessionDescription, Negotiated), SdpRefusal> {
    Err(SdpRefusal::NoAudio)
}

/// Reads the answer to our offer.
pub fn accept_answer(
    _offer: &SessionDescription,
    _answer: &SessionDescription,
) -> Result<Negotiated, SdpRefusal> {
    Err(SdpRefusal::NoAudio)
}
