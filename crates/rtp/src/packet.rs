//! The RTP fixed header (RFC 3550 §5.1) as a view over a datagram and as twelve bytes to write, and the
//! first-byte rules that tell RTP from its neighbours on one port. Knows nothing of payload formats.

/// Length in bytes of an RTP header without contributing sources, as this project sends it.
pub const HEADER_LEN: usize = 12;

/// A received RTP packet; the payload borrows from the datagram, padding and extension taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Payload type, 0–127.
    pub payload_type: u8,
    /// Marker bit; for voice, the first packet of a talk spurt (RFC 3551 §4.1).
    pub marker: bool,
    /// Sequence number, wraps at 2^16.
    pub sequence: u16,
    /// Media time in units of the codec's RTP clock, wraps at 2^32.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
    /// The codec's bytes; may be empty.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads one datagram (RFC 3550 §5.1 and the validity checks of A.1).
    pub fn parse(datagram: &'a [u8]) -> Result<Self, PacketError> {
        let (fixed, rest) = datagram.split_first_chunk::<HEADER_LEN>().ok_or(PacketError::TooShort)?;
        let [first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        if first >> 6 != 2 {
            return Err(PacketError::Version);
        }
        if is_rtcp_type(second) {
            return Err(PacketError::Rtcp);
        }
        let sources_len = usize::from(first & 0x0f) * 4;
        let rest = rest.get(sources_len..).ok_or(PacketError::ContributingSources)?;
        let rest = if first & 0x10 != 0 { skip_extension(rest)? } else { rest };
        let payload = if first & 0x20 != 0 { strip_padding(rest)? } else { rest };
        Ok(Self {
            payload_type: second & 0x7f,
            marker: second & 0x80 != 0,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            payload,
        })
    }
}

fn skip_extension(rest: &[u8]) -> Result<&[u8], PacketError> {
    let ([_, _, high, low], rest) = rest.split_first_chunk::<4>().ok_or(PacketError::Extension)?;
    let words = usize::from(u16::from_be_bytes([*high, *low]));
    rest.get(words * 4..).ok_or(PacketError::Extension)
}

fn strip_padding(rest: &[u8]) -> Result<&[u8], PacketError> {
    let padding = usize::from(*rest.last().ok_or(PacketError::Padding)?);
    if padding == 0 {
        return Err(PacketError::Padding);
    }
    let len = rest.len().checked_sub(padding).ok_or(PacketError::Padding)?;
    rest.get(..len).ok_or(PacketError::Padding)
}

/// What `write_header` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Payload type; only the low seven bits are sent.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// Media time in RTP clock units.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
}

/// Writes a version 2 header without padding, extension or contributing sources (RFC 3550 §5.1).
pub fn write_header(out: &mut [u8; HEADER_LEN], header: Header) {
    let [s0, s1] = header.sequence.to_be_bytes();
    let [t0, t1, t2, t3] = header.timestamp.to_be_bytes();
    let [c0, c1, c2, c3] = header.ssrc.to_be_bytes();
    let second = (header.payload_type & 0x7f) | (u8::from(header.marker) << 7);
    *out = [0x80, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3];
}

/// What a datagram on a media port is, by its first two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An RTP packet.
    Rtp,
    /// An RTCP packet (RFC 5761 §4: packet types 192–223).
    Rtcp,
    /// STUN (RFC 7983: first byte 0–3).
    Stun,
    /// DTLS (RFC 7983: first byte 20–63).
    Dtls,
    /// None of these.
    Unknown,
}

/// Tells RTP and RTCP apart on one port (RFC 5761 §4), beside STUN and DTLS (RFC 7983 §7).
pub fn classify(datagram: &[u8]) -> Kind {
    match datagram {
        [0..=3, ..] => Kind::Stun,
        [20..=63, ..] => Kind::Dtls,
        [128..=191, second, ..] if is_rtcp_type(*second) => Kind::Rtcp,
        [128..=191, _, ..] => Kind::Rtp,
        _ => Kind::Unknown,
    }
}

/// RTCP packet types 192–223 are RTP payload types 64–95 with the marker set, which nobody may use beside RTCP.
const fn is_rtcp_type(second: u8) -> bool {
    second >= 192 && second <= 223
}

