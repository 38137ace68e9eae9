//! RTCP compound packets (RFC 3550 §6): sender and receiver reports, CNAME and BYE, read from a datagram and
//! written into a caller's buffer; NTP time and the round trip it yields. Knows no interval and no socket.

use model::Timestamp;
use std::time::Duration;

/// Most report blocks one report carries (the count has five bits).
pub const BLOCKS_MAX: usize = 31;
/// Most packets read from one compound datagram.
pub const COMPOUND_PACKETS_MAX: usize = 16;
/// Longest CNAME and longest BYE reason in bytes (the length is one byte).
pub const TEXT_MAX: usize = 255;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const BLOCK_LEN: usize = 24;

/// 64-bit NTP time: seconds since 1900 and their fraction (RFC 3550 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// NTP time of a moment.
    pub fn from_timestamp(at: Timestamp) -> Self {
        const UNIX_EPOCH_S: u64 = 2_208_988_800;
        let seconds = at.as_secs().wrapping_add(UNIX_EPOCH_S);
        let fraction = ((at.as_micros() % 1_000_000) << 32) / 1_000_000;
        Self((seconds << 32) | fraction)
    }

    /// The middle 32 bits, the form LSR and DLSR use: 16 bits of seconds, 16 of fraction.
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// One reception report block (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// The source this block is about.
    pub ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; negative with duplicates. Sent as 24 bits.
    pub cumulative_lost: i32,
    /// Highest sequence number received, with its cycles in the upper half.
    pub highest_sequence: u32,
    /// Interarrival jitter in RTP clock units.
    pub jitter: u32,
    /// Middle bits of the last sender report's NTP time; 0 if none came.
    pub last_sr: u32,
    /// Delay since that report in 1/65536 s.
    pub delay_since_last_sr: u32,
}

/// The sender part of a sender report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SenderInfo {
    /// When the report was made.
    pub ntp: NtpTime,
    /// The same moment in RTP clock units of the stream.
    pub rtp_timestamp: u32,
    /// Packets sent, wraps.
    pub packets: u32,
    /// Payload octets sent, wraps.
    pub octets: u32,
}

/// One packet of a compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// SR, type 200.
    SenderReport {
        /// Who reports.
        ssrc: u32,
        /// What he sent.
        info: SenderInfo,
        /// What he received.
        blocks: Blocks<'a>,
    },
    /// RR, type 201.
    ReceiverReport {
        /// Who reports.
        ssrc: u32,
        /// What he received.
        blocks: Blocks<'a>,
    },
    /// The CNAME of an SDES, type 202.
    Cname {
        /// Whose name it is.
        ssrc: u32,
        /// The name's bytes as sent.
        cname: &'a [u8],
    },
    /// BYE, type 203; the first source it names.
    Bye {
        /// Who leaves.
        ssrc: u32,
    },
    /// A well-formed packet of another type, or an SDES without CNAME.
    Other {
        /// Packet type.
        packet_type: u8,
    },
}

/// The report blocks of one report; iterate to read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks<'a> {
    bytes: &'a [u8],
}

impl Iterator for Blocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.bytes.split_first_chunk::<BLOCK_LEN>()?;
        self.bytes = rest;
        let [ssrc, loss, highest_sequence, jitter, last_sr, delay_since_last_sr] = words(block);
        Some(ReportBlock {
            ssrc,
            fraction_lost: (loss >> 24) as u8,
            // Shifting up and down again extends the sign of the 24-bit number.
            cumulative_lost: ((loss << 8) as i32) >> 8,
            highest_sequence,
            jitter,
            last_sr,
            delay_since_last_sr,
        })
    }
}

/// A compound whose framing was checked as a whole; iterate to read its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

impl<'a> Compound<'a> {
    /// Checks a datagram by RFC 3550 A.2. A reduced-size packet that begins with any type is also read (RFC 5506).
    pub fn parse(datagram: &'a [u8]) -> Result<Self, RtcpError> {
        let mut rest = datagram;
        for _ in 0..COMPOUND_PACKETS_MAX {
            (_, rest) = read_item(rest)?;
            if rest.is_empty() {
                return Ok(Self { rest: datagram });
            }
        }
        Err(RtcpError::TooMany)
    }
}

impl<'a> Iterator for Compound<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let (item, rest) = read_item(self.rest).ok()?;
        self.rest = rest;
        Some(item)
    }
}

