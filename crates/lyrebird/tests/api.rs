//! The API of the real binary, used rightly: shapes of answers, lists, commands, repeated requests, keys.

#![cfg(test)]

use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::{Api, Receiver, Server, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+15005559999";
const HUMAN: &str = "+15005550000";
/// The shape of a call (contract §1.2): every field, always.
const CALL_FIELDS: [&str; 16] = [
    "id",
    "appId",
    "direction",
    "status",
    "fromAddress",
    "toAddress",
    "fromChannel",
    "toChannel",
    "duration",
    "endReason",
    "metadata",
    "livekitRoomName",
    "startedAt",
    "answeredAt",
    "endedAt",
    "createdAt",
];

fn order(to: &str) -> Value {
    json!({ "from": OURS, "to": to })
}

fn check_is_call(call: &Value) {
    let fields: BTreeSet<_> =
        call.as_object().expect("a call is an object").keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(CALL_FIELDS));
}

fn check_is_time(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
    assert!(text.len() == 24 && text.ends_with('Z') && text.as_bytes()[19] == b'.', "{text}");
}

#[tokio::test]
async fn a_call_has_the_same_sixteen_fields_from_its_beginning_to_its_end() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let mut wanted = order(HUMAN);
    wanted["metadata"] = json!({ "team": "blue", "deep": { "list": [1, null] } });
    let answer = test.post("/v1/calls", &wanted).await;
    assert!(!answer.header("x-request-id").is_empty());
    let placed = answer.expect(201);
    check_is_call(&placed);
    let id = placed["id"].as_str().unwrap_or_default().to_owned();
    assert!(id.starts_with("call_test_") && id.len() == "call_test_".len() + 27, "{id}");
    for (name, value) in [
        ("appId", json!(server.keys.app_id)),
        ("direction", json!("outbound")),
        ("status", json!("initiated")),
        ("fromAddress", json!(OURS)),
        ("toAddress", json!(HUMAN)),
        ("fromChannel", json!("pstn")),
        ("toChannel", json!("pstn")),
        ("metadata", wanted["metadata"].clone()),
        ("duration", Value::Null),
        ("endReason", Value::Null),
        ("livekitRoomName", Value::Null),
        ("answeredAt", Value::Null),
        ("endedAt", Value::Null),
    ] {
        assert_eq!(placed[name], value, "{name}");
    }
    check_is_time(&placed["createdAt"]);
    test.wait_for_status(&id, "in_progress").await;
    test.command(&id, &json!({ "type": "hangup" })).await.expect(200);
    let ended = test.wait_for_end(&id).await;
    check_is_call(&ended);
    assert_eq!((&ended["status"], &ended["endReason"]), (&json!("completed"), &json!("hangup")));
    assert!(ended["duration"].is_u64(), "{ended:#}");
    for name in ["startedAt", "answeredAt", "endedAt"] {
        check_is_time(&ended[name]);
    }
    let listed = test.get("/v1/calls").await.expect(200);
    assert_eq!(listed, json!({ "data": [ended], "totalCount": 1 }));
}

#[tokio::test]
async fn lists_are_paged_and_filtered_newest_first() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let mut ids = Vec::new();
    for number in 0..5 {
        let to = if number % 2 == 0 { "+15005550006" } else { "+15005550008" };
        let mut wanted = order(to);
        wanted["metadata"] = json!({ "team": format!("t{}", number % 2), "n[1]": number.to_string() });
        ids.push(test.place(&wanted).await);
    }
    for id in &ids {
        test.wait_for_end(id).await;
    }
    ids.reverse();
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    let newest = all.clone();
    let of = |wanted: &[usize]| wanted.iter().map(|index| newest[*index]).collect::<Vec<_>>();
    for (query, expected, total) in [
        ("", all, 5),
        ("?limit=2", of(&[0, 1]), 5),
        ("?limit=2&offset=3", of(&[3, 4]), 5),
        ("?offset=9", vec![], 5),
        ("?metadata[team]=t1", of(&[1, 3]), 2),
        ("?metadata%5Bteam%5D=t0&limit=1&offset=1", of(&[2]), 3),
        ("?metadata[team]=none", vec![], 0),
        ("?metadata[n[1]]=4", of(&[0]), 1),
        ("?status=busy", of(&[0, 2, 4]), 3),
        ("?status=failed&to=%2B15005550008", of(&[1, 3]), 2),
        ("?direction=inbound", vec![], 0),
        ("?createdAfter=2100-01-01T00:00:00Z", vec![], 0),
        ("?createdBefore=2100-01-01T00:00:00Z&from=%2B15005559999&limit=1", of(&[0]), 5),
    ] {
        let page = test.get(&format!("/v1/calls{query}")).await.expect(200);
        let got: Vec<_> =
            page["data"].as_array().into_iter().flatten().filter_map(|call| call["id"].as_str()).collect();
        assert_eq!((got, &page["totalCount"]), (expected, &json!(total)), "{query}");
    }
    assert_eq!(
        server.live().get("/v1/calls").await.expect(200)["totalCount"],
        0,
        "the live key has its own calls"
    );
}

