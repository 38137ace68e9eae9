//! What a SIP user agent has done, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// The running counts, shared with whoever shows them.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) received: Count,
    pub(crate) sent: Count,
    pub(crate) retransmitted: Count,
    pub(crate) over_budget: Count,
    pub(crate) strangers: Count,
    pub(crate) send_failures: Count,
    pub(crate) orders_refused: Count,
    pub(crate) incoming: Count,
    pub(crate) panics: Count,
}

/// One count.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// One more.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a SIP user agent has done since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AgentFigures {
    /// Datagrams that arrived.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// How many of them were repetitions.
    pub retransmitted: u64,
    /// Datagrams dropped unread because their source had sent too many.
    pub over_budget: u64,
    /// Requests outside of any call that were dropped because of where they came from.
    pub strangers: u64,
    /// Datagrams that could not be sent.
    pub send_failures: u64,
    /// Orders that did not fit the call's state.
    pub orders_refused: u64,
    /// Incoming calls.
    pub incoming: u64,
    /// Pieces of work that ended in a panic: a datagram, an order, a timer or an event was lost by each.
    pub panics: u64,
}

impl Counters {
    /// The counts as they are now.
    pub(crate) fn figures(&self) -> AgentFigures {
        AgentFigures {
            received: self.received.get(),
            sent: self.sent.get(),
            retransmitted: self.retransmitted.get(),
            over_budget: self.over_budget.get(),
            strangers: self.strangers.get(),
            send_failures: self.send_failures.get(),
            orders_refused: self.orders_refused.get(),
            incoming: self.incoming.get(),
            panics: self.panics.get(),
        }
    }
}
