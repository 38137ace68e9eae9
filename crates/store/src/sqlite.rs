//! The store as others hold it: one writer, some readers, one database file.

use crate::database::Database;
use crate::failure::OpenError;
use crate::figures;
use crate::lock::{DataDirLock, LockError};
use crate::writer::{Work, WriteCounts, Writer};
use ports::StoreError;
use sqlx::{SqliteConnection, SqlitePool};
use std::path::Path;

/// Sizes of the store.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Most writes that wait; one more is refused as busy.
    pub queue_jobs_max: usize,
    /// Most reads at once.
    pub readers_max: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { queue_jobs_max: 4_096, readers_max: 4 }
    }
}

/// All rows in one SQLite file of a data directory. Another process may open the same directory, for the command
/// line's reads and writes of keys; the server itself takes [`SqliteStore::lock`] first.
#[derive(Debug)]
pub struct SqliteStore {
    pub(crate) writer: Writer,
    pub(crate) readers: SqlitePool,
    database: Database,
}

impl SqliteStore {
    /// Opens `<data_dir>/lyrebird.db`; makes directory (mode 0700), file (mode 0600) and tables where they are
    /// missing.
    pub async fn open(data_dir: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(data_dir, Options::default()).await
    }

    /// [`SqliteStore::open`] with other sizes.
    pub async fn open_with(data_dir: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let database = Database::prepare(data_dir.as_ref())?;
        let mut connection = database.connect().await.map_err(|error| database.error(error))?;
        database.migrate(&mut connection).await?;
        let readers = database.readers(options.readers_max);
        let writer = Writer::start(database.clone(), connection, options.queue_jobs_max);
        figures::describe();
        Ok(Self { writer, readers, database })
    }

    /// Takes `<data_dir>/lock`, so that only one server uses the directory, which is made where it is missing.
    pub fn lock(data_dir: impl AsRef<Path>) -> Result<DataDirLock, LockError> {
        DataDirLock::take(data_dir.as_ref())
    }

    /// Reads levels into the metrics facade; for whoever shows them.
    pub fn sample_figures(&self) {
        figures::sample(&self.writer, &self.readers, &self.database);
    }

    /// How much was written so far, for metrics.
    pub fn write_counts(&self) -> WriteCounts {
        self.writer.counts()
    }

    /// Returns when a small write was made durable: the disk takes what is written.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let version = format!("PRAGMA user_version = {}", Database::newest_version());
        self.write(move |db| {
            Box::pin(async move {
                // A pragma takes no bound value; the number is ours. It is the value that stands there already.
                sqlx::raw_sql(sqlx::AssertSqlSafe(version)).execute(db).await?;
                Ok(())
            })
        })
        .await
    }

    /// Writes what is queued and closes all connections; later calls are refused.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }

    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        self.writer.write(work).await
    }
}
