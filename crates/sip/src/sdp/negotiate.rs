//! Offer and answer (RFC 3264) for one audio stream, in the clear or encrypted. Pure: the same descriptions give the
//! same result.

use super::codec::Codec;
use super::description::{Media, SessionDescription};
use super::formats::{comfort_noise_of, common, dtmf_of, ptime_of};
use super::local::{Formats, LocalAudio, describe, refused, stream};
use super::{MediaDirection, SdpRefusal, crypto};
use model::srtp::SrtpKeys;
use std::net::{IpAddr, SocketAddr};

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Payload type of comfort noise, both ways.
    pub comfort_noise_payload_type: Option<u8>,
    /// Packet length to send, in ms.
    pub ptime_ms: u16,
    /// What we may do.
    pub direction: MediaDirection,
    /// Whether the peer holds: it does not listen.
    pub held: bool,
    /// RTCP on the RTP port.
    pub rtcp_mux: bool,
    /// Keys, where sound is encrypted.
    pub srtp: Option<SrtpKeys>,
}

/// Answers an offer: the first audio stream that fits is taken, with the codec the offerer prefers among ours, or we
/// among theirs; all other streams are refused with port 0, in order (RFC 3264 §6).
pub fn answer(
    offer: &SessionDescription,
    local: &LocalAudio,
) -> Result<(SessionDescription, Negotiated), SdpRefusal> {
    let mut refusal = SdpRefusal::NoAudio;
    for (index, theirs) in offer.media.iter().enumerate().filter(|(_, media)| is_usable(media)) {
        match answer_stream(offer, theirs, local) {
            Ok((ours, negotiated)) => {
                let media = offer.media.iter().enumerate().map(|(at, other)| match at == index {
                    true => ours.clone(),
                    false => refused(other),
                });
                return Ok((describe(local, media.collect()), negotiated));
            }
            // The reason of the first stream of sound is what the offerer should hear.
            Err(why) if refusal == SdpRefusal::NoAudio => refusal = why,
            Err(_) => {}
        }
    }
    Err(refusal)
}

fn answer_stream(
    offer: &SessionDescription,
    theirs: &Media,
    local: &LocalAudio,
) -> Result<(Media, Negotiated), SdpRefusal> {
    let common = common(theirs, &local.codecs);
    let ours_first = || local.codecs.iter().find_map(|codec| common.iter().find(|(other, _)| other == codec));
    let chosen = if local.prefer_ours { ours_first() } else { common.first() };
    let (codec, payload_type) = *chosen.ok_or(SdpRefusal::NoCommonCodec)?;
    let encrypted = crypto::answer(theirs, &local.srtp_keys, local.srtp)?;
    let (srtp, key_line) = encrypted.unzip();
    let dtmf = local.dtmf_payload_type.and_then(|_| dtmf_of(theirs, codec));
    let comfort_noise = comfort_noise_of(theirs, codec).filter(|_| local.comfort_noise);
    let agreed = Agreed {
        codec,
        payload_type,
        receive_payload_type: payload_type,
        dtmf,
        receive_dtmf: dtmf,
        comfort_noise,
        rtcp_mux: local.rtcp_mux && theirs.has("rtcp-mux"),
        srtp,
    };
    // RFC 3264 §6.1: sendonly is answered recvonly at most, and so on.
    let direction = local.direction.with_peer(offer.direction_of(theirs));
    let dtmf: Vec<(u8, u32)> = dtmf.map(|number| (number, codec.rtp_clock_hz())).into_iter().collect();
    let formats = Formats { codecs: &[(codec, payload_type)], dtmf: &dtmf, comfort_noise };
    let keys = key_line.into_iter().collect();
    let ours = stream(local, &formats, &theirs.protocol, direction, agreed.rtcp_mux, keys);
    let negotiated = agreed.negotiated(offer, theirs, local.direction, Some(local.address.ip()))?;
    Ok((ours, negotiated))
}

