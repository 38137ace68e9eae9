//! How long to hold packets: measures each packet's lateness against the fastest of the last seconds and
//! proposes a delay that all but the rarest meet. Knows neither payloads nor where they are kept.

use model::Timestamp;
use std::time::Duration;

/// The fastest packet is looked for in the present window and the one before it, so that a drift of the clocks
/// or a longer route is followed within two windows.
const WINDOW: Duration = Duration::from_secs(4);
const BUCKET_US: i64 = 5_000;
const BUCKETS: usize = 64;
/// When this much weight is counted all is halved: about the last five seconds of 20 ms packets matter.
const WEIGHT_MAX: u32 = 256;
/// Share of packets, in 1/100, that the proposed delay must meet.
const MET_PERCENT: u32 = 97;
/// Added to the measured lateness: a tick takes a frame up to half its length after it falls due.
const MARGIN_MS: u32 = 10;
/// A packet that missed its time weighs as much as this many that did not, so that the delay grows at once.
const MISSED_WEIGHT: u16 = 8;
/// Packets before the measurement may undercut the initial delay.
const SETTLED_PACKETS: u32 = 100;

/// Estimates the delay one stream needs. Transit times are arrival minus media time in microseconds, from any
/// common origin.
#[derive(Clone, Debug)]
pub struct DelayEstimator {
    min_ms: u32,
    max_ms: u32,
    initial_ms: u32,
    target_ms: u32,
    fastest_us: Option<i64>,
    window_fastest_us: i64,
    window_began: Timestamp,
    histogram: [u16; BUCKETS],
    weight: u32,
    packets: u32,
}

impl DelayEstimator {
    /// Proposes delays between `min_ms` and `max_ms`, and at least `initial_ms` until it has settled.
    pub fn new(min_ms: u32, max_ms: u32, initial_ms: u32) -> Self {
        let max_ms = max_ms.max(min_ms);
        let initial_ms = initial_ms.clamp(min_ms, max_ms);
        Self {
            min_ms,
            max_ms,
            initial_ms,
            target_ms: initial_ms,
            fastest_us: None,
            window_fastest_us: i64::MAX,
            window_began: Timestamp::default(),
            histogram: [0; BUCKETS],
            weight: 0,
            packets: 0,
        }
    }

    /// Counts one packet; `missed` says that its time had passed when it came.
    pub fn observe(&mut self, transit_us: i64, arrival: Timestamp, missed: bool) {
        let fastest_us = self.follow_fastest(transit_us, arrival);
        let late_us = transit_us - fastest_us;
        let bucket = usize::try_from(late_us / BUCKET_US).unwrap_or(0).min(BUCKETS - 1);
        // What no delay allowed could have met is no reason to grow.
        let reachable = late_us <= i64::from(self.max_ms) * 1_000;
        let weight = if missed && reachable { MISSED_WEIGHT } else { 1 };
        if let Some(count) = self.histogram.get_mut(bucket) {
            *count = count.saturating_add(weight);
        }
        self.weight += u32::from(weight);
        if self.weight >= WEIGHT_MAX {
            self.histogram.iter_mut().for_each(|count| *count /= 2);
            self.weight = self.histogram.iter().map(|&count| u32::from(count)).sum();
        }
        self.packets = self.packets.saturating_add(1);
        // The sum over all buckets is only worth taking now and then, or when something went wrong.
        if missed || self.packets.is_multiple_of(16) {
            self.propose();
        }
    }

    /// Transit time of the fastest recent packet; `None` before the first.
    pub fn fastest_us(&self) -> Option<i64> {
        self.fastest_us
    }

    /// The delay to aim at, in milliseconds after the fastest packet's arrival.
    pub fn target_ms(&self) -> u32 {
        self.target_ms
    }

    /// A new time base: transit times before it mean nothing, but the network's lateness is remembered.
    pub fn rebase(&mut self) {
        self.fastest_us = None;
    }

