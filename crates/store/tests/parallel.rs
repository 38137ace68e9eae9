//! Many writers at once: limits and keys are exact, and writes share their flushes to the disk.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod common;

use common::{ALL, World, active_calls, commit};
use ports::StoreError;
use ports::store::{CallFilter, CallStore, Created, NewCall};
use std::sync::Arc;
use store::{Options, SqliteStore};
use tokio::task::JoinSet;

/// All at once; what became of each.
async fn create_all(store: &Arc<SqliteStore>, calls: Vec<NewCall>) -> Vec<Result<Created, StoreError>> {
    let mut tasks = JoinSet::new();
    for call in calls {
        let store = Arc::clone(store);
        tasks.spawn(async move { store.create_call(call).await });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_equal_requests_make_one_call() {
    let mut world = World::new().await;
    let calls: Vec<_> = (0..200)
        .map(|number| {
            let mut new = world.new_call(number);
            let (idempotency, mut response) = world.idempotency("key", 1);
            response.body = format!("{{\"id\":\"{}\"}}", new.call.id);
            new.idempotency = Some((idempotency, response));
            new
        })
        .collect();
    let answers =
        calls.iter().map(|new| (new.call.id, new.idempotency.clone().unwrap().1)).collect::<Vec<_>>();
    let store = Arc::new(world.store);
    let outcomes = create_all(&store, calls).await;
    let page = store.calls(world.app, &CallFilter::default(), ALL).await.unwrap();
    assert_eq!(page.total, 1);
    let (_, answer) = answers.into_iter().find(|(id, _)| *id == page.items.first().unwrap().id).unwrap();
    let (mut made, mut replayed) = (0, 0);
    for outcome in outcomes {
        match outcome.unwrap() {
            Created::New { fence: 1 } => made += 1,
            Created::Replayed(response) => {
                assert_eq!(response, answer);
                replayed += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((made, replayed), (1, 199));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_calls_at_once_is_exact() {
    let mut world = World::new().await;
    let calls: Vec<_> =
        (0..1_000).map(|number| NewCall { concurrent_calls_max: 37, ..world.new_call(number) }).collect();
    let app = world.app;
    let store = Arc::new(world.store);
    let outcomes = create_all(&store, calls).await;
    let made = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Created::New { .. }))).count();
    let refused = outcomes.iter().filter(|outcome| **outcome == Ok(Created::ConcurrencyLimit)).count();
    assert_eq!((made, refused), (37, 963));
    assert_eq!(active_calls(&store, app).await, 37);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_share_their_flushes_and_a_refused_one_harms_nobody() {
    let mut world = World::new().await;
    let mut calls = Vec::new();
    for number in 0..300 {
        calls.push(world.placed(number).await);
    }
    let before = world.store.write_counts();
    let store = Arc::new(world.store);
    let mut tasks = JoinSet::new();
    for (number, (call, fence)) in calls.into_iter().enumerate() {
        let store = Arc::clone(&store);
        // Every third has the wrong number, every fifth the wrong fence; each after a write in the same job.
        let wrong_number = number % 3 == 0;
        let wrong_fence = number % 5 == 0;
        tasks.spawn(async move {
            let sequences = if wrong_number { [2, 4] } else { [2, 3] };
            let done = store.commit_call(commit(&call, fence + u64::from(wrong_fence), &sequences)).await;
            let expected = match (wrong_number, wrong_fence) {
                (_, true) => Err(StoreError::LeaseLost),
                (true, false) => Err(StoreError::Sequence { got: 4, expected: 3 }),
                (false, false) => Ok(()),
            };
            assert_eq!(done, expected, "{number}");
            let stored = store.events(call.id, 0, 10).await.unwrap().len();
            assert_eq!(stored, if expected.is_ok() { 3 } else { 1 }, "{number}");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let after = store.write_counts();
    let (jobs, commits) = (after.jobs - before.jobs, after.commits - before.commits);
    assert_eq!((jobs, after.lost, after.busy), (300, 0, 0));
    assert!(commits * 2 < jobs, "{commits} commits for {jobs} jobs");
}

#[tokio::test]
async fn more_writes_than_may_wait_are_refused() {
    let mut world = World::with(Options { queue_jobs_max: 8, ..Options::default() }).await;
    let calls: Vec<_> = (0..500).map(|number| world.new_call(number)).collect();
    let store = Arc::new(world.store);
    let outcomes = create_all(&store, calls).await;
    let made = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let busy = outcomes.iter().filter(|outcome| **outcome == Err(StoreError::Busy)).count();
    assert!(made >= 8 && busy > 0, "{made} made, {busy} busy");
    assert_eq!(made + busy, 500);
    assert_eq!(store.write_counts().busy as usize, busy);
    assert_eq!(active_calls(&store, world.app).await, made, "what was refused is not there");
}
