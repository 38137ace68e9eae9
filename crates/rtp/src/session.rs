//! The sending side of one RTP stream: source, sequence number and media time (RFC 3550 §5.1), and the counts
//! a sender report needs. The initial values are random and come from the caller.

use crate::packet::Header;
use crate::rtcp::{NtpTime, SenderInfo};
use model::Timestamp;
use std::time::Duration;

/// Sender state of one stream. Media time runs on through silence, so pauses keep their length.
#[derive(Clone, Debug)]
pub struct Sender {
    ssrc: u32,
    clock_rate_hz: u32,
    sequence: u16,
    timestamp: u32,
    marker_due: bool,
    packets: u32,
    octets: u32,
    /// The media time last sent and when, so that a report can extrapolate to its own moment.
    last_sent: Option<(u32, Timestamp)>,
}

impl Sender {
    /// A stream that has sent nothing yet. `ssrc`, `first_sequence` and `first_timestamp` should be random
    /// (RFC 3550 §5.1); `clock_rate_hz` is the codec's RTP clock (8000 for G.711 and G.722).
    pub fn new(ssrc: u32, first_sequence: u16, first_timestamp: u32, clock_rate_hz: u32) -> Self {
        Self {
            ssrc,
            clock_rate_hz: clock_rate_hz.max(1),
            sequence: first_sequence,
            timestamp: first_timestamp,
            marker_due: true,
            packets: 0,
            octets: 0,
            last_sent: None,
        }
    }

    /// Our synchronization source.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Media time of the next frame, in RTP clock units; what an `EventSender` takes as its tick's time.
    pub fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// Packets and payload octets sent so far; both wrap as in a sender report.
    pub fn sent(&self) -> (u32, u32) {
        (self.packets, self.octets)
    }

    /// The header of the next media packet, which carries `units` of media time (160 for 20 ms of G.711) in
    /// `payload_len` bytes. The first packet and the first after `skip` carry the marker (RFC 3551 §4.1).
    pub fn media(&mut self, payload_type: u8, units: u32, payload_len: usize, now: Timestamp) -> Header {
        let marker = std::mem::take(&mut self.marker_due);
        let header = self.header(payload_type, marker, self.timestamp, payload_len);
        self.last_sent = Some((self.timestamp, now));
        self.timestamp = self.timestamp.wrapping_add(units);
        header
    }

    /// The header of an RFC 4733 event packet: it takes the next sequence number, but the time stamp and marker
    /// of its event. It does not advance media time; call `skip` for the tick as for silence.
    pub fn event(&mut self, payload_type: u8, timestamp: u32, marker: bool, payload_len: usize) -> Header {
        self.header(payload_type, marker, timestamp, payload_len)
    }

    /// Sequence number of the next packet.
    pub fn sequence(&self) -> u16 {
        self.sequence
    }

    /// The header of a packet whose number and time another stream dictates: a relay keeps its source's losses,
    /// pauses and overtakings. What is sent by `media` afterwards goes on behind the furthest such packet.
    pub fn dictated(&mut self, header: Dictated, now: Timestamp) -> Header {
        let Dictated { payload_type, marker, sequence, timestamp, units, payload_len } = header;
        let next = (sequence.wrapping_add(1), timestamp.wrapping_add(units));
        if next.0.wrapping_sub(self.sequence) < 0x8000 {
            self.sequence = next.0;
        }
        if next.1.wrapping_sub(self.timestamp) < 0x8000_0000 {
            self.timestamp = next.1;
        }
        self.marker_due = false;
        self.last_sent = Some((timestamp, now));
        self.count(payload_len);
        Header { payload_type, marker, sequence, timestamp, ssrc: self.ssrc }
    }

    /// Lets `units` of media time pass without a media packet; the next one begins a talk spurt.
    pub fn skip(&mut self, units: u32) {
        self.timestamp = self.timestamp.wrapping_add(units);
        self.marker_due = true;
    }

