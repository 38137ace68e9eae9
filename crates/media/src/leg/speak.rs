//! What a leg says: digits, a playback, sound that is relayed to it, silence or comfort noise, in this order.

use super::frame::{Frame, NARROW, law_of};
use super::outgoing::Way;
use super::relay::{Kind, Relayed};
use super::{Leg, Terms};
use crate::wire::Wire;
use model::Timestamp;
use model::sound::{Codec, MediaFact};
use ports::media::Blend;
use rtp::Packet;
use rtp::digits::{DigitTick, Script};
use rtp::event::{EventPayload, digit_of_event};
use std::net::SocketAddr;
use std::time::Duration;

/// A relay whose source is silent for so long sends silence of its own, so that the far side hears a stream.
const RELAY_SILENCE: Duration = Duration::from_millis(200);
/// Comfort noise is said anew each 200 ms, so that what lies between keeps its bindings.
const NOISE_TICKS: u32 = 10;
/// Its level, −dBov (RFC 3389 §3.1): hardly anything.
const NOISE_LEVEL: u8 = 75;

impl<W: Wire> Leg<W> {
    /// Sends on a packet of another leg. What this leg itself has to say goes first.
    pub(crate) fn relay(&mut self, relayed: &Relayed<'_>, now: Timestamp) {
        let Some(line) = &self.line else { return };
        let (terms, to) = (line.terms, line.latch.target());
        if self.muted || !terms.send {
            return;
        }
        match relayed.kind {
            Kind::Sound(from) => self.relay_sound(from, relayed, &terms, to, now),
            Kind::Event { clock_hz } => self.relay_event(clock_hz, relayed, &terms, to, now),
            Kind::Noise => {
                if let Some(payload_type) = terms.noise_payload_type.filter(|_| !self.is_busy()) {
                    let way = Way { wire: &self.wire, to };
                    self.outgoing.relay(way, payload_type, relayed, now);
                }
            }
        }
    }

    fn is_busy(&self) -> bool {
        self.player.is_some() || self.digits.is_some()
    }

    fn relay_sound(
        &mut self,
        from: Codec,
        relayed: &Relayed<'_>,
        terms: &Terms,
        to: SocketAddr,
        now: Timestamp,
    ) {
        if self.is_busy() {
            if self.player.is_some() && self.blend != Blend::Replace {
                self.converter.get_or_insert_default().put_under(from, terms.codec, &relayed.packet, now);
            }
            return;
        }
        let way = Way { wire: &self.wire, to };
        if from == terms.codec || (law_of(from).is_some() && law_of(terms.codec).is_some()) {
            self.outgoing.relay(way, terms.payload_type, relayed, now);
        } else {
            let outgoing = &mut self.outgoing;
            let converter = self.converter.get_or_insert_default();
            converter.transcode(from, terms.codec, &relayed.packet, |frame| {
                outgoing.relayed_frame(way, frame, now);
            });
        }
        self.noise_ticks = 0;
        self.recorders.iter_mut().for_each(|recorder| recorder.put_relayed(from, &relayed.packet, now));
    }

    /// Telephone events pass as they are where the far side knows them at the same clock; elsewhere the digit is sent
    /// anew, as this far side hears digits.
    fn relay_event(
        &mut self,
        clock_hz: u32,
        relayed: &Relayed<'_>,
        terms: &Terms,
        to: SocketAddr,
        now: Timestamp,
    ) {
        let known = terms.dtmf_payload_type.filter(|_| clock_hz == terms.codec.rtp_clock_hz());
        if let Some(payload_type) = known.filter(|_| !self.is_busy()) {
            let way = Way { wire: &self.wire, to };
            self.outgoing.relay(way, payload_type, relayed, now);
        } else if known.is_none() && self.event_seen != Some(relayed.packet.timestamp) {
            self.event_seen = Some(relayed.packet.timestamp);
            self.say_digit(&relayed.packet);
        }
    }

    fn say_digit(&mut self, packet: &Packet<'_>) {
        let event = EventPayload::parse(packet.payload);
        if let Some(digit) = event.and_then(|event| digit_of_event(event.event)) {
            // A far side that presses keys faster than they can be sent loses some.
            let _ = self.digits.get_or_insert_default().push(Script::relayed(digit));
        }
    }

