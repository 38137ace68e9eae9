//! Webhooks: order, signature, retries, endpoints that fail or hang.

use crate::fakes::{Reply, World, carrier_ended, order};
use crate::resources::{create_webhook, webhook};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{NewWebhook, PlaceCall};
use model::fault::FaultCode;
use model::leg::{LegEndKind, LegEndedBy, LegFact};
use model::webhook::{DeliveryState, EventFilter, Notification, WebhookEndpoint};
use model::{CallId, Secret, WebhookId};
use ports::store::{DeliveryFilter, PageRequest, StoredResponse};
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const URL: &str = "https://hooks.example/a";
const DAY: Duration = Duration::from_secs(24 * 3_600);
const ALL: [&str; 4] = ["initiated", "ringing", "answered", "ended"];

async fn whole_call(world: &World) -> CallId {
    let dialled = world.outside.log.count("sandbox dialled");
    let ended = world.outside.log.count("event ended");
    let call = world.place(order()).await;
    world.outside.log.wait("sandbox dialled", dialled + 1).await;
    world.outside.sandbox.leg(call, LegFact::Ringing { early_media: false });
    world.outside.sandbox.leg(call, LegFact::Answered);
    world.outside.sandbox.hang_up(call);
    world.outside.log.wait("event ended", ended + 1).await;
    call
}

async fn states(world: &World, webhook: WebhookId) -> Vec<(DeliveryState, usize)> {
    let page = PageRequest { limit: 100, offset: 0 };
    let log =
        world.engine.deliveries(world.test, "words", webhook, DeliveryFilter::default(), page).await.unwrap();
    log.items.into_iter().map(|(delivery, attempts)| (delivery.state, attempts.len())).collect()
}

