//! Calls that wait for their time: they ring then and not before, after a restart too, and can be withdrawn.

use crate::fakes::{World, order, render};
use engine::PlaceCall;
use model::call::{Call, CallStatus, EndReason};
use model::fault::FaultCode;
use model::flow::CallCommand;
use model::tenant::Principal;
use model::{CallId, CommandId, Timestamp};
use ports::store::StoredResponse;
use std::time::Duration;
use tokio::time::sleep;

fn at(world: &World, wait: Duration) -> Timestamp {
    world.now() + wait
}

async fn scheduled(world: &World, wait: Duration) -> CallId {
    let order = PlaceCall { scheduled_for: Some(at(world, wait)), ..order() };
    world.place_as(world.test, order).await
}

fn row(world: &World, call: CallId) -> Call {
    world.outside.store.row(call).call
}

async fn hang_up(world: &World, who: Principal, call: CallId) -> Option<FaultCode> {
    let answer = |id: CommandId, _: &CallCommand| StoredResponse { status: 200, body: id.to_string() };
    let given = world.engine.command(who, call, CallCommand::hangup(), None, None, &answer).await;
    given.err().map(|fault| fault.code)
}

#[tokio::test(start_paused = true)]
async fn a_call_rings_at_its_time_and_not_before() {
    let world = World::new().await;
    let wait = Duration::from_secs(3_600);
    let call = scheduled(&world, wait).await;
    assert_eq!(row(&world, call).status, CallStatus::Scheduled);
    assert_eq!(world.engine.running_calls(), 0, "it does not count as a running call");
    sleep(wait - Duration::from_millis(10)).await;
    assert_eq!(row(&world, call).started_at, None);
    world.outside.log.wait("started durable", 1).await;
    let row = row(&world, call);
    let late = row.started_at.unwrap().since(row.scheduled_for.unwrap());
    assert!(row.started_at >= row.scheduled_for && late < Duration::from_secs(1), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn an_earlier_call_is_not_kept_waiting_by_a_later_one() {
    let world = World::new().await;
    let _later = scheduled(&world, Duration::from_secs(7_200)).await;
    sleep(Duration::from_secs(1)).await;
    let soon = scheduled(&world, Duration::from_secs(5)).await;
    world.outside.log.wait("started durable", 1).await;
    assert!(row(&world, soon).started_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_withdrawn_never_rings() {
    let world = World::new().await;
    let call = scheduled(&world, Duration::from_secs(60)).await;
    assert_eq!(hang_up(&world, world.live, call).await, Some(FaultCode::CallNotFound));
    assert_eq!(hang_up(&world, world.test, call).await, None);
    let ended = row(&world, call);
    assert_eq!(ended.status, CallStatus::Canceled);
    assert_eq!(ended.end.map(|end| end.reason), Some(EndReason::Canceled));
    assert_eq!(hang_up(&world, world.test, call).await, Some(FaultCode::CallNotActive));
    sleep(Duration::from_secs(120)).await;
    assert_eq!(world.events(call), ["initiated", "ended"]);
    assert_eq!(world.outside.log.count("started durable"), 0);
}

#[tokio::test(start_paused = true)]
async fn only_times_to_come_are_taken() {
    let world = World::new().await;
    for scheduled_for in [at(&world, Duration::ZERO), at(&world, Duration::from_secs(400 * 24 * 3_600))] {
        let order = PlaceCall { scheduled_for: Some(scheduled_for), ..order() };
        let fault = world.engine.place(world.test, order, None, &render).await.unwrap_err();
        assert_eq!(fault.param.as_deref(), Some("scheduledFor"));
    }
}
