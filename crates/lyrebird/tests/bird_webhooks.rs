//! Webhook subscriptions of the Bird door, with the real binary: filters, the vendor's signature as an independent
//! program checks it, the log, and calls that name a URL of their own.

#![cfg(test)]

use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};
use testkit::{Api, Hit, Receiver, Server, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const BUSY: &str = "+15005550006";

/// The documented recipe, by other hands: `base64(HMAC-SHA-256(key, time "\n" URL "\n" SHA-256(body)))`.
const RECIPE: &str = r#"
import base64, hashlib, hmac, json, sys
it = json.load(sys.stdin)
digest = hashlib.sha256(it["body"].encode()).digest()
text = it["time"].encode() + b"\n" + it["url"].encode() + b"\n" + digest
print(base64.b64encode(hmac.new(it["key"].encode(), text, hashlib.sha256).digest()).decode())
"#;

struct Scene {
    events: Receiver,
    server: Server,
    test: Api,
}

impl Scene {
    async fn new() -> Self {
        let events = Receiver::start().await;
        let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
        let test = server.test();
        Self { events, server, test }
    }

    fn space(&self, rest: &str) -> String {
        let keys = &self.server.keys;
        format!("/organizations/{}/workspaces/{}/{rest}", keys.organization_id, keys.workspace_id)
    }

    fn calls(&self) -> String {
        let keys = &self.server.keys;
        format!("/workspaces/{}/channels/{}/calls", keys.workspace_id, keys.channel_id)
    }

    async fn subscribe(&self, event: &str, filters: Value) -> Value {
        let body = json!({
            "service": "channels", "event": event, "url": self.events.url("/hook?a=b"), "signingKey": "a key of mine",
            "eventFilters": filters,
        });
        self.test.post(&self.space("webhook-subscriptions"), &body).await.expect(201)
    }
}

fn header<'h>(hit: &'h Hit, name: &str) -> &'h str {
    hit.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn signature(hit: &Hit, url: &str, key: &str) -> String {
    let told = json!({
        "key": key, "url": url, "time": header(hit, "messagebird-request-timestamp"),
        "body": String::from_utf8_lossy(&hit.body),
    });
    let mut python = Command::new("python3")
        .args(["-c", RECIPE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    python
        .stdin
        .take()
        .expect("it listens")
        .write_all(told.to_string().as_bytes())
        .expect("it takes the request");
    let said = python.wait_with_output().expect("it ends").stdout;
    String::from_utf8_lossy(&said).trim().to_owned()
}

#[tokio::test]
async fn a_subscription_gets_what_its_filters_let_through_signed_as_documented() {
    let scene = Scene::new().await;
    let filters = json!([
        { "key": "channelId", "value": scene.server.keys.channel_id },
        { "key": "status", "value": "busy" },
        { "key": "status", "value": "completed" },
    ]);
    let made = scene.subscribe("voice.outbound", filters).await;
    assert_eq!((&made["status"], &made["service"]), (&json!("active"), &json!("channels")));
    let call =
        scene.test.post(&scene.calls(), &json!({ "from": "+15005559999", "to": BUSY })).await.expect(202);
    let first = |hits: &[Hit]| hits.first().cloned();
    let hit = scene.events.wait_for("the busy call's event", first).await;
    assert_eq!(
        (&hit.json["event"], &hit.json["payload"]["status"]),
        (&json!("voice.outbound"), &json!("busy"))
    );
    assert_eq!(hit.json["payload"]["id"], call["id"]);
    let right = signature(&hit, &scene.events.url("/hook?a=b"), "a key of mine");
    assert_eq!(header(&hit, "messagebird-signature"), right);
    let log = scene.space(&format!("webhook-subscriptions/{}/logs", made["id"].as_str().unwrap_or_default()));
    let told = |page: &Value| page["results"][0]["executionStatus"] == "succeeded";
    let log = scene.test.wait_for_answer(&log, "the delivery in the log", told).await;
    assert_eq!(log["results"][0]["requestId"], header(&hit, "messagebird-request-id"));
    assert_eq!(log["results"][0]["httpStatusCode"], 200);
    assert_eq!(scene.events.hits().len(), 1, "accepted and ringing were not asked for");
}

#[tokio::test]
async fn a_call_that_names_a_url_is_told_there_and_signed_by_the_workspaces_own_key() {
    let scene = Scene::new().await;
    let own = scene.events.url("/call/7");
    let body = json!({ "from": "+15005559999", "to": BUSY, "notification": { "url": own } });
    let call = scene.test.post(&scene.calls(), &body).await.expect(202);
    assert_eq!(call["notification"]["url"], json!(own));
    let last = |hits: &[Hit]| hits.iter().find(|hit| hit.json["payload"]["status"] == "busy").cloned();
    let hit = scene.events.wait_for("the call's end", last).await;
    let key = scene.test.get(&scene.space("signing-key")).await.expect(200);
    let right = signature(&hit, &own, key["signingKey"].as_str().unwrap_or_default());
    assert_eq!(header(&hit, "messagebird-signature"), right);
    let list = scene.test.get(&scene.space("webhook-subscriptions")).await.expect(200);
    assert_eq!(list["results"], json!([]));
}

#[tokio::test]
async fn subscriptions_are_kept_changed_and_refused_with_every_fault() {
    let scene = Scene::new().await;
    let all = scene.space("webhook-subscriptions");
    let body = json!({
        "service": "payments", "url": "http://198.51.100.1:8080/", "eventFilters": [{ "key": "colour", "value": "red" }],
        "template": "twilio", "colour": 1,
    });
    let refused = scene.test.post(&all, &body).await.expect(422);
    let details = refused["details"].as_object().expect("details by field");
    for field in ["service", "event", "url", "eventFilters.0.key", "template", "colour"] {
        assert!(details.contains_key(field), "{field}: {refused:#}");
    }
    for _ in 0..5 {
        scene.subscribe("voice.inbound", json!([])).await;
    }
    let sixth = json!({ "service": "channels", "event": "voice.inbound", "url": scene.events.url("/") });
    let refused = scene.test.post(&all, &sixth).await.expect(422);
    assert!(refused["details"].get("eventFilters").is_some(), "{refused:#}");
    let page = scene.test.get(&format!("{all}?limit=3")).await.expect(200);
    let token = page["nextPageToken"].as_str().expect("there is more");
    let rest = scene.test.get(&format!("{all}?limit=3&pageToken={token}")).await.expect(200);
    assert_eq!((rest["results"].as_array().map(Vec::len), rest.get("nextPageToken")), (Some(2), None));
    let one = format!("{all}/{}", page["results"][0]["id"].as_str().unwrap_or_default());
    let changed = scene.test.patch(&one, &json!({ "status": "inactive" })).await.expect(200);
    assert_eq!(changed["status"], "inactive");
    let changed =
        scene.test.patch(&one, &json!({ "status": "active", "event": "voice.amd" })).await.expect(200);
    assert_eq!((&changed["status"], &changed["event"]), (&json!("active"), &json!("voice.amd")));
    scene.test.delete(&one).await.expect(204);
    scene.test.get(&one).await.expect(404);
    let live = scene.server.live().get(&all).await.expect(200);
    assert_eq!(live["results"], json!([]), "a live key sees live subscriptions alone");
    let strange = all.replace(&scene.server.keys.workspace_id, "0199c0de-0000-7000-8000-000000000000");
    scene.test.get(&strange).await.expect(403);
}
