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

/// Greatest forward gap in sequence that is loss and not a restart (RFC 3550 A.1).
const DROPOUT_MAX: u16 = 3_000;
/// How far behind a packet may come and still belong to the stream.
const MISORDER_MAX: u16 = 100;
/// Packets in sequence that make a source valid.
const SEQUENTIAL_MIN: u8 = 2;
/// A step of transit time beyond this, in seconds, is a new time base of the sender and not jitter.
const TRANSIT_STEP_MAX_S: u32 = 2;

/// Receiver state of one leg's incoming stream.
#[derive(Clone, Debug)]
pub struct Reception {
    clock_rate_hz: u32,
    source: Option<Source>,
    /// Totals of sources before the present one, and counts that need no source.
    past: ReceptionFigures,
    jitter_max_units: u32,
}

/// Counts of one source, or of one run of it between restarts.
#[derive(Clone, Debug)]
struct Source {
    ssrc: u32,
    first: u16,
    highest: u16,
    cycles: u32,
    /// The sequence number that would confirm a jump.
    jump_next: Option<u16>,
    probation: u8,
    /// Packets, duplicates counted as the RFC does.
    received_all: u64,
    duplicates: u64,
    /// Bit n says whether `highest - n` came; what lies before the first packet counts as come.
    window: u64,
    bursts: u64,
    in_burst: bool,
    expected_prior: u64,
    received_prior: u64,
    transit: Option<Transit>,
    /// Jitter in clock units, times 16.
    jitter_16: u32,
    last_report: Option<(NtpTime, Timestamp)>,
}

#[derive(Clone, Copy, Debug)]
struct Transit {
    timestamp: u32,
    transit: u32,
}

impl Reception {
    /// For a stream whose RTP clock runs at `clock_rate_hz`.
    pub fn new(clock_rate_hz: u32) -> Self {
        Self {
            clock_rate_hz: clock_rate_hz.max(1),
            source: None,
            past: ReceptionFigures::default(),
            jitter_max_units: 0,
        }
    }

    /// The stream's clock is another from now on: its source is a new one (RFC 7160 §4.1), what was counted stays
    /// counted.
    pub fn set_clock_rate_hz(&mut self, clock_rate_hz: u32) {
        self.past = self.figures();
        self.source = None;
        self.clock_rate_hz = clock_rate_hz.max(1);
        self.jitter_max_units = 0;
    }

    /// Counts one packet.
    pub fn on_packet(&mut self, packet: &Packet<'_>, arrival: Timestamp) -> Arrival {
        let clock_rate_hz = self.clock_rate_hz;
        let Some(source) = self.source.as_mut().filter(|source| source.ssrc == packet.ssrc) else {
            self.begin(packet, arrival);
            return Arrival::NewSource;
        };
        let verdict = source.sequence(packet.sequence);
        match verdict {
            Arrival::Duplicate | Arrival::Jump => {}
            Arrival::NewSource => self.begin(packet, arrival),
            Arrival::InOrder | Arrival::Reordered => {
                self.past.reordered += u64::from(verdict == Arrival::Reordered);
                source.jitter(packet.timestamp, arrival, clock_rate_hz);
                self.jitter_max_units = self.jitter_max_units.max(source.jitter_16 >> 4);
            }
        }
        verdict
    }

    /// Remembers when the source's sender report came, for LSR and DLSR.
    pub fn on_sender_report(&mut self, ssrc: u32, ntp: NtpTime, arrival: Timestamp) {
        if let Some(source) = self.source.as_mut().filter(|source| source.ssrc == ssrc) {
            source.last_report = Some((ntp, arrival));
        }
    }

    /// The source heard now; `None` before the first packet.
    pub fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    /// Makes the next report block and begins a new interval for its fraction lost. `None` until the source has
    /// passed probation (two packets in sequence, A.1).
    pub fn report(&mut self, now: Timestamp) -> Option<ReportBlock> {
        self.source.as_mut().filter(|source| source.probation == 0).map(|source| source.report(now))
    }

    /// Counts so far.
    pub fn figures(&self) -> ReceptionFigures {
        let mut figures = self.past;
        if let Some(source) = &self.source {
            source.add_to(&mut figures);
            figures.jitter_us = self.micros(source.jitter_16 >> 4);
        }
        figures.jitter_max_us = self.micros(self.jitter_max_units);
        figures
    }