    /// Says what there is to say in this tick; true when `frame`, which is silence, holds what was sent.
    pub(super) fn speak(
        &mut self,
        terms: &Terms,
        to: Option<SocketAddr>,
        frame: &mut Frame,
        now: Timestamp,
    ) -> bool {
        if self.digits.is_some()
            && let Some(said) = self.speak_digits(terms, to, frame, now)
        {
            return said;
        }
        if self.player.is_some() {
            return self.speak_playback(terms, to, frame, now);
        }
        let relaying = self.relay_to.is_some() || self.echo;
        if relaying && self.outgoing.relayed_within(RELAY_SILENCE, now) {
            return false;
        }
        match (terms.noise_payload_type, to) {
            (Some(payload_type), Some(to)) => {
                self.speak_noise(payload_type, to, now);
                false
            }
            _ => self.send_frame(to, frame, now),
        }
    }

    fn speak_playback(
        &mut self,
        terms: &Terms,
        to: Option<SocketAddr>,
        frame: &mut Frame,
        now: Timestamp,
    ) -> bool {
        let Some(player) = &mut self.player else { return false };
        let eighths = player.fill(frame);
        let (over, codec) = (player.is_over(), player.codec());
        if to.is_some() {
            player.count_sent(eighths);
        }
        let blends = self.converter.as_ref().is_some_and(|converter| converter.has_under());
        match (law_of(codec), law_of(terms.codec)) {
            (Some(theirs), Some(ours)) if !blends => {
                if theirs != ours {
                    audio::g711::transcode_in_place(theirs, ours, frame.octets_mut());
                }
            }
            _ if codec == terms.codec && !blends => {}
            _ => {
                let converter = self.converter.get_or_insert_default();
                converter.remake(codec, terms.codec, self.blend, frame, now);
            }
        }
        let said = self.send_frame(to, frame, now);
        if over {
            self.end_playback();
        }
        said
    }

    /// Goes on with digits; none when there are none in this tick.
    fn speak_digits(
        &mut self,
        terms: &Terms,
        to: Option<SocketAddr>,
        frame: &mut Frame,
        now: Timestamp,
    ) -> Option<bool> {
        let digits = self.digits.as_mut()?;
        let events = terms.dtmf_payload_type;
        let timestamp = self.outgoing.stream().timestamp();
        let mut tone = [0; NARROW];
        let (tick, finished) = digits.tick(events.is_some(), terms.codec, timestamp, &mut tone);
        if digits.is_idle() {
            self.digits = None;
        }
        if let Some(id) = finished {
            self.sink.media(self.id, MediaFact::DigitsSent { id });
        }
        match (tick, to) {
            (DigitTick::Idle, _) => return None,
            (DigitTick::Silence, _) => return Some(self.send_frame(to, frame, now)),
            (DigitTick::Tone { .. }, _) => {
                match law_of(terms.codec) {
                    Some(law) => {
                        audio::g711::encode(law, &tone, frame.octets_mut());
                    }
                    None => self.converter.get_or_insert_default().tone(terms.codec, &tone, frame),
                }
                return Some(self.send_frame(to, frame, now));
            }
            (DigitTick::Event(event), Some(to)) => {
                let way = Way { wire: &self.wire, to };
                self.outgoing.event(way, events.unwrap_or_default(), &event, now);
            }
            (DigitTick::Pause | DigitTick::Event(_), _) => self.outgoing.pause(1),
        }
        self.noise_ticks = 0;
        Some(false)
    }

    fn speak_noise(&mut self, payload_type: u8, to: SocketAddr, now: Timestamp) {
        if self.noise_ticks.is_multiple_of(NOISE_TICKS) {
            let way = Way { wire: &self.wire, to };
            self.outgoing.noise(way, payload_type, &[NOISE_LEVEL], now);
        } else {
            self.outgoing.pause(1);
        }
        self.noise_ticks = self.noise_ticks.wrapping_add(1);
    }

    /// Sends 20 ms, or lets them pass where nothing may be sent; true when they were sent.
    fn send_frame(&mut self, to: Option<SocketAddr>, frame: &Frame, now: Timestamp) -> bool {
        self.noise_ticks = 0;
        match to {
            Some(to) => self.outgoing.frame(Way { wire: &self.wire, to }, frame.octets(), now),
            None => self.outgoing.pause(1),
        }
        to.is_some()
    }
}
