//! Prompts: what is spoken, fetched and read, and what is said when that fails.

use crate::fakes::{Reply, World};
use model::event::{CommandOutcome, EventBody};
use model::flow::{Flow, FlowCommand, Pause, Playback, Say, Step};
use model::leg::{LegEndKind, LegEndedBy, LegFact};
use model::sound::MediaFact;
use model::{CallId, CommandId, IdSource, Timestamp};
use ports::EgressError;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn flow(command: FlowCommand) -> Option<Flow> {
    let id = CommandId::generate(&mut IdSource::new(5), Timestamp::default());
    Some(Flow { steps: vec![Step { id, command, conditions: Vec::new() }] })
}

fn play(media: &str) -> FlowCommand {
    FlowCommand::Playback(Playback { media: vec![media.into()], times: 1, gap_ms: 0 })
}

fn say(text: &str, locale: &str) -> FlowCommand {
    FlowCommand::Say(Say { text: text.into(), locale: locale.into(), voice: None, times: 1 })
}

/// Runs a call with one step until that step is over, and returns how it went; `Ok` once it plays.
async fn run(world: &World, command: FlowCommand) -> Result<(), String> {
    let call = world.place(crate::fakes::with_flow(flow(command))).await;
    let dialled = world.outside.log.count("sandbox dialled");
    world.outside.log.wait("sandbox dialled", dialled.max(1)).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    for _ in 0..600 {
        if world.outside.log.count("play") > 0 {
            return Ok(());
        }
        let events = world.outside.store.row(call).events;
        let outcome = events.into_iter().find_map(|event| match event.body {
            EventBody::CommandCompleted { outcome, .. } => Some(outcome),
            _ => None,
        });
        if let Some(outcome) = outcome {
            let CommandOutcome::Failed { reason } = outcome else { panic!("{outcome:?}") };
            return Err(reason);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("neither played nor failed: {:#?}", world.outside.log.lines());
}

async fn check(reply: Reply, command: FlowCommand, expected: Result<(), &str>) {
    let world = World::new().await;
    std::fs::write(world.outside.path().join("media/hello.wav"), b"RIFFhello").unwrap();
    std::fs::write(world.outside.path().join("media/text.wav"), b"hello").unwrap();
    world.outside.egress.answer(move |_| reply.clone());
    match (run(&world, command.clone()).await, expected) {
        (Ok(()), Ok(())) => {}
        (Err(got), Err(expected)) if got.contains(expected) => {}
        (got, expected) => panic!("{command:?}: {got:?} instead of {expected:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_source_plays_or_fails_in_clear_words() {
    let url = "https://media.example/a.wav";
    let sound = Reply::Body("RIFFsound".into());
    check(sound.clone(), play(url), Ok(())).await;
    check(sound.clone(), play("hello.wav"), Ok(())).await;
    check(sound.clone(), say("hello", "en-US"), Ok(())).await;
    check(sound.clone(), play("https://private.example/a.wav"), Err("private address")).await;
    check(sound.clone(), play("http://media.example/a.wav"), Err("not allowed")).await;
    check(sound.clone(), play("../secret.wav"), Err("no file name within the media folder")).await;
    check(sound.clone(), play("none.wav"), Err("there is no file")).await;
    check(sound.clone(), play("text.wav"), Err("no sound")).await;
    check(sound, say("hello", "xx"), Err("speaks xx")).await;
    check(Reply::Status(404, None), play(url), Err("status 404")).await;
    check(Reply::Body(vec![b'R'; 1_001].into()), play(url), Err("larger than 1000 bytes")).await;
    check(Reply::Body("<html>".into()), play(url), Err("no sound")).await;
    check(Reply::Hang, play(url), Err("too slow")).await;
    check(Reply::Error(EgressError::Failed("refused".into())), play(url), Err("could not be fetched")).await;
}

#[tokio::test(start_paused = true)]
async fn equal_prompts_are_made_once_and_urls_are_fetched_again_after_a_while() {
    let world = World::new().await;
    world.outside.egress.answer(|_| Reply::Body("RIFFsound".into()));
    let url = "https://media.example/a.wav";
    for _ in 0..20 {
        world.place(crate::fakes::with_flow(flow(say("hello", "en-US")))).await;
        world.place(crate::fakes::with_flow(flow(play(url)))).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.outside.tts.spoken.load(Ordering::SeqCst), 1);
    assert_eq!(world.outside.log.count(&format!("request {url}")), 1);
    assert_eq!(world.outside.plane.prepared.load(Ordering::SeqCst), 2);
    tokio::time::sleep(Duration::from_secs(300)).await;
    world.place(crate::fakes::with_flow(flow(play(url)))).await;
    world.place(crate::fakes::with_flow(flow(say("hello", "en-US")))).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.outside.log.count(&format!("request {url}")), 2);
    assert_eq!(world.outside.tts.spoken.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_written_again_is_read_again() {
    let world = World::new().await;
    let file = world.outside.path().join("media/hello.wav");
    for (content, prepared) in [("RIFFone", 1), ("RIFFone", 1), ("RIFFtwo!", 2)] {
        if prepared != world.outside.plane.prepared.load(Ordering::SeqCst) {
            std::fs::write(&file, content).unwrap();
        }
        world.place(crate::fakes::with_flow(flow(play("hello.wav")))).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.outside.plane.prepared.load(Ordering::SeqCst), prepared, "{content}");
    }
}

/// A call with these steps whose sound has begun to play.
async fn playing(world: &World, commands: Vec<FlowCommand>) -> CallId {
    let id = CommandId::generate(&mut IdSource::new(5), Timestamp::default());
    let steps = commands.into_iter().map(|command| Step { id, command, conditions: Vec::new() }).collect();
    let (dialled, played) = (world.outside.log.count("sandbox dialled"), world.outside.log.count("play"));
    let call = world.place(crate::fakes::with_flow(Some(Flow { steps }))).await;
    world.outside.log.wait("sandbox dialled", dialled + 1).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.log.wait("play", played + 1).await;
    call
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_was_played_is_let_go_of_while_the_call_goes_on() {
    let world = World::with(|config| config.clip_cache_bytes_max = 0).await;
    world.outside.egress.answer(|_| Reply::Body("RIFF".into()));
    let pause = FlowCommand::Pause(Pause { length_ms: 60_000 });
    let call = playing(&world, vec![play("https://media.example/a.wav"), pause]).await;
    let (playback, held) = {
        let played = world.outside.plane.played.lock().unwrap();
        (played[0].0, Arc::downgrade(&played[0].1[0]))
    };
    assert_eq!(held.strong_count(), 2, "the plane's and the call's");
    let end = MediaFact::PlaybackFinished { playback, played_ms: 1_000, completed: true };
    world.outside.sandbox.media(call, end);
    world.outside.log.wait("event command_completed", 1).await;
    assert_eq!(held.strong_count(), 1, "the plane's");
}

#[tokio::test(start_paused = true)]
async fn what_is_still_being_fetched_when_its_call_ends_keeps_no_other_call_waiting() {
    let world = World::with(|config| {
        config.media_parallel_max = 1;
        config.media_timeout = Duration::from_secs(3_600);
    })
    .await;
    world.outside.egress.answer(|request| {
        if request.url.ends_with("slow.wav") { Reply::Hang } else { Reply::Body("RIFF".into()) }
    });
    let slow = world.place(crate::fakes::with_flow(flow(play("https://media.example/slow.wav")))).await;
    world.outside.log.wait("request https://media.example/slow.wav", 1).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(slow, crate::fakes::carrier_ended(LegEndKind::Busy, LegEndedBy::Remote));
    world.outside.log.wait("event ended", 1).await;
    playing(&world, vec![play("https://media.example/quick.wav")]).await;
}