    /// Begins a source, or begins it anew after a jump; what was counted goes to the totals.
    fn begin(&mut self, packet: &Packet<'_>, arrival: Timestamp) {
        let mut source = Source::new(packet.ssrc, packet.sequence);
        source.jitter(packet.timestamp, arrival, self.clock_rate_hz);
        if let Some(previous) = self.source.replace(source) {
            previous.add_to(&mut self.past);
            self.past.restarts += 1;
        }
    }

    fn micros(&self, units: u32) -> u32 {
        u32::try_from(u64::from(units) * 1_000_000 / u64::from(self.clock_rate_hz)).unwrap_or(u32::MAX)
    }
}

impl Source {
    fn new(ssrc: u32, first: u16) -> Self {
        Self {
            ssrc,
            first,
            highest: first,
            cycles: 0,
            jump_next: None,
            probation: SEQUENTIAL_MIN - 1,
            received_all: 1,
            duplicates: 0,
            window: u64::MAX,
            bursts: 0,
            in_burst: false,
            expected_prior: 0,
            received_prior: 0,
            transit: None,
            jitter_16: 0,
            last_report: None,
        }
    }

    /// Counts a sequence number; `NewSource` says that the count must begin anew (A.1).
    fn sequence(&mut self, sequence: u16) -> Arrival {
        let ahead = sequence.wrapping_sub(self.highest);
        let behind = self.highest.wrapping_sub(sequence);
        if ahead != 0 && ahead < DROPOUT_MAX {
            self.advance(sequence, ahead);
            return Arrival::InOrder;
        }
        if behind < MISORDER_MAX {
            return self.look_back(behind);
        }
        if self.jump_next == Some(sequence) {
            return Arrival::NewSource;
        }
        self.jump_next = Some(sequence.wrapping_add(1));
        Arrival::Jump
    }

    fn advance(&mut self, sequence: u16, ahead: u16) {
        if sequence < self.highest {
            self.cycles = self.cycles.wrapping_add(1);
        }
        for _ in 0..ahead {
            let oldest_came = self.window >> 63 != 0;
            self.bursts += u64::from(!oldest_came && !self.in_burst);
            self.in_burst = !oldest_came;
            self.window <<= 1;
        }
        self.window |= 1;
        self.highest = sequence;
        self.received_all += 1;
        self.jump_next = None;
        if ahead == 1 {
            self.probation = self.probation.saturating_sub(1);
        }
    }

    /// A packet beyond the window is taken for reordered: it is rare, and calling it new costs one count.
    fn look_back(&mut self, behind: u16) -> Arrival {
        self.received_all += 1;
        let bit = 1_u64.checked_shl(u32::from(behind)).unwrap_or(0);
        let before_first = u64::from(behind) >= self.expected();
        if self.window & bit != 0 && !before_first {
            self.duplicates += 1;
            return Arrival::Duplicate;
        }
        self.window |= bit;
        if before_first {
            for missing in self.expected()..u64::from(behind.min(64)) {
                self.window &= !(1 << missing);
            }
            self.first = self.highest.wrapping_sub(behind);
            self.cycles = self.cycles.wrapping_add(u32::from(self.first > self.highest && self.cycles == 0));
        }
        Arrival::Reordered
    }

    /// A.8. Packets of one time stamp (RFC 4733 events) say nothing about transit.
    fn jitter(&mut self, timestamp: u32, arrival: Timestamp, clock_rate_hz: u32) {
        let arrival_units = u128::from(arrival.as_micros()) * u128::from(clock_rate_hz) / 1_000_000;
        let transit = (arrival_units as u32).wrapping_sub(timestamp);
        let previous = self.transit.replace(Transit { timestamp, transit });
        let Some(previous) = previous.filter(|previous| previous.timestamp != timestamp) else { return };
        let step = (transit.wrapping_sub(previous.transit) as i32).unsigned_abs();
        if step < clock_rate_hz.saturating_mul(TRANSIT_STEP_MAX_S) {
            self.jitter_16 = self.jitter_16 + step - ((self.jitter_16 + 8) >> 4);
        }
    }

    /// Packets from the first to the highest, both included.
    fn expected(&self) -> u64 {
        let extended = (u64::from(self.cycles) << 16) + u64::from(self.highest);
        extended.saturating_sub(u64::from(self.first)) + 1
    }

