//! Calls that calls make, and calls that meet: through the engine with both ends faked.

use crate::fakes::{World, with_flow};
use model::CallId;
use model::CommandId;
use model::flow::{Bridge, CallCommand, Conference, Flow, FlowCommand, Queue, Step};
use model::leg::LegFact;
use model::{IdSource, Timestamp};
use ports::store::StoredResponse;
use std::sync::atomic::Ordering;

fn flow(commands: Vec<FlowCommand>) -> Option<Flow> {
    let mut ids = IdSource::new(5);
    let mut step = |command| Step {
        id: CommandId::generate(&mut ids, Timestamp::from_millis(1)),
        command,
        conditions: Vec::new(),
    };
    Some(Flow { steps: commands.into_iter().map(&mut step).collect() })
}

fn bridge(to: &str) -> FlowCommand {
    FlowCommand::Bridge(Box::new(Bridge { hangup_after: true, ..Bridge::to(to.to_owned().into()) }))
}

/// The call that another one made.
fn child_of(world: &World, parent: CallId) -> CallId {
    let state = world.outside.store.state.lock().unwrap();
    let child = state.calls.values().find(|row| row.call.parent == Some(parent)).unwrap();
    child.call.id
}

async fn send_key(world: &World, call: CallId) {
    let command = CallCommand::SendDigits { digits: "1".to_owned().into() };
    let answer = |id: CommandId, _: &CallCommand| StoredResponse { status: 200, body: id.to_string() };
    let _ = world.engine.command(world.test, call, command, None, None, &answer).await;
}

/// A call that has bridged; its own id and the other call's.
async fn bridged(world: &World) -> (CallId, CallId) {
    let log = &world.outside.log;
    let parent = world.place(with_flow(flow(vec![bridge("+15005550001")]))).await;
    log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(parent, LegFact::Answered);
    log.wait("sandbox dialled", 2).await;
    let child = child_of(world, parent);
    world.outside.sandbox.leg(child, LegFact::Ringing { early_media: false });
    world.outside.sandbox.leg(child, LegFact::Answered);
    log.wait(&format!("plane Bridge {{ with: {child}/0 }}"), 1).await;
    // Each hears of the other, and of itself.
    log.wait("event participant_joined", 4).await;
    (parent, child)
}

#[tokio::test(start_paused = true)]
async fn a_bridge_is_a_call_of_its_own_with_events_of_its_own() {
    let world = World::new().await;
    let (parent, child) = bridged(&world).await;
    let row = world.outside.store.row(child);
    assert_eq!(row.call.parent, Some(parent));
    assert_eq!(row.call.to.expose(), "+15005550001");
    assert_eq!(row.call.from, world.outside.store.row(parent).call.from);
    let lines = world.outside.log.lines();
    let second = |line: &str| lines.iter().enumerate().filter(|it| it.1 == line).nth(1).unwrap().0;
    assert!(second("created") < second("sandbox dialled"), "announced before it rings: {lines:#?}");
    world.outside.sandbox.hang_up(child);
    world.outside.log.wait("sandbox HangUp", 1).await;
    world.outside.sandbox.confirm_hangup(parent);
    world.outside.log.wait("event ended", 2).await;
    let words = world.events(child);
    let expected = [
        "initiated",
        "ringing",
        "answered",
        "participant_joined",
        "participant_joined",
        "participant_left",
        "participant_left",
        "ended",
    ];
    assert_eq!(words, expected);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_caller_is_the_end_of_the_other_call() {
    let world = World::new().await;
    let (parent, child) = bridged(&world).await;
    world.outside.sandbox.hang_up(parent);
    world.outside.log.wait("sandbox HangUp", 1).await;
    world.outside.sandbox.confirm_hangup(child);
    world.outside.log.wait("event ended", 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_gone_before_the_other_call_is_written_leaves_no_call_behind() {
    let world = World::new().await;
    let parent = world.place(with_flow(flow(vec![bridge("+15005550001")]))).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(parent, LegFact::Answered);
    world.outside.sandbox.hang_up(parent);
    world.outside.log.wait("created", 2).await;
    world.outside.log.wait("event ended", 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_number_that_cannot_be_called_fails_the_step() {
    let world = World::new().await;
    let parent = world.place(with_flow(flow(vec![bridge("not a number")]))).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(parent, LegFact::Answered);
    world.outside.log.wait("event command_completed", 1).await;
    let body = world
        .outside
        .store
        .row(parent)
        .events
        .iter()
        .map(|event| format!("{:?}", event.body))
        .collect::<String>();
    assert!(body.contains("Failed"), "{body}");
    assert_eq!(world.outside.log.count("created"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_either_call_ends_the_other() {
    for who in ["parent", "child"] {
        let world = World::new().await;
        let (parent, child) = bridged(&world).await;
        // The next order about sound panics: a key to be sent.
        world.outside.plane.panic_next.store(true, Ordering::SeqCst);
        let (victim, other) = if who == "parent" { (parent, child) } else { (child, parent) };
        send_key(&world, victim).await;
        world.outside.log.wait("event ended", 1).await;
        world.outside.log.wait("sandbox HangUp", 2).await;
        world.outside.sandbox.confirm_hangup(other);
        world.outside.log.wait("event ended", 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn members_of_a_conference_join_one_and_the_same() {
    let world = World::new().await;
    let mut members = Vec::new();
    for number in 1..=3 {
        let room = FlowCommand::Conference(Conference::named("room".to_owned()));
        let call = world.place(with_flow(flow(vec![room]))).await;
        world.outside.log.wait("sandbox dialled", number).await;
        world.outside.sandbox.leg(call, LegFact::Answered);
        members.push(call);
    }
    let joined = || {
        let lines = world.outside.log.lines();
        lines.into_iter().filter(|line| line.starts_with("plane JoinConference")).collect::<Vec<_>>()
    };
    world.outside.log.wait("event participant_joined", 6).await;
    assert_eq!(joined().len(), 3);
    assert!(joined().windows(2).all(|two| two[0] == two[1]), "{:#?}", joined());
    world.outside.sandbox.hang_up(members[0]);
    world.outside.log.wait("event participant_left", 2).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_from_a_queue_is_connected_with_whoever_waits() {
    let world = World::new().await;
    let queue = |take| FlowCommand::Queue(Queue { take, ..Queue::named("support".to_owned()) });
    let waits = world.place(with_flow(flow(vec![queue(false)]))).await;
    world.outside.log.wait("sandbox dialled", 1).await;
    world.outside.sandbox.leg(waits, LegFact::Answered);
    world.outside.log.wait("play", 1).await;
    let takes = world.place(with_flow(flow(vec![queue(true)]))).await;
    world.outside.log.wait("sandbox dialled", 2).await;
    world.outside.sandbox.leg(takes, LegFact::Answered);
    world.outside.log.wait(&format!("plane Bridge {{ with: {waits}/0 }}"), 1).await;
    world.outside.sandbox.hang_up(takes);
    // The one who waited goes on alone: its flow is over.
    world.outside.log.wait("sandbox HangUp", 1).await;
    world.outside.sandbox.confirm_hangup(waits);
    world.outside.log.wait("event ended", 2).await;
}
