//! Pages of nouns, newest first: one query counts, one reads. Which table and which rows, each list says.

use crate::failure::Failure;
use crate::rows::{body, readable, window};
use ports::store::{Page, PageRequest};
use serde::de::DeserializeOwned;
use sqlx::{QueryBuilder, Sqlite, SqlitePool};

/// A page of a table that has the columns `id`, `created_at` and `body`. `narrow` writes what follows `WHERE`, its
/// values bound; it is asked once for each query.
pub(crate) async fn newest<T: DeserializeOwned>(
    readers: &SqlitePool,
    table: &'static str,
    narrow: impl Fn(&mut QueryBuilder<Sqlite>),
    page: PageRequest,
) -> Result<Page<T>, Failure> {
    let select = |columns: &'static str| {
        let mut query = QueryBuilder::new("SELECT ");
        query.push(columns).push(" FROM ").push(table).push(" WHERE ");
        narrow(&mut query);
        query
    };
    let total: i64 = select("count(*)").build_query_scalar().fetch_one(readers).await?;
    let (limit, offset) = window(page);
    let mut items = select("body");
    items
        .push(" ORDER BY created_at DESC, id DESC LIMIT ")
        .push_bind(limit)
        .push(" OFFSET ")
        .push_bind(offset);
    let rows = items.build().fetch_all(readers).await?;
    Ok(Page { items: readable(&rows, body), total: u64::try_from(total).unwrap_or(0) })
}
