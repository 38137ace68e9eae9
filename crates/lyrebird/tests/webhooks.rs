//! Webhooks of the real binary: signed, in order, tried again, written down, and let go when nobody wants them.

#![cfg(test)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use testkit::{Api, Hit, Receiver, Reply, Server, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const BUSY: &str = "+15005550006";
const NAMES: [&str; 2] = ["calls.initiated", "calls.failed"];

async fn scene() -> (Receiver, Server, Api) {
    let events = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    let test = server.test();
    (events, server, test)
}

/// The signature of Standard Webhooks: HMAC-SHA-256 of id, time and body.
fn check_signature(hit: &Hit, secret: &str) {
    let header = |name: &str| hit.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("the secret is base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length is a key");
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&hit.body);
    let right = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert!(header("webhook-signature").split(' ').any(|signature| signature == right), "{:?}", hit.headers);
    assert_eq!(id, hit.json["eventId"]);
}

#[tokio::test]
async fn events_come_signed_in_order_with_their_headers() {
    let (events, _server, test) = scene().await;
    let body = json!({ "url": events.url("/hook?x=1"), "events": NAMES, "headers": { "X-Webhook-Secret": "static" } });
    let webhook = test.post("/v1/webhooks", &body).await.expect(201);
    let call = test.place_test(BUSY, &Value::Null).await;
    let last = events.wait_for_event(&call, "calls.failed").await;
    let call_fields = &last["data"]["call"];
    let shown = ["status", "endReason", "direction", "to"].map(|name| &call_fields[name]);
    assert_eq!(shown, [&json!("busy"), &json!("busy"), &json!("outbound"), &json!(BUSY)]);
    assert_eq!((&call_fields["sipCode"], &call_fields["q850Cause"]), (&json!(486), &json!(17)), "{last:#}");
    let hits = events.hits();
    let names: Vec<_> = hits.iter().map(|hit| hit.json["event"].as_str().unwrap_or_default()).collect();
    assert_eq!(names, NAMES);
    let sequences: Vec<_> = hits.iter().filter_map(|hit| hit.json["sequence"].as_u64()).collect();
    assert_eq!(sequences, [1, 2]);
    for hit in &hits {
        assert_eq!(hit.path, "/hook?x=1");
        assert_eq!(hit.headers.get("x-webhook-secret").map(|v| v.as_bytes()), Some(b"static".as_slice()));
        check_signature(hit, webhook["signingSecret"].as_str().unwrap_or_default());
    }
}

#[tokio::test]
async fn an_event_that_was_refused_comes_again_and_the_log_says_so() {
    let (events, _server, test) = scene().await;
    events.reply("/", &[Reply::Status(500), Reply::Status(200)]);
    let webhook = test.make_webhook(&events.url("/"), &["calls.failed"]).await;
    let call = test.place_test(BUSY, &Value::Null).await;
    let twice = |hits: &[Hit]| (hits.len() >= 2).then(|| hits.to_vec());
    let hits = events.wait_for("the second attempt", twice).await;
    assert_eq!(hits[0].body, hits[1].body);
    assert_eq!(hits[0].headers.get("webhook-id"), hits[1].headers.get("webhook-id"));
    check_signature(&hits[1], webhook["signingSecret"].as_str().unwrap_or_default());
    let path = format!("/v1/webhooks/{}/deliveries", webhook["id"].as_str().unwrap_or_default());
    let delivered = |page: &Value| page["data"][0]["status"] == "delivered";
    let log = test.wait_for_answer(&path, "the delivery", delivered).await;
    assert_eq!(log["totalCount"], 1, "{log:#?}");
    let log = &log["data"];
    let both = |page: &Value| {
        let lines = page["data"].as_array().into_iter().flatten();
        lines.filter(|line| line["kind"] == "webhook").count() == 2
    };
    test.wait_for_answer(&format!("/v1/calls/{call}/timeline"), "both attempts on the timeline", both).await;
    let codes: Vec<_> =
        log[0]["attempts"].as_array().into_iter().flatten().map(|a| &a["responseStatus"]).collect();
    assert_eq!(codes, [&json!(500), &json!(200)], "{log:#?}");
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_until_it_is_changed() {
    let (events, _server, test) = scene().await;
    events.reply("/", &[Reply::Status(410), Reply::Status(200)]);
    let webhook = test.make_webhook(&events.url("/"), &["calls.initiated", "calls.failed"]).await;
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap_or_default());
    let call = test.place_test(BUSY, &Value::Null).await;
    events.wait_for_event(&call, "calls.initiated").await;
    test.wait_for_end(&call).await;
    let shown = test.wait_for_answer(&path, "its end", |webhook| webhook["status"] == "disabled").await;
    assert!(shown["disabledReason"].as_str().is_some_and(|reason| reason.contains("410")), "{shown:#}");
    let changed = test.put(&path, &json!({ "url": events.url("/") })).await.expect(200);
    assert_eq!(changed["status"], "active");
    let call = test.place_test(BUSY, &Value::Null).await;
    events.wait_for_event(&call, "calls.failed").await;
}

#[tokio::test]
async fn an_endpoint_that_hangs_delays_no_other() {
    let (events, server, test) = scene().await;
    events.reply("/hang", &[Reply::Hang]);
    test.make_webhook(&events.url("/hang"), &NAMES).await;
    test.make_webhook(&events.url("/quick"), &NAMES).await;
    let mut calls = Vec::new();
    for _ in 0..10 {
        calls.push(test.place_test(BUSY, &Value::Null).await);
    }
    for call in &calls {
        let quick = |hits: &[Hit]| {
            let of_call = |hit: &&Hit| hit.path == "/quick" && hit.json["data"]["call"]["id"] == json!(call);
            (hits.iter().filter(of_call).count() == NAMES.len()).then_some(())
        };
        events.wait_for("all events at the other endpoint", quick).await;
    }
    drop(server);
}

#[tokio::test]
async fn a_webhook_is_read_changed_and_removed() {
    let (events, server, test) = scene().await;
    let webhook = test.make_webhook(&events.url("/"), &["calls.failed"]).await;
    assert!(webhook["signingSecret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")));
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap_or_default());
    let shown = test.get(&path).await.expect(200);
    assert_eq!(shown["signingSecret"], Value::Null, "it is shown once");
    let listed = test.get("/v1/webhooks").await.expect(200);
    assert_eq!(listed, json!({ "data": [shown], "totalCount": 1 }));
    let changed = test.put(&path, &json!({ "events": ["calls.initiated"] })).await.expect(200);
    assert_eq!((&changed["events"], &changed["url"]), (&json!(["calls.initiated"]), &webhook["url"]));
    let call = test.place_test(BUSY, &Value::Null).await;
    events.wait_for_event(&call, "calls.initiated").await;
    test.wait_for_end(&call).await;
    assert_eq!(server.live().get(&path).await.status, 404, "the live key has its own webhooks");
    test.delete(&path).await.expect(200);
    assert_eq!(test.get(&path).await.status, 404);
}