/// Reads the answer to our offer, whose streams but one were refused before.
pub fn accept_answer(
    offer: &SessionDescription,
    answer: &SessionDescription,
) -> Result<Negotiated, SdpRefusal> {
    let switched_on = |media: &Media| media.port != 0;
    let index = offer.media.iter().position(switched_on);
    let index = index.ok_or(SdpRefusal::AnswerMismatch("nothing was offered"))?;
    let ours = offer.media.get(index).ok_or(SdpRefusal::AnswerMismatch("nothing was offered"))?;
    let theirs = answer.media.get(index).ok_or(SdpRefusal::AnswerMismatch("fewer streams than offered"))?;
    if !theirs.kind.eq_ignore_ascii_case(&ours.kind) {
        return Err(SdpRefusal::AnswerMismatch("another kind of stream"));
    }
    if !is_usable(theirs) {
        return Err(SdpRefusal::NoAudio);
    }
    let offered = common(ours, &Codec::ALL);
    let codecs: Vec<Codec> = offered.iter().map(|(codec, _)| *codec).collect();
    let (codec, payload_type) = *common(theirs, &codecs).first().ok_or(SdpRefusal::NoCommonCodec)?;
    let receive_payload_type =
        offered.iter().find(|(other, _)| *other == codec).map_or(payload_type, |(_, number)| *number);
    let receive_dtmf = dtmf_of(ours, codec);
    let dtmf = receive_dtmf.and_then(|_| dtmf_of(theirs, codec));
    let agreed = Agreed {
        codec,
        payload_type,
        receive_payload_type,
        dtmf,
        receive_dtmf: receive_dtmf.filter(|_| dtmf.is_some()),
        comfort_noise: comfort_noise_of(ours, codec).and_then(|_| comfort_noise_of(theirs, codec)),
        rtcp_mux: ours.has("rtcp-mux") && theirs.has("rtcp-mux"),
        srtp: crypto::accept(theirs, ours)?,
    };
    agreed.negotiated(answer, theirs, offer.direction_of(ours), offer.address_of(ours))
}

/// What the formats agree on, before addresses and directions.
struct Agreed {
    codec: Codec,
    payload_type: u8,
    receive_payload_type: u8,
    dtmf: Option<u8>,
    receive_dtmf: Option<u8>,
    comfort_noise: Option<u8>,
    rtcp_mux: bool,
    srtp: Option<SrtpKeys>,
}

impl Agreed {
    fn negotiated(
        self,
        theirs: &SessionDescription,
        media: &Media,
        our_direction: MediaDirection,
        our_address: Option<IpAddr>,
    ) -> Result<Negotiated, SdpRefusal> {
        let address = theirs.address_of(media).ok_or(SdpRefusal::NoAddress)?;
        let is_v4 = |address: IpAddr| address.to_canonical().is_ipv4();
        let reachable = our_address.is_none_or(|ours| is_v4(ours) == is_v4(address));
        if !reachable && !address.is_unspecified() {
            return Err(SdpRefusal::AddressFamily);
        }
        let remote = SocketAddr::new(address, media.port);
        let their_direction = theirs.direction_of(media);
        let mut direction = our_direction.with_peer(their_direction);
        if address.is_unspecified() {
            // Hold as RFC 2543 did it: nobody listens at 0.0.0.0, so nothing is sent there.
            direction = MediaDirection::of(false, direction.receives());
        }
        Ok(Negotiated {
            remote,
            remote_rtcp: rtcp_address(media, remote, self.rtcp_mux),
            codec: self.codec,
            payload_type: self.payload_type,
            receive_payload_type: self.receive_payload_type,
            dtmf_payload_type: self.dtmf,
            receive_dtmf_payload_type: self.receive_dtmf,
            comfort_noise_payload_type: self.comfort_noise,
            ptime_ms: ptime_of(media, self.codec),
            direction,
            held: address.is_unspecified() || !their_direction.receives(),
            rtcp_mux: self.rtcp_mux,
            srtp: self.srtp,
        })
    }
}

fn is_usable(media: &Media) -> bool {
    media.kind.eq_ignore_ascii_case("audio")
        && media.port != 0
        && (crypto::is_clear(&media.protocol) || crypto::is_encrypted(&media.protocol))
}

/// `a=rtcp:<port> [IN IP4 <address>]` (RFC 3605), else the port above RTP's, or RTP's own with rtcp-mux.
fn rtcp_address(media: &Media, rtp: SocketAddr, mux: bool) -> SocketAddr {
    if mux {
        return rtp;
    }
    let mut words = media.attribute("rtcp").unwrap_or_default().split_ascii_whitespace();
    let port = words.next().and_then(|port| port.parse().ok()).unwrap_or(rtp.port().saturating_add(1));
    let ip = words.nth(2).and_then(|address| address.parse().ok()).unwrap_or(rtp.ip());
    SocketAddr::new(ip, port)
}

#[cfg(test)]
#[path = "negotiate_tests.rs"]
mod tests;
