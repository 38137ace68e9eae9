//! Bad input at the API of the real binary: each gets a clear refusal that names the field, and leaves nothing behind.

#![cfg(test)]

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Api, Server, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+15005559999";
const HUMAN: &str = "+15005550000";

/// A refusal in the door's shape: `{"error": {type, message, code, doc_url, param?}}`.
#[track_caller]
fn check(answer: &Answer, status: u16, code: &str, param: &str) {
    let shown = String::from_utf8_lossy(&answer.bytes);
    assert_eq!((answer.status, answer.fault()), (status, (code, param)), "{shown}");
    let error = &answer.json["error"];
    let kind = if matches!(status, 401 | 403) { "authentication_error" } else { "invalid_request_error" };
    assert_eq!(error["type"], kind, "{shown}");
    assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{shown}");
    assert!(error["doc_url"].as_str().is_some_and(|url| url.ends_with(&format!("#{code}"))), "{shown}");
    assert!(!answer.header("x-request-id").is_empty());
}

fn with(more: &Value) -> Value {
    let mut order = json!({ "from": OURS, "to": HUMAN });
    order.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    order
}

#[tokio::test]
async fn wrong_calls_are_refused_by_field_and_none_is_made() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    for (body, code, param) in [
        (json!({}), "missing_field", "from"),
        (json!({ "from": OURS }), "missing_field", "to"),
        (with(&json!({ "from": 49 })), "invalid_field", "from"),
        (with(&json!({ "from": null })), "missing_field", "from"),
        (with(&json!({ "from": "4930123456" })), "invalid_phone_number", "from"),
        (with(&json!({ "to": "+49" })), "invalid_phone_number", "to"),
        (with(&json!({ "to": "+1234567890123456" })), "invalid_phone_number", "to"),
        (with(&json!({ "to": "sip:someone@example.com" })), "invalid_phone_number", "to"),
        (with(&json!({ "to": "" })), "invalid_field", "to"),
        (with(&json!({ "to": "+49\u{0}30123456" })), "invalid_field", "to"),
        (with(&json!({ "toChannel": "whatsapp" })), "channel_not_configured", "toChannel"),
        (with(&json!({ "fromChannel": "webrtc" })), "channel_not_configured", "fromChannel"),
        (with(&json!({ "toChannel": "pigeon" })), "invalid_field", "toChannel"),
        (with(&json!({ "metadata": [] })), "invalid_field", "metadata"),
        (with(&json!({ "metadata": { "x": "y".repeat(20_000) } })), "invalid_field", "metadata"),
        (with(&json!({ "ringTimeoutMs": 1 })), "invalid_field", "ringTimeoutMs"),
        (with(&json!({ "ringTimeoutMs": 1e30 })), "invalid_field", "ringTimeoutMs"),
        (with(&json!({ "flow": [] })), "invalid_field", "flow"),
        (with(&json!({ "flow": [{ "command": "sing" }] })), "invalid_field", "flow[0].command"),
        (
            with(&json!({ "flow": [{ "command": "say", "text": "x", "speed": 2 }] })),
            "unknown_field",
            "flow[0].speed",
        ),
        (
            with(&json!({ "flow": [{ "command": "gather", "keysMax": 65 }] })),
            "invalid_field",
            "flow[0].keysMax",
        ),
        (with(&json!({ "tto": HUMAN })), "unknown_field", "tto"),
    ] {
        check(&test.post("/v1/calls", &body).await, 400, code, param);
    }
    assert_eq!(test.get("/v1/calls").await.expect(200)["totalCount"], 0);
}

