//! Digits as telephone events (RFC 4733): a sender that is asked once per tick, and a receiver that turns
//! redundant, lost and reordered packets into each digit once. Knows RTP packets, no tones and no flows.

use crate::event::EVENT_LEN;
use crate::packet::Packet;
use model::Timestamp;

/// Most digits waiting in a sender.
pub const SENDER_QUEUE_MAX: usize = 64;
/// Longest digit a sender sends, in milliseconds.
pub const DIGIT_MS_MAX: u32 = 5_000;

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
    /// Silence between or around digits: send neither audio nor event.
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
}

impl EventSender {
    /// A sender with nothing to send.
    pub fn new(config: EventSenderConfig) -> Self {
        Self { config }
    }

    /// Queues a digit of `duration_ms` (rounded up to whole ticks, 40 ms at least).
    pub fn push(&mut self, digit: char, duration_ms: u32) -> Result<(), DigitError> {
        let _ = (digit, duration_ms, self.config);
        Ok(())
    }

    /// Queues silence of `pause_ms` before the digits that follow.
    pub fn push_pause(&mut self, pause_ms: u32) -> Result<(), DigitError> {
        let _ = pause_ms;
        Ok(())
    }

    /// What to send at this tick; `timestamp` is the stream's media time at the tick (`Sender::timestamp`).
    pub fn tick(&mut self, timestamp: u32) -> EventTick {
        let _ = timestamp;
        EventTick::Idle
    }

    /// Whether nothing is being sent or waiting.
    pub fn is_idle(&self) -> bool {
        true
    }

    /// Forgets what waits. A digit that has begun is ended properly.
    pub fn clear(&mut self) {}
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

/// How a receiver judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventReceiverConfig {
    /// RTP clock of the telephone-event payload type.
    pub clock_rate_hz: u32,
    /// Digits known to be shorter than this many milliseconds are ignored.
    pub duration_min_ms: u32,
    /// A digit whose end packets were all lost ends this many milliseconds after its last packet.
    pub end_timeout_ms: u32,
}

impl Default for EventReceiverConfig {
    fn default() -> Self {
        Self { clock_rate_hz: 8_000, duration_min_ms: 40, end_timeout_ms: 200 }
    }
}

/// What a receiver reports, each digit once, in the order pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigitEvent {
    /// A digit's first packet came; sound should be muted, a prompt may be cut.
    Started {
        /// The digit.
        digit: char,
    },
    /// A digit is complete.
    Ended {
        /// The digit.
        digit: char,
        /// Its length in milliseconds, as far as known.
        duration_ms: u32,
        /// Its power in −dBm0.
        volume: u8,
    },
}

/// Receives digits.
#[derive(Clone, Debug)]
pub struct EventReceiver {
    config: EventReceiverConfig,
}

impl EventReceiver {
    /// A receiver that has heard nothing.
    pub fn new(config: EventReceiverConfig) -> Self {
        Self { config }
    }

    /// Takes one packet of the telephone-event payload type.
    pub fn on_packet(&mut self, packet: &Packet<'_>, now: Timestamp) {
        let _ = (packet, now, self.config);
    }

    /// Lets time pass; call at each tick or at `deadline`.
    pub fn on_time(&mut self, now: Timestamp) {
        let _ = now;
    }

    /// When `on_time` must be called at the latest; `None` while no digit is open.
    pub fn deadline(&self) -> Option<Timestamp> {
        None
    }

    /// The next report.
    pub fn poll(&mut self) -> Option<DigitEvent> {
        None
    }
}
