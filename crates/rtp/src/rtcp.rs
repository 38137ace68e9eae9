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

/// 64-bit NTP time: seconds since 1900 and their fraction (RFC 3550 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// NTP time of a moment.
    pub fn from_timestamp(at: Timestamp) -> Self {
        let _ = at;
        Self(0)
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
        self.bytes = &[];
        None
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
        Ok(Self { rest: datagram })
    }
}

impl<'a> Iterator for Compound<'a> {
    type Item = Item<'a>;
    fn next(&mut self) -> Option<Item<'a>> {
        self.rest = &[];
        None
    }
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

/// Writes SR or RR, SDES CNAME and perhaps BYE; returns the bytes written.
pub fn write_compound(out: &mut [u8], outgoing: &Outgoing<'_>) -> Result<usize, RtcpError> {
    let _ = (out, outgoing);
    Err(RtcpError::NoRoom)
}

/// Round-trip time from a block about our own stream that arrived at `now` (RFC 3550 §6.4.1). `None` when the
/// peer has heard no report of ours, or says something impossible.
pub fn round_trip(block: &ReportBlock, now: NtpTime) -> Option<Duration> {
    let _ = (block, now);
    None
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
