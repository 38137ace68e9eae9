//! What a worker counts for the operator. Its legs add their windows of figures here, so that no packet costs an atomic
//! operation; figures are as fresh as a window is long.

use crate::leg::Counts;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts over a worker's life.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Phases left out because the worker was late.
    pub(crate) skipped_phases: AtomicU64,
    /// Packets for other workers that found their queue full.
    pub(crate) forward_drops: AtomicU64,
    /// Orders that found its queue full.
    pub(crate) orders_refused: AtomicU64,
    /// Greatest lateness of a phase since this was last asked, in microseconds.
    pub(crate) lag_max_us: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    lost: AtomicU64,
    late: AtomicU64,
    foreign: AtomicU64,
}

/// Packets of all legs so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PacketFigures {
    /// Received and accepted.
    pub received: u64,
    /// Sent.
    pub sent: u64,
    /// Not received although others behind them were.
    pub lost: u64,
    /// Too late to be played.
    pub late: u64,
    /// Of strangers, or not what the keys say.
    pub foreign: u64,
}

impl Counters {
    /// Adds what a leg has counted since it last did.
    pub(crate) fn add(&self, counts: &Counts) {
        let add = |counter: &AtomicU64, count| counter.fetch_add(count, Ordering::Relaxed);
        add(&self.received, counts.received.0);
        add(&self.sent, counts.sent.0);
        add(&self.lost, counts.reception.lost);
        add(&self.late, counts.late);
        add(&self.foreign, counts.foreign);
    }

    /// Adds the packets counted here to `figures`.
    pub(crate) fn add_to(&self, figures: &mut PacketFigures) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        figures.received += read(&self.received);
        figures.sent += read(&self.sent);
        figures.lost += read(&self.lost);
        figures.late += read(&self.late);
        figures.foreign += read(&self.foreign);
    }
}
