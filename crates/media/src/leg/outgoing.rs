//! The stream that a leg sends: frames of 20 ms cut into packets of the length the far side wants, events, and
//! packets relayed from elsewhere. All on one source with one run of numbers. Decides nothing of what is sent.

use crate::leg::frame::{OCTETS, law_of};
use crate::leg::hearing::Loudness;
use crate::leg::relay::{Kind, Relayed, Renumbering};
use crate::random::Dice;
use crate::wire::{Channel, Wire};
use model::Timestamp;
use model::sound::Codec;
use model::srtp::SrtpKeys;
use rtp::dtmf::EventPacket;
use rtp::packet::{HEADER_LEN, Header, write_header};
use rtp::payload::duration_units;
use rtp::session::{Dictated, Sender};
use rtp::srtp::{RTP_OVERHEAD_MAX, Srtp};
use std::net::SocketAddr;
use std::time::Duration;

/// Longest payload of the codecs that are cut anywhere: 60 ms.
const CUT_MAX: usize = 480;
/// Longest packet in the usual buffer.
const PACKET_MAX: usize = HEADER_LEN + CUT_MAX + RTP_OVERHEAD_MAX;
/// Longest packet at all: what a network takes in one piece.
const LONG_PACKET_MAX: usize = 1_452;
/// Loudness is measured in every sixteenth packet.
const SAMPLED_PACKETS: u64 = 16;
/// A relay that has been silent for longer goes on where real time is.
const RELAY_PAUSE: Duration = Duration::from_millis(100);

/// The way out and where it leads.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    /// Our port.
    pub(crate) wire: &'a dyn Wire,
    /// The far side.
    pub(crate) to: SocketAddr,
}

/// The stream.
pub(crate) struct Outgoing {
    stream: Sender,
    dice: Dice,
    codec: Codec,
    payload_type: u8,
    /// Octets of a packet, where sound is cut anywhere.
    packet_octets: usize,
    /// Units of the codec's clock in a tick.
    tick_units: u32,
    /// Octets that wait for the packet to be full; empty at 20 ms.
    waiting: Option<Box<Waiting>>,
    /// What is relayed, if that is what went out last.
    relayed: Option<Passing>,
    /// Both ways, where packets are encrypted.
    srtp: Option<Box<Srtp>>,
    /// The same while sound goes in the clear for once.
    rested: Option<Box<Srtp>>,
    loudness: Loudness,
    packets: u64,
    /// Of these, those that carry telephone events.
    event_packets: u64,
    octets: u64,
    refused: u64,
}

/// A source that is sent on.
#[derive(Debug, Clone, Copy)]
struct Passing {
    /// Its numbers, where its packets go on as they are.
    numbers: Option<Renumbering>,
    last: Timestamp,
}

/// Octets on their way into a packet.
#[derive(Debug)]
struct Waiting {
    octets: [u8; CUT_MAX + OCTETS],
    len: usize,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { octets: [0; CUT_MAX + OCTETS], len: 0 }
    }
}

impl Waiting {
    fn push(&mut self, frame: &[u8]) {
        let end = self.len + frame.len();
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
    /// A stream of G.711 until something else is agreed, with random first numbers (RFC 3550 §5.1).
    pub(crate) fn new(mut dice: Dice) -> Self {
        Self {
            stream: new_stream(&mut dice, Codec::Pcmu),
            dice,
            codec: Codec::Pcmu,
            payload_type: 0,
            packet_octets: OCTETS,
            tick_units: OCTETS as u32,
            waiting: None,
            relayed: None,
            srtp: None,
            rested: None,
            loudness: Loudness::default(),
            packets: 0,
            event_packets: 0,
            octets: 0,
            refused: 0,
        }
    }

    /// Sends as agreed from now on. A packet length that is not served becomes the usual 20 ms; Opus always goes in
    /// packets of 20 ms. Where the clock changes, the stream is a new one (RFC 7160 §4.1).
    pub(crate) fn agree(&mut self, codec: Codec, payload_type: u8, ptime_ms: u8) {
        if codec.rtp_clock_hz() != self.codec.rtp_clock_hz() {
            self.stream = new_stream(&mut self.dice, codec);
            self.relayed = None;
        }
        self.codec = codec;
        self.payload_type = payload_type;
        self.tick_units = codec.rtp_clock_hz() / 50;
        let ptime_ms = if matches!(ptime_ms, 10 | 20 | 30 | 40 | 60) { usize::from(ptime_ms) } else { 20 };
        self.packet_octets = ptime_ms * OCTETS / 20;
        let cut = codec != Codec::Opus && self.packet_octets != OCTETS;
        self.waiting = cut.then(Box::default);
    }

    /// Encrypts from now on, or no longer. A key that stays keeps its state, and a key of ours that comes back after
    /// sound in the clear does too: packets are counted over its whole life (RFC 3711 §3.2). With another key of ours
    /// the stream is a new one: some far sides would count it on, some anew.
    pub(crate) fn secure(&mut self, keys: Option<&SrtpKeys>) {
        let Some(keys) = keys else {
            self.rested = self.srtp.take().or_else(|| self.rested.take());
            return;
        };
        let Some(mut srtp) = self.srtp.take().or_else(|| self.rested.take()) else {
            self.srtp = Some(Box::new(Srtp::new(keys)));
            return;
        };
        if srtp.keys().send != keys.send {
            self.stream = new_stream(&mut self.dice, self.codec);
            self.relayed = None;
        }
        srtp.rekey(keys);
        self.srtp = Some(srtp);
    }

    /// Decrypts a packet of the far side in place, if packets are encrypted; none when it is not the far side's.
    pub(crate) fn open<'a>(&mut self, packet: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let Some(srtp) = &mut self.srtp else { return Some(packet) };
        let len = srtp.unprotect(packet).ok()?;
        packet.get_mut(..len)
    }

