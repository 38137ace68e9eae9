//! A 2xx of ours, repeated until its ACK (RFC 3261 §13.3.1.4).

use crate::dialog::snapshot::AnswerSnapshot;
use crate::endpoint::order::{CallKey, Hop};
use crate::endpoint::wire::Wire;
use crate::transaction::{Timer, TimerId};
use model::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// A 2xx that is not acknowledged.
pub(in crate::session) struct SentAnswer {
    bytes: Arc<[u8]>,
    hop: Hop,
    pub(super) cseq: u32,
    /// The INVITE had an offer, so the ACK brings nothing.
    pub(super) had_offer: bool,
    interval: Duration,
    again: TimerId,
    give_up: TimerId,
}

impl SentAnswer {
    /// `bytes` were sent just now.
    pub(in crate::session) fn new(
        key: CallKey,
        bytes: Arc<[u8]>,
        hop: Hop,
        cseq: u32,
        had_offer: bool,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Self {
        let interval = wire.config.timers.t1;
        let again = wire.set(now + interval, Timer::AnswerAgain(key));
        let give_up = wire.set(now + wire.patience(), Timer::AnswerGiveUp(key));
        Self { bytes, hop, cseq, had_offer, interval, again, give_up }
    }

    /// Sends one of another process again.
    pub(super) fn restore(kept: AnswerSnapshot, key: CallKey, wire: &mut Wire, now: Timestamp) -> Self {
        let bytes: Arc<[u8]> = kept.bytes.into();
        wire.sink.send(Some(key), kept.hop, &bytes, true);
        Self::new(key, bytes, kept.hop, kept.cseq, kept.had_offer, wire, now)
    }

    pub(super) fn snapshot(&self) -> AnswerSnapshot {
        AnswerSnapshot {
            bytes: self.bytes.to_vec(),
            hop: self.hop,
            cseq: self.cseq,
            had_offer: self.had_offer,
        }
    }

    pub(super) fn send_again(&mut self, key: CallKey, wire: &mut Wire, now: Timestamp) {
        self.interval = (self.interval * 2).min(wire.config.timers.t2);
        self.again = wire.set(now + self.interval, Timer::AnswerAgain(key));
        wire.sink.send(Some(key), self.hop, &self.bytes, true);
    }

    pub(super) fn stop(&self, wire: &mut Wire) {
        wire.timers.cancel(Some(self.again));
        wire.timers.cancel(Some(self.give_up));
    }
}