    /// The sender part of a report made at `now` (RFC 3550 §6.4.1); `None` until a media packet was sent.
    pub fn sender_info(&self, now: Timestamp) -> Option<SenderInfo> {
        let (timestamp, at) = self.last_sent?;
        Some(SenderInfo {
            ntp: NtpTime::from_timestamp(now),
            rtp_timestamp: timestamp.wrapping_add(units_in(now.since(at), self.clock_rate_hz)),
            packets: self.packets,
            octets: self.octets,
        })
    }

    fn header(&mut self, payload_type: u8, marker: bool, timestamp: u32, payload_len: usize) -> Header {
        let header = Header { payload_type, marker, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        self.sequence = self.sequence.wrapping_add(1);
        self.count(payload_len);
        header
    }

    fn count(&mut self, payload_len: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(u32::try_from(payload_len).unwrap_or(0));
    }
}

/// A packet whose numbers another stream dictates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dictated {
    /// Payload type on our stream.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Sequence number on our stream.
    pub sequence: u16,
    /// Media time on our stream, in RTP clock units.
    pub timestamp: u32,
    /// Media time that the packet covers; 0 for an event.
    pub units: u32,
    /// Bytes of its payload.
    pub payload_len: usize,
}

/// RTP clock units in a span of time, modulo 2^32.
fn units_in(span: Duration, clock_rate_hz: u32) -> u32 {
    let units = span.as_micros() * u128::from(clock_rate_hz) / 1_000_000;
    (units & u128::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    #[test]
    fn numbers_wrap_and_only_the_first_packet_is_marked() {
        let mut sender = Sender::new(7, 0xffff, 0xffff_ff60, 8_000);
        let first = sender.media(0, 160, 160, NOW);
        let second = sender.media(0, 160, 160, NOW);
        assert_eq!((first.sequence, first.timestamp, first.marker), (0xffff, 0xffff_ff60, true));
        assert_eq!((second.sequence, second.timestamp, second.marker), (0, 0, false));
        assert_eq!(sender.sent(), (2, 320));
    }

    #[test]
    fn silence_advances_time_but_not_the_sequence() {
        let mut sender = Sender::new(7, 10, 1_000, 8_000);
        sender.media(0, 160, 160, NOW);
        sender.skip(160);
        sender.skip(160);
        let resumed = sender.media(0, 160, 160, NOW);
        assert_eq!((resumed.sequence, resumed.timestamp, resumed.marker), (11, 1_480, true));
    }

    #[test]
    fn an_event_shares_the_sequence_and_keeps_its_own_time() {
        let mut sender = Sender::new(7, 10, 1_000, 8_000);
        let event = sender.event(101, 1_000, true, 4);
        sender.skip(160);
        let again = sender.event(101, 1_000, false, 4);
        assert_eq!((event.sequence, event.timestamp, event.marker), (10, 1_000, true));
        assert_eq!((again.sequence, again.timestamp, again.marker), (11, 1_000, false));
    }

    #[test]
    fn a_relayed_source_dictates_and_our_own_sound_goes_on_behind_it() {
        let mut sender = Sender::new(7, 10, 1_000, 8_000);
        let mut check = |sequence, timestamp, next: (u16, u32)| {
            let header = Dictated {
                payload_type: 8,
                marker: false,
                sequence,
                timestamp,
                units: 160,
                payload_len: 160,
            };
            let header = sender.dictated(header, NOW);
            assert_eq!((header.sequence, header.timestamp, header.ssrc), (sequence, timestamp, 7));
            assert_eq!((sender.sequence(), sender.timestamp()), next);
        };
        check(10, 1_000, (11, 1_160));
        check(12, 1_320, (13, 1_480));
        check(11, 1_160, (13, 1_480));
        assert_eq!(sender.media(0, 160, 160, NOW).sequence, 13);
        assert_eq!(sender.sent(), (4, 640));
    }

    #[test]
    fn a_report_extrapolates_media_time_to_its_own_moment() {
        let mut sender = Sender::new(7, 10, 1_000, 8_000);
        assert_eq!(sender.sender_info(NOW), None);
        sender.media(0, 160, 160, NOW);
        let info = sender.sender_info(NOW + Duration::from_millis(50)).unwrap();
        assert_eq!((info.rtp_timestamp, info.packets, info.octets), (1_400, 1, 160));
    }
}
