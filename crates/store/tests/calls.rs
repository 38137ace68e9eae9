//! Calls: made once, written only by their owner, listed by filters.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

mod common;

use common::{ALL, START, World, active_calls, at, commit, ended, event};
use model::call::{Call, CallStatus, Direction, Mode};
use model::event::EventBody;
use model::recording::RecordingStatus;
use model::{AppId, CallId, Pii};
use ports::StoreError;
use ports::store::{
    CallCommit, CallFilter, CallStore, Created, IdempotencyStore, PageRequest, Reserved, WebhookStore,
};

#[tokio::test]
async fn a_new_call_is_there_whole() {
    let mut world = World::new().await;
    let (call, fence) = world.placed(0).await;
    assert_eq!(fence, 1);
    assert_eq!(world.store.call(world.app, call.id).await, Ok(Some(call.clone())));
    let events = world.store.events(call.id, 0, 10).await.unwrap();
    assert_eq!(events, [event(&call, 1, EventBody::Initiated)]);
    assert_eq!(world.store.outbox(10).await.unwrap(), events);
    assert_eq!(active_calls(&world.store, world.app).await, 1);
    let other = AppId::generate(&mut world.ids, START);
    assert_eq!(world.store.call(other, call.id).await, Ok(None), "another app's call");
    assert_eq!(active_calls(&world.store, other).await, 0);
    let again = world.new_call_of(call);
    assert!(matches!(world.store.create_call(again).await, Err(StoreError::Conflict(_))));
}

#[tokio::test]
async fn one_key_makes_one_call() {
    let mut world = World::new().await;
    let (idempotency, response) = world.idempotency("key", 1);
    assert_eq!(world.store.answered(&idempotency).await, Ok(Reserved::Ours));
    let mut first = world.new_call(0);
    first.idempotency = Some((idempotency.clone(), response.clone()));
    first.concurrent_calls_max = 1;
    assert_eq!(world.store.create_call(first.clone()).await, Ok(Created::New { fence: 1 }));
    // The limit is reached now, but a used key is answered first.
    let mut second = world.new_call(1);
    second.idempotency = Some((idempotency.clone(), world.idempotency("other answer", 1).1));
    second.concurrent_calls_max = 1;
    assert_eq!(world.store.create_call(second).await, Ok(Created::Replayed(response.clone())));
    let mut third = world.new_call(2);
    third.idempotency = Some(world.idempotency("key", 2));
    assert_eq!(world.store.create_call(third).await, Ok(Created::Mismatch));
    assert_eq!(world.store.answered(&idempotency).await, Ok(Reserved::Replayed(response)));
    let (other_body, _) = world.idempotency("key", 2);
    assert_eq!(world.store.answered(&other_body).await, Ok(Reserved::Mismatch));
    let calls = world.store.calls(world.app, &CallFilter::default(), ALL).await.unwrap();
    assert_eq!((calls.total, calls.items), (1, vec![first.call]));
}

#[tokio::test]
async fn a_refused_call_leaves_nothing_behind() {
    let mut world = World::new().await;
    let mut new = world.new_call(0);
    let (idempotency, response) = world.idempotency("key", 1);
    new.idempotency = Some((idempotency.clone(), response));
    new.concurrent_calls_max = 0;
    assert_eq!(world.store.create_call(new.clone()).await, Ok(Created::ConcurrencyLimit));
    assert_eq!(world.store.answered(&idempotency).await, Ok(Reserved::Ours));
    assert_eq!(world.store.call(world.app, new.call.id).await, Ok(None));
    assert_eq!(world.store.outbox(10).await, Ok(vec![]));
    new.concurrent_calls_max = 1;
    new.event.sequence = 2;
    let refused = world.store.create_call(new.clone()).await;
    assert_eq!(refused, Err(StoreError::Sequence { got: 2, expected: 1 }));
    new.event.sequence = 1;
    assert_eq!(world.store.create_call(new).await, Ok(Created::New { fence: 1 }));
}

/// Commits to a call with two events under fence 1.
async fn check_commit(change: impl FnOnce(&mut CallCommit), expected: Result<(), StoreError>, events: usize) {
    let mut world = World::new().await;
    let (call, fence) = world.placed(0).await;
    world.store.commit_call(commit(&call, fence, &[2])).await.unwrap();
    let mut next = commit(&call, fence, &[3]);
    next.row = Some(Call { status: CallStatus::Ringing, ..call.clone() });
    change(&mut next);
    let said = format!("{next:?}");
    assert_eq!(world.store.commit_call(next).await, expected, "{said}");
    let stored = world.store.events(call.id, 0, 10).await.unwrap();
    let numbers: Vec<_> = stored.iter().map(|event| event.sequence as usize).collect();
    assert_eq!(numbers, (1..=events).collect::<Vec<_>>(), "{said}");
    let status = world.store.call(world.app, call.id).await.unwrap().unwrap().status;
    let written = if expected.is_ok() { CallStatus::Ringing } else { CallStatus::Initiated };
    assert_eq!(status, written, "{said}");
    assert_eq!(world.store.outbox(10).await.unwrap().len(), events, "{said}");
}