/// Reads the first packet of `bytes` and returns what follows it.
fn read_item(bytes: &[u8]) -> Result<(Item<'_>, &[u8]), RtcpError> {
    let (header, after) = bytes.split_first_chunk::<4>().ok_or(RtcpError::Truncated)?;
    let [first, packet_type, high, low] = *header;
    if first >> 6 != 2 {
        return Err(RtcpError::Version);
    }
    if !(192..=223).contains(&packet_type) {
        return Err(RtcpError::PacketType);
    }
    let body_len = usize::from(u16::from_be_bytes([high, low])) * 4;
    let (body, rest) = after.split_at_checked(body_len).ok_or(RtcpError::Truncated)?;
    let body = if first & 0x20 != 0 { strip_padding(body, rest)? } else { body };
    let count = usize::from(first & 0x1f);
    let item = match packet_type {
        SENDER_REPORT => read_sender_report(body, count)?,
        RECEIVER_REPORT => read_receiver_report(body, count)?,
        SOURCE_DESCRIPTION => read_cname(body, count)?,
        GOODBYE if count > 0 => {
            Item::Bye { ssrc: u32::from_be_bytes(*body.first_chunk().ok_or(RtcpError::Truncated)?) }
        }
        _ => Item::Other { packet_type },
    };
    Ok((item, rest))
}

/// Only the last packet may be padded (§6.4.1), by a multiple of four bytes.
fn strip_padding<'a>(body: &'a [u8], rest: &[u8]) -> Result<&'a [u8], RtcpError> {
    let padding = usize::from(*body.last().ok_or(RtcpError::Padding)?);
    if !rest.is_empty() || padding == 0 || !padding.is_multiple_of(4) {
        return Err(RtcpError::Padding);
    }
    let len = body.len().checked_sub(padding).ok_or(RtcpError::Padding)?;
    body.get(..len).ok_or(RtcpError::Padding)
}

fn read_sender_report(body: &[u8], count: usize) -> Result<Item<'_>, RtcpError> {
    let (fixed, rest) = body.split_first_chunk::<24>().ok_or(RtcpError::Truncated)?;
    let [ssrc, ntp_high, ntp_low, rtp_timestamp, packets, octets] = words(fixed);
    let ntp = NtpTime((u64::from(ntp_high) << 32) | u64::from(ntp_low));
    let info = SenderInfo { ntp, rtp_timestamp, packets, octets };
    Ok(Item::SenderReport { ssrc, info, blocks: read_blocks(rest, count)? })
}

fn read_receiver_report(body: &[u8], count: usize) -> Result<Item<'_>, RtcpError> {
    let (ssrc, rest) = body.split_first_chunk::<4>().ok_or(RtcpError::Truncated)?;
    Ok(Item::ReceiverReport { ssrc: u32::from_be_bytes(*ssrc), blocks: read_blocks(rest, count)? })
}

/// What follows the blocks is a profile's extension and not read.
fn read_blocks(rest: &[u8], count: usize) -> Result<Blocks<'_>, RtcpError> {
    Ok(Blocks { bytes: rest.get(..count * BLOCK_LEN).ok_or(RtcpError::Truncated)? })
}

/// Finds the CNAME of the first chunk; a point-to-point peer sends one chunk.
fn read_cname(body: &[u8], count: usize) -> Result<Item<'_>, RtcpError> {
    const CNAME: u8 = 1;
    let other = Ok(Item::Other { packet_type: SOURCE_DESCRIPTION });
    if count == 0 {
        return other;
    }
    let (ssrc, mut items) = body.split_first_chunk::<4>().ok_or(RtcpError::Truncated)?;
    loop {
        match items {
            [0, ..] => return other,
            [kind, len, rest @ ..] => {
                let (text, rest) = rest.split_at_checked(usize::from(*len)).ok_or(RtcpError::Truncated)?;
                if *kind == CNAME {
                    return Ok(Item::Cname { ssrc: u32::from_be_bytes(*ssrc), cname: text });
                }
                items = rest;
            }
            _ => return Err(RtcpError::Truncated),
        }
    }
}

/// Six big-endian words.
fn words(bytes: &[u8; 24]) -> [u32; 6] {
    let mut chunks = bytes.as_chunks::<4>().0.iter();
    std::array::from_fn(|_| chunks.next().map_or(0, |chunk| u32::from_be_bytes(*chunk)))
}

