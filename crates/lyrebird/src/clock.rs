//! The clock of the running server: the wall clock at start, carried on by the monotonic one, so that it never runs
//! backwards.

use model::Timestamp;
use ports::Clock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// See the file's head.
pub(crate) struct SystemClock {
    wall: Timestamp,
    started: Instant,
}

impl SystemClock {
    /// Starts from the wall clock's present time.
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { wall: Timestamp::default() + since_epoch, started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.wall + self.started.elapsed()
    }
}
