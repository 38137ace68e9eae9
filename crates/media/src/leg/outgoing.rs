//! The stream that a leg sends: frames of 20 ms cut into packets of the length the far side wants, events, and
//! packets relayed from elsewhere. All on one source with one run of numbers. Decides nothing of what is sent.

use crate::leg::relay::{Kind, Relayed, Renumbering};
use crate::random::Dice;
use crate::wire::{Channel, Wire};
use audio::Law;
use model::Timestamp;
use rtp::dtmf::EventPacket;
use rtp::jitter::{FRAME_OCTETS, PAYLOAD_OCTETS_MAX};
use rtp::packet::{HEADER_LEN, Header, write_header};
use rtp::session::{Dictated, Sender};
use std::net::SocketAddr;
use std::time::Duration;

/// Longest packet sent.
const PACKET_MAX: usize = HEADER_LEN + PAYLOAD_OCTETS_MAX;
/// RTP clock of G.711, units a millisecond.
const UNITS_PER_MS: u32 = 8;

/// The way out and where it leads.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    /// Our port.
    pub(crate) wire: &'a dyn Wire,
    /// The far side.
    pub(crate) to: SocketAddr,
}

/// The stream.
#[derive(Debug)]
pub(crate) struct Outgoing {
    stream: Sender,
    payload_type: u8,
    /// Octets of a packet.
    packet_octets: usize,
    /// Octets that wait for the packet to be full; empty at 20 ms.
    waiting: Option<Box<Waiting>>,
    /// The relayed source being sent, if that is what went out last, and when.
    relayed: Option<(Renumbering, Timestamp)>,
    packets: u64,
    octets: u64,
    refused: u64,
}

/// Octets on their way into a packet.
#[derive(Debug)]
struct Waiting {
    octets: [u8; PAYLOAD_OCTETS_MAX + FRAME_OCTETS],
    len: usize,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { octets: [0; PAYLOAD_OCTETS_MAX + FRAME_OCTETS], len: 0 }
    }
}

impl Waiting {
    fn push(&mut self, frame: &[u8; FRAME_OCTETS]) {
        let end = self.len + FRAME_OCTETS;
        if let Some(room) = self.octets.get_mut(self.len..end) {
            room.copy_from_slice(frame);
            self.len = end;
        }
    }

    /// Fills a whole packet; false while there is not enough for one.
    fn take(&mut self, packet: &mut [u8]) -> bool {
        if self.len < packet.len() {
            return false;
        }
        let Some(full) = self.octets.get(..packet.len()) else { return false };
        packet.copy_from_slice(full);
        self.octets.copy_within(packet.len()..self.len, 0);
        self.len -= packet.len();
        true
    }
}

