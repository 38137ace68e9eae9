//! Leases: calls whose owner is gone are taken over with a new fencing number; owners prolong theirs.

use crate::failure::Failure;
use crate::rows::{body, column, id, micros, parse, readable, unreadable, uuid};
use model::{CallId, NodeId, Timestamp};
use ports::StoreError;
use ports::carrier::Handover;
use ports::store::{Claim, ClaimedCall};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

/// Most calls of one claim.
const CLAIM_MAX: u32 = 1_000;

pub(super) async fn claim(db: &mut SqliteConnection, claim: Claim) -> Result<Vec<ClaimedCall>, Failure> {
    forget_done(db, claim).await?;
    let rows = sqlx::query(
        "SELECT running.call, running.fence, running.last_sequence, calls.body, calls.setup, handovers.content
         FROM running JOIN calls ON calls.id = running.call
         LEFT JOIN handovers ON handovers.call = running.call
         WHERE running.node <> ? AND (running.lease_until <= ? OR ?)
         ORDER BY running.lease_until, running.call LIMIT ?",
    )
    .bind(id(claim.node.uuid()))
    .bind(micros(claim.now))
    .bind(claim.regardless_of_lease)
    .bind(i64::from(claim.limit.min(CLAIM_MAX)))
    .fetch_all(&mut *db)
    .await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in &rows {
        take(db, row, claim).await?;
        // A call whose row cannot be read is ours too, so that it does not stand before the others for ever.
        match read(row) {
            Ok(mut call) => {
                call.recordings = open_recordings(db, call.call.id).await?;
                claimed.push(call);
            }
            Err(error) => tracing::error!(%error, "a call cannot be taken over"),
        }
    }
    Ok(claimed)
}

/// Ended calls whose recordings are all final need nobody, only their writer died before it said so.
async fn forget_done(db: &mut SqliteConnection, claim: Claim) -> Result<(), Failure> {
    sqlx::query(
        "DELETE FROM running WHERE ended = 1 AND node <> ? AND (lease_until <= ? OR ?)
         AND NOT EXISTS (SELECT 1 FROM recordings WHERE recordings.call = running.call AND final = 0)",
    )
    .bind(id(claim.node.uuid()))
    .bind(micros(claim.now))
    .bind(claim.regardless_of_lease)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "DELETE FROM handovers WHERE NOT EXISTS (SELECT 1 FROM running WHERE running.call = handovers.call)",
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn take(db: &mut SqliteConnection, row: &SqliteRow, claim: Claim) -> Result<(), Failure> {
    sqlx::query("UPDATE running SET node = ?, lease_until = ?, fence = fence + 1 WHERE call = ?")
        .bind(id(claim.node.uuid()))
        .bind(micros(claim.until))
        .bind(column::<Vec<u8>>(row, "call")?)
        .execute(db)
        .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<ClaimedCall, StoreError> {
    let fence = u64::try_from(column::<i64>(row, "fence")?).map_err(|error| unreadable(&error))?;
    let last = u32::try_from(column::<i64>(row, "last_sequence")?).map_err(|error| unreadable(&error))?;
    let call: model::call::Call = body(row)?;
    if call.id.uuid() != uuid(row, "call")? {
        return Err(unreadable(&"it is of another call"));
    }
    Ok(ClaimedCall {
        call,
        setup: parse(column(row, "setup")?)?,
        fence: fence.saturating_add(1),
        last_sequence: last,
        handover: column::<Option<Vec<u8>>>(row, "content")?.map(Handover),
        recordings: Vec::new(),
    })
}

async fn open_recordings(
    db: &mut SqliteConnection,
    call: CallId,
) -> Result<Vec<model::recording::Recording>, Failure> {
    let rows = sqlx::query(
        "SELECT body FROM recordings WHERE call = ? AND final = 0 ORDER BY started_at, id LIMIT 100",
    )
    .bind(id(call.uuid()))
    .fetch_all(db)
    .await?;
    Ok(readable(&rows, body))
}

pub(super) async fn renew(db: &mut SqliteConnection, node: NodeId, until: Timestamp) -> Result<(), Failure> {
    sqlx::query("UPDATE running SET lease_until = ? WHERE node = ?")
        .bind(micros(until))
        .bind(id(node.uuid()))
        .execute(db)
        .await?;
    Ok(())
}
