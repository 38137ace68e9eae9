//! Calls, their events, leases and recordings.

use super::{Idempotency, StoreError, StoredResponse};
use crate::carrier::Handover;
use model::call::{Call, CallSetup, CallStatus, Direction, Reach};
use model::event::{CommandOutcome, Event};
use model::flow::Flow;
use model::recording::Recording;
use model::{AppId, CallId, CommandId, NodeId, RecordingId, Timestamp, VoiceChannelId, call::Mode};

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
    /// To be started then, by [`CallStore::start_due`]: nobody runs it until then, and it does not count as a running
    /// call. Refused when the app has [`NewCall::DUE_MAX`] such calls.
    pub due: Option<Timestamp>,
}

impl NewCall {
    /// Most calls of an app that wait for their time.
    pub const DUE_MAX: u32 = 10_000;
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
    /// Only with one of these statuses; with any, if there is none.
    pub statuses: Vec<StatusIs>,
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
    /// Only this one.
    pub id: Option<CallId>,
    /// Only of one of these channels; of any, if there is none.
    pub voice_channels: Vec<VoiceChannelId>,
    /// Only with one of these tags; with any or none, if there is none.
    pub tags: Vec<String>,
    /// Only whose far side is reached so.
    pub reach: Option<Reach>,
    /// Only that lasted so many whole seconds.
    pub duration_s: Option<u64>,
}

/// A status that a list may be narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusIs {
    /// The status.
    pub status: CallStatus,
    /// Also that dialling has begun, or has not.
    pub started: Option<bool>,
}

impl From<CallStatus> for StatusIs {
    fn from(status: CallStatus) -> Self {
        Self { status, started: None }
    }
}

/// A request for calls that are due.
#[derive(Debug, Clone, Copy)]
pub struct StartDue {
    /// Who runs them from now on.
    pub node: NodeId,
    /// The time now.
    pub now: Timestamp,
    /// Until when they shall be ours.
    pub until: Timestamp,
    /// At most so many.
    pub limit: u32,
}

/// Calls that are due.
#[derive(Debug, Clone, Default)]
pub struct DueCalls {
    /// Ours from now on.
    pub started: Vec<ClaimedCall>,
    /// Still waiting, because their app has as many calls at once as it may.
    pub crowded: Vec<Call>,
}

/// A call's flow and how far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct CallFlow {
    /// The call.
    pub call: CallId,
    /// The flow that was given last.
    pub flow: Flow,
    /// What happened to commands, in order, those of earlier flows and of the app included.
    pub states: Vec<(CommandId, CommandState)>,
}

/// How far a command has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandState {
    /// It has begun.
    Running,
    /// It is over.
    Over(CommandOutcome),
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

    /// Calls of an app, newest first, at most `limit` and 1,000, those before a place only.
    async fn calls_before(
        &self,
        app: AppId,
        filter: &CallFilter,
        place: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Call>, StoreError>;

    /// The flows of those of at most 1,000 calls that have one, in any order.
    async fn call_flows(&self, calls: &[CallId]) -> Result<Vec<CallFlow>, StoreError>;

    /// Another flow takes the place of a call's.
    async fn replace_flow(&self, call: CallId, flow: &Flow) -> Result<(), StoreError>;

    /// When the next call is due.
    async fn next_due_call(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Takes calls that are due; they count as running from then on.
    async fn start_due(&self, start: StartDue) -> Result<DueCalls, StoreError>;

    /// Ends a call that was not started: its row and event 2 in one transaction. Whether it was still waiting.
    async fn end_due(&self, row: &Call, event: &Event) -> Result<bool, StoreError>;

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
