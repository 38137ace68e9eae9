//! What was spoken before: the least recently used goes first when the memory's limit is reached, and equal texts
//! that are wanted at once are spoken once.

use crate::figures;
use bytes::Bytes;
use ports::TtsError;
use std::collections::{BTreeMap, HashMap};
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
    shelf: Arc<Mutex<Shelf<K>>>,
}

#[derive(Debug)]
struct Shelf<K> {
    slots: HashMap<K, Slot>,
    /// Key by the time of its last use, the oldest first.
    uses: BTreeMap<u64, K>,
    clock: u64,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
enum Slot {
    Ready { sound: Bytes, used: u64 },
    UnderWay(watch::Receiver<Option<Spoken>>),
}

enum Found {
    Ready(Bytes),
    UnderWay(watch::Receiver<Option<Spoken>>),
    Ours(watch::Sender<Option<Spoken>>, watch::Receiver<Option<Spoken>>),
}

impl<K: Clone + Eq + Hash + Send + 'static> Cache<K> {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let shelf = Shelf { slots: HashMap::new(), uses: BTreeMap::new(), clock: 0, bytes: 0, bytes_max };
        Self { shelf: Arc::new(Mutex::new(shelf)) }
    }

    /// The sound of `key`; `speak` makes it where it is neither there nor being made. It is made to its end even
    /// when who asked first goes away, as others may wait for it.
    pub(crate) async fn get<F>(&self, key: K, speak: impl FnOnce() -> F) -> Spoken
    where
        F: Future<Output = Spoken> + Send + 'static,
    {
        let found = lock(&self.shelf).find(&key);
        let mut receiver = match found {
            Found::Ready(sound) => {
                figures::found();
                return Ok(sound);
            }
            Found::UnderWay(receiver) => receiver,
            Found::Ours(sender, receiver) => {
                let end = End { shelf: Arc::clone(&self.shelf), key, sender };
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
        lock(&self.shelf).bytes
    }
}

fn abandoned() -> TtsError {
    TtsError::Failed("it was given up".to_owned())
}

fn lock<K>(shelf: &Mutex<Shelf<K>>) -> MutexGuard<'_, Shelf<K>> {
    // A panic while the lock was held cannot leave more than a wrong order of use.
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sees to it that a slot under way ends, however the work ends.
struct End<K: Clone + Eq + Hash> {
    shelf: Arc<Mutex<Shelf<K>>>,
    key: K,
    sender: watch::Sender<Option<Spoken>>,
}

impl<K: Clone + Eq + Hash> End<K> {
    fn settle(self, spoken: Spoken) {
        if let Ok(sound) = &spoken {
            lock(&self.shelf).put(self.key.clone(), sound.clone());
        }
        self.sender.send_replace(Some(spoken));
    }
}

impl<K: Clone + Eq + Hash> Drop for End<K> {
    fn drop(&mut self) {
        let mut shelf = lock(&self.shelf);
        if matches!(shelf.slots.get(&self.key), Some(Slot::UnderWay(_))) {
            shelf.slots.remove(&self.key);
        }
    }
}

impl<K: Clone + Eq + Hash> Shelf<K> {
    fn find(&mut self, key: &K) -> Found {
        self.clock += 1;
        match self.slots.get_mut(key) {
            Some(Slot::Ready { sound, used }) => {
                self.uses.remove(used);
                *used = self.clock;
                self.uses.insert(self.clock, key.clone());
                Found::Ready(sound.clone())
            }
            Some(Slot::UnderWay(receiver)) => Found::UnderWay(receiver.clone()),
            None => {
                let (sender, receiver) = watch::channel(None);
                self.slots.insert(key.clone(), Slot::UnderWay(receiver.clone()));
                Found::Ours(sender, receiver)
            }
        }
    }

    /// Keeps a sound and lets go of the least recently used ones; a sound beyond the limit is not kept at all.
    fn put(&mut self, key: K, sound: Bytes) {
        let cost = sound.len().saturating_add(ENTRY_BYTES);
        if cost > self.bytes_max {
            return;
        }
        while self.bytes.saturating_add(cost) > self.bytes_max {
            let Some((_, oldest)) = self.uses.pop_first() else { break };
            if let Some(Slot::Ready { sound, .. }) = self.slots.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(sound.len().saturating_add(ENTRY_BYTES));
            }
        }
        self.clock += 1;
        self.bytes += cost;
        figures::kept(self.bytes);
        self.uses.insert(self.clock, key.clone());
        self.slots.insert(key, Slot::Ready { sound, used: self.clock });
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
