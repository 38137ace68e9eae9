//! Sessions that we keep alive (RFC 4028), with sipp at the far end: the shortest interval there may be is 90 s, of which we
//! refresh at the half; by re-INVITE and by UPDATE, as the caller and as the callee, on a clean and on a bad network.

#![cfg(test)]

use serde_json::{Value, json};
use std::net::Ipv4Addr;
use testkit::{NetworkProfile, Receiver, Relay, Server, Settings, Sipp};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const THEIRS: &str = "+4930200000";
const SEED: u64 = 4_028;

/// sipp answers, and leaves the signs of life to us.
const CALLED: &str = "takes 75
    < INVITE has=Session-Expires
    > 200 INVITE sdp resend header=Require:_timer header=Session-Expires:_90;refresher=uac
    < ACK
    < INVITE within has=Session-Expires
    > 200 INVITE within sdp resend header=Require:_timer header=Session-Expires:_90;refresher=uac
    < ACK
    > BYE
    < 200";
const CALLED_BY_UPDATE: &str = "takes 75
    < INVITE
    > 200 INVITE sdp resend header=Allow:_UPDATE header=Require:_timer header=Session-Expires:_90;refresher=uac
    < ACK
    < UPDATE has=Session-Expires
    > 200 UPDATE header=Require:_timer header=Session-Expires:_90;refresher=uac
    > BYE
    < 200";
/// sipp calls, and asks that we do it.
const CALLING: &str = "takes 75
    > INVITE sdp header=Supported:_timer header=Session-Expires:_90;refresher=uas
    <? 100
    <? 180
    < 200 has=Session-Expires
    > ACK
    < INVITE within has=Session-Expires
    > 200 INVITE within sdp resend header=Require:_timer header=Session-Expires:_90;refresher=uac
    < ACK
    > BYE
    < 200";

/// A server that asks for the shortest interval, and its events.
struct Scene {
    server: Server,
    events: Receiver,
    trunk: String,
}

impl Scene {
    async fn new() -> Self {
        let events = Receiver::start().await;
        // sipp sends no sound.
        let settings = Settings::default()
            .allow(events.addr())
            .set("LYREBIRD_SIP__SESSION_EXPIRES_S", "90")
            .set("LYREBIRD_RTP__SILENCE_LIMIT_MS", "0");
        let server = Server::start_with(BINARY, settings).await;
        let trunk = server.admin().make_trunk((Ipv4Addr::LOCALHOST, 5060).into(), &json!({})).await;
        server.live().make_webhook(&events.url("/"), &["calls.initiated"]).await;
        Self { server, events, trunk }
    }

    async fn ended(&self, call: &str, what: &str) {
        let path = format!("/v1/calls/{call}");
        // Longer than the kit's patience: until the half of the interval.
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(75);
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(200));
        let ended = loop {
            looks.tick().await;
            let shown = self.server.live().get(&path).await.expect(200);
            if !shown["endedAt"].is_null() {
                break shown;
            }
            assert!(tokio::time::Instant::now() < deadline, "{what} did not end: {shown:#}");
        };
        let story = self.server.live().story(call).await;
        let shown = (&ended["status"], &ended["endReason"]);
        assert_eq!(shown, (&json!("completed"), &json!("hangup")), "{what}\n{story}");
    }
}

fn with_rest(score: &str, network: NetworkProfile) -> String {
    let linger = if network == NetworkProfile::CLEAN { "" } else { "\n linger 3000" };
    format!("{score}{linger}")
}

async fn check_called(scene: &Scene, score: &str, number: u64, network: NetworkProfile) {
    let relay = Relay::start(network, SEED + number).await;
    let callee = Sipp::callee_behind(&relay, &with_rest(score, network)).await;
    let ours = format!("+4930100000{number}");
    scene.server.connect(relay.front(), &json!({}), &ours).await;
    let call = scene.server.live().place(&json!({ "from": ours, "to": THEIRS })).await;
    scene.ended(&call, &ours).await;
    callee.finish().await;
}

async fn check_calling(scene: &Scene, number: u64, network: NetworkProfile) {
    let relay = Relay::start(network, SEED + number).await;
    let ours = format!("+4930100000{number}");
    scene.server.admin().assign(&ours, &scene.server.keys.app_id, &scene.trunk).await;
    let score = with_rest(CALLING, network);
    let caller = Sipp::caller_behind(&relay, scene.server.sip, THEIRS, &ours, &score);
    let arrival = |hits: &[testkit::Hit]| {
        let mut calls =
            hits.iter().map(|hit| &hit.json["data"]["call"]).filter(|call| call["to"] == ours.as_str());
        calls.find_map(|call: &Value| call["id"].as_str().map(str::to_owned))
    };
    let call = scene.events.wait_for("the call", arrival).await;
    scene.server.live().command(&call, &json!({ "type": "answer" })).await.expect(200);
    scene.ended(&call, &ours).await;
    caller.finish().await;
}

#[tokio::test]
async fn sessions_are_kept_alive() {
    let scene = Scene::new().await;
    let (clean, bad) = (NetworkProfile::CLEAN, NetworkProfile::BAD);
    tokio::join!(
        check_called(&scene, CALLED, 1, clean),
        check_called(&scene, CALLED, 2, bad),
        check_called(&scene, CALLED_BY_UPDATE, 3, clean),
        check_called(&scene, CALLED_BY_UPDATE, 4, bad),
        check_calling(&scene, 5, clean),
        check_calling(&scene, 6, bad),
    );
}
