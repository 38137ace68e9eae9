//! Phones that register: who may make them, how their app calls them, whose calls theirs are.

use crate::fakes::{World, order};
use engine::{CreatedEndpoint, NewEndpoint, PlaceCall};
use model::call::{Direction, Mode};
use model::fault::FaultCode;
use model::tenant::Principal;
use model::{EndpointId, Pii, Secret};
use ports::carrier::IncomingRef;
use ports::store::PageRequest;
use ports::{InboundCalls, IncomingCall, Route};

const PAGE: PageRequest = PageRequest { limit: 20, offset: 0 };

fn named(username: &str) -> NewEndpoint {
    NewEndpoint { app: None, username: username.into(), password: None }
}

async fn make(world: &World, who: Principal, username: &str) -> CreatedEndpoint {
    world.engine.create_endpoint(who, named(username)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_phone_is_its_apps_and_the_carrier_knows_it_at_once() {
    let world = World::new().await;
    let made = make(&world, world.live, "alice").await;
    assert!(made.password.expose().len() >= 20);
    let told = |world: &World| -> Vec<EndpointId> {
        world.outside.live.phones.lock().unwrap().iter().map(|phone| phone.id).collect()
    };
    assert_eq!(told(&world), [made.endpoint.id]);
    let other = Principal {
        scope: model::tenant::Scope::App(app_of(world.other_app().await), Mode::Live),
        ..world.live
    };
    assert_eq!(world.engine.endpoints(other, PAGE).await.unwrap().total, 0);
    assert_eq!(world.engine.endpoints(world.admin, PAGE).await.unwrap().total, 1);
    assert_eq!(
        world.engine.delete_endpoint(other, made.endpoint.id).await.unwrap_err().code,
        FaultCode::NotFound
    );
    world.engine.delete_endpoint(world.live, made.endpoint.id).await.unwrap();
    assert!(told(&world).is_empty());
}

fn app_of(who: Principal) -> model::AppId {
    match who.scope {
        model::tenant::Scope::App(app, _) => app,
        model::tenant::Scope::Organization => panic!("an app's key"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_phone_is_named() {
    let world = World::new().await;
    make(&world, world.live, "alice").await;
    let long = "x".repeat(129);
    for (who, username, password, code, param) in [
        (world.test, "bob", None, FaultCode::WrongKeyClass, None),
        (world.admin, "bob", None, FaultCode::MissingField, Some("appId")),
        (world.live, "Bob", None, FaultCode::InvalidField, Some("username")),
        (world.live, "bo", None, FaultCode::InvalidField, Some("username")),
        (world.live, "alice", None, FaultCode::EndpointConflict, Some("username")),
        (world.live, "bob", Some("short"), FaultCode::InvalidField, Some("password")),
        (world.live, "bob", Some(long.as_str()), FaultCode::InvalidField, Some("password")),
    ] {
        let password = password.map(|text| Secret::new(text.to_owned()));
        let new = NewEndpoint { password, ..named(username) };
        let fault = world.engine.create_endpoint(who, new).await.unwrap_err();
        assert_eq!((fault.code, fault.param.as_deref()), (code, param), "{username}: {}", fault.message);
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_calls_its_own_phone_and_nobody_elses() {
    let world = World::new().await;
    let made = make(&world, world.live, "alice").await;
    let call = world.place_as(world.live, PlaceCall { to: "sip:alice".into(), ..order() }).await;
    world.outside.log.wait("live dial", 1).await;
    let routes = world.outside.live.routes.lock().unwrap().clone();
    assert!(matches!(routes.last(), Some(Route::Phone(phone)) if phone.id == made.endpoint.id), "{routes:?}");
    let row = world.engine.call(world.live, call).await.unwrap();
    assert_eq!((row.to.expose().as_str(), row.trunk), ("sip:alice", None));
    for (who, to, code) in [
        (world.live, "sip:bob", FaultCode::InvalidField),
        (world.live, "sip:alice@elsewhere.example", FaultCode::InvalidField),
        (world.test, "sip:alice", FaultCode::InvalidPhoneNumber),
    ] {
        let render = |_: &model::call::Call, _: Option<&model::flow::Flow>| ports::store::StoredResponse {
            status: 201,
            body: String::new(),
        };
        let order = PlaceCall { to: to.into(), ..order() };
        let fault = world.engine.place(who, order, None, &render).await.unwrap_err();
        assert_eq!((fault.code, fault.param.as_deref()), (code, Some("to")), "{to}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_phones_call_is_its_apps_whatever_it_dials() {
    let world = World::new().await;
    let made = make(&world, world.live, "alice").await;
    let call = world.engine.next_call_id();
    let incoming = IncomingCall {
        reference: IncomingRef(7),
        call,
        trunks: Vec::new(),
        phone: Some(made.endpoint.id),
        mode: Mode::Live,
        from: Pii::new("alice".into()),
        to: Pii::new("*43".into()),
        source: "192.0.2.1:5060".parse().unwrap(),
        user_agent: None,
    };
    world.engine.arrived(world.outside.live.clone(), incoming);
    world.outside.log.wait("live Ring { early_media: false }", 1).await;
    let row = world.engine.call(world.live, call).await.unwrap();
    assert_eq!((row.direction, row.app), (Direction::Inbound, made.endpoint.app));
    assert_eq!((row.to.expose().as_str(), row.trunk), ("*43", None));
}
