//! The sound of one leg: opened on the media plane, agreed by offer and answer (RFC 3264), connected, and closed
//! whatever happens. Knows no SIP message but the bodies.

use model::LegId;
use model::sound::Codec;
use ports::media::{LatchPolicy, MediaConnection, OpenLeg, PlaneOrder};
use ports::{LegSink, MediaError, MediaPlane};
use serde_json::{Value, json};
use sip::sdp::{self, LocalAudio, MediaDirection, Negotiated, Origin, SdpRefusal, SessionDescription};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The payload type under which we offer telephone events (RFC 4733); what everybody uses.
const DTMF_PAYLOAD_TYPE: u8 = 101;
/// Packet length that we ask for.
const PTIME_MS: u16 = 20;

/// How the sound of a leg is opened and described.
#[derive(Debug, Clone)]
pub(crate) struct SoundPolicy {
    /// What we speak, best first; never empty.
    pub(crate) codecs: Vec<Codec>,
    /// When a connected leg without packets is reported.
    pub(crate) silence_limit: Option<Duration>,
    /// The address to tell peers instead of the local one.
    pub(crate) advertised: Option<IpAddr>,
    /// Whether we know telephone events; without them digits are tones in the sound.
    pub(crate) telephone_events: bool,
    /// Sound goes to loopback addresses alone.
    pub(crate) loopback_only: bool,
}

