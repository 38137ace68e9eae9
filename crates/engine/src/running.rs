//! The handles of the calls that run here. A handle is a mailbox's address and nothing of the call itself; each
//! call's state lives in its own actor.

use crate::actor::Mailbox;
use model::CallId;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use tokio::sync::Notify;

/// Mailboxes by call; never more than `EngineConfig::calls_max` and what recovery found.
#[derive(Default)]
pub(crate) struct RunningCalls {
    mailboxes: RwLock<HashMap<CallId, Mailbox>>,
    changed: Notify,
}

impl RunningCalls {
    pub(crate) fn get(&self, call: CallId) -> Option<Mailbox> {
        self.mailboxes.read().unwrap_or_else(PoisonError::into_inner).get(&call).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.mailboxes.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Adds a call; whether it was not there before.
    pub(crate) fn insert(&self, call: CallId, mailbox: Mailbox) -> bool {
        let mut mailboxes = self.mailboxes.write().unwrap_or_else(PoisonError::into_inner);
        if mailboxes.contains_key(&call) {
            return false;
        }
        mailboxes.insert(call, mailbox);
        true
    }

    pub(crate) fn remove(&self, call: CallId) {
        self.mailboxes.write().unwrap_or_else(PoisonError::into_inner).remove(&call);
        self.changed.notify_waiters();
    }

    /// All mailboxes, for orders to every call.
    pub(crate) fn all(&self) -> Vec<Mailbox> {
        self.mailboxes.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Waits until no call runs.
    pub(crate) async fn none_left(&self) {
        self.until(|| self.len() == 0).await;
    }

    /// Waits until a call does not run.
    pub(crate) async fn gone(&self, call: CallId) {
        self.until(|| self.get(call).is_none()).await;
    }

    async fn until(&self, reached: impl Fn() -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if reached() {
                return;
            }
            changed.await;
        }
    }
}