/// HMAC-SHA-256 as RFC 2104 writes it down, to check ours against.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ byte).collect() };
    let inner = Sha256::digest([pad(0x36), text.to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_calls_events_arrive_in_order_signed_with_static_headers() {
    let world = World::new().await;
    let id = create_webhook(&world, URL, &ALL).await;
    let secret = world.engine.webhook(world.test, "words", id).await.unwrap().signing_secret;
    let call = whole_call(&world).await;
    world.outside.log.wait(&format!("request {URL}"), 4).await;
    assert_eq!(world.outside.egress.bodies(URL), ["1 initiated", "2 ringing", "3 answered", "6 ended"]);
    let requests = world.outside.egress.requests.lock().unwrap();
    for (at, (_, request)) in requests.iter().enumerate() {
        let header = |name: &str| {
            let found = request.headers.iter().find(|(known, _)| known == name);
            found.unwrap_or_else(|| panic!("no {name}")).1.expose().clone()
        };
        let sequence = [1, 2, 3, 6][at];
        assert_eq!(header("webhook-id"), format!("evt_{call}_{sequence}"));
        let body = request.body.clone().unwrap();
        let mut signed = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).into_bytes();
        signed.extend_from_slice(&body);
        let expected = STANDARD.encode(hmac(secret.expose(), &signed));
        assert_eq!(header("webhook-signature"), format!("v1,{expected}"));
        assert_eq!(header("x-secret"), "hunter2");
        assert_eq!(header("content-type"), "application/json");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_gets_the_events_of_its_own_modes_calls() {
    const LIVE: &str = "https://live.example/";
    let world = World::new().await;
    create_webhook(&world, URL, &["initiated"]).await;
    let render = |_: &WebhookEndpoint| StoredResponse { status: 201, body: String::new() };
    world.engine.create_webhook(world.live, webhook(LIVE, &["initiated"]), None, &render).await.unwrap();
    world.place(order()).await;
    world.outside.log.wait(&format!("request {URL}"), 1).await;
    let asked = world.outside.egress.requests.lock().unwrap();
    assert!(
        asked.iter().all(|(_, request)| request.url == URL),
        "a test call is no live endpoint's business"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_may_name_a_url_of_its_own_which_gets_its_events_instead_and_ends_nothing_by_410() {
    const OWN: &str = "https://own.example/call/7";
    let world = World::new().await;
    let unsigned = world.engine.default_signing_secret(world.test, "words").await.unwrap();
    let own = || Some(Notification { url: OWN.into(), door: "words".into() });
    world.outside.egress.answer(|_| Reply::Status(410, None));
    world.place(PlaceCall { notification: own(), ..order() }).await;
    world.outside.log.wait(&format!("request {OWN}"), 1).await;
    let id = create_webhook(&world, URL, &["initiated"]).await;
    let subscribed = world.engine.webhook(world.test, "words", id).await.unwrap().signing_secret;
    world.place(PlaceCall { notification: own(), ..order() }).await;
    world.outside.log.wait(&format!("request {OWN}"), 2).await;
    world.place(order()).await;
    world.outside.log.wait(&format!("request {URL}"), 1).await;
    let requests = world.outside.egress.requests.lock().unwrap().clone();
    let signed_by = |at: usize, secret: &Secret<Vec<u8>>| {
        let (_, request) = &requests[at];
        let header =
            |name: &str| request.headers.iter().find(|(known, _)| known == name).unwrap().1.expose().clone();
        let mut text = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).into_bytes();
        text.extend_from_slice(&request.body.clone().unwrap());
        header("webhook-signature") == format!("v1,{}", STANDARD.encode(hmac(secret.expose(), &text)))
    };
    let urls: Vec<&str> = requests.iter().map(|(_, request)| request.url.as_str()).collect();
    assert_eq!(urls, [OWN, OWN, URL]);
    assert!(signed_by(0, &unsigned) && signed_by(1, &subscribed) && signed_by(2, &subscribed));
    let listed = world.engine.webhooks(world.test, "words").await.unwrap();
    assert_eq!(listed.len(), 1, "what serves such calls stands in no list");
    let bad = PlaceCall {
        notification: Some(Notification { url: "ftp://x".into(), door: "words".into() }),
        ..order()
    };
    let fault =
        world.engine.place(world.test, bad, None, &|_, _| unreachable!("it is refused")).await.unwrap_err();
    assert_eq!((fault.code, fault.param.as_deref()), (FaultCode::UrlNotAllowed, Some("notification.url")));
}

#[tokio::test(start_paused = true)]
async fn so_many_endpoints_want_the_same_and_no_more() {
    let world = World::new().await;
    let render = |_: &WebhookEndpoint| StoredResponse { status: 201, body: String::new() };
    let filter = |value: &str| EventFilter { key: "status".into(), value: value.into() };
    let new = |values: &[&str]| NewWebhook {
        filters: values.iter().map(|value| filter(value)).collect(),
        alike_max: Some(2),
        ..webhook(URL, &["initiated"])
    };
    let create = async |values: &[&str]| {
        world.engine.create_webhook(world.test, new(values), None, &render).await.map(|_| ())
    };
    create(&["ringing", "busy"]).await.unwrap();
    create(&["busy", "ringing", "busy"]).await.unwrap();
    let fault = create(&["ringing", "busy"]).await.unwrap_err();
    assert_eq!(fault.param.as_deref(), Some("eventFilters"));
    create(&["busy"]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_panics_is_made_again_and_frees_its_slot() {
    let world = World::with(|config| config.webhooks.parallel_per_endpoint_max = 1).await;
    let tries = AtomicUsize::new(0);
    world.outside.egress.answer(move |_| {
        assert!(tries.fetch_add(1, Ordering::SeqCst) > 0, "told to panic");
        Reply::Status(200, None)
    });
    let id = create_webhook(&world, URL, &ALL).await;
    whole_call(&world).await;
    world.outside.log.wait(&format!("request {URL}"), 5).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(states(&world, id).await, [(DeliveryState::Delivered, 1); 4]);
}

#[tokio::test(start_paused = true)]
async fn delivery_goes_on_after_a_panic_of_its_own() {
    let world = World::new().await;
    create_webhook(&world, URL, &ALL).await;
    world.outside.store.panic_next.store(true, Ordering::SeqCst);
    whole_call(&world).await;
    world.outside.log.wait(&format!("request {URL}"), 4).await;
    assert!(!world.outside.store.panic_next.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn only_wanted_events_are_delivered_and_parties_have_no_word() {
    let world = World::new().await;
    let id = create_webhook(&world, URL, &["answered", "participant_joined"]).await;
    whole_call(&world).await;
    world.outside.log.wait(&format!("request {URL}"), 1).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.outside.egress.bodies(URL), ["3 answered"]);
    assert_eq!(states(&world, id).await, [(DeliveryState::Delivered, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_endpoint_is_tried_by_the_table_and_then_given_up() {
    let world = World::with(|config| config.lease = DAY).await;
    world.outside.egress.answer(|_| Reply::Status(500, None));
    let id = create_webhook(&world, URL, &["initiated"]).await;
    world.place(order()).await;
    tokio::time::sleep(Duration::from_secs(5 * 24 * 3_600)).await;
    assert_eq!(states(&world, id).await, [(DeliveryState::Exhausted, 10)]);
    let requests = world.outside.egress.requests.lock().unwrap();
    let waits: Vec<f64> = requests.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_secs_f64()).collect();
    let table = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map(f64::from);
    assert_eq!(waits.len(), table.len());
    for (wait, expected) in waits.iter().zip(table) {
        // A look may come a little later than the due time, and never earlier.
        assert!(*wait >= expected * 0.8 && *wait <= expected * 1.2 + 1.0, "{wait} instead of {expected}");
    }
    let ids: std::collections::BTreeSet<String> =
        requests.iter().map(|(_, request)| request.headers[1].1.expose().clone()).collect();
    assert_eq!(ids.len(), 1, "the message id stays the same");
}

#[tokio::test(start_paused = true)]
async fn later_events_do_not_wait_for_the_retries_of_earlier_ones() {
    let world = World::new().await;
    world.outside.egress.answer(|request| {
        let first = request.body.as_ref().is_some_and(|body| body.starts_with(b"1 "));
        Reply::Status(if first { 500 } else { 204 }, None)
    });
    let id = create_webhook(&world, URL, &ALL).await;
    whole_call(&world).await;
    world.outside.log.wait(&format!("request {URL}"), 4).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let states = states(&world, id).await;
    assert_eq!(states.iter().filter(|(state, _)| *state == DeliveryState::Delivered).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_receiver_may_ask_for_more_time() {
    let world = World::new().await;
    let tries = AtomicUsize::new(0);
    world.outside.egress.answer(move |_| match tries.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::Status(503, Some(120)),
        _ => Reply::Status(200, None),
    });
    create_webhook(&world, URL, &["initiated"]).await;
    world.place(order()).await;
    world.outside.log.wait(&format!("request {URL}"), 1).await;
    tokio::time::sleep(Duration::from_secs(119)).await;
    assert_eq!(world.outside.log.count(&format!("request {URL}")), 1);
    world.outside.log.wait(&format!("request {URL}"), 2).await;
}

#[tokio::test(start_paused = true)]
async fn gone_disables_the_endpoint_and_says_so() {
    let world = World::new().await;
    world.outside.egress.answer(|_| Reply::Status(410, None));
    let id = create_webhook(&world, URL, &ALL).await;
    whole_call(&world).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let endpoint = world.engine.webhook(world.test, "words", id).await.unwrap();
    assert!(endpoint.disabled.unwrap().reason.contains("410"));
    assert_eq!(world.outside.log.count(&format!("request {URL}")), 1);
    whole_call(&world).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.outside.log.count(&format!("request {URL}")), 1);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_for_five_days_is_disabled_and_one_success_starts_anew() {
    for (recovers, disabled) in [(false, true), (true, false)] {
        let world = World::with(|config| config.lease = DAY).await;
        let id = create_webhook(&world, URL, &["initiated"]).await;
        for day in 0..6 {
            let good = recovers && day == 3;
            world.outside.egress.answer(move |_| Reply::Status(if good { 200 } else { 500 }, None));
            let call = world.place(order()).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            world.outside.sandbox.leg(call, carrier_ended(LegEndKind::Busy, LegEndedBy::Remote));
            tokio::time::sleep(DAY).await;
        }
        let endpoint = world.engine.webhook(world.test, "words", id).await.unwrap();
        assert_eq!(endpoint.disabled.is_some(), disabled, "{:?}", endpoint.disabled);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_endpoint_delays_only_itself() {
    let world = World::new().await;
    let slow = "https://slow.example/";
    world.outside.egress.answer(
        move |request| {
            if request.url == slow { Reply::Hang } else { Reply::Status(200, None) }
        },
    );
    create_webhook(&world, slow, &["initiated"]).await;
    create_webhook(&world, URL, &["initiated"]).await;
    let begun = tokio::time::Instant::now();
    for _ in 0..300 {
        world.place(order()).await;
    }
    world.outside.log.wait(&format!("request {URL}"), 300).await;
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(world.outside.log.count(&format!("request {slow}")), 8);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_while_the_store_fails_or_over_a_restart() {
    let world = World::new().await;
    world.outside.egress.answer(|_| Reply::Status(500, None));
    let id = create_webhook(&world, URL, &["initiated"]).await;
    world.place(order()).await;
    world.outside.log.wait(&format!("request {URL}"), 1).await;
    world.outside.store.fail(true);
    tokio::time::sleep(Duration::from_secs(600)).await;
    world.outside.store.fail(false);
    world.engine.shutdown(Duration::ZERO).await;
    world.outside.egress.answer(|_| Reply::Status(200, None));
    let _second = world.outside.start(world.outside.config(), 99).await;
    tokio::time::sleep(Duration::from_secs(24 * 3_600)).await;
    assert_eq!(states(&world, id).await.first().map(|(state, _)| *state), Some(DeliveryState::Delivered));
}
