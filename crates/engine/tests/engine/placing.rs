//! Placing calls: checks, order of durability, idempotency, limits.

use crate::fakes::carrier_ended;
use crate::fakes::{World, order, render};
use engine::{IdempotencyHeader, NewNumber, NewTrunk, Outcome, PlaceCall};
use model::call::{CallSetup, CallStatus, Channel, EndReason, EndSource};
use model::fault::{Fault, FaultCode};
use model::flow::{Flow, FlowCommand, Step};
use model::leg::{LegEndKind, LegEndedBy, LegFact};
use model::sound::Codec;
use model::tenant::Principal;
use model::trunk::{RedirectPolicy, TransferPolicy, TrunkTransport};
use model::{CommandId, IdSource, Timestamp, TrunkId};
use ports::CarrierError;
use ports::Route;
use ports::store::StoredResponse;
use serde_json::json;
use std::time::Duration;

fn trunk() -> NewTrunk {
    NewTrunk {
        name: "carrier".into(),
        host: "carrier.example".into(),
        port: Some(5060),
        transport: TrunkTransport::Auto,
        register: false,
        register_expires_s: 600,
        redirects: RedirectPolicy::Refuse,
        transfers: TransferPolicy::Refuse,
        srtp: model::srtp::SrtpPolicy::Off,
        credentials: None,
        allowed_sources: Vec::new(),
        codecs: vec![Codec::Pcmu],
        codec_preference: Default::default(),
        session: Default::default(),
        calls_per_second_max: 10,
        concurrent_calls_max: 10,
    }
}

/// A trunk with the number +4930000001 of the first app.
pub(crate) async fn assign_number(world: &World) -> TrunkId {
    let render = |trunk: &model::trunk::Trunk| StoredResponse { status: 201, body: trunk.id.to_string() };
    let made = world.engine.create_trunk(world.admin, trunk(), None, &render).await.unwrap();
    let Outcome::New(response) = made else { panic!("{made:?}") };
    let id: TrunkId = response.body.parse().unwrap();
    let number = NewNumber { number: "+49 30 000001".into(), app: world.keys.app, trunk: id, flow: None };
    let render = |_: &model::trunk::PhoneNumber| StoredResponse { status: 201, body: String::new() };
    world.engine.create_number(world.admin, number, None, &render).await.unwrap();
    id
}

async fn refused(world: &World, who: Principal, order: PlaceCall) -> Fault {
    world.engine.place(who, order, None, &render).await.unwrap_err()
}

async fn check(change: impl FnOnce(&mut PlaceCall), code: FaultCode, param: Option<&str>) {
    let world = World::new().await;
    let mut order = order();
    change(&mut order);
    let fault = refused(&world, world.test, order).await;
    assert_eq!((fault.code, fault.param.as_deref()), (code, param), "{fault:?}");
    assert!(world.outside.store.state.lock().unwrap().calls.is_empty(), "nothing is half-created");
}

