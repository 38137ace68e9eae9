//! Our end of the audio stream, and its description: the offers we make and the stream we answer with.

use super::MediaDirection;
use super::codec::{self, Codec};
use super::crypto;
use super::description::{Attribute, Media, Origin, SessionDescription};
use super::formats::COMFORT_NOISE;
use model::srtp::{SrtpKey, SrtpPolicy};
use std::net::SocketAddr;

/// Our end of the audio stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalAudio {
    /// Where we receive RTP.
    pub address: SocketAddr,
    /// What we speak, best first; must not be empty.
    pub codecs: Vec<Codec>,
    /// Whether an offer is answered by our order of codecs instead of the offerer's.
    pub prefer_ours: bool,
    /// The packet length we ask for, in ms.
    pub ptime_ms: u16,
    /// Payload type of telephone-event/8000 when we offer it (96..=126); the next one is that of
    /// telephone-event/48000. None: no DTMF by RTP.
    pub dtmf_payload_type: Option<u8>,
    /// Whether we know comfort noise (RFC 3389).
    pub comfort_noise: bool,
    /// What we want.
    pub direction: MediaDirection,
    /// Whether we can receive RTCP on the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// Whether sound is encrypted.
    pub srtp: SrtpPolicy,
    /// What we encrypt with, one key a suite, best first; the same as long as the session lasts.
    pub srtp_keys: Vec<SrtpKey>,
    /// What payload types stand for since an earlier description of the session: they keep their meaning
    /// (RFC 3264 §8.3.2).
    pub payload_types: Vec<(Codec, u8)>,
    /// The o= line.
    pub origin: Origin,
}

/// The formats of a stream of ours.
pub(super) struct Formats<'a> {
    pub(super) codecs: &'a [(Codec, u8)],
    /// Payload type and clock of telephone-event.
    pub(super) dtmf: &'a [(u8, u32)],
    pub(super) comfort_noise: Option<u8>,
}

impl LocalAudio {
    /// Sound in the clear, both ways, with telephone events under 101, RTCP beside RTP, and packets of 20 ms.
    pub fn new(address: SocketAddr, codecs: Vec<Codec>, origin: Origin) -> Self {
        Self {
            address,
            codecs,
            prefer_ours: false,
            ptime_ms: 20,
            dtmf_payload_type: Some(101),
            comfort_noise: false,
            direction: MediaDirection::SendReceive,
            rtcp_mux: true,
            srtp: SrtpPolicy::Off,
            srtp_keys: Vec::new(),
            payload_types: Vec::new(),
            origin,
        }
    }

    /// The payload type to offer a codec with: what it had in this session, else the usual, unless that is taken.
    fn payload_type(&self, codec: Codec) -> u8 {
        let known =
            |codec: Codec| self.payload_types.iter().find(|(known, _)| *known == codec).map(|(_, it)| *it);
        let is_free = |number: &u8| {
            let events = self.dtmf_payload_type.is_some_and(|first| *number == first || *number == first + 1);
            !events && self.payload_types.iter().all(|(_, taken)| taken != number)
        };
        let usual = codec::row(codec).preferred_payload_type;
        known(codec)
            .or_else(|| Some(usual).filter(is_free))
            .or_else(|| (96..127).find(is_free))
            .unwrap_or(usual)
    }
}

/// The description to offer one audio stream with.
pub fn offer(local: &LocalAudio) -> SessionDescription {
    describe(local, vec![offered(local)])
}

/// The description to change a session with, of which `previous` is our last word: its streams keep their places
/// (RFC 3264 §8), those that were refused stay so.
pub fn reoffer(local: &LocalAudio, previous: &SessionDescription) -> SessionDescription {
    let ours = previous.media.iter().position(|media| media.port != 0).unwrap_or(0);
    let media = previous.media.iter().enumerate().map(|(at, other)| match at == ours {
        true => offered(local),
        false => refused(other),
    });
    let media: Vec<Media> = media.collect();
    describe(local, if media.is_empty() { vec![offered(local)] } else { media })
}

