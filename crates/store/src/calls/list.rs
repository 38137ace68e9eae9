//! Lists of calls, newest first, by filters that are all bound values.

use crate::failure::Failure;
use crate::newest::newest;
use crate::rows::{id, micros, word};
use model::AppId;
use model::call::Call;
use ports::store::{CallFilter, Page, PageRequest};
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

fn narrow(query: &mut QueryBuilder<Sqlite>, app: AppId, filter: &CallFilter) {
    query.push("app = ").push_bind(id(app.uuid()));
    let words = [
        (" AND mode = ", filter.mode.map(|mode| word(&mode))),
        (" AND status = ", filter.status.map(|status| word(&status))),
        (" AND direction = ", filter.direction.map(|direction| word(&direction))),
        (" AND from_address = ", filter.from.clone()),
        (" AND to_address = ", filter.to.clone()),
    ];
    for (condition, value) in words {
        if let Some(value) = value {
            query.push(condition).push_bind(value);
        }
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