#[tokio::test]
async fn bodies_that_are_no_good_are_refused() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let deep =
        |levels: usize| format!("{{\"metadata\":{}{}}}", "{\"a\":".repeat(levels) + "1", "}".repeat(levels));
    for (bytes, status, code) in [
        (b"{".to_vec(), 400, "malformed_json"),
        (b"[]".to_vec(), 400, "malformed_json"),
        (b"\"text\"".to_vec(), 400, "malformed_json"),
        (b"{\"from\":\"\xff\xfe\"}".to_vec(), 400, "malformed_json"),
        (b"{} {}".to_vec(), 400, "malformed_json"),
        (vec![0; 100], 400, "malformed_json"),
        (vec![b'x'; 300 * 1024], 413, "body_too_large"),
        (deep(33).into_bytes(), 400, "json_too_deep"),
        (vec![b'['; 200_000], 400, "json_too_deep"),
    ] {
        check(&test.post_bytes("/v1/calls", bytes).await, status, code, "");
    }
    let request = test.request(Method::POST, "/v1/calls").header("content-type", "text/plain").body("{}");
    check(&test.send(request).await, 400 + 15, "unsupported_media_type", "");
    let order = with(&json!({}));
    for key in ["", &"k".repeat(256), "caf\u{e9}"] {
        let request = test.request(Method::POST, "/v1/calls").header("idempotency-key", key).json(&order);
        check(&test.send(request).await, 400, "invalid_field", "Idempotency-Key");
    }
    assert_eq!(test.get("/v1/calls").await.expect(200)["totalCount"], 0);
}

#[tokio::test]
async fn wrong_keys_and_foreign_things_are_refused() {
    let server = Server::start(BINARY).await;
    let (test, live, admin) = (server.test(), server.live(), server.admin());
    let order = with(&json!({}));
    let call = test.place(&order).await;
    let path = format!("/v1/calls/{call}");
    let live_path = path.replace("call_test_", "call_");
    for (api, method, path, status, code) in [
        (&server.api(""), Method::GET, "/v1/calls", 401, "missing_key"),
        (&server.api("sk_test_app_0000000000000000000000000"), Method::GET, "/v1/calls", 401, "invalid_key"),
        (&server.api("nonsense"), Method::GET, "/v1/calls", 401, "invalid_key"),
        (&admin, Method::GET, "/v1/calls", 401, "wrong_key_class"),
        (&admin, Method::GET, &path, 401, "wrong_key_class"),
        (&test, Method::GET, "/v1/trunks", 401, "wrong_key_class"),
        (&live, Method::GET, "/v1/trunks", 401, "wrong_key_class"),
        (&live, Method::GET, &path, 404, "call_not_found"),
        (&live, Method::GET, &live_path, 404, "call_not_found"),
        (&test, Method::GET, &live_path, 404, "call_not_found"),
        (&live, Method::GET, &format!("{path}/timeline"), 404, "call_not_found"),
        (&test, Method::GET, "/v1/calls/call_test_000000000000000000000000000", 404, "call_not_found"),
        (&test, Method::GET, "/v1/calls/..%2f..%2fetc", 404, "call_not_found"),
        (&test, Method::GET, "/v1/calls/recordings/call_rec_test_x", 404, "not_found"),
        (&test, Method::GET, "/v1/webhooks/whk_x", 404, "not_found"),
        (&test, Method::GET, "/v1/nothing", 404, "route_not_found"),
        (&test, Method::PATCH, "/v1/calls", 405, "method_not_allowed"),
        (&admin, Method::DELETE, "/v1/trunks/trk_x", 404, "not_found"),
    ] {
        check(&api.send(api.request(method, path)).await, status, code, "");
    }
    let bare = reqwest::Client::builder().no_proxy().build().expect("a client");
    let response = bare.get(format!("http://{}/v1/calls", server.http)).send().await.expect("an answer");
    assert_eq!(response.status(), 401);
    check(&live.post("/v1/calls", &order).await, 400, "phone_number_not_assigned", "from");
    check(&live.command(&call, &json!({ "type": "hangup" })).await, 404, "call_not_found", "");
    check(&test.command(&call, &json!({ "type": "dance" })).await, 400, "invalid_field", "type");
    check(&test.command(&call, &json!({})).await, 400, "missing_field", "type");
}

#[tokio::test]
async fn wrong_queries_are_refused() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    for (query, code, param) in [
        ("limit=0", "invalid_field", "limit"),
        ("limit=101", "invalid_field", "limit"),
        ("offset=-1", "invalid_field", "offset"),
        ("status=gone", "invalid_field", "status"),
        ("createdAfter=yesterday", "invalid_field", "createdAfter"),
        ("limit=1&limit=2", "invalid_field", "limit"),
        ("page=2", "unknown_field", "page"),
    ] {
        check(&test.get(&format!("/v1/calls?{query}")).await, 400, code, param);
    }
}

