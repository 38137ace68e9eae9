//! What was spoken before: the least recently used goes first when the memory's limit is reached, and equal texts
//! that are wanted at once are spoken once.

use crate::figures;
use bytes::Bytes;
use ports::{Shelf, TtsError};
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

type Spoken = Result<Bytes, TtsError>;

/// What an entry costs beside its sound.
const ENTRY_BYTES: usize = 256;

/// A cache by key, bounded by bytes.
#[derive(Debug)]
pub(crate) struct Cache<K> {
    sounds: Arc<Mutex<Sounds<K>>>,
}

#[derive(Debug)]
struct Sounds<K> {
    ready: Shelf<K, Bytes>,
    under_way: HashMap<K, watch::Receiver<Option<Spoken>>>,
}

enum Found {
    Ready(Bytes),
    UnderWay(watch::Receiver<Option<Spoken>>),
    Ours(watch::Sender<Option<Spoken>>, watch::Receiver<Option<Spoken>>),
}

impl<K: Clone + Eq + Hash + Send + 'static> Cache<K> {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let sounds = Sounds { ready: Shelf::new(bytes_max), under_way: HashMap::new() };
        Self { sounds: Arc::new(Mutex::new(sounds)) }
    }

    /// The sound of `key`; `speak` makes it where it is neither there nor being made. It is made to its end even
    /// when who asked first goes away, as others may wait for it.
    pub(crate) async fn get<F>(&self, key: K, speak: impl FnOnce() -> F) -> Spoken
    where
        F: Future<Output = Spoken> + Send + 'static,
    {
        let found = lock(&self.sounds).find(&key);
        let mut receiver = match found {
            Found::Ready(sound) => {
                figures::found();
                return Ok(sound);
            }
            Found::UnderWay(receiver) => receiver,
            Found::Ours(sender, receiver) => {
                let end = End { sounds: Arc::clone(&self.sounds), key, sender };
                let work = speak();
                tokio::spawn(async move { end.settle(work.await) });
                receiver
            }
        };
        let Ok(settled) = receiver.wait_for(Option::is_some).await else { return Err(abandoned()) };
        settled.clone().unwrap_or_else(|| Err(abandoned()))
    }

    /// How many bytes are kept.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        lock(&self.sounds).ready.bytes()
    }
}

fn abandoned() -> TtsError {
    TtsError::Failed("it was given up".to_owned())
}

fn lock<K>(sounds: &Mutex<Sounds<K>>) -> MutexGuard<'_, Sounds<K>> {
    // A panic while the lock was held cannot leave more than a wrong order of use.
    sounds.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sees to it that what is under way ends, however the work ends.
struct End<K: Clone + Eq + Hash> {
    sounds: Arc<Mutex<Sounds<K>>>,
    key: K,
    sender: watch::Sender<Option<Spoken>>,
}

impl<K: Clone + Eq + Hash> End<K> {
    fn settle(self, spoken: Spoken) {
        if let Ok(sound) = &spoken {
            lock(&self.sounds).put(self.key.clone(), sound.clone());
        }
        self.sender.send_replace(Some(spoken));
    }
}

impl<K: Clone + Eq + Hash> Drop for End<K> {
    fn drop(&mut self) {
        lock(&self.sounds).under_way.remove(&self.key);
    }
}

impl<K: Clone + Eq + Hash> Sounds<K> {
    fn find(&mut self, key: &K) -> Found {
        if let Some(sound) = self.ready.get(key) {
            return Found::Ready(sound.clone());
        }
        if let Some(receiver) = self.under_way.get(key) {
            return Found::UnderWay(receiver.clone());
        }
        let (sender, receiver) = watch::channel(None);
        self.under_way.insert(key.clone(), receiver.clone());
        Found::Ours(sender, receiver)
    }

    fn put(&mut self, key: K, sound: Bytes) {
        let bytes = sound.len().saturating_add(ENTRY_BYTES);
        self.ready.put(key, sound, bytes);
        figures::kept(self.ready.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Asks for `keys` in order, each of 1,000 bytes, in a cache for `room` of them; how often each was made.
    async fn check(room: usize, keys: &[&'static str], made: &[(&'static str, u32)]) {
        let cache = Cache::new(room * (1_000 + ENTRY_BYTES));
        let counts: HashMap<&str, Arc<AtomicU32>> =
            keys.iter().map(|key| (*key, Arc::new(AtomicU32::new(0)))).collect();
        for key in keys {
            let count = Arc::clone(&counts[key]);
            let speak = || async move {
                count.fetch_add(1, Ordering::Relaxed);
                Ok(Bytes::from(vec![0; 1_000]))
            };
            assert_eq!(cache.get(*key, speak).await.unwrap().len(), 1_000);
            assert!(cache.bytes() <= room * (1_000 + ENTRY_BYTES));
        }
        for (key, times) in made {
            assert_eq!(counts[key].load(Ordering::Relaxed), *times, "{key} in {keys:?}");
        }
    }

    #[tokio::test]
    async fn the_least_recently_used_goes_first() {
        check(2, &["a", "a", "a"], &[("a", 1)]).await;
        check(2, &["a", "b", "a", "b"], &[("a", 1), ("b", 1)]).await;
        check(2, &["a", "b", "c", "a"], &[("a", 2), ("b", 1), ("c", 1)]).await;
        check(2, &["a", "b", "a", "c", "a", "b"], &[("a", 1), ("b", 2), ("c", 1)]).await;
        check(0, &["a", "a"], &[("a", 2)]).await;
    }

    #[tokio::test]
    async fn equal_wishes_at_once_are_made_once() {
        let cache = Arc::new(Cache::new(10_000));
        let (open, gate) = watch::channel(false);
        let made = Arc::new(AtomicU32::new(0));
        let wishes: Vec<_> = (0..20)
            .map(|_| {
                let (cache, made, mut gate) = (Arc::clone(&cache), Arc::clone(&made), gate.clone());
                tokio::spawn(async move {
                    let speak = || async move {
                        made.fetch_add(1, Ordering::Relaxed);
                        let _ = gate.wait_for(|open| *open).await;
                        Ok(Bytes::from_static(b"sound"))
                    };
                    cache.get("key", speak).await
                })
            })
            .collect();
        while made.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        open.send_replace(true);
        for wish in wishes {
            assert_eq!(wish.await.unwrap(), Ok(Bytes::from_static(b"sound")));
        }
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failure_is_told_and_not_kept() {
        let cache = Cache::new(10_000);
        assert_eq!(cache.get("key", || async { Err(TtsError::Busy) }).await, Err(TtsError::Busy));
        let again = cache.get("key", || async { Ok(Bytes::from_static(b"sound")) }).await;
        assert_eq!(again, Ok(Bytes::from_static(b"sound")));
    }

    #[tokio::test]
    async fn a_broken_maker_harms_only_who_waits_for_it() {
        let cache = Cache::new(10_000);
        let broken = cache.get("key", || async { panic!("broken") }).await;
        assert_eq!(broken, Err(abandoned()));
        assert!(cache.get("key", || async { Ok(Bytes::from_static(b"sound")) }).await.is_ok());
    }
}
