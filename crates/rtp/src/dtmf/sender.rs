//! Sends digits as telephone events (RFC 4733 §2.5.1), one packet per 20 ms tick. Knows no clock: a tick is a
//! call, and media time is an argument.

use crate::event::{EVENT_LEN, EventPayload, digit_of_event, event_of_digit};
use std::collections::VecDeque;

/// Most digits and pauses waiting in a sender.
pub const SENDER_QUEUE_MAX: usize = 64;
/// Longest digit a sender sends, in milliseconds; shorter where the clock is so fast that the duration field
/// would overflow (1.3 s at 48 kHz).
pub const DIGIT_MS_MAX: u32 = 5_000;
/// Longest pause a sender keeps, in milliseconds.
pub const PAUSE_MS_MAX: u32 = 10_000;

const TICK_MS: u32 = 20;
const DIGIT_TICKS_MIN: u32 = 2;
/// The final packet is sent three times in all (§2.5.1.4).
const END_PACKETS: u32 = 3;

/// How a sender sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSenderConfig {
    /// RTP clock of the telephone-event payload type, 8000 unless negotiated otherwise.
    pub clock_rate_hz: u32,
    /// Pause between digits in milliseconds; at least 40.
    pub gap_ms: u32,
    /// Power in −dBm0, 0–63.
    pub volume: u8,
}

impl Default for EventSenderConfig {
    fn default() -> Self {
        Self { clock_rate_hz: 8_000, gap_ms: 60, volume: 10 }
    }
}

/// What a sender wants at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTick {
    /// Nothing: send audio.
    Idle,
    /// Silence between or before digits: send neither audio nor event.
    Pause,
    /// Send this packet in place of audio.
    Packet(EventPacket),
}

/// One event packet to send; `session::Sender::event` makes its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPacket {
    /// Marker bit: first packet of the event.
    pub marker: bool,
    /// Time stamp of the event's beginning, the same in all its packets.
    pub timestamp: u32,
    /// The payload.
    pub payload: [u8; EVENT_LEN],
    /// The digit, when this is the last packet of its event.
    pub finished: Option<char>,
}

/// Sends digits, one packet per 20 ms tick.
#[derive(Clone, Debug)]
pub struct EventSender {
    config: EventSenderConfig,
    waiting: VecDeque<Waiting>,
    sending: Option<Sending>,
    /// Ticks until the next digit may begin.
    gap_left: u32,
}

#[derive(Clone, Copy, Debug)]
enum Waiting {
    Digit { event: u8, ticks: u32 },
    Pause { ticks: u32 },
}

#[derive(Clone, Copy, Debug)]
struct Sending {
    event: u8,
    timestamp: u32,
    ticks: u32,
    ticks_sent: u32,
    ends_sent: u32,
}

impl EventSender {
    /// A sender with nothing to send.
    pub fn new(config: EventSenderConfig) -> Self {
        Self { config, waiting: VecDeque::with_capacity(SENDER_QUEUE_MAX), sending: None, gap_left: 0 }
    }

    /// Queues a digit of `duration_ms` (rounded up to whole ticks, 40 ms at least, `DIGIT_MS_MAX` at most).
    pub fn push(&mut self, digit: char, duration_ms: u32) -> Result<(), DigitError> {
        let event = event_of_digit(digit).ok_or(DigitError::NotADigit)?;
        let ticks_max = u32::from(u16::MAX) / self.units_per_tick();
        let ticks = duration_ms.min(DIGIT_MS_MAX).div_ceil(TICK_MS).max(DIGIT_TICKS_MIN).min(ticks_max);
        self.enqueue(Waiting::Digit { event, ticks })
    }

    /// Queues silence of `pause_ms` (`PAUSE_MS_MAX` at most) before the digits that follow.
    pub fn push_pause(&mut self, pause_ms: u32) -> Result<(), DigitError> {
        self.enqueue(Waiting::Pause { ticks: pause_ms.min(PAUSE_MS_MAX).div_ceil(TICK_MS) })
    }

    /// What to send at this tick; `timestamp` is the stream's media time at the tick (`Sender::timestamp`).
    pub fn tick(&mut self, timestamp: u32) -> EventTick {
        if let Some(sending) = self.sending {
            return EventTick::Packet(self.send(sending));
        }
        if self.gap_left > 0 {
            self.gap_left -= 1;
            return if self.waiting.is_empty() { EventTick::Idle } else { EventTick::Pause };
        }
        match self.waiting.pop_front() {
            None => EventTick::Idle,
            Some(Waiting::Pause { ticks }) => {
                self.gap_left = ticks.saturating_sub(1);
                EventTick::Pause
            }
            Some(Waiting::Digit { event, ticks }) => {
                EventTick::Packet(self.send(Sending { event, timestamp, ticks, ticks_sent: 0, ends_sent: 0 }))
            }
        }
    }

    /// Whether nothing is being sent or waiting.
    pub fn is_idle(&self) -> bool {
        self.sending.is_none() && self.waiting.is_empty()
    }

    /// Whether the pause after the last digit, or one that was queued, is not over yet: a digit that is pushed now
    /// begins after it.
    pub fn is_pausing(&self) -> bool {
        self.sending.is_none() && self.gap_left > 0
    }

    /// Forgets what waits. A digit that has begun is ended properly.
    pub fn clear(&mut self) {
        self.waiting.clear();
        if let Some(sending) = &mut self.sending {
            sending.ticks = sending.ticks.min(sending.ticks_sent + 1);
        }
    }

    fn enqueue(&mut self, waiting: Waiting) -> Result<(), DigitError> {
        if self.waiting.len() >= SENDER_QUEUE_MAX {
            return Err(DigitError::QueueFull);
        }
        self.waiting.push_back(waiting);
        Ok(())
    }

    fn send(&mut self, mut sending: Sending) -> EventPacket {
        let marker = sending.ticks_sent == 0;
        sending.ticks_sent = (sending.ticks_sent + 1).min(sending.ticks);
        let end = sending.ticks_sent == sending.ticks;
        sending.ends_sent += u32::from(end);
        let last = sending.ends_sent == END_PACKETS;
        let duration = sending.ticks_sent.saturating_mul(self.units_per_tick());
        let payload = EventPayload {
            event: sending.event,
            end,
            volume: self.config.volume.min(63),
            duration: u16::try_from(duration).unwrap_or(u16::MAX),
        };
        self.sending = (!last).then_some(sending);
        if last {
            // The repeated end packets were sent in the gap already.
            self.gap_left = self.config.gap_ms.div_ceil(TICK_MS).saturating_sub(END_PACKETS - 1);
        }
        EventPacket {
            marker,
            timestamp: sending.timestamp,
            payload: payload.to_bytes(),
            finished: if last { digit_of_event(sending.event) } else { None },
        }
    }

    fn units_per_tick(&self) -> u32 {
        (self.config.clock_rate_hz / (1_000 / TICK_MS)).max(1)
    }
}

/// Why a digit was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigitError {
    /// The character is no DTMF digit.
    #[error("not a DTMF digit")]
    NotADigit,
    /// `SENDER_QUEUE_MAX` digits wait.
    #[error("too many digits waiting")]
    QueueFull,
}
