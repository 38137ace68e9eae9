//! Calls that personas are about to place: whose they will be, and who waits for them. Each is forgotten when it
//! arrived or when nobody waits any more.

use model::call::Call;
use model::fault::Fault;
use model::{AppId, CallId, E164};
use ports::store::{Created, Idempotency, StoredResponse};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Calls that may be on their way at once.
const EXPECTED_MAX: usize = 4_096;

/// Makes the answer from the call as it was written.
pub(crate) type Render = Arc<dyn Fn(&Call) -> StoredResponse + Send + Sync>;

/// A call that is on its way.
pub(super) struct ExpectedCall {
    pub(super) app: AppId,
    pub(super) to: E164,
    pub(super) concurrent_calls_max: u32,
    pub(super) request_id: Option<String>,
    pub(super) idempotency: Option<Idempotency>,
    pub(super) render: Render,
    /// Hears what became of it, and the answer.
    pub(super) arrived: oneshot::Sender<Result<(Created, StoredResponse), Fault>>,
}

/// All calls that are on their way.
#[derive(Default)]
pub(crate) struct Expected(Mutex<HashMap<CallId, ExpectedCall>>);

impl Expected {
    /// Expects a call until it is taken or the guard goes; none if there are too many.
    pub(super) fn expect(&self, id: CallId, call: ExpectedCall) -> Option<ExpectedGuard<'_>> {
        let mut calls = self.lock();
        if calls.len() >= EXPECTED_MAX {
            return None;
        }
        calls.insert(id, call);
        Some(ExpectedGuard { expected: self, id })
    }

    /// The call that arrives under this id.
    pub(super) fn take(&self, id: CallId) -> Option<ExpectedCall> {
        self.lock().remove(&id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, ExpectedCall>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody waits for the call.
pub(super) struct ExpectedGuard<'a> {
    expected: &'a Expected,
    id: CallId,
}

impl Drop for ExpectedGuard<'_> {
    fn drop(&mut self) {
        let gone = self.expected.take(self.id);
        drop(gone);
    }
}
