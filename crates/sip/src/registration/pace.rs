//! When a registration is refreshed, and when it is tried again after a failure. Pure numbers; randomness is an argument.

use std::time::Duration;

/// Shortest wait after a failure.
const AGAIN_MIN: Duration = Duration::from_secs(30);
/// Longest wait after a failure.
const AGAIN_MAX: Duration = Duration::from_secs(30 * 60);
/// What a transaction may take: a refresh that starts so long before the end is in time even if it fails once.
const LEAD: Duration = Duration::from_secs(32);

/// How long after a success to refresh: a tenth of the time before the end, at least 32 s before it, at least at half
/// time; `spread` of 0..1000 takes up to a twentieth off, so that many registrations do not come at one time.
pub(super) fn refresh_after(expires: Duration, spread: u32) -> Duration {
    let lead = (expires / 10).max(LEAD).min(expires / 2);
    let after = expires - lead;
    (after - after / 20 * spread.min(1_000) / 1_000).max(Duration::from_secs(1))
}

/// How long to wait after the nth failure in a row (from 1): 30 s, doubled each time up to half an hour, and up to a
/// fifth more by `spread` of 0..1000; never less than the registrar asks for, of which no more than a day is believed.
pub(super) fn again_after(failures: u32, retry_after: Option<Duration>, spread: u32) -> Duration {
    let doubled = AGAIN_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(AGAIN_MAX);
    let asked = retry_after.unwrap_or_default().min(Duration::from_secs(86_400));
    let base = doubled.max(asked);
    base + base / 5 * spread.min(1_000) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_comes_well_before_the_end() {
        let check = |expires, spread, wanted_ms: u128| {
            assert_eq!(
                refresh_after(Duration::from_secs(expires), spread).as_millis(),
                wanted_ms,
                "{expires}"
            );
        };
        check(3_600, 0, 3_240_000);
        check(3_600, 1_000, 3_078_000);
        check(300, 0, 268_000);
        check(60, 0, 30_000);
        check(10, 0, 5_000);
        check(1, 0, 1_000);
        check(0, 500, 1_000);
    }

    #[test]
    fn failures_are_paced() {
        let check = |failures, asked: Option<u64>, spread, wanted| {
            let after = again_after(failures, asked.map(Duration::from_secs), spread);
            assert_eq!(after.as_secs(), wanted, "{failures} {asked:?}");
        };
        check(1, None, 0, 30);
        check(2, None, 0, 60);
        check(7, None, 0, 1_800);
        check(u32::MAX, None, 0, 1_800);
        check(1, None, 1_000, 36);
        check(1, Some(5), 0, 30);
        check(1, Some(3_600), 0, 3_600);
        check(1, Some(u64::MAX), 0, 86_400);
    }
}
