//! Transcriptions of recordings and their words.

use crate::calls::append_event;
use crate::failure::Failure;
use crate::rows::{body, column, id, json, micros, parse, parse_word, readable, word};
use crate::sqlite::SqliteStore;
use model::call::{Call, Mode};
use model::event::{Event, EventBody};
use model::recording::Recording;
use model::speech::Transcript;
use model::transcription::Transcription;
use model::{AppId, Timestamp, TranscriptionId};
use ports::StoreError;
use ports::store::{Place, TranscriptionStore};
use sqlx::{QueryBuilder, SqliteConnection};

/// Most rows of one read, whatever is asked for.
const ROWS_MAX: u32 = 100;

#[async_trait::async_trait]
impl TranscriptionStore for SqliteStore {
    async fn create_transcription(&self, transcription: &Transcription) -> Result<(), StoreError> {
        let transcription = transcription.clone();
        self.write(move |db| Box::pin(create(db, transcription))).await
    }

    async fn update_transcription(
        &self,
        transcription: &Transcription,
        words: Option<&Transcript>,
    ) -> Result<(), StoreError> {
        let (transcription, words) = (transcription.clone(), words.cloned());
        self.write(move |db| Box::pin(update(db, transcription, words))).await
    }

    async fn tell_transcription(&self, id: TranscriptionId, at: Timestamp) -> Result<bool, StoreError> {
        self.write(move |db| Box::pin(tell(db, id, at))).await
    }

    async fn transcription(
        &self,
        transcription: TranscriptionId,
    ) -> Result<Option<Transcription>, StoreError> {
        let row = sqlx::query("SELECT body FROM transcriptions WHERE id = ?")
            .bind(id(transcription.uuid()))
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::from)?;
        row.as_ref().map(body).transpose()
    }

    async fn transcript(&self, transcription: TranscriptionId) -> Result<Option<Transcript>, StoreError> {
        let words: Option<Option<String>> =
            sqlx::query_scalar("SELECT words FROM transcriptions WHERE id = ?")
                .bind(id(transcription.uuid()))
                .fetch_optional(&self.readers)
                .await
                .map_err(Failure::from)?;
        words.flatten().map(|words| parse(&words)).transpose()
    }

    async fn transcriptions(
        &self,
        app: AppId,
        mode: Mode,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Transcription>, StoreError> {
        let mut query = QueryBuilder::new("SELECT body FROM transcriptions WHERE app = ");
        query.push_bind(id(app.uuid())).push(" AND mode = ").push_bind(word(&mode));
        if let Some(Place { at, id: last }) = after {
            query.push(" AND (created_at, id) < (").push_bind(micros(at)).push(", ");
            query.push_bind(id(last)).push(")");
        }
        query
            .push(" ORDER BY created_at DESC, id DESC LIMIT ")
            .push_bind(i64::from(limit.clamp(1, ROWS_MAX)));
        let rows = query.build().fetch_all(&self.readers).await.map_err(Failure::from)?;
        Ok(readable(&rows, body))
    }

    async fn unfinished_transcriptions(&self, limit: u32) -> Result<Vec<Transcription>, StoreError> {
        oldest(self, "SELECT body FROM transcriptions WHERE final = 0 ORDER BY created_at, id LIMIT ?", limit)
            .await
    }

    async fn untold_transcriptions(&self, limit: u32) -> Result<Vec<Transcription>, StoreError> {
        let query =
            "SELECT body FROM transcriptions WHERE final = 1 AND told = 0 ORDER BY created_at, id LIMIT ?";
        oldest(self, query, limit).await
    }

    async fn recordings_to_transcribe(&self, limit: u32) -> Result<Vec<(Recording, Mode)>, StoreError> {
        let rows = sqlx::query(
            "SELECT recordings.body AS body, calls.mode AS mode FROM recordings
             JOIN calls ON calls.id = recordings.call
             WHERE recordings.to_transcribe = 1 ORDER BY recordings.started_at, recordings.id LIMIT ?",
        )
        .bind(i64::from(limit.min(ROWS_MAX)))
        .fetch_all(&self.readers)
        .await
        .map_err(Failure::from)?;
        Ok(readable(&rows, |row| Ok((body(row)?, parse_word(column(row, "mode")?)?))))
    }

    async fn delete_transcription(
        &self,
        app: AppId,
        transcription: TranscriptionId,
    ) -> Result<(), StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM transcriptions WHERE id = ? AND app = ?")
                    .bind(id(transcription.uuid()))
                    .bind(id(app.uuid()))
                    .execute(db)
                    .await?;
                if done.rows_affected() == 0 { Err(StoreError::NotFound.into()) } else { Ok(()) }
            })
        })
        .await
    }
}

