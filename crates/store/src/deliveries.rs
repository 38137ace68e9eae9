//! The outbox and the deliveries made from it. Of one call's events at one endpoint only the earliest that was
//! never tried is let through; the column `blocked` says so, and every write here keeps it true.

use crate::failure::Failure;
use crate::rows::{
    body, column, id, json, micros, optional_uuid, parse, parse_word, readable, timestamp, unreadable, uuid,
    window, word,
};
use model::event::Event;
use model::webhook::{Attempt, Delivery, DeliveryState, WebhookEndpoint};
use model::{CallId, Timestamp, WebhookId};
use ports::StoreError;
use ports::store::{DeliveryFilter, DueDelivery, Page, PageRequest};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, SqliteConnection, SqlitePool};
use std::collections::BTreeSet;

/// Most rows of one read.
const ROWS_MAX: u32 = 1_000;
/// Most endpoints that one read leaves out.
const EXCEPT_MAX: usize = 1_000;

pub(crate) async fn outbox(readers: &SqlitePool, limit: u32) -> Result<Vec<Event>, Failure> {
    let rows = sqlx::query(
        "SELECT events.body FROM outbox
         JOIN events ON events.call = outbox.call AND events.sequence = outbox.sequence
         ORDER BY outbox.position LIMIT ?",
    )
    .bind(i64::from(limit.min(ROWS_MAX)))
    .fetch_all(readers)
    .await?;
    Ok(readable(&rows, body))
}

