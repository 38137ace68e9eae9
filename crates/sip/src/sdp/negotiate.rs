//! Offer and answer (RFC 3264) for one audio stream over RTP/AVP. Pure: the same descriptions give the same result.

use super::codec::{self, Codec};
use super::description::{Attribute, Media, Origin, SessionDescription};
use super::{MediaDirection, SdpRefusal};
use std::net::SocketAddr;

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

/// The packet lengths we send, in ms; what a peer asks beyond is brought within.
const PTIME_RANGE_MS: std::ops::RangeInclusive<u16> = 10..=60;
/// When nobody names one (RFC 3551 §4.2).
const PTIME_DEFAULT_MS: u16 = 20;

/// The description to offer one audio stream with.
pub fn offer(local: &LocalAudio) -> SessionDescription {
    let codecs: Vec<(Codec, u8)> =
        local.codecs.iter().map(|codec| (*codec, codec::row(*codec).preferred_payload_type)).collect();
    let media = local_media(local, &codecs, local.dtmf_payload_type, local.direction, local.rtcp_mux);
    describe(local, vec![media])
}

/// Answers an offer: the first audio stream that speaks a codec of ours is taken, with the codec the offerer prefers
/// among ours; all other streams are refused with port 0, in order.
pub fn answer(
    offer: &SessionDescription,
    local: &LocalAudio,
) -> Result<(SessionDescription, Negotiated), SdpRefusal> {
    let mut refusal = SdpRefusal::NoAudio;
    let mut taken = None;
    for (index, media) in offer.media.iter().enumerate().filter(|(_, media)| is_usable(media)) {
        match choose(media, &local.codecs) {
            Some((codec, payload_type)) => {
                taken = Some((index, media, codec, payload_type));
                break;
            }
            None => refusal = SdpRefusal::NoCommonCodec,
        }
    }
    let (index, theirs, codec, payload_type) = taken.ok_or(refusal)?;
    let agreed = Agreed {
        codec,
        payload_type,
        receive_payload_type: payload_type,
        dtmf: local.dtmf_payload_type.and_then(|_| dtmf_of(theirs, codec)),
        receive_dtmf: None,
        rtcp_mux: local.rtcp_mux && theirs.has("rtcp-mux"),
    };
    let agreed = Agreed { receive_dtmf: agreed.dtmf, ..agreed };
    let negotiated = agreed.negotiated(offer, theirs, local.direction)?;
    // RFC 3264 §6.1: sendonly is answered recvonly at most, and so on.
    let direction = local.direction.with_peer(offer.direction_of(theirs));
    let ours = local_media(local, &[(codec, payload_type)], agreed.dtmf, direction, agreed.rtcp_mux);
    let media = offer.media.iter().enumerate().map(|(at, other)| match at == index {
        true => ours.clone(),
        false => refused(other),
    });
    Ok((describe(local, media.collect()), negotiated))
}

/// Reads the answer to our offer, which has one stream.
pub fn accept_answer(
    offer: &SessionDescription,
    answer: &SessionDescription,
) -> Result<Negotiated, SdpRefusal> {
    let ours = offer.media.first().ok_or(SdpRefusal::AnswerMismatch("nothing was offered"))?;
    let theirs = answer.media.first().ok_or(SdpRefusal::AnswerMismatch("fewer streams than offered"))?;
    if !theirs.kind.eq_ignore_ascii_case(&ours.kind) {
        return Err(SdpRefusal::AnswerMismatch("another kind of stream"));
    }
    if !is_usable(theirs) {
        return Err(SdpRefusal::NoAudio);
    }
    let offered: Vec<Codec> = ours.payload_types().filter_map(|number| codec_of(ours, number)).collect();
    let (codec, payload_type) = choose(theirs, &offered).ok_or(SdpRefusal::NoCommonCodec)?;
    let receive_payload_type =
        ours.payload_types().find(|number| codec_of(ours, *number) == Some(codec)).unwrap_or(payload_type);
    let receive_dtmf = dtmf_of(ours, codec);
    let dtmf = receive_dtmf.and_then(|_| dtmf_of(theirs, codec));
    let agreed = Agreed {
        codec,
        payload_type,
        receive_payload_type,
        dtmf,
        receive_dtmf: receive_dtmf.filter(|_| dtmf.is_some()),
        rtcp_mux: ours.has("rtcp-mux") && theirs.has("rtcp-mux"),
    };
    agreed.negotiated(answer, theirs, offer.direction_of(ours))
}

