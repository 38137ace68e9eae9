//! Timelines: what a call says of itself, and who may read it.

use crate::fakes::{World, order};
use crate::resources::create_webhook;
use model::fault::FaultCode;
use model::leg::LegFact;
use model::sound::{MediaFact, MediaFigures};
use model::timeline::TimelineKind;
use serde_json::json;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn every_step_stands_in_order() {
    let world = World::new().await;
    create_webhook(&world, "https://hooks.example/secret?token=1", &["answered"]).await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.sandbox.media(call, MediaFact::Digit { digit: '5', duration_ms: 80 });
    world
        .outside
        .sandbox
        .media(call, MediaFact::Figures(MediaFigures { mos: Some(4.2), ..MediaFigures::default() }));
    world.outside.log.wait("event digit_received", 1).await;
    world.outside.log.wait("request https://hooks.example/secret?token=1", 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let entries = world.engine.timeline(world.test, call, 0, 100).await.unwrap();
    let indices: Vec<u32> = entries.iter().map(|entry| entry.index).collect();
    assert_eq!(indices, (1..=entries.len() as u32).collect::<Vec<_>>());
    let line = |kind, part: &str| {
        let found = entries.iter().find(|e| e.entry.kind == kind && e.entry.summary.contains(part));
        found.unwrap_or_else(|| panic!("no {kind:?} {part:?} in {entries:#?}")).clone()
    };
    assert_eq!(line(TimelineKind::Api, "place").entry.detail["requestId"], "req-1");
    line(TimelineKind::Call, "answered");
    line(TimelineKind::Dtmf, "key 5");
    line(TimelineKind::Media, "MOS");
    let webhook = line(TimelineKind::Webhook, "hooks.example: 200");
    assert!(!format!("{webhook:?}").contains("token"), "a URL's secrets are not shown");
    let rest = world.engine.timeline(world.test, call, 2, 1).await.unwrap();
    assert_eq!(rest[0].index, 3);
}

#[tokio::test(start_paused = true)]
async fn figures_of_the_whole_call_are_kept_although_they_come_after_its_end() {
    let world = World::new().await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.sandbox.hang_up(call);
    world.outside.log.wait("event ended", 1).await;
    world.engine.shutdown(Duration::from_secs(1)).await;
    assert_eq!(world.engine.running_calls(), 0);
    let total = MediaFigures { total: true, ..MediaFigures::default() };
    world.outside.sandbox.media(call, MediaFact::Figures(total));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let entries = world.engine.timeline(world.test, call, 0, 100).await.unwrap();
    let ended = entries.iter().find(|line| line.entry.summary == "ended: hangup").unwrap();
    let detail = json!({
        "status": "completed", "reason": "hangup", "source": "callee",
        "code": null, "phrase": "test", "q850": null, "retryAfterS": null,
    });
    assert_eq!(ended.entry.detail, detail);
    let last = entries.last().unwrap();
    assert!(last.entry.summary.starts_with("whole call"), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn lines_wait_while_the_store_takes_nothing() {
    let world = World::new().await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.engine.journal().flush().await;
    let before = world.engine.timeline(world.test, call, 0, 100).await.unwrap().len();
    world.outside.store.fail(true);
    world.outside.sandbox.media(call, MediaFact::FirstSound);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.engine.timeline(world.test, call, 0, 100).await.unwrap().len(), before);
    world.outside.store.fail(false);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let lines = world.engine.timeline(world.test, call, 0, 100).await.unwrap();
    assert!(lines.iter().any(|line| line.entry.summary.contains("first sound")), "{lines:?}");
    assert_eq!(world.engine.journal().dropped(), 0);
}

#[tokio::test(start_paused = true)]
async fn followers_see_lines_as_they_come_and_strangers_nothing() {
    let world = World::new().await;
    let call = world.place(order()).await;
    let mut feed = world.engine.journal().subscribe(call);
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    let entry = tokio::time::timeout(Duration::from_secs(1), feed.recv()).await.unwrap().unwrap();
    assert_eq!(entry.call, call);
    let other = world.other_app().await;
    for who in [other, world.live] {
        let fault = world.engine.timeline(who, call, 0, 10).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::CallNotFound);
    }
}
