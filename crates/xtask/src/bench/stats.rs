//! Medians and percentiles. Knows nothing of what was counted.

/// Counts of durations in steps of 10 µs, up to a second.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

const STEP_NS: u64 = 10_000;
const STEPS: usize = 100_000;

impl Histogram {
    /// Nothing counted.
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; STEPS], total: 0 }
    }

    /// Counts one duration; what is longer than a second counts as a second.
    pub(crate) fn add(&mut self, ns: u64) {
        let step = usize::try_from(ns / STEP_NS).unwrap_or(STEPS).min(STEPS - 1);
        if let Some(count) = self.counts.get_mut(step) {
            *count += 1;
            self.total += 1;
        }
    }

    /// The duration in milliseconds that `share` (0–1) of all do not exceed; 0 when nothing was counted.
    pub(crate) fn percentile_ms(&self, share: f64) -> f64 {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (step, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted && seen > 0 {
                return step as f64 * STEP_NS as f64 / 1e6;
            }
        }
        0.0
    }
}

/// The middle one; of an even number the mean of the two in the middle; 0 of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = values.get(half).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 {
        return upper;
    }
    half.checked_sub(1)
        .and_then(|lower| values.get(lower))
        .map_or(upper, |lower| f64::midpoint(*lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_counted() {
        let mut histogram = Histogram::new();
        assert!(histogram.percentile_ms(0.5).abs() < 1e-9);
        for ms in 1..=100 {
            histogram.add(ms * 1_000_000);
        }
        let check = |share: f64, ms: f64| {
            let found = histogram.percentile_ms(share);
            assert!((found - ms).abs() < 0.011, "{share}: {found}");
        };
        check(0.5, 50.0);
        check(0.99, 99.0);
        check(1.0, 100.0);
        histogram.add(u64::MAX);
        assert!(histogram.percentile_ms(1.0) > 999.0);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let check =
            |values: &[f64], expected: f64| assert!((median(values.to_vec()) - expected).abs() < 1e-9);
        check(&[], 0.0);
        check(&[3.0], 3.0);
        check(&[9.0, 1.0, 5.0], 5.0);
        check(&[4.0, 1.0, 2.0, 3.0], 2.5);
    }
}
