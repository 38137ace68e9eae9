//! What travels between two bridged legs: a packet's sound or event with the numbers it had, and how those numbers
//! become numbers of the stream it leaves on. Nothing is decoded or held back.

use model::LegId;
use model::sound::Codec;
use ports::media::ConferenceId;
use rtp::Packet;

/// Steps in sequence beyond which a stream has begun anew.
const STEP_MAX: u16 = 1_000;

/// Longest payload that goes from worker to worker.
const PAYLOAD_MAX: usize = 1_400;

/// Where packets are sent on to, and the worker that it lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerRef {
    /// The worker's number.
    pub(crate) worker: usize,
    /// Who takes them there.
    pub(crate) taker: Taker,
}

/// Who takes a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taker {
    /// A leg, which sends it to its far side.
    Leg(LegId),
    /// A conference, which hears the leg in it.
    Member(ConferenceId, LegId),
}

/// What a relayed payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sound of a codec.
    Sound(Codec),
    /// A telephone event (RFC 4733).
    Event {
        /// The clock that it counts its length by.
        clock_hz: u32,
    },
    /// Comfort noise (RFC 3389).
    Noise,
}

/// A packet on its way from one leg to another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relayed<'a> {
    /// What it is.
    pub(crate) kind: Kind,
    /// The packet as it came.
    pub(crate) packet: Packet<'a>,
}

/// The same, between workers.
#[derive(Debug, Clone)]
pub(crate) struct RelayedPacket {
    taker: Taker,
    kind: Kind,
    marker: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    payload_type: u8,
    len: usize,
    payload: [u8; PAYLOAD_MAX],
}

impl RelayedPacket {
    /// A copy for another worker; none when the payload is longer than any that is served.
    pub(crate) fn new(taker: Taker, relayed: &Relayed<'_>) -> Option<Self> {
        let packet = &relayed.packet;
        let mut payload = [0; PAYLOAD_MAX];
        payload.get_mut(..packet.payload.len())?.copy_from_slice(packet.payload);
        Some(Self {
            taker,
            kind: relayed.kind,
            marker: packet.marker,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            ssrc: packet.ssrc,
            payload_type: packet.payload_type,
            len: packet.payload.len(),
            payload,
        })
    }

    /// For whom it is.
    pub(crate) const fn taker(&self) -> Taker {
        self.taker
    }

    /// The packet.
    pub(crate) fn view(&self) -> Relayed<'_> {
        let packet = Packet {
            payload_type: self.payload_type,
            marker: self.marker,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            payload: self.payload.get(..self.len).unwrap_or_default(),
        };
        Relayed { kind: self.kind, packet }
    }
}

/// How far the numbers of a source are from those of the stream it is sent on. Fixed while the source lasts, so
/// that its losses, pauses and overtakings stay visible to the far side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Renumbering {
    ssrc: u32,
    sequence_offset: u16,
    timestamp_offset: u32,
    last_sequence: u16,
}

impl Renumbering {
    /// Begins a source so that its packet gets the stream's next numbers.
    pub(crate) const fn begin(packet: &Packet<'_>, next_sequence: u16, next_timestamp: u32) -> Self {
        Self {
            ssrc: packet.ssrc,
            sequence_offset: next_sequence.wrapping_sub(packet.sequence),
            timestamp_offset: next_timestamp.wrapping_sub(packet.timestamp),
            last_sequence: packet.sequence,
        }
    }

    /// Sequence number and media time of a packet on the stream; none when the source changed or began anew.
    pub(crate) fn apply(&mut self, packet: &Packet<'_>) -> Option<(u16, u32)> {
        let ahead = packet.sequence.wrapping_sub(self.last_sequence);
        let behind = self.last_sequence.wrapping_sub(packet.sequence);
        if packet.ssrc != self.ssrc || ahead.min(behind) > STEP_MAX {
            return None;
        }
        if ahead <= STEP_MAX {
            self.last_sequence = packet.sequence;
        }
        Some((
            packet.sequence.wrapping_add(self.sequence_offset),
            packet.timestamp.wrapping_add(self.timestamp_offset),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(ssrc: u32, sequence: u16, timestamp: u32) -> Packet<'static> {
        Packet { payload_type: 0, marker: false, sequence, timestamp, ssrc, payload: &[1, 2, 3] }
    }

    #[test]
    fn losses_and_overtaking_stay_visible() {
        let mut numbers = Renumbering::begin(&packet(1, 65_534, 4_000_000_000), 10, 500);
        let check = |numbers: &mut Renumbering, sequence, timestamp, expected| {
            assert_eq!(numbers.apply(&packet(1, sequence, timestamp)), expected, "{sequence}");
        };
        check(&mut numbers, 65_534, 4_000_000_000, Some((10, 500)));
        check(&mut numbers, 0, 4_000_000_320, Some((12, 820)));
        check(&mut numbers, 65_535, 4_000_000_160, Some((11, 660)));
        check(&mut numbers, 1, 4_000_000_480, Some((13, 980)));
        check(&mut numbers, 30_000, 0, None);
        assert_eq!(numbers.apply(&packet(2, 2, 0)), None, "another source");
    }

    #[test]
    fn a_copy_for_another_worker_says_the_same() {
        let call = model::CallId::generate(&mut model::id::IdSource::new(1), model::Timestamp::default());
        let leg = LegId::new(call, 1);
        let relayed = Relayed { kind: Kind::Sound(Codec::G722), packet: packet(9, 8, 7) };
        let copy = RelayedPacket::new(Taker::Leg(leg), &relayed).unwrap();
        assert_eq!(
            (copy.taker(), copy.view().kind, copy.view().packet),
            (Taker::Leg(leg), relayed.kind, relayed.packet)
        );
        let long = [0; PAYLOAD_MAX + 1];
        let relayed = Relayed {
            kind: Kind::Event { clock_hz: 8_000 },
            packet: Packet { payload: &long, ..packet(1, 1, 1) },
        };
        assert!(RelayedPacket::new(Taker::Leg(leg), &relayed).is_none());
    }
}
