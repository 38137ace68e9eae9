//! One time series: a number that others add to without a lock.

use metrics::{CounterFn, GaugeFn, HistogramFn};
use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of buckets in seconds: from a packet's time to a phone call's.
pub(super) const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
];
/// Upper bounds in bytes.
pub(super) const BYTES: &[f64] = &[256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 16777216.0];
/// Upper bounds of counts.
pub(super) const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// A count that only grows.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

/// A number that goes up and down; the bits of an `f64`.
#[derive(Debug, Default)]
pub(super) struct Level(AtomicU64);

impl Level {
    pub(super) fn read(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn change(&self, by: f64) {
        // The closure always gives a value, so there is always one to replace the old one.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| {
            Some((f64::from_bits(bits) + by).to_bits())
        });
    }
}

impl GaugeFn for Level {
    fn increment(&self, value: f64) {
        self.change(value);
    }

    fn decrement(&self, value: f64) {
        self.change(-value);
    }

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }
}

/// How often values fell between bounds.
#[derive(Debug)]
pub(super) struct Spread {
    bounds: &'static [f64],
    /// One for each bound, and one above all of them.
    buckets: Vec<Count>,
    sum: Level,
}

impl Spread {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        let buckets = (0..=bounds.len()).map(|_| Count::default()).collect();
        Self { bounds, buckets, sum: Level::default() }
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum.read()
    }

    /// Each bound with how many values were not above it; the last, without a bound, counts all.
    pub(super) fn cumulated(&self) -> Vec<(Option<f64>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        let counts = self.buckets.iter().scan(0_u64, |total, bucket| {
            *total = total.saturating_add(bucket.read());
            Some(*total)
        });
        bounds.zip(counts).collect()
    }
}

impl HistogramFn for Spread {
    fn record(&self, value: f64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.increment(1);
        }
        self.sum.change(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_their_buckets() {
        let spread = Spread::new(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 7.0] {
            spread.record(value);
        }
        assert_eq!(spread.cumulated(), [(Some(1.0), 2), (Some(2.0), 3), (None, 4)]);
        assert!((spread.sum() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn levels_go_both_ways_and_counts_only_up() {
        let level = Level::default();
        level.increment(3.0);
        level.decrement(1.0);
        assert!((level.read() - 2.0).abs() < 1e-9);
        let count = Count::default();
        count.absolute(5);
        count.absolute(3);
        count.increment(1);
        assert_eq!(count.read(), 6);
    }
}