impl Outgoing {
    /// A stream with random first numbers (RFC 3550 §5.1).
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let (source, first) = (dice.next_u64(), dice.next_u64());
        Self {
            stream: Sender::new(source as u32, (source >> 32) as u16, first as u32, UNITS_PER_MS * 1_000),
            payload_type: 0,
            packet_octets: FRAME_OCTETS,
            waiting: None,
            relayed: None,
            packets: 0,
            octets: 0,
            refused: 0,
        }
    }

    /// Sends as agreed from now on. A packet length that is not served becomes the usual 20 ms.
    pub(crate) fn agree(&mut self, payload_type: u8, ptime_ms: u8) {
        self.payload_type = payload_type;
        let ptime_ms = if matches!(ptime_ms, 10 | 20 | 30 | 40 | 60) { ptime_ms } else { 20 };
        self.packet_octets = usize::from(ptime_ms) * UNITS_PER_MS as usize;
        self.waiting = (self.packet_octets != FRAME_OCTETS).then(Box::default);
    }

    /// The RTP stream, for reports.
    pub(crate) const fn stream(&self) -> &Sender {
        &self.stream
    }

    /// Packets and payload octets sent.
    pub(crate) const fn sent(&self) -> (u64, u64) {
        (self.packets, self.octets)
    }

    /// Sends 20 ms of sound.
    pub(crate) fn frame(&mut self, way: Way<'_>, octets: &[u8; FRAME_OCTETS], now: Timestamp) {
        self.leave_relay(now);
        let Some(waiting) = &mut self.waiting else { return self.media(way, octets, now) };
        waiting.push(octets);
        let mut packet = [0; PAYLOAD_OCTETS_MAX];
        let Some(payload) = packet.get_mut(..self.packet_octets) else { return };
        while self.waiting.as_mut().is_some_and(|waiting| waiting.take(payload)) {
            self.media(way, payload, now);
        }
    }

    /// Sends an event packet; it stands for 20 ms of sound.
    pub(crate) fn event(&mut self, way: Way<'_>, payload_type: u8, event: &EventPacket, now: Timestamp) {
        self.leave_relay(now);
        let len = event.payload.len();
        let header = self.stream.event(payload_type, event.timestamp, event.marker, len);
        self.send(way, header, &event.payload);
        self.pause(1);
    }

    /// Lets ticks of 20 ms pass without a packet.
    pub(crate) fn pause(&mut self, ticks: u32) {
        self.forget_waiting();
        self.stream.skip(ticks.saturating_mul(FRAME_OCTETS as u32));
    }

    /// Sends on a packet of another stream as a payload type of this one; `law` is this stream's.
    pub(crate) fn relay(
        &mut self,
        way: Way<'_>,
        payload_type: u8,
        law: Law,
        relayed: &Relayed<'_>,
        now: Timestamp,
    ) {
        let packet = &relayed.packet;
        let mut octets = [0; PAYLOAD_OCTETS_MAX];
        let Some(payload) = octets.get_mut(..packet.payload.len()) else { return };
        payload.copy_from_slice(packet.payload);
        let units = match relayed.kind {
            Kind::Event => 0,
            Kind::Sound(from) => {
                if from != law {
                    audio::g711::transcode_in_place(from, law, payload);
                }
                payload.len() as u32
            }
        };
        let known = self.relayed.as_mut().and_then(|(numbers, _)| numbers.apply(packet));
        let begins = known.is_none();
        let (sequence, timestamp) = known.unwrap_or_else(|| self.begin_relay(relayed, now));
        if let Some((_, last)) = &mut self.relayed {
            *last = now;
        }
        let marker = packet.marker || begins;
        let payload_len = payload.len();
        let header = Dictated { payload_type, marker, sequence, timestamp, units, payload_len };
        let header = self.stream.dictated(header, now);
        self.send(way, header, payload);
    }

    /// Whether the last packet was relayed, and less than `span` ago.
    pub(crate) fn relayed_within(&self, span: Duration, now: Timestamp) -> bool {
        self.relayed.is_some_and(|(_, last)| now - last < span)
    }

    fn begin_relay(&mut self, relayed: &Relayed<'_>, now: Timestamp) -> (u16, u32) {
        self.forget_waiting();
        let (sequence, timestamp) = (self.stream.sequence(), self.stream.timestamp());
        self.relayed = Some((Renumbering::begin(&relayed.packet, sequence, timestamp), now));
        (sequence, timestamp)
    }

    /// Our own sound goes on where real time is, not where the source fell silent.
    fn leave_relay(&mut self, now: Timestamp) {
        if let Some((_, last)) = self.relayed.take() {
            let silent_ms = u32::try_from((now - last).as_millis()).unwrap_or(0);
            self.stream.skip(silent_ms.saturating_sub(20) * UNITS_PER_MS);
        }
    }

    fn forget_waiting(&mut self) {
        if let Some(waiting) = &mut self.waiting {
            waiting.len = 0;
        }
    }

    fn media(&mut self, way: Way<'_>, payload: &[u8], now: Timestamp) {
        let header = self.stream.media(self.payload_type, payload.len() as u32, payload.len(), now);
        self.send(way, header, payload);
    }

    fn send(&mut self, way: Way<'_>, header: Header, payload: &[u8]) {
        let mut packet = [0; PACKET_MAX];
        let Some((head, body)) = packet.split_first_chunk_mut::<HEADER_LEN>() else { return };
        write_header(head, header);
        let Some(body) = body.get_mut(..payload.len()) else { return };
        body.copy_from_slice(payload);
        let Some(datagram) = packet.get(..HEADER_LEN + payload.len()) else { return };
        if way.wire.send(Channel::Sound, datagram, way.to) {
            self.packets += 1;
            self.octets += payload.len() as u64;
        } else {
            self.refused += 1;
        }
    }
}
