//! Calls, their events, leases and recordings: the trait, and where each of its verbs lives.

mod claim;
mod commit;
mod create;
mod due;
mod flows;
mod list;

use crate::failure::Failure;
use crate::rows::{body, id, json, micros, readable, word};
use crate::sqlite::SqliteStore;
use model::call::Call;
use model::event::Event;
use model::flow::Flow;
use model::recording::{Recording, RecordingStatus};
use model::{AppId, CallId, NodeId, RecordingId, Timestamp};
use ports::StoreError;
use ports::store::{
    CallCommit, CallFilter, CallFlow, CallStore, Claim, ClaimedCall, Created, DueCalls, NewCall, Page,
    PageRequest, Place, StartDue,
};
use sqlx::SqliteConnection;

/// Most events of one read.
const EVENTS_MAX: u32 = 1_000;

#[async_trait::async_trait]
impl CallStore for SqliteStore {
    async fn create_call(&self, new: NewCall) -> Result<Created, StoreError> {
        self.write(move |db| Box::pin(create::create(db, new))).await
    }

    async fn commit_call(&self, commit: CallCommit) -> Result<(), StoreError> {
        self.write(move |db| Box::pin(commit::commit(db, commit))).await
    }

    async fn call(&self, app: AppId, call: CallId) -> Result<Option<Call>, StoreError> {
        let row = sqlx::query("SELECT body FROM calls WHERE id = ? AND app = ?")
            .bind(id(call.uuid()))
            .bind(id(app.uuid()))
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::from)?;
        row.as_ref().map(body).transpose()
    }

    async fn calls(
        &self,
        app: AppId,
        filter: &CallFilter,
        page: PageRequest,
    ) -> Result<Page<Call>, StoreError> {
        Ok(list::list(&self.readers, app, filter, page).await?)
    }

    async fn calls_before(
        &self,
        app: AppId,
        filter: &CallFilter,
        place: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Call>, StoreError> {
        Ok(list::before(&self.readers, app, filter, place, limit).await?)
    }

    async fn call_flows(&self, calls: &[CallId]) -> Result<Vec<CallFlow>, StoreError> {
        Ok(flows::flows(&self.readers, calls).await?)
    }

    async fn replace_flow(&self, call: CallId, flow: &Flow) -> Result<(), StoreError> {
        let flow = flow.clone();
        self.write(move |db| Box::pin(async move { flows::replace(db, call, &flow).await })).await
    }

    async fn next_due_call(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(due::next(&self.readers).await?)
    }

    async fn start_due(&self, start: StartDue) -> Result<DueCalls, StoreError> {
        self.write(move |db| Box::pin(due::start(db, start))).await
    }

    async fn end_due(&self, row: &Call, event: &Event) -> Result<bool, StoreError> {
        let (row, event) = (row.clone(), event.clone());
        self.write(move |db| Box::pin(async move { due::end(db, &row, &event).await })).await
    }

    async fn events(&self, call: CallId, after: u32, limit: u32) -> Result<Vec<Event>, StoreError> {
        let rows =
            sqlx::query("SELECT body FROM events WHERE call = ? AND sequence > ? ORDER BY sequence LIMIT ?")
                .bind(id(call.uuid()))
                .bind(i64::from(after))
                .bind(i64::from(limit.min(EVENTS_MAX)))
                .fetch_all(&self.readers)
                .await
                .map_err(Failure::from)?;
        // A gap would be a lie about the call, so an unreadable event is an error here.
        rows.iter().map(body).collect()
    }

    async fn claim_calls(&self, claim: Claim) -> Result<Vec<ClaimedCall>, StoreError> {
        self.write(move |db| Box::pin(claim::claim(db, claim))).await
    }

    async fn renew_leases(&self, node: NodeId, until: Timestamp) -> Result<(), StoreError> {
        self.write(move |db| Box::pin(claim::renew(db, node, until))).await
    }

    async fn recordings(&self, call: CallId) -> Result<Vec<Recording>, StoreError> {
        let rows = sqlx::query(
            "SELECT body FROM recordings WHERE call = ? AND condemned = 0 ORDER BY started_at, id LIMIT 100",
        )
        .bind(id(call.uuid()))
        .fetch_all(&self.readers)
        .await
        .map_err(Failure::from)?;
        Ok(readable(&rows, body))
    }

    async fn recording(&self, recording: RecordingId) -> Result<Option<Recording>, StoreError> {
        let row = sqlx::query("SELECT body FROM recordings WHERE id = ? AND condemned = 0")
            .bind(id(recording.uuid()))
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::from)?;
        row.as_ref().map(body).transpose()
    }
}

/// Appends an event, and by the schema's trigger its outbox entry; numbers are checked by the caller.
pub(crate) async fn append_event(db: &mut SqliteConnection, event: &Event) -> Result<(), Failure> {
    sqlx::query("INSERT INTO events (call, sequence, body) VALUES (?, ?, ?)")
        .bind(id(event.call.uuid()))
        .bind(i64::from(event.sequence))
        .bind(json(event)?)
        .execute(db)
        .await?;
    Ok(())
}

/// Replaces a call's row.
async fn update_row(db: &mut SqliteConnection, call: &Call) -> Result<(), Failure> {
    let done = sqlx::query(
        "UPDATE calls SET status = ?, duration_s = ?, from_address = ?, to_address = ?, body = ? WHERE id = ? AND app = ?",
    )
    .bind(word(&call.status))
    .bind(duration_s(call))
    .bind(call.from.expose().clone())
    .bind(call.to.expose().clone())
    .bind(json(call)?)
    .bind(id(call.id.uuid()))
    .bind(id(call.app.uuid()))
    .execute(db)
    .await?;
    if done.rows_affected() == 0 {
        Err(StoreError::Conflict("the row is of another call").into())
    } else {
        Ok(())
    }
}

/// Whole seconds; 0 of a call that never was answered, or goes on.
fn duration_s(call: &Call) -> i64 {
    call.duration_s().and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(0)
}

/// Keeps a recording, new or changed.
async fn keep_recording(db: &mut SqliteConnection, recording: &Recording) -> Result<(), Failure> {
    let last = recording.status.is_final();
    let to_transcribe = recording.transcribe && recording.status == RecordingStatus::Completed;
    // A write that is done again asks for no second transcription.
    sqlx::query(
        "INSERT INTO recordings (id, call, app, mode, final, started_at, body, to_transcribe)
         VALUES (?1, ?2, ?3, coalesce((SELECT mode FROM calls WHERE id = ?2), ''), ?4, ?5, ?6,
             ?7 AND NOT EXISTS (SELECT 1 FROM transcriptions WHERE recording = ?1))
         ON CONFLICT (id) DO UPDATE SET
             final = excluded.final, started_at = excluded.started_at, body = excluded.body,
             to_transcribe = excluded.to_transcribe",
    )
    .bind(id(recording.id.uuid()))
    .bind(id(recording.call.uuid()))
    .bind(id(recording.app.uuid()))
    .bind(last)
    .bind(micros(recording.started_at))
    .bind(json(recording)?)
    .bind(to_transcribe)
    .execute(db)
    .await?;
    Ok(())
}
