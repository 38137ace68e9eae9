//! Idempotency keys: looked up and kept inside the transaction of the write they belong to.

use crate::failure::Failure;
use crate::rows::{column, id, micros, unreadable};
use crate::sqlite::SqliteStore;
use model::Timestamp;
use ports::StoreError;
use ports::store::{Idempotency, IdempotencyStore, Reserved, StoredResponse, Written};
use sqlx::sqlite::SqliteRow;
use sqlx::{SqliteConnection, SqliteExecutor};

/// What is known of a key. `Reserved::Ours` means that it was never used.
pub(crate) async fn look_up(
    db: impl SqliteExecutor<'_>,
    idempotency: &Idempotency,
) -> Result<Reserved, Failure> {
    let row =
        sqlx::query("SELECT fingerprint, status, response FROM idempotency WHERE key = ? AND value = ?")
            .bind(id(idempotency.key.uuid()))
            .bind(idempotency.value.clone())
            .fetch_optional(db)
            .await?;
    let Some(row) = row else { return Ok(Reserved::Ours) };
    if column::<&[u8]>(&row, "fingerprint")? != idempotency.fingerprint {
        return Ok(Reserved::Mismatch);
    }
    Ok(response(&row)?.map_or(Reserved::Pending, Reserved::Replayed))
}

fn response(row: &SqliteRow) -> Result<Option<StoredResponse>, StoreError> {
    let Some(status) = column::<Option<i64>>(row, "status")? else { return Ok(None) };
    let status = u16::try_from(status).map_err(|error| unreadable(&error))?;
    Ok(Some(StoredResponse { status, body: column(row, "response")? }))
}

/// Keeps a key with its answer, or without one while the work is under way.
pub(crate) async fn keep(
    db: &mut SqliteConnection,
    idempotency: &Idempotency,
    response: Option<&StoredResponse>,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO idempotency (key, value, fingerprint, expires_at, status, response) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(id(idempotency.key.uuid()))
    .bind(idempotency.value.clone())
    .bind(idempotency.fingerprint.to_vec())
    .bind(micros(idempotency.expires_at))
    .bind(response.map(|response| i64::from(response.status)))
    .bind(response.map(|response| response.body.clone()))
    .execute(db)
    .await?;
    Ok(())
}

/// What the key of a write that makes a row was used for before; `New` if for nothing.
pub(crate) async fn used(
    db: &mut SqliteConnection,
    idempotency: Option<&(Idempotency, StoredResponse)>,
) -> Result<Written, Failure> {
    let Some((idempotency, _)) = idempotency else { return Ok(Written::New) };
    match look_up(db, idempotency).await? {
        Reserved::Ours => Ok(Written::New),
        Reserved::Replayed(response) => Ok(Written::Replayed(response)),
        Reserved::Mismatch => Ok(Written::Mismatch),
        Reserved::Pending => Err(StoreError::Conflict("the idempotency key is in use").into()),
    }
}

/// Keeps the key of a write that makes a row, with the answer that will be given.
pub(crate) async fn keep_answer(
    db: &mut SqliteConnection,
    idempotency: Option<&(Idempotency, StoredResponse)>,
) -> Result<(), Failure> {
    match idempotency {
        Some((idempotency, response)) => keep(db, idempotency, Some(response)).await,
        None => Ok(()),
    }
}

#[async_trait::async_trait]
impl IdempotencyStore for SqliteStore {
    async fn answered(&self, idempotency: &Idempotency) -> Result<Reserved, StoreError> {
        Ok(look_up(&self.readers, idempotency).await?)
    }

    async fn reserve(&self, idempotency: &Idempotency) -> Result<Reserved, StoreError> {
        let idempotency = idempotency.clone();
        self.write(move |db| {
            Box::pin(async move {
                let known = look_up(&mut *db, &idempotency).await?;
                if known == Reserved::Ours {
                    keep(db, &idempotency, None).await?;
                }
                Ok(known)
            })
        })
        .await
    }

    async fn complete(&self, idempotency: &Idempotency, response: &StoredResponse) -> Result<(), StoreError> {
        let (idempotency, response) = (idempotency.clone(), response.clone());
        self.write(move |db| {
            Box::pin(async move {
                let done = sqlx::query(
                    "UPDATE idempotency SET status = ?, response = ? WHERE key = ? AND value = ? AND fingerprint = ?",
                )
                .bind(i64::from(response.status))
                .bind(response.body)
                .bind(id(idempotency.key.uuid()))
                .bind(idempotency.value)
                .bind(idempotency.fingerprint.to_vec())
                .execute(db)
                .await?;
                if done.rows_affected() == 0 { Err(StoreError::NotFound.into()) } else { Ok(()) }
            })
        })
        .await
    }

    async fn release(&self, idempotency: &Idempotency) -> Result<(), StoreError> {
        let idempotency = idempotency.clone();
        self.write(move |db| {
            Box::pin(async move {
                // An answer that was given stays: only a reservation can be given back.
                sqlx::query(
                    "DELETE FROM idempotency WHERE key = ? AND value = ? AND fingerprint = ? AND status IS NULL",
                )
                .bind(id(idempotency.key.uuid()))
                .bind(idempotency.value)
                .bind(idempotency.fingerprint.to_vec())
                .execute(db)
                .await?;
                Ok(())
            })
        })
        .await
    }

    async fn forget_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                let gone = sqlx::query("DELETE FROM idempotency WHERE expires_at <= ?")
                    .bind(micros(now))
                    .execute(db)
                    .await?;
                Ok(gone.rows_affected())
            })
        })
        .await
    }
}
