//! Calls that arrive.

use crate::fakes::{World, order};
use crate::placing::assign_number;
use model::call::{CallStatus, Direction, Mode};
use model::flow::CallCommand;
use model::leg::LegFact;
use model::{CallId, Pii, TrunkId};
use ports::carrier::IncomingRef;
use ports::store::StoredResponse;
use ports::{InboundCalls, IncomingCall};

fn arrive(
    world: &World,
    reference: u64,
    to: &str,
    trunks: impl IntoIterator<Item = TrunkId>,
    mode: Mode,
) -> CallId {
    let call = world.engine.next_call_id();
    let incoming = IncomingCall {
        reference: IncomingRef(reference),
        call,
        trunks: trunks.into_iter().collect(),
        phone: None,
        mode,
        from: Pii::new("+33100000000".into()),
        to: Pii::new(to.into()),
        source: "192.0.2.1:5060".parse().unwrap(),
        user_agent: None,
    };
    world.engine.arrived(world.outside.live.clone(), incoming);
    call
}

#[tokio::test(start_paused = true)]
async fn a_call_to_an_assigned_number_rings_until_its_app_answers() {
    let world = World::new().await;
    let trunk = assign_number(&world).await;
    let sharing: TrunkId = "01890000-0000-7000-8000-000000000008".parse().unwrap();
    let call = arrive(&world, 1, "4930000001", [sharing, trunk], Mode::Live);
    world.outside.log.wait("live Ring { early_media: false }", 1).await;
    let row = world.engine.call(world.live, call).await.unwrap();
    assert_eq!((row.direction, row.from.expose().as_str()), (Direction::Inbound, "+33100000000"));
    assert_eq!(row.to.expose(), "+4930000001");
    assert_eq!(row.started_at, Some(row.created_at));
    let render = |_, _: &_| StoredResponse { status: 200, body: String::new() };
    world.engine.command(world.live, call, CallCommand::Answer, None, None, &render).await.unwrap();
    world.outside.log.wait("live Answer", 1).await;
    world.outside.live.leg(call, LegFact::Answered);
    world.outside.log.wait("event answered", 1).await;
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_nobody_is_refused_and_leaves_nothing() {
    let world = World::new().await;
    let trunk = assign_number(&world).await;
    let other: TrunkId = "01890000-0000-7000-8000-000000000009".parse().unwrap();
    for (at, (to, trunk)) in [
        ("+4930999999", Some(trunk)),
        ("alice", Some(trunk)),
        ("+4930000001", Some(other)),
        ("+4930000001", None),
    ]
    .into_iter()
    .enumerate()
    {
        arrive(&world, 1, to, trunk, Mode::Live);
        world.outside.log.wait("live refused NotFound", at + 1).await;
    }
    assert!(world.outside.store.state.lock().unwrap().calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn beyond_the_apps_limit_the_caller_hears_busy_and_while_stopping_nothing_is_taken() {
    let world = World::new().await;
    let trunk = assign_number(&world).await;
    world.outside.store.state.lock().unwrap().apps.get_mut(&world.keys.app).unwrap().concurrent_calls_max = 1;
    world.place(order()).await;
    arrive(&world, 1, "+4930000001", Some(trunk), Mode::Live);
    world.outside.log.wait("live refused Busy", 1).await;
    world.engine.drain();
    arrive(&world, 1, "+4930000001", Some(trunk), Mode::Live);
    world.outside.log.wait("live refused ServerBusy", 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_is_gone_before_adoption_ends_the_call() {
    let world = World::new().await;
    let trunk = assign_number(&world).await;
    let call = arrive(&world, 0, "+4930000001", Some(trunk), Mode::Live);
    world.outside.log.wait("event ended", 1).await;
    assert!(matches!(world.outside.store.row(call).call.status, CallStatus::Canceled | CallStatus::NoAnswer));
}
