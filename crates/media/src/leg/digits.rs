//! Digits on their way out: sequences of digits and waits, each digit as telephone events (RFC 4733) where the far
//! side knows them, else as tones in the sound.

use audio::Law;
use audio::tone::{ToneGenerator, ToneSpec};
use model::sound::DigitsId;
use ports::MediaError;
use rtp::dtmf::{EventPacket, EventSender, EventSenderConfig, EventTick};
use rtp::event::event_of_digit;
use rtp::jitter::FRAME_OCTETS;
use std::collections::VecDeque;

/// Most digits and waits in one sequence.
const STEPS_MAX: usize = 64;
/// Most sequences waiting on a leg.
const SCRIPTS_MAX: usize = 16;
/// How long a digit sounds.
const DIGIT_MS: u32 = 100;
/// Silence after a digit.
const GAP_MS: u32 = 60;
/// Length of a tick.
const TICK_MS: u32 = 20;

/// A sequence of digits and waits.
#[derive(Debug)]
pub(crate) struct Script {
    id: DigitsId,
    steps: Box<[Step]>,
    in_band: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Digit(char),
    Wait { ms: u32 },
}

impl Script {
    /// Reads `0`–`9`, `*`, `#`, `A`–`D`, `w` (half a second) and `W` (a second).
    pub(crate) fn parse(id: DigitsId, digits: &str, in_band: bool) -> Result<Self, MediaError> {
        let step = |digit: char| match digit {
            'w' => Ok(Step::Wait { ms: 500 }),
            'W' => Ok(Step::Wait { ms: 1_000 }),
            _ if event_of_digit(digit).is_some() => Ok(Step::Digit(digit)),
            _ => Err(MediaError::NotSound(format!(
                "`{}` is no digit; digits are 0-9, *, #, A-D, w and W",
                digit.escape_default()
            ))),
        };
        if digits.chars().count() > STEPS_MAX {
            return Err(MediaError::NotSound(format!("more than {STEPS_MAX} digits")));
        }
        Ok(Self { id, steps: digits.chars().map(step).collect::<Result<_, _>>()?, in_band })
    }
}

/// What a tick sends for the digits' sake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DigitTick {
    /// Nothing: other sound may go.
    Idle,
    /// Silence, between digits.
    Silence,
    /// The frame, which holds a tone.
    Tone,
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
    Tone(ToneGenerator),
}

/// Sends sequences one after the other.
#[derive(Debug)]
pub(crate) struct DigitSender {
    scripts: VecDeque<Script>,
    /// Steps of the first script that are done.
    done: usize,
    sending: Sending,
    events: EventSender,
}

impl Default for DigitSender {
    fn default() -> Self {
        let config = EventSenderConfig { gap_ms: GAP_MS, ..EventSenderConfig::default() };
        Self {
            scripts: VecDeque::new(),
            done: 0,
            sending: Sending::Nothing,
            events: EventSender::new(config),
        }
    }
}

impl DigitSender {
    /// Queues a sequence; gives its number back when too many wait.
    pub(crate) fn push(&mut self, script: Script) -> Result<(), DigitsId> {
        if self.scripts.len() >= SCRIPTS_MAX {
            return Err(script.id);
        }
        self.scripts.push_back(script);
        Ok(())
    }

    /// Whether nothing is sent or waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.scripts.is_empty()
    }

    /// The next 20 ms at media time `timestamp`. `events` says whether the far side knows telephone events;
    /// a sequence that ends here is returned beside.
    pub(crate) fn tick(
        &mut self,
        events: bool,
        timestamp: u32,
        law: Law,
        frame: &mut [u8; FRAME_OCTETS],
    ) -> (DigitTick, Option<DigitsId>) {
        loop {
            if let Some(tick) = self.carry_on(timestamp, law, frame) {
                return (tick, None);
            }
            let Some(script) = self.scripts.front() else { return (DigitTick::Idle, None) };
            let Some(step) = script.steps.get(self.done).copied() else {
                let id = script.id;
                self.scripts.pop_front();
                self.done = 0;
                return (DigitTick::Idle, Some(id));
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
            Step::Digit(digit) => match ToneSpec::dtmf(digit, DIGIT_MS, GAP_MS) {
                Some(tone) => Sending::Tone(ToneGenerator::new(tone, crate::prompts::TELEPHONE_RATE_HZ)),
                None => Sending::Nothing,
            },
        }
    }

    /// What goes on from the tick before; none when it is over.
    fn carry_on(&mut self, timestamp: u32, law: Law, frame: &mut [u8; FRAME_OCTETS]) -> Option<DigitTick> {
        match &mut self.sending {
            Sending::Nothing | Sending::Wait { ticks: 0 } => None,
            Sending::Wait { ticks } => {
                *ticks -= 1;
                frame.fill(law.silence());
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
            Sending::Tone(generator) => {
                let mut pcm = [0; FRAME_OCTETS];
                if generator.fill(&mut pcm) == 0 {
                    self.sending = Sending::Nothing;
                    return None;
                }
                audio::g711::encode(law, &pcm, frame);
                Some(DigitTick::Tone)
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
        let mut frame = [0; FRAME_OCTETS];
        let mut score = String::new();
        for tick in 0..1_000 {
            let (sent, finished) = sender.tick(events, tick * 160, Law::Mu, &mut frame);
            if let Some(id) = finished {
                assert_eq!((id, sent), (DigitsId(4), DigitTick::Idle));
                assert!(sender.is_idle());
                return score;
            }
            score.push(match sent {
                DigitTick::Idle => '.',
                DigitTick::Silence => '_',
                DigitTick::Tone => 't',
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
        let begins = |tick: u32| match sender.tick(true, tick * 160, Law::Mu, &mut [0; FRAME_OCTETS]).0 {
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
        assert_eq!(sender.push(script()), Err(DigitsId(1)));
    }
}
