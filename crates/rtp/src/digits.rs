//! Digits on their way out: sequences of digits and waits, each digit as telephone events (RFC 4733) where the far
//! side knows them, else as a tone that the caller makes. Counts in ticks of 20 ms; knows no sound.

use crate::dtmf::{EventPacket, EventSender, EventSenderConfig, EventTick};
use crate::event::event_of_digit;
use model::sound::{Codec, DigitsId};
use std::collections::VecDeque;

/// How long a digit sounds, in milliseconds.
pub const DIGIT_MS: u32 = 100;
/// Silence after a digit, in milliseconds.
pub const GAP_MS: u32 = 60;
/// Most digits and waits in one sequence.
const STEPS_MAX: usize = 64;
/// Most sequences waiting on a leg.
const SCRIPTS_MAX: usize = 16;
/// Length of a tick.
const TICK_MS: u32 = 20;

/// A sequence of digits and waits.
#[derive(Debug)]
pub struct Script {
    /// None where nobody asked for it.
    id: Option<DigitsId>,
    steps: Box<[Step]>,
    in_band: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Digit(char),
    Wait { ms: u32 },
}

/// Why a text is no sequence of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// A character means nothing.
    #[error("`{}` is no digit; digits are 0-9, *, #, A-D, w and W", .0.escape_default())]
    NoDigit(char),
    /// There are too many.
    #[error("more than {STEPS_MAX} digits")]
    TooMany,
}

impl Script {
    /// Reads `0`–`9`, `*`, `#`, `A`–`D`, `w` (half a second) and `W` (a second).
    pub fn parse(id: DigitsId, digits: &str, in_band: bool) -> Result<Self, ScriptError> {
        let step = |digit: char| match digit {
            'w' => Ok(Step::Wait { ms: 500 }),
            'W' => Ok(Step::Wait { ms: 1_000 }),
            _ if event_of_digit(digit).is_some() => Ok(Step::Digit(digit)),
            _ => Err(ScriptError::NoDigit(digit)),
        };
        if digits.chars().count() > STEPS_MAX {
            return Err(ScriptError::TooMany);
        }
        Ok(Self { id: Some(id), steps: digits.chars().map(step).collect::<Result<_, _>>()?, in_band })
    }

    /// A digit that came from a bridged leg.
    pub fn relayed(digit: char) -> Self {
        Self { id: None, steps: [Step::Digit(digit)].into(), in_band: false }
    }
}

/// What a tick sends for the digits' sake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigitTick {
    /// Nothing: other sound may go.
    Idle,
    /// Silence, between digits.
    Silence,
    /// The next 20 ms of a digit's tone: [`DIGIT_MS`] of sound, then [`GAP_MS`] of silence.
    Tone {
        /// Which digit.
        digit: char,
        /// Whether its tone begins here.
        begins: bool,
    },
    /// No packet at all.
    Pause,
    /// An event packet.
    Event(EventPacket),
}

/// What is being sent.
#[derive(Debug)]
enum Sending {
    Nothing,
    Wait { ticks: u32 },
    Event,
    Tone { digit: char, ticks: u32 },
}

/// Ticks of a digit's tone and its gap.
const TONE_TICKS: u32 = (DIGIT_MS + GAP_MS) / TICK_MS;

/// Sends sequences one after the other.
#[derive(Debug)]
pub struct DigitSender {
    scripts: VecDeque<Script>,
    /// Steps of the first script that are done.
    done: usize,
    sending: Sending,
    events: EventSender,
    /// Of the events.
    clock_rate_hz: u32,
}

impl Default for DigitSender {
    fn default() -> Self {
        let clock_rate_hz = Codec::Pcmu.rtp_clock_hz();
        Self {
            scripts: VecDeque::new(),
            done: 0,
            sending: Sending::Nothing,
            events: event_sender(clock_rate_hz),
            clock_rate_hz,
        }
    }
}

fn event_sender(clock_rate_hz: u32) -> EventSender {
    EventSender::new(EventSenderConfig { clock_rate_hz, gap_ms: GAP_MS, ..EventSenderConfig::default() })
}

impl DigitSender {
    /// Queues a sequence; gives its number back when too many wait.
    pub fn push(&mut self, script: Script) -> Result<(), Option<DigitsId>> {
        if self.scripts.len() >= SCRIPTS_MAX {
            return Err(script.id);
        }
        self.scripts.push_back(script);
        Ok(())
    }

    /// Whether nothing is sent or waits.
    pub fn is_idle(&self) -> bool {
        self.scripts.is_empty()
    }

    /// The next 20 ms at media time `timestamp`. `events` says whether the far side knows telephone events, which
    /// count time as `codec` does. A sequence that ends here is returned beside.
    pub fn tick(&mut self, events: bool, codec: Codec, timestamp: u32) -> (DigitTick, Option<DigitsId>) {
        if codec.rtp_clock_hz() != self.clock_rate_hz && self.events.is_idle() {
            self.clock_rate_hz = codec.rtp_clock_hz();
            self.events = event_sender(self.clock_rate_hz);
        }
        loop {
            if let Some(tick) = self.carry_on(timestamp) {
                return (tick, None);
            }
            let Some(script) = self.scripts.front() else { return (DigitTick::Idle, None) };
            let Some(step) = script.steps.get(self.done).copied() else {
                let id = script.id;
                self.scripts.pop_front();
                self.done = 0;
                return (DigitTick::Idle, id);
            };
            let as_events = events && !script.in_band;
            self.done += 1;
            self.sending = self.begin(step, as_events);
        }
    }

