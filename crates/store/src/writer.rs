//! The one writer: a bounded queue of jobs and one connection. All jobs that wait are committed together, each in
//! its own savepoint so that a refused one does not harm the others; who asked is answered after the commit.
//! Knows no table.

use crate::database::Database;
use crate::failure::{Failure, Reach, reach, spoken};
use metrics::histogram;
use ports::StoreError;
use sqlx::SqliteConnection;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Most jobs in one transaction.
const BATCH_JOBS_MAX: usize = 256;
/// Shortest time between two warnings.
const QUIET: Duration = Duration::from_secs(60);

/// What a job is while it runs.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'c>>;

/// How much was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteCounts {
    /// Jobs whose transaction was committed, refused ones among them.
    pub jobs: u64,
    /// Transactions that were committed, one flush to the disk each.
    pub commits: u64,
    /// Transactions that were lost, with all their jobs.
    pub lost: u64,
    /// Jobs that found the queue full.
    pub busy: u64,
}

#[derive(Debug, Default)]
struct Counters {
    jobs: AtomicU64,
    commits: AtomicU64,
    lost: AtomicU64,
    busy: AtomicU64,
}

enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// The queue's end that is handed out.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    counters: Arc<Counters>,
}

impl Writer {
    /// Starts the writer on its connection; at most `queue_max` jobs wait.
    pub(crate) fn start(database: Database, connection: SqliteConnection, queue_max: usize) -> Self {
        let (queue, jobs) = mpsc::channel(queue_max.max(1));
        let counters = Arc::new(Counters::default());
        let counted = Arc::clone(&counters);
        let pen = Pen { database, connection: Some(connection), counters: counted, told: None };
        tokio::spawn(pen.run(jobs));
        Self { queue, counters }
    }

    /// Does `work` in a transaction of the writer's and returns when it is durable, or was refused.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        let (asker, answer) = oneshot::channel();
        let job = Box::new(Task { work: Some(work), outcome: None, asker });
        self.queue.try_send(Message::Job(job)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                self.counters.busy.fetch_add(1, Ordering::Relaxed);
                StoreError::Busy
            }
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Waits until what is queued is written, then closes the connection.
    pub(crate) async fn close(&self) {
        let (closed, done) = oneshot::channel();
        if self.queue.send(Message::Close(closed)).await.is_ok() {
            let _ = done.await;
        }
    }

    /// Jobs that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    pub(crate) fn counts(&self) -> WriteCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        WriteCounts {
            jobs: read(&counters.jobs),
            commits: read(&counters.commits),
            lost: read(&counters.lost),
            busy: read(&counters.busy),
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

/// A job's part of a transaction failed so that the whole transaction is lost.
struct Doomed {
    error: sqlx::Error,
}

trait Job: Send {
    /// Does the work and keeps its outcome; a refusal is an outcome. Whether the job's writes are to stay.
    fn run<'a>(
        &'a mut self,
        db: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<bool, Doomed>> + Send + 'a>>;

    /// Answers who asked: with the outcome, or with why the transaction was lost.
    fn answer(self: Box<Self>, lost: Option<&StoreError>);
}

struct Task<T, F> {
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    asker: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send,
{
    fn run<'a>(
        &'a mut self,
        db: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<bool, Doomed>> + Send + 'a>> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return Ok(false) };
            let outcome = match caught(work, db).await {
                Some(Ok(value)) => Ok(value),
                Some(Err(Failure::Refused(refusal))) => Err(refusal),
                Some(Err(Failure::Database(error))) if reach(&error) == Reach::Statement => {
                    Err(spoken(&error))
                }
                Some(Err(Failure::Database(error))) => return Err(Doomed { error }),
                None => {
                    tracing::error!("a write panicked; it is undone");
                    Err(StoreError::Unavailable("the write failed within the server".to_owned()))
                }
            };
            let stays = outcome.is_ok();
            self.outcome = Some(outcome);
            Ok(stays)
        })
    }

    fn answer(self: Box<Self>, lost: Option<&StoreError>) {
        let outcome = match (lost, self.outcome) {
            (None, Some(outcome)) => outcome,
            (Some(why), _) => Err(why.clone()),
            (None, None) => Err(stopped()),
        };
        // Whoever asked may have gone away; the work is done all the same.
        let _ = self.asker.send(outcome);
    }
}

