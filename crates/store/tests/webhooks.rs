//! Webhook endpoints, the outbox, and deliveries in each call's order.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use common::{ALL, World, at, commit, delivery};
use model::call::{Call, Mode};
use model::webhook::{Attempt, Delivery, DeliveryState, Disabled, WebhookEndpoint};
use model::{AppId, WebhookId};
use ports::StoreError;
use ports::store::{CallStore, DeliveryFilter, PageRequest, WebhookStore, Written};

fn attempt(number: u8, status: Option<u16>) -> Attempt {
    let error = status.is_none().then(|| "timed out".to_owned());
    Attempt { number, at: at(u64::from(number)), status, error, latency_ms: 12 }
}

/// After an attempt: tried `attempts` times, and due again then or not at all.
fn tried(delivery: &Delivery, attempts: u8, state: DeliveryState, due_ms: Option<u64>) -> Delivery {
    Delivery { attempts, state, due_at: due_ms.map(at), ..delivery.clone() }
}

/// A world with an endpoint and a call of five events.
async fn endpoint_and_call() -> (World, WebhookEndpoint, Call) {
    let mut world = World::new().await;
    let endpoint = world.endpoint(0);
    assert_eq!(world.store.create_webhook(&endpoint, None).await, Ok(Written::New));
    let (call, fence) = world.placed(0).await;
    world.store.commit_call(commit(&call, fence, &[2, 3, 4, 5])).await.unwrap();
    (world, endpoint, call)
}

async fn due(world: &World, now_ms: u64) -> Vec<(WebhookId, u32)> {
    let due = world.store.due_deliveries(at(now_ms), 100, &[]).await.unwrap();
    due.into_iter().map(|due| (due.endpoint.id, due.delivery.sequence)).collect()
}

#[tokio::test]
async fn there_is_one_notifier_a_door_and_a_delivery_goes_where_it_says_signed_by_whom_it_names() {
    let (mut world, endpoint, call) = endpoint_and_call().await;
    let fresh = WebhookEndpoint { notifier: true, ..world.endpoint(1) };
    let notifier = world.store.notifier(fresh.clone()).await.unwrap();
    assert_eq!(notifier, fresh);
    let later = WebhookEndpoint { notifier: true, ..world.endpoint(2) };
    assert_eq!(world.store.notifier(later.clone()).await, Ok(fresh));
    let other_door = WebhookEndpoint { door: "other".to_owned(), ..later };
    assert_eq!(world.store.notifier(other_door.clone()).await, Ok(other_door));
    assert_eq!(world.store.webhooks(world.app, Mode::Live, ALL).await.unwrap().total, 1);

    let own = Delivery {
        url: Some("https://own.example".to_owned()),
        signer: Some(endpoint.id),
        ..delivery(&notifier, call.id, 1, 5)
    };
    world.store.fan_out(&[(call.id, 1)], vec![own.clone()]).await.unwrap();
    let due = world.store.due_deliveries(at(9), 10, &[]).await.unwrap();
    let [found] = &due[..] else { panic!("{due:?}") };
    assert_eq!((&found.delivery, found.signer_secret.is_some()), (&own, true));
    world.store.delete_webhook(world.app, endpoint.id).await.unwrap();
    let due = world.store.due_deliveries(at(9), 10, &[]).await.unwrap();
    assert!(due.iter().all(|due| due.signer_secret.is_none()) && due.len() == 1);
}

#[tokio::test]
async fn endpoints_live_within_their_app() {
    let mut world = World::new().await;
    let (older, newer) = (world.endpoint(0), world.endpoint(1));
    let key = world.idempotency("key", 1);
    assert_eq!(world.store.create_webhook(&older, Some(key.clone())).await, Ok(Written::New));
    let replayed = world.store.create_webhook(&newer, Some(key.clone())).await;
    assert_eq!(replayed, Ok(Written::Replayed(key.1)));
    let other_body = world.idempotency("key", 2);
    assert_eq!(world.store.create_webhook(&newer, Some(other_body)).await, Ok(Written::Mismatch));
    assert_eq!(world.store.create_webhook(&newer, None).await, Ok(Written::New));
    let page = world.store.webhooks(world.app, Mode::Live, ALL).await.unwrap();
    assert_eq!((page.total, page.items), (2, vec![newer.clone(), older.clone()]));
    let second =
        world.store.webhooks(world.app, Mode::Live, PageRequest { limit: 1, offset: 1 }).await.unwrap();
    assert_eq!((second.total, second.items), (2, vec![older.clone()]));

    assert_eq!(world.store.webhooks(world.app, Mode::Test, ALL).await.unwrap().total, 0);

    let foreign = AppId::from_uuid(world.node.uuid());
    assert_eq!(world.store.webhook(foreign, older.id).await, Ok(None));
    assert_eq!(world.store.delete_webhook(foreign, older.id).await, Err(StoreError::NotFound));
    let stolen = WebhookEndpoint { app: foreign, ..older.clone() };
    assert_eq!(world.store.update_webhook(&stolen).await, Err(StoreError::NotFound));

    let changed = WebhookEndpoint { url: "https://example.org".to_owned(), ..older.clone() };
    world.store.update_webhook(&changed).await.unwrap();
    assert_eq!(world.store.webhook(world.app, older.id).await, Ok(Some(changed)));
    world.store.delete_webhook(world.app, older.id).await.unwrap();
    assert_eq!(world.store.webhook(world.app, older.id).await, Ok(None));
    assert_eq!(world.store.delete_webhook(world.app, older.id).await, Err(StoreError::NotFound));
}

