//! Stores that fail, lie, or belong to another node now; mailboxes that overflow.

use crate::fakes::{World, order};
use model::call::{CallStatus, EndReason};
use model::fault::FaultCode;
use model::leg::LegFact;
use model::sound::{MediaFact, MediaFigures};
use std::sync::atomic::Ordering;
use std::time::Duration;

async fn answered(world: &World) -> model::CallId {
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.log.wait("event participant_joined", 1).await;
    call
}

fn digit(digit: char) -> MediaFact {
    MediaFact::Digit { digit, duration_ms: 100 }
}

#[tokio::test(start_paused = true)]
async fn no_event_is_lost_while_the_store_fails_for_a_while() {
    let world = World::new().await;
    let call = answered(&world).await;
    world.outside.store.fail(true);
    for key in "123".chars() {
        world.outside.sandbox.media(call, digit(key));
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    world.outside.sandbox.hang_up(call);
    tokio::time::sleep(Duration::from_secs(20)).await;
    let fault = world.engine.place(world.test, order(), None, &crate::fakes::render).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::StoreUnavailable);
    world.outside.store.fail(false);
    world.outside.log.wait("event ended", 1).await;
    let tail = ["digit_received", "digit_received", "digit_received", "participant_left", "ended"];
    assert_eq!(world.events(call)[3..], tail);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_was_done_and_reported_as_failed_is_not_done_twice() {
    let world = World::new().await;
    let call = answered(&world).await;
    world.outside.store.lying.store(1, Ordering::SeqCst);
    world.outside.sandbox.media(call, digit('1'));
    world.outside.log.wait("event digit_received", 1).await;
    world.outside.sandbox.hang_up(call);
    world.outside.log.wait("event ended", 1).await;
    assert_eq!(world.events(call)[3..], ["digit_received", "participant_left", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_another_node_took_is_let_go_of_without_a_word() {
    let world = World::new().await;
    let call = answered(&world).await;
    world.outside.store.state.lock().unwrap().calls.get_mut(&call).unwrap().fence = 99;
    world.outside.sandbox.media(call, digit('1'));
    world.outside.log.wait("close", 1).await;
    assert_eq!(world.outside.log.count("sandbox HangUp"), 1);
    assert_eq!(world.events(call).len(), 3, "nothing more is written");
    world.engine.shutdown(Duration::from_secs(1)).await;
    assert_eq!(world.engine.running_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_that_overflows_ends_the_call() {
    let world = World::with(|config| config.mailbox_max = 8).await;
    let call = answered(&world).await;
    for _ in 0..9 {
        world.outside.sandbox.media(call, digit('1'));
    }
    world.outside.log.wait("sandbox HangUp", 1).await;
    world.outside.log.wait("event ended", 1).await;
    let row = world.outside.store.row(call);
    assert!(row.call.status.is_final());
    assert_eq!(row.call.end.unwrap().cause.phrase, "The call's mailbox overflowed.");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_decides_by_may_be_lost() {
    let world = World::with(|config| config.mailbox_max = 8).await;
    let call = answered(&world).await;
    for _ in 0..20 {
        world.outside.sandbox.media(call, MediaFact::FirstSound);
        world.outside.sandbox.media(call, MediaFact::Figures(MediaFigures::default()));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.outside.log.count("sandbox HangUp"), 0);
}

#[tokio::test(start_paused = true)]
async fn more_events_than_may_wait_end_the_call() {
    let world = World::new().await;
    let call = answered(&world).await;
    world.outside.store.fail(true);
    for _ in 0..300 {
        world.outside.sandbox.media(call, digit('1'));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    world.outside.log.wait("sandbox HangUp", 1).await;
    world.outside.store.fail(false);
    world.outside.log.wait("event ended", 1).await;
    assert_eq!(world.outside.store.row(call).call.status, CallStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_own_call_and_no_other() {
    let world = World::new().await;
    let other = answered(&world).await;
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", 2).await;
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.log.wait("event participant_joined", 2).await;
    world.outside.plane.panic_next.store(true, Ordering::SeqCst);
    let digits = model::flow::CallCommand::SendDigits { digits: "1".to_owned().into() };
    let render = |_, _: &_| ports::store::StoredResponse { status: 200, body: String::new() };
    world.engine.command(world.test, call, digits, None, None, &render).await.unwrap();
    world.outside.log.wait("event ended", 1).await;
    let row = world.outside.store.row(call);
    assert_eq!(row.call.end.unwrap().reason, EndReason::Failed);
    assert!(row.released);
    assert_eq!(world.outside.log.count("sandbox HangUp"), 1);
    assert_eq!(world.outside.log.count("close"), 1);
    assert!(!world.outside.store.row(other).call.status.is_final());
    world.outside.sandbox.hang_up(other);
    world.outside.log.wait("event ended", 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_while_its_carrier_takes_its_time_leaves_nothing_ringing() {
    let world = World::new().await;
    // Longer than the call's own guard waits for the leg's end.
    *world.outside.sandbox.pace.lock().unwrap() = Duration::from_secs(60);
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dial", 1).await;
    world.engine.shutdown(Duration::ZERO).await;
    world.outside.log.wait("event ended", 1).await;
    let lines = world.outside.log.lines();
    let last = |line: &str| lines.iter().rposition(|known| known == line).unwrap();
    assert!(last("sandbox dialled") < last("sandbox HangUp"), "{lines:#?}");
    assert!(world.outside.store.row(call).call.status.is_final());
}
