//! kill -9 at random moments with calls in flight: afterwards no call stays open, none was dialled twice, no event is
//! missing, and whatever was acknowledged is there.

#![cfg(test)]

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use testkit::{Api, Phone, Receiver, Server, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";
/// How often the server is killed.
const ROUNDS: u32 = 20;
/// Calls that are placed in each round, to the carrier and to the sandbox by turns.
const CALLS: u32 = 6;
/// Latest moment of a kill, from the first call of its round on: all that a call does happens before.
const KILL_WITHIN_MS: u64 = 400;
const EVENTS: [&str; 10] = [
    "calls.initiated",
    "calls.ringing",
    "calls.answered",
    "calls.participant.joined",
    "calls.participant.left",
    "calls.command.started",
    "calls.command.completed",
    "calls.completed",
    "calls.failed",
    "calls.no_answer",
];

/// Moments by SplitMix64 from a seed that is printed.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let given = std::env::var("SEED").ok().and_then(|text| text.parse().ok());
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
        let seed = given.unwrap_or_else(now);
        println!("seed {seed}: run with SEED={seed} for the same moments");
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// Places one call; its id if the server acknowledged it.
async fn place(api: Api, number: u32) -> Option<String> {
    let live = number.is_multiple_of(2);
    let flow = json!([{ "command": "pause", "lengthMs": 1_000 }, { "command": "hangup" }]);
    let (from, to) = if live { (OURS, format!("+493020{number:06}")) } else { (OURS, "+15005550006".into()) };
    let request = api.request(reqwest::Method::POST, "/v1/calls");
    let answer = api.try_send(request.json(&json!({ "from": from, "to": to, "flow": flow }))).await?;
    (answer.status == 201).then(|| answer.json["id"].as_str().unwrap_or_default().to_owned())
}

/// Places a round's calls and kills the server amid them. Gives the ids that were acknowledged.
async fn round(server: &mut Server, chance: &mut Chance, round: u32) -> Vec<String> {
    let moment = Duration::from_millis(chance.below(KILL_WITHIN_MS));
    let placing: Vec<_> = (0..CALLS)
        .map(|number| {
            let api = if number.is_multiple_of(2) { server.live() } else { server.test() };
            tokio::spawn(place(api, round * CALLS + number))
        })
        .collect();
    // The moment of the kill is the experiment itself; nothing is waited for.
    tokio::time::sleep(moment).await;
    server.kill9().await;
    let mut acknowledged = Vec::new();
    for call in placing {
        acknowledged.extend(call.await.expect("placing does not panic"));
    }
    server.restart().await;
    acknowledged
}

fn api_of(server: &Server, call: &str) -> Api {
    if call.starts_with("call_test_") { server.test() } else { server.live() }
}

/// Every call that any list shows, by its id.
async fn all_calls(server: &Server) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for api in [server.live(), server.test()] {
        for offset in (0..).step_by(100) {
            let page = api.get(&format!("/v1/calls?limit=100&offset={offset}")).await.expect(200);
            let calls = page["data"].as_array().cloned().unwrap_or_default();
            if calls.is_empty() {
                break;
            }
            all.extend(calls.iter().filter_map(|call| call["id"].as_str().map(str::to_owned)));
        }
    }
    all
}

/// Calls by the number dialled: each is rung by one Call-ID at most, however often the INVITE was repeated.
fn check_dialled_once(carrier: &Phone) {
    let mut dialled: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for datagram in carrier.came().iter().filter(|datagram| datagram.method() == "INVITE") {
        let number = datagram.header("To").to_owned();
        dialled.entry(number).or_default().insert(datagram.header("Call-ID").to_owned());
    }
    assert!(!dialled.is_empty(), "no call got as far as the carrier");
    let twice: Vec<_> = dialled.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(twice.is_empty(), "dialled twice: {twice:#?}");
}