/// What one outgoing compound says.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Our source.
    pub ssrc: u32,
    /// What we sent; with it the report is an SR, without an RR.
    pub sender: Option<SenderInfo>,
    /// What we received; at most `BLOCKS_MAX`.
    pub blocks: &'a [ReportBlock],
    /// Our canonical name, at most `TEXT_MAX` bytes; must not name a person or an address inside.
    pub cname: &'a str,
    /// Whether we leave.
    pub bye: bool,
}

/// Writes SR or RR, SDES CNAME and perhaps BYE (RFC 3550 §6.1); returns the bytes written.
pub fn write_compound(out: &mut [u8], outgoing: &Outgoing<'_>) -> Result<usize, RtcpError> {
    let count = u8::try_from(outgoing.blocks.len()).ok().filter(|&count| usize::from(count) <= BLOCKS_MAX);
    let count = count.ok_or(RtcpError::TooLong)?;
    let mut writer = Writer { out, at: 0 };
    write_report(&mut writer, outgoing, count)?;
    write_cname(&mut writer, outgoing)?;
    if outgoing.bye {
        writer.header(1, GOODBYE, 4)?;
        writer.word(outgoing.ssrc)?;
    }
    Ok(writer.at)
}

fn write_report(writer: &mut Writer<'_>, outgoing: &Outgoing<'_>, count: u8) -> Result<(), RtcpError> {
    let blocks_len = outgoing.blocks.len() * BLOCK_LEN;
    if let Some(info) = outgoing.sender {
        writer.header(count, SENDER_REPORT, 24 + blocks_len)?;
        writer.word(outgoing.ssrc)?;
        writer.put(&info.ntp.0.to_be_bytes())?;
        for word in [info.rtp_timestamp, info.packets, info.octets] {
            writer.word(word)?;
        }
    } else {
        writer.header(count, RECEIVER_REPORT, 4 + blocks_len)?;
        writer.word(outgoing.ssrc)?;
    }
    for block in outgoing.blocks {
        let cumulative = block.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        let loss = (u32::from(block.fraction_lost) << 24) | cumulative;
        let sequence = block.highest_sequence;
        for word in [block.ssrc, loss, sequence, block.jitter, block.last_sr, block.delay_since_last_sr] {
            writer.word(word)?;
        }
    }
    Ok(())
}

fn write_cname(writer: &mut Writer<'_>, outgoing: &Outgoing<'_>) -> Result<(), RtcpError> {
    let name = outgoing.cname.as_bytes();
    let name_len = u8::try_from(name.len()).map_err(|_| RtcpError::TooLong)?;
    // The list ends with at least one zero byte, filled up to a whole word.
    let unpadded_len = 4 + 2 + name.len();
    let padding = 4 - unpadded_len % 4;
    writer.header(1, SOURCE_DESCRIPTION, unpadded_len + padding)?;
    writer.word(outgoing.ssrc)?;
    writer.put(&[1, name_len])?;
    writer.put(name)?;
    writer.put([0_u8; 4].get(..padding).unwrap_or_default())
}

struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn header(&mut self, count: u8, packet_type: u8, body_len: usize) -> Result<(), RtcpError> {
        let words = u16::try_from(body_len / 4).map_err(|_| RtcpError::TooLong)?;
        let [high, low] = words.to_be_bytes();
        self.put(&[0x80 | count, packet_type, high, low])
    }

    fn word(&mut self, word: u32) -> Result<(), RtcpError> {
        self.put(&word.to_be_bytes())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), RtcpError> {
        let end = self.at + bytes.len();
        self.out.get_mut(self.at..end).ok_or(RtcpError::NoRoom)?.copy_from_slice(bytes);
        self.at = end;
        Ok(())
    }
}

/// Round-trip time from a block about our own stream that arrived at `now` (RFC 3550 §6.4.1). `None` when the
/// peer has heard no report of ours, or says something impossible.
pub fn round_trip(block: &ReportBlock, now: NtpTime) -> Option<Duration> {
    // A minute is beyond any network; more means that the peer's delay and ours do not fit together.
    const IMPLAUSIBLE: u32 = 60 << 16;
    if block.last_sr == 0 {
        return None;
    }
    let units = now.middle().wrapping_sub(block.last_sr).wrapping_sub(block.delay_since_last_sr);
    (units < IMPLAUSIBLE).then(|| Duration::from_micros((u64::from(units) * 1_000_000) >> 16))
}