#[tokio::test]
async fn the_outbox_gives_events_until_they_are_fanned_out() {
    let (world, endpoint, call) = endpoint_and_call().await;
    let numbers = |events: Vec<model::event::Event>| events.iter().map(|e| e.sequence).collect::<Vec<_>>();
    assert_eq!(numbers(world.store.outbox(2).await.unwrap()), [1, 2]);
    let made = vec![delivery(&endpoint, call.id, 1, 0)];
    world.store.fan_out(&[(call.id, 1), (call.id, 2)], made).await.unwrap();
    assert_eq!(numbers(world.store.outbox(10).await.unwrap()), [3, 4, 5]);
    let filter = DeliveryFilter::default();
    assert_eq!(world.store.deliveries(endpoint.id, filter, ALL).await.unwrap().total, 1);
}

#[tokio::test]
async fn fanning_out_twice_makes_one_delivery() {
    let (world, endpoint, call) = endpoint_and_call().await;
    let first = delivery(&endpoint, call.id, 1, 0);
    world.store.fan_out(&[(call.id, 1)], vec![first.clone()]).await.unwrap();
    world
        .store
        .record_attempt(&tried(&first, 1, DeliveryState::Delivered, None), attempt(1, Some(200)))
        .await
        .unwrap();
    world.store.fan_out(&[(call.id, 1)], vec![first.clone()]).await.unwrap();
    let page = world.store.deliveries(endpoint.id, DeliveryFilter::default(), ALL).await.unwrap();
    let states: Vec<_> = page.items.iter().map(|(delivery, _)| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Delivered]);
    assert_eq!(due(&world, 100_000).await, []);
}

#[tokio::test]
async fn first_attempts_go_out_in_the_calls_order() {
    let (world, endpoint, call) = endpoint_and_call().await;
    // Fanned out in the wrong order, in two transactions, with equal due times.
    let all: Vec<_> = (1..=3).map(|sequence| delivery(&endpoint, call.id, sequence, 10)).collect();
    let (one, two, three) = (&all[0], &all[1], &all[2]);
    world.store.fan_out(&[], vec![three.clone(), two.clone()]).await.unwrap();
    assert_eq!(due(&world, 10).await, [(endpoint.id, 2)]);
    world.store.fan_out(&[], vec![one.clone()]).await.unwrap();
    assert_eq!(due(&world, 9).await, []);
    assert_eq!(due(&world, 10).await, [(endpoint.id, 1)]);
    assert_eq!(world.store.next_due().await, Ok(Some(at(10))));

    // 1 fails and is due later; 2 goes on at once, 3 still waits.
    let failed = tried(one, 1, DeliveryState::Pending, Some(5_000));
    world.store.record_attempt(&failed, attempt(1, Some(500))).await.unwrap();
    assert_eq!(due(&world, 10).await, [(endpoint.id, 2)]);
    // Now 1 is due again beside 2, the oldest first.
    assert_eq!(due(&world, 5_000).await, [(endpoint.id, 2), (endpoint.id, 1)]);
    world
        .store
        .record_attempt(&tried(two, 1, DeliveryState::Delivered, None), attempt(1, Some(200)))
        .await
        .unwrap();
    assert_eq!(due(&world, 10).await, [(endpoint.id, 3)]);
    world
        .store
        .record_attempt(&tried(three, 1, DeliveryState::Exhausted, None), attempt(1, None))
        .await
        .unwrap();
    assert_eq!(due(&world, 4_999).await, []);
    assert_eq!(world.store.next_due().await, Ok(Some(at(5_000))));
    world
        .store
        .record_attempt(&tried(one, 2, DeliveryState::Delivered, None), attempt(2, Some(204)))
        .await
        .unwrap();
    assert_eq!(world.store.next_due().await, Ok(None));
}

