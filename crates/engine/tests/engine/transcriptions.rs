//! Transcriptions: asked for, worked off, told as an event, begun again after a restart, removed; and who may see them.

use crate::fakes::{World, order};
use engine::{AudioForm, Outcome};
use model::event::EventBody;
use model::fault::{Fault, FaultCode};
use model::flow::CallCommand;
use model::leg::LegFact;
use model::tenant::Principal;
use model::transcription::{Transcription, TranscriptionStatus};
use model::{CallId, RecordingId};
use ports::store::StoredResponse;
use std::io::Cursor;

/// A call that has ended, and its one recording, whose file is a second of a wav.
async fn recorded(world: &World) -> (CallId, RecordingId) {
    let (call, id) = recording(world).await;
    world.outside.sandbox.hang_up(call);
    world.outside.log.wait("event ended", 1).await;
    (call, id)
}

/// The same while the call goes on.
async fn recording(world: &World) -> (CallId, RecordingId) {
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.log.wait("event participant_joined", 1).await;
    command(world, call, CallCommand::start_recording()).await;
    world.outside.log.wait("record", 1).await;
    let id = world.outside.plane.recordings.lock().unwrap()[0];
    command(world, call, CallCommand::stop_recording()).await;
    world.outside.log.wait("event recording_completed", 1).await;
    let (_, path) = world.engine.recording_file(world.test, id, AudioForm::Kept).await.unwrap();
    let mut wav = Cursor::new(Vec::new());
    audio::wav::write_wav(&mut wav, 8_000, &[1_000; 8_000]).unwrap();
    std::fs::write(path, wav.into_inner()).unwrap();
    (call, id)
}

async fn command(world: &World, call: CallId, command: CallCommand) {
    let render = |_, _: &_| StoredResponse { status: 200, body: String::new() };
    world.engine.command(world.test, call, command, None, None, &render).await.unwrap();
}

async fn ask(world: &World, recording: RecordingId) -> Transcription {
    ask_as(world, world.test, recording, "en-US").await.unwrap()
}

async fn ask_as(
    world: &World,
    who: Principal,
    recording: RecordingId,
    locale: &str,
) -> Result<Transcription, Fault> {
    let render = |made: &Transcription| StoredResponse { status: 202, body: made.id.to_string() };
    match world.engine.transcribe(who, recording, locale.to_owned(), None, &render).await? {
        Outcome::New(response) => world.engine.transcription(who, response.body.parse().unwrap()).await,
        Outcome::Replayed(response) => panic!("replayed {response:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_recording_is_written_down_and_the_app_is_told() {
    let world = World::new().await;
    *world.outside.stt.words.lock().unwrap() = Some("talk to sales");
    let (call, recording) = recorded(&world).await;
    let asked = ask(&world, recording).await;
    assert_eq!((asked.call, asked.recording), (call, recording));
    world.outside.log.wait("event transcription_completed", 1).await;
    let (done, words) = world.engine.transcript(world.test, asked.id).await.unwrap();
    assert_eq!((done.status, done.confidence), (TranscriptionStatus::Available, Some(0.75)));
    assert_eq!(words.text().expose(), "talk to sales");
    let events = world.outside.store.row(call).events;
    let [.., last] = &events[..] else { panic!("no events") };
    assert_eq!(last.body, EventBody::TranscriptionCompleted { transcription: done.clone() });
    assert_eq!(last.sequence as usize, events.len(), "numbered without a gap");
    let sound = world.outside.stt.asked.lock().unwrap()[0].sound.clone();
    assert_eq!((sound.rate_hz, sound.channels, sound.samples.len()), (8_000, 1, 8_000));
    assert_eq!(world.engine.transcriptions(world.test, None, 10).await.unwrap(), (vec![done], None));
    for who in [world.other_app().await, world.live] {
        let hidden = world.engine.transcript(who, asked.id).await.unwrap_err();
        assert_eq!(hidden.code, FaultCode::NotFound);
        assert_eq!(world.engine.transcriptions(who, None, 10).await.unwrap().0, []);
        assert!(world.engine.delete_transcription(who, asked.id).await.is_err());
    }
    world.engine.delete_transcription(world.test, asked.id).await.unwrap();
    let gone = world.engine.transcript(world.test, asked.id).await.unwrap_err();
    assert_eq!(gone.code, FaultCode::NotFound);
}

#[tokio::test(start_paused = true)]
async fn silence_failures_and_lost_files_end_as_what_they_are() {
    let world = World::new().await;
    let (_, recording) = recorded(&world).await;
    let outcome = async |number: usize| {
        let asked = ask(&world, recording).await;
        world.outside.log.wait("event transcription_completed", number).await;
        let done = world.engine.transcription(world.test, asked.id).await.unwrap();
        assert_eq!(
            world.engine.transcript(world.test, asked.id).await.unwrap_err().code,
            FaultCode::NotFound
        );
        (done.status, done.failure.unwrap())
    };
    let failed = outcome(1).await;
    assert_eq!(failed, (TranscriptionStatus::Failed, "the speech engine failed: it was told to".to_owned()));
    let (_, path) = world.engine.recording_file(world.test, recording, AudioForm::Kept).await.unwrap();
    std::fs::write(&path, b"no sound").unwrap();
    assert_eq!(outcome(2).await.0, TranscriptionStatus::Failed);
    std::fs::remove_file(path).unwrap();
    assert_eq!(outcome(3).await.0, TranscriptionStatus::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_still_runs_is_told_after_its_end() {
    let world = World::new().await;
    *world.outside.stt.words.lock().unwrap() = Some("hello");
    let (call, recording) = recording(&world).await;
    let asked = ask(&world, recording).await;
    while world.engine.transcript(world.test, asked.id).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert!(!world.events(call).contains(&"transcription_completed".to_owned()));
    world.outside.sandbox.hang_up(call);
    world.outside.log.wait("event transcription_completed", 1).await;
    let events = world.events(call);
    assert_eq!(events[events.len() - 2..], ["ended", "transcription_completed"]);
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_one_begins_again_after_a_restart() {
    let world = World::new().await;
    let (_, recording) = recorded(&world).await;
    let asked = ask(&world, recording).await;
    world.outside.log.wait("event transcription_completed", 1).await;
    {
        let mut state = world.outside.store.state.lock().unwrap();
        let one = state.transcriptions.get_mut(&asked.id).unwrap();
        // As a process leaves it that dies in the middle.
        (one.row.status, one.told) = (TranscriptionStatus::Ongoing, false);
    }
    *world.outside.stt.words.lock().unwrap() = Some("hello again");
    let second = world.outside.start(world.outside.config(), 99).await;
    world.outside.log.wait("event transcription_completed", 2).await;
    let words = second.transcript(world.test, asked.id).await.unwrap().1;
    assert_eq!(words.text().expose(), "hello again");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_down_is_refused_with_a_reason() {
    let world = World::new().await;
    let (_, recording) = recorded(&world).await;
    let refused = ask_as(&world, world.test, recording, "de-DE").await.unwrap_err();
    assert_eq!((refused.code, refused.param.as_deref()), (FaultCode::InvalidField, Some("locale")));
    assert!(refused.message.contains("it understands: en-US"), "{}", refused.message);
    let stranger = world.other_app().await;
    let refused = ask_as(&world, stranger, recording, "en-US").await.unwrap_err();
    assert_eq!(refused.code, FaultCode::NotFound);
}
