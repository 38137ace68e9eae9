//! The trunks as live calls use them: read from the store, told to the live carrier whenever they change.

use crate::book::Book;
use model::TrunkId;
use model::trunk::Trunk;
use ports::{Carrier, Store, StoreError};
use std::sync::Arc;

/// The live carrier and what it knows.
pub(crate) struct TrunkBook {
    live: Option<Arc<dyn Carrier>>,
    trunks: Book<TrunkId, Trunk>,
}

impl TrunkBook {
    pub(crate) fn new(live: Option<Arc<dyn Carrier>>) -> Self {
        Self { live, trunks: Book::default() }
    }

    /// The carrier of live calls, if there is one.
    pub(crate) fn live(&self) -> Option<&Arc<dyn Carrier>> {
        self.live.as_ref()
    }

    pub(crate) fn get(&self, trunk: TrunkId) -> Option<Arc<Trunk>> {
        self.trunks.get(trunk)
    }

    /// Reads all trunks and tells the carrier if anything changed.
    pub(crate) async fn refresh(&self, store: &dyn Store) -> Result<(), StoreError> {
        let tell = async |trunks| {
            if let Some(live) = &self.live {
                live.configure(trunks).await;
            }
        };
        self.trunks.refresh(store.all_trunks(), |trunk| trunk.id, tell).await
    }
}