    fn begin(&mut self, step: Step, as_events: bool) -> Sending {
        match step {
            Step::Wait { ms } => Sending::Wait { ticks: ms / TICK_MS },
            Step::Digit(digit) if as_events => match self.events.push(digit, DIGIT_MS) {
                Ok(()) => Sending::Event,
                Err(_) => Sending::Nothing,
            },
            Step::Digit(digit) => Sending::Tone { digit, ticks: TONE_TICKS },
        }
    }

    /// What goes on from the tick before; none when it is over.
    fn carry_on(&mut self, timestamp: u32) -> Option<DigitTick> {
        match &mut self.sending {
            Sending::Nothing | Sending::Wait { ticks: 0 } | Sending::Tone { ticks: 0, .. } => None,
            Sending::Wait { ticks } => {
                *ticks -= 1;
                Some(DigitTick::Silence)
            }
            // The pause after a digit belongs to it: the next one must not begin before.
            Sending::Event if self.events.is_pausing() => {
                self.events.tick(timestamp);
                Some(DigitTick::Pause)
            }
            Sending::Event => match self.events.tick(timestamp) {
                EventTick::Idle => {
                    self.sending = Sending::Nothing;
                    None
                }
                EventTick::Pause => Some(DigitTick::Pause),
                EventTick::Packet(packet) => Some(DigitTick::Event(packet)),
            },
            Sending::Tone { digit, ticks } => {
                let begins = *ticks == TONE_TICKS;
                *ticks -= 1;
                Some(DigitTick::Tone { digit: *digit, begins })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter a tick: what kind it was, until the sequence ended.
    fn score(digits: &str, in_band: bool, events: bool) -> String {
        let mut sender = DigitSender::default();
        sender.push(Script::parse(DigitsId(4), digits, in_band).unwrap()).unwrap();
        let mut score = String::new();
        for tick in 0..1_000 {
            let (sent, finished) = sender.tick(events, Codec::Pcmu, tick * 160);
            if let Some(id) = finished {
                assert_eq!((id, sent), (DigitsId(4), DigitTick::Idle));
                assert!(sender.is_idle());
                return score;
            }
            score.push(match sent {
                DigitTick::Idle => '.',
                DigitTick::Silence => '_',
                DigitTick::Tone { .. } => 't',
                DigitTick::Pause => 'p',
                DigitTick::Event(_) => 'e',
            });
        }
        panic!("never finished: {score}");
    }

    #[test]
    fn digits_go_as_events_where_they_are_known_and_as_tones_elsewhere() {
        assert_eq!(score("5", false, true), "eeeeeeep");
        assert_eq!(score("5", false, false), "tttttttt");
        assert_eq!(score("5", true, true), "tttttttt");
        assert_eq!(score("12", true, true), "t".repeat(16));
    }

    /// A digit of 100 ms is five packets, the last of them repeated twice: two ticks of the pause are gone by then.
    #[test]
    fn between_two_digits_are_60_ms_whatever_they_are_sent_as() {
        assert_eq!(score("12", false, true), "eeeeeeep".repeat(2));
        assert_eq!(score("1w2", false, true), format!("eeeeeeep{}eeeeeeep", "_".repeat(25)));
        let mut sender = DigitSender::default();
        for digit in ["1", "2"] {
            sender.push(Script::parse(DigitsId(1), digit, false).unwrap()).unwrap();
        }
        let begins = |tick: u32| match sender.tick(true, Codec::Pcmu, tick * 160).0 {
            DigitTick::Event(event) if event.marker => Some(tick * TICK_MS),
            _ => None,
        };
        let began: Vec<u32> = (0..30).filter_map(begins).collect();
        assert_eq!(began.len(), 2);
        assert!(began[1] - began[0] >= DIGIT_MS + GAP_MS, "of two sequences: {began:?}");
    }

    #[test]
    fn waits_are_silence() {
        assert_eq!(score("w", false, true), "_".repeat(25));
        assert_eq!(score("W", false, true), "_".repeat(50));
        assert_eq!(score("1w2", true, true), format!("{0}{1}{0}", "t".repeat(8), "_".repeat(25)));
        assert_eq!(score("", true, true), "");
    }

    #[test]
    fn what_is_no_digit_is_named() {
        let check = |digits: &str, part: &str| {
            let error = Script::parse(DigitsId(1), digits, false).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        check("12x", "`x`");
        check("1 2", "` `");
        check(&"1".repeat(65), "64");
        assert!(Script::parse(DigitsId(1), "0123456789*#ABCDwW", false).is_ok());
    }

    #[test]
    fn the_queue_of_sequences_is_bounded() {
        let mut sender = DigitSender::default();
        let script = || Script::parse(DigitsId(1), "1", false).unwrap();
        assert!((0..SCRIPTS_MAX).all(|_| sender.push(script()).is_ok()));
        assert_eq!(sender.push(script()), Err(Some(DigitsId(1))));
    }
}
