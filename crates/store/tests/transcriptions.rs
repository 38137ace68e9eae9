//! Transcriptions: kept, listed, told once and only after their call, removed with their words.

#![cfg(test)]

mod common;

use common::{START, World, at, commit};
use model::call::{Call, Mode};
use model::event::EventBody;
use model::recording::{Recording, RecordingStatus};
use model::speech::{Segment, Transcript};
use model::transcription::{Transcription, TranscriptionStatus};
use model::{AppId, RecordingId, TranscriptionId};
use ports::StoreError;
use ports::store::{CallCommit, CallStore, Place, TranscriptionStore, WebhookStore};

fn transcription(world: &mut World, call: &Call, millis: u64) -> Transcription {
    Transcription {
        id: TranscriptionId::generate(&mut world.ids, at(millis)),
        recording: RecordingId::generate(&mut world.ids, at(millis)),
        call: call.id,
        app: call.app,
        mode: call.mode,
        locale: "en-US".to_owned(),
        status: TranscriptionStatus::Accepted,
        stereo: false,
        confidence: None,
        failure: None,
        created_at: at(millis),
        updated_at: at(millis),
    }
}

fn words(text: &str) -> Transcript {
    let text = text.to_owned().into();
    Transcript { segments: vec![Segment { start_ms: 0, end_ms: 900, speaker: 0, text, confidence: None }] }
}

#[tokio::test]
async fn an_event_is_told_once_and_only_after_its_call() {
    let mut world = World::new().await;
    let (call, fence) = world.placed(0).await;
    let mut one = transcription(&mut world, &call, 1);
    world.store.create_transcription(&one).await.unwrap();
    assert_eq!(world.store.unfinished_transcriptions(10).await.unwrap(), [one.clone()]);
    assert_eq!(world.store.untold_transcriptions(10).await.unwrap(), []);
    one.status = TranscriptionStatus::Available;
    world.store.update_transcription(&one, Some(&words("hello"))).await.unwrap();
    assert_eq!(world.store.unfinished_transcriptions(10).await.unwrap(), []);
    assert_eq!(world.store.untold_transcriptions(10).await.unwrap(), [one.clone()]);
    assert_eq!(world.store.tell_transcription(one.id, at(2)).await, Ok(false), "the call is being written");
    let release = CallCommit { release: true, ..commit(&call, fence, &[]) };
    world.store.commit_call(release).await.unwrap();
    for _ in 0..2 {
        assert_eq!(world.store.tell_transcription(one.id, at(3)).await, Ok(true));
    }
    let events = world.store.events(call.id, 0, 10).await.unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!((events[1].sequence, events[1].at), (2, at(3)));
    assert_eq!(events[1].body, EventBody::TranscriptionCompleted { transcription: one.clone() });
    assert_eq!(world.store.outbox(10).await.unwrap().len(), 2);
    assert_eq!(world.store.untold_transcriptions(10).await.unwrap(), []);
    assert_eq!(world.store.transcript(one.id).await, Ok(Some(words("hello"))));
    let other = AppId::generate(&mut world.ids, START);
    assert_eq!(world.store.delete_transcription(other, one.id).await, Err(StoreError::NotFound));
    world.store.delete_transcription(call.app, one.id).await.unwrap();
    assert_eq!(world.store.transcript(one.id).await, Ok(None));
    assert_eq!(world.store.transcription(one.id).await, Ok(None));
    assert_eq!(world.store.update_transcription(&one, None).await, Err(StoreError::NotFound));
    assert_eq!(world.store.tell_transcription(one.id, at(4)).await, Ok(true));
}

#[tokio::test]
async fn a_recording_whose_flow_wants_it_is_written_down_once() {
    let mut world = World::new().await;
    let (call, fence) = world.placed(0).await;
    let recording = Recording {
        status: RecordingStatus::Completed,
        transcribe: true,
        transcribe_locale: Some("en-GB".to_owned()),
        ..world.recording(&call, RecordingStatus::Completed, 0)
    };
    let write = CallCommit { recordings: vec![recording.clone()], ..commit(&call, fence, &[]) };
    world.store.commit_call(write.clone()).await.unwrap();
    let wanted = world.store.recordings_to_transcribe(10).await.unwrap();
    assert_eq!(wanted, [(recording.clone(), Mode::Test)]);
    let one = Transcription { recording: recording.id, ..transcription(&mut world, &call, 1) };
    world.store.create_transcription(&one).await.unwrap();
    assert_eq!(world.store.recordings_to_transcribe(10).await.unwrap(), []);
    world.store.commit_call(write).await.unwrap();
    assert_eq!(world.store.recordings_to_transcribe(10).await.unwrap(), [], "written again");
}

#[tokio::test]
async fn lists_go_on_where_they_ended_newest_first() {
    let mut world = World::new().await;
    let (call, _) = world.placed(0).await;
    let mut all = Vec::new();
    // Two at the same moment.
    for millis in [1, 2, 2, 3] {
        let one = transcription(&mut world, &call, millis);
        world.store.create_transcription(&one).await.unwrap();
        all.push(one);
    }
    all.sort_by_key(|one| std::cmp::Reverse((one.created_at, one.id)));
    let mut seen: Vec<Transcription> = Vec::new();
    loop {
        let after = seen.last().map(|last| Place { at: last.created_at, id: last.id.uuid() });
        let page = world.store.transcriptions(call.app, Mode::Test, after, 1).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen, all);
    assert_eq!(world.store.transcriptions(call.app, Mode::Live, None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn an_app_has_so_many_unfinished() {
    let mut world = World::new().await;
    let (call, _) = world.placed(0).await;
    for millis in 0..u64::from(Transcription::UNFINISHED_MAX) {
        let one = transcription(&mut world, &call, millis);
        world.store.create_transcription(&one).await.unwrap();
    }
    let one = transcription(&mut world, &call, 1_000);
    assert!(matches!(world.store.create_transcription(&one).await, Err(StoreError::Conflict(_))));
}