/// A delivery that is there already stays as it is; one for an endpoint that is gone or disabled is not tried.
pub(crate) async fn fan_out(
    db: &mut SqliteConnection,
    events: Vec<(CallId, u32)>,
    deliveries: Vec<Delivery>,
) -> Result<(), Failure> {
    let mut touched = BTreeSet::new();
    for delivery in &deliveries {
        if insert(db, delivery).await? {
            touched.insert((delivery.webhook, delivery.call));
        }
    }
    for (webhook, call) in touched {
        unblock(db, webhook, call).await?;
    }
    for (call, sequence) in events {
        sqlx::query("DELETE FROM outbox WHERE call = ? AND sequence = ?")
            .bind(id(call.uuid()))
            .bind(i64::from(sequence))
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// Whether a row was made.
async fn insert(db: &mut SqliteConnection, delivery: &Delivery) -> Result<bool, Failure> {
    let disabled: Option<bool> = sqlx::query_scalar("SELECT disabled FROM webhooks WHERE id = ?")
        .bind(id(delivery.webhook.uuid()))
        .fetch_optional(&mut *db)
        .await?;
    let Some(disabled) = disabled else { return Ok(false) };
    let dropped = disabled && delivery.state == DeliveryState::Pending;
    let state = if dropped { DeliveryState::Dropped } else { delivery.state };
    let done = sqlx::query(
        "INSERT INTO deliveries
         (webhook, call, sequence, event_name, message_id, body, attempts, due_at, state, url, signer, blocked)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (webhook, call, sequence) DO NOTHING",
    )
    .bind(id(delivery.webhook.uuid()))
    .bind(id(delivery.call.uuid()))
    .bind(i64::from(delivery.sequence))
    .bind(delivery.event_name.clone())
    .bind(delivery.message_id.clone())
    .bind(delivery.body.clone())
    .bind(i64::from(delivery.attempts))
    .bind(delivery.due_at.filter(|_| !dropped).map(micros))
    .bind(word(&state))
    .bind(delivery.url.clone())
    .bind(delivery.signer.map(|signer| id(signer.uuid())))
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets the earliest untried delivery of the call at the endpoint through, and no other untried one.
async fn unblock(db: &mut SqliteConnection, webhook: WebhookId, call: CallId) -> Result<(), Failure> {
    sqlx::query(
        "UPDATE deliveries SET blocked = sequence > (
             SELECT min(earlier.sequence) FROM deliveries AS earlier
             WHERE earlier.webhook = ?1 AND earlier.call = ?2 AND earlier.state = 'pending' AND earlier.attempts = 0)
         WHERE webhook = ?1 AND call = ?2 AND state = 'pending' AND attempts = 0",
    )
    .bind(id(webhook.uuid()))
    .bind(id(call.uuid()))
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn due(
    readers: &SqlitePool,
    now: Timestamp,
    limit: u32,
    except: &[WebhookId],
) -> Result<Vec<DueDelivery>, Failure> {
    let except: Vec<String> =
        except.iter().take(EXCEPT_MAX).map(|webhook| webhook.uuid().simple().to_string()).collect();
    let rows = sqlx::query(
        "SELECT deliveries.*, webhooks.body AS endpoint, signers.body AS signer_body FROM deliveries
         JOIN webhooks ON webhooks.id = deliveries.webhook
         LEFT JOIN webhooks AS signers ON signers.id = deliveries.signer
         WHERE deliveries.state = 'pending' AND deliveries.blocked = 0 AND deliveries.due_at <= ?
             AND deliveries.webhook NOT IN (SELECT unhex(value) FROM json_each(?))
         ORDER BY deliveries.due_at, deliveries.id LIMIT ?",
    )
    .bind(micros(now))
    .bind(json(&except)?)
    .bind(i64::from(limit.min(ROWS_MAX)))
    .fetch_all(readers)
    .await?;
    Ok(readable(&rows, |row| {
        let signer = column::<Option<&str>>(row, "signer_body")?.map(parse::<WebhookEndpoint>).transpose()?;
        Ok(DueDelivery {
            delivery: delivery(row)?,
            endpoint: parse(column(row, "endpoint")?)?,
            signer_secret: signer.map(|signer| signer.signing_secret),
        })
    }))
}

pub(crate) async fn next_due(readers: &SqlitePool) -> Result<Option<Timestamp>, Failure> {
    let due: Option<i64> =
        sqlx::query_scalar("SELECT min(due_at) FROM deliveries WHERE state = 'pending' AND blocked = 0")
            .fetch_one(readers)
            .await?;
    Ok(due.map(timestamp))
}

/// A delivery that was dropped during the attempt is not tried again.
pub(crate) async fn record(
    db: &mut SqliteConnection,
    delivery: Delivery,
    attempt: Attempt,
) -> Result<(), Failure> {
    let row: Option<i64> = sqlx::query_scalar(
        "UPDATE deliveries SET attempts = ?1,
             due_at = CASE WHEN state = 'dropped' THEN NULL ELSE ?2 END,
             state = CASE WHEN state = 'dropped' AND ?3 = 'pending' THEN state ELSE ?3 END
         WHERE webhook = ?4 AND call = ?5 AND sequence = ?6 RETURNING id",
    )
    .bind(i64::from(delivery.attempts))
    .bind(delivery.due_at.map(micros))
    .bind(word(&delivery.state))
    .bind(id(delivery.webhook.uuid()))
    .bind(id(delivery.call.uuid()))
    .bind(i64::from(delivery.sequence))
    .fetch_optional(&mut *db)
    .await?;
    let row = row.ok_or(StoreError::NotFound)?;
    sqlx::query(
        "INSERT OR REPLACE INTO attempts (delivery, number, at, status, error, latency_ms) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(row)
    .bind(i64::from(attempt.number))
    .bind(micros(attempt.at))
    .bind(attempt.status.map(i64::from))
    .bind(attempt.error)
    .bind(i64::from(attempt.latency_ms))
    .execute(&mut *db)
    .await?;
    unblock(db, delivery.webhook, delivery.call).await
}

/// The endpoint is gone or disabled.
pub(crate) async fn drop_pending(db: &mut SqliteConnection, webhook: WebhookId) -> Result<(), Failure> {
    sqlx::query(
        "UPDATE deliveries SET state = 'dropped', due_at = NULL WHERE webhook = ? AND state = 'pending'",
    )
    .bind(id(webhook.uuid()))
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn list(
    readers: &SqlitePool,
    webhook: WebhookId,
    filter: DeliveryFilter,
    page: PageRequest,
) -> Result<Page<(Delivery, Vec<Attempt>)>, Failure> {
    let (limit, offset) = window(page);
    let narrow = |start: &'static str| {
        let mut query = QueryBuilder::new(start);
        query.push_bind(id(webhook.uuid()));
        if let Some(call) = filter.call {
            query.push(" AND call = ").push_bind(id(call.uuid()));
        }
        if let Some((call, sequence)) = filter.before {
            let rows =
                "SELECT id FROM deliveries AS last WHERE last.webhook = deliveries.webhook AND last.call = ";
            query.push(" AND id < (").push(rows).push_bind(id(call.uuid()));
            query.push(" AND last.sequence = ").push_bind(i64::from(sequence)).push(")");
        }
        if let Some(state) = filter.state {
            query.push(" AND state = ").push_bind(word(&state));
        }
        query
    };
    let mut count = narrow("SELECT count(*) FROM deliveries WHERE webhook = ");
    let total: i64 = count.build_query_scalar().fetch_one(readers).await?;
    let mut items = narrow("SELECT * FROM deliveries WHERE webhook = ");
    items.push(" ORDER BY id DESC LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    let rows = items.build().fetch_all(readers).await?;
    let mut deliveries = Vec::with_capacity(rows.len());
    for row in readable(&rows, |row| Ok((delivery(row)?, column::<i64>(row, "id")?))) {
        let (delivery, row) = row;
        deliveries.push((delivery, attempts(readers, row).await?));
    }
    Ok(Page { items: deliveries, total: u64::try_from(total).unwrap_or(0) })
}

async fn attempts(readers: &SqlitePool, delivery: i64) -> Result<Vec<Attempt>, Failure> {
    let rows = sqlx::query("SELECT * FROM attempts WHERE delivery = ? ORDER BY number")
        .bind(delivery)
        .fetch_all(readers)
        .await?;
    Ok(readable(&rows, attempt))
}

fn delivery(row: &SqliteRow) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        webhook: WebhookId::from_uuid(uuid(row, "webhook")?),
        url: column(row, "url")?,
        signer: optional_uuid(row, "signer")?.map(WebhookId::from_uuid),
        call: CallId::from_uuid(uuid(row, "call")?),
        sequence: number(row, "sequence")?,
        event_name: column(row, "event_name")?,
        message_id: column(row, "message_id")?,
        body: column(row, "body")?,
        attempts: number(row, "attempts")?,
        due_at: column::<Option<i64>>(row, "due_at")?.map(timestamp),
        state: parse_word(column(row, "state")?)?,
    })
}

fn attempt(row: &SqliteRow) -> Result<Attempt, StoreError> {
    let status = column::<Option<i64>>(row, "status")?;
    Ok(Attempt {
        number: number(row, "number")?,
        at: timestamp(column(row, "at")?),
        status: status.map(u16::try_from).transpose().map_err(|error| unreadable(&error))?,
        error: column(row, "error")?,
        latency_ms: number(row, "latency_ms")?,
    })
}

/// An integer column in the noun's own, smaller type.
fn number<T: TryFrom<i64, Error: std::fmt::Display>>(row: &SqliteRow, name: &str) -> Result<T, StoreError> {
    T::try_from(column::<i64>(row, name)?).map_err(|error| unreadable(&error))
}
