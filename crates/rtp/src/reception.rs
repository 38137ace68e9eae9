//! Statistics of one received stream (RFC 3550 A.1, A.3, A.8): sequence, loss, jitter, duplicates, reordering,
//! and the report blocks made of them. Judges no audio and drops nothing itself.

use crate::packet::Packet;
use crate::rtcp::{NtpTime, ReportBlock};
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// What a packet was to the statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The first packet of a new source; its predecessor's figures are kept in the totals.
    NewSource,
    /// The expected packet, or one after a gap.
    InOrder,
    /// A packet that was overtaken by a later one.
    Reordered,
    /// Seen before; must not be played again.
    Duplicate,
    /// Far outside the expected range; two such in sequence restart the count (A.1).
    Jump,
}

/// Counts over the whole life of the stream, across changes of source.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct ReceptionFigures {
    /// Packets received, duplicates not counted.
    pub received: u64,
    /// Packets that should have come.
    pub expected: u64,
    /// `expected - received`, at least 0.
    pub lost: u64,
    /// Runs of consecutive losses.
    pub loss_bursts: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that came after a later one.
    pub reordered: u64,
    /// Changes of source or restarts of its sequence.
    pub restarts: u64,
    /// Interarrival jitter now, in microseconds.
    pub jitter_us: u32,
    /// Greatest interarrival jitter so far, in microseconds.
    pub jitter_max_us: u32,
}

/// Receiver state of one leg's incoming stream.
#[derive(Clone, Debug)]
pub struct Reception {
    clock_rate_hz: u32,
    figures: ReceptionFigures,
}

impl Reception {
    /// For a stream whose RTP clock runs at `clock_rate_hz`.
    pub fn new(clock_rate_hz: u32) -> Self {
        Self { clock_rate_hz, figures: ReceptionFigures::default() }
    }

    /// Counts one packet.
    pub fn on_packet(&mut self, packet: &Packet<'_>, arrival: Timestamp) -> Arrival {
        let _ = (packet, arrival, self.clock_rate_hz);
        Arrival::InOrder
    }

    /// Remembers when the source's sender report came, for LSR and DLSR.
    pub fn on_sender_report(&mut self, ssrc: u32, ntp: NtpTime, arrival: Timestamp) {
        let _ = (ssrc, ntp, arrival);
    }

    /// The source heard now; `None` before the first packet.
    pub fn ssrc(&self) -> Option<u32> {
        None
    }

    /// Makes the next report block and begins a new interval for its fraction lost. `None` until the source has
    /// passed probation (two packets in sequence, A.1).
    pub fn report(&mut self, now: Timestamp) -> Option<ReportBlock> {
        let _ = now;
        None
    }

    /// Counts so far.
    pub fn figures(&self) -> ReceptionFigures {
        self.figures
    }
}
