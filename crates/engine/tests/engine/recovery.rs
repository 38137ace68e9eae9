//! What a dead process leaves, and what the next one does about it.

use crate::fakes::{World, order};
use model::call::{CallStatus, EndReason, EndSource};
use model::leg::LegFact;
use std::time::Duration;

/// Starts another process on the same store; the first one is as good as dead, for its leases are taken.
async fn restart(world: &World) -> std::sync::Arc<engine::Engine> {
    world.outside.start(world.outside.config(), 99).await
}

#[tokio::test(start_paused = true)]
async fn a_dialled_call_is_ended_as_lost_and_never_dialled_again() {
    let world = World::new().await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.log.wait("event participant_joined", 1).await;
    let engine = restart(&world).await;
    world.outside.log.wait("event ended", 1).await;
    engine.shutdown(Duration::from_secs(5)).await;
    let row = world.outside.store.row(call);
    assert_eq!(row.call.status, CallStatus::Completed);
    let end = row.call.end.unwrap();
    assert_eq!((end.reason, end.source), (EndReason::NodeLost, EndSource::System));
    assert!(row.released);
    assert_eq!(world.outside.log.count("sandbox dial"), 1);
    let numbers: Vec<u32> = row.events.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, (1..=row.events.len() as u32).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn an_accepted_call_that_was_not_dialled_is_dialled_once() {
    let world = World::new().await;
    // The first process never gets as far as making the dialling durable.
    world.outside.store.commits.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
    let call = world.place(order()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.outside.log.count("sandbox dial"), 0);
    let _second = restart(&world).await;
    world.outside.store.commits.add_permits(1_000);
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.hang_up(call);
    world.outside.log.wait("event ended", 1).await;
    assert_eq!(world.outside.log.count("sandbox dial"), 1);
    assert_eq!(world.outside.store.row(call).fence, 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_its_trunks_pace_when_its_server_dies_is_dialled_by_the_next_one() {
    let world = World::new().await;
    *world.outside.sandbox.queue.lock().unwrap() = Duration::from_secs(9);
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox queue", 1).await;
    *world.outside.sandbox.queue.lock().unwrap() = Duration::ZERO;
    let _second = restart(&world).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    // The first one's place in time comes, and it must not dial.
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(world.outside.log.count("sandbox dial"), 1);
    world.outside.sandbox.hang_up(call);
    world.outside.log.wait("event ended", 1).await;
    let row = world.outside.store.row(call);
    assert_ne!(row.call.end.unwrap().reason, EndReason::NodeLost);
}

#[tokio::test(start_paused = true)]
async fn another_node_takes_a_call_only_when_its_lease_has_run_out() {
    let world = World::with(|config| config.single_node = false).await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    let mut config = world.outside.config();
    config.single_node = false;
    let _second = world.outside.start(config, 99).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(world.outside.store.row(call).fence, 1, "the owner renews its lease");
    // As if a third node had taken it and died: whoever looks first takes it over, be it the first owner again.
    {
        let mut state = world.outside.store.state.lock().unwrap();
        let row = state.calls.get_mut(&call).unwrap();
        row.fence = 2;
        let third = "01890000-0000-7000-8000-000000000003".parse().unwrap();
        row.lease = (third, model::Timestamp::from_millis(0));
    }
    world.outside.log.wait("event ended", 1).await;
    let row = world.outside.store.row(call);
    assert_eq!(row.call.end.unwrap().reason, EndReason::NodeLost);
    assert_eq!(row.fence, 3, "taken over once");
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_claims_its_own_call_anew_lets_go_of_the_old_claim_first() {
    let world = World::with(|config| config.single_node = false).await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    {
        let mut state = world.outside.store.state.lock().unwrap();
        let row = state.calls.get_mut(&call).unwrap();
        let other = "01890000-0000-7000-8000-000000000003".parse().unwrap();
        (row.fence, row.lease) = (2, (other, model::Timestamp::from_millis(0)));
    }
    world.outside.log.wait("event ended", 1).await;
    let lines = world.outside.log.lines();
    let at = |line: &str| lines.iter().position(|known| known == line).unwrap();
    assert!(at("close") < at("event ended"), "{lines:#?}");
    assert_eq!(world.outside.log.count("sandbox HangUp"), 1);
    let row = world.outside.store.row(call);
    assert!(row.released && row.fence == 3);
}
