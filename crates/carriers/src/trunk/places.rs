//! Phones' places in the store: taken up at the start, then written as they change, some at a time and at most once a second.

use super::TrunkCarrier;
use ports::StoreError;
use ports::store::EndpointStore;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often changes are written.
const WRITE_EACH: Duration = Duration::from_secs(1);
/// Phones in one write.
const PHONES_MAX: usize = 1_024;

impl TrunkCarrier {
    /// Takes up what was kept of phones' places, for those that are admitted next, and keeps them from now on. Only the
    /// first store counts.
    pub async fn keep_places(self: &Arc<Self>, store: Arc<dyn EndpointStore>) -> Result<(), StoreError> {
        self.phones.take_up(store.kept_places().await?);
        if self.kept_in.set(store).is_ok() {
            tokio::spawn(keep(Arc::downgrade(self)));
        }
        Ok(())
    }

    /// Writes what has changed.
    pub(super) async fn write_places(&self) {
        let Some(store) = self.kept_in.get() else { return };
        loop {
            let changed = self.phones.take_changed(PHONES_MAX, self.clock.now());
            if changed.is_empty() {
                return;
            }
            if let Err(error) = store.keep_places(changed.clone()).await {
                tracing::warn!(%error, "where phones are registered could not be kept; it is tried again");
                return self.phones.not_kept(&changed);
            }
        }
    }
}

async fn keep(carrier: Weak<TrunkCarrier>) {
    let mut each = tokio::time::interval(WRITE_EACH);
    each.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        each.tick().await;
        let Some(carrier) = carrier.upgrade() else { return };
        carrier.write_places().await;
    }
}