/// Why a datagram is no RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Fewer than twelve bytes.
    #[error("shorter than an RTP header")]
    TooShort,
    /// The version is not 2.
    #[error("not RTP version 2")]
    Version,
    /// It is RTCP.
    #[error("RTCP, not RTP")]
    Rtcp,
    /// The list of contributing sources is cut off.
    #[error("contributing sources cut off")]
    ContributingSources,
    /// The header extension is cut off.
    #[error("header extension cut off")]
    Extension,
    /// The padding length is zero or exceeds the packet.
    #[error("padding length does not fit")]
    Padding,
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header =
        Header { payload_type: 8, marker: true, sequence: 0xfffe, timestamp: 0xdead_beef, ssrc: 0x0102_0304 };

    fn datagram(first: u8, tail: &[u8]) -> Vec<u8> {
        let mut fixed = [0; HEADER_LEN];
        write_header(&mut fixed, HEADER);
        fixed[0] = first;
        [&fixed, tail].concat()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bytes = datagram(0x80, b"voice");
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(
            packet,
            Packet {
                payload_type: 8,
                marker: true,
                sequence: 0xfffe,
                timestamp: 0xdead_beef,
                ssrc: 0x0102_0304,
                payload: b"voice",
            }
        );
    }

    #[test]
    fn payload_is_what_remains_without_sources_extension_and_padding() {
        let check = |first: u8, tail: &[u8], expected: Result<&[u8], PacketError>| {
            let bytes = datagram(first, tail);
            assert_eq!(Packet::parse(&bytes).map(|p| p.payload), expected, "{first:#x} {tail:?}");
        };
        check(0x80, b"", Ok(b""));
        check(0x81, b"SSRCab", Ok(b"ab"));
        check(0x82, b"SSRCab", Err(PacketError::ContributingSources));
        check(0x90, &[0xbe, 0xde, 0, 1, 9, 9, 9, 9, 7], Ok(&[7]));
        check(0x90, &[0xbe, 0xde, 0, 0, 7], Ok(&[7]));
        check(0x90, &[0xbe, 0xde, 0, 2, 9, 9, 9, 9, 7], Err(PacketError::Extension));
        check(0x90, &[0xbe, 0xde, 0xff, 0xff], Err(PacketError::Extension));
        check(0x90, &[0xbe], Err(PacketError::Extension));
        check(0xa0, &[1, 2, 0, 2], Ok(&[1, 2]));
        check(0xa0, &[0, 0, 0, 4], Ok(&[]));
        check(0xa0, &[1, 2, 0, 5], Err(PacketError::Padding));
        check(0xa0, &[1, 2, 3, 0], Err(PacketError::Padding));
        check(0xa0, &[], Err(PacketError::Padding));
        check(0x40, b"x", Err(PacketError::Version));
        check(0x00, b"x", Err(PacketError::Version));
        // Everything at once: one source, one extension word, two bytes of padding.
        check(0xb1, &[1, 2, 3, 4, 0, 0, 0, 1, 5, 6, 7, 8, 42, 0, 2], Ok(&[42]));
    }

    #[test]
    fn short_and_rtcp_datagrams_are_named_errors() {
        assert_eq!(Packet::parse(&[0x80; 11]), Err(PacketError::TooShort));
        assert_eq!(Packet::parse(&[]), Err(PacketError::TooShort));
        let mut report = datagram(0x80, b"");
        report[1] = 200;
        assert_eq!(Packet::parse(&report), Err(PacketError::Rtcp));
    }

    #[test]
    fn neighbours_on_one_port_are_told_apart() {
        let check = |bytes: &[u8], expected: Kind| assert_eq!(classify(bytes), expected, "{bytes:?}");
        check(&[0x80, 0], Kind::Rtp);
        check(&[0x80, 0x80 | 101], Kind::Rtp);
        check(&[0xbf, 127], Kind::Rtp);
        check(&[0x80, 192], Kind::Rtcp);
        check(&[0x81, 200], Kind::Rtcp);
        check(&[0x80, 223], Kind::Rtcp);
        check(&[0x80, 224], Kind::Rtp);
        check(&[0x00, 1], Kind::Stun);
        check(&[22, 254], Kind::Dtls);
        check(&[0x40, 0], Kind::Unknown);
        check(&[0x80], Kind::Unknown);
        check(b"\r\n\r\n", Kind::Unknown);
        check(&[], Kind::Unknown);
    }

    /// Every prefix of every datagram of a small generator is either read or refused, never a panic.
    #[test]
    fn any_prefix_of_any_bytes_is_answered() {
        let mut state = 0x1234_5678_u32;
        for _ in 0..2_000 {
            let bytes: Vec<u8> = (0..40)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            for end in 0..bytes.len() {
                if let Ok(packet) = Packet::parse(&bytes[..end]) {
                    assert!(packet.payload.len() + HEADER_LEN <= end);
                }
            }
        }
    }
}
