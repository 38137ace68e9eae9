//! sipp calls us: who gets through, and how the app's commands and the caller's whims meet.

#![cfg(test)]

use serde_json::{Value, json};
use std::net::Ipv4Addr;
use testkit::{Phone, Receiver, Server, Settings, Sipp};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";
const THEIRS: &str = "+4930200000";

/// A server whose number is reached from 127.0.0.1, with a receiver of its events.
struct Scene {
    server: Server,
    events: Receiver,
}

impl Scene {
    async fn new() -> Self {
        let events = Receiver::start().await;
        let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
        server.connect((Ipv4Addr::LOCALHOST, 5060).into(), &json!({}), OURS).await;
        let wanted =
            ["calls.initiated", "calls.answered", "calls.completed", "calls.failed", "calls.no_answer"];
        server.live().make_webhook(&events.url("/events"), &wanted).await;
        Self { server, events }
    }

    fn caller(&self, score: &str) -> Sipp {
        Sipp::caller(self.server.sip, THEIRS, OURS, score)
    }

    /// The id of the call that arrives.
    async fn arrival(&self) -> String {
        let event = self.events.wait_for_event("", "calls.initiated").await;
        let call = &event["data"]["call"];
        let shown = (&call["direction"], &call["from"], &call["to"]);
        assert_eq!(shown, (&json!("inbound"), &json!(THEIRS), &json!(OURS)));
        call["id"].as_str().expect("a call has an id").to_owned()
    }

    async fn command(&self, call: &str, command: Value) {
        self.server.live().command(call, &command).await.expect(200);
    }

    /// The call rings, is answered, and runs as `score` says from then on.
    async fn answered(&self, score: &str) -> (Sipp, String) {
        let caller = self.caller(&format!("> INVITE sdp\n <? 100\n <? 180\n {score}"));
        let call = self.arrival().await;
        self.command(&call, json!({ "type": "answer" })).await;
        (caller, call)
    }

    async fn ended(&self, call: &str, status: &str, reason: &str) {
        let shown = self.server.live().wait_for_end(call).await;
        let story = self.server.live().story(call).await;
        assert_eq!((&shown["status"], &shown["endReason"]), (&json!(status), &json!(reason)), "{story}");
    }
}

#[tokio::test]
async fn a_call_is_answered_and_hung_up_by_the_app() {
    let scene = Scene::new().await;
    let (caller, call) = scene.answered("< 200\n > ACK\n < BYE\n > 200 BYE").await;
    scene.server.live().wait_for_status(&call, "in_progress").await;
    scene.command(&call, json!({ "type": "hangup" })).await;
    scene.ended(&call, "completed", "hangup").await;
    caller.finish().await;
}

#[tokio::test]
async fn a_number_with_a_flow_answers_by_itself() {
    let server = Server::start(BINARY).await;
    let admin = server.admin();
    let trunk = admin.make_trunk((Ipv4Addr::LOCALHOST, 5060).into(), &json!({})).await;
    let flow = json!([{ "command": "pause", "lengthMs": 1000 }, { "command": "hangup" }]);
    let number = json!({ "number": OURS, "appId": server.keys.app_id, "trunkId": trunk, "flow": flow });
    let shown = admin.post("/v1/numbers", &number).await.expect(201);
    assert_eq!(shown["answersAtOnce"], true);
    let score = "> INVITE sdp\n <? 100\n < 200\n > ACK\n < BYE\n > 200 BYE";
    Sipp::caller(server.sip, THEIRS, OURS, score).finish().await;
    let calls = server.live().get("/v1/calls").await.expect(200);
    let call = &calls["data"][0];
    assert_eq!(calls["totalCount"], 1);
    let id = call["id"].as_str().expect("a call has an id");
    let ended = server.live().wait_for_end(id).await;
    assert_eq!((&ended["status"], &ended["endReason"]), (&json!("completed"), &json!("hangup")));
}

