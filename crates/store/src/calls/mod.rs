//! Calls, their events, leases and recordings: the trait, and where each of its verbs lives.

mod claim;
mod commit;
mod create;
mod list;

use crate::failure::Failure;
use crate::rows::{body, id, json, micros, readable, word};
use crate::sqlite::SqliteStore;
use model::call::Call;
use model::event::Event;
use model::recording::{Recording, RecordingStatus};
use model::{AppId, CallId, NodeId, RecordingId, Timestamp};
use ports::StoreError;
use ports::store::{
    CallCommit, CallFilter, CallStore, Claim, ClaimedCall, Created, NewCall, Page, PageRequest,
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
        let rows =
            sqlx::query("SELECT body FROM recordings WHERE call = ? ORDER BY started_at, id LIMIT 100")
                .bind(id(call.uuid()))
                .fetch_all(&self.readers)
                .await
                .map_err(Failure::from)?;
        Ok(readable(&rows, body))
    }

    async fn recording(&self, recording: RecordingId) -> Result<Option<Recording>, StoreError> {
        let row = sqlx::query("SELECT body FROM recordings WHERE id = ?")
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
        "UPDATE calls SET status = ?, from_address = ?, to_address = ?, body = ? WHERE id = ? AND app = ?",
    )
    .bind(word(&call.status))
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

/// Keeps a recording, new or changed.
async fn keep_recording(db: &mut SqliteConnection, recording: &Recording) -> Result<(), Failure> {
    let last = recording.status.is_final();
    let to_transcribe = recording.transcribe && recording.status == RecordingStatus::Completed;
    // A write that is done again asks for no second transcription.
    sqlx::query(
        "INSERT INTO recordings (id, call, final, started_at, body, to_transcribe) VALUES (?1, ?2, ?3, ?4, ?5,
             ?6 AND NOT EXISTS (SELECT 1 FROM transcriptions WHERE recording = ?1))
         ON CONFLICT (id) DO UPDATE SET
             final = excluded.final, body = excluded.body, to_transcribe = excluded.to_transcribe",
    )
    .bind(id(recording.id.uuid()))
    .bind(id(recording.call.uuid()))
    .bind(last)
    .bind(micros(recording.started_at))
    .bind(json(recording)?)
    .bind(to_transcribe)
    .execute(db)
    .await?;
    Ok(())
}
