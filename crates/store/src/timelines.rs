//! Timelines: appended in bulk, bounded per call, read by place.

use crate::failure::Failure;
use crate::rows::{body, column, id, json, readable, unreadable};
use crate::sqlite::SqliteStore;
use model::CallId;
use model::timeline::{TIMELINE_ENTRIES_MAX, TimelineEntry, TimelineKind};
use ports::StoreError;
use ports::store::{StoredTimelineEntry, TimelineStore};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// Most entries of one read.
const ENTRIES_MAX: u32 = 2_000;

#[async_trait::async_trait]
impl TimelineStore for SqliteStore {
    async fn append_timeline(&self, entries: Vec<TimelineEntry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.write(move |db| Box::pin(append(db, entries))).await
    }

    async fn timeline(
        &self,
        call: CallId,
        after: u32,
        limit: u32,
    ) -> Result<Vec<StoredTimelineEntry>, StoreError> {
        let rows = sqlx::query(
            "SELECT position, body FROM timeline WHERE call = ? AND position > ? ORDER BY position LIMIT ?",
        )
        .bind(id(call.uuid()))
        .bind(i64::from(after))
        .bind(i64::from(limit.min(ENTRIES_MAX)))
        .fetch_all(&self.readers)
        .await
        .map_err(Failure::from)?;
        Ok(readable(&rows, |row| {
            let index = u32::try_from(column::<i64>(row, "position")?).map_err(|error| unreadable(&error))?;
            Ok(StoredTimelineEntry { index, entry: body(row)? })
        }))
    }
}

/// One statement for all places, one for all rows.
async fn append(db: &mut SqliteConnection, entries: Vec<TimelineEntry>) -> Result<(), Failure> {
    let mut last = last_places(db, &entries).await?;
    let mut rows: Vec<(String, u32, String)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let place = last.entry(entry.call).or_insert(0);
        if *place >= TIMELINE_ENTRIES_MAX {
            continue;
        }
        *place += 1;
        let row = if *place == TIMELINE_ENTRIES_MAX { json(&full(&entry))? } else { json(&entry)? };
        rows.push((hex(entry.call), *place, row));
    }
    sqlx::query(
        "INSERT INTO timeline (call, position, body)
         SELECT unhex(value ->> 0), value ->> 1, value ->> 2 FROM json_each(?)",
    )
    .bind(json(&rows)?)
    .execute(db)
    .await?;
    Ok(())
}

async fn last_places(
    db: &mut SqliteConnection,
    entries: &[TimelineEntry],
) -> Result<BTreeMap<CallId, u32>, Failure> {
    let calls: BTreeMap<CallId, String> = entries.iter().map(|entry| (entry.call, hex(entry.call))).collect();
    let rows = sqlx::query(
        "SELECT unhex(value) AS call, (SELECT max(position) FROM timeline WHERE call = unhex(value)) AS last
         FROM json_each(?)",
    )
    .bind(json(&calls.values().collect::<Vec<_>>())?)
    .fetch_all(db)
    .await?;
    let mut last = BTreeMap::new();
    for row in &rows {
        let call = CallId::from_uuid(crate::rows::uuid(row, "call")?);
        let place = column::<Option<i64>>(row, "last")?.unwrap_or(0);
        last.insert(call, u32::try_from(place).unwrap_or(u32::MAX));
    }
    Ok(last)
}

fn hex(call: CallId) -> String {
    call.uuid().simple().to_string()
}

/// What stands in the last place.
fn full(first_dropped: &TimelineEntry) -> TimelineEntry {
    TimelineEntry {
        call: first_dropped.call,
        at: first_dropped.at,
        kind: TimelineKind::Call,
        summary: format!("the timeline is full ({TIMELINE_ENTRIES_MAX} entries): later steps are not shown"),
        detail: serde_json::Value::Null,
    }
}
