//! The sound of one leg: opened on the media plane, agreed by offer and answer (RFC 3264), connected, and closed
//! whatever happens. Knows no SIP message but the bodies.

use crate::agent::socket::address_towards;
use model::LegId;
use model::sound::Codec;
use model::srtp::{SrtpKey, SrtpPolicy, SrtpSuite};
use ports::media::{LatchPolicy, MediaAbilities, MediaConnection, OpenLeg, PlaneOrder};
use ports::{LegSink, MediaError, MediaPlane};
use serde_json::{Value, json};
use sip::sdp::{self, LocalAudio, MediaDirection, Negotiated, Origin, SdpRefusal, SessionDescription};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// The payload type under which we offer telephone events (RFC 4733); what everybody uses.
const DTMF_PAYLOAD_TYPE: u8 = 101;

/// How the sound of a leg is opened and described.
#[derive(Debug, Clone)]
pub(crate) struct SoundPolicy {
    /// What we speak, best first; never empty.
    pub(crate) codecs: Vec<Codec>,
    /// Whether an offer is answered by that order, instead of the offerer's.
    pub(crate) prefer_ours: bool,
    /// When a connected leg without packets is reported.
    pub(crate) silence_limit: Option<Duration>,
    /// The address to tell peers instead of the local one.
    pub(crate) advertised: Option<IpAddr>,
    /// Whether we know telephone events; without them digits are tones in the sound.
    pub(crate) telephone_events: bool,
    /// Sound goes to loopback addresses alone.
    pub(crate) loopback_only: bool,
    /// Whether sound is encrypted.
    pub(crate) srtp: SrtpPolicy,
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
    /// We are told by another address to each peer: that of the route to it.
    named_by_route: bool,
    /// Our last word: what the next one is a change of.
    said: Option<SessionDescription>,
    /// Our last offer.
    offered: Option<SessionDescription>,
    connected: Option<MediaConnection>,
    loopback_only: bool,
}

impl LegSound {
    /// Opens a leg's sound at the local address `bind`, for a peer whose signalling comes from `peer`. Where that is none in
    /// particular, sound is at the address of the route to whoever it is aimed at.
    pub(crate) fn open(
        media: &Arc<dyn MediaPlane>,
        leg: LegId,
        bind: IpAddr,
        peer: IpAddr,
        policy: &SoundPolicy,
        sink: Arc<dyn LegSink>,
    ) -> Result<Self, MediaError> {
        let abilities = media.abilities();
        let codecs = spoken(&policy.codecs, abilities.codecs);
        if codecs.is_empty() {
            return Err(MediaError::Unsupported("any codec of this carrier"));
        }
        let srtp = encryption(policy.srtp, abilities)?;
        let srtp_keys = if srtp == SrtpPolicy::Off { Vec::new() } else { fresh_keys()? };
        let open = OpenLeg { leg, bind, silence_limit: policy.silence_limit, sink };
        let mut address = media.open(open)?;
        if let Some(advertised) = policy.advertised {
            address.set_ip(advertised);
        }
        let session_id = session_id(leg);
        let local = LocalAudio {
            dtmf_payload_type: policy.telephone_events.then_some(DTMF_PAYLOAD_TYPE),
            comfort_noise: abilities.comfort_noise,
            prefer_ours: policy.prefer_ours,
            srtp,
            srtp_keys,
            ..LocalAudio::new(address, codecs, Origin::new(session_id))
        };
        let media = Arc::clone(media);
        let loopback_only = policy.loopback_only;
        let mut sound = Self {
            leg,
            media,
            local,
            peer: peer.to_canonical(),
            named_by_route: bind.is_unspecified() && policy.advertised.is_none(),
            said: None,
            offered: None,
            connected: None,
            loopback_only,
        };
        sound.name_by_route();
        Ok(sound)
    }

    /// The peer's signalling comes from there now; where it came from before.
    pub(crate) fn aim(&mut self, peer: IpAddr) -> IpAddr {
        let before = std::mem::replace(&mut self.peer, peer.to_canonical());
        if self.peer != before {
            self.name_by_route();
        }
        before
    }

    fn name_by_route(&mut self) {
        if self.named_by_route
            && let Ok(address) = address_towards(SocketAddr::new(self.peer, 9))
        {
            self.local.address.set_ip(address);
        }
    }

    /// Our offer to somebody who has heard nothing of us yet, as a body.
    pub(crate) fn offer_anew(&mut self) -> Vec<u8> {
        self.said = None;
        self.offer()
    }

    /// Our offer, as a body.
    pub(crate) fn offer(&mut self) -> Vec<u8> {
        let offer = match &self.said {
            Some(said) => sdp::reoffer(&self.local, said).after(Some(said)),
            None => sdp::offer(&self.local),
        };
        let body = offer.to_bytes();
        self.said = Some(offer.clone());
        self.offered = Some(offer);
        body
    }

