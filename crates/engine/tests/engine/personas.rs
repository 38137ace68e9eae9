//! Personas: settings checked when a call is placed, names looked up, and calls that they place.

use crate::fakes::{World, order};
use engine::PersonaCalls;
use model::call::{CallStatus, Direction, Mode};
use model::fault::{Fault, FaultCode};
use model::flow::CallCommand;
use model::{CallId, Pii};
use persona::{Directory, NamedPersona, Settings};
use ports::carrier::IncomingRef;
use ports::store::StoredResponse;
use ports::{CarrierError, InboundCalls, IncomingCall, Route};
use serde_json::{Map, Value, json};
use std::sync::Arc;

fn desk() -> Directory {
    Directory::new(vec![NamedPersona {
        name: "desk".into(),
        number: Some("+15005551000".parse().unwrap()),
        base: "menu".into(),
        settings: Settings { text: Some("Reception.".into()), ..Settings::default() },
    }])
    .unwrap()
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

async fn refused(world: &World, metadata: Value) -> (FaultCode, String) {
    let mut order = order();
    order.metadata = object(&metadata);
    let render = |_: &_, _: Option<&_>| StoredResponse { status: 201, body: String::new() };
    let fault = world.engine.place(world.test, order, None, &render).await.unwrap_err();
    (fault.code, fault.param.unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn settings_are_checked_before_anything_is_written() {
    let world = World::new().await;
    for (metadata, code, param) in [
        (json!({ "sandbox": 1 }), FaultCode::InvalidField, "metadata.sandbox"),
        (json!({ "sandbox": { "greetingMs": 1 } }), FaultCode::InvalidField, "metadata.sandbox.greetingMs"),
        (json!({ "sandbox": { "mood": 1 } }), FaultCode::UnknownField, "metadata.sandbox.mood"),
        (json!({ "sandbox": { "persona": "x" } }), FaultCode::InvalidField, "metadata.sandbox.persona"),
        (json!({ "sandboxDigits": "?" }), FaultCode::InvalidField, "metadata.sandboxDigits"),
    ] {
        assert_eq!(refused(&world, metadata).await, (code, param.to_owned()));
    }
    assert!(world.outside.store.state.lock().unwrap().calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_live_calls_metadata_is_its_own_affair() {
    let world = World::new().await;
    crate::placing::assign_number(&world).await;
    let mut order = order();
    order.from = "+4930000001".into();
    order.metadata = object(&json!({ "sandbox": { "mood": 1 } }));
    let render = |_: &_, _: Option<&_>| StoredResponse { status: 201, body: String::new() };
    world.engine.place(world.live, order, None, &render).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_named_persona_is_called_by_name_or_number() {
    let world = World::new().await;
    world.engine.set_personas(desk());
    for (at, (to, metadata)) in
        [("+15005551000", json!({})), ("+15005550006", json!({ "sandbox": { "persona": "desk" } }))]
            .into_iter()
            .enumerate()
    {
        let mut order = order();
        order.to = to.into();
        order.metadata = object(&metadata);
        world.place(order).await;
        world.outside.log.wait("sandbox dialled", at + 1).await;
    }
    for route in world.outside.sandbox.routes.lock().unwrap().iter() {
        let Route::Sandbox(settings) = route else { panic!("{route:?}") };
        assert_eq!(Value::from(settings.to_object()), json!({ "persona": "menu", "text": "Reception." }));
    }
}

fn calls(to: &str) -> PersonaCalls {
    PersonaCalls {
        to: to.into(),
        from: None,
        persona: None,
        sandbox: Map::new(),
        ring_timeout_ms: None,
        request_id: Some("req".into()),
    }
}

/// Orders a call of a persona, and lets it arrive as soon as it is ordered.
async fn called(world: &World, order: PersonaCalls) -> Result<CallId, Fault> {
    let render =
        Arc::new(|call: &model::call::Call| StoredResponse { status: 201, body: call.id.to_string() });
    let (engine, who) = (world.engine.clone(), world.test);
    let asked = tokio::spawn(async move { engine.call_from_persona(who, order, None, render).await });
    world.outside.log.wait("sandbox persona ordered", 1).await;
    let ordered = world.outside.sandbox.ordered.lock().unwrap().last().cloned().unwrap();
    arrive(world, ordered.call, ordered.from.expose(), ordered.to.expose());
    match asked.await.unwrap()? {
        engine::Placed::New(response) => Ok(response.body.parse().unwrap()),
        other => panic!("{other:?}"),
    }
}

fn arrive(world: &World, call: CallId, from: &str, to: &str) {
    let incoming = IncomingCall {
        reference: IncomingRef(7),
        call,
        trunks: Vec::new(),
        phone: None,
        mode: Mode::Test,
        from: Pii::new(from.into()),
        to: Pii::new(to.into()),
        source: "127.0.0.1:5060".parse().unwrap(),
        user_agent: None,
    };
    world.engine.arrived(world.outside.sandbox.clone(), incoming);
}

#[tokio::test(start_paused = true)]
async fn a_personas_call_is_an_inbound_call_of_the_app_that_asked() {
    let world = World::new().await;
    world.engine.set_personas(desk());
    let order = PersonaCalls {
        persona: Some("desk".into()),
        sandbox: object(&json!({ "digits": "9" })),
        ..calls("+4930123456")
    };
    let call = called(&world, order).await.unwrap();
    world.outside.log.wait("sandbox Ring { early_media: false }", 1).await;
    let row = world.engine.call(world.test, call).await.unwrap();
    assert_eq!(
        (row.direction, row.status, row.mode),
        (Direction::Inbound, CallStatus::Initiated, Mode::Test)
    );
    assert_eq!([row.from.expose().as_str(), row.to.expose()], ["+15005550000", "+4930123456"]);
    let ordered = world.outside.sandbox.ordered.lock().unwrap().last().cloned().unwrap();
    let set = json!({ "persona": "menu", "text": "Reception.", "digits": "9" });
    assert_eq!(Value::from(ordered.settings.to_object()), set);
    let render = |_, _: &_| StoredResponse { status: 200, body: String::new() };
    world.engine.command(world.test, call, CallCommand::Answer, None, None, &render).await.unwrap();
    world.outside.log.wait("sandbox Answer", 1).await;
    assert!(world.engine.call(world.live, call).await.is_err(), "the live key sees no test call");
}

#[tokio::test(start_paused = true)]
async fn what_a_persona_cannot_do_is_refused_before_it_calls() {
    let world = World::new().await;
    let check = async |who, order: PersonaCalls, code: FaultCode, param: &str| {
        let render = Arc::new(|_: &_| StoredResponse { status: 201, body: String::new() });
        let fault = world.engine.call_from_persona(who, order, None, render).await.unwrap_err();
        assert_eq!((fault.code, fault.param.unwrap_or_default().as_str()), (code, param));
    };
    let to = "+4930123456";
    check(world.live, calls(to), FaultCode::WrongKeyClass, "").await;
    check(world.test, calls("alice"), FaultCode::InvalidPhoneNumber, "to").await;
    let from = PersonaCalls { from: Some("bob".into()), ..calls(to) };
    check(world.test, from, FaultCode::InvalidPhoneNumber, "from").await;
    let nobody = PersonaCalls { persona: Some("nobody".into()), ..calls(to) };
    check(world.test, nobody, FaultCode::InvalidField, "persona").await;
    let wrong = PersonaCalls { sandbox: object(&json!({ "beepHz": 1 })), ..calls(to) };
    check(world.test, wrong, FaultCode::InvalidField, "sandbox.beepHz").await;
    *world.outside.sandbox.dial_error.lock().unwrap() = Some(CarrierError::Full);
    check(world.test, calls(to), FaultCode::SandboxUnavailable, "").await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_ordered_or_that_came_too_late_is_not_taken() {
    let world = World::new().await;
    arrive(&world, world.engine.next_call_id(), "+15005550000", "+4930123456");
    world.outside.log.wait("sandbox refused NotFound", 1).await;

    let render = Arc::new(|_: &_| StoredResponse { status: 201, body: String::new() });
    let late = world.engine.call_from_persona(world.test, calls("+4930123456"), None, render).await;
    assert_eq!(late.unwrap_err().code, FaultCode::SandboxUnavailable);
    let ordered = world.outside.sandbox.ordered.lock().unwrap().last().cloned().unwrap();
    arrive(&world, ordered.call, "+15005550000", "+4930123456");
    world.outside.log.wait("sandbox refused NotFound", 2).await;
    assert!(world.outside.store.state.lock().unwrap().calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn beyond_the_apps_limit_a_persona_hears_busy_and_the_app_is_told() {
    let world = World::new().await;
    world.outside.store.state.lock().unwrap().apps.get_mut(&world.keys.app).unwrap().concurrent_calls_max = 1;
    world.place(order()).await;
    let fault = called(&world, calls("+4930123456")).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::ConcurrencyLimitExceeded);
    world.outside.log.wait("sandbox refused Busy", 1).await;
}
