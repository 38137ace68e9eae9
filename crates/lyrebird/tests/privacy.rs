//! What must never stand in a log at its usual level: numbers, names, texts, keys pressed, secrets. Calls that go well and
//! calls that go wrong, and every line of the log searched.

#![cfg(test)]

use serde_json::{Value, json};
use testkit::{Receiver, Reply, Server, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const FROM: &str = "+4930777123456";
const TO: &str = "+4915177665544";
const OURS: &str = "+493088112233";

/// Each of them as it stands, and without the plus sign.
fn secrets(server: &Server) -> Vec<String> {
    let fixed = [
        "4930777123456",
        "4915177665544",
        "493088112233",
        "15005550003",
        "15005550009",
        "kettledrum",
        "zanzibar",
        "8642097531",
        "tr4nkp4ss",
        "hunter2hook",
        "t0kenpath",
        "sk_test_app_wrong",
    ];
    let keys = [&server.keys.test, &server.keys.live, &server.keys.admin];
    fixed.iter().map(|text| (*text).to_owned()).chain(keys.into_iter().cloned()).collect()
}

#[tokio::test]
async fn no_line_of_the_log_shows_who_called_whom_what_was_said_or_any_secret() {
    let receiver = Receiver::start().await;
    receiver.reply("/t0kenpath", &[Reply::Status(500)]);
    let settings = Settings::default()
        .allow(receiver.addr())
        .set("LYREBIRD_LOG__LEVEL", "info")
        .set("LYREBIRD_LOG__FORMAT", "json");
    let server = Server::start_with(BINARY, settings).await;
    let (test, live, admin) = (server.test(), server.live(), server.admin());
    let hook = json!({
        "url": receiver.url("/t0kenpath?key=hunter2hook"), "events": ["calls.completed", "calls.failed"],
        "headers": { "X-Secret": "hunter2hook" },
    });
    test.post("/v1/webhooks", &hook).await.expect(201);
    // Live calls that reach nobody: a trunk whose host refuses, with credentials.
    let nobody = json!({
        "name": "kettledrum", "host": "127.0.0.1", "port": 9, "username": "zanzibar", "password": "tr4nkp4ss",
    });
    let trunk =
        admin.post("/v1/trunks", &nobody).await.expect(201)["id"].as_str().unwrap_or_default().to_owned();
    let number = json!({ "number": OURS, "appId": server.keys.app_id, "trunkId": trunk });
    admin.post("/v1/numbers", &number).await.expect(201);
    let flow = json!([
        { "command": "say", "text": "kettledrum" },
        { "command": "gather", "prompt": { "say": { "text": "zanzibar" } }, "endKey": "#" },
        { "command": "playback", "media": ["http://192.0.2.1/zanzibar?hunter2hook"] },
        { "command": "record", "lengthMsMax": 1000 },
        { "command": "hangup" },
    ]);
    let digits = json!({ "sandboxDigits": "8642097531#", "name": "zanzibar" });
    let mut calls = Vec::new();
    for to in ["+15005550003", "+15005550006", "+15005550008", "+15005550009"] {
        let order = json!({ "from": FROM, "to": to, "metadata": digits, "flow": flow });
        calls.push(test.place(&order).await);
    }
    let human = test.place(&json!({ "from": FROM, "to": TO, "metadata": digits })).await;
    test.wait_for_status(&human, "in_progress").await;
    for command in [
        json!({ "type": "say", "text": "kettledrum" }),
        json!({ "type": "send_dtmf", "digits": "8642097531" }),
        json!({ "type": "hangup" }),
    ] {
        test.command(&human, &command).await.expect(200);
    }
    let gone = live.post("/v1/calls", &json!({ "from": OURS, "to": TO })).await.expect(201);
    live.wait_for_end(gone["id"].as_str().unwrap_or_default()).await;
    for call in calls.iter().chain([&human]) {
        test.wait_for_end(call).await;
    }
    for refused in [json!({ "from": "x", "to": TO }), json!({ "from": FROM, "to": TO, "zanzibar": 1 })] {
        test.post("/v1/calls", &refused).await.expect(400);
    }
    server.api("sk_test_app_wrong0000000000000000").get("/v1/calls").await.expect(401);
    receiver.wait_for("a refused webhook", |hits| hits.first().map(drop)).await;
    let log = server.log();
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()), "{line}");
        for secret in secrets(&server) {
            assert!(!line.contains(&secret), "{secret} stands in the log: {line}");
        }
    }
}

#[tokio::test]
async fn every_line_of_a_request_names_it_and_every_line_of_a_call_names_the_call() {
    let settings =
        Settings::default().set("LYREBIRD_LOG__LEVEL", "debug").set("LYREBIRD_LOG__FORMAT", "json");
    let server = Server::start_with(BINARY, settings).await;
    let test = server.test();
    let order = json!({ "from": FROM, "to": TO, "flow": [{ "command": "hangup" }] });
    let request =
        test.request(reqwest::Method::POST, "/v1/calls").header("x-request-id", "mine-7").json(&order);
    let id = test.send(request).await.expect(201)["id"].as_str().unwrap_or_default().to_owned();
    test.wait_for_end(&id).await;
    let lines: Vec<Value> = server.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let spans = |line: &Value, name: &str| {
        line["spans"].as_array().into_iter().flatten().find(|span| span["name"] == name).cloned()
    };
    let of_request =
        lines.iter().filter_map(|line| spans(line, "request")).filter(|span| span["id"] == "mine-7");
    assert!(of_request.count() > 0, "{lines:#?}");
    let milestones: Vec<_> = lines.iter().filter(|line| line["target"] == "milestone").collect();
    assert!(!milestones.is_empty());
    for line in milestones {
        let call = spans(line, "call").unwrap_or_else(|| panic!("{line} names no call"));
        assert!(call["id"].is_string() && call["request"].is_string(), "{call}");
    }
}