#[tokio::test]
async fn only_the_owner_writes_and_only_what_is_next() {
    let sequence = |got, expected| Err(StoreError::Sequence { got, expected });
    check_commit(|_| {}, Ok(()), 3).await;
    check_commit(|next| next.events.clear(), Ok(()), 2).await;
    check_commit(|next| next.fence = 0, Err(StoreError::LeaseLost), 2).await;
    check_commit(|next| next.fence = 2, Err(StoreError::LeaseLost), 2).await;
    check_commit(|next| next.events[0].sequence = 4, sequence(4, 3), 2).await;
    check_commit(|next| next.events[0].sequence = 2, Ok(()), 2).await; // exactly what is stored: told again
    check_commit(
        |next| {
            next.events[0].sequence = 2;
            next.events[0].body = EventBody::Answered;
        },
        sequence(2, 3),
        2,
    )
    .await;
    check_commit(
        |next| {
            let event = next.events[0].clone();
            next.events.push(event);
            next.events[1].sequence = 5;
        },
        sequence(5, 4),
        2,
    )
    .await;
    let other = CallId::from_uuid(AppId::generate(&mut model::IdSource::new(9), START).uuid());
    let foreign = Err(StoreError::Conflict("the commit speaks of another call"));
    check_commit(|next| next.call = other, foreign.clone(), 2).await;
    check_commit(|next| next.events[0].call = other, foreign, 2).await;
    check_commit(
        |next| {
            next.call = other;
            next.events.clear();
            next.row = None;
        },
        Err(StoreError::NotFound),
        2,
    )
    .await;
}

#[tokio::test]
async fn a_released_call_is_written_no_more() {
    let mut world = World::new().await;
    let (call, fence) = world.placed(0).await;
    let mut last = commit(&call, fence, &[2, 3]);
    last.row = Some(ended(&call));
    last.release = true;
    world.store.commit_call(last).await.unwrap();
    assert_eq!(active_calls(&world.store, world.app).await, 0);
    assert_eq!(world.store.commit_call(commit(&call, fence, &[4])).await, Err(StoreError::LeaseLost));
    assert_eq!(world.store.call(world.app, call.id).await, Ok(Some(ended(&call))));
}

#[tokio::test]
async fn an_ended_call_counts_no_more_but_its_owner_still_writes() {
    let mut world = World::new().await;
    let (call, fence) = world.placed(0).await;
    let mut recording = world.recording(&call, RecordingStatus::Processing, 5);
    let mut end = commit(&call, fence, &[2]);
    end.row = Some(ended(&call));
    end.recordings = vec![recording.clone()];
    world.store.commit_call(end).await.unwrap();
    assert_eq!(active_calls(&world.store, world.app).await, 0);
    assert_eq!(world.store.recordings(call.id).await, Ok(vec![recording.clone()]));
    recording.status = RecordingStatus::Completed;
    recording.bytes = Some(44);
    let earlier = world.recording(&call, RecordingStatus::Completed, 1);
    let mut after = commit(&call, fence, &[3]);
    after.recordings = vec![recording.clone(), earlier.clone()];
    world.store.commit_call(after).await.unwrap();
    assert_eq!(world.store.recordings(call.id).await, Ok(vec![earlier, recording.clone()]));
    assert_eq!(world.store.recording(recording.id).await, Ok(Some(recording)));
    assert_eq!(active_calls(&world.store, world.app).await, 0);
}

#[tokio::test]
async fn events_are_read_in_parts() {
    let mut world = World::new().await;
    let (call, fence) = world.placed(0).await;
    world.store.commit_call(commit(&call, fence, &[2, 3, 4, 5])).await.unwrap();
    for (after, limit, expected) in
        [(0, 2, vec![1, 2]), (2, 2, vec![3, 4]), (4, 9, vec![5]), (5, 9, vec![]), (0, 0, vec![])]
    {
        let events = world.store.events(call.id, after, limit).await.unwrap();
        let numbers: Vec<_> = events.iter().map(|event| event.sequence).collect();
        assert_eq!(numbers, expected, "after {after}");
    }
}

/// Ten calls a second apart: number 0 oldest. Every third is live, every fourth inbound, every fifth ringing.
async fn ten_calls() -> World {
    let mut world = World::new().await;
    for number in 0..10u64 {
        let mut call = world.call(number * 1_000);
        call.mode = if number % 3 == 0 { Mode::Live } else { Mode::Test };
        call.direction = if number % 4 == 0 { Direction::Inbound } else { Direction::Outbound };
        call.status = if number % 5 == 0 { CallStatus::Ringing } else { CallStatus::Initiated };
        call.from = Pii::new(format!("+49300000{number}"));
        call.to = Pii::new(format!("+49311111{}", number % 2));
        call.metadata.insert("number".to_owned(), number.to_string().into());
        call.metadata.insert("count".to_owned(), number.into());
        call.metadata.insert("odd \"key'.$[0]\\ü".to_owned(), format!("v\"{}'", number % 2).into());
        call.metadata.insert("deep".to_owned(), serde_json::json!({"number": "3"}));
        let new = world.new_call_of(call);
        world.store.create_call(new).await.unwrap();
    }
    world
}

