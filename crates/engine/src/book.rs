//! What the store holds for the live carrier, as the engine knows it: read whole, told on whenever it changed.

use ports::StoreError;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Entries by their ids.
pub(crate) struct Book<K, T> {
    entries: RwLock<HashMap<K, Arc<T>>>,
    /// One refresh at a time, so that an older list never replaces a newer one.
    refreshing: tokio::sync::Mutex<()>,
}

impl<K, T> Default for Book<K, T> {
    fn default() -> Self {
        Self { entries: RwLock::default(), refreshing: tokio::sync::Mutex::default() }
    }
}

impl<K: Copy + Eq + Hash, T: PartialEq> Book<K, T> {
    pub(crate) fn get(&self, id: K) -> Option<Arc<T>> {
        self.read().get(&id).cloned()
    }

    /// The first entry that is as wanted.
    pub(crate) fn find(&self, wanted: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        self.read().values().find(|entry| wanted(entry)).cloned()
    }

    /// Takes what is stored now, and tells the new list if anything changed.
    pub(crate) async fn refresh<Told: Future<Output = ()>>(
        &self,
        stored: impl Future<Output = Result<Vec<T>, StoreError>>,
        id: impl Fn(&T) -> K,
        tell: impl FnOnce(Vec<Arc<T>>) -> Told,
    ) -> Result<(), StoreError> {
        let _only_one = self.refreshing.lock().await;
        let stored = stored.await?;
        if let Some(list) = self.replace(stored, id) {
            tell(list).await;
        }
        Ok(())
    }

    /// The new list, if it differs from what was known.
    fn replace(&self, stored: Vec<T>, id: impl Fn(&T) -> K) -> Option<Vec<Arc<T>>> {
        let mut known = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let same = |entry: &T| known.get(&id(entry)).is_some_and(|known| **known == *entry);
        if stored.len() == known.len() && stored.iter().all(same) {
            return None;
        }
        let list: Vec<Arc<T>> = stored.into_iter().map(Arc::new).collect();
        *known = list.iter().map(|entry| (id(entry), entry.clone())).collect();
        Some(list)
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<K, Arc<T>>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }
}
