//! Keys on their way out: digits and waits, each digit as telephone events (RFC 4733) or as a tone in the sound.

use super::FRAME_OCTETS;
use audio::Law;
use audio::tone::{ToneGenerator, ToneSpec};
use model::sound::DigitsId;
use rtp::dtmf::{EventPacket, EventSender, EventSenderConfig, EventTick};
use rtp::event::event_of_digit;
use std::collections::VecDeque;

/// How long a key sounds, and the silence behind it.
const DIGIT_MS: u32 = 100;
const GAP_MS: u32 = 60;
const RATE_HZ: u32 = 8_000;
/// Most sequences that may wait.
const SEQUENCES_MAX: usize = 16;

/// What 20 ms of keys are.
#[derive(Debug)]
pub(crate) enum KeyTick {
    /// Nothing: other sound may go.
    Idle,
    /// Silence.
    Silence,
    /// A tone, in the frame.
    Tone,
    /// An event packet.
    Event(EventPacket),
}

#[derive(Debug)]
enum Sending {
    Nothing,
    Wait { ticks: u32 },
    Event,
    Tone(ToneGenerator),
}

/// Sends sequences of keys.
#[derive(Debug)]
pub(crate) struct Keys {
    sequences: VecDeque<(DigitsId, VecDeque<char>, bool)>,
    sending: Sending,
    events: EventSender,
}

impl Default for Keys {
    fn default() -> Self {
        let config = EventSenderConfig { gap_ms: GAP_MS, ..EventSenderConfig::default() };
        Self { sequences: VecDeque::new(), sending: Sending::Nothing, events: EventSender::new(config) }
    }
}

impl Keys {
    /// Queues a sequence; false when too many wait.
    pub(crate) fn push(&mut self, id: DigitsId, digits: &str, in_band: bool) -> bool {
        let room = self.sequences.len() < SEQUENCES_MAX;
        if room {
            self.sequences.push_back((id, digits.chars().collect(), in_band));
        }
        room
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.sequences.is_empty()
    }

    /// The next 20 ms; and a sequence that is over.
    pub(crate) fn tick(
        &mut self,
        events: bool,
        timestamp: u32,
        law: Law,
        frame: &mut [u8; FRAME_OCTETS],
    ) -> (KeyTick, Option<DigitsId>) {
        loop {
            if let Some(tick) = self.carry_on(timestamp, law, frame) {
                return (tick, None);
            }
            let Some((id, digits, in_band)) = self.sequences.front_mut() else {
                return (KeyTick::Idle, None);
            };
            let Some(digit) = digits.pop_front() else {
                let id = *id;
                self.sequences.pop_front();
                return (KeyTick::Idle, Some(id));
            };
            let as_events = events && !*in_band;
            self.sending = self.begin(digit, as_events);
        }
    }

    fn begin(&mut self, digit: char, as_events: bool) -> Sending {
        match digit {
            'w' => Sending::Wait { ticks: 25 },
            'W' => Sending::Wait { ticks: 50 },
            _ if as_events && event_of_digit(digit).is_some() => match self.events.push(digit, DIGIT_MS) {
                Ok(()) => Sending::Event,
                Err(_) => Sending::Nothing,
            },
            _ => match ToneSpec::dtmf(digit, DIGIT_MS, GAP_MS) {
                Some(tone) => Sending::Tone(ToneGenerator::new(tone, RATE_HZ)),
                None => Sending::Nothing,
            },
        }
    }

    fn carry_on(&mut self, timestamp: u32, law: Law, frame: &mut [u8; FRAME_OCTETS]) -> Option<KeyTick> {
        match &mut self.sending {
            Sending::Nothing | Sending::Wait { ticks: 0 } => None,
            Sending::Wait { ticks } => {
                *ticks -= 1;
                Some(KeyTick::Silence)
            }
            Sending::Event if self.events.is_pausing() => {
                self.events.tick(timestamp);
                Some(KeyTick::Silence)
            }
            Sending::Event => match self.events.tick(timestamp) {
                EventTick::Idle => {
                    self.sending = Sending::Nothing;
                    None
                }
                EventTick::Pause => Some(KeyTick::Silence),
                EventTick::Packet(packet) => Some(KeyTick::Event(packet)),
            },
            Sending::Tone(generator) => {
                let mut pcm = [0; FRAME_OCTETS];
                if generator.fill(&mut pcm) == 0 {
                    self.sending = Sending::Nothing;
                    return None;
                }
                audio::g711::encode(law, &pcm, frame);
                Some(KeyTick::Tone)
            }
        }
    }
}