/// Sends the command; it must be accepted and, later, completed with this outcome.
async fn check_command(api: &Api, events: &Receiver, call: &str, command: Value, outcome: &str) {
    let accepted = api.command(call, &command).await.expect(200);
    let fields: BTreeSet<_> = accepted.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(["callId", "command", "status", "commandId"]));
    assert_eq!((&accepted["callId"], &accepted["command"]), (&json!(call), &command["type"]));
    let id = &accepted["commandId"];
    let done = |hits: &[testkit::Hit]| {
        let of_command = |hit: &&testkit::Hit| hit.json["data"]["command"]["id"] == *id;
        hits.iter().find(of_command).map(|hit| hit.json["data"]["command"]["status"].clone())
    };
    let status = events.wait_for(&format!("the end of {command}"), done).await;
    assert_eq!(status, outcome, "{command}\n{}", api.story(call).await);
}

#[tokio::test]
async fn every_command_is_accepted_and_reports_its_end() {
    let events = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    let test = server.test();
    test.make_webhook(&events.url("/"), &["calls.command.completed"]).await;
    let call = test.place(&order(HUMAN)).await;
    test.wait_for_status(&call, "in_progress").await;
    for (command, outcome) in [
        (json!({ "type": "say", "text": "Good day." }), "completed"),
        (json!({ "type": "send_dtmf", "digits": "12#" }), "completed"),
        (json!({ "type": "start_recording" }), "completed"),
        (json!({ "type": "play_audio", "url": "no-such-file.wav" }), "failed"),
        (json!({ "type": "stop_recording" }), "completed"),
        (json!({ "type": "stop_audio" }), "completed"),
    ] {
        check_command(&test, &events, &call, command, outcome).await;
    }
    let long = json!({ "type": "say", "text": "A long story that is cut short. ".repeat(20) });
    test.command(&call, &long).await.expect(200);
    check_command(&test, &events, &call, json!({ "type": "hangup" }), "completed").await;
    let recordings = test.wait_for_recordings(&call).await;
    assert_eq!(recordings.len(), 1);
    let one =
        test.get(&format!("/v1/calls/recordings/{}", recordings[0]["id"].as_str().unwrap_or_default())).await;
    assert_eq!(one.expect(200), recordings[0]);
}

#[tokio::test]
async fn commands_that_do_not_fit_the_state_are_refused() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let call = test.place(&order("+15005550007")).await;
    test.wait_for_status(&call, "ringing").await;
    for command in ["answer", "stop_recording", "start_recording"] {
        let answer = test.command(&call, &json!({ "type": command })).await;
        assert_eq!((answer.status, answer.fault().0), (409, "invalid_call_state"), "{command}");
    }
    test.command(&call, &json!({ "type": "hangup" })).await.expect(200);
    test.wait_for_end(&call).await;
    let late = test.command(&call, &json!({ "type": "hangup" })).await;
    assert_eq!((late.status, late.fault().0), (409, "call_not_active"));
}

