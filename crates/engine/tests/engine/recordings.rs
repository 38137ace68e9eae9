//! Recordings: spool, file, row, event; also when the process dies in between.

use crate::fakes::{World, order};
use engine::AudioForm;
use model::call::EndReason;
use model::fault::FaultCode;
use model::flow::CallCommand;
use model::leg::LegFact;
use model::recording::{Recording, RecordingStatus};
use model::{CallId, RecordingId};
use ports::store::{Condemned, RecordingStore as _, StoredResponse};
use std::sync::atomic::Ordering;
use std::time::Duration;

async fn recording(world: &World) -> (CallId, RecordingId) {
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.log.wait("event participant_joined", 1).await;
    command(world, call, CallCommand::start_recording()).await;
    world.outside.log.wait("record", 1).await;
    world.outside.log.wait("event command_completed", 1).await;
    let id = world.outside.plane.recordings.lock().unwrap()[0];
    (call, id)
}

async fn command(world: &World, call: CallId, command: CallCommand) {
    let render = |_, _: &_| StoredResponse { status: 200, body: String::new() };
    world.engine.command(world.test, call, command, None, None, &render).await.unwrap();
}

fn stored(world: &World, call: CallId) -> Recording {
    let row = world.outside.store.row(call);
    assert_eq!(row.recordings.len(), 1);
    row.recordings.into_values().next().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_recording_ends_as_a_file_that_its_app_can_fetch() {
    let world = World::new().await;
    let (call, id) = recording(&world).await;
    assert_eq!(stored(&world, call).status, RecordingStatus::Recording);
    let early = world.engine.recording_file(world.test, id, AudioForm::Kept).await.unwrap_err();
    assert_eq!(early.code, FaultCode::NotFound);
    command(&world, call, CallCommand::stop_recording()).await;
    world.outside.log.wait("event recording_completed", 1).await;
    let (row, path) = world.engine.recording_file(world.test, id, AudioForm::Kept).await.unwrap();
    assert_eq!(row, stored(&world, call));
    assert_eq!((row.status, row.duration_ms), (RecordingStatus::Completed, Some(1_500)));
    assert_eq!(std::fs::read(path).unwrap(), b"sound");
    assert_eq!(world.engine.recordings(world.test, call).await.unwrap(), [row]);
    let other = world.other_app().await;
    for who in [other, world.live] {
        assert_eq!(
            world.engine.recording_file(who, id, AudioForm::Kept).await.unwrap_err().code,
            FaultCode::NotFound
        );
        assert_eq!(world.engine.recordings(who, call).await.unwrap_err().code, FaultCode::CallNotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn a_recording_still_runs_out_after_the_call_has_ended() {
    let world = World::new().await;
    let (call, _) = recording(&world).await;
    world.outside.sandbox.hang_up(call);
    world.outside.log.wait("event recording_completed", 1).await;
    world.engine.shutdown(Duration::from_secs(5)).await;
    assert_eq!(stored(&world, call).status, RecordingStatus::Completed);
    assert!(world.outside.store.row(call).released);
}

#[tokio::test(start_paused = true)]
async fn the_spool_of_a_dead_process_is_finished_and_strangers_are_swept() {
    let world = World::new().await;
    let (call, id) = recording(&world).await;
    let spool_dir = world.outside.path().join("spool");
    let stranger = spool_dir.join("01890000-0000-7000-8000-000000000009.spool");
    let notes = spool_dir.join("notes.txt");
    std::fs::write(&stranger, b"x").unwrap();
    std::fs::write(&notes, b"x").unwrap();
    let second = world.outside.start(world.outside.config(), 99).await;
    world.outside.log.wait("event recording_completed", 1).await;
    let row = world.outside.store.row(call);
    assert_eq!(row.call.end.unwrap().reason, EndReason::NodeLost);
    assert_eq!(stored(&world, call).status, RecordingStatus::Completed);
    assert!(second.recording_file(world.test, id, AudioForm::Kept).await.is_ok());
    assert!(!stranger.exists() && notes.exists());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_made_before_the_crash_is_kept_and_a_lost_one_is_said_to_be_lost() {
    for (made, status) in [(true, RecordingStatus::Completed), (false, RecordingStatus::Failed)] {
        let world = World::new().await;
        let (call, id) = recording(&world).await;
        let spool_dir = world.outside.path().join("spool");
        std::fs::remove_file(spool_dir.join(format!("{id}.spool"))).unwrap();
        if made {
            let mut wav = vec![0u8; 44];
            wav[28..32].copy_from_slice(&16_000u32.to_le_bytes());
            wav.resize(44 + 8_000, 0);
            std::fs::write(spool_dir.join(format!("{id}.wav")), wav).unwrap();
        }
        let _second = world.outside.start(world.outside.config(), 99).await;
        world.outside.log.wait("event recording_completed", 1).await;
        let stored = stored(&world, call);
        assert_eq!(stored.status, status);
        assert_eq!(stored.duration_ms, made.then_some(500));
        assert_eq!(stored.failure.is_some(), !made);
    }
}

#[tokio::test(start_paused = true)]
async fn the_sound_of_a_failed_recording_outlives_the_next_start() {
    let world = World::new().await;
    let (call, id) = recording(&world).await;
    world.outside.plane.disk_full.store(true, Ordering::SeqCst);
    command(&world, call, CallCommand::stop_recording()).await;
    world.outside.log.wait("event recording_completed", 1).await;
    world.outside.sandbox.hang_up(call);
    world.engine.shutdown(Duration::from_secs(5)).await;
    assert_eq!(stored(&world, call).status, RecordingStatus::Failed);
    let spool = world.outside.path().join(format!("spool/{id}.spool"));
    let kept = world.outside.path().join(format!("blob/recordings/{id}.wav"));
    for (disk_full, lies_at) in [(true, &spool), (false, &kept)] {
        world.outside.plane.disk_full.store(disk_full, Ordering::SeqCst);
        let next = world.outside.start(world.outside.config(), 99).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(std::fs::read(lies_at).unwrap(), b"sound", "disk full: {disk_full}");
        next.shutdown(Duration::ZERO).await;
    }
    let entries = world.engine.timeline(world.test, call, 0, 100).await.unwrap();
    assert!(entries.iter().any(|line| line.entry.summary.contains("made after all")), "{entries:#?}");
    assert_eq!(stored(&world, call).status, RecordingStatus::Failed);
}

/// A recording with a file.
async fn completed(world: &World) -> (CallId, RecordingId) {
    let (call, id) = recording(world).await;
    command(world, call, CallCommand::stop_recording()).await;
    world.outside.log.wait("event recording_completed", 1).await;
    (call, id)
}

#[tokio::test(start_paused = true)]
async fn mp3_is_made_once_however_many_ask_and_kept_beside() {
    let world = World::new().await;
    let (_, id) = completed(&world).await;
    let ask = || world.engine.recording_file(world.test, id, AudioForm::Mp3);
    let (one, other) = tokio::join!(ask(), ask());
    let (path, again) = (one.unwrap().1, other.unwrap().1);
    assert_eq!((&path, std::fs::read(&path).unwrap().as_slice()), (&again, &b"mp3 of sound"[..]));
    assert_eq!(ask().await.unwrap().1, path);
    assert_eq!(world.outside.log.count("encode"), 1);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_finished_can_be_deleted_and_then_nothing_of_it_is_left() {
    let world = World::new().await;
    let (call, id) = recording(&world).await;
    let early = world.engine.delete_recording(world.test, id).await.unwrap_err();
    assert_eq!(early.code, FaultCode::RecordingRunning);
    command(&world, call, CallCommand::stop_recording()).await;
    world.outside.log.wait("event recording_completed", 1).await;
    let (_, wav) = world.engine.recording_file(world.test, id, AudioForm::Kept).await.unwrap();
    let (_, mp3) = world.engine.recording_file(world.test, id, AudioForm::Mp3).await.unwrap();
    let other = world.other_app().await;
    for who in [other, world.live] {
        assert_eq!(world.engine.delete_recording(who, id).await.unwrap_err().code, FaultCode::NotFound);
    }
    world.engine.delete_recording(world.test, id).await.unwrap();
    assert!(!wav.exists() && !mp3.exists());
    assert!(world.outside.store.row(call).recordings.is_empty());
    let gone = world.engine.delete_recording(world.test, id).await.unwrap_err();
    assert_eq!(gone.code, FaultCode::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_a_crash_cut_short_is_finished_at_the_next_start() {
    let world = World::new().await;
    let (call, id) = completed(&world).await;
    let (_, wav) = world.engine.recording_file(world.test, id, AudioForm::Kept).await.unwrap();
    let store = &world.outside.store;
    assert_eq!(store.condemn_recording(id).await.unwrap(), Condemned::Now);
    let gone = world.engine.recording(world.test, id).await.unwrap_err();
    assert_eq!(gone.code, FaultCode::NotFound);
    assert!(wav.exists());
    let half_made = world.outside.path().join("spool").join(format!("{id}.mp3"));
    std::fs::write(&half_made, b"x").unwrap();
    let _second = world.outside.start(world.outside.config(), 99).await;
    assert!(!wav.exists() && !half_made.exists());
    assert!(world.outside.store.row(call).recordings.is_empty());
}