    /// Our offer to hold the peer (we send, and do not listen), or to go on.
    pub(crate) fn offer_hold(&mut self, hold: bool) -> Vec<u8> {
        self.hold(hold);
        self.offer()
    }

    /// From our next description on the peer is asked to send nothing, or to send again.
    pub(crate) const fn hold(&mut self, hold: bool) {
        self.local.direction = if hold { MediaDirection::SendOnly } else { MediaDirection::SendReceive };
    }

    /// Reads the answer to our last offer.
    pub(crate) fn read_answer(&self, body: &[u8]) -> Result<Negotiated, SoundError> {
        let offer = self.offered.as_ref().ok_or(SoundError::Missing)?;
        Ok(sdp::accept_answer(offer, &SessionDescription::parse(body)?)?)
    }

    /// Answers the peer's offer: the body to send, and what is agreed by it.
    pub(crate) fn answer(&mut self, offer: &[u8]) -> Result<(Vec<u8>, Negotiated), SoundError> {
        let offer = SessionDescription::parse(offer)?;
        let (answer, agreed) = sdp::answer(&offer, &self.local)?;
        let answer = answer.after(self.said.as_ref());
        let body = answer.to_bytes();
        self.said = Some(answer);
        Ok((body, agreed))
    }

    /// The same of somebody who has heard nothing of us yet.
    pub(crate) fn answer_anew(&mut self, offer: &[u8]) -> Result<(Vec<u8>, Negotiated), SoundError> {
        let said = self.said.take();
        let answered = self.answer(offer);
        if answered.is_err() {
            self.said = said;
        }
        answered
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
        self.keep_payload_type(agreed);
        Ok(true)
    }

    /// A payload type keeps its meaning as long as the session lasts (RFC 3264 §8.3.2).
    fn keep_payload_type(&mut self, agreed: &Negotiated) {
        let known = &mut self.local.payload_types;
        if known.iter().all(|(codec, _)| *codec != agreed.codec) {
            known.push((agreed.codec, agreed.receive_payload_type));
        }
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
        let direction = agreed.direction.as_str();
        let (local, remote) = (self.local.address, agreed.remote);
        let suite = agreed.srtp.as_ref().map(|keys| keys.send.suite().name());
        let encrypted = suite.map(|suite| format!(", encrypted ({suite})")).unwrap_or_default();
        let line =
            format!("Agreed {codec} {ptime_ms} ms, {digits}, {direction}{encrypted}, {local} ↔ {remote}");
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
            "comfortNoisePayloadType": agreed.comfort_noise_payload_type,
            "srtp": suite,
            "held": agreed.held,
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
pub(crate) fn check_offer(offer: &[u8], codecs: &[Codec], srtp: SrtpPolicy) -> Result<(), SdpRefusal> {
    let offer = SessionDescription::parse(offer)?;
    // The keys are never used: only whether a suite is in common matters here.
    let key = |suite| SrtpKey::new(suite, [0; 30].split_at(SrtpKey::len_of(suite)).0).ok();
    let srtp_keys = SrtpSuite::ALL.into_iter().filter_map(key).collect();
    let check = |address: SocketAddr| {
        let local = LocalAudio::new(address, codecs.to_vec(), Origin::new(0));
        sdp::answer(&offer, &LocalAudio { srtp, srtp_keys: Vec::clone(&srtp_keys), ..local }).map(|_| ())
    };
    // Of which IP version our sound will be, is not known yet.
    let v4 = check((Ipv4Addr::LOCALHOST, 9).into());
    if v4 == Err(SdpRefusal::AddressFamily) { check((Ipv6Addr::LOCALHOST, 9).into()) } else { v4 }
}

/// What of the encryption wanted the media plane does.
fn encryption(wanted: SrtpPolicy, abilities: MediaAbilities) -> Result<SrtpPolicy, MediaError> {
    match wanted {
        SrtpPolicy::Required if !abilities.srtp => Err(MediaError::Unsupported("encryption")),
        SrtpPolicy::Optional if !abilities.srtp => Ok(SrtpPolicy::Off),
        wanted => Ok(wanted),
    }
}

/// A key for each suite that we offer, best first.
fn fresh_keys() -> Result<Vec<SrtpKey>, MediaError> {
    let key = |suite| {
        let mut octets = [0; 30];
        let octets = octets.split_at_mut(SrtpKey::len_of(suite)).0;
        getrandom::fill(octets).map_err(|_| MediaError::Unsupported("encryption: no random octets"))?;
        SrtpKey::new(suite, octets).map_err(|_| MediaError::Unsupported("encryption: a malformed key"))
    };
    SrtpSuite::ALL.into_iter().map(key).collect()
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
        comfort_noise_payload_type: agreed.comfort_noise_payload_type,
        srtp: agreed.srtp.clone(),
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
#[path = "sound_tests.rs"]
mod tests;
