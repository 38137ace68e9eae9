//! The clock of the running server: the monotonic one, set by the wall clock, so that it never runs backwards.

use model::Timestamp;
use ports::Clock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The wall clock is followed when it is ahead by more than this: after the machine was asleep, or was set.
const AHEAD_MAX: Duration = Duration::from_secs(1);

/// See the file's head. When the wall clock is set back, this one goes on from where it is.
pub(crate) struct SystemClock {
    started: Instant,
    /// The wall time that belongs to `started`, in microseconds; only grows.
    origin_micros: AtomicU64,
}

impl SystemClock {
    /// Starts from the wall clock's present time.
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), origin_micros: AtomicU64::new(wall().as_micros()) }
    }

    fn at(&self, wall: Timestamp, elapsed: Duration) -> Timestamp {
        let origin = Timestamp::from_micros(self.origin_micros.load(Ordering::Acquire));
        let ahead = wall.since(origin + elapsed);
        if ahead <= AHEAD_MAX {
            return origin + elapsed;
        }
        let followed = (origin + ahead).as_micros();
        let origin = self.origin_micros.fetch_max(followed, Ordering::AcqRel).max(followed);
        Timestamp::from_micros(origin) + elapsed
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.at(wall(), self.started.elapsed())
    }
}

fn wall() -> Timestamp {
    Timestamp::default() + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_is_followed_forwards_only() {
        let clock = SystemClock { started: Instant::now(), origin_micros: AtomicU64::new(1_000_000_000) };
        let at = |wall_s: u64, elapsed_s: u64| {
            clock.at(Timestamp::from_millis(wall_s * 1_000), Duration::from_secs(elapsed_s)).as_secs()
        };
        assert_eq!(at(1_001, 1), 1_001);
        assert_eq!(at(900, 2), 1_002, "set back: goes on");
        assert_eq!(at(5_003, 3), 5_003, "asleep: follows");
        assert_eq!(at(5_004, 4), 5_004);
    }
}