/// What the formats agree on, before addresses and directions.
#[derive(Clone, Copy)]
struct Agreed {
    codec: Codec,
    payload_type: u8,
    receive_payload_type: u8,
    dtmf: Option<u8>,
    receive_dtmf: Option<u8>,
    rtcp_mux: bool,
}

impl Agreed {
    fn negotiated(
        self,
        theirs: &SessionDescription,
        media: &Media,
        our_direction: MediaDirection,
    ) -> Result<Negotiated, SdpRefusal> {
        let address = theirs.address_of(media).ok_or(SdpRefusal::NoAddress)?;
        let remote = SocketAddr::new(address, media.port);
        let mut direction = our_direction.with_peer(theirs.direction_of(media));
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
            ptime_ms: ptime_of(media),
            direction,
            rtcp_mux: self.rtcp_mux,
        })
    }
}

fn is_usable(media: &Media) -> bool {
    media.kind.eq_ignore_ascii_case("audio")
        && media.port != 0
        && media.protocol.eq_ignore_ascii_case("RTP/AVP")
}

/// The codec a payload type of this stream means; a static one may go without rtpmap.
fn codec_of(media: &Media, payload_type: u8) -> Option<Codec> {
    match media.rtpmap(payload_type) {
        Some(map) => codec::from_rtpmap(map.name, map.clock_hz, map.channels),
        None => codec::from_static(payload_type),
    }
}

/// The first format of the stream that is one of these codecs.
fn choose(media: &Media, codecs: &[Codec]) -> Option<(Codec, u8)> {
    media.payload_types().find_map(|number| {
        let codec = codec_of(media, number).filter(|codec| codecs.contains(codec))?;
        Some((codec, number))
    })
}

/// telephone-event at the codec's clock (RFC 4733 §2.5.1.1).
fn dtmf_of(media: &Media, codec: Codec) -> Option<u8> {
    media.payload_types().find(|number| {
        media.rtpmap(*number).is_some_and(|map| {
            map.name.eq_ignore_ascii_case("telephone-event") && map.clock_hz == codec.rtp_clock_hz()
        })
    })
}

fn ptime_of(media: &Media) -> u16 {
    let number = |name| media.attribute(name).and_then(|value| value.parse::<u16>().ok());
    let wanted = number("ptime").unwrap_or(PTIME_DEFAULT_MS);
    let allowed = number("maxptime").map_or(wanted, |max| wanted.min(max));
    // Packets are made of 10 ms of sound.
    allowed.clamp(*PTIME_RANGE_MS.start(), *PTIME_RANGE_MS.end()) / 10 * 10
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

fn refused(media: &Media) -> Media {
    let (kind, protocol, formats) = (media.kind.clone(), media.protocol.clone(), media.formats.clone());
    Media { kind, port: 0, protocol, formats, address: None, attributes: Vec::new() }
}

fn describe(local: &LocalAudio, media: Vec<Media>) -> SessionDescription {
    let address = local.address.ip().to_string();
    SessionDescription {
        origin: local.origin,
        origin_address: address.clone(),
        address: Some(address),
        attributes: Vec::new(),
        media,
    }
}

fn local_media(
    local: &LocalAudio,
    codecs: &[(Codec, u8)],
    dtmf: Option<u8>,
    direction: MediaDirection,
    rtcp_mux: bool,
) -> Media {
    let mut formats = Vec::new();
    let mut attributes = Vec::new();
    for (codec, payload_type) in codecs {
        let row = codec::row(*codec);
        let channels = if row.channels == 1 { String::new() } else { format!("/{}", row.channels) };
        formats.push(payload_type.to_string());
        let map = format!("{payload_type} {}/{}{channels}", row.name, codec.rtp_clock_hz());
        attributes.push(Attribute::with("rtpmap", map));
    }
    if let (Some(payload_type), Some((codec, _))) = (dtmf, codecs.first()) {
        formats.push(payload_type.to_string());
        let map = format!("{payload_type} telephone-event/{}", codec.rtp_clock_hz());
        attributes.push(Attribute::with("rtpmap", map));
        attributes.push(Attribute::with("fmtp", format!("{payload_type} 0-15")));
    }
    attributes.push(Attribute::with("ptime", local.ptime_ms.to_string()));
    attributes.push(Attribute::flag(direction.as_str()));
    if rtcp_mux {
        attributes.push(Attribute::flag("rtcp-mux"));
    }
    let (kind, protocol) = ("audio".to_owned(), "RTP/AVP".to_owned());
    Media { kind, port: local.address.port(), protocol, formats, address: None, attributes }
}

#[cfg(test)]
#[path = "negotiate_tests.rs"]
mod tests;
