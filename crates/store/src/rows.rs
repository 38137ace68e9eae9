//! How ids, times, words and whole nouns become columns, and columns become them again. A column that cannot be
//! read is an error of its row, never a panic.

use crate::failure::Failure;
use model::Timestamp;
use ports::StoreError;
use ports::store::PageRequest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};
use uuid::Uuid;

/// Most items of one page, whatever is asked for.
const PAGE_ITEMS_MAX: u32 = 100;

/// An id as 16 bytes; UUIDv7 bytes sort by time.
pub(crate) fn id(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// Microseconds since the Unix epoch.
pub(crate) fn micros(at: Timestamp) -> i64 {
    i64::try_from(at.as_micros()).unwrap_or(i64::MAX)
}

/// Reads [`micros`].
pub(crate) fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// A noun as JSON text.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Unavailable(format!("a value cannot be written: {error}")).into())
}

/// A word of an enum as its serialised name.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Reads [`json`]. The text itself is not in the error: it may hold secrets.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| unreadable(&error))
}

/// Reads [`word`].
pub(crate) fn parse_word<T: DeserializeOwned>(word: String) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(word)).map_err(|error| unreadable(&error))
}

/// A row that is not what we write.
pub(crate) fn unreadable(why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("a row cannot be read: {why}"))
}

/// One column.
pub(crate) fn column<'r, T>(row: &'r SqliteRow, name: &str) -> Result<T, StoreError>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get(name).map_err(|error| unreadable(&error))
}

/// The noun in the column `body`.
pub(crate) fn body<T: DeserializeOwned>(row: &SqliteRow) -> Result<T, StoreError> {
    parse(column::<&str>(row, "body")?)
}

/// An id column.
pub(crate) fn uuid(row: &SqliteRow, name: &str) -> Result<Uuid, StoreError> {
    Uuid::from_slice(column::<&[u8]>(row, name)?).map_err(|error| unreadable(&error))
}

/// An id column that may be empty.
pub(crate) fn optional_uuid(row: &SqliteRow, name: &str) -> Result<Option<Uuid>, StoreError> {
    let bytes = column::<Option<&[u8]>>(row, name)?;
    bytes.map(Uuid::from_slice).transpose().map_err(|error| unreadable(&error))
}

/// The nouns of many rows. One unreadable row is left out and reported, so that it does not hide the others.
pub(crate) fn readable<T>(rows: &[SqliteRow], read: impl Fn(&SqliteRow) -> Result<T, StoreError>) -> Vec<T> {
    let read = |row| read(row).inspect_err(|error| tracing::error!(%error, "a row is left out of a list"));
    rows.iter().filter_map(|row| read(row).ok()).collect()
}

/// Limit and offset within bounds, as SQLite takes them.
pub(crate) fn window(page: PageRequest) -> (i64, i64) {
    (i64::from(page.limit.clamp(1, PAGE_ITEMS_MAX)), i64::from(page.offset))
}
