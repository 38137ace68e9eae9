//! The database's file: where it lies, how connections to it are set up, and its schema's versions.

use crate::failure::OpenError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, SqliteConnection};
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a reader waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// The write-ahead log is cut back to this after a checkpoint.
const JOURNAL_BYTES_MAX: &str = "67108864";

/// Each schema step, oldest first; its number is its place from 1. A step that was released never changes.
const STEPS: [&str; 8] = [
    include_str!("schema/0001_initial.sql"),
    include_str!("schema/0002_endpoints.sql"),
    include_str!("schema/0003_handovers.sql"),
    include_str!("schema/0004_notifications.sql"),
    include_str!("schema/0005_transcriptions.sql"),
    include_str!("schema/0006_places.sql"),
    include_str!("schema/0007_voice_channels.sql"),
    include_str!("schema/0008_recordings.sql"),
];

/// A database in a data directory.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    path: PathBuf,
}

impl Database {
    /// Makes directory and file where they are missing. Nobody but the owner reads them: they hold trunks'
    /// passwords and signing secrets as they are.
    pub(crate) fn prepare(data_dir: &Path) -> Result<Self, OpenError> {
        let path = data_dir.join("lyrebird.db");
        let fail = |error| OpenError::Directory { path: data_dir.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(fail)?;
        // SQLite gives its journal files the mode of the database.
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(fail)?;
        let mode = file.metadata().map_err(fail)?.permissions().mode();
        if mode & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(mode & 0o700)).map_err(fail)?;
        }
        // The file's name is to outlive a power cut, too.
        File::open(data_dir).and_then(|dir| dir.sync_all()).map_err(fail)?;
        Ok(Self { path })
    }

    /// The schema's version once it is up to date.
    pub(crate) fn newest_version() -> usize {
        STEPS.len()
    }

    /// Bytes of the file and of its write-ahead log.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        (size(&self.path), size(&self.path.with_extension("db-wal")))
    }

    /// An error of this database.
    pub(crate) fn error(&self, error: sqlx::Error) -> OpenError {
        OpenError::Database { path: self.path.clone(), error }
    }

    /// A connection that writes.
    pub(crate) async fn connect(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.options()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", JOURNAL_BYTES_MAX)
            .connect()
            .await
    }

    /// Connections that only read; opened when they are needed.
    pub(crate) fn readers(&self, connections_max: u32) -> SqlitePool {
        SqlitePoolOptions::new()
            .max_connections(connections_max.max(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_lazy_with(self.options().pragma("query_only", "ON"))
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .disable_statement_logging()
    }

    /// Brings the schema up to date, one transaction a step; safe where two processes do it at once.
    pub(crate) async fn migrate(&self, db: &mut SqliteConnection) -> Result<(), OpenError> {
        let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
        loop {
            self.run(db, "BEGIN IMMEDIATE").await?;
            let found: i64 = sqlx::query_scalar("PRAGMA user_version")
                .fetch_one(&mut *db)
                .await
                .map_err(|error| self.error(error))?;
            let next = usize::try_from(found).ok().and_then(|done| STEPS.get(done));
            let Some(step) = next else {
                self.run(db, "ROLLBACK").await?;
                let path = self.path.clone();
                return if found == known { Ok(()) } else { Err(OpenError::Newer { path, found, known }) };
            };
            sqlx::raw_sql(*step).execute(&mut *db).await.map_err(|error| self.error(error))?;
            // A pragma takes no bound value; the number is ours.
            let version = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {}", found + 1));
            sqlx::raw_sql(version).execute(&mut *db).await.map_err(|error| self.error(error))?;
            self.run(db, "COMMIT").await?;
        }
    }

    async fn run(&self, db: &mut SqliteConnection, sql: &'static str) -> Result<(), OpenError> {
        sqlx::query(sql).execute(db).await.map(drop).map_err(|error| self.error(error))
    }
}
