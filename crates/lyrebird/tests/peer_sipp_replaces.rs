//! A second sipp takes the place of the one that we talk to (Replaces, RFC 3891): the call goes on with it, the first one is
//! hung up; on a clean network and through a relay with loss. Nobody but who is on the call's own line may do that.

#![cfg(test)]

use serde_json::{Value, json};
use std::net::Ipv4Addr;
use testkit::{NetworkProfile, Relay, Server, Sipp};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";
const THEIRS: &str = "+4930200000";
const SEED: u64 = 3_891;
const FIRST: &str = "
    < INVITE
    > 180 INVITE
    > 200 INVITE sdp resend
    < ACK
    < BYE
    > 200 BYE";

/// A call to a sipp that has answered, and what an INVITE that replaces it says of it.
struct Scene {
    server: Server,
    first: Sipp,
    relay: Relay,
    call: String,
    replaces: String,
    linger: &'static str,
}

impl Scene {
    async fn new(network: NetworkProfile, seed: u64) -> Self {
        let linger = if network == NetworkProfile::CLEAN { "" } else { "\n linger 3000" };
        let relay = Relay::start(network, seed).await;
        let first = Sipp::callee_behind(&relay, &format!("{FIRST}{linger}")).await;
        let server = Server::start(BINARY).await;
        server.connect(relay.front(), &json!({}), OURS).await;
        let live = server.live();
        let call = live.place(&json!({ "from": OURS, "to": THEIRS })).await;
        live.wait_for_status(&call, "in_progress").await;
        let is_answer = |line: &Value| line["summary"].as_str().is_some_and(|text| text.starts_with("← 200"));
        let answer = live.wait_for_line(&call, "the answer", is_answer).await;
        let message = answer["detail"]["message"].as_str().expect("a message").to_owned();
        let header = |name: &str| {
            let line = message.lines().find(|line| line.starts_with(name)).expect("it is there");
            line[name.len()..].trim().to_owned()
        };
        let tag = |name: &str| header(name).split_once("tag=").expect("a tag").1.to_owned();
        let replaces = format!("{};to-tag={};from-tag={}", header("Call-ID:"), tag("From:"), tag("To:"));
        Self { server, first, relay, call, replaces, linger }
    }

    fn invite(&self, rest: &str) -> String {
        let replaces = &self.replaces;
        format!(
            "> INVITE sdp header=Require:_replaces header=Replaces:_{replaces}\n <? 100\n {rest}{}",
            self.linger
        )
    }
}

/// Gives how many packets were lost.
async fn check_replaced(network: NetworkProfile, seed: u64) -> usize {
    let scene = Scene::new(network, seed).await;
    let score = scene.invite("< 200\n > ACK\n pause 1500\n > BYE\n < 200");
    let way = Relay::start(network, seed + 1).await;
    let second = Sipp::caller_behind(&way, scene.server.sip, THEIRS, OURS, &score);
    let ended = scene.server.live().wait_for_end(&scene.call).await;
    let story = scene.server.live().story(&scene.call).await;
    assert_eq!((&ended["status"], &ended["endReason"]), (&json!("completed"), &json!("hangup")), "{story}");
    assert!(story.contains("Another party took the place of the far side"), "{story}");
    second.finish().await;
    scene.first.finish().await;
    assert_eq!(
        scene.server.live().get("/v1/calls").await.expect(200)["totalCount"],
        1,
        "it is no call of its own"
    );
    scene.relay.lost() + way.lost()
}

#[tokio::test]
async fn another_party_takes_the_place_of_the_far_side() {
    assert_eq!(check_replaced(NetworkProfile::CLEAN, SEED).await, 0);
}

#[tokio::test]
async fn another_party_takes_the_place_of_the_far_side_on_a_bad_network() {
    let check = |seed| check_replaced(NetworkProfile::BAD, seed);
    let lost = tokio::join!(check(1), check(1_000_003), check(987_654_321));
    assert!(lost.0 + lost.1 + lost.2 > 0, "nothing was lost");
}

#[tokio::test]
async fn who_is_on_another_line_takes_nobodys_place() {
    let scene = Scene::new(NetworkProfile::CLEAN, SEED).await;
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
    scene.server.admin().make_trunk((elsewhere, 5060).into(), &json!({})).await;
    let score = scene.invite("< 403\n > ACK refused");
    Sipp::caller_at(elsewhere, scene.server.sip, THEIRS, OURS, &score).finish().await;
    let live = scene.server.live();
    live.wait_for_status(&scene.call, "in_progress").await;
    live.command(&scene.call, &json!({ "type": "hangup" })).await.expect(200);
    scene.first.finish().await;
}
