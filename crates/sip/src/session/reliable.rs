//! Provisional responses that the caller acknowledges by PRACK (RFC 3262 §3): one at a time, repeated until then. Knows no
//! session description but whether there is one.

use crate::endpoint::order::{CallKey, Hop, OrderError};
use crate::endpoint::wire::Wire;
use crate::message::rack::RAck;
use crate::message::{HeaderName, Message};
use crate::transaction::{Timer, TimerId};
use model::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Provisional responses that wait for the one before them.
const QUEUE_MAX: usize = 8;

/// Which provisional responses are reliable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The caller does not know 100rel.
    Never,
    /// It supports it: those with a session description.
    WithSdp,
    /// It requires it: all.
    Always,
}

/// A provisional response as ordered.
pub(super) type Provisional = (u16, Option<Vec<u8>>);

/// One that is not acknowledged.
struct Sent {
    rseq: u32,
    has_sdp: bool,
    bytes: Arc<[u8]>,
    hop: Hop,
    interval: Duration,
    again: TimerId,
    give_up: TimerId,
}

/// The reliable provisional responses of one INVITE.
pub(super) struct Reliable {
    mode: Mode,
    /// RSeq of the last one; drawn below 2³¹ (§3).
    rseq: u32,
    sent: Option<Sent>,
    queue: VecDeque<Provisional>,
}

impl Reliable {
    pub(super) fn new(invite: &Message<'_>, wire: &mut Wire) -> Self {
        let is_100rel = |tag: &[u8]| tag.eq_ignore_ascii_case(b"100rel");
        let mode = if invite.elements(HeaderName::Require).any(is_100rel) {
            Mode::Always
        } else if invite.elements(HeaderName::Supported).any(is_100rel) {
            Mode::WithSdp
        } else {
            Mode::Never
        };
        let rseq = if mode == Mode::Never { 0 } else { wire.tokens.below(1 << 30) };
        Self { mode, rseq, sent: None, queue: VecDeque::new() }
    }

    /// Whether a provisional response is to be acknowledged.
    pub(super) fn covers(&self, has_sdp: bool) -> bool {
        self.mode == Mode::Always || (self.mode == Mode::WithSdp && has_sdp)
    }

    /// Whether one waits for its PRACK.
    pub(super) const fn is_waiting(&self) -> bool {
        self.sent.is_some()
    }

    /// Whether one with a session description waits: no 2xx may go before its PRACK (§5).
    pub(super) fn holds_answer(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.has_sdp)
    }

    /// Keeps one until the one before it is acknowledged.
    pub(super) fn queue(&mut self, provisional: Provisional) -> Result<(), OrderError> {
        if self.queue.len() == QUEUE_MAX {
            return Err(OrderError::Full);
        }
        self.queue.push_back(provisional);
        Ok(())
    }

    /// The next one to send, now that none waits.
    pub(super) fn next(&mut self) -> Option<Provisional> {
        self.queue.pop_front()
    }

    /// The number of the next response.
    pub(super) fn next_rseq(&mut self) -> u32 {
        self.rseq += 1;
        self.rseq
    }

    /// The response with the number drawn last went out.
    pub(super) fn sent(
        &mut self,
        bytes: Arc<[u8]>,
        has_sdp: bool,
        hop: Hop,
        key: CallKey,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        let interval = wire.config.timers.t1;
        let again = wire.set(now + interval, Timer::ProvisionalAgain(key));
        let give_up = wire.set(now + wire.patience(), Timer::ProvisionalGiveUp(key));
        self.sent = Some(Sent { rseq: self.rseq, has_sdp, bytes, hop, interval, again, give_up });
    }

    /// Repeats it, each time after twice as long (§3).
    pub(super) fn send_again(&mut self, key: CallKey, wire: &mut Wire, now: Timestamp) {
        let Some(sent) = &mut self.sent else { return };
        sent.interval *= 2;
        sent.again = wire.set(now + sent.interval, Timer::ProvisionalAgain(key));
        wire.sink.send(Some(key), sent.hop, &sent.bytes, true);
    }

    /// Takes the PRACK that names it; gives whether it had a session description.
    pub(super) fn acknowledge(&mut self, rack: &RAck<'_>, invite_cseq: u32, wire: &mut Wire) -> Option<bool> {
        let fits = |sent: &mut Sent| {
            sent.rseq == rack.rseq && rack.cseq.number == invite_cseq && rack.cseq.method == "INVITE"
        };
        let sent = self.sent.take_if(fits)?;
        wire.timers.cancel(Some(sent.again));
        wire.timers.cancel(Some(sent.give_up));
        Some(sent.has_sdp)
    }

    /// A final response goes out: nothing is repeated any more. Gives the RSeq a PRACK may still name.
    pub(super) fn stop(&mut self, wire: &mut Wire) -> Option<u32> {
        self.queue.clear();
        let sent = self.sent.take()?;
        wire.timers.cancel(Some(sent.again));
        wire.timers.cancel(Some(sent.give_up));
        Some(sent.rseq)
    }
}
