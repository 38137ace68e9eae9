//! The ACK we owe: a 2xx to our INVITE or re-INVITE without offer made the offer, and its ACK waits for the application's
//! answer (RFC 3261 §13.2.2.4).

use crate::dialog::Dialog;
use crate::endpoint::order::CallKey;
use crate::endpoint::wire::Wire;
use crate::transaction::{ClientId, Timer, TimerId};
use model::Timestamp;

/// An ACK that waits.
pub(in crate::session) struct OwedAck {
    pub(super) transaction: ClientId,
    cseq: u32,
    /// Header lines with the INVITE's credentials.
    lines: Vec<u8>,
    timeout: TimerId,
}

impl OwedAck {
    pub(in crate::session) fn new(
        key: CallKey,
        transaction: ClientId,
        cseq: u32,
        lines: Vec<u8>,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Self {
        // Half of what the peer waits: it repeats its 2xx for 64·T1.
        let timeout = wire.set(now + wire.patience() / 2, Timer::AckTimeout(key));
        Self { transaction, cseq, lines, timeout }
    }

    /// Sends it, with the answer if there is one.
    pub(super) fn send(self, dialog: &Dialog, sdp: &[u8], wire: &mut Wire, now: Timestamp) {
        wire.timers.cancel(Some(self.timeout));
        wire.acknowledge(self.transaction, dialog, self.cseq, &self.lines, sdp, now);
    }
}
