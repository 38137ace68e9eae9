//! Making a call: idempotency key, limit, row, setup, event 1, outbox entry and lease in one transaction.

use super::{append_event, due, duration_s};
use crate::failure::Failure;
use crate::idempotency::{keep_answer, used};
use crate::rows::{id, json, micros, word};
use model::call::Call;
use model::{AppId, NodeId, Timestamp};
use ports::StoreError;
use ports::store::{Created, NewCall, Written};
use sqlx::SqliteConnection;

/// The first lease's fencing number.
pub(super) const FIRST_FENCE: u64 = 1;

/// Exact under any number of callers: there is one writer at a time.
pub(super) async fn create(db: &mut SqliteConnection, new: NewCall) -> Result<Created, Failure> {
    if new.event.sequence != 1 {
        return Err(StoreError::Sequence { got: new.event.sequence, expected: 1 }.into());
    }
    if new.event.call != new.call.id || new.setup.id != new.call.id {
        return Err(StoreError::Conflict("the event or the setup is of another call").into());
    }
    // A used key is answered whatever the limit says now.
    match used(db, new.idempotency.as_ref()).await? {
        Written::New => {}
        Written::Replayed(response) => return Ok(Created::Replayed(response)),
        Written::Mismatch => return Ok(Created::Mismatch),
    }
    let room = match new.due {
        Some(_) => due::has_room(db, &new.call, NewCall::DUE_MAX).await?,
        None => below_limit(db, new.call.app, new.concurrent_calls_max).await?,
    };
    if !room {
        return Ok(Created::ConcurrencyLimit);
    }
    keep_answer(db, new.idempotency.as_ref()).await?;
    insert(db, &new).await?;
    append_event(db, &new.event).await?;
    Ok(Created::New { fence: FIRST_FENCE })
}

/// Whether the app has fewer unfinished calls than it may.
pub(super) async fn below_limit(
    db: &mut SqliteConnection,
    app: AppId,
    concurrent_calls_max: u32,
) -> Result<bool, Failure> {
    let limit = i64::from(concurrent_calls_max);
    // Counting stops at the limit.
    let active: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT 1 FROM running WHERE app = ? AND ended = 0 LIMIT ?)",
    )
    .bind(id(app.uuid()))
    .bind(limit)
    .fetch_one(db)
    .await?;
    Ok(active < limit)
}

async fn insert(db: &mut SqliteConnection, new: &NewCall) -> Result<(), Failure> {
    let call = &new.call;
    sqlx::query(
        "INSERT INTO calls (id, app, mode, status, direction, from_address, to_address, voice_channel, parent, reach,
                            duration_s, created_at, body, setup)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id(call.id.uuid()))
    .bind(id(call.app.uuid()))
    .bind(word(&call.mode))
    .bind(word(&call.status))
    .bind(word(&call.direction))
    .bind(call.from.expose().clone())
    .bind(call.to.expose().clone())
    .bind(id(call.channel().uuid()))
    .bind(call.parent.map(|parent| id(parent.uuid())))
    .bind(word(&call.reach()))
    .bind(duration_s(call))
    .bind(micros(call.created_at))
    .bind(json(call)?)
    .bind(json(&new.setup)?)
    .execute(&mut *db)
    .await?;
    for tag in &call.tags {
        sqlx::query("INSERT OR IGNORE INTO call_tags (app, tag, call) VALUES (?, ?, ?)")
            .bind(id(call.app.uuid()))
            .bind(tag.clone())
            .bind(id(call.id.uuid()))
            .execute(&mut *db)
            .await?;
    }
    match new.due {
        Some(at) => due::put(db, call, at).await,
        None => keep_lease(db, call, new.lease).await,
    }
}

/// The call is somebody's from now on.
pub(super) async fn keep_lease(
    db: &mut SqliteConnection,
    call: &Call,
    (node, until): (NodeId, Timestamp),
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO running (call, app, ended, node, lease_until, fence, last_sequence) VALUES (?, ?, ?, ?, ?, ?, 1)",
    )
    .bind(id(call.id.uuid()))
    .bind(id(call.app.uuid()))
    .bind(call.status.is_final())
    .bind(id(node.uuid()))
    .bind(micros(until))
    .bind(i64::try_from(FIRST_FENCE).unwrap_or(i64::MAX))
    .execute(db)
    .await?;
    Ok(())
}
