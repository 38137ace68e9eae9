//! How long a payload lasts, read from the payload itself. Decodes nothing.

use model::sound::Codec;

/// Units a millisecond of Opus' RTP clock.
const OPUS_UNITS_PER_MS: u32 = 48;
/// Longest Opus packet (RFC 6716 §3.2.5), in units.
const OPUS_UNITS_MAX: u32 = 120 * OPUS_UNITS_PER_MS;

/// The time that a payload covers, in units of its codec's RTP clock; none where it covers none or is malformed.
pub fn duration_units(codec: Codec, payload: &[u8]) -> Option<u32> {
    match codec {
        // One octet stands for one unit; G.722's clock counts so although it has two samples in each (RFC 3551).
        Codec::Pcmu | Codec::Pcma | Codec::G722 => {
            u32::try_from(payload.len()).ok().filter(|units| *units > 0)
        }
        Codec::Opus => opus_units(payload),
    }
}

/// RFC 6716 §3.1: the first octet says how long a frame is, and with the second how many there are.
fn opus_units(payload: &[u8]) -> Option<u32> {
    let (first, rest) = payload.split_first()?;
    let configuration = first >> 3;
    let size = usize::from(configuration & 3);
    let frame = match configuration {
        0..=11 => [10, 20, 40, 60].get(size).map(|ms| ms * OPUS_UNITS_PER_MS),
        12..=15 => [10, 20].get(size & 1).map(|ms| ms * OPUS_UNITS_PER_MS),
        _ => [120, 240, 480, 960].get(size).copied(),
    }?;
    let frames = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(rest.first()? & 0x3f),
    };
    Some(frame * frames).filter(|units| (1..=OPUS_UNITS_MAX).contains(units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_say_how_long_they_last() {
        let check = |codec, payload: &[u8], units: Option<u32>| {
            assert_eq!(duration_units(codec, payload), units, "{codec:?} {payload:?}");
        };
        check(Codec::Pcmu, &[0; 160], Some(160));
        check(Codec::G722, &[0; 240], Some(240));
        check(Codec::Pcma, &[], None);
        check(Codec::Opus, &[], None);
        check(Codec::Opus, &[0 << 3], Some(480));
        check(Codec::Opus, &[(1 << 3) | 1], Some(1_920));
        check(Codec::Opus, &[3 << 3], Some(2_880));
        check(Codec::Opus, &[13 << 3], Some(960));
        check(Codec::Opus, &[(31 << 3) | 2], Some(1_920));
        check(Codec::Opus, &[16 << 3], Some(120));
        check(Codec::Opus, &[(19 << 3) | 3, 0xc3], Some(2_880));
        check(Codec::Opus, &[(19 << 3) | 3, 7], None);
        check(Codec::Opus, &[(19 << 3) | 3, 0], None);
        check(Codec::Opus, &[(19 << 3) | 3], None);
    }
}
