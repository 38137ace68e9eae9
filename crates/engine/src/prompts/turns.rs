//! Who may make a prompt ready now: so many at once in all, and of them one app no more than half, so that slow URLs of
//! one app keep no other app waiting.

use model::AppId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    per_app: usize,
    /// Apps that have a turn or wait for one.
    apps: Mutex<HashMap<AppId, Arc<Semaphore>>>,
}

/// One turn; it ends when it is dropped.
pub(super) struct Turn {
    _of_app: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

impl Turns {
    pub(super) fn new(parallel_max: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(parallel_max.max(1))),
            per_app: parallel_max.div_ceil(2).max(1),
            apps: Mutex::default(),
        }
    }

    /// Waits for a turn.
    pub(super) async fn take(&self, app: AppId) -> Turn {
        // Neither is ever closed; an error would only mean that nobody waits in line.
        let of_app = self.of(app).acquire_owned().await.ok();
        let of_all = self.all.clone().acquire_owned().await.ok();
        Turn { _of_app: of_app, _of_all: of_all }
    }

    fn of(&self, app: AppId) -> Arc<Semaphore> {
        let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has a turn, or waits for one, holds a handle.
        apps.retain(|known, turns| *known == app || Arc::strong_count(turns) > 1);
        apps.entry(app).or_insert_with(|| Arc::new(Semaphore::new(self.per_app))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{IdSource, Timestamp};
    use std::time::Duration;
    use tokio::time::timeout;

    async fn check(turns: &Turns, app: AppId, expected: bool) -> Option<Turn> {
        let turn = timeout(Duration::from_millis(1), turns.take(app)).await.ok();
        assert_eq!(turn.is_some(), expected, "{app}");
        turn
    }

    #[tokio::test(start_paused = true)]
    async fn one_app_takes_half_of_the_turns_and_no_more() {
        let mut ids = IdSource::new(1);
        let [one, other, third] = [(); 3].map(|()| AppId::generate(&mut ids, Timestamp::default()));
        let turns = Turns::new(4);
        let _first = check(&turns, one, true).await;
        let second = check(&turns, one, true).await;
        check(&turns, one, false).await;
        let _others = [check(&turns, other, true).await, check(&turns, other, true).await];
        check(&turns, third, false).await;
        drop(second);
        let _again = check(&turns, one, true).await;
        check(&turns, third, false).await;
        assert_eq!(turns.apps.lock().unwrap().len(), 3);
    }
}
