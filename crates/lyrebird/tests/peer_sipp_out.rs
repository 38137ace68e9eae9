//! We call, and sipp plays the callee: each way a call can go, on the wire and at the API.

#![cfg(test)]

use serde_json::{Value, json};
use testkit::{Finished, Server, Sipp};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";
const THEIRS: &str = "+4930200000";

const ANSWER: &str = "
    < INVITE
    > 100 INVITE
    > 180 INVITE
    > 200 INVITE sdp resend
    < ACK";

/// A server with a trunk to the callee who plays `score`, and a call to it that is under way.
struct Scene {
    server: Server,
    callee: Sipp,
    call: String,
}

impl Scene {
    async fn new(score: &str, flow: Value, trunk: Value) -> Self {
        let callee = Sipp::callee(score).await;
        let server = Server::start(BINARY).await;
        server.connect(callee.addr(), &trunk, OURS).await;
        let call = server.live().place(&json!({ "from": OURS, "to": THEIRS, "flow": flow })).await;
        Self { server, callee, call }
    }

    async fn hang_up(&self) {
        self.server.live().command(&self.call, &json!({ "type": "hangup" })).await.expect(200);
    }

    async fn wait_for_status(&self, status: &str) {
        self.server.live().wait_for_status(&self.call, status).await;
    }

    /// Waits for both ends, and checks how the call ended: its status, its reason and whether it was ever answered.
    async fn ended(self, status: &str, reason: &str, answered: bool) -> Finished {
        let call = self.server.live().wait_for_end(&self.call).await;
        let story = self.server.live().story(&self.call).await;
        let shown = (&call["status"], &call["endReason"], !call["answeredAt"].is_null());
        assert_eq!(shown, (&json!(status), &json!(reason), answered), "{story}");
        assert_eq!(call["duration"].is_null(), !answered, "{call:#}");
        self.callee.finish().await
    }
}

fn hang_up_at_once() -> Value {
    json!([{ "command": "hangup" }])
}

/// The callee plays `score` while the call runs `flow`; then the call must have ended so.
async fn check(score: &str, flow: Value, status: &str, reason: &str, answered: bool) -> Finished {
    Scene::new(score, flow, json!({})).await.ended(status, reason, answered).await
}

#[tokio::test]
async fn we_hang_up() {
    let score = format!("{ANSWER}\n < BYE\n > 200 BYE");
    check(&score, hang_up_at_once(), "completed", "hangup", true).await;
}

#[tokio::test]
async fn the_callee_hangs_up() {
    let score = format!("{ANSWER}\n pause 200\n > BYE\n < 200");
    check(&score, Value::Null, "completed", "hangup", true).await;
}

#[tokio::test]
async fn the_callee_is_busy() {
    check("< INVITE\n > 180 INVITE\n > 486 INVITE\n < ACK", Value::Null, "busy", "busy", false).await;
}

#[tokio::test]
async fn the_callee_declines() {
    check("< INVITE\n > 603 INVITE\n < ACK", Value::Null, "failed", "rejected", false).await;
}

#[tokio::test]
async fn the_number_does_not_exist() {
    let score = "< INVITE\n > 404 INVITE header=Reason:_Q.850;cause=1\n < ACK";
    check(score, Value::Null, "failed", "failed", false).await;
}

#[tokio::test]
async fn the_carrier_fails() {
    check("< INVITE\n > 503 INVITE header=Retry-After:_5\n < ACK", Value::Null, "failed", "failed", false)
        .await;
}

#[tokio::test]
async fn ringing_then_early_sound_then_an_answer() {
    let score = "
        < INVITE
        > 180 INVITE
        > 183 INVITE sdp
        pause 100
        > 200 INVITE sdp resend
        < ACK
        < BYE
        > 200 BYE";
    check(score, hang_up_at_once(), "completed", "hangup", true).await;
}

/// The callee challenges with `code`; the next INVITE must pass `test`, or the score goes wrong.
async fn check_challenge(code: &str, test: &str) {
    let answered = "> 200 INVITE sdp resend\n < ACK\n < BYE\n > 200 BYE";
    let score = format!("< INVITE\n > {code} INVITE\n < ACK\n < INVITE {test}\n {answered}");
    let trunk = json!({ "username": "alice", "password": "s3cret" });
    let scene = Scene::new(&score, hang_up_at_once(), trunk).await;
    let finished = scene.ended("completed", "hangup", true).await;
    assert_eq!(finished.received("INVITE"), 2, "{}", finished.messages);
}

