//! What a leg hears on its port: which datagrams are the far side's, which are sound, which are digits. Counts them;
//! decodes nothing.

use model::Timestamp;
use model::sound::MediaFact;
use ports::media::MediaConnection;
use rtp::dtmf::{DigitEvent, EventReceiver, EventReceiverConfig};
use rtp::reception::Arrival;
use rtp::{Latch, Packet, Reception, Verdict};
use std::net::SocketAddr;
use std::time::Duration;

/// RTP clock of G.711 and of its telephone events.
const CLOCK_RATE_HZ: u32 = 8_000;
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
}

/// The receiving side of a leg.
#[derive(Debug)]
pub(crate) struct Incoming {
    reception: Reception,
    events: EventReceiver,
    packets: u64,
    octets: u64,
    /// When the last packet came, or the connection was made.
    alive_at: Timestamp,
    heard: bool,
    timed_out: bool,
}

impl Incoming {
    /// Nothing has come.
    pub(crate) fn new() -> Self {
        Self {
            reception: Reception::new(CLOCK_RATE_HZ),
            events: EventReceiver::new(EventReceiverConfig::default()),
            packets: 0,
            octets: 0,
            alive_at: Timestamp::default(),
            heard: false,
            timed_out: false,
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

    /// Silence is measured anew from here: something of the far side came, or another session was agreed.
    pub(crate) const fn alive(&mut self, now: Timestamp) {
        self.alive_at = now;
        self.timed_out = false;
    }

    /// Judges a datagram that is not RTCP.
    pub(crate) fn on_datagram<'a>(
        &mut self,
        datagram: &'a [u8],
        source: SocketAddr,
        connection: &MediaConnection,
        latch: &mut Latch,
        now: Timestamp,
    ) -> Arrived<'a> {
        let Ok(packet) = Packet::parse(datagram) else { return Arrived::Nothing };
        let is_sound = packet.payload_type == connection.receive_payload_type;
        let is_event = connection.receive_dtmf_payload_type == Some(packet.payload_type);
        if !(is_sound || is_event || packet.payload_type == COMFORT_NOISE) {
            return Arrived::Nothing;
        }
        if latch.on_packet(source) == Verdict::Drop {
            return Arrived::Nothing;
        }
        let arrival = self.reception.on_packet(&packet, now);
        self.packets += 1;
        self.octets += packet.payload.len() as u64;
        self.alive(now);
        if matches!(arrival, Arrival::Duplicate | Arrival::Jump) {
            return Arrived::Nothing;
        }
        if is_sound {
            return Arrived::Sound(packet);
        }
        if is_event {
            self.events.on_packet(&packet, now);
            return Arrived::Event(packet);
        }
        Arrived::Nothing
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

    /// How long nothing has come, once it is longer than `limit`.
    pub(crate) fn silent_for(&mut self, limit: Duration, now: Timestamp) -> Option<Duration> {
        let silent = now - self.alive_at;
        if self.timed_out || silent < limit {
            return None;
        }
        self.timed_out = true;
        Some(silent)
    }
}
