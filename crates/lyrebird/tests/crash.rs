//! The server is killed at random moments with calls in flight: what was acknowledged ends, nothing is dialled twice,
//! and the numbers of a call's events have no gap.

#![cfg(test)]

use model::IdSource;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use testkit::{Api, Datagram, Hit, Phone, Receiver, Server, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";
const ROUNDS: u64 = 12;
const CALLS: u64 = 8;
/// Signalling datagrams of one call, more or less.
const DATAGRAMS_A_CALL: u64 = 3;
/// Everything that is told of a call without keys and gathers.
const EVENTS: [&str; 9] = [
    "calls.initiated",
    "calls.ringing",
    "calls.answered",
    "calls.completed",
    "calls.failed",
    "calls.no_answer",
    "calls.participant.joined",
    "calls.participant.left",
    "calls.command.completed",
];

fn seed() -> u64 {
    let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("replay with SEED={seed}");
    seed
}

/// Kills the server once so many more datagrams have come to the phone, or when the calls are through before.
async fn kill_in_flight(server: &mut Server, phone: &Phone, before: usize, datagrams: usize) {
    let enough = |came: &[Datagram]| {
        let new = came.get(before..).unwrap_or_default();
        let byes = new.iter().filter(|datagram| datagram.method() == "BYE").count() as u64;
        (new.len() >= datagrams || byes >= CALLS).then_some(())
    };
    phone.wait_for("traffic to be cut off", enough).await;
    server.kill9().await;
}

/// The ids of the calls that were acknowledged, by the number they go to.
async fn place_all(api: Api, round: u64) -> BTreeMap<String, String> {
    let mut calls = BTreeMap::new();
    for at in 0..CALLS {
        let to = format!("+49302{round:03}{at:03}");
        let flow = json!([{ "command": "pause", "lengthMs": 1_000 }, { "command": "hangup" }]);
        let order = json!({ "from": OURS, "to": to, "flow": flow });
        let request = api.request(reqwest::Method::POST, "/v1/calls").json(&order);
        if let Some(answer) = api.try_send(request).await {
            let call = answer.expect(201);
            calls.insert(to, call["id"].as_str().expect("a call has an id").to_owned());
        }
    }
    calls
}

/// Dialogs that the phone was asked into, by the number that was dialled.
fn dialogs(came: &[Datagram]) -> BTreeMap<String, BTreeSet<String>> {
    let mut dialogs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for invite in came.iter().filter(|datagram| datagram.method() == "INVITE") {
        let uri = invite.header("To").split(['@', '>']).next().unwrap_or_default();
        let number = uri.rsplit(':').next().unwrap_or_default().to_owned();
        dialogs.entry(number).or_default().insert(invite.header("Call-ID").to_owned());
    }
    dialogs
}

/// The numbers of a call's events, once one of them is the last.
fn all_told(hits: &[Hit], call: &str) -> Option<BTreeSet<u64>> {
    let events: Vec<&Value> =
        hits.iter().map(|hit| &hit.json).filter(|event| event["data"]["call"]["id"] == call).collect();
    let last = ["calls.completed", "calls.failed", "calls.no_answer"];
    let numbers: BTreeSet<u64> = events.iter().filter_map(|event| event["sequence"].as_u64()).collect();
    let ended = events.iter().any(|event| last.iter().any(|name| event["event"] == *name));
    let whole = numbers.iter().copied().eq(1..=numbers.len() as u64);
    (ended && whole).then_some(numbers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_no_call_dials_none_twice_and_leaves_no_gap() {
    let mut random = IdSource::new(seed());
    let (phone, receiver) = (Phone::polite().await, Receiver::start().await);
    let mut server = Server::start_with(BINARY, Settings::default().allow(receiver.addr())).await;
    server.connect(phone.addr(), &json!({ "callsPerSecond": 1_000 }), OURS).await;
    server.live().make_webhook(&receiver.url("/"), &EVENTS).await;
    let mut acknowledged = BTreeMap::new();
    for round in 0..ROUNDS {
        let before = phone.came().len();
        let moment = usize::try_from(random.next_u64() % (CALLS * DATAGRAMS_A_CALL)).expect("it is small");
        let placing = tokio::spawn(place_all(server.live(), round));
        kill_in_flight(&mut server, &phone, before, moment).await;
        acknowledged.extend(placing.await.expect("placing goes on without a server"));
        server.restart().await;
    }
    for call in acknowledged.values() {
        let ended = server.live().wait_for_end(call).await;
        let reason = ended["endReason"].as_str().unwrap_or_default();
        assert!(["hangup", "node_lost"].contains(&reason), "{ended:#}");
        receiver.wait_for("the whole story of a call", |hits| all_told(hits, call)).await;
    }
    for (number, dialogs) in dialogs(&phone.came()) {
        assert_eq!(dialogs.len(), 1, "{number} was dialled more than once");
    }
    let listed = server.live().get("/v1/calls?limit=1").await.expect(200);
    let (total, heard) = (listed["totalCount"].as_u64().unwrap_or_default(), acknowledged.len() as u64);
    // An answer that the kill cut off may stand for a call that was made.
    assert!((heard..=heard + ROUNDS).contains(&total), "{total} calls where {heard} were acknowledged");
    assert!(heard > ROUNDS, "the kills leave calls to look at");
}