/// Does the work; none if it panicked.
async fn caught<T, F>(work: F, db: &mut SqliteConnection) -> Option<Result<T, Failure>>
where
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T>,
{
    let mut work = catch_unwind(AssertUnwindSafe(|| work(db))).ok()?;
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(Poll::Ready(outcome)) => Poll::Ready(Some(outcome)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// The writer's own side.
struct Pen {
    database: Database,
    connection: Option<SqliteConnection>,
    counters: Arc<Counters>,
    /// How many refusals for a full queue the log has been told of, and when.
    told: Option<(u64, Instant)>,
}

impl Pen {
    async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut closed = None;
        while closed.is_none() {
            let Some(first) = queue.recv().await else { break };
            let mut batch = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Job(job) => batch.push(job),
                    Message::Close(asker) => closed = Some(asker),
                }
                let room = batch.len() < BATCH_JOBS_MAX && closed.is_none();
                next = if room { queue.try_recv().ok() } else { None };
            }
            if !batch.is_empty() {
                self.commit(batch).await;
            }
            self.tell();
        }
        if let Some(connection) = self.connection.take() {
            let _ = sqlx::Connection::close(connection).await;
        }
        if let Some(asker) = closed {
            let _ = asker.send(());
        }
    }

    /// Warns of refused writes, and not of each.
    fn tell(&mut self) {
        let busy = self.counters.busy.load(Ordering::Relaxed);
        let (told, quiet) = self.told.map_or((0, false), |(told, at)| (told, at.elapsed() < QUIET));
        if busy > told && !quiet {
            tracing::warn!(writes = busy - told, "writes were refused: too many wait");
            self.told = Some((busy, Instant::now()));
        }
    }

    /// One transaction, and the answers.
    async fn commit(&mut self, mut batch: Vec<Box<dyn Job>>) {
        let begun = Instant::now();
        histogram!("lyrebird_store_group_writes").record(batch.len() as f64);
        let lost = match self.attempt(&mut batch).await {
            Ok(()) => {
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                let jobs = u64::try_from(batch.len()).unwrap_or(u64::MAX);
                self.counters.jobs.fetch_add(jobs, Ordering::Relaxed);
                None
            }
            Err(error) => {
                self.counters.lost.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, jobs = batch.len(), "a group of writes is lost");
                self.abandon(&error).await;
                Some(spoken(&error))
            }
        };
        histogram!("lyrebird_store_commit_seconds").record(begun.elapsed().as_secs_f64());
        for job in batch {
            job.answer(lost.as_ref());
        }
    }

    async fn attempt(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), sqlx::Error> {
        if self.connection.is_none() {
            self.connection = Some(self.database.connect().await?);
        }
        let Some(db) = self.connection.as_mut() else { return Err(sqlx::Error::WorkerCrashed) };
        // Statements between two jobs travel together: each trip to the connection's thread costs as much as a
        // small write.
        let mut open = "BEGIN IMMEDIATE; SAVEPOINT job";
        let mut close = "COMMIT";
        for job in batch {
            execute(db, open).await?;
            let stays = job.run(db).await.map_err(|doomed| doomed.error)?;
            // A savepoint that was rolled back to stays open for the next job.
            (open, close) = if stays {
                ("RELEASE job; SAVEPOINT job", "RELEASE job; COMMIT")
            } else {
                ("ROLLBACK TO job", "ROLLBACK TO job; RELEASE job; COMMIT")
            };
        }
        execute(db, close).await
    }

    /// After a lost transaction: rolls back, or lets the connection go where it cannot be trusted; the next group
    /// opens a new one.
    async fn abandon(&mut self, error: &sqlx::Error) {
        let Some(mut db) = self.connection.take() else { return };
        // SQLite may have rolled back by itself already; then this statement fails harmlessly.
        let rolled_back = execute(&mut db, "ROLLBACK").await;
        let own_accord = matches!(&rolled_back, Err(error) if reach(error) == Reach::Statement);
        if reach(error) != Reach::Connection && (rolled_back.is_ok() || own_accord) {
            self.connection = Some(db);
        } else {
            let _ = sqlx::Connection::close_hard(db).await;
        }
    }
}

async fn execute(db: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(sql).execute(db).await.map(drop)
}

#[cfg(test)]
mod tests;
