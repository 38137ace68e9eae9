//! Who answered, over real SIP and sound: each persona is told for what it is, once, while the flow goes on.

#![cfg(test)]

use serde_json::{Value, json};
use testkit::{Receiver, Server, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");

/// All calls run at once. What the timeline says is what the webhook says.
#[tokio::test]
async fn each_persona_is_told_for_what_it_is() {
    let table = [
        ("0000", json!({}), "human", "short_greeting"),
        ("0010", json!({}), "machine", "beep"),
        ("0010", json!({ "notifyAfter": "beep" }), "machine", "beep"),
        ("0011", json!({}), "machine", "many_words"),
        ("0012", json!({}), "screening", "question"),
        ("0013", json!({}), "fax", "fax_tone"),
    ];
    let events = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    let test = server.test();
    test.make_webhook(&events.url("/"), &["calls.amd.completed"]).await;
    let mut calls = Vec::new();
    for (persona, amd, result, reason) in table {
        let order = json!({
            "from": "+15005559999", "to": format!("+1500555{persona}"), "amd": amd,
            "flow": [{ "command": "pause", "lengthMs": 60_000 }],
            "metadata": { "sandbox": { "answerAfterMs": 200 } },
        });
        calls.push((test.place(&order).await, persona, amd, [result, reason]));
    }
    for (id, persona, amd, expected) in calls {
        let of_call = |hits: &[testkit::Hit]| {
            hits.iter().find(|hit| hit.json["data"]["call"]["id"] == json!(id)).map(|hit| hit.json.clone())
        };
        let event = events.wait_for("who answered", of_call).await;
        let found = &event["data"]["amd"];
        let told = ["result", "reason"].map(|name| found[name].as_str().unwrap_or_default());
        assert_eq!(told, expected, "{persona}: {found:#}\n{}", test.story(&id).await);
        let beep = &found["greetingEnd"]["beep"]["frequenciesHz"];
        let asked = amd["notifyAfter"] == "beep";
        assert_eq!(beep.as_array().map(Vec::len), asked.then_some(1), "{persona}: {found:#}");
        let line = test.wait_for_line(&id, "who answered", |line| line["detail"]["amd"] == expected[0]).await;
        assert_eq!(line["detail"]["evidence"]["greetingMs"], found["evidence"]["greetingMs"]);
        test.command(&id, &json!({ "type": "hangup" })).await.expect(200);
        test.wait_for_end(&id).await;
    }
    let count = events.hits().iter().filter(|hit| hit.json["event"] == "calls.amd.completed").count();
    assert_eq!(count, 6, "told once each");
}

#[tokio::test]
async fn a_call_that_ends_before_says_that_it_could_not_be_told() {
    let events = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    let test = server.test();
    test.make_webhook(&events.url("/"), &["calls.amd.completed"]).await;
    let order = json!({
        "from": "+15005559999", "to": "+15005550000", "amd": {},
        "metadata": { "sandbox": { "answerAfterMs": 100, "hangUpAfterMs": 100 } },
    });
    let id = test.place(&order).await;
    let told = |hits: &[testkit::Hit]| hits.first().map(|hit| hit.json["data"]["amd"].clone());
    let found: Value = events.wait_for("who answered", told).await;
    assert_eq!((&found["result"], &found["reason"]), (&json!("unknown"), &json!("call_ended")));
    test.wait_for_end(&id).await;
}