#[tokio::test(start_paused = true)]
async fn steps_of_equal_flows_have_ids_of_their_own() {
    let world = World::new().await;
    let id = CommandId::generate(&mut IdSource::new(0), Timestamp::default());
    let step = Step { id, command: FlowCommand::hangup(), conditions: Vec::new() };
    let flow = Flow { steps: vec![step.clone(), step] };
    let mut seen = std::collections::BTreeSet::from([id]);
    for _ in 0..2 {
        let call = world.place(PlaceCall { flow: Some(flow.clone()), ..order() }).await;
        let steps = world.outside.store.row(call).setup.flow.unwrap().steps;
        seen.extend(steps.iter().map(|step| step.id));
    }
    assert_eq!(seen.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn bad_orders_name_the_field() {
    let step = Step {
        id: CommandId::generate(&mut IdSource::new(1), Timestamp::default()),
        command: FlowCommand::hangup(),
        conditions: Vec::new(),
    };
    check(|o| o.to = "12345".into(), FaultCode::InvalidPhoneNumber, Some("to")).await;
    check(|o| o.to = String::new(), FaultCode::InvalidPhoneNumber, Some("to")).await;
    check(|o| o.from = "alice".into(), FaultCode::InvalidPhoneNumber, Some("from")).await;
    check(|o| o.to_channel = Channel::Webrtc, FaultCode::ChannelNotConfigured, Some("toChannel")).await;
    check(|o| o.from_channel = Channel::Whatsapp, FaultCode::ChannelNotConfigured, Some("fromChannel")).await;
    check(|o| o.ring_timeout_ms = Some(2_999), FaultCode::InvalidField, Some("ringTimeoutMs")).await;
    check(
        |o| o.max_duration_ms = Some(CallSetup::MAX_DURATIONS_MS.end() + 1),
        FaultCode::InvalidField,
        Some("maxDurationMs"),
    )
    .await;
    check(
        |o| o.flow = Some(Flow { steps: vec![step; Flow::STEPS_MAX + 1] }),
        FaultCode::InvalidField,
        Some("flow"),
    )
    .await;
    let large = json!({ "text": "x".repeat(16 * 1024) }).as_object().unwrap().clone();
    check(|o| o.metadata = large, FaultCode::InvalidField, Some("metadata")).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_rings_before_the_dialling_is_durable() {
    let world = World::new().await;
    let commits = &world.outside.store.commits;
    commits.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
    let call = world.place(order()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.outside.log.lines(), ["created", "sandbox queue"]);
    commits.add_permits(1_000);
    world.outside.log.wait("sandbox dialled", 1).await;
    assert_eq!(
        world.outside.log.lines(),
        ["created", "sandbox queue", "started durable", "sandbox dial", "sandbox dialled"]
    );
    assert!(world.outside.store.row(call).call.started_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_call_runs_from_ringing_to_hangup_with_gapless_events() {
    let world = World::new().await;
    let (log, sandbox) = (&world.outside.log, &world.outside.sandbox);
    let call = world.place(order()).await;
    log.wait("sandbox dialled", 1).await;
    sandbox.leg(call, LegFact::Ringing { early_media: false });
    sandbox.leg(call, LegFact::Answered);
    log.wait("event participant_joined", 1).await;
    sandbox.hang_up(call);
    world.engine.shutdown(Duration::from_secs(5)).await;
    let row = world.outside.store.row(call);
    let numbers: Vec<u32> = row.events.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, (1..=row.events.len() as u32).collect::<Vec<_>>());
    let words = ["initiated", "ringing", "answered", "participant_joined", "participant_left", "ended"];
    assert_eq!(world.events(call), words);
    assert_eq!(row.call.status, CallStatus::Completed);
    assert!(row.released);
    assert_eq!(world.engine.running_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_cannot_dial_fails_the_call_in_words() {
    let world = World::new().await;
    let error = CarrierError::Unresolvable { host: "carrier.example".into(), reason: "no such name".into() };
    *world.outside.sandbox.dial_error.lock().unwrap() = Some(error);
    let call = world.place(order()).await;
    world.outside.log.wait("event ended", 1).await;
    let row = world.outside.store.row(call).call;
    assert_eq!(row.status, CallStatus::Failed);
    let end = row.end.unwrap();
    assert_eq!(end.reason, EndReason::Failed);
    assert_eq!(end.cause.phrase, "the trunk's host carrier.example has no address: no such name");
    assert_eq!(end.cause.code, None);
    assert_ne!(end.source, EndSource::Callee);
}

#[tokio::test(start_paused = true)]
async fn busy_and_unanswered_calls_say_so() {
    for (kind, status) in [
        (LegEndKind::Busy, CallStatus::Busy),
        (LegEndKind::NoAnswer, CallStatus::NoAnswer),
        (LegEndKind::Declined, CallStatus::Failed),
    ] {
        let world = World::new().await;
        let call = world.place(order()).await;
        world.outside.log.wait("sandbox dialled", 1).await;
        world.outside.sandbox.leg(call, carrier_ended(kind, LegEndedBy::Remote));
        world.outside.log.wait("event ended", 1).await;
        assert_eq!(world.outside.store.row(call).call.status, status, "{kind:?}");
    }
}

fn idempotency(value: &str, fingerprint: u8) -> Option<IdempotencyHeader> {
    Some(IdempotencyHeader { value: value.into(), fingerprint: [fingerprint; 32] })
}

#[tokio::test(start_paused = true)]
async fn two_hundred_parallel_equal_requests_make_one_call_and_equal_answers() {
    let world = World::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (engine, who) = (world.engine.clone(), world.test);
        tasks.spawn(async move { engine.place(who, order(), idempotency("a", 1), &render).await });
    }
    let (mut fresh, mut answers) = (0, std::collections::BTreeSet::new());
    while let Some(outcome) = tasks.join_next().await {
        let response = match outcome.unwrap().unwrap() {
            Outcome::New(response) => {
                fresh += 1;
                response
            }
            Outcome::Replayed(response) => response,
        };
        answers.insert(response.body);
    }
    assert_eq!((fresh, answers.len()), (1, 1));
    world.outside.log.wait("sandbox dialled", 1).await;
    assert_eq!(world.outside.log.count("created"), 1);
    assert_eq!(world.outside.log.count("sandbox dial"), 1);
    let fault = world.engine.place(world.test, order(), idempotency("a", 2), &render).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::IdempotencyConflict);
    // Another key of the same app is another client.
    assign_number(&world).await;
    let other = world.engine.place(world.live, order(), idempotency("a", 1), &render).await.unwrap();
    assert!(matches!(other, Outcome::New(_)));
}

#[tokio::test(start_paused = true)]
async fn the_apps_limit_of_concurrent_calls_holds() {
    let world = World::new().await;
    world.outside.store.state.lock().unwrap().apps.get_mut(&world.keys.app).unwrap().concurrent_calls_max = 2;
    let first = world.place(order()).await;
    world.place(order()).await;
    let fault = refused(&world, world.test, order()).await;
    assert_eq!(fault.code, FaultCode::ConcurrencyLimitExceeded);
    world.outside.log.wait("sandbox dialled", 2).await;
    world.outside.sandbox.hang_up(first);
    world.outside.log.wait("event ended", 1).await;
    world.place(order()).await;
}

#[tokio::test(start_paused = true)]
async fn a_live_call_needs_an_assigned_number_and_goes_over_its_trunk() {
    let world = World::new().await;
    let fault = refused(&world, world.live, order()).await;
    assert_eq!((fault.code, fault.param.as_deref()), (FaultCode::PhoneNumberNotAssigned, Some("from")));
    let trunk = assign_number(&world).await;
    assert_eq!(world.outside.live.trunks.lock().unwrap()[0].id, trunk);
    let call = world.place_as(world.live, order()).await;
    world.outside.log.wait("live dialled", 1).await;
    let routes = world.outside.live.routes.lock().unwrap();
    assert!(matches!(&routes[0], Route::Trunk(used) if used.id == trunk), "{routes:?}");
    assert_eq!(world.outside.store.row(call).call.trunk, Some(trunk));
    assert_eq!(world.outside.log.count("sandbox dial"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_test_call_takes_only_its_sandbox_settings_along() {
    let world = World::new().await;
    assign_number(&world).await;
    let mut order = order();
    let metadata = json!({ "sandboxDigits": "12#", "sandbox": { "text": "hi" }, "customer": 7 });
    order.metadata = metadata.as_object().unwrap().clone();
    world.place(order).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    let routes = world.outside.sandbox.routes.lock().unwrap();
    let Route::Sandbox(settings) = &routes[0] else { panic!("{routes:?}") };
    assert_eq!(serde_json::Value::from(settings.to_object()), json!({ "digits": "12#", "text": "hi" }));
    assert_eq!(world.outside.log.count("live dial"), 0);
}

#[tokio::test(start_paused = true)]
async fn while_stopping_new_calls_are_refused_and_running_ones_end_in_order() {
    let world = World::new().await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.log.wait("event answered", 1).await;
    let engine = world.engine.clone();
    let stopping = tokio::spawn(async move { engine.shutdown(Duration::from_secs(10)).await });
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(refused(&world, world.test, order()).await.code, FaultCode::Draining);
    assert_eq!(world.outside.log.count("sandbox HangUp"), 0, "nobody is cut before the limit");
    world.outside.log.wait("sandbox HangUp", 1).await;
    world.outside.sandbox.confirm_hangup(call);
    stopping.await.unwrap();
    let end = world.outside.store.row(call).call.end.unwrap();
    assert_eq!(end.reason, EndReason::ServerShutdown);
}
