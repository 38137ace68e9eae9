//! The Bird door of the real binary: calls are made, looked at, listed, given commands; calls wait for their time.

#![cfg(test)]

use model::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};
use testkit::{Answer, Api, Description, Server};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const HUMAN: &str = "+15005550000";
const BUSY: &str = "+15005550006";

/// A server and the address of its default test channel's calls.
async fn start() -> (Server, String) {
    let server = Server::start(BINARY).await;
    let calls = format!("/workspaces/{}/channels/{}/calls", server.keys.workspace_id, server.keys.channel_id);
    (server, calls)
}

async fn patch(api: &Api, path: &str, body: &Value) -> Answer {
    api.send(api.request(Method::PATCH, path).json(body)).await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn check_is_uuid(value: &Value) {
    let text = text(value);
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12], "{text}");
}

#[tokio::test]
async fn the_samples_of_the_contract_are_answered_field_by_field() {
    let (server, calls) = start().await;
    let test = server.test();
    let flow = json!([
        {"command": "say", "options": {"locale": "en-US", "text": "Your TTS message here", "voice": "female"}},
        {"command": "hangup"}
    ]);
    let answer = test.post(&calls, &json!({ "to": "+351000000000", "callFlow": flow })).await;
    check_is_uuid(&json!(answer.header("messagebird-request-id")));
    let mut call = answer.expect(202);
    let id = text(&call["id"]);
    for pointer in
        ["/id", "/callFlow/id", "/receiver/contact/id", "/callFlow/commands/0/id", "/callFlow/commands/1/id"]
    {
        check_is_uuid(call.pointer(pointer).unwrap_or(&Value::Null));
    }
    let flow_id = call["callFlow"]["id"].clone();
    let created = call["createdAt"].clone();
    let command = |at: usize, name: &str| {
        json!({ "id": call["callFlow"]["commands"][at]["id"], "callId": id, "command": name,
                "status": "accepted", "callFlowId": flow_id })
    };
    let commands = json!([command(0, "say"), command(1, "hangup")]);
    let contact = json!({ "id": call["receiver"]["contact"]["id"], "identifierKey": "phonenumber",
                          "identifierValue": "+351000000000" });
    let ours = json!({ "type": "pstn", "number": "+15005559999", "countryIsoCode": "US" });
    let theirs = json!({ "type": "pstn", "number": "+351000000000", "countryIsoCode": "PT" });
    let expected = json!({
        "id": id, "channelId": server.keys.channel_id, "originator": { "number": ours },
        "receiver": { "contact": contact, "number": theirs },
        "from": "+15005559999", "to": "+351000000000", "direction": "outgoing", "status": "accepted",
        "type": "pstn", "duration": 0, "callFlow": { "id": flow_id, "commands": commands },
        "notification": {}, "createdAt": created, "updatedAt": created
    });
    assert_eq!(call.take(), expected);
    let done = |call: &Value| call["status"] == "completed";
    let ended = test.wait_for_answer(&format!("{calls}/{id}"), "the end", done).await;
    let statuses: Vec<_> =
        [0, 1].map(|at| text(&ended["callFlow"]["commands"][at]["status"])).into_iter().collect();
    assert_eq!(statuses, ["completed", "completed"], "{ended}");
    assert_eq!(ended["hangupSource"], "api");
}

#[tokio::test]
async fn answers_have_the_shapes_that_are_described() {
    let (server, calls) = start().await;
    let test = server.test();
    let description = Description(server.api("").get("/openapi/bird.json").await.expect(200));
    let check = |method: &str, path: &str, answer: &Answer| {
        let fault =
            description.fault(method, path, answer.status, (answer.header("content-type"), &answer.json));
        assert_eq!(fault, None);
    };
    let flow = json!([{"command": "pause", "options": {"length": 600}}]);
    let made = test.post(&calls, &json!({ "to": HUMAN, "callFlow": flow, "tags": ["a"] })).await;
    check("POST", &calls, &made);
    let path = format!("{calls}/{}", text(&made.json["id"]));
    test.wait_for_answer(&path, "the answer", |call| call["status"] == "ongoing").await;
    let recording = test.post(&format!("{path}/recordings"), &json!({ "stereo": true })).await;
    check("POST", &format!("{path}/recordings"), &recording);
    for shown in [path.clone(), calls.clone(), format!("{path}/recordings")] {
        check("GET", &shown, &test.get(&shown).await);
    }
    let bad = test.post(&calls, &json!({ "too": 1 })).await;
    check("POST", &calls, &bad);
    let over = patch(&test, &path, &json!({ "status": "completed" })).await;
    check("PATCH", &path, &over);
    let ended = test.wait_for_answer(&path, "the end", |call| call["status"] == "completed").await;
    assert_eq!(ended["callFlow"]["commands"][0]["status"], "cancelled");
    check("GET", &path, &test.get(&path).await);
}