    fn follow_fastest(&mut self, transit_us: i64, arrival: Timestamp) -> i64 {
        let Some(fastest_us) = self.fastest_us else {
            self.window_began = arrival;
            self.window_fastest_us = transit_us;
            self.fastest_us = Some(transit_us);
            return transit_us;
        };
        let mut fastest_us = fastest_us.min(transit_us);
        self.window_fastest_us = self.window_fastest_us.min(transit_us);
        if arrival.since(self.window_began) >= WINDOW {
            fastest_us = self.window_fastest_us;
            self.window_fastest_us = transit_us;
            self.window_began = arrival;
        }
        self.fastest_us = Some(fastest_us);
        fastest_us
    }

    fn propose(&mut self) {
        let enough = self.weight * MET_PERCENT / 100;
        let mut met = 0;
        let needed = self.histogram.iter().position(|&count| {
            met += u32::from(count);
            met >= enough
        });
        let late_ms = (needed.unwrap_or(BUCKETS) as u32 + 1) * (BUCKET_US / 1_000) as u32;
        let floor_ms = if self.packets < SETTLED_PACKETS { self.initial_ms } else { self.min_ms };
        self.target_ms = (late_ms + MARGIN_MS).clamp(floor_ms, self.max_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds 20 ms packets with a lateness by their number and returns the proposed delay.
    fn settled(packets: u64, late_ms: impl Fn(u64) -> i64) -> u32 {
        let mut estimator = DelayEstimator::new(40, 200, 60);
        for n in 0..packets {
            let arrival = Timestamp::from_millis(1_000_000 + n * 20);
            estimator.observe(late_ms(n) * 1_000, arrival, false);
        }
        estimator.target_ms()
    }

    #[test]
    fn the_delay_follows_the_lateness_that_all_but_the_rarest_have() {
        let check = |expected: std::ops::RangeInclusive<u32>, late_ms: fn(u64) -> i64| {
            let target = settled(1_000, late_ms);
            assert!(expected.contains(&target), "{target} not in {expected:?}");
        };
        check(40..=40, |_| 0);
        check(40..=40, |n| i64::from(n % 100 == 0) * 150);
        check(70..=80, |n| i64::from(n % 4 == 0) * 60);
        check(200..=200, |n| i64::from(n % 4 == 0) * 290);
        check(200..=200, |n| i64::from(n % 4 == 0) * 5_000);
    }

    #[test]
    fn nothing_measured_means_the_initial_delay() {
        assert_eq!(settled(50, |_| 0), 60);
        assert_eq!(DelayEstimator::new(40, 200, 500).target_ms(), 200);
        assert_eq!(DelayEstimator::new(300, 200, 0).target_ms(), 300);
    }

    #[test]
    fn one_miss_raises_the_delay_at_once() {
        let mut estimator = DelayEstimator::new(40, 200, 40);
        for n in 0..200 {
            estimator.observe(0, Timestamp::from_millis(n * 20), false);
        }
        estimator.observe(90_000, Timestamp::from_millis(4_000), true);
        assert!(estimator.target_ms() >= 100, "{}", estimator.target_ms());
    }

    #[test]
    fn a_miss_that_no_delay_could_meet_changes_nothing() {
        let mut estimator = DelayEstimator::new(40, 200, 40);
        for n in 0..200 {
            estimator.observe(0, Timestamp::from_millis(n * 20), false);
        }
        estimator.observe(3_000_000, Timestamp::from_millis(4_000), true);
        assert_eq!(estimator.target_ms(), 40);
    }

    #[test]
    fn a_longer_route_becomes_the_new_normal() {
        let mut estimator = DelayEstimator::new(40, 200, 40);
        for n in 0..1_500_u64 {
            let transit_us = if n < 300 { 0 } else { 100_000 };
            estimator.observe(transit_us, Timestamp::from_millis(n * 20), false);
        }
        assert_eq!(estimator.fastest_us(), Some(100_000));
        assert_eq!(estimator.target_ms(), 40);
    }

    #[test]
    fn a_shorter_route_is_seen_at_once() {
        let mut estimator = DelayEstimator::new(40, 200, 40);
        estimator.observe(100_000, Timestamp::from_millis(0), false);
        estimator.observe(20_000, Timestamp::from_millis(20), false);
        assert_eq!(estimator.fastest_us(), Some(20_000));
    }
}