    /// A.3.
    fn report(&mut self, now: Timestamp) -> ReportBlock {
        let expected = self.expected();
        let expected_interval = expected.saturating_sub(self.expected_prior);
        let received_interval = self.received_all - self.received_prior;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        let fraction_lost = (lost_interval << 8).checked_div(expected_interval).unwrap_or(0).min(255);
        self.expected_prior = expected;
        self.received_prior = self.received_all;
        let cumulative = i64::try_from(expected)
            .unwrap_or(i64::MAX)
            .saturating_sub(i64::try_from(self.received_all).unwrap_or(i64::MAX));
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction_lost).unwrap_or(u8::MAX),
            cumulative_lost: cumulative.clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_sequence: (self.cycles << 16) | u32::from(self.highest),
            jitter: self.jitter_16 >> 4,
            last_sr: self.last_report.map_or(0, |(ntp, _)| ntp.middle()),
            delay_since_last_sr: self.last_report.map_or(0, |(_, at)| sixteen_sixteen(now, at)),
        }
    }

    fn add_to(&self, figures: &mut ReceptionFigures) {
        let received = self.received_all - self.duplicates;
        let expected = self.expected();
        figures.received += received;
        figures.expected += expected;
        figures.lost += expected.saturating_sub(received);
        figures.loss_bursts += self.bursts + self.bursts_in_window();
        figures.duplicates += self.duplicates;
    }

    fn bursts_in_window(&self) -> u64 {
        let missing = !self.window;
        // A run begins where a packet is missing and the one before it, a bit higher, is not.
        let before = (missing >> 1) | (u64::from(self.in_burst) << 63);
        u64::from((missing & !before).count_ones())
    }
}

