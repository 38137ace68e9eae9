//! A warning when something was lost, and not one for each loss.

use std::time::Duration;
use tokio::time::Instant;

/// Shortest time between two warnings.
const QUIET: Duration = Duration::from_secs(60);

/// Watches one counter.
#[derive(Default)]
pub(crate) struct Losses {
    told: u64,
    last: Option<Instant>,
}

impl Losses {
    /// How many were lost since the last warning, if it is time for one.
    pub(crate) fn fresh(&mut self, count: u64) -> Option<u64> {
        let fresh = count.saturating_sub(self.told);
        if fresh == 0 || self.last.is_some_and(|last| last.elapsed() < QUIET) {
            return None;
        }
        self.told = count;
        self.last = Some(Instant::now());
        Some(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn growth_is_told_once_a_minute() {
        let mut losses = Losses::default();
        assert_eq!(losses.fresh(0), None);
        assert_eq!(losses.fresh(3), Some(3));
        assert_eq!(losses.fresh(5), None);
        advance(QUIET).await;
        assert_eq!(losses.fresh(6), Some(3));
        advance(QUIET).await;
        assert_eq!(losses.fresh(6), None);
    }
}
