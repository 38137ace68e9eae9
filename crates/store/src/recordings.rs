//! Recordings of an app: found, measured and deleted.

use crate::failure::Failure;
use crate::rows::{body, column, id, micros, parse, readable, timestamp, uuid, word};
use crate::sqlite::SqliteStore;
use model::call::Mode;
use model::{AppId, CallId, RecordingId};
use ports::StoreError;
use ports::store::{Condemned, FoundRecording, Place, RecordingFilter, RecordingStore, RecordingUsage};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

/// Most recordings of one look.
const FOUND_MAX: u32 = 100;

#[async_trait::async_trait]
impl RecordingStore for SqliteStore {
    async fn find_recordings(
        &self,
        app: AppId,
        mode: Mode,
        filter: &RecordingFilter,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<FoundRecording>, StoreError> {
        let mut query = QueryBuilder::new(
            "SELECT recordings.body AS body, calls.body AS call FROM recordings JOIN calls ON calls.id = recordings.call WHERE ",
        );
        of_app(&mut query, app, mode, filter.call);
        narrow(&mut query, filter);
        if let Some(after) = after {
            query.push(" AND (recordings.started_at, recordings.id) < (").push_bind(micros(after.at));
            query.push(", ").push_bind(id(after.id)).push(")");
        }
        query.push(" ORDER BY recordings.started_at DESC, recordings.id DESC LIMIT ");
        query.push_bind(i64::from(limit.min(FOUND_MAX)));
        let rows = query.build().fetch_all(&self.readers).await.map_err(Failure::from)?;
        Ok(readable(&rows, found))
    }

    async fn recording_usage(
        &self,
        app: AppId,
        mode: Mode,
        call: Option<CallId>,
    ) -> Result<RecordingUsage, StoreError> {
        let mut query = QueryBuilder::new(
            "SELECT strftime('%Y-%m-%d', started_at / 1000000, 'unixepoch') AS day, count(*) AS count,
                 sum(coalesce(json_extract(body, '$.duration_ms'), 0)) AS duration_ms,
                 sum(coalesce(json_extract(body, '$.bytes'), 0)) AS bytes,
                 max(max(started_at, coalesce(json_extract(body, '$.updated_at'), 0))) AS changed_at
             FROM recordings WHERE ",
        );
        of_app(&mut query, app, mode, call);
        query.push(" GROUP BY day ORDER BY day DESC");
        let rows = query.build().fetch_all(&self.readers).await.map_err(Failure::from)?;
        let mut usage = RecordingUsage::default();
        for row in &rows {
            let figure = |name| column::<i64>(row, name).map(|figure| u64::try_from(figure).unwrap_or(0));
            usage.count += figure("count")?;
            usage.duration_ms += figure("duration_ms")?;
            usage.changed_at = usage.changed_at.max(Some(timestamp(column(row, "changed_at")?)));
            if usage.days.len() < RecordingUsage::DAYS_MAX {
                usage.days.push((column(row, "day")?, figure("bytes")?));
            }
        }
        Ok(usage)
    }

    async fn condemn_recording(&self, recording: RecordingId) -> Result<Condemned, StoreError> {
        self.write(move |db| Box::pin(condemn(db, recording))).await
    }

    async fn forget_recording(&self, recording: RecordingId) -> Result<(), StoreError> {
        self.write(move |db| Box::pin(forget(db, recording))).await
    }

    async fn condemned_recordings(&self, limit: u32) -> Result<Vec<RecordingId>, StoreError> {
        let rows = sqlx::query("SELECT id FROM recordings WHERE condemned = 1 ORDER BY id LIMIT ?")
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await
            .map_err(Failure::from)?;
        rows.iter().map(|row| uuid(row, "id").map(RecordingId::from_uuid)).collect()
    }
}

fn found(row: &SqliteRow) -> Result<FoundRecording, StoreError> {
    Ok(FoundRecording { recording: body(row)?, call: parse(column::<&str>(row, "call")?)? })
}

/// The app's recordings, or those of one of its calls; each has an index.
fn of_app(query: &mut QueryBuilder<Sqlite>, app: AppId, mode: Mode, call: Option<CallId>) {
    query.push("recordings.condemned = 0 AND recordings.app = ").push_bind(id(app.uuid()));
    query.push(" AND recordings.mode = ").push_bind(word(&mode));
    if let Some(call) = call {
        query.push(" AND recordings.call = ").push_bind(id(call.uuid()));
    }
}

fn narrow(query: &mut QueryBuilder<Sqlite>, filter: &RecordingFilter) {
    if let Some(recording) = filter.id {
        query.push(" AND recordings.id = ").push_bind(id(recording.uuid()));
    }
    let words = [
        (" AND calls.direction = ", filter.direction.map(|direction| word(&direction))),
        (" AND calls.from_address = ", filter.from.clone()),
        (" AND calls.to_address = ", filter.to.clone()),
        (
            " AND json_extract(calls.body, '$.voice_channel') = ",
            filter.voice_channel.map(|channel| channel.to_string()),
        ),
    ];
    for (condition, value) in words {
        if let Some(value) = value {
            query.push(condition).push_bind(value);
        }
    }
    let times = [
        (" AND recordings.started_at >= ", filter.started_after),
        (" AND recordings.started_at < ", filter.started_before),
    ];
    for (condition, at) in times {
        if let Some(at) = at {
            query.push(condition).push_bind(micros(at));
        }
    }
}

async fn condemn(db: &mut SqliteConnection, recording: RecordingId) -> Result<Condemned, Failure> {
    let done = sqlx::query(
        "UPDATE recordings SET condemned = 1, to_transcribe = 0 WHERE id = ? AND final = 1 AND condemned = 0",
    )
    .bind(id(recording.uuid()))
    .execute(&mut *db)
    .await?;
    if done.rows_affected() > 0 {
        return Ok(Condemned::Now);
    }
    let running = sqlx::query("SELECT 1 FROM recordings WHERE id = ? AND condemned = 0")
        .bind(id(recording.uuid()))
        .fetch_optional(db)
        .await?;
    Ok(if running.is_some() { Condemned::Running } else { Condemned::Unknown })
}

async fn forget(db: &mut SqliteConnection, recording: RecordingId) -> Result<(), Failure> {
    sqlx::query("DELETE FROM recordings WHERE id = ? AND condemned = 1")
        .bind(id(recording.uuid()))
        .execute(db)
        .await?;
    Ok(())
}
