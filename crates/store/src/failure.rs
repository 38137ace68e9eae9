//! What goes wrong inside a write or a read, and what of it concerns only one row, one job, or the whole database.

use ports::StoreError;
use std::path::PathBuf;

/// Why the database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory or the database's file cannot be made or reached.
    #[error("the data directory {path}: {error}")]
    Directory {
        /// Which place.
        path: PathBuf,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// SQLite refuses.
    #[error("the database {path}: {error}")]
    Database {
        /// Its file.
        path: PathBuf,
        /// What SQLite says.
        error: sqlx::Error,
    },
    /// A newer program made the database.
    #[error("the database {path} has schema {found}, this program knows {known}: use the newer program")]
    Newer {
        /// Its file.
        path: PathBuf,
        /// Its schema's number.
        found: i64,
        /// The newest number this program knows.
        known: i64,
    },
}

/// Why a job did not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The answer for the one who asked.
    Refused(StoreError),
    /// SQLite's own.
    Database(sqlx::Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// What a database error means for the writes around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Only this statement: a constraint, a value that does not fit.
    Statement,
    /// The transaction is lost, the connection is well: no room, somebody else holds the lock.
    Transaction,
    /// The connection cannot be trusted any more.
    Connection,
}

/// SQLite's primary result codes (sqlite.org/rescode.html) that concern more than one statement.
const TRANSACTION_CODES: [u32; 3] = [5, 9, 13]; // BUSY, INTERRUPT, FULL
const CONNECTION_CODES: [u32; 8] = [7, 8, 10, 11, 14, 15, 23, 26]; // NOMEM … NOTADB, among them IOERR, CORRUPT

/// How far an error reaches.
pub(crate) fn reach(error: &sqlx::Error) -> Reach {
    let Some(database) = error.as_database_error() else {
        return match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => {
                Reach::Statement
            }
            _ => Reach::Connection,
        };
    };
    // The low byte of the extended code is the primary one.
    let code = database.code().and_then(|code| code.parse::<u32>().ok()).map_or(0, |code| code & 0xff);
    if CONNECTION_CODES.contains(&code) {
        Reach::Connection
    } else if TRANSACTION_CODES.contains(&code) {
        Reach::Transaction
    } else {
        Reach::Statement
    }
}

/// What the one who asked gets to hear of a database error.
pub(crate) fn spoken(error: &sqlx::Error) -> StoreError {
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => StoreError::Conflict("it exists already"),
        Some(database) => StoreError::Unavailable(database.message().to_owned()),
        None => StoreError::Unavailable(error.to_string()),
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error,
            Failure::Database(error) => spoken(&error),
        }
    }
}
