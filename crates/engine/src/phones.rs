//! The phones that the live carrier lets in. What is in the store is the truth; the carrier is told what changed.

use crate::trunks::TrunkBook;
use model::EndpointId;
use model::endpoint::PhoneEndpoint;
use ports::{Store, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The user name in an address of a phone that registered here, as the API writes it: `sip:alice`.
pub(crate) fn phone_name(address: &str) -> Option<&str> {
    address.strip_prefix("sip:")
}

/// Known phones.
#[derive(Default)]
pub(crate) struct PhoneBook {
    phones: RwLock<HashMap<EndpointId, Arc<PhoneEndpoint>>>,
    /// One refresh at a time, so that an older list never replaces a newer one.
    refreshing: tokio::sync::Mutex<()>,
}

impl PhoneBook {
    /// One phone.
    pub(crate) fn get(&self, phone: EndpointId) -> Option<Arc<PhoneEndpoint>> {
        self.phones.read().unwrap_or_else(PoisonError::into_inner).get(&phone).cloned()
    }

    /// The phone of a user name.
    pub(crate) fn named(&self, username: &str) -> Option<Arc<PhoneEndpoint>> {
        let phones = self.phones.read().unwrap_or_else(PoisonError::into_inner);
        phones.values().find(|phone| phone.username == username).cloned()
    }

    /// Reads all phones and tells the carrier if anything changed.
    pub(crate) async fn refresh(&self, store: &dyn Store, carriers: &TrunkBook) -> Result<(), StoreError> {
        let _only_one = self.refreshing.lock().await;
        let stored = store.all_endpoints().await?;
        let Some(list) = self.replace(stored) else { return Ok(()) };
        if let Some(live) = carriers.live() {
            live.admit_phones(list).await;
        }
        Ok(())
    }

    /// The new list, if it differs from what was known.
    fn replace(&self, stored: Vec<PhoneEndpoint>) -> Option<Vec<Arc<PhoneEndpoint>>> {
        let mut known = self.phones.write().unwrap_or_else(PoisonError::into_inner);
        let same = |phone: &PhoneEndpoint| known.get(&phone.id).is_some_and(|k| **k == *phone);
        if stored.len() == known.len() && stored.iter().all(same) {
            return None;
        }
        let list: Vec<_> = stored.into_iter().map(Arc::new).collect();
        *known = list.iter().map(|phone| (phone.id, phone.clone())).collect();
        Some(list)
    }
}
