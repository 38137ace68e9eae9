//! How many calls a trunk may have and begin: a place among its calls at one time, and a place in time so that no
//! second has more new calls than it may. Time is an argument.

use model::Timestamp;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The longest a call waits for its place in time.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(10);

/// What one trunk has going on.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    calls: AtomicUsize,
    next: Mutex<Timestamp>,
}

/// A place among a trunk's calls, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Meter>);

impl Meter {
    /// A place among the trunk's calls, if there is one.
    pub(crate) fn enter(self: &Arc<Self>, calls_max: u16) -> Option<Place> {
        let calls_max = usize::from(calls_max);
        let more = |calls| (calls < calls_max).then_some(calls + 1);
        self.calls.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Place(Arc::clone(self)))
    }

    /// How long the next call has to wait so that calls begin evenly, `per_second_max` a second; none if that is
    /// longer than [`WAIT_MAX`].
    pub(crate) fn wait(&self, per_second_max: u16, now: Timestamp) -> Option<Duration> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = (*next).max(now);
        let wait = begin.since(now);
        if wait > WAIT_MAX {
            return None;
        }
        *next = begin + Duration::from_secs(1) / u32::from(per_second_max.max(1));
        Some(wait)
    }

    /// Calls at this moment.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Acquire)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(per_second: u16, tries: usize, gap_ms: u64, expected_ms: &[Option<u64>]) {
        let meter = Meter::default();
        let waits: Vec<_> = (0..tries as u64)
            .map(|n| meter.wait(per_second, Timestamp::from_millis(1_000 + n * gap_ms)))
            .map(|wait| wait.map(|wait| u64::try_from(wait.as_millis()).unwrap()))
            .collect();
        assert_eq!(waits, expected_ms, "{per_second} a second, one each {gap_ms} ms");
    }

    #[test]
    fn calls_begin_evenly_and_none_waits_too_long() {
        check(1, 3, 1_000, &[Some(0); 3]);
        check(2, 4, 0, &[Some(0), Some(500), Some(1_000), Some(1_500)]);
        check(10, 3, 50, &[Some(0), Some(50), Some(100)]);
        let mut all = (0..=10).map(|n| Some(n * 1_000)).collect::<Vec<_>>();
        all.extend([None, None]);
        check(1, 13, 0, &all);
    }

    #[test]
    fn a_place_is_given_back() {
        let meter = Arc::new(Meter::default());
        let first = meter.enter(2).unwrap();
        let second = meter.enter(2).unwrap();
        assert!(meter.enter(2).is_none());
        drop(first);
        assert_eq!(meter.calls(), 1);
        assert!(meter.enter(1).is_none());
        drop(second);
        assert!(meter.enter(1).is_some());
    }
}