async fn oldest(
    store: &SqliteStore,
    query: &'static str,
    limit: u32,
) -> Result<Vec<Transcription>, StoreError> {
    let query = sqlx::query(query).bind(i64::from(limit.min(ROWS_MAX)));
    let rows = query.fetch_all(&store.readers).await.map_err(Failure::from)?;
    Ok(readable(&rows, body))
}

async fn create(db: &mut SqliteConnection, transcription: Transcription) -> Result<(), Failure> {
    let unfinished: i64 =
        sqlx::query_scalar("SELECT count(*) FROM transcriptions WHERE final = 0 AND app = ?")
            .bind(id(transcription.app.uuid()))
            .fetch_one(&mut *db)
            .await?;
    if unfinished >= i64::from(Transcription::UNFINISHED_MAX) {
        return Err(StoreError::Conflict("the app has as many unfinished transcriptions as it may").into());
    }
    sqlx::query(
        "INSERT INTO transcriptions (id, app, mode, recording, call, created_at, final, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id(transcription.id.uuid()))
    .bind(id(transcription.app.uuid()))
    .bind(word(&transcription.mode))
    .bind(id(transcription.recording.uuid()))
    .bind(id(transcription.call.uuid()))
    .bind(micros(transcription.created_at))
    .bind(transcription.status.is_final())
    .bind(json(&transcription)?)
    .execute(&mut *db)
    .await?;
    sqlx::query("UPDATE recordings SET to_transcribe = 0 WHERE id = ?")
        .bind(id(transcription.recording.uuid()))
        .execute(db)
        .await?;
    Ok(())
}

async fn update(
    db: &mut SqliteConnection,
    transcription: Transcription,
    words: Option<Transcript>,
) -> Result<(), Failure> {
    let words = words.as_ref().map(json).transpose()?;
    let done =
        sqlx::query("UPDATE transcriptions SET final = ?, body = ?, words = coalesce(?, words) WHERE id = ?")
            .bind(transcription.status.is_final())
            .bind(json(&transcription)?)
            .bind(words)
            .bind(id(transcription.id.uuid()))
            .execute(db)
            .await?;
    if done.rows_affected() == 0 { Err(StoreError::NotFound.into()) } else { Ok(()) }
}

async fn tell(
    db: &mut SqliteConnection,
    transcription: TranscriptionId,
    at: Timestamp,
) -> Result<bool, Failure> {
    let row = sqlx::query("SELECT body FROM transcriptions WHERE id = ? AND final = 1 AND told = 0")
        .bind(id(transcription.uuid()))
        .fetch_optional(&mut *db)
        .await?;
    // Told before, or deleted: there is nothing more to tell.
    let Some(row) = row else { return Ok(true) };
    let transcription: Transcription = body(&row)?;
    let call = id(transcription.call.uuid());
    let running = sqlx::query("SELECT 1 FROM running WHERE call = ?")
        .bind(call.clone())
        .fetch_optional(&mut *db)
        .await?;
    if running.is_some() {
        return Ok(false);
    }
    let row = sqlx::query("SELECT body FROM calls WHERE id = ?").bind(call.clone()).fetch_optional(&mut *db);
    let snapshot: Option<Call> = row.await?.as_ref().map(body).transpose()?;
    let last: i64 = sqlx::query_scalar("SELECT coalesce(max(sequence), 0) FROM events WHERE call = ?")
        .bind(call)
        .fetch_one(&mut *db)
        .await?;
    if let (Some(snapshot), Ok(last)) = (snapshot, u32::try_from(last)) {
        let event = Event {
            call: transcription.call,
            app: transcription.app,
            sequence: last.saturating_add(1),
            at,
            body: EventBody::TranscriptionCompleted { transcription: transcription.clone() },
            snapshot,
        };
        append_event(db, &event).await?;
    }
    sqlx::query("UPDATE transcriptions SET told = 1 WHERE id = ?")
        .bind(id(transcription.id.uuid()))
        .execute(db)
        .await?;
    Ok(true)
}
