//! The phones that the live carrier lets in. What is in the store is the truth; the carrier is told what changed.

use crate::book::Book;
use crate::trunks::TrunkBook;
use model::EndpointId;
use model::endpoint::PhoneEndpoint;
use ports::{Store, StoreError};
use std::sync::Arc;

/// The user name in an address of a phone that registered here, as the API writes it: `sip:alice`.
pub(crate) fn phone_name(address: &str) -> Option<&str> {
    address.strip_prefix("sip:")
}

/// Known phones.
#[derive(Default)]
pub(crate) struct PhoneBook(Book<EndpointId, PhoneEndpoint>);

impl PhoneBook {
    /// One phone.
    pub(crate) fn get(&self, phone: EndpointId) -> Option<Arc<PhoneEndpoint>> {
        self.0.get(phone)
    }

    /// The phone of a user name.
    pub(crate) fn named(&self, username: &str) -> Option<Arc<PhoneEndpoint>> {
        self.0.find(|phone| phone.username == username)
    }

    /// Reads all phones and tells the carrier if anything changed.
    pub(crate) async fn refresh(&self, store: &dyn Store, carriers: &TrunkBook) -> Result<(), StoreError> {
        let tell = async |phones| {
            if let Some(live) = carriers.live() {
                live.admit_phones(phones).await;
            }
        };
        self.0.refresh(store.all_endpoints(), |phone| phone.id, tell).await
    }
}
