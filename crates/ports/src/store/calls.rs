//! Calls, their events, leases and recordings.

use super::{Idempotency, StoreError, StoredResponse};
use crate::carrier::Handover;
use model::call::{Call, CallSetup, CallStatus, Direction};
use model::event::Event;
use model::recording::Recording;
use model::{AppId, CallId, NodeId, RecordingId, Timestamp, call::Mode};

/// A call to be made: row, setup, event 1, outbox entry, idempotency record and lease in one transaction.
#[derive(Debug, Clone)]
pub struct NewCall {
    /// The row.
    pub call: Call,
    /// What the brain needs.
    pub setup: CallSetup,
    /// Event number 1.
    pub event: Event,
    /// The key and the answer that will be given, if one came.
    pub idempotency: Option<(Idempotency, StoredResponse)>,
    /// Who runs the call, and until when that holds.
    pub lease: (NodeId, Timestamp),
    /// Refuse when the app has as many unfinished calls as this.
    pub concurrent_calls_max: u32,
}

/// What became of a new call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It was made; the lease's fencing number.
    New {
        /// Goes with every commit.
        fence: u64,
    },
    /// The key was used before; this was the answer.
    Replayed(StoredResponse),
    /// The key was used before with another request.
    Mismatch,
    /// The app has as many calls as it may; nothing was written.
    ConcurrencyLimit,
}

/// What a running call writes.
#[derive(Debug, Clone)]
pub struct CallCommit {
    /// The call.
    pub call: CallId,
    /// The fencing number of the writer's lease.
    pub fence: u64,
    /// New events; the first follows the last stored one. Each gets its outbox entry in the same transaction.
    pub events: Vec<Event>,
    /// The call's row as it is now, if it changed.
    pub row: Option<Call>,
    /// Recordings that are new or changed.
    pub recordings: Vec<Recording>,
    /// What lets go of the call's far side, if it is new; kept until the writer is done.
    pub handover: Option<Handover>,
    /// The writer is done with the call: its lease ends, nobody claims it again.
    pub release: bool,
}

/// A request for calls whose owner is gone.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// Who wants them.
    pub node: NodeId,
    /// The time now.
    pub now: Timestamp,
    /// Until when they shall be ours.
    pub until: Timestamp,
    /// At most so many.
    pub limit: u32,
    /// Also those whose lease still runs, where the caller knows that no other process can hold one (it holds the
    /// data directory's lock). Never those of `node` itself.
    pub regardless_of_lease: bool,
}

/// A call that was claimed.
#[derive(Debug, Clone)]
pub struct ClaimedCall {
    /// Its row.
    pub call: Call,
    /// What the brain needs.
    pub setup: CallSetup,
    /// The new fencing number.
    pub fence: u64,
    /// The number of its last event.
    pub last_sequence: u32,
    /// What lets go of its far side, if it was answered.
    pub handover: Option<Handover>,
    /// Its recordings that are not final.
    pub recordings: Vec<Recording>,
}

/// Which calls of an app.
#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    /// Only of this mode.
    pub mode: Option<Mode>,
    /// Only with this status.
    pub status: Option<CallStatus>,
    /// Only this way.
    pub direction: Option<Direction>,
    /// Only from exactly this address.
    pub from: Option<String>,
    /// Only to exactly this address.
    pub to: Option<String>,
    /// Only created at or after.
    pub created_after: Option<Timestamp>,
    /// Only created before.
    pub created_before: Option<Timestamp>,
    /// Only whose metadata has these text values, at most 8.
    pub metadata: Vec<(String, String)>,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest {
    /// At most so many, 1–100.
    pub limit: u32,
    /// Leave out so many first.
    pub offset: u32,
}

/// A place in a list that goes by time and then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The time of the row.
    pub at: Timestamp,
    /// Its id.
    pub id: uuid::Uuid,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The part.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: u64,
}

/// Calls, events, leases, recordings.
#[async_trait::async_trait]
pub trait CallStore: Send + Sync {
    /// Makes a call.
    async fn create_call(&self, new: NewCall) -> Result<Created, StoreError>;

    /// Writes what happened to a running call.
    async fn commit_call(&self, commit: CallCommit) -> Result<(), StoreError>;

    /// One call of an app.
    async fn call(&self, app: AppId, call: CallId) -> Result<Option<Call>, StoreError>;

    /// Calls of an app, newest first.
    async fn calls(
        &self,
        app: AppId,
        filter: &CallFilter,
        page: PageRequest,
    ) -> Result<Page<Call>, StoreError>;

    /// The events of a call with numbers above `after`, in order, at most `limit`.
    async fn events(&self, call: CallId, after: u32, limit: u32) -> Result<Vec<Event>, StoreError>;

    /// Takes calls over whose work is not done: not ended, or ended with recordings that are not final.
    async fn claim_calls(&self, claim: Claim) -> Result<Vec<ClaimedCall>, StoreError>;

    /// Prolongs all leases of a node.
    async fn renew_leases(&self, node: NodeId, until: Timestamp) -> Result<(), StoreError>;

    /// The recordings of a call, oldest first, at most 100.
    async fn recordings(&self, call: CallId) -> Result<Vec<Recording>, StoreError>;

    /// One recording.
    async fn recording(&self, recording: RecordingId) -> Result<Option<Recording>, StoreError>;
}
