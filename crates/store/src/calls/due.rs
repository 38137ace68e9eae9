//! Calls that are due later: started when it is time, or ended before. Whoever takes the row of `due` away has the call.

use super::{append_event, update_row};
use crate::failure::Failure;
use crate::rows::{body, column, id, micros, parse, timestamp};
use model::Timestamp;
use model::call::Call;
use model::event::Event;
use model::tenant::App;
use ports::StoreError;
use ports::store::{ClaimedCall, DueCalls, StartDue};
use sqlx::sqlite::SqliteRow;
use sqlx::{SqliteConnection, SqlitePool};

/// Most calls that are started at once.
const START_MAX: u32 = 256;
/// A due call has its first event and nothing else.
const FIRST_SEQUENCE: u32 = 1;

/// Puts a new call among those that are due later.
pub(super) async fn put(db: &mut SqliteConnection, call: &Call, at: Timestamp) -> Result<(), Failure> {
    sqlx::query("INSERT INTO due (call, app, at) VALUES (?, ?, ?)")
        .bind(id(call.id.uuid()))
        .bind(id(call.app.uuid()))
        .bind(micros(at))
        .execute(db)
        .await?;
    Ok(())
}

/// Whether the app has fewer calls waiting than it may.
pub(super) async fn has_room(db: &mut SqliteConnection, call: &Call, most: u32) -> Result<bool, Failure> {
    let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM (SELECT 1 FROM due WHERE app = ? LIMIT ?)")
        .bind(id(call.app.uuid()))
        .bind(i64::from(most))
        .fetch_one(db)
        .await?;
    Ok(waiting < i64::from(most))
}

pub(super) async fn next(readers: &SqlitePool) -> Result<Option<Timestamp>, Failure> {
    let at: Option<i64> = sqlx::query_scalar("SELECT min(at) FROM due").fetch_one(readers).await?;
    Ok(at.map(timestamp))
}

pub(super) async fn start(db: &mut SqliteConnection, start: StartDue) -> Result<DueCalls, Failure> {
    let rows = sqlx::query(
        "SELECT due.call, calls.body, calls.setup FROM due JOIN calls ON calls.id = due.call
         WHERE due.at <= ? ORDER BY due.at, due.call LIMIT ?",
    )
    .bind(micros(start.now))
    .bind(i64::from(start.limit.min(START_MAX)))
    .fetch_all(&mut *db)
    .await?;
    let mut found = DueCalls::default();
    for row in &rows {
        match read(row) {
            Ok(due) if below_limit(db, &due.call).await? => {
                run(db, &due, start).await?;
                found.started.push(due);
            }
            Ok(due) => found.crowded.push(due.call),
            Err(error) => {
                tracing::error!(%error, "a scheduled call cannot be started");
                remove(db, column(row, "call")?).await?;
            }
        }
    }
    Ok(found)
}

fn read(row: &SqliteRow) -> Result<ClaimedCall, StoreError> {
    Ok(ClaimedCall {
        call: body(row)?,
        setup: parse(column(row, "setup")?)?,
        fence: super::create::FIRST_FENCE,
        last_sequence: FIRST_SEQUENCE,
        handover: None,
        recordings: Vec::new(),
    })
}

/// As for a call that is made now.
async fn below_limit(db: &mut SqliteConnection, call: &Call) -> Result<bool, Failure> {
    let row = sqlx::query("SELECT body FROM apps WHERE id = ?")
        .bind(id(call.app.uuid()))
        .fetch_optional(&mut *db)
        .await?;
    let app: App = body(row.as_ref().ok_or(StoreError::NotFound)?)?;
    super::create::below_limit(db, call.app, app.concurrent_calls_max).await
}

async fn run(db: &mut SqliteConnection, due: &ClaimedCall, start: StartDue) -> Result<(), Failure> {
    remove(db, id(due.call.id.uuid())).await?;
    super::create::keep_lease(db, &due.call, (start.node, start.until)).await
}

async fn remove(db: &mut SqliteConnection, call: Vec<u8>) -> Result<u64, Failure> {
    Ok(sqlx::query("DELETE FROM due WHERE call = ?").bind(call).execute(db).await?.rows_affected())
}

/// Ends a call that was not started; whether it was still there to be ended.
pub(super) async fn end(db: &mut SqliteConnection, row: &Call, event: &Event) -> Result<bool, Failure> {
    let expected = FIRST_SEQUENCE + 1;
    if event.sequence != expected {
        return Err(StoreError::Sequence { got: event.sequence, expected }.into());
    }
    if remove(db, id(row.id.uuid())).await? == 0 {
        return Ok(false);
    }
    update_row(db, row).await?;
    append_event(db, event).await?;
    Ok(true)
}