async fn check_list(world: &World, filter: CallFilter, expected: &[u64]) {
    let page = world.store.calls(world.app, &filter, ALL).await.unwrap();
    let numbers: Vec<_> = page.items.iter().map(|call| call.metadata["count"].as_u64().unwrap()).collect();
    assert_eq!(numbers, expected, "{filter:?}");
    assert_eq!(page.total, expected.len() as u64, "{filter:?}");
}

#[tokio::test]
async fn lists_are_narrowed_and_newest_first() {
    let world = ten_calls().await;
    let all = CallFilter::default;
    check_list(&world, all(), &[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]).await;
    check_list(&world, CallFilter { mode: Some(Mode::Live), ..all() }, &[9, 6, 3, 0]).await;
    check_list(&world, CallFilter { statuses: vec![CallStatus::Ringing.into()], ..all() }, &[5, 0]).await;
    check_list(&world, CallFilter { direction: Some(Direction::Inbound), ..all() }, &[8, 4, 0]).await;
    check_list(&world, CallFilter { from: Some("+493000007".into()), ..all() }, &[7]).await;
    check_list(&world, CallFilter { from: Some("+49300000".into()), ..all() }, &[]).await;
    check_list(&world, CallFilter { to: Some("+493111111".into()), ..all() }, &[9, 7, 5, 3, 1]).await;
    check_list(&world, CallFilter { created_after: Some(at(7_000)), ..all() }, &[9, 8, 7]).await;
    check_list(&world, CallFilter { created_before: Some(at(2_000)), ..all() }, &[1, 0]).await;
    check_list(
        &world,
        CallFilter {
            mode: Some(Mode::Test),
            statuses: vec![CallStatus::Ringing.into()],
            to: Some("+493111111".into()),
            created_after: Some(START),
            created_before: Some(at(9_000)),
            ..all()
        },
        &[5],
    )
    .await;
    let other = world.store.calls(AppId::from_uuid(world.node.uuid()), &all(), ALL).await.unwrap();
    assert_eq!((other.total, other.items.len()), (0, 0), "another app sees nothing");
}

#[tokio::test]
async fn metadata_is_compared_as_exact_text() {
    let world = ten_calls().await;
    let with = |pairs: &[(&str, &str)]| CallFilter {
        metadata: pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        ..CallFilter::default()
    };
    check_list(&world, with(&[("number", "3")]), &[3]).await;
    check_list(&world, with(&[("number", "03")]), &[]).await;
    check_list(&world, with(&[("count", "3")]), &[]).await;
    check_list(&world, with(&[("deep", "3")]), &[]).await;
    check_list(&world, with(&[("deep.number", "3")]), &[]).await;
    check_list(&world, with(&[("odd \"key'.$[0]\\ü", "v\"1'")]), &[9, 7, 5, 3, 1]).await;
    check_list(&world, with(&[("odd \"key'.$[0]\\ü", "v\"1'"), ("number", "7")]), &[7]).await;
    check_list(&world, with(&[("number\" OR 1=1 --", "3")]), &[]).await;
    check_list(&world, with(&[("", "")]), &[]).await;
}

#[tokio::test]
async fn pages_are_windows_of_the_list() {
    let world = ten_calls().await;
    for (limit, offset, expected) in
        [(3, 0, vec![9, 8, 7]), (3, 3, vec![6, 5, 4]), (100, 8, vec![1, 0]), (5, 10, vec![]), (0, 0, vec![9])]
    {
        let page = world
            .store
            .calls(world.app, &CallFilter::default(), PageRequest { limit, offset })
            .await
            .unwrap();
        let numbers: Vec<_> =
            page.items.iter().map(|call| call.metadata["count"].as_u64().unwrap()).collect();
        assert_eq!((page.total, numbers), (10, expected), "{limit} {offset}");
    }
}

#[tokio::test]
async fn everything_outlives_the_process_that_wrote_it() {
    let mut world = World::new().await;
    let (call, fence) = world.placed(0).await;
    world.store.commit_call(commit(&call, fence, &[2])).await.unwrap();
    world.store.close().await;
    let refused = world.store.commit_call(commit(&call, fence, &[3])).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let again = store::SqliteStore::open(world.dir.path()).await.unwrap();
    assert_eq!(again.call(world.app, call.id).await, Ok(Some(call.clone())));
    assert_eq!(again.events(call.id, 0, 10).await.unwrap().len(), 2);
    again.commit_call(commit(&call, fence, &[3])).await.unwrap();
}
