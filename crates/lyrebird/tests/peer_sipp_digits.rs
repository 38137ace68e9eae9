//! sipp presses keys by RFC 4733: they arrive exactly, each once, in order.

#![cfg(test)]

use serde_json::{Value, json};
use testkit::{Receiver, Server, Settings, Sipp, digits_capture};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";

/// The callee answers and presses `pressed` by what `plays` says; the gather must end with `keys`.
async fn check(plays: &str, gather: Value, pressed: &str, keys: &str, ended_by: &str) {
    let score =
        format!("< INVITE\n > 200 INVITE sdp resend\n < ACK\n pause 100\n {plays}\n < BYE\n > 200 BYE");
    let callee = Sipp::callee(&score).await;
    let events = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    server.connect(callee.addr(), &json!({}), OURS).await;
    let live = server.live();
    live.make_webhook(
        &events.url("/"),
        &["calls.dtmf.received", "calls.gather.completed", "calls.completed"],
    )
    .await;
    let flow = json!([gather, { "command": "hangup" }]);
    let call = live.place(&json!({ "from": OURS, "to": "+4930200000", "flow": flow })).await;
    events.wait_for_event(&call, "calls.completed").await;
    callee.finish().await;
    let seen = events.events(&call);
    let digits = |event: &Value| event["data"]["dtmf"]["digit"].as_str().map(str::to_owned);
    let received: String = seen.iter().filter_map(digits).collect();
    assert_eq!(received, pressed, "{}", live.story(&call).await);
    let gathered =
        seen.iter().find(|event| event["event"] == "calls.gather.completed").expect("a gather's end");
    assert_eq!(gathered["data"]["gather"]["keys"], keys);
    assert_eq!(gathered["data"]["gather"]["endedBy"], ended_by);
    let lines = live.timeline(&call).await;
    let dtmf = lines.iter().filter(|line| line["kind"] == "dtmf").count();
    assert_eq!(dtmf, pressed.len(), "{}", live.story(&call).await);
}

#[tokio::test]
async fn every_key_arrives_once_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let capture = dir.path().join("digits.pcap");
    digits_capture(&capture, "1234567890*#");
    let plays = format!("play {}", capture.display());
    let gather = json!({ "command": "gather", "keysMax": 12, "timeoutMs": 10_000 });
    check(&plays, gather, "1234567890*#", "1234567890*#", "keys_max").await;
}

#[tokio::test]
async fn repeated_keys_stay_apart_and_the_end_key_ends() {
    let dir = tempfile::tempdir().unwrap();
    let capture = dir.path().join("digits.pcap");
    digits_capture(&capture, "1144#");
    let plays = format!("play {}", capture.display());
    let gather = json!({ "command": "gather", "endKey": "#", "timeoutMs": 10_000 });
    check(&plays, gather, "1144#", "1144", "end_key").await;
}

#[tokio::test]
async fn keys_of_sipps_own_captures_arrive() {
    let play = |name: &str| format!("play /usr/share/sip-tester/dtmf_2833_{name}.pcap");
    let plays = ["7", "star", "pound"].map(play).join("\n pause 500\n");
    let gather = json!({ "command": "gather", "endKey": "#", "timeoutMs": 10_000 });
    check(&plays, gather, "7*#", "7*", "end_key").await;
}
