//! Lists of calls, newest first, by filters that are all bound values.

use crate::failure::Failure;
use crate::newest::newest;
use crate::rows::{body, id, micros, readable, word};
use model::AppId;
use model::call::Call;
use ports::store::{CallFilter, Page, PageRequest, Place};
use sqlx::{QueryBuilder, Sqlite, SqlitePool};

/// Most metadata texts of one filter; further ones would be ignored, so the doors refuse them.
const METADATA_MAX: usize = 8;

pub(super) async fn list(
    readers: &SqlitePool,
    app: AppId,
    filter: &CallFilter,
    page: PageRequest,
) -> Result<Page<Call>, Failure> {
    newest(readers, "calls", |query| narrow(query, app, filter), page).await
}

/// Most calls of one look.
const BEFORE_MAX: u32 = 1_000;

/// Calls before a place: the same rows whatever comes or goes meanwhile.
pub(super) async fn before(
    readers: &SqlitePool,
    app: AppId,
    filter: &CallFilter,
    place: Option<Place>,
    limit: u32,
) -> Result<Vec<Call>, Failure> {
    let mut query = QueryBuilder::new("SELECT body FROM calls WHERE ");
    narrow(&mut query, app, filter);
    if let Some(place) = place {
        query.push(" AND (created_at, id) < (").push_bind(micros(place.at)).push(", ");
        query.push_bind(id(place.id)).push(")");
    }
    query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(i64::from(limit.min(BEFORE_MAX)));
    let rows = query.build().fetch_all(readers).await?;
    Ok(readable(&rows, body))
}

fn narrow(query: &mut QueryBuilder<Sqlite>, app: AppId, filter: &CallFilter) {
    query.push("app = ").push_bind(id(app.uuid()));
    let words = [
        (" AND mode = ", filter.mode.map(|mode| word(&mode))),
        (" AND direction = ", filter.direction.map(|direction| word(&direction))),
        (" AND from_address = ", filter.from.clone()),
        (" AND to_address = ", filter.to.clone()),
        (" AND reach = ", filter.reach.map(|reach| word(&reach))),
    ];
    for (condition, value) in words {
        if let Some(value) = value {
            query.push(condition).push_bind(value);
        }
    }
    narrow_to_any(query, filter);
    if let Some(call) = filter.id {
        query.push(" AND id = ").push_bind(id(call.uuid()));
    }
    if let Some(seconds) = filter.duration_s {
        query.push(" AND duration_s = ").push_bind(i64::try_from(seconds).unwrap_or(i64::MAX));
    }
    let times =
        [(" AND created_at >= ", filter.created_after), (" AND created_at < ", filter.created_before)];
    for (condition, at) in times {
        if let Some(at) = at {
            query.push(condition).push_bind(micros(at));
        }
    }
    // Keys are compared as values and never become part of a path, so no spelling of a key is special.
    for (key, value) in filter.metadata.iter().take(METADATA_MAX) {
        query
            .push(" AND EXISTS (SELECT 1 FROM json_each(calls.body, '$.metadata') AS entry WHERE entry.type = 'text' AND entry.key = ")
            .push_bind(key.clone())
            .push(" AND entry.value = ")
            .push_bind(value.clone())
            .push(")");
    }
}

/// Filters of which one value has to fit.
fn narrow_to_any(query: &mut QueryBuilder<Sqlite>, filter: &CallFilter) {
    if !filter.statuses.is_empty() {
        query.push(" AND (");
        for (at, wanted) in filter.statuses.iter().enumerate() {
            query.push(if at == 0 { "(status = " } else { " OR (status = " }).push_bind(word(&wanted.status));
            match wanted.started {
                Some(true) => query.push(" AND json_extract(body, '$.started_at') IS NOT NULL"),
                Some(false) => query.push(" AND json_extract(body, '$.started_at') IS NULL"),
                None => query,
            };
            query.push(")");
        }
        query.push(")");
    }
    if !filter.voice_channels.is_empty() {
        query.push(" AND voice_channel IN (");
        let mut listed = query.separated(", ");
        for channel in &filter.voice_channels {
            listed.push_bind(id(channel.uuid()));
        }
        query.push(")");
    }
    if !filter.tags.is_empty() {
        query.push(" AND EXISTS (SELECT 1 FROM call_tags WHERE call_tags.app = calls.app AND call_tags.call = calls.id");
        query.push(" AND tag IN (");
        let mut listed = query.separated(", ");
        for tag in &filter.tags {
            listed.push_bind(tag.clone());
        }
        query.push("))");
    }
}
