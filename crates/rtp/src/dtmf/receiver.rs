//! Receives digits from telephone events (RFC 4733 §2.5.2): each digit once, in the order pressed, whatever
//! the network lost, repeated or reordered.

use crate::event::{EventPayload, digit_of_event};
use crate::packet::Packet;
use model::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// Reports that wait for `poll`; one packet makes four at most.
const REPORTS_MAX: usize = 32;
/// Packets this much older than the last digit are stragglers; older ones are a new time base.
const STRAGGLER: Duration = Duration::from_secs(5);
/// An event whose duration field is past this may go on in a next segment (§2.5.1.3).
const SEGMENT_FULL: u16 = 0xf000;

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

/// What a receiver reports, each digit once, in the order pressed; `Ended` always follows its `Started`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigitEvent {
    /// A digit has lasted the least duration; a prompt may be cut.
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
    open: Option<Open>,
    done: Option<Done>,
    reports: VecDeque<DigitEvent>,
}

/// A digit whose end has not come.
#[derive(Clone, Copy, Debug)]
struct Open {
    ssrc: u32,
    event: u8,
    digit: char,
    /// Time stamp of the present segment; the first one unless the digit is very long.
    timestamp: u32,
    segment_units: u16,
    /// Units in segments before the present one.
    earlier_units: u32,
    volume: u8,
    first_at: Timestamp,
    last_at: Timestamp,
    started: bool,
}

/// The last digit that was completed, to know its stragglers by.
#[derive(Clone, Copy, Debug)]
struct Done {
    ssrc: u32,
    event: u8,
    timestamp: u32,
    last_at: Timestamp,
}

impl EventReceiver {
    /// A receiver that has heard nothing.
    pub fn new(config: EventReceiverConfig) -> Self {
        let config = EventReceiverConfig { clock_rate_hz: config.clock_rate_hz.max(1), ..config };
        Self { config, open: None, done: None, reports: VecDeque::with_capacity(REPORTS_MAX) }
    }

    /// Takes one packet of the telephone-event payload type. Events that are no digit are ignored.
    pub fn on_packet(&mut self, packet: &Packet<'_>, now: Timestamp) {
        self.on_time(now);
        let Some(payload) = EventPayload::parse(packet.payload) else { return };
        let Some(digit) = digit_of_event(payload.event) else { return };
        let Some(mut open) = self.adopt(packet, payload, digit, now) else { return };
        open.segment_units = open.segment_units.max(payload.duration);
        open.volume = payload.volume;
        open.last_at = now;
        let lasted_ms = self.duration_ms(&open).max(millis(now.since(open.first_at)));
        if lasted_ms >= self.config.duration_min_ms {
            self.start(&mut open);
        }
        self.open = Some(open);
        if payload.end {
            self.finish(open.started);
        }
    }

    /// Lets time pass; call at each tick or at `deadline`.
    pub fn on_time(&mut self, now: Timestamp) {
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.finish(true);
        }
    }

    /// When `on_time` must be called at the latest; `None` while no digit is open.
    pub fn deadline(&self) -> Option<Timestamp> {
        let timeout = Duration::from_millis(u64::from(self.config.end_timeout_ms));
        self.open.map(|open| open.last_at + timeout)
    }

    /// The next report.
    pub fn poll(&mut self) -> Option<DigitEvent> {
        self.reports.pop_front()
    }

    /// The digit a packet belongs to: the open one, or a new one. `None` for stragglers.
    fn adopt(
        &mut self,
        packet: &Packet<'_>,
        payload: EventPayload,
        digit: char,
        now: Timestamp,
    ) -> Option<Open> {
        if let Some(open) = self.open.filter(|open| open.ssrc == packet.ssrc) {
            let ahead = packet.timestamp.wrapping_sub(open.timestamp);
            if ahead == 0 && payload.event == open.event {
                return Some(open);
            }
            if (ahead as i32) < 0 && self.is_recent(ahead.wrapping_neg()) {
                return None;
            }
            if let Some(longer) = next_segment(&open, packet, payload) {
                return Some(longer);
            }
        } else if self.open.is_none() && self.is_straggler(packet, payload, now) {
            return None;
        }
        // Whatever was open has ended: its end packets were lost.
        self.finish(true);
        Some(Open {
            ssrc: packet.ssrc,
            event: payload.event,
            digit,
            timestamp: packet.timestamp,
            segment_units: 0,
            earlier_units: 0,
            volume: payload.volume,
            first_at: now,
            last_at: now,
            started: false,
        })
    }

    /// A packet of the last digit, or of one before it.
    fn is_straggler(&mut self, packet: &Packet<'_>, payload: EventPayload, now: Timestamp) -> bool {
        let Some(done) = self.done.as_mut().filter(|done| done.ssrc == packet.ssrc) else { return false };
        if now.since(done.last_at) > STRAGGLER {
            return false;
        }
        let behind = done.timestamp.wrapping_sub(packet.timestamp);
        if behind == 0 {
            done.last_at = now;
            return done.event == payload.event;
        }
        (behind as i32) > 0 && self.is_recent(behind)
    }

    fn is_recent(&self, behind_units: u32) -> bool {
        u64::from(behind_units) < STRAGGLER.as_secs() * u64::from(self.config.clock_rate_hz)
    }

    fn start(&mut self, open: &mut Open) {
        if !std::mem::replace(&mut open.started, true) {
            self.report(DigitEvent::Started { digit: open.digit });
        }
    }

    /// Completes the open digit, if any. One that is `valid` counts even if its least duration was never seen:
    /// where the end packets were lost, its true length is unknown.
    fn finish(&mut self, valid: bool) {
        let Some(mut open) = self.open.take() else { return };
        let Open { ssrc, event, timestamp, last_at, .. } = open;
        self.done = Some(Done { ssrc, event, timestamp, last_at });
        if valid {
            self.start(&mut open);
            let duration_ms = self.duration_ms(&open);
            self.report(DigitEvent::Ended { digit: open.digit, duration_ms, volume: open.volume });
        }
    }

    fn report(&mut self, report: DigitEvent) {
        if self.reports.len() < REPORTS_MAX {
            self.reports.push_back(report);
        }
    }

    fn duration_ms(&self, open: &Open) -> u32 {
        let units = u64::from(open.earlier_units) + u64::from(open.segment_units);
        u32::try_from(units * 1_000 / u64::from(self.config.clock_rate_hz)).unwrap_or(u32::MAX)
    }
}

/// A digit longer than its duration field can say goes on under a new time stamp, without marker (§2.5.1.3).
fn next_segment(open: &Open, packet: &Packet<'_>, payload: EventPayload) -> Option<Open> {
    let ahead = packet.timestamp.wrapping_sub(open.timestamp);
    let continues = payload.event == open.event
        && !packet.marker
        && open.segment_units >= SEGMENT_FULL
        && (u32::from(open.segment_units)..=u32::from(u16::MAX) + 1).contains(&ahead);
    let earlier_units = open.earlier_units.saturating_add(ahead);
    continues.then_some(Open { timestamp: packet.timestamp, segment_units: 0, earlier_units, ..*open })
}

fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}
