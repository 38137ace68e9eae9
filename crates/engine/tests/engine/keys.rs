//! Keys: recognised, refused, revoked.

use crate::fakes::{PEPPER, World};
use engine::{NewKey, bootstrap, create_key};
use model::Secret;
use model::call::Mode;
use model::fault::FaultCode;
use model::tenant::{KeyClass, Scope};

#[tokio::test(start_paused = true)]
async fn each_class_speaks_for_what_it_may() {
    let world = World::new().await;
    let app = world.keys.app;
    assert_eq!(world.live.scope, Scope::App(app, Mode::Live));
    assert_eq!(world.test.scope, Scope::App(app, Mode::Test));
    assert_eq!(world.admin.scope, Scope::Organization);
    let stored = format!("{:?}", world.outside.store.state.lock().unwrap().keys);
    for key in [&world.keys.live, &world.keys.test, &world.keys.admin] {
        assert!(!stored.contains(key.as_str()), "a key's text is never stored");
    }
}

#[tokio::test(start_paused = true)]
async fn other_keys_are_refused() {
    let world = World::new().await;
    let mut almost = world.keys.live.clone();
    let last = if almost.ends_with('a') { 'b' } else { 'a' };
    almost.pop();
    almost.push(last);
    let long = "sk_live_app_".to_owned() + &"a".repeat(10_000);
    for (key, code) in [
        ("", FaultCode::MissingKey),
        ("nonsense", FaultCode::InvalidKey),
        ("sk_live_app_ä", FaultCode::InvalidKey),
        (long.as_str(), FaultCode::InvalidKey),
        (almost.as_str(), FaultCode::InvalidKey),
        (&world.keys.live.replace("live", "test"), FaultCode::InvalidKey),
    ] {
        assert_eq!(world.engine.authenticate(key).await.unwrap_err().code, code, "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_revoked_key_stops_working_at_once() {
    let world = World::new().await;
    let new = NewKey { class: KeyClass::Live, app: Some(world.keys.app), name: "ci".into() };
    let made = world.engine.create_key(world.admin, new).await.unwrap();
    world.engine.authenticate(made.key.expose()).await.unwrap();
    world.engine.revoke_key(world.admin, made.record.id).await.unwrap();
    let fault = world.engine.authenticate(made.key.expose()).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::InvalidKey);
    assert_eq!(world.engine.keys(world.admin).await.unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn only_admin_keys_administer_and_only_sensible_keys_are_made() {
    let world = World::new().await;
    let app = Some(world.keys.app);
    let new = |class, app, name: &str| NewKey { class, app, name: name.into() };
    let denied = world.engine.create_key(world.live, new(KeyClass::Admin, None, "x")).await;
    assert_eq!(denied.unwrap_err().code, FaultCode::WrongKeyClass);
    assert_eq!(world.engine.keys(world.test).await.unwrap_err().code, FaultCode::WrongKeyClass);
    let stranger = Some("01890000-0000-7000-8000-000000000009".parse().unwrap());
    for (class, app, name, param) in [
        (KeyClass::Live, None, "x", "appId"),
        (KeyClass::Admin, app, "x", "appId"),
        (KeyClass::Test, stranger, "x", "appId"),
        (KeyClass::Test, app, "", "name"),
        (KeyClass::Test, app, "a\nb", "name"),
    ] {
        let fault = world.engine.create_key(world.admin, new(class, app, name)).await.unwrap_err();
        assert_eq!(fault.param.as_deref(), Some(param), "{class:?} {name:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_start_happens_once_and_the_command_line_makes_working_keys() {
    let world = World::new().await;
    let (store, clock) = (world.outside.store.as_ref(), world.outside.clock.as_ref());
    let pepper = Secret::new(PEPPER);
    assert!(bootstrap(store, &pepper, clock, 5).await.unwrap().is_none());
    let new = NewKey { class: KeyClass::Admin, app: None, name: "cli".into() };
    let made = create_key(store, &pepper, clock, 6, world.keys.organization, new).await.unwrap();
    let who = world.engine.authenticate(made.key.expose()).await.unwrap();
    assert_eq!(who.scope, Scope::Organization);
}
