//! Recordings of an app: lists, figures, and deletion that a crash may cut in two.
#![cfg(test)]

mod common;

use common::*;
use model::call::{Direction, Mode};
use model::recording::{Recording, RecordingStatus};
use ports::store::{CallStore, Condemned, Place, RecordingFilter, RecordingStore, RecordingUsage};

/// A day in milliseconds.
const DAY: u64 = 86_400_000;

/// Five recordings of one call and one of another, a day apart; the newest is not final.
async fn world() -> (World, Vec<Recording>) {
    let mut world = World::new().await;
    let mut made = Vec::new();
    for (number, count) in [(0, 5), (1, 1_u64)] {
        let (call, fence) = world.placed(number).await;
        let mut written = commit(&call, fence, &[2]);
        for at in 0..count {
            let running = at == 4;
            let status = if running { RecordingStatus::Paused } else { RecordingStatus::Completed };
            let day = DAY * (at + number * 10);
            let mut recording = world.recording(&call, status, day);
            recording.duration_ms = (!running).then_some(1_500);
            recording.bytes = (!running).then_some(100);
            written.recordings.push(recording);
        }
        made.extend(written.recordings.clone());
        world.store.commit_call(written).await.unwrap();
    }
    (world, made)
}

async fn found(world: &World, filter: &RecordingFilter, after: Option<Place>, limit: u32) -> Vec<Recording> {
    let found = world.store.find_recordings(world.app, Mode::Test, filter, after, limit).await.unwrap();
    assert!(found.iter().all(|found| found.call.id == found.recording.call));
    found.into_iter().map(|found| found.recording).collect()
}

#[tokio::test]
async fn lists_go_from_the_newest_on_and_from_where_the_last_page_ended() {
    let (world, made) = world().await;
    let all: Vec<_> = made.iter().rev().cloned().collect();
    let none = RecordingFilter::default();
    assert_eq!(found(&world, &none, None, 99).await, all);
    let place = |at: usize| Some(Place { at: all[at].started_at, id: all[at].id.uuid() });
    assert_eq!(found(&world, &none, None, 2).await, all[..2]);
    assert_eq!(found(&world, &none, place(1), 3).await, all[2..5]);
    assert_eq!(found(&world, &none, place(5), 3).await, []);
    let live = world.store.find_recordings(world.app, Mode::Live, &none, None, 9).await.unwrap();
    assert_eq!(live, []);
}

#[tokio::test]
async fn filters_leave_out_what_does_not_fit() {
    let (world, made) = world().await;
    let call = world.store.call(world.app, made[0].call).await.unwrap().unwrap();
    let check = async |filter: RecordingFilter, expected: &[usize]| {
        let found = found(&world, &filter, None, 99).await;
        let expected: Vec<_> = expected.iter().map(|at| made[*at].clone()).collect();
        assert_eq!(found, expected, "{filter:?}");
    };
    let none = RecordingFilter::default;
    check(RecordingFilter { id: Some(made[2].id), ..none() }, &[2]).await;
    check(RecordingFilter { call: Some(made[5].call), ..none() }, &[5]).await;
    check(RecordingFilter { started_after: Some(made[4].started_at), ..none() }, &[5, 4]).await;
    check(RecordingFilter { started_before: Some(made[1].started_at), ..none() }, &[0]).await;
    check(RecordingFilter { direction: Some(Direction::Inbound), ..none() }, &[]).await;
    check(RecordingFilter { from: Some("+1".into()), ..none() }, &[]).await;
    check(RecordingFilter { voice_channel: Some(call.app.uuid()), ..none() }, &[]).await;
    let both = RecordingFilter {
        call: Some(call.id),
        from: Some(call.from.expose().clone()),
        to: Some(call.to.expose().clone()),
        direction: Some(call.direction),
        ..none()
    };
    check(both, &[4, 3, 2, 1, 0]).await;
}

#[tokio::test]
async fn usage_is_counted_by_day() {
    let (world, made) = world().await;
    let usage = |call| world.store.recording_usage(world.app, Mode::Test, call);
    let all = usage(None).await.unwrap();
    assert_eq!((all.count, all.duration_ms, all.days.len()), (6, 7_500, 6));
    assert_eq!(all.days.iter().map(|(_, bytes)| bytes).sum::<u64>(), 500);
    assert_eq!(all.changed_at, Some(made[5].started_at));
    let one = usage(Some(made[5].call)).await.unwrap();
    let day = made[5].started_at.to_rfc3339_millis()[..10].to_owned();
    assert_eq!((one.count, one.days), (1, vec![(day, 100)]));
    let none = world.store.recording_usage(world.app, Mode::Live, None).await.unwrap();
    assert_eq!(none, RecordingUsage::default());
}

#[tokio::test]
async fn what_is_condemned_is_seen_by_nobody_and_stays_until_it_is_forgotten() {
    let (world, made) = world().await;
    let (store, dead) = (&world.store, made[1].id);
    assert_eq!(store.condemn_recording(made[4].id).await, Ok(Condemned::Running));
    assert_eq!(store.condemn_recording(dead).await, Ok(Condemned::Now));
    assert_eq!(store.condemn_recording(dead).await, Ok(Condemned::Unknown));
    assert_eq!(store.recording(dead).await, Ok(None));
    assert_eq!(store.recordings(made[1].call).await.unwrap().len(), 4);
    assert_eq!(found(&world, &RecordingFilter::default(), None, 9).await.len(), 5);
    assert_eq!(store.recording_usage(world.app, Mode::Test, None).await.unwrap().count, 5);
    assert_eq!(store.condemned_recordings(9).await, Ok(vec![dead]));
    store.forget_recording(made[0].id).await.unwrap();
    store.forget_recording(dead).await.unwrap();
    assert_eq!(store.condemned_recordings(9).await, Ok(vec![]));
    assert!(store.recording(made[0].id).await.unwrap().is_some(), "only what is condemned is forgotten");
}