fn offered(local: &LocalAudio) -> Media {
    let codecs: Vec<(Codec, u8)> =
        local.codecs.iter().map(|codec| (*codec, local.payload_type(*codec))).collect();
    let clocks = [8_000, 48_000].into_iter();
    let spoken = clocks.filter(|clock| codecs.iter().any(|(codec, _)| codec.rtp_clock_hz() == *clock));
    let number = |clock_hz: u32| local.dtmf_payload_type.map(|first| first + u8::from(clock_hz == 48_000));
    let dtmf: Vec<(u8, u32)> = spoken.filter_map(|clock_hz| Some((number(clock_hz)?, clock_hz))).collect();
    let speaks_8k = codecs.iter().any(|(codec, _)| codec.rtp_clock_hz() == 8_000);
    let comfort_noise = (local.comfort_noise && speaks_8k).then_some(COMFORT_NOISE);
    let formats = Formats { codecs: &codecs, dtmf: &dtmf, comfort_noise };
    let protocol = if local.srtp == SrtpPolicy::Required { "RTP/SAVP" } else { "RTP/AVP" };
    let keys: &[SrtpKey] = if local.srtp == SrtpPolicy::Off { &[] } else { &local.srtp_keys };
    stream(local, &formats, protocol, local.direction, local.rtcp_mux, crypto::offer(keys).collect())
}

/// A stream of ours with its attributes.
pub(super) fn stream(
    local: &LocalAudio,
    formats: &Formats<'_>,
    protocol: &str,
    direction: MediaDirection,
    rtcp_mux: bool,
    keys: Vec<Attribute>,
) -> Media {
    let mut numbers = Vec::new();
    let mut attributes = Vec::new();
    for (codec, payload_type) in formats.codecs {
        let row = codec::row(*codec);
        let channels = if row.channels == 1 { String::new() } else { format!("/{}", row.channels) };
        numbers.push(payload_type.to_string());
        let map = format!("{payload_type} {}/{}{channels}", row.name, codec.rtp_clock_hz());
        attributes.push(Attribute::with("rtpmap", map));
        if let Some(parameters) = row.parameters {
            attributes.push(Attribute::with("fmtp", format!("{payload_type} {parameters}")));
        }
    }
    if let Some(payload_type) = formats.comfort_noise {
        numbers.push(payload_type.to_string());
        attributes.push(Attribute::with("rtpmap", format!("{payload_type} CN/8000")));
    }
    for (payload_type, clock_hz) in formats.dtmf {
        numbers.push(payload_type.to_string());
        attributes.push(Attribute::with("rtpmap", format!("{payload_type} telephone-event/{clock_hz}")));
        attributes.push(Attribute::with("fmtp", format!("{payload_type} 0-15")));
    }
    attributes.extend(keys);
    attributes.push(Attribute::with("ptime", local.ptime_ms.to_string()));
    attributes.push(Attribute::with("maxptime", "60"));
    attributes.push(Attribute::flag(direction.as_str()));
    if rtcp_mux {
        attributes.push(Attribute::flag("rtcp-mux"));
    }
    let (kind, protocol) = ("audio".to_owned(), protocol.to_owned());
    Media { kind, port: local.address.port(), protocol, formats: numbers, address: None, attributes }
}

/// A stream switched off (RFC 3264 §6).
pub(super) fn refused(media: &Media) -> Media {
    let (kind, protocol, formats) = (media.kind.clone(), media.protocol.clone(), media.formats.clone());
    Media { kind, port: 0, protocol, formats, address: None, attributes: Vec::new() }
}

pub(super) fn describe(local: &LocalAudio, media: Vec<Media>) -> SessionDescription {
    let address = local.address.ip().to_string();
    SessionDescription {
        origin: local.origin,
        origin_address: address.clone(),
        address: Some(address),
        attributes: Vec::new(),
        media,
    }
}