#[tokio::test]
async fn the_caller_hangs_up() {
    let scene = Scene::new().await;
    let (caller, call) = scene.answered("< 200\n > ACK\n pause 200\n > BYE\n < 200").await;
    caller.finish().await;
    scene.ended(&call, "completed", "hangup").await;
    let event = scene.events.wait_for_event(&call, "calls.completed").await;
    assert_eq!(event["data"]["call"]["endReason"], "hangup");
}

#[tokio::test]
async fn the_app_rejects() {
    let scene = Scene::new().await;
    let caller = scene.caller("> INVITE sdp\n <? 100\n <? 180\n < 603\n > ACK refused");
    let call = scene.arrival().await;
    scene.command(&call, json!({ "type": "reject", "reason": "not today" })).await;
    caller.finish().await;
    scene.ended(&call, "failed", "rejected").await;
}

#[tokio::test]
async fn the_caller_gives_up_while_it_rings() {
    let scene = Scene::new().await;
    let caller = scene.caller("> INVITE sdp\n <? 100\n < 180\n > CANCEL\n < 200\n < 487\n > ACK refused");
    let call = scene.arrival().await;
    caller.finish().await;
    scene.ended(&call, "canceled", "canceled").await;
}

#[tokio::test]
async fn an_answer_that_was_lost_is_sent_again_until_confirmed() {
    let scene = Scene::new().await;
    let caller = scene
        .caller("repeats matter\n > INVITE sdp\n <? 100\n <? 180\n < 200\n < 200\n > ACK\n > BYE\n < 200");
    let call = scene.arrival().await;
    scene.command(&call, json!({ "type": "answer" })).await;
    caller.finish().await;
    scene.ended(&call, "completed", "hangup").await;
}

#[tokio::test]
async fn hold_and_resume_are_agreed_to() {
    let scene = Scene::new().await;
    let score = "
        < 200
        > ACK
        > INVITE hold
        <? 100
        < 200
        > ACK
        > INVITE sdp
        <? 100
        < 200
        > ACK
        > BYE
        < 200";
    let (caller, call) = scene.answered(score).await;
    let finished = caller.finish().await;
    scene.ended(&call, "completed", "hangup").await;
    let directions: Vec<_> = finished.messages.match_indices("a=recvonly").collect();
    assert_eq!(directions.len(), 1, "the hold is answered with recvonly: {}", finished.messages);
}

#[tokio::test]
async fn a_ping_is_answered() {
    let scene = Scene::new().await;
    scene.caller("> OPTIONS\n < 200").finish().await;
}

#[tokio::test]
async fn a_number_of_nobody_is_not_found() {
    let scene = Scene::new().await;
    let score = "> INVITE sdp\n <? 100\n < 404\n > ACK refused";
    Sipp::caller(scene.server.sip, THEIRS, "+4930999999", score).finish().await;
    let calls = scene.server.live().get("/v1/calls").await.expect(200);
    assert_eq!(calls["totalCount"], 0);
}

#[tokio::test]
async fn a_stranger_rings_nobody() {
    let scene = Scene::new().await;
    let stranger = Phone::start_at(Ipv4Addr::new(127, 0, 0, 2).into(), Box::new(|_| Vec::new())).await;
    let invite = stranger.request("INVITE", OURS, scene.server.sip, "stranger-1");
    stranger.send(scene.server.sip, &invite).await;
    // One socket, one order: when the friend's ping is answered, the stranger's call has been dealt with.
    let friend = Phone::silent().await;
    friend.send(scene.server.sip, &friend.request("OPTIONS", "ping", scene.server.sip, "friend-1")).await;
    friend.wait_for_answer(200, "OPTIONS").await;
    let answers: Vec<_> = stranger.came().iter().map(testkit::Datagram::code).collect();
    assert!(answers.is_empty() || answers == [403], "{answers:?}");
    let calls = scene.server.live().get("/v1/calls").await.expect(200);
    assert_eq!(calls["totalCount"], 0);
}
