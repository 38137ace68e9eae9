//! The formats of a stream: which codecs it speaks under which payload types, telephone events and comfort noise
//! beside them, packet lengths.

use super::codec::{self, Codec};
use super::description::Media;
use model::sound::OPUS_BITRATE_BPS;

/// The packet lengths we send, in ms; what a peer asks beyond is brought within.
const PTIME_RANGE_MS: std::ops::RangeInclusive<u16> = 10..=60;
/// When nobody names one (RFC 3551 §4.2).
const PTIME_DEFAULT_MS: u16 = 20;
/// The static payload type of comfort noise (RFC 3551 §6).
pub(super) const COMFORT_NOISE: u8 = 13;

/// The codec a payload type of this stream means; a static one may go without rtpmap.
pub(super) fn codec_of(media: &Media, payload_type: u8) -> Option<Codec> {
    match media.rtpmap(payload_type) {
        Some(map) => codec::from_rtpmap(map.name, map.clock_hz, map.channels),
        None => codec::from_static(payload_type),
    }
}

/// All codecs of ours that the stream speaks, in its order, each under its first payload type. Opus comes last where the
/// stream takes less of it than we send (RFC 7587 §6.1).
pub(super) fn common(media: &Media, codecs: &[Codec]) -> Vec<(Codec, u8)> {
    let mut found: Vec<(Codec, u8)> = Vec::new();
    for number in media.payload_types() {
        let codec = codec_of(media, number).filter(|codec| codecs.contains(codec));
        if let Some(codec) = codec.filter(|codec| found.iter().all(|(known, _)| known != codec)) {
            found.push((codec, number));
        }
    }
    found.sort_by_key(|(codec, number)| *codec == Codec::Opus && takes_too_little(media, *number));
    found
}

/// Whether the stream's limit for this payload type is below what our Opus has on average.
fn takes_too_little(media: &Media, payload_type: u8) -> bool {
    let parameters = media.fmtp(payload_type).unwrap_or_default().split(';');
    let named = |parameter: &str| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("maxaveragebitrate").then(|| value.trim().parse::<u32>().ok())?
    };
    parameters.into_iter().find_map(named).is_some_and(|limit_bps| limit_bps < OPUS_BITRATE_BPS)
}

/// telephone-event at the codec's clock (RFC 4733 §2.5.1.1).
pub(super) fn dtmf_of(media: &Media, codec: Codec) -> Option<u8> {
    named(media, "telephone-event", codec.rtp_clock_hz())
}

/// Comfort noise at the codec's clock (RFC 3389 §4).
pub(super) fn comfort_noise_of(media: &Media, codec: Codec) -> Option<u8> {
    let bare = |number: &u8| *number == COMFORT_NOISE && media.rtpmap(*number).is_none();
    let clock_hz = codec.rtp_clock_hz();
    let fixed = || media.payload_types().find(bare).filter(|_| clock_hz == 8_000);
    named(media, "CN", clock_hz).or_else(fixed)
}

fn named(media: &Media, name: &str, clock_hz: u32) -> Option<u8> {
    media.payload_types().find(|number| {
        media
            .rtpmap(*number)
            .is_some_and(|map| map.name.eq_ignore_ascii_case(name) && map.clock_hz == clock_hz)
    })
}

/// The packet length to send, in ms.
pub(super) fn ptime_of(media: &Media, codec: Codec) -> u16 {
    let number = |name| media.attribute(name).and_then(|value| value.parse::<u16>().ok());
    let wanted = number("ptime").unwrap_or(PTIME_DEFAULT_MS);
    let allowed = number("maxptime").map_or(wanted, |max| wanted.min(max));
    // Packets are made of 10 ms of sound.
    let ms = allowed.clamp(*PTIME_RANGE_MS.start(), *PTIME_RANGE_MS.end()) / 10 * 10;
    match (ms, codec) {
        (50, _) => 40,
        // Opus has no frames of 30 ms (RFC 6716 §2.1.4).
        (30, Codec::Opus) => 20,
        _ => ms,
    }
}