#[tokio::test]
async fn wrong_trunks_numbers_and_webhooks_are_refused() {
    let server = Server::start(BINARY).await;
    let (admin, test) = (server.admin(), server.test());
    let trunk = |more: Value| {
        let mut trunk = json!({ "name": "a", "host": "192.0.2.1" });
        trunk.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        trunk
    };
    for (body, code, param) in [
        (json!({}), "missing_field", "name"),
        (json!({ "name": "a" }), "missing_field", "host"),
        (trunk(json!({ "port": 70_000 })), "invalid_field", "port"),
        (trunk(json!({ "username": "u" })), "missing_field", "password"),
        (trunk(json!({ "codecs": ["gsm"] })), "invalid_field", "codecs[0]"),
        (trunk(json!({ "allowedSources": ["everywhere"] })), "invalid_field", "allowedSources[0]"),
        (trunk(json!({ "host": "not a host" })), "invalid_field", "host"),
    ] {
        check(&admin.post("/v1/trunks", &body).await, 400, code, param);
    }
    let line = admin.make_trunk("127.0.0.1:9".parse().expect("an address"), &json!({})).await;
    let app = &server.keys.app_id;
    for (body, status, code, param) in [
        (json!({ "number": "030", "appId": app, "trunkId": line }), 400, "invalid_phone_number", "number"),
        (
            json!({ "number": "+4930100000", "appId": "app_x", "trunkId": line }),
            400,
            "invalid_field",
            "appId",
        ),
        (json!({ "number": "+4930100000", "appId": app }), 400, "missing_field", "trunkId"),
    ] {
        check(&admin.post("/v1/numbers", &body).await, status, code, param);
    }
    admin.assign("+4930100000", app, &line).await;
    let twice = json!({ "number": "+4930100000", "appId": app, "trunkId": line });
    assert_eq!(admin.post("/v1/numbers", &twice).await.fault().0, "phone_number_taken");
    assert_eq!(admin.delete(&format!("/v1/trunks/{line}")).await.fault().0, "trunk_in_use");
    for url in
        ["http://example.com/x", "https://127.0.0.1/x", "https://169.254.169.254/", "ftp://x/", "nonsense"]
    {
        let body = json!({ "url": url, "events": ["calls.completed"] });
        let answer = test.post("/v1/webhooks", &body).await;
        assert_eq!((answer.status, answer.fault().1), (400, "url"), "{url}: {}", answer.json);
    }
    let body = json!({ "url": "https://example.com/x", "events": ["calls.exploded"] });
    check(&test.post("/v1/webhooks", &body).await, 400, "invalid_field", "events[0]");
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let settings = Settings::default().set("LYREBIRD_LIMITS__REQUESTS_PER_MINUTE", "5");
    let server = Server::start_with(BINARY, settings).await;
    let test = server.test();
    for left in (0..5).rev() {
        let answer = test.get("/v1/calls").await;
        let shown =
            (answer.status, answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-remaining"));
        assert_eq!(shown, (200, "5", left.to_string().as_str()));
    }
    check_limited(&test).await;
    server.live().get("/v1/calls").await.expect(200);
}

async fn check_limited(api: &Api) {
    let answer = api.get("/v1/calls").await;
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.header("retry-after").parse().expect("Retry-After is a number of seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    let text = format!("Rate limit exceeded. Try again in {wait} seconds.");
    assert_eq!(answer.json, json!({ "error": text }), "the body is a text, not an object");
    assert!(answer.header("x-ratelimit-reset").parse::<u64>().is_ok_and(|reset| reset > 1_700_000_000));
}

#[tokio::test]
async fn header_blocks_that_are_too_large_are_refused() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let request = test.request(Method::GET, "/v1/calls").header("x-padding", "p".repeat(20_000));
    let answer = test.send(request).await;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    test.get("/v1/calls").await.expect(200);
}
