//! What is reported of a leg's sound: counts and quality of the last window, and of the whole. Counts nothing
//! itself.

use crate::counters::Counters;
use crate::leg::hearing::Loudness;
use model::Timestamp;
use model::sound::{Codec, MediaFigures};
use rtp::quality::{PathFigures, burst_ratio, estimate};
use rtp::reception::ReceptionFigures;
use std::sync::Arc;
use std::time::Duration;

/// All counts of a leg at one moment, from its beginning.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Packets and payload octets received.
    pub(crate) received: (u64, u64),
    /// Packets and payload octets sent.
    pub(crate) sent: (u64, u64),
    /// Packets of telephone events received and sent.
    pub(crate) events: (u64, u64),
    /// Packets that came too late to be played.
    pub(crate) late: u64,
    /// Packets of strangers.
    pub(crate) foreign: u64,
    /// Statistics of reception.
    pub(crate) reception: ReceptionFigures,
}

/// What is not counted but measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// The codec agreed.
    pub(crate) codec: Codec,
    /// Whether the far side was to send.
    pub(crate) receive: bool,
    /// Time there and back.
    pub(crate) round_trip: Option<Duration>,
    /// Loudness of the far side since the last window.
    pub(crate) heard: Loudness,
    /// Loudness of what was sent since the last window.
    pub(crate) said: Loudness,
}

/// Makes windows of counts.
#[derive(Debug)]
pub(crate) struct Figures {
    interval: Duration,
    next_at: Timestamp,
    before: Counts,
    heard: Loudness,
    said: Loudness,
    counters: Arc<Counters>,
}

impl Figures {
    /// A window each `interval`, also counted for the operator.
    pub(crate) fn new(interval: Duration, counters: Arc<Counters>) -> Self {
        Self {
            interval,
            next_at: Timestamp::default(),
            before: Counts::default(),
            heard: Loudness::default(),
            said: Loudness::default(),
            counters,
        }
    }

    /// The first window begins.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.next_at = now + self.interval;
    }

    /// Whether a window is over; the next one begins.
    pub(crate) fn is_due(&mut self, now: Timestamp) -> bool {
        let due = now >= self.next_at;
        if due {
            self.next_at = now + self.interval;
        }
        due
    }

    /// The figures since this was last asked.
    pub(crate) fn window(&mut self, counts: Counts, measured: Measured) -> MediaFigures {
        self.take(measured);
        let before = std::mem::replace(&mut self.before, counts);
        let since = since(counts, before);
        self.counters.add(&since);
        let mut figures = make(since, measured);
        figures.total = false;
        figures
    }

    /// The figures of the whole leg.
    pub(crate) fn total(&mut self, counts: Counts, measured: Measured) -> MediaFigures {
        self.take(measured);
        self.counters.add(&since(counts, self.before));
        make(counts, Measured { heard: self.heard, said: self.said, ..measured })
    }

    fn take(&mut self, measured: Measured) {
        self.heard.join(measured.heard);
        self.said.join(measured.said);
    }
}

/// Late packets of a loss may make a count shrink; then nothing was lost in the window.
fn since(now: Counts, before: Counts) -> Counts {
    let pair = |now: (u64, u64), before: (u64, u64)| {
        (now.0.saturating_sub(before.0), now.1.saturating_sub(before.1))
    };
    let reception = ReceptionFigures {
        received: now.reception.received.saturating_sub(before.reception.received),
        expected: now.reception.expected.saturating_sub(before.reception.expected),
        lost: now.reception.lost.saturating_sub(before.reception.lost),
        loss_bursts: now.reception.loss_bursts.saturating_sub(before.reception.loss_bursts),
        ..now.reception
    };
    Counts {
        received: pair(now.received, before.received),
        sent: pair(now.sent, before.sent),
        events: pair(now.events, before.events),
        late: now.late.saturating_sub(before.late),
        foreign: now.foreign.saturating_sub(before.foreign),
        reception,
    }
}

fn make(counts: Counts, measured: Measured) -> MediaFigures {
    let reception = counts.reception;
    let jitter_ms = f64::from(reception.jitter_us) / 1_000.0;
    let missed = (reception.lost + counts.late).min(reception.expected);
    let loss_ratio = match reception.expected {
        0 if measured.receive => 1.0,
        0 => 0.0,
        expected => missed as f64 / expected as f64,
    };
    let quality = estimate(&PathFigures {
        codec: measured.codec.into(),
        loss_ratio,
        burst_ratio: burst_ratio(reception.expected, reception.lost, reception.loss_bursts),
        delay_ms: measured.round_trip.map_or(0.0, |time| time.as_secs_f64() * 500.0),
        jitter_ms,
    });
    MediaFigures {
        received_packets: counts.received.0,
        received_bytes: counts.received.1,
        sent_packets: counts.sent.0,
        sent_bytes: counts.sent.1,
        lost_packets: reception.lost,
        loss_bursts: reception.loss_bursts,
        received_event_packets: counts.events.0,
        sent_event_packets: counts.events.1,
        late_packets: counts.late,
        foreign_packets: counts.foreign,
        jitter_ms: jitter_ms as f32,
        jitter_max_ms: reception.jitter_max_us as f32 / 1_000.0,
        round_trip_ms: measured.round_trip.map(|time| time.as_secs_f32() * 1_000.0),
        received_level_dbfs: measured.heard.dbfs(),
        sent_level_dbfs: measured.said.dbfs(),
        mos: (counts.received.0 > 0).then_some(quality.mos as f32),
        codec: Some(measured.codec),
        total: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Measured {
        let (heard, said) = (Loudness::default(), Loudness::default());
        let round_trip = Some(Duration::from_millis(40));
        Measured { codec: Codec::Pcma, receive: true, round_trip, heard, said }
    }

    fn counts(received: u64, lost: u64) -> Counts {
        let reception =
            ReceptionFigures { received, lost, expected: received + lost, ..ReceptionFigures::default() };
        Counts { received: (received, received * 160), reception, ..Counts::default() }
    }

    #[test]
    fn a_window_holds_what_came_since_the_last_and_the_total_all() {
        let mut figures = Figures::new(Duration::from_secs(10), Arc::default());
        let first = figures.window(counts(500, 2), measured());
        assert_eq!((first.received_packets, first.lost_packets, first.total), (500, 2, false));
        let second = figures.window(counts(900, 1), measured());
        assert_eq!((second.received_packets, second.received_bytes, second.lost_packets), (400, 64_000, 0));
        let total = figures.total(counts(1_000, 3), measured());
        assert_eq!((total.received_packets, total.lost_packets, total.total), (1_000, 3, true));
        assert_eq!(total.round_trip_ms, Some(40.0));
        assert_eq!((total.received_level_dbfs, total.codec), (None, Some(Codec::Pcma)));
    }

    #[test]
    fn windows_come_at_their_interval() {
        let mut figures = Figures::new(Duration::from_secs(10), Arc::default());
        let start = Timestamp::from_millis(5_000);
        figures.begin(start);
        assert!(!figures.is_due(start + Duration::from_millis(9_999)));
        assert!(figures.is_due(start + Duration::from_secs(10)));
        assert!(!figures.is_due(start + Duration::from_secs(11)));
    }
}
