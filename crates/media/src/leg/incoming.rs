//! What a leg hears on its port: which datagrams are the far side's, which are sound, which are digits. Counts them;
//! decodes nothing.

use super::Terms;
use super::frame::law_of;
use super::hearing::Loudness;
use model::Timestamp;
use model::sound::{Codec, MediaFact};
use rtp::dtmf::{DigitEvent, EventReceiver, EventReceiverConfig};
use rtp::reception::Arrival;
use rtp::{Latch, Packet, Reception, Verdict};
use std::net::SocketAddr;
use std::time::Duration;

/// One packet in sixteen is looked into.
const SAMPLED_PACKETS: u64 = 16;
/// After a gap of so long silence is measured anew.
const GAP: Duration = Duration::from_secs(1);
/// A packet of Opus that is no longer has nothing coded in it.
const OPUS_NOTHING: usize = 3;
/// The static payload type of comfort noise (RFC 3389): no sound to play, but a sign of life.
const COMFORT_NOISE: u8 = 13;

/// What a datagram turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrived<'a> {
    /// Nothing to go on with.
    Nothing,
    /// Sound of the agreed codec.
    Sound(Packet<'a>),
    /// A telephone event.
    Event(Packet<'a>),
    /// Comfort noise.
    Noise(Packet<'a>),
}

/// The receiving side of a leg.
pub(crate) struct Incoming {
    reception: Reception,
    events: EventReceiver,
    packets: u64,
    event_packets: u64,
    octets: u64,
    clock_rate_hz: u32,
    /// When the last sign of life came, or the connection was made.
    alive_at: Timestamp,
    heard_at: Timestamp,
    sounded_at: Timestamp,
    /// Whether the last packet was comfort noise.
    paused: bool,
    loudness: Loudness,
    heard: bool,
}

impl Incoming {
    /// Nothing has come.
    pub(crate) fn new() -> Self {
        Self {
            reception: Reception::new(Codec::Pcmu.rtp_clock_hz()),
            events: EventReceiver::new(EventReceiverConfig::default()),
            packets: 0,
            event_packets: 0,
            octets: 0,
            clock_rate_hz: Codec::Pcmu.rtp_clock_hz(),
            alive_at: Timestamp::default(),
            heard_at: Timestamp::default(),
            sounded_at: Timestamp::default(),
            paused: false,
            loudness: Loudness::default(),
            heard: false,
        }
    }

    /// Takes packets of this codec from now on. Another clock is another stream (RFC 7160 §4.1); what was counted of
    /// the one before stays counted.
    pub(crate) fn agree(&mut self, codec: Codec) {
        let clock_rate_hz = codec.rtp_clock_hz();
        if clock_rate_hz != self.clock_rate_hz {
            self.clock_rate_hz = clock_rate_hz;
            self.reception.set_clock_rate_hz(clock_rate_hz);
            let config = EventReceiverConfig { clock_rate_hz, ..EventReceiverConfig::default() };
            self.events = EventReceiver::new(config);
        }
    }

    /// Reception statistics.
    pub(crate) const fn reception(&self) -> &Reception {
        &self.reception
    }

    /// Reception statistics, to make a report of or to note one.
    pub(crate) const fn reception_mut(&mut self) -> &mut Reception {
        &mut self.reception
    }

    /// Packets and payload octets accepted.
    pub(crate) const fn received(&self) -> (u64, u64) {
        (self.packets, self.octets)
    }

    /// Packets of telephone events, of those accepted.
    pub(crate) const fn event_packets(&self) -> u64 {
        self.event_packets
    }

    /// Silence is measured anew from here: something of the far side came, or another session was agreed.
    pub(crate) const fn alive(&mut self, now: Timestamp) {
        self.alive_at = now;
    }

    /// When the last sign of life came.
    pub(crate) const fn alive_at(&self) -> Timestamp {
        self.alive_at
    }

    /// When the last packet came that was no report.
    pub(crate) const fn heard_at(&self) -> Timestamp {
        self.heard_at
    }

    /// When a packet last came that was no digital silence, as far as packets are looked into.
    pub(crate) const fn sounded_at(&self) -> Timestamp {
        self.sounded_at
    }

    /// Whether the far side said last that it pauses.
    pub(crate) const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Loudness of what was looked into since this was last asked.
    pub(crate) fn take_loudness(&mut self) -> Loudness {
        std::mem::take(&mut self.loudness)
    }

    /// Looks into a packet of sound now and then: is it silent, and how loud is it, if nobody else `listens`.
    pub(crate) fn sample(&mut self, codec: Codec, payload: &[u8], listens: bool, now: Timestamp) {
        if !self.packets.is_multiple_of(SAMPLED_PACKETS) {
            return;
        }
        if !is_digital_silence(codec, payload) {
            self.sounded_at = now;
        }
        if let Some(law) = law_of(codec).filter(|_| !listens) {
            self.loudness.add_octets(law, payload);
        }
    }

    /// Judges a datagram that is not RTCP.
    pub(crate) fn on_datagram<'a>(
        &mut self,
        datagram: &'a [u8],
        source: SocketAddr,
        terms: &Terms,
        latch: &mut Latch,
        now: Timestamp,
    ) -> Arrived<'a> {
        let Ok(packet) = Packet::parse(datagram) else { return Arrived::Nothing };
        let is_sound = packet.payload_type == terms.receive_payload_type;
        let is_event = terms.receive_dtmf_payload_type == Some(packet.payload_type);
        let is_noise = packet.payload_type == terms.noise_payload_type.unwrap_or(COMFORT_NOISE);
        if !(is_sound || is_event || is_noise) {
            return Arrived::Nothing;
        }
        if latch.on_packet(source) == Verdict::Drop {
            return Arrived::Nothing;
        }
        let arrival = self.reception.on_packet(&packet, now);
        self.packets += 1;
        self.octets += packet.payload.len() as u64;
        self.alive(now);
        if now - self.heard_at > GAP {
            self.sounded_at = now;
        }
        self.heard_at = now;
        self.paused = is_noise;
        if matches!(arrival, Arrival::Duplicate | Arrival::Jump) {
            return Arrived::Nothing;
        }
        if is_sound {
            return Arrived::Sound(packet);
        }
        if is_event {
            self.event_packets += 1;
            self.events.on_packet(&packet, now);
            return Arrived::Event(packet);
        }
        Arrived::Noise(packet)
    }

    /// Whether this is the first time that the far side was heard.
    pub(crate) fn first_heard(&mut self) -> bool {
        self.packets > 0 && !std::mem::replace(&mut self.heard, true)
    }

    /// Reports the digits that are complete.
    pub(crate) fn digits(&mut self, mut report: impl FnMut(MediaFact)) {
        while let Some(event) = self.events.poll() {
            if let DigitEvent::Ended { digit, duration_ms, .. } = event {
                report(MediaFact::Digit { digit, duration_ms });
            }
        }
    }

    /// Lets time pass for a digit whose end was lost; true when digits may be complete.
    pub(crate) fn on_time(&mut self, now: Timestamp) -> bool {
        let due = self.events.deadline().is_some_and(|deadline| deadline <= now);
        if due {
            self.events.on_time(now);
        }
        due
    }
}

/// Whether a packet holds nothing at all, where that can be told without decoding it.
fn is_digital_silence(codec: Codec, payload: &[u8]) -> bool {
    match law_of(codec) {
        Some(law) => payload.iter().all(|octet| (octet ^ law.silence()) & 0x7f <= 1),
        None => codec == Codec::Opus && payload.len() <= OPUS_NOTHING,
    }
}
