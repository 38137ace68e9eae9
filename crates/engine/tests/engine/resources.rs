//! Trunks, numbers and webhooks: who may, and what is refused.

use crate::fakes::World;
use crate::placing::assign_number;
use engine::{IdempotencyHeader, NewNumber, NewWebhook, Outcome, TrunkChange, WebhookChange};
use model::fault::FaultCode;
use model::trunk::PhoneNumber;
use model::webhook::WebhookEndpoint;
use model::{Secret, WebhookId};
use ports::store::{PageRequest, StoredResponse};
use std::collections::BTreeMap;

const PAGE: PageRequest = PageRequest { limit: 20, offset: 0 };

pub(crate) fn webhook(url: &str, events: &[&str]) -> NewWebhook {
    NewWebhook {
        door: "words".into(),
        url: url.into(),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        filters: Vec::new(),
        signing_secret: None,
        alike_max: None,
        headers: BTreeMap::from([("x-secret".to_owned(), Secret::new("hunter2".to_owned()))]),
    }
}

pub(crate) async fn create_webhook(world: &World, url: &str, events: &[&str]) -> WebhookId {
    let render = |made: &WebhookEndpoint| StoredResponse { status: 201, body: made.id.to_string() };
    let made = world.engine.create_webhook(world.test, webhook(url, events), None, &render).await.unwrap();
    let Outcome::New(response) = made else { panic!("{made:?}") };
    response.body.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn trunks_and_numbers_are_administered_by_admin_keys_and_told_to_the_carrier() {
    let world = World::new().await;
    let trunk = assign_number(&world).await;
    assert_eq!(world.engine.trunk(world.live, trunk).await.unwrap_err().code, FaultCode::WrongKeyClass);
    let change = TrunkChange { host: Some("other.example".into()), ..TrunkChange::default() };
    world.engine.update_trunk(world.admin, trunk, change).await.unwrap();
    assert_eq!(world.outside.live.trunks.lock().unwrap()[0].host, "other.example");
    let bad = TrunkChange { codecs: Some(Vec::new()), ..TrunkChange::default() };
    let fault = world.engine.update_trunk(world.admin, trunk, bad).await.unwrap_err();
    assert_eq!(fault.param.as_deref(), Some("codecs"));
    let fault = world.engine.delete_trunk(world.admin, trunk).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::TrunkInUse);
    let own = world.engine.numbers(world.test, PAGE).await.unwrap();
    let other = world.engine.numbers(world.other_app().await, PAGE).await.unwrap();
    assert_eq!((own.total, other.total), (1, 0));
    let number = own.items[0].id;
    assert_eq!(
        world.engine.delete_number(world.test, number).await.unwrap_err().code,
        FaultCode::WrongKeyClass
    );
    world.engine.delete_number(world.admin, number).await.unwrap();
    world.engine.delete_trunk(world.admin, trunk).await.unwrap();
    assert!(world.outside.live.trunks.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_number_needs_its_own_organizations_app_and_trunk_and_is_assigned_once() {
    let world = World::new().await;
    let trunk = assign_number(&world).await;
    let app = world.keys.app;
    let nobody = "01890000-0000-7000-8000-000000000009";
    let render = |_: &PhoneNumber| StoredResponse { status: 201, body: String::new() };
    for (number, app, trunk, code, param) in [
        ("030", app, trunk, FaultCode::InvalidPhoneNumber, "number"),
        ("+4930000002", nobody.parse().unwrap(), trunk, FaultCode::InvalidField, "appId"),
        ("+4930000002", app, nobody.parse().unwrap(), FaultCode::InvalidField, "trunkId"),
        ("+4930000001", app, trunk, FaultCode::PhoneNumberTaken, "number"),
    ] {
        let new = NewNumber { number: number.into(), app, trunk, flow: None };
        let fault = world.engine.create_number(world.admin, new, None, &render).await.unwrap_err();
        assert_eq!((fault.code, fault.param.as_deref()), (code, Some(param)), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn webhooks_belong_to_their_app_and_bad_ones_name_the_field() {
    let world = World::new().await;
    let render = |_: &WebhookEndpoint| StoredResponse { status: 201, body: String::new() };
    let good = "https://hooks.example/a";
    let mut other_door = webhook(good, &["answered"]);
    other_door.door = "nowhere".into();
    let mut reserved = webhook(good, &["answered"]);
    reserved.headers.insert("Webhook-Id".into(), Secret::new("x".into()));
    for (new, param) in [
        (webhook("http://hooks.example/", &["answered"]), "url"),
        (webhook("https://private.example/", &["answered"]), "url"),
        (webhook(&format!("https://a.example/{}", "a".repeat(2_048)), &["answered"]), "url"),
        (webhook(good, &[]), "events"),
        (other_door, "door"),
        (reserved, "headers.Webhook-Id"),
    ] {
        let fault = world.engine.create_webhook(world.test, new, None, &render).await.unwrap_err();
        assert_eq!(fault.param.as_deref(), Some(param), "{fault:?}");
    }
    let id = create_webhook(&world, good, &["answered"]).await;
    let other = world.other_app().await;
    assert_eq!(world.engine.webhook(other, "words", id).await.unwrap_err().code, FaultCode::NotFound);
    assert_eq!(world.engine.delete_webhook(other, "words", id).await.unwrap_err().code, FaultCode::NotFound);
    assert_eq!(
        world.engine.webhook(world.admin, "words", id).await.unwrap_err().code,
        FaultCode::WrongKeyClass
    );
    let change = WebhookChange { events: Some(vec!["ended".into()]), ..WebhookChange::default() };
    // Whose calls' events it gets, its key's mode says; a key of the other mode has nothing to do with it.
    let foreign = world.engine.update_webhook(world.live, "words", id, change.clone()).await.unwrap_err();
    assert_eq!(foreign.code, FaultCode::NotFound);
    assert_eq!(
        world.engine.delete_webhook(world.live, "words", id).await.unwrap_err().code,
        FaultCode::NotFound
    );
    assert_eq!(world.engine.webhooks(world.live, "words").await.unwrap().len(), 0);
    let changed = world.engine.update_webhook(world.test, "words", id, change).await.unwrap();
    assert_eq!((changed.events, changed.url.as_str()), (vec!["ended".to_owned()], good));
    assert!(!format!("{:?}", world.engine.webhook(world.test, "words", id).await).contains("hunter2"));
    world.engine.delete_webhook(world.test, "words", id).await.unwrap();
    assert_eq!(world.engine.webhooks(world.test, "words").await.unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_app_may_have_so_many_webhooks_and_no_more() {
    let world = World::new().await;
    for at in 0..50 {
        create_webhook(&world, &format!("https://hooks.example/{at}"), &["answered"]).await;
    }
    let render = |_: &WebhookEndpoint| StoredResponse { status: 201, body: String::new() };
    let new = webhook("https://hooks.example/last", &["answered"]);
    let fault = world.engine.create_webhook(world.test, new, None, &render).await.unwrap_err();
    assert_eq!(fault.param.as_deref(), Some("url"));
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_gets_its_first_answer_whatever_has_changed_since() {
    let world = World::new().await;
    let trunk = assign_number(&world).await;
    let key = |value: &str| Some(IdempotencyHeader { value: value.into(), fingerprint: [1; 32] });
    let number = NewNumber { number: "+4930000002".into(), app: world.keys.app, trunk, flow: None };
    let render = |number: &PhoneNumber| StoredResponse { status: 201, body: number.id.to_string() };
    let create = async || world.engine.create_number(world.admin, number.clone(), key("n"), &render).await;
    let Outcome::New(first) = create().await.unwrap() else { panic!("replayed") };
    world.outside.store.state.lock().unwrap().trunks.clear();
    assert_eq!(create().await.unwrap(), Outcome::Replayed(first));

    let render = |webhook: &WebhookEndpoint| StoredResponse { status: 201, body: webhook.id.to_string() };
    let new = webhook("https://hooks.example/first", &["answered"]);
    let create = async || world.engine.create_webhook(world.test, new.clone(), key("w"), &render).await;
    let Outcome::New(first) = create().await.unwrap() else { panic!("replayed") };
    for at in 1..50 {
        create_webhook(&world, &format!("https://hooks.example/{at}"), &["answered"]).await;
    }
    assert_eq!(create().await.unwrap(), Outcome::Replayed(first));
}
