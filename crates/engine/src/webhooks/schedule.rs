//! When a delivery is tried again. Pure.

use crate::config::WebhookPolicy;
use std::time::Duration;

/// The longest wait that a receiver can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);

/// The wait before the next attempt after `attempts` failed ones; none: there is no further one. `random` is spread
/// over the jitter. `asked` is what the receiver asked for, which can only lengthen the wait.
pub(super) fn wait(
    policy: &WebhookPolicy,
    attempts: u8,
    asked: Option<Duration>,
    random: u64,
) -> Option<Duration> {
    let planned = jittered(*policy.delays.get(usize::from(attempts))?, policy.jitter_per_cent, random);
    Some(asked.map_or(planned, |asked| planned.max(asked.min(RETRY_AFTER_MAX))))
}

/// `wait` changed by up to `per_cent`, both ways.
fn jittered(wait: Duration, per_cent: u8, random: u64) -> Duration {
    let spread = 2 * u64::from(per_cent.min(100));
    // A thousandth of a per cent is fine enough.
    let share = u32::try_from(random % (spread * 1_000 + 1)).unwrap_or(0);
    let factor = f64::from(100_000 + share) / 100_000.0 - f64::from(per_cent.min(100)) / 100.0;
    wait.mul_f64(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(attempts: u8, asked_s: Option<u64>, random: u64, expected_s: Option<f64>) {
        let got = wait(&WebhookPolicy::default(), attempts, asked_s.map(Duration::from_secs), random);
        let got = got.map(|wait| wait.as_secs_f64());
        let close = match (got, expected_s) {
            (Some(got), Some(expected)) => (got - expected).abs() < 0.01,
            (got, expected) => got == expected,
        };
        assert!(close, "after {attempts}: {got:?} instead of {expected_s:?}");
    }

    #[test]
    fn waits_follow_the_table_within_a_fifth() {
        check(0, None, 20_000, Some(0.0));
        check(1, None, 20_000, Some(5.0));
        check(1, None, 0, Some(4.0));
        check(1, None, 40_000, Some(6.0));
        check(9, None, 20_000, Some(86_400.0));
        check(10, None, 20_000, None);
    }

    #[test]
    fn the_receiver_can_lengthen_the_wait_up_to_a_day() {
        check(1, Some(60), 20_000, Some(60.0));
        check(2, Some(60), 20_000, Some(300.0));
        check(1, Some(1_000_000), 20_000, Some(86_400.0));
        check(10, Some(60), 20_000, None);
    }
}