/// Why RTCP could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// A packet is cut off, or its length field does not fit.
    #[error("RTCP packet cut off")]
    Truncated,
    /// The version is not 2.
    #[error("not RTCP version 2")]
    Version,
    /// The packet type is none of RTCP's.
    #[error("not an RTCP packet type")]
    PacketType,
    /// Padding in a packet other than the last, or with a wrong length.
    #[error("RTCP padding does not fit")]
    Padding,
    /// More packets than `COMPOUND_PACKETS_MAX`.
    #[error("too many packets in one compound")]
    TooMany,
    /// The buffer is too small for what is to be written.
    #[error("no room to write RTCP")]
    NoRoom,
    /// More blocks or a longer name than RTCP can say.
    #[error("more than RTCP can say")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: ReportBlock = ReportBlock {
        ssrc: 0x1111_2222,
        fraction_lost: 64,
        cumulative_lost: -3,
        highest_sequence: 0x0001_fffe,
        jitter: 77,
        last_sr: 0xaabb_ccdd,
        delay_since_last_sr: 0x0001_8000,
    };
    const INFO: SenderInfo =
        SenderInfo { ntp: NtpTime(0x0102_0304_0506_0708), rtp_timestamp: 9, packets: 10, octets: 11 };

    fn written(outgoing: &Outgoing<'_>) -> Vec<u8> {
        let mut out = [0xee; 1_500];
        let len = write_compound(&mut out, outgoing).unwrap();
        assert_eq!(len % 4, 0);
        out[..len].to_vec()
    }

    #[test]
    fn a_compound_is_read_as_written() {
        let check = |sender: Option<SenderInfo>, blocks: &[ReportBlock], cname: &str, bye: bool| {
            let bytes = written(&Outgoing { ssrc: 5, sender, blocks, cname, bye });
            let mut items = Compound::parse(&bytes).unwrap();
            let read: Vec<ReportBlock> = match (items.next().unwrap(), sender) {
                (Item::SenderReport { ssrc: 5, info, blocks }, Some(sent)) => {
                    assert_eq!(info, sent);
                    blocks.collect()
                }
                (Item::ReceiverReport { ssrc: 5, blocks }, None) => blocks.collect(),
                other => panic!("{other:?}"),
            };
            assert_eq!(read, blocks);
            assert_eq!(items.next(), Some(Item::Cname { ssrc: 5, cname: cname.as_bytes() }));
            assert_eq!(items.next(), bye.then_some(Item::Bye { ssrc: 5 }));
            assert_eq!(items.next(), None);
        };
        check(Some(INFO), &[BLOCK], "x", false);
        check(None, &[], "", false);
        check(None, &[BLOCK, ReportBlock::default()], "ab", true);
        check(Some(INFO), &[BLOCK; BLOCKS_MAX], "abc", true);
        check(Some(INFO), &[], "abcd", true);
        check(Some(INFO), &[], &"n".repeat(TEXT_MAX), true);
    }

    #[test]
    fn what_cannot_be_said_or_does_not_fit_is_refused() {
        let outgoing = Outgoing { ssrc: 5, sender: Some(INFO), blocks: &[BLOCK], cname: "name", bye: true };
        let whole = written(&outgoing).len();
        for room in 0..whole {
            let mut out = vec![0; room];
            assert_eq!(write_compound(&mut out, &outgoing), Err(RtcpError::NoRoom), "{room}");
        }
        let mut out = [0; 2_000];
        let many = Outgoing { blocks: &[BLOCK; 32], ..outgoing };
        assert_eq!(write_compound(&mut out, &many), Err(RtcpError::TooLong));
        let name = "n".repeat(256);
        assert_eq!(write_compound(&mut out, &Outgoing { cname: &name, ..outgoing }), Err(RtcpError::TooLong));
    }

    #[test]
    fn loss_counts_stay_within_24_bits() {
        for (lost, expected) in [(i32::MAX, 0x7f_ffff), (i32::MIN, -0x80_0000), (-1, -1)] {
            let blocks = [ReportBlock { cumulative_lost: lost, ..BLOCK }];
            let bytes = written(&Outgoing { ssrc: 5, sender: None, blocks: &blocks, cname: "", bye: false });
            let Some(Item::ReceiverReport { mut blocks, .. }) = Compound::parse(&bytes).unwrap().next()
            else {
                panic!("no receiver report");
            };
            assert_eq!(blocks.next().unwrap().cumulative_lost, expected);
        }
    }

    #[test]
    fn malformed_compounds_are_named_errors() {
        let check = |bytes: &[u8], expected: RtcpError| {
            assert_eq!(Compound::parse(bytes).map(|_| ()), Err(expected), "{bytes:?}");
        };
        check(&[], RtcpError::Truncated);
        check(&[0x80, 201, 0], RtcpError::Truncated);
        check(&[0x80, 201, 0, 1, 1, 2, 3], RtcpError::Truncated);
        check(&[0x40, 201, 0, 1, 1, 2, 3, 4], RtcpError::Version);
        check(&[0x80, 100, 0, 1, 1, 2, 3, 4], RtcpError::PacketType);
        check(&[0x81, 201, 0, 1, 1, 2, 3, 4], RtcpError::Truncated);
        check(&[0x80, 200, 0, 1, 1, 2, 3, 4], RtcpError::Truncated);
        check(&[0x81, 203, 0, 0], RtcpError::Truncated);
        check(&[0x81, 202, 0, 2, 1, 2, 3, 4, 1, 9, b'a', b'b'], RtcpError::Truncated);
        check(&[0x81, 202, 0, 1, 1, 2, 3, 4], RtcpError::Truncated);
        check(&[0xa0, 201, 0, 1, 1, 2, 3, 0], RtcpError::Padding);
        check(&[0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 12], RtcpError::Padding);
        check(&[0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 4, 0x80, 203, 0, 0], RtcpError::Padding);
        let many = [0x80, 210, 0, 0].repeat(COMPOUND_PACKETS_MAX + 1);
        check(&many, RtcpError::TooMany);
        assert_eq!(Compound::parse(&many[4..]).unwrap().count(), COMPOUND_PACKETS_MAX);
    }

    #[test]
    fn padding_extensions_and_unknown_types_are_skipped() {
        let padded = [0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 4];
        assert!(matches!(Compound::parse(&padded).unwrap().next(), Some(Item::ReceiverReport { .. })));
        let extended = [0x80, 201, 0, 2, 1, 2, 3, 4, 9, 9, 9, 9];
        let Some(Item::ReceiverReport { blocks, .. }) = Compound::parse(&extended).unwrap().next() else {
            panic!("no receiver report");
        };
        assert_eq!(blocks.count(), 0);
        let feedback = [0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
        assert_eq!(Compound::parse(&feedback).unwrap().next(), Some(Item::Other { packet_type: 205 }));
        let tool_before_name = [0x81, 202, 0, 3, 0, 0, 0, 1, 6, 1, b't', 1, 1, b'n', 0, 0];
        let name = Compound::parse(&tool_before_name).unwrap().next();
        assert_eq!(name, Some(Item::Cname { ssrc: 1, cname: b"n" }));
    }

    #[test]
    fn any_bytes_are_answered() {
        let mut state = 0x2545_f491_u32;
        for round in 0..20_000_u32 {
            let mut bytes: Vec<u8> = (0..(round % 64))
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            if let [first, second, high, low, ..] = bytes.as_mut_slice() {
                (*first, *second, *high, *low) = (0x80 | (*first & 0x3f), 200 + *second % 6, 0, *low % 16);
            }
            if let Ok(compound) = Compound::parse(&bytes) {
                assert!(compound.count() >= 1);
            }
        }
    }

    #[test]
    fn ntp_time_counts_from_1900_in_binary_fractions() {
        assert_eq!(NtpTime::from_timestamp(Timestamp::default()), NtpTime(2_208_988_800 << 32));
        let half = NtpTime::from_timestamp(Timestamp::from_micros(1_500_000));
        assert_eq!(half, NtpTime(2_208_988_801 << 32 | 0x8000_0000));
        assert_eq!(half.middle(), (2_208_988_801_u64 << 16 | 0x8000) as u32);
    }

    /// The example of RFC 3550 §6.4.1, figure 2: 6.125 s.
    #[test]
    fn round_trip_of_the_rfcs_example() {
        let block =
            ReportBlock { last_sr: 0xb705_2000, delay_since_last_sr: 0x0005_4000, ..ReportBlock::default() };
        let now = NtpTime(0xb710_8000_u64 << 16);
        assert_eq!(round_trip(&block, now), Some(Duration::from_millis(6_125)));
        assert_eq!(round_trip(&ReportBlock { last_sr: 0, ..block }, now), None, "no report heard");
        let late = ReportBlock { delay_since_last_sr: 0x000c_0000, ..block };
        assert_eq!(round_trip(&late, now), None, "longer held than it took");
    }
}