#[tokio::test]
async fn calls_and_endpoints_do_not_wait_for_each_other() {
    let (mut world, one, call) = endpoint_and_call().await;
    let two = world.endpoint(1);
    world.store.create_webhook(&two, None).await.unwrap();
    let (other, _) = world.placed(5).await;
    let made =
        [(&one, call.id), (&two, call.id), (&one, other.id)].into_iter().flat_map(|(endpoint, call)| {
            [1, 2].map(|sequence| delivery(endpoint, call, sequence, u64::from(sequence)))
        });
    world.store.fan_out(&[], made.collect()).await.unwrap();
    assert_eq!(due(&world, 9).await, [(one.id, 1), (two.id, 1), (one.id, 1)]);
    let without = world.store.due_deliveries(at(9), 100, &[one.id]).await.unwrap();
    assert_eq!(without.iter().map(|due| due.endpoint.id).collect::<Vec<_>>(), [two.id]);
    assert_eq!(world.store.due_deliveries(at(9), 2, &[]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_endpoint_that_is_disabled_or_gone_gets_nothing_more() {
    for gone in [false, true] {
        let (world, endpoint, call) = endpoint_and_call().await;
        let first = delivery(&endpoint, call.id, 1, 0);
        let made = vec![first.clone(), delivery(&endpoint, call.id, 2, 0)];
        world.store.fan_out(&[], made).await.unwrap();
        let reason = Disabled { at: at(3), reason: "410 Gone".to_owned() };
        if gone {
            world.store.delete_webhook(world.app, endpoint.id).await.unwrap();
        } else {
            world.store.disable_webhook(endpoint.id, reason.clone()).await.unwrap();
            let shown = world.store.webhook(world.app, endpoint.id).await.unwrap().unwrap();
            assert_eq!(shown.disabled, Some(reason));
        }
        // An attempt that was under way meanwhile, and events that were rendered before.
        let failed = tried(&first, 1, DeliveryState::Pending, Some(1));
        world.store.record_attempt(&failed, attempt(1, None)).await.unwrap();
        world.store.fan_out(&[], vec![delivery(&endpoint, call.id, 3, 0)]).await.unwrap();
        assert_eq!(due(&world, 100_000).await, [], "gone: {gone}");
        assert_eq!(world.store.next_due().await, Ok(None), "gone: {gone}");
    }
    let world = World::new().await;
    let unknown = WebhookId::from_uuid(world.node.uuid());
    let reason = Disabled { at: at(3), reason: String::new() };
    assert_eq!(world.store.disable_webhook(unknown, reason).await, Err(StoreError::NotFound));
}

#[tokio::test]
async fn the_delivery_log_shows_attempts_and_is_narrowed() {
    let (mut world, endpoint, call) = endpoint_and_call().await;
    let (other, _) = world.placed(5).await;
    let first = delivery(&endpoint, call.id, 1, 0);
    let made = vec![first.clone(), delivery(&endpoint, call.id, 2, 0), delivery(&endpoint, other.id, 1, 0)];
    world.store.fan_out(&[], made).await.unwrap();
    let attempts = [attempt(1, None), attempt(2, Some(503)), attempt(3, Some(200))];
    for made in &attempts {
        let state = if made.number == 3 { DeliveryState::Delivered } else { DeliveryState::Pending };
        let due = (made.number < 3).then_some(9);
        world.store.record_attempt(&tried(&first, made.number, state, due), made.clone()).await.unwrap();
    }
    let list = async |filter| {
        let page = world.store.deliveries(endpoint.id, filter, ALL).await.unwrap();
        assert_eq!(page.total as usize, page.items.len());
        page.items
    };
    let all = list(DeliveryFilter::default()).await;
    let keys: Vec<_> = all.iter().map(|(delivery, _)| (delivery.call, delivery.sequence)).collect();
    assert_eq!(keys, [(other.id, 1), (call.id, 2), (call.id, 1)]);
    let delivered =
        list(DeliveryFilter { state: Some(DeliveryState::Delivered), ..DeliveryFilter::default() }).await;
    assert_eq!(delivered, [(tried(&first, 3, DeliveryState::Delivered, None), attempts.to_vec())]);
    let of_other = DeliveryFilter { call: Some(other.id), ..DeliveryFilter::default() };
    assert_eq!(list(of_other).await.len(), 1);
    let further = DeliveryFilter { before: Some((call.id, 2)), ..DeliveryFilter::default() };
    assert_eq!(list(further).await.len(), 1);
    let unknown = delivery(&endpoint, call.id, 99, 0);
    assert_eq!(world.store.record_attempt(&unknown, attempt(1, None)).await, Err(StoreError::NotFound));
}
