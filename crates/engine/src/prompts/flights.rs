//! Equal prompts that are asked for at the same time are made once, and all askers get the one result.

use super::Key;
use ports::media::Clip;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

type Flight = Arc<OnceCell<Result<Arc<Clip>, String>>>;

/// What is being made now; as many as there are prompts being made ready, which the calls bound.
#[derive(Default)]
pub(super) struct Flights {
    flights: Mutex<HashMap<Key, Flight>>,
}

/// One who asks. Whoever leaves last, or with the result, takes the flight off the list.
struct Asker<'a> {
    flights: &'a Flights,
    key: &'a Key,
    flight: Flight,
}

impl Flights {
    /// The result of whoever makes it; when that one is given up, the next asker makes it.
    pub(super) async fn join<F>(&self, key: &Key, make: impl FnOnce() -> F) -> Result<Arc<Clip>, String>
    where
        F: Future<Output = Result<Arc<Clip>, String>>,
    {
        let flight = self.lock().entry(key.clone()).or_default().clone();
        let asker = Asker { flights: self, key, flight };
        asker.flight.get_or_init(make).await.clone()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Asker<'_> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        // The list's handle and ours.
        let last = Arc::strong_count(&self.flight) <= 2;
        let listed = flights.get(self.key).is_some_and(|current| Arc::ptr_eq(current, &self.flight));
        if listed && (last || self.flight.initialized()) {
            flights.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::sound::PromptSource;
    use std::future::{pending, ready};
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn a_maker_that_is_given_up_hands_over_and_leaves_nothing_behind() {
        let flights = Flights::default();
        let key = Key::Source(PromptSource::Media { location: "a.wav".into() });
        let gone = timeout(Duration::from_millis(1), flights.join(&key, pending)).await;
        assert!(gone.is_err() && flights.lock().is_empty());
        let first = timeout(Duration::from_millis(1), flights.join(&key, pending));
        let second = flights.join(&key, || ready(Err("made".into())));
        let (first, second) = tokio::join!(first, second);
        assert!(first.is_err());
        assert_eq!(second, Err("made".to_owned()));
        assert!(flights.lock().is_empty());
    }
}