/// Why there is no sound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SoundError {
    /// The peer's description does not do.
    #[error("{0}")]
    Refused(#[from] SdpRefusal),
    /// The peer described nothing.
    #[error("the far side gave no session description")]
    Missing,
    /// The peer's sound lives where ours must not go.
    #[error("the far side's sound is not on loopback")]
    NotLoopback,
    /// The media plane cannot.
    #[error("{0}")]
    Plane(#[from] MediaError),
}

/// The open sound of a leg.
pub(crate) struct LegSound {
    leg: LegId,
    media: Arc<dyn MediaPlane>,
    local: LocalAudio,
    /// Where the peer's signalling comes from.
    peer: IpAddr,
    offered: Option<SessionDescription>,
    connected: Option<MediaConnection>,
    loopback_only: bool,
}

impl LegSound {
    /// Opens a leg's sound at the local address `bind`, for a peer whose signalling comes from `peer`.
    pub(crate) fn open(
        media: &Arc<dyn MediaPlane>,
        leg: LegId,
        bind: IpAddr,
        peer: IpAddr,
        policy: &SoundPolicy,
        sink: Arc<dyn LegSink>,
    ) -> Result<Self, MediaError> {
        let codecs = spoken(&policy.codecs, media.abilities().codecs);
        if codecs.is_empty() {
            return Err(MediaError::Unsupported("any codec of this carrier"));
        }
        let open = OpenLeg { leg, bind, silence_limit: policy.silence_limit, sink };
        let mut address = media.open(open)?;
        if let Some(advertised) = policy.advertised {
            address.set_ip(advertised);
        }
        let session_id = session_id(leg);
        let local = LocalAudio {
            address,
            codecs,
            ptime_ms: PTIME_MS,
            dtmf_payload_type: policy.telephone_events.then_some(DTMF_PAYLOAD_TYPE),
            direction: MediaDirection::SendReceive,
            rtcp_mux: true,
            origin: Origin { session_id, version: 0 },
        };
        let media = Arc::clone(media);
        let loopback_only = policy.loopback_only;
        Ok(Self {
            leg,
            media,
            local,
            peer: peer.to_canonical(),
            offered: None,
            connected: None,
            loopback_only,
        })
    }

    /// Our offer, as a body.
    pub(crate) fn offer(&mut self) -> Vec<u8> {
        self.local.origin.version += 1;
        let offer = sdp::offer(&self.local);
        let body = offer.to_bytes();
        self.offered = Some(offer);
        body
    }

    /// Reads the answer to our last offer.
    pub(crate) fn read_answer(&self, body: &[u8]) -> Result<Negotiated, SoundError> {
        let offer = self.offered.as_ref().ok_or(SoundError::Missing)?;
        Ok(sdp::accept_answer(offer, &SessionDescription::parse(body)?)?)
    }

    /// Answers the peer's offer: the body to send, and what is agreed by it.
    pub(crate) fn answer(&mut self, offer: &[u8]) -> Result<(Vec<u8>, Negotiated), SoundError> {
        let offer = SessionDescription::parse(offer)?;
        self.local.origin.version += 1;
        let (answer, agreed) = sdp::answer(&offer, &self.local)?;
        Ok((answer.to_bytes(), agreed))
    }

    /// Sends and takes sound as agreed from now on; false if it is so already.
    pub(crate) fn connect(&mut self, agreed: &Negotiated) -> Result<bool, SoundError> {
        let connection = connection(agreed, self.peer);
        if self.loopback_only && connection.send && !connection.remote.ip().to_canonical().is_loopback() {
            return Err(SoundError::NotLoopback);
        }
        if self.connected.as_ref() == Some(&connection) {
            return Ok(false);
        }
        self.media.order(self.leg, PlaneOrder::Connect(connection.clone()))?;
        self.connected = Some(connection);
        Ok(true)
    }

    /// Whether sound was ever agreed and connected.
    pub(crate) const fn is_connected(&self) -> bool {
        self.connected.is_some()
    }

    /// What is agreed, for a person: one line, and what can be unfolded.
    pub(crate) fn describe(&self, agreed: &Negotiated) -> (String, Value) {
        let (codec, ptime_ms) = (sdp::encoding_name(agreed.codec), agreed.ptime_ms);
        let digits = match agreed.dtmf_payload_type {
            Some(payload_type) => format!("digits by RFC 4733 ({payload_type})"),
            None => "digits as tones".to_owned(),
        };
        let direction = match agreed.direction {
            MediaDirection::SendReceive => "sendrecv",
            MediaDirection::SendOnly => "sendonly",
            MediaDirection::ReceiveOnly => "recvonly",
            MediaDirection::Inactive => "inactive",
        };
        let (local, remote) = (self.local.address, agreed.remote);
        let line = format!("Agreed {codec} {ptime_ms} ms, {digits}, {direction}, {local} ↔ {remote}");
        let detail = json!({
            "codec": codec,
            "payloadType": agreed.payload_type,
            "ptimeMs": ptime_ms,
            "receivePayloadType": agreed.receive_payload_type,
            "dtmfPayloadType": agreed.dtmf_payload_type,
            "receiveDtmfPayloadType": agreed.receive_dtmf_payload_type,
            "direction": direction,
            "local": local.to_string(),
            "remote": remote.to_string(),
            "remoteRtcp": agreed.remote_rtcp.to_string(),
            "rtcpMux": agreed.rtcp_mux,
        });
        (line, detail)
    }
}

impl Drop for LegSound {
    fn drop(&mut self) {
        self.media.close(self.leg);
    }
}

/// Whether an offer could be answered at all, before anybody is asked to take the call.
pub(crate) fn check_offer(offer: &[u8], codecs: &[Codec]) -> Result<(), SdpRefusal> {
    let probe = LocalAudio {
        address: ([127, 0, 0, 1], 9).into(),
        codecs: codecs.to_vec(),
        ptime_ms: PTIME_MS,
        dtmf_payload_type: Some(DTMF_PAYLOAD_TYPE),
        direction: MediaDirection::SendReceive,
        rtcp_mux: true,
        origin: Origin { session_id: 0, version: 0 },
    };
    sdp::answer(&SessionDescription::parse(offer)?, &probe).map(|_| ())
}

/// What of the codecs wanted the media plane does, in the order wanted.
fn spoken(wanted: &[Codec], able: &[Codec]) -> Vec<Codec> {
    wanted.iter().copied().filter(|codec| able.contains(codec)).collect()
}

/// What the media plane is told of an agreement.
fn connection(agreed: &Negotiated, peer: IpAddr) -> MediaConnection {
    let sendable = !agreed.remote.ip().is_unspecified() && agreed.remote.port() != 0;
    let (send, receive) = match agreed.direction {
        MediaDirection::SendReceive => (true, true),
        MediaDirection::SendOnly => (true, false),
        MediaDirection::ReceiveOnly => (false, true),
        MediaDirection::Inactive => (false, false),
    };
    MediaConnection {
        remote: agreed.remote,
        remote_rtcp: (!agreed.rtcp_mux).then_some(agreed.remote_rtcp),
        latch: latch_policy(agreed.remote.ip().to_canonical(), peer),
        codec: agreed.codec,
        payload_type: agreed.payload_type,
        receive_payload_type: agreed.receive_payload_type,
        dtmf_payload_type: agreed.dtmf_payload_type,
        receive_dtmf_payload_type: agreed.receive_dtmf_payload_type,
        comfort_noise_payload_type: None,
        srtp: None,
        ptime_ms: u8::try_from(agreed.ptime_ms)
            .ok()
            .filter(|ms| [10, 20, 30, 40, 60].contains(ms))
            .unwrap_or(20),
        send: send && sendable,
        receive,
    }
}

/// Whom to believe: a peer's description, unless it names an address that means something in the peer's own network
/// only, while the peer itself is seen to be elsewhere: then it sits behind address translation.
fn latch_policy(described: IpAddr, peer: IpAddr) -> LatchPolicy {
    if described == peer || is_routable(described) { LatchPolicy::Strict } else { LatchPolicy::Nat }
}

/// Whether an address means the same machine everywhere, as far as address translation goes: not private (RFC 1918,
/// RFC 4193), shared (RFC 6598), link-local or loopback. The unspecified address of a peer on hold names nobody.
const fn is_routable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && second & 0b1100_0000 == 64;
            !(v4.is_private() || shared || v4.is_link_local() || v4.is_loopback())
        }
        IpAddr::V6(v6) => !(v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback()),
    }
}

