//! The same promises over the real store: durable order, one key one call, recovery after a death.

use crate::fakes::{World, order, render};
use crate::resources::create_webhook;
use engine::{IdempotencyHeader, Outcome};
use model::CallId;
use model::call::{CallStatus, EndReason};
use model::leg::LegFact;
use ports::store::{CallFilter, CallStore, PageRequest};
use std::collections::BTreeSet;
use std::time::Duration;
use store::SqliteStore;

const URL: &str = "https://hooks.example/a";

async fn events(store: &SqliteStore, call: CallId) -> Vec<String> {
    let events = store.events(call, 0, 100).await.unwrap();
    let numbers: Vec<u32> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, (1..=events.len() as u32).collect::<Vec<_>>());
    events.iter().map(|event| crate::fakes::word(&event.body)).collect()
}

/// Waits until the call has ended in the store, however long the machine is busy with other things.
async fn ended(store: &SqliteStore, world: &World, call: CallId) -> model::call::Call {
    for _ in 0..1_000 {
        let row = store.call(world.keys.app, call).await.unwrap().unwrap();
        if row.status.is_final() {
            return row;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the call did not end: {:#?}", world.outside.log.lines());
}

#[tokio::test]
async fn a_whole_call_its_webhooks_and_its_timeline() {
    let (world, store) = World::on_sqlite().await;
    create_webhook(&world, URL, &["initiated", "ringing", "answered", "ended"]).await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(call, LegFact::Ringing { early_media: false });
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.sandbox.hang_up(call);
    world.outside.log.wait(&format!("request {URL}"), 4).await;
    assert_eq!(world.outside.egress.bodies(URL), ["1 initiated", "2 ringing", "3 answered", "6 ended"]);
    assert_eq!(ended(&store, &world, call).await.status, CallStatus::Completed);
    let words = ["initiated", "ringing", "answered", "participant_joined", "participant_left", "ended"];
    assert_eq!(events(&store, call).await, words);
    let timeline = world.engine.timeline(world.test, call, 0, 100).await.unwrap();
    assert!(timeline.iter().any(|line| line.entry.summary.contains("hooks.example: 200")), "{timeline:#?}");
    world.engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn two_hundred_parallel_equal_requests_make_one_call() {
    let (world, _store) = World::on_sqlite().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (engine, who) = (world.engine.clone(), world.test);
        let header = IdempotencyHeader { value: "k".into(), fingerprint: [1; 32] };
        tasks.spawn(async move { engine.place(who, order(), Some(header), &render).await });
    }
    let mut answers = BTreeSet::new();
    while let Some(outcome) = tasks.join_next().await {
        let (Outcome::New(response) | Outcome::Replayed(response)) = outcome.unwrap().unwrap();
        answers.insert(response.body);
    }
    assert_eq!(answers.len(), 1);
    world.outside.log.wait("sandbox dialled", 1).await;
    let page = PageRequest { limit: 100, offset: 0 };
    assert_eq!(world.engine.calls(world.test, CallFilter::default(), page).await.unwrap().total, 1);
    assert_eq!(world.outside.log.count("sandbox dial"), 1);
}

#[tokio::test]
async fn the_next_process_ends_what_a_dead_one_left_and_dials_nothing_again() {
    let (world, store) = World::on_sqlite().await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    let mut joined = false;
    for _ in 0..1_000 {
        joined = events(&store, call).await.len() == 3;
        if joined {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(joined);
    let second = world.outside.start_on(store.clone(), world.outside.config(), 99).await;
    let row = ended(&store, &world, call).await;
    assert_eq!(row.end.unwrap().reason, EndReason::NodeLost);
    // The first process wakes up and finds that the call is not its own any more.
    world.outside.sandbox.media(call, model::sound::MediaFact::Digit { digit: '1', duration_ms: 80 });
    world.outside.log.wait("close", 1).await;
    assert_eq!(events(&store, call).await.last().map(String::as_str), Some("ended"));
    assert_eq!(world.outside.log.count("sandbox dial"), 1);
    second.shutdown(Duration::from_secs(5)).await;
}
