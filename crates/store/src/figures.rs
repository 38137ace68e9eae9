//! What the store counts for its operator: the names and meanings of its figures, in one place.

use crate::database::Database;
use crate::writer::{WriteCounts, Writer};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use sqlx::SqlitePool;

/// Says what the figures mean.
pub(crate) fn describe() {
    describe_gauge!("lyrebird_store_writes_waiting", "Writes that wait for their group.");
    describe_histogram!("lyrebird_store_group_writes", "Writes in one transaction.");
    describe_histogram!(
        "lyrebird_store_commit_seconds",
        "How long a group took, with its flush to the disk."
    );
    describe_counter!("lyrebird_store_writes_total", "Writes that were committed.");
    describe_counter!("lyrebird_store_commits_total", "Groups that were committed.");
    describe_counter!("lyrebird_store_groups_lost_total", "Groups that were lost.");
    describe_counter!("lyrebird_store_writes_refused_total", "Writes that found the queue full.");
    describe_gauge!("lyrebird_store_readers", "Connections that read, by whether they are busy.");
    describe_gauge!("lyrebird_store_database_bytes", "Size of the database.");
    describe_gauge!("lyrebird_store_log_bytes", "Size of the database's write-ahead log.");
}

/// Reads levels and counts.
pub(crate) fn sample(writer: &Writer, readers: &SqlitePool, database: &Database) {
    let WriteCounts { jobs, commits, lost, busy } = writer.counts();
    counter!("lyrebird_store_writes_total").absolute(jobs);
    counter!("lyrebird_store_commits_total").absolute(commits);
    counter!("lyrebird_store_groups_lost_total").absolute(lost);
    counter!("lyrebird_store_writes_refused_total").absolute(busy);
    gauge!("lyrebird_store_writes_waiting").set(writer.waiting() as f64);
    let (all, idle) = (f64::from(readers.size()), readers.num_idle() as f64);
    gauge!("lyrebird_store_readers", "state" => "idle").set(idle);
    gauge!("lyrebird_store_readers", "state" => "busy").set((all - idle).max(0.0));
    let (file, log) = database.bytes();
    gauge!("lyrebird_store_database_bytes").set(file as f64);
    gauge!("lyrebird_store_log_bytes").set(log as f64);
}
