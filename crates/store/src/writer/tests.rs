//! The writer by itself, on a table that is at hand.

use super::*;
use crate::sqlite::SqliteStore;
use std::sync::Arc;

/// Pages of a database that is nearly full, beside those it has.
const ROOM_PAGES: i64 = 20;

async fn store() -> (tempfile::TempDir, Arc<SqliteStore>) {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).await.unwrap();
    (dir, Arc::new(store))
}

/// Stands in for a disk without room: the file may have so many pages more. None: as many as it wants.
async fn leave_room(store: &SqliteStore, pages: Option<i64>) {
    store
        .write(move |db| {
            Box::pin(async move {
                let used: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *db).await?;
                let limit = pages.map_or(1_000_000, |more| used + more);
                let sql = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {limit}"));
                sqlx::query(sql).execute(db).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
}

/// Keeps `bytes` bytes under a key in a table that is at hand.
async fn keep(store: &SqliteStore, key: u32, bytes: usize) -> Result<(), StoreError> {
    store
        .write(move |db| {
            Box::pin(async move {
                sqlx::query("INSERT INTO timeline (call, position, body) VALUES (x'00', ?, ?)")
                    .bind(i64::from(key))
                    .bind("x".repeat(bytes))
                    .execute(db)
                    .await?;
                Ok(())
            })
        })
        .await
}

async fn kept(store: &SqliteStore) -> Vec<i64> {
    sqlx::query_scalar("SELECT position FROM timeline ORDER BY position")
        .fetch_all(&store.readers)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_full_disk_is_told_to_every_job_and_recovered_from() {
    let (_dir, store) = store().await;
    keep(&store, 1, 10).await.unwrap();
    leave_room(&store, Some(ROOM_PAGES)).await;
    // All wait together: small ones before and behind one that does not fit.
    let jobs = [(2, 10), (3, 4_000_000), (4, 10)].map(|(key, bytes)| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { keep(&store, key, bytes).await })
    });
    for job in jobs {
        let outcome = job.await.unwrap();
        assert!(matches!(&outcome, Err(StoreError::Unavailable(why)) if why.contains("full")), "{outcome:?}");
    }
    assert_eq!(kept(&store).await, [1]);
    keep(&store, 5, 10).await.unwrap();
    leave_room(&store, None).await;
    keep(&store, 3, 4_000_000).await.unwrap();
    assert_eq!(kept(&store).await, [1, 3, 5]);
    assert_eq!(store.write_counts().lost, 1);
}

#[tokio::test]
async fn a_refused_job_takes_back_only_its_own_writes() {
    let (_dir, store) = store().await;
    let jobs = [(1, false), (2, true), (3, false), (1, false)].map(|(key, refuse)| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            store
                .write(move |db| {
                    Box::pin(async move {
                        sqlx::query("INSERT INTO timeline (call, position, body) VALUES (x'00', ?, '')")
                            .bind(key)
                            .execute(db)
                            .await?;
                        if refuse { Err(StoreError::LeaseLost.into()) } else { Ok(()) }
                    })
                })
                .await
        })
    });
    let mut outcomes = Vec::new();
    for job in jobs {
        outcomes.push(job.await.unwrap());
    }
    let twice = Err(StoreError::Conflict("it exists already"));
    assert_eq!(outcomes, [Ok(()), Err(StoreError::LeaseLost), Ok(()), twice]);
    assert_eq!(kept(&store).await, [1, 3]);
    assert_eq!(store.write_counts().commits, 1);
}

#[tokio::test]
async fn a_job_that_panics_takes_back_only_its_own_writes_and_the_writer_goes_on() {
    let (_dir, store) = store().await;
    let jobs = [(1, false), (2, true), (3, false)].map(|(key, panics)| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            store
                .write(move |db| {
                    Box::pin(async move {
                        sqlx::query("INSERT INTO timeline (call, position, body) VALUES (x'00', ?, '')")
                            .bind(key)
                            .execute(db)
                            .await?;
                        assert!(!panics, "told to panic");
                        Ok(())
                    })
                })
                .await
        })
    });
    let mut done = Vec::new();
    for job in jobs {
        done.push(job.await.unwrap().is_ok());
    }
    assert_eq!(done, [true, false, true]);
    keep(&store, 4, 10).await.unwrap();
    assert_eq!(kept(&store).await, [1, 3, 4]);
    assert_eq!(store.write_counts().lost, 0);
}

#[tokio::test]
async fn a_write_whose_asker_went_away_is_done_all_the_same() {
    let (_dir, store) = store().await;
    let mut write = Box::pin(keep(&store, 1, 10));
    // Asked for once, which queues it, and then given up.
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(write.as_mut().poll(&mut context).is_pending());
    drop(write);
    keep(&store, 2, 10).await.unwrap();
    assert_eq!(kept(&store).await, [1, 2]);
}