/// Time since `at` in 1/65536 s.
fn sixteen_sixteen(now: Timestamp, at: Timestamp) -> u32 {
    let units = (now.since(at).as_micros() << 16) / 1_000_000;
    u32::try_from(units).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    fn packet(ssrc: u32, sequence: u16, timestamp: u32) -> Packet<'static> {
        Packet { payload_type: 0, marker: false, sequence, timestamp, ssrc, payload: &[] }
    }

    /// Plays sequence numbers 20 ms apart by their own count, each arriving on time.
    fn heard(sequences: &[u16]) -> (Reception, Vec<Arrival>) {
        let mut reception = Reception::new(8_000);
        let first = sequences[0];
        let arrivals = sequences
            .iter()
            .map(|&sequence| {
                let frames = u32::from(sequence.wrapping_sub(first)) & 0xffff;
                let at = START + Duration::from_millis(u64::from(frames) * 20);
                reception.on_packet(&packet(7, sequence, frames.wrapping_mul(160)), at)
            })
            .collect();
        (reception, arrivals)
    }

    #[test]
    fn losses_duplicates_and_reordering_are_told_apart() {
        let check = |sequences: &[u16],
                     expected: u64,
                     lost: u64,
                     bursts: u64,
                     duplicates: u64,
                     reordered: u64| {
            let (reception, _) = heard(sequences);
            let figures = reception.figures();
            assert_eq!(
                (figures.expected, figures.lost, figures.loss_bursts, figures.duplicates, figures.reordered),
                (expected, lost, bursts, duplicates, reordered),
                "{sequences:?}"
            );
            assert_eq!(figures.received, expected - lost);
        };
        check(&[1], 1, 0, 0, 0, 0);
        check(&[1, 2, 3, 4], 4, 0, 0, 0, 0);
        check(&[1, 2, 4, 5], 5, 1, 1, 0, 0);
        check(&[1, 2, 5, 6, 8], 8, 3, 2, 0, 0);
        check(&[1, 2, 2, 3, 1], 3, 0, 0, 2, 0);
        check(&[1, 3, 2, 4], 4, 0, 0, 0, 1);
        check(&[1, 4, 3, 5], 5, 1, 1, 0, 1);
        check(&[5, 4, 6], 3, 0, 0, 0, 1);
        check(&[5, 2, 3, 6], 5, 1, 1, 0, 2);
        check(&[65_534, 65_535, 0, 1], 4, 0, 0, 0, 0);
        check(&[65_534, 1, 2], 5, 2, 1, 0, 0);
        check(&[0, 65_535, 1], 3, 0, 0, 0, 1);
        let with_holes: Vec<u16> = (0..1_000).filter(|n| n % 10 != 5 && n % 10 != 6).collect();
        check(&with_holes, 1_000, 200, 100, 0, 0);
    }

    #[test]
    fn one_stray_number_is_ignored_and_two_in_sequence_restart() {
        let (reception, arrivals) = heard(&[10, 11, 40_000, 12]);
        assert_eq!(arrivals[2..], [Arrival::Jump, Arrival::InOrder]);
        assert_eq!(reception.figures().expected, 3);
        let (reception, arrivals) = heard(&[10, 11, 40_000, 40_001, 40_002]);
        assert_eq!(arrivals[2..], [Arrival::Jump, Arrival::NewSource, Arrival::InOrder]);
        let figures = reception.figures();
        assert_eq!((figures.restarts, figures.expected, figures.lost), (1, 4, 0));
    }

    #[test]
    fn a_new_source_keeps_the_old_ones_counts() {
        let (mut reception, _) = heard(&[1, 2, 4]);
        assert_eq!(reception.on_packet(&packet(8, 500, 0), START), Arrival::NewSource);
        assert_eq!(reception.on_packet(&packet(8, 501, 160), START), Arrival::InOrder);
        assert_eq!(reception.ssrc(), Some(8));
        let figures = reception.figures();
        assert_eq!((figures.received, figures.lost, figures.restarts), (5, 1, 1));
        assert_eq!(reception.report(START).unwrap().cumulative_lost, 0, "a block is about one source");
    }

    #[test]
    fn a_report_waits_for_two_packets_in_sequence() {
        assert_eq!(Reception::new(8_000).report(START), None);
        for (sequences, reported) in
            [(&[1_u16][..], false), (&[1, 3], false), (&[1, 2], true), (&[1, 3, 4], true)]
        {
            assert_eq!(heard(sequences).0.report(START).is_some(), reported, "{sequences:?}");
        }
    }

    #[test]
    fn loss_is_reported_per_interval_and_in_all() {
        let (mut reception, _) = heard(&[65_530, 65_531, 65_534, 65_535, 0, 1]);
        let block = reception.report(START).unwrap();
        assert_eq!((block.fraction_lost, block.cumulative_lost), (64, 2));
        assert_eq!(block.highest_sequence, 0x0001_0001);
        reception.on_packet(&packet(7, 2, 1_280), START);
        let block = reception.report(START).unwrap();
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, 2));
        let block = reception.report(START).unwrap();
        assert_eq!(block.fraction_lost, 0, "nothing was expected");
        for _ in 0..5 {
            reception.on_packet(&packet(7, 2, 1_280), START);
        }
        assert_eq!(reception.report(START).unwrap().cumulative_lost, -3, "duplicates count as received");
    }

    #[test]
    fn jitter_is_the_rfcs_running_mean() {
        let run = |lateness_ms: fn(u64) -> u64| {
            let mut reception = Reception::new(8_000);
            for n in 0..400_u64 {
                let at = START + Duration::from_millis(n * 20 + lateness_ms(n));
                reception.on_packet(&packet(7, n as u16, n as u32 * 160), at);
            }
            (reception.report(START).unwrap().jitter, reception.figures())
        };
        assert_eq!(run(|_| 0).0, 0);
        // Every step differs by 10 ms = 80 units, so the mean settles there.
        let (jitter, figures) = run(|n| 10 * (n % 2));
        assert!((78..=81).contains(&jitter), "{jitter}");
        assert!((9_700..=10_100).contains(&figures.jitter_us), "{}", figures.jitter_us);
        // One late packet is a peak that fades.
        let (jitter, figures) = run(|n| if n == 100 { 80 } else { 0 });
        assert!(jitter <= 1 && figures.jitter_max_us >= 5_000, "{jitter} {figures:?}");
    }

    #[test]
    fn events_of_one_time_stamp_and_new_time_bases_are_no_jitter() {
        let mut reception = Reception::new(8_000);
        for n in 0..100_u16 {
            let timestamp = if n < 50 { 1_000 } else { 900_000_000 + u32::from(n) * 160 };
            let at = START + Duration::from_millis(u64::from(n) * 20);
            reception.on_packet(&packet(7, n, timestamp), at);
        }
        assert_eq!(reception.figures().jitter_max_us, 0);
    }

    #[test]
    fn the_last_sender_report_is_echoed() {
        let (mut reception, _) = heard(&[1, 2]);
        reception.on_sender_report(99, NtpTime(1), START);
        assert_eq!(reception.report(START).unwrap().last_sr, 0, "another source's");
        reception.on_sender_report(7, NtpTime(0x1234_5678_9abc_def0), START);
        let block = reception.report(START + Duration::from_millis(1_500)).unwrap();
        assert_eq!((block.last_sr, block.delay_since_last_sr), (0x5678_9abc, 0x0001_8000));
    }
}