/// A number for the o= line that stays for the whole leg and that every peer can read.
fn session_id(leg: LegId) -> u64 {
    let bits = leg.call.uuid().as_u128();
    let low = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
    (low ^ u64::from(leg.ordinal)) >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_believed_unless_its_address_is_of_the_peers_own_network() {
        let check = |described: &str, peer: &str, wanted: LatchPolicy| {
            let got = latch_policy(described.parse().unwrap(), peer.parse().unwrap());
            assert_eq!(got, wanted, "{described} described by {peer}");
        };
        check("203.0.113.9", "203.0.113.9", LatchPolicy::Strict);
        check("198.51.100.1", "203.0.113.9", LatchPolicy::Strict);
        check("127.0.0.1", "127.0.0.1", LatchPolicy::Strict);
        check("10.0.0.7", "10.0.0.7", LatchPolicy::Strict);
        check("2001:db8::1", "203.0.113.9", LatchPolicy::Strict);
        check("0.0.0.0", "203.0.113.9", LatchPolicy::Strict);
        for private in [
            "10.0.0.7",
            "172.20.1.1",
            "192.168.1.2",
            "100.64.0.1",
            "100.127.255.1",
            "169.254.1.1",
            "127.0.0.1",
        ] {
            check(private, "203.0.113.9", LatchPolicy::Nat);
        }
        check("192.168.1.2", "192.168.1.3", LatchPolicy::Nat);
        check("fd00::1", "2001:db8::1", LatchPolicy::Nat);
        check("fe80::1", "2001:db8::1", LatchPolicy::Nat);
        check("100.128.0.1", "203.0.113.9", LatchPolicy::Strict);
    }
}