    /// The same for a report.
    pub(crate) fn open_report<'a>(&mut self, report: &'a mut [u8]) -> Option<&'a [u8]> {
        let Some(srtp) = &mut self.srtp else { return Some(report) };
        let len = srtp.unprotect_rtcp(report).ok()?;
        report.get(..len)
    }

    /// Packets that were not what the far side's key says.
    pub(crate) fn refused_by_keys(&self) -> u64 {
        self.srtp.as_ref().map_or(0, |srtp| srtp.figures().bad + srtp.figures().replayed)
    }

    /// The RTP stream, for reports.
    pub(crate) const fn stream(&self) -> &Sender {
        &self.stream
    }

    /// Packets and payload octets sent.
    pub(crate) const fn sent(&self) -> (u64, u64) {
        (self.packets, self.octets)
    }

    /// Packets of telephone events, of those sent.
    pub(crate) const fn event_packets(&self) -> u64 {
        self.event_packets
    }

    /// Loudness of what was sent since this was last asked, by samples.
    pub(crate) fn take_loudness(&mut self) -> Loudness {
        std::mem::take(&mut self.loudness)
    }

    /// Sends 20 ms of sound.
    pub(crate) fn frame(&mut self, way: Way<'_>, octets: &[u8], now: Timestamp) {
        self.leave_relay(now);
        self.cut(way, octets, now);
    }

    /// Sends 20 ms that were made of what is relayed; they go on where the relay was.
    pub(crate) fn relayed_frame(&mut self, way: Way<'_>, octets: &[u8], now: Timestamp) {
        if self.relayed.is_some_and(|passing| passing.numbers.is_some() || now - passing.last > RELAY_PAUSE) {
            self.leave_relay(now);
        }
        self.relayed = Some(Passing { numbers: None, last: now });
        self.cut(way, octets, now);
    }

    /// Sends an event packet; it stands for 20 ms of sound.
    pub(crate) fn event(&mut self, way: Way<'_>, payload_type: u8, event: &EventPacket, now: Timestamp) {
        self.leave_relay(now);
        let len = event.payload.len();
        let header = self.stream.event(payload_type, event.timestamp, event.marker, len);
        self.event_packets += 1;
        self.send(way, header, &event.payload);
        self.pause(1);
    }

    /// Sends comfort noise (RFC 3389); it stands for 20 ms of sound.
    pub(crate) fn noise(&mut self, way: Way<'_>, payload_type: u8, payload: &[u8], now: Timestamp) {
        self.leave_relay(now);
        let header = self.stream.event(payload_type, self.stream.timestamp(), false, payload.len());
        self.send(way, header, payload);
        self.pause(1);
    }

    /// Lets ticks of 20 ms pass without a packet.
    pub(crate) fn pause(&mut self, ticks: u32) {
        self.forget_waiting();
        self.stream.skip(ticks.saturating_mul(self.tick_units));
    }

    /// Sends on a packet of another stream as a payload type of this one.
    pub(crate) fn relay(&mut self, way: Way<'_>, payload_type: u8, relayed: &Relayed<'_>, now: Timestamp) {
        let packet = &relayed.packet;
        let mut octets = [0; CUT_MAX];
        let (payload, units) = match relayed.kind {
            Kind::Event { .. } | Kind::Noise => (packet.payload, 0),
            Kind::Sound(from) => {
                let units = duration_units(from, packet.payload).unwrap_or(self.tick_units);
                match (law_of(from), law_of(self.codec)) {
                    (Some(theirs), Some(ours)) if theirs != ours => {
                        let Some(room) = octets.get_mut(..packet.payload.len()) else { return };
                        room.copy_from_slice(packet.payload);
                        audio::g711::transcode_in_place(theirs, ours, room);
                        (&*room, units)
                    }
                    _ => (packet.payload, units),
                }
            }
        };
        let known = self.relayed.as_mut().and_then(|passing| passing.numbers.as_mut()?.apply(packet));
        let begins = known.is_none();
        let (sequence, timestamp) = known.unwrap_or_else(|| self.begin_relay(relayed, now));
        if let Some(passing) = &mut self.relayed {
            passing.last = now;
        }
        let marker = packet.marker || begins;
        if matches!(relayed.kind, Kind::Event { .. }) {
            self.event_packets += 1;
        }
        let header =
            Dictated { payload_type, marker, sequence, timestamp, units, payload_len: payload.len() };
        let header = self.stream.dictated(header, now);
        self.send(way, header, payload);
    }

    /// Whether the last packet was relayed, and less than `span` ago.
    pub(crate) fn relayed_within(&self, span: Duration, now: Timestamp) -> bool {
        self.relayed.is_some_and(|passing| now - passing.last < span)
    }

    /// Encrypts the first `len` octets of a report, if packets are encrypted; returns how many they are then, 0 when
    /// it cannot be.
    pub(crate) fn protect_report(&mut self, report: &mut [u8], len: usize) -> usize {
        match &mut self.srtp {
            Some(srtp) if len > 0 => srtp.protect_rtcp(report, len).unwrap_or(0),
            _ => len,
        }
    }

    fn begin_relay(&mut self, relayed: &Relayed<'_>, now: Timestamp) -> (u16, u32) {
        self.forget_waiting();
        let (sequence, timestamp) = (self.stream.sequence(), self.stream.timestamp());
        let numbers = Some(Renumbering::begin(&relayed.packet, sequence, timestamp));
        self.relayed = Some(Passing { numbers, last: now });
        (sequence, timestamp)
    }

    /// Our own sound goes on where real time is, not where the source fell silent.
    fn leave_relay(&mut self, now: Timestamp) {
        if let Some(passing) = self.relayed.take() {
            let silent_ms = u32::try_from((now - passing.last).as_millis()).unwrap_or(0);
            self.stream.skip(silent_ms.saturating_sub(20).saturating_mul(self.tick_units / 20));
        }
    }

    fn forget_waiting(&mut self) {
        if let Some(waiting) = &mut self.waiting {
            waiting.len = 0;
        }
    }

    fn cut(&mut self, way: Way<'_>, octets: &[u8], now: Timestamp) {
        let Some(waiting) = &mut self.waiting else { return self.media(way, octets, now) };
        waiting.push(octets);
        let mut packet = [0; CUT_MAX];
        let Some(payload) = packet.get_mut(..self.packet_octets) else { return };
        while self.waiting.as_mut().is_some_and(|waiting| waiting.take(payload)) {
            self.media(way, payload, now);
        }
    }

    fn media(&mut self, way: Way<'_>, payload: &[u8], now: Timestamp) {
        let units = if self.codec == Codec::Opus { self.tick_units } else { payload.len() as u32 };
        let header = self.stream.media(self.payload_type, units, payload.len(), now);
        self.send(way, header, payload);
    }

    fn send(&mut self, way: Way<'_>, header: Header, payload: &[u8]) {
        if self.packets.is_multiple_of(SAMPLED_PACKETS)
            && header.payload_type == self.payload_type
            && let Some(law) = law_of(self.codec)
        {
            self.loudness.add_octets(law, payload);
        }
        let sent = if payload.len() <= CUT_MAX {
            self.send_through(&mut [0; PACKET_MAX], way, header, payload)
        } else {
            self.send_through(&mut [0; LONG_PACKET_MAX], way, header, payload)
        };
        if sent == Some(true) {
            self.packets += 1;
            self.octets += payload.len() as u64;
        } else {
            self.refused += 1;
        }
    }

    /// Puts a packet together and sends it; none when it is too long.
    fn send_through(
        &mut self,
        packet: &mut [u8],
        way: Way<'_>,
        header: Header,
        payload: &[u8],
    ) -> Option<bool> {
        let (head, body) = packet.split_first_chunk_mut::<HEADER_LEN>()?;
        write_header(head, header);
        body.get_mut(..payload.len())?.copy_from_slice(payload);
        let mut len = HEADER_LEN + payload.len();
        if let Some(srtp) = &mut self.srtp {
            len = srtp.protect(packet, len).ok()?;
        }
        Some(way.wire.send(Channel::Sound, packet.get(..len)?, way.to))
    }
}

fn new_stream(dice: &mut Dice, codec: Codec) -> Sender {
    let (source, first) = (dice.next_u64(), dice.next_u64());
    Sender::new(source as u32, (source >> 32) as u16, first as u32, codec.rtp_clock_hz())
}