#[tokio::test]
async fn a_401_is_answered_with_digest() {
    check_challenge("401", "auth=alice:s3cret").await;
}

#[tokio::test]
async fn a_407_is_answered_with_digest() {
    check_challenge("407", "has=Proxy-Authorization").await;
}

#[tokio::test]
async fn a_challenge_without_credentials_ends_the_call() {
    check("< INVITE\n > 401 INVITE\n < ACK", Value::Null, "failed", "failed", false).await;
}

#[tokio::test]
async fn a_credential_that_is_refused_is_not_tried_again_and_again() {
    let score = "< INVITE\n > 407 INVITE\n < ACK\n < INVITE\n > 407 INVITE\n < ACK";
    let scene = Scene::new(score, Value::Null, json!({ "username": "alice", "password": "wrong" })).await;
    let finished = scene.ended("failed", "failed", false).await;
    assert_eq!(finished.received("INVITE"), 2, "{}", finished.messages);
}

#[tokio::test]
async fn a_ringing_call_is_withdrawn() {
    let score = "< INVITE\n > 180 INVITE\n < CANCEL\n > 200 CANCEL\n > 487 INVITE\n < ACK";
    let scene = Scene::new(score, Value::Null, json!({})).await;
    scene.wait_for_status("ringing").await;
    scene.hang_up().await;
    scene.ended("canceled", "canceled", false).await;
}

#[tokio::test]
async fn an_answer_that_crosses_the_withdrawal_is_hung_up() {
    let score = "
        < INVITE
        > 180 INVITE
        < CANCEL
        > 200 CANCEL
        > 200 INVITE sdp resend
        < ACK
        < BYE
        > 200 BYE";
    let scene = Scene::new(score, Value::Null, json!({})).await;
    scene.wait_for_status("ringing").await;
    scene.hang_up().await;
    scene.ended("canceled", "canceled", false).await;
}

#[tokio::test]
async fn nobody_answers_in_time() {
    let callee =
        Sipp::callee("< INVITE\n > 180 INVITE\n < CANCEL\n > 200 CANCEL\n > 487 INVITE\n < ACK").await;
    let server = Server::start(BINARY).await;
    server.connect(callee.addr(), &json!({}), OURS).await;
    let order = json!({ "from": OURS, "to": THEIRS, "ringTimeoutMs": 3_000 });
    let call = server.live().place(&order).await;
    Scene { server, callee, call }.ended("no_answer", "no_answer", false).await;
}

#[tokio::test]
async fn a_hang_up_that_crossed_ours_is_answered_well() {
    // RFC 5407 §3.1.4: both sides meant the same.
    let score = format!("{ANSWER}\n < BYE\n > 200 BYE\n pause 200\n > BYE\n < 200");
    check(&score, hang_up_at_once(), "completed", "hangup", true).await;
}

#[tokio::test]
async fn a_repeated_hang_up_is_answered_again() {
    let score = "
        repeats matter
        < INVITE
        > 200 INVITE sdp
        < ACK
        > BYE
        < 200
        > BYE again
        < 200";
    check(score, Value::Null, "completed", "hangup", true).await;
}

#[tokio::test]
async fn an_answer_whose_confirmation_was_lost_is_confirmed_again() {
    let score = "
        repeats matter
        < INVITE
        > 180 INVITE
        > 200 INVITE sdp
        < ACK
        > 200 INVITE sdp
        < ACK
        > 200 INVITE sdp
        < ACK
        > BYE
        < 200";
    check(score, Value::Null, "completed", "hangup", true).await;
}

#[tokio::test]
async fn a_callee_that_hears_nothing_at_first_is_asked_again() {
    // The first INVITE is lost: only its repetition is answered.
    let score = "
        repeats matter
        < INVITE
        < INVITE
        > 200 INVITE sdp
        < ACK
        < BYE
        > 200 BYE";
    check(score, hang_up_at_once(), "completed", "hangup", true).await;
}