#[tokio::test]
async fn bad_requests_hear_of_all_their_faults() {
    let (server, calls) = start().await;
    let test = server.test();
    let bad = json!({ "ringTimeout": 2, "colour": "red", "callFlow": [{"command": "say"}] });
    let refused = test.post(&calls, &bad).await.expect(422);
    assert_eq!(refused["code"], "InvalidPayload");
    let details: BTreeSet<_> = refused["details"].as_object().into_iter().flatten().map(|(k, _)| k).collect();
    let expected = ["to", "ringTimeout", "colour", "callFlow.0.options.text"].map(str::to_owned);
    assert_eq!(details, expected.iter().collect());
    let other = "01890000-0000-7000-8000-000000000001";
    let elsewhere = format!("/workspaces/{other}/channels/{}/calls", server.keys.channel_id);
    assert_eq!(test.get(&elsewhere).await.expect(403)["code"], "Forbidden");
    let nowhere = format!("/workspaces/{}/channels/{other}/calls", server.keys.workspace_id);
    assert_eq!(test.get(&nowhere).await.expect(404)["code"], "NotFound");
    assert_eq!(test.get(&format!("{calls}/{other}")).await.expect(404)["code"], "NotFound");
    assert_eq!(test.get(&format!("{calls}/{other}/nothing")).await.expect(404)["code"], "NotFound");
    assert_eq!(server.api("sk_test_app_wrong").get(&calls).await.expect(401)["code"], "Unauthorized");
    assert_eq!(test.post_bytes(&calls, "{").await.expect(400)["code"], "InvalidPayload");
    // Both spellings of the key are taken.
    let url = format!("{}{calls}", test.url());
    let by_key = reqwest::Client::new().get(url).header("authorization", format!("AccessKey {}", test.key()));
    assert_eq!(by_key.send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn lists_are_narrowed_and_paged() {
    let (server, calls) = start().await;
    let test = server.test();
    for (to, tag) in [(BUSY, "One"), (BUSY, "Two"), (HUMAN, "Two")] {
        let call = test.post(&calls, &json!({ "to": to, "tags": [tag] })).await.expect(202);
        if to == BUSY {
            let over = |call: &Value| call["status"] == "busy";
            test.wait_for_answer(&format!("{calls}/{}", text(&call["id"])), "busy", over).await;
        }
    }
    let log = format!("/workspaces/{}/channels/calls", server.keys.workspace_id);
    let count = async |query: &str| {
        let page = test.get(&format!("{log}?{query}")).await.expect(200);
        page["results"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(count("").await, 3);
    assert_eq!(count("status=busy").await, 2);
    assert_eq!(count("status=busy&status=completed").await, 2);
    assert_eq!(count("tag=two").await, 2);
    assert_eq!(count(&format!("channelId={}", server.keys.channel_id)).await, 3);
    assert_eq!(count("to=%2B15005550006&direction=outgoing&type=pstn&duration=0").await, 2);
    assert_eq!(test.get(&format!("{log}?status=odd&limit=0")).await.expect(422)["code"], "InvalidPayload");
    let (mut path, mut seen) = (format!("{calls}?limit=2"), BTreeSet::new());
    for expected in [2, 1] {
        let page = test.get(&path).await.expect(200);
        let results = page["results"].as_array().cloned().unwrap_or_default();
        assert_eq!(results.len(), expected);
        seen.extend(results.iter().map(|call| text(&call["id"])));
        path = format!("{calls}?limit=2&pageToken={}", page["nextPageToken"].as_str().unwrap_or_default());
    }
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn a_live_call_takes_commands_and_another_flow() {
    let (server, calls) = start().await;
    let test = server.test();
    let call = test.post(&calls, &json!({ "to": HUMAN, "sendKeys": "12#" })).await.expect(202);
    let path = format!("{calls}/{}", text(&call["id"]));
    test.wait_for_answer(&path, "the answer", |call| call["status"] == "ongoing").await;
    let said = test.post(&format!("{path}/say"), &json!({ "text": "Hello." })).await.expect(202);
    assert_eq!((&said["command"], &said["status"]), (&json!("say"), &json!("accepted")));
    let early = test.post(&format!("{path}/answer"), &json!({})).await;
    assert_eq!(early.expect(409)["code"], "Conflict");
    let over = patch(&test, &path, &json!({ "status": "completed" })).await.expect(202);
    assert_eq!(over["id"], call["id"]);
    let ended = test.wait_for_answer(&path, "the end", |call| call["status"] == "completed").await;
    assert_eq!(ended["hangupSource"], "api");
    let late = test.post(&format!("{path}/hangup"), &json!({})).await;
    assert_eq!(late.expect(409)["code"], "Conflict");
}

#[tokio::test]
async fn a_scheduled_call_outlives_a_restart_and_rings_at_its_time() {
    let (mut server, calls) = start().await;
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let at = Timestamp::from_millis(now.as_millis() as u64) + Duration::from_secs(6);
    let wanted = json!({ "to": HUMAN, "scheduledFor": at.to_rfc3339_millis() });
    let call = server.test().post(&calls, &wanted).await.expect(202);
    assert_eq!(call["status"], "scheduled");
    let path = format!("{calls}/{}", text(&call["id"]));
    let withdrawn = server.test().post(&calls, &wanted).await.expect(202);
    let other = format!("{calls}/{}", text(&withdrawn["id"]));
    patch(&server.test(), &other, &json!({ "status": "completed" })).await.expect(202);
    assert_eq!(server.test().get(&other).await.expect(200)["status"], "cancelled");
    server.kill9().await;
    server.restart().await;
    let test = server.test();
    assert_eq!(test.get(&path).await.expect(200)["status"], "scheduled");
    let ringing = test.wait_for_answer(&path, "ringing", |call| call["ringingAt"].is_string()).await;
    let rang = Timestamp::parse_rfc3339(&text(&ringing["ringingAt"])).expect("a time");
    let late = rang.since(at);
    assert!(rang >= at && late <= Duration::from_secs(1), "it rang {late:?} after its time");
    assert_eq!(test.get(&other).await.expect(200)["status"], "cancelled");
}

#[tokio::test]
async fn channels_are_made_at_both_doors() {
    let (server, _) = start().await;
    let test = server.test();
    let connectors = format!("/workspaces/{}/connectors", server.keys.workspace_id);
    let wanted = json!({ "name": "Sales", "arguments": { "phoneNumber": "+15005559998" } });
    let made = test.post(&connectors, &wanted).await.expect(201);
    check_is_uuid(&made["id"]);
    assert_eq!(test.post(&connectors, &wanted).await.expect(409)["code"], "Conflict");
    let calls = format!("/workspaces/{}/channels/{}/calls", server.keys.workspace_id, text(&made["id"]));
    let call = test.post(&calls, &json!({ "to": HUMAN })).await.expect(202);
    assert_eq!(call["from"], "+15005559998");
    let listed = test.get("/v1/channels").await.expect(200);
    assert_eq!(listed["totalCount"], 2);
    let id = text(&listed["data"][0]["id"]);
    let named = json!({ "name": "Support", "number": null });
    let path = format!("/v1/channels/{id}");
    let changed = test.send(test.request(Method::PATCH, &path).json(&named)).await.expect(200);
    assert_eq!((&changed["name"], &changed["number"]), (&json!("Support"), &Value::Null));
    test.delete(&path).await.expect(200);
    let first = text(&test.get("/v1/channels").await.expect(200)["data"][0]["id"]);
    assert_eq!(test.delete(&format!("/v1/channels/{first}")).await.fault().0, "channel_conflict");
}
