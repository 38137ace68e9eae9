//! The trunks as live calls use them: read from the store, told to the live carrier whenever they change.

use model::TrunkId;
use model::trunk::Trunk;
use ports::{Carrier, Store, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The live carrier and what it knows.
pub(crate) struct TrunkBook {
    live: Option<Arc<dyn Carrier>>,
    trunks: RwLock<HashMap<TrunkId, Arc<Trunk>>>,
    /// One refresh at a time, so that an older list never replaces a newer one.
    refreshing: tokio::sync::Mutex<()>,
}

impl TrunkBook {
    pub(crate) fn new(live: Option<Arc<dyn Carrier>>) -> Self {
        Self { live, trunks: RwLock::default(), refreshing: tokio::sync::Mutex::default() }
    }

    /// The carrier of live calls, if there is one.
    pub(crate) fn live(&self) -> Option<&Arc<dyn Carrier>> {
        self.live.as_ref()
    }

    pub(crate) fn get(&self, trunk: TrunkId) -> Option<Arc<Trunk>> {
        self.trunks.read().unwrap_or_else(PoisonError::into_inner).get(&trunk).cloned()
    }

    /// Reads all trunks and tells the carrier if anything changed.
    pub(crate) async fn refresh(&self, store: &dyn Store) -> Result<(), StoreError> {
        let _only_one = self.refreshing.lock().await;
        let stored = store.all_trunks().await?;
        let Some(list) = self.replace(stored) else { return Ok(()) };
        if let Some(live) = &self.live {
            live.configure(list).await;
        }
        Ok(())
    }

    /// The new list, if it differs from what was known.
    fn replace(&self, stored: Vec<Trunk>) -> Option<Vec<Arc<Trunk>>> {
        let mut known = self.trunks.write().unwrap_or_else(PoisonError::into_inner);
        let same = |trunk: &Trunk| known.get(&trunk.id).is_some_and(|k| **k == *trunk);
        if stored.len() == known.len() && stored.iter().all(same) {
            return None;
        }
        let list: Vec<Arc<Trunk>> = stored.into_iter().map(Arc::new).collect();
        *known = list.iter().map(|trunk| (trunk.id, trunk.clone())).collect();
        Some(list)
    }
}
