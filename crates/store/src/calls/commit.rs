//! What a running call writes: only by the holder of its lease, only the next events.

use super::{append_event, keep_recording, update_row};
use crate::failure::Failure;
use crate::rows::{column, id, json, unreadable};
use model::CallId;
use model::event::Event;
use ports::StoreError;
use ports::carrier::Handover;
use ports::store::CallCommit;
use sqlx::SqliteConnection;

/// The lease as it stands.
struct Lease {
    fence: u64,
    last_sequence: u32,
}

pub(super) async fn commit(db: &mut SqliteConnection, commit: CallCommit) -> Result<(), Failure> {
    one_call(&commit)?;
    let lease = lease(db, commit.call).await?;
    if lease.fence != commit.fence {
        return Err(StoreError::LeaseLost.into());
    }
    let last = append(db, &commit.events, lease.last_sequence).await?;
    let ended = match &commit.row {
        Some(row) => {
            update_row(db, row).await?;
            Some(row.status.is_final())
        }
        None => None,
    };
    for recording in &commit.recordings {
        keep_recording(db, recording).await?;
    }
    if commit.release {
        return release(db, commit.call).await;
    }
    if let Some(handover) = commit.handover {
        keep_handover(db, commit.call, handover).await?;
    }
    if last != lease.last_sequence || ended.is_some() {
        sqlx::query("UPDATE running SET last_sequence = ?, ended = coalesce(?, ended) WHERE call = ?")
            .bind(i64::from(last))
            .bind(ended)
            .bind(id(commit.call.uuid()))
            .execute(db)
            .await?;
    }
    Ok(())
}

fn one_call(commit: &CallCommit) -> Result<(), StoreError> {
    let events = commit.events.iter().all(|event| event.call == commit.call);
    let recordings = commit.recordings.iter().all(|recording| recording.call == commit.call);
    if events && recordings && commit.row.as_ref().is_none_or(|row| row.id == commit.call) {
        Ok(())
    } else {
        Err(StoreError::Conflict("the commit speaks of another call"))
    }
}

async fn lease(db: &mut SqliteConnection, call: CallId) -> Result<Lease, Failure> {
    let row = sqlx::query("SELECT fence, last_sequence FROM running WHERE call = ?")
        .bind(id(call.uuid()))
        .fetch_optional(&mut *db)
        .await?;
    if let Some(row) = row {
        let fence = u64::try_from(column::<i64>(&row, "fence")?);
        let last = u32::try_from(column::<i64>(&row, "last_sequence")?);
        return match (fence, last) {
            (Ok(fence), Ok(last_sequence)) => Ok(Lease { fence, last_sequence }),
            _ => Err(unreadable(&"a number of the lease").into()),
        };
    }
    let known =
        sqlx::query("SELECT 1 FROM calls WHERE id = ?").bind(id(call.uuid())).fetch_optional(db).await?;
    Err(if known.is_some() { StoreError::LeaseLost } else { StoreError::NotFound }.into())
}

/// Appends the events that follow `last`; the number of the last one then.
async fn append(db: &mut SqliteConnection, events: &[Event], last: u32) -> Result<u32, Failure> {
    let mut last = last;
    for event in events {
        let expected = last.saturating_add(1);
        if event.sequence == expected {
            append_event(db, event).await?;
            last = expected;
        } else if !stored_already(db, event).await? {
            return Err(StoreError::Sequence { got: event.sequence, expected }.into());
        }
    }
    Ok(last)
}

/// Whether exactly this event is there: a writer that was told of a failure after the disk had taken the write
/// tries again.
async fn stored_already(db: &mut SqliteConnection, event: &Event) -> Result<bool, Failure> {
    let stored: Option<String> =
        sqlx::query_scalar("SELECT body FROM events WHERE call = ? AND sequence = ?")
            .bind(id(event.call.uuid()))
            .bind(i64::from(event.sequence))
            .fetch_optional(db)
            .await?;
    Ok(stored.is_some_and(|stored| json(event).is_ok_and(|body| body == stored)))
}

async fn keep_handover(db: &mut SqliteConnection, call: CallId, handover: Handover) -> Result<(), Failure> {
    sqlx::query("INSERT INTO handovers (call, content) VALUES (?, ?) ON CONFLICT (call) DO UPDATE SET content = excluded.content")
        .bind(id(call.uuid()))
        .bind(handover.0)
        .execute(db)
        .await?;
    Ok(())
}

async fn release(db: &mut SqliteConnection, call: CallId) -> Result<(), Failure> {
    for statement in ["DELETE FROM running WHERE call = ?", "DELETE FROM handovers WHERE call = ?"] {
        sqlx::query(statement).bind(id(call.uuid())).execute(&mut *db).await?;
    }
    Ok(())
}
