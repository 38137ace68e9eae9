//! Commands to running calls.

use crate::fakes::{World, order};
use engine::{IdempotencyHeader, Outcome};
use model::call::EndReason;
use model::event::{CommandOutcome, EventBody};
use model::fault::FaultCode;
use model::flow::CallCommand;
use model::leg::LegFact;
use model::tenant::Principal;
use model::{CallId, CommandId};
use ports::store::StoredResponse;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn accepted(id: CommandId, _: &CallCommand) -> StoredResponse {
    StoredResponse { status: 200, body: id.to_string() }
}

async fn refusal(world: &World, who: Principal, call: CallId, command: CallCommand) -> Option<FaultCode> {
    world.engine.command(who, call, command, None, None, &accepted).await.err().map(|fault| fault.code)
}

#[tokio::test(start_paused = true)]
async fn only_the_calls_own_app_and_mode_may_command_it() {
    let world = World::new().await;
    let call = world.place(order()).await;
    let other = world.other_app().await;
    let unknown: CallId = "01890000-0000-7000-8000-000000000009".parse().unwrap();
    let hangup = CallCommand::hangup();
    for (who, call, expected) in [
        (other, call, FaultCode::CallNotFound),
        (world.live, call, FaultCode::CallNotFound),
        (world.test, unknown, FaultCode::CallNotFound),
        (world.admin, call, FaultCode::WrongKeyClass),
    ] {
        assert_eq!(refusal(&world, who, call, hangup.clone()).await, Some(expected));
    }
    assert_eq!(refusal(&world, world.test, call, hangup).await, None);
}

#[tokio::test(start_paused = true)]
async fn the_calls_state_decides() {
    let world = World::new().await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    let digits = CallCommand::SendDigits { digits: "1".to_owned().into() };
    let early = refusal(&world, world.test, call, digits.clone()).await;
    assert_eq!(early, Some(FaultCode::InvalidCallState));
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.log.wait("event answered", 1).await;
    assert_eq!(refusal(&world, world.test, call, digits).await, None);
    assert_eq!(refusal(&world, world.test, call, CallCommand::hangup()).await, None);
    world.outside.log.wait("sandbox HangUp", 1).await;
    world.outside.sandbox.confirm_hangup(call);
    world.outside.log.wait("event ended", 1).await;
    let late = refusal(&world, world.test, call, CallCommand::hangup()).await;
    assert_eq!(late, Some(FaultCode::CallNotActive));
    assert_eq!(world.outside.store.row(call).call.end.unwrap().reason, EndReason::Hangup);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_command_is_done_once_and_a_refused_one_may_be_tried_again() {
    let world = World::new().await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    let send = async |value: &str, fingerprint| {
        let header = IdempotencyHeader { value: value.into(), fingerprint: [fingerprint; 32] };
        let command = CallCommand::SendDigits { digits: "1".to_owned().into() };
        world.engine.command(world.test, call, command, Some("req-2".into()), Some(header), &accepted).await
    };
    assert_eq!(send("k", 1).await.unwrap_err().code, FaultCode::InvalidCallState);
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.log.wait("event answered", 1).await;
    let Outcome::New(first) = send("k", 1).await.unwrap() else { panic!("replayed") };
    assert_eq!(send("k", 1).await.unwrap(), Outcome::Replayed(first));
    assert_eq!(send("k", 2).await.unwrap_err().code, FaultCode::IdempotencyConflict);
    let sent = world.outside.log.lines().iter().filter(|line| line.starts_with("plane SendDigits")).count();
    assert_eq!(sent, 1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let entries = world.engine.timeline(world.test, call, 0, 100).await.unwrap();
    let is_asked = |summary: &str| summary.starts_with("request ") && summary.contains("send_digits");
    let asked: Vec<_> = entries.iter().filter(|line| is_asked(&line.entry.summary)).collect();
    assert_eq!(asked.len(), 2, "refused once, accepted once: {asked:#?}");
    assert!(asked.iter().all(|line| line.entry.detail["requestId"] == "req-2"));
}

#[tokio::test(start_paused = true)]
async fn digits_that_the_plane_refuses_are_reported_as_failed() {
    let world = World::new().await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.log.wait("event answered", 1).await;
    world.outside.plane.busy_next.store(true, Ordering::SeqCst);
    let digits = CallCommand::SendDigits { digits: "1".to_owned().into() };
    assert_eq!(refusal(&world, world.test, call, digits).await, None);
    world.outside.log.wait("event command_completed", 1).await;
    let last = world.outside.store.row(call).events.pop().unwrap();
    let EventBody::CommandCompleted { outcome, .. } = last.body else { panic!("{:?}", last.body) };
    assert!(matches!(outcome, CommandOutcome::Failed { .. }), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_settled_although_the_store_fails_meanwhile() {
    let world = World::new().await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.log.wait("event answered", 1).await;
    let header = || Some(IdempotencyHeader { value: "k".into(), fingerprint: [1; 32] });
    let digits = || CallCommand::SendDigits { digits: "1".to_owned().into() };
    world.outside.store.fail_settling.store(2, Ordering::SeqCst);
    let first = world.engine.command(world.test, call, digits(), None, header(), &accepted).await.unwrap();
    let Outcome::New(first) = first else { panic!("replayed") };
    let again = world.engine.command(world.test, call, digits(), None, header(), &accepted).await;
    assert_eq!(again.unwrap(), Outcome::Replayed(first));
}

#[tokio::test(start_paused = true)]
async fn a_call_withdrawn_before_its_dialling_is_durable_never_rings() {
    let world = World::new().await;
    world.outside.store.commits.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
    let call = world.place(order()).await;
    assert_eq!(refusal(&world, world.test, call, CallCommand::hangup()).await, None);
    world.outside.store.commits.add_permits(1_000);
    world.outside.log.wait("event ended", 1).await;
    assert_eq!(world.outside.log.count("sandbox dial"), 0);
    assert_eq!(world.outside.store.row(call).call.end.unwrap().reason, EndReason::Canceled);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_takes_its_time_keeps_no_command_waiting() {
    let world = World::new().await;
    *world.outside.sandbox.pace.lock().unwrap() = Duration::from_secs(10);
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dial", 1).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(refusal(&world, world.test, call, CallCommand::hangup()).await, None);
    assert!(begun.elapsed() < Duration::from_secs(1));
    world.outside.log.wait("sandbox HangUp", 1).await;
    let lines = world.outside.log.lines();
    let at = |line: &str| lines.iter().position(|known| known == line).unwrap();
    assert!(at("sandbox dialled") < at("sandbox HangUp"), "{lines:#?}");
}