async fn post_with_key(api: &Api, path: &str, key: &str, body: &Value) -> testkit::Answer {
    api.send(api.request(Method::POST, path).header("idempotency-key", key).json(body)).await
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_again_even_after_a_restart() {
    let mut server = Server::start(BINARY).await;
    let first = post_with_key(&server.test(), "/v1/calls", "once", &order(HUMAN)).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    let check_again = async |api: Api| {
        let again = post_with_key(&api, "/v1/calls", "once", &order(HUMAN)).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
        assert_eq!(again.bytes, first.bytes, "byte for byte");
        let other = post_with_key(&api, "/v1/calls", "once", &order("+15005550001")).await;
        assert_eq!((other.status, other.fault().0), (409, "idempotency_conflict"));
        assert_eq!(api.get("/v1/calls").await.expect(200)["totalCount"], 1);
    };
    check_again(server.test()).await;
    server.kill9().await;
    server.restart().await;
    check_again(server.test()).await;
    // Another key of the app, another namespace; and a refusal is no answer to keep.
    let live = post_with_key(&server.live(), "/v1/calls", "once", &order(HUMAN)).await;
    assert_eq!(live.fault().0, "phone_number_not_assigned");
    let bad = post_with_key(&server.test(), "/v1/calls", "twice", &order("nobody")).await;
    assert_eq!(bad.status, 400);
    assert_eq!(post_with_key(&server.test(), "/v1/calls", "twice", &order(HUMAN)).await.status, 201);
}

#[tokio::test]
async fn equal_requests_at_once_make_one_call() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let requests: Vec<_> = (0..50)
        .map(|_| {
            let test = test.clone();
            tokio::spawn(
                async move { post_with_key(&test, "/v1/calls", "crowd", &order("+15005550006")).await },
            )
        })
        .collect();
    let mut bodies = BTreeSet::new();
    for request in requests {
        let answer = request.await.expect("a request does not panic");
        assert_eq!(answer.status, 201, "{}", answer.json);
        bodies.insert(answer.bytes);
    }
    assert_eq!(bodies.len(), 1);
    assert_eq!(test.get("/v1/calls").await.expect(200)["totalCount"], 1);
}

#[tokio::test]
async fn a_request_id_is_echoed_and_kept_with_the_call() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let request = test
        .request(Method::POST, "/v1/calls")
        .header("x-request-id", "mine-17")
        .json(&order("+15005550006"));
    let answer = test.send(request).await;
    assert_eq!(answer.header("x-request-id"), "mine-17");
    let call = answer.expect(201)["id"].as_str().unwrap_or_default().to_owned();
    test.wait_for_end(&call).await;
    assert!(json!(test.timeline(&call).await).to_string().contains("mine-17"));
}

#[tokio::test]
async fn a_timeline_is_read_in_parts_and_as_it_grows() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let call = test.place(&order("+15005550007")).await;
    test.wait_for_status(&call, "ringing").await;
    let whole = test.timeline(&call).await;
    let path = format!("/v1/calls/{call}/timeline");
    let part = test.get(&format!("{path}?after=1&limit=2")).await.expect(200);
    assert_eq!(part, json!({ "data": [whole[1], whole[2]], "lastIndex": 3 }));
    let last = whole.last().expect("it is not empty")["index"].clone();
    let nothing_new = test.get(&format!("{path}?after={last}")).await.expect(200);
    assert_eq!(nothing_new, json!({ "data": [], "lastIndex": last }));
    let waiting = {
        let (test, path) = (test.clone(), path.clone());
        tokio::spawn(async move { test.get(&format!("{path}?after={last}&waitMs=20000")).await.expect(200) })
    };
    test.command(&call, &json!({ "type": "hangup" })).await.expect(200);
    let grown = waiting.await.expect("the long poll does not panic");
    assert!(grown["data"].as_array().is_some_and(|lines| !lines.is_empty()), "{grown}");
    test.wait_for_end(&call).await;
}

#[tokio::test]
async fn keys_are_made_listed_used_and_revoked() {
    let server = Server::start(BINARY).await;
    let admin = server.admin();
    let body = json!({ "name": "ci", "appId": server.keys.app_id, "mode": "test" });
    let made = admin.post("/v1/organization/app-keys", &body).await.expect(201);
    let key = made["key"].as_str().expect("the key is shown once").to_owned();
    assert!(key.starts_with("sk_test_app_"), "{key}");
    let listed = admin.get(&format!("/v1/organization/apps/{}/keys", server.keys.app_id)).await.expect(200);
    assert!(listed.to_string().contains("\"ci\"") && !listed.to_string().contains(&key));
    server.api(&key).get("/v1/calls").await.expect(200);
    let id = made["id"].as_str().unwrap_or_default();
    admin.delete(&format!("/v1/organization/app-keys/{id}")).await.expect(200);
    let refused = server.api(&key).get("/v1/calls").await;
    assert_eq!((refused.status, refused.fault().0), (401, "invalid_key"));
}

#[tokio::test]
async fn the_error_pages_are_served() {
    let server = Server::start(BINARY).await;
    let page = server.test().get("/docs/errors").await;
    assert_eq!(page.status, 200);
    assert!(String::from_utf8_lossy(&page.bytes).contains("id=\"phone_number_not_assigned\""));
}
