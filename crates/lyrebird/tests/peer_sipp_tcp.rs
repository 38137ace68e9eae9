//! sipp over TCP: it is called and calls, and each side hangs up.

#![cfg(test)]

use serde_json::{Value, json};
use std::net::Ipv4Addr;
use testkit::{Receiver, Server, Settings, Sipp};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";
const THEIRS: &str = "+4930200000";

async fn check_called(end: &str, flow: Value) {
    let score = format!("< INVITE\n > 100 INVITE\n > 180 INVITE\n > 200 INVITE sdp\n < ACK\n {end}");
    let callee = Sipp::callee_over_tcp(&score).await;
    let server = Server::start(BINARY).await;
    server.connect(callee.addr(), &json!({ "transport": "tcp" }), OURS).await;
    let call = server.live().place(&json!({ "from": OURS, "to": THEIRS, "flow": flow })).await;
    let shown = server.live().wait_for_end(&call).await;
    let story = server.live().story(&call).await;
    assert_eq!((&shown["status"], &shown["endReason"]), (&json!("completed"), &json!("hangup")), "{story}");
    let finished = callee.finish().await;
    assert_eq!(finished.received("INVITE "), 1, "nothing is sent twice over TCP");
}

#[tokio::test]
async fn a_callee_over_tcp_is_hung_up_by_us() {
    check_called("< BYE\n > 200 BYE", json!([{ "command": "hangup" }])).await;
}

#[tokio::test]
async fn a_callee_over_tcp_hangs_up() {
    check_called("pause 100\n > BYE\n < 200", Value::Null).await;
}

#[tokio::test]
async fn a_caller_over_tcp_is_answered_and_hangs_up() {
    let events = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    server.connect((Ipv4Addr::LOCALHOST, 5060).into(), &json!({}), OURS).await;
    server.live().make_webhook(&events.url("/events"), &["calls.initiated"]).await;
    let score = "> INVITE sdp\n <? 100\n <? 180\n < 200\n > ACK\n pause 100\n > BYE\n < 200";
    let caller = Sipp::caller_over_tcp(server.sip, THEIRS, OURS, score);
    let event = events.wait_for_event("", "calls.initiated").await;
    let call = event["data"]["call"]["id"].as_str().expect("a call has an id").to_owned();
    server.live().command(&call, &json!({ "type": "answer" })).await.expect(200);
    assert_eq!(server.live().wait_for_end(&call).await["status"], json!("completed"));
    caller.finish().await;
}