/// The call's events have come, numbered 1, 2, 3 … and ending with its end.
async fn check_events(events: &Receiver, call: &str) {
    let whole = |hits: &[testkit::Hit]| {
        let of_call = hits.iter().filter(|hit| hit.json["data"]["call"]["id"] == call);
        let bodies: BTreeMap<u64, &Value> =
            of_call.map(|hit| (hit.json["sequence"].as_u64().unwrap_or_default(), &hit.json)).collect();
        let (last, body) = bodies.last_key_value()?;
        let ended = ["calls.completed", "calls.failed", "calls.no_answer"].contains(&body["event"].as_str()?);
        let gapless = bodies.keys().copied().eq(1..=*last);
        (ended && gapless).then_some(())
    };
    events.wait_for(&format!("events of {call} without a gap to its end"), whole).await;
}

#[tokio::test]
async fn a_killed_server_keeps_its_word() {
    let mut chance = Chance::new();
    let carrier = Phone::polite().await;
    let events = Receiver::start().await;
    let mut server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    server.connect(carrier.addr(), &json!({ "callsPerSecond": 1_000 }), OURS).await;
    for api in [server.live(), server.test()] {
        api.make_webhook(&events.url("/"), &EVENTS).await;
    }
    let mut acknowledged = BTreeSet::new();
    for number in 0..ROUNDS {
        acknowledged.extend(round(&mut server, &mut chance, number).await);
    }
    assert!(!acknowledged.is_empty(), "no call was ever acknowledged");
    let all = all_calls(&server).await;
    assert_eq!(
        acknowledged.difference(&all).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "acknowledged and lost"
    );
    for call in &all {
        let ended = api_of(&server, call).wait_for_end(call).await;
        assert_ne!(ended["endReason"], Value::Null, "{ended:#}");
    }
    for call in &all {
        check_events(&events, call).await;
    }
    check_dialled_once(&carrier);
}

#[tokio::test]
async fn a_recording_that_a_kill_cut_off_is_finished() {
    let mut server = Server::start(BINARY).await;
    let order = json!({ "from": OURS, "to": "+15005550000", "flow": [{ "command": "record", "silenceMs": 60_000 }],
        "metadata": { "sandbox": { "text": "I am still speaking when the power goes out, and for a while longer." } } });
    let call = server.test().place(&order).await;
    let spool = server.data_dir().join("spool");
    let sound_bytes = || {
        let files = std::fs::read_dir(&spool).into_iter().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum::<u64>()
    };
    // Each look costs one long poll of half a second at most.
    while sound_bytes() < 8_000 {
        server.test().wait_for_status(&call, "in_progress").await;
        server.test().get(&format!("/v1/calls/{call}/timeline?after=100000&waitMs=100")).await.expect(200);
    }
    server.kill9().await;
    server.restart().await;
    let ended = server.test().wait_for_end(&call).await;
    assert_eq!(
        (&ended["status"], &ended["endReason"]),
        (&json!("completed"), &json!("node_lost")),
        "{ended:#}"
    );
    let recordings = server.test().wait_for_recordings(&call).await;
    let file = server.test().recording_file(&recordings[0]).await;
    let clip = audio::read_clip(&file, &audio::ClipLimits::default()).expect("a whole wav");
    assert!(clip.duration_ms() >= 500, "{} ms", clip.duration_ms());
    assert!(clip.samples.iter().any(|sample| sample.unsigned_abs() > 1_000), "the persona is not heard");
}

#[tokio::test]
async fn the_far_side_of_an_answered_call_is_hung_up_by_the_next_server() {
    let carrier = Phone::polite().await;
    let mut server = Server::start(BINARY).await;
    server.connect(carrier.addr(), &json!({}), OURS).await;
    let flow = json!([{ "command": "pause", "lengthMs": 60_000 }]);
    let call = server.live().place(&json!({ "from": OURS, "to": "+4930200000", "flow": flow })).await;
    server.live().wait_for_status(&call, "in_progress").await;
    // What is written with the answer is what the next server knows.
    server.live().wait_for_line(&call, "the first step", |line| line["summary"] == "step 1: pause").await;
    let invited = carrier.wait_for_request("INVITE").await;
    server.kill9().await;
    server.restart().await;
    let bye = carrier.wait_for_request("BYE").await;
    assert_eq!(bye.header("Call-ID"), invited.header("Call-ID"));
    assert!(bye.header("Reason").contains("cause=41"), "{}", bye.text);
    let ended = server.live().wait_for_end(&call).await;
    assert_eq!(ended["endReason"], "node_lost", "{ended:#}");
}
