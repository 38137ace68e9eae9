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

impl Flights {
    /// The result of whoever makes it; when that one is given up, the next asker makes it.
    pub(super) async fn join<F>(&self, key: &Key, make: impl FnOnce() -> F) -> Result<Arc<Clip>, String>
    where
        F: Future<Output = Result<Arc<Clip>, String>>,
    {
        let flight = self.lock().entry(key.clone()).or_default().clone();
        let result = flight.get_or_init(make).await.clone();
        let mut flights = self.lock();
        if flights.get(key).is_some_and(|current| Arc::ptr_eq(current, &flight)) {
            flights.remove(key);
        }
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
