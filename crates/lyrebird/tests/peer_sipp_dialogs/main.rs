//! Dialogs of every kind with sipp, in both directions: each once on a clean network and once through a relay that loses
//! a tenth of the packets and delays the others by up to 200 ms more. The call ends the same.

#![cfg(test)]

mod called;
mod calling;

use called::CALLED;
use calling::CALLING;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::Arc;
use testkit::{NetworkProfile, Receiver, Relay, Server, Settings, Sipp};
use tokio::task::{Id, JoinSet};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const THEIRS: &str = "+4930200000";
/// Longer than the far side waits before it says again what was lost; milliseconds.
const LINGER_MS: u32 = 3_000;
/// The fate of the packets, unless SEED in the environment tells another one.
const SEED: u64 = 3_264;

/// Who does what on our side of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// Nothing but what the flow says; a call that arrives is only rung.
    Nothing,
    /// The app hangs up while it rings.
    Withdraw,
    /// The app answers.
    Answer,
    /// The app answers when the caller has acknowledged the ringing.
    AnswerAcknowledged,
    /// The app answers, and hangs up then.
    AnswerAndHangUp,
    /// The app rejects.
    Reject,
}

/// A call: what sipp plays, what we do, and how it has to end.
struct Scenario {
    name: &'static str,
    /// sipp's part.
    score: &'static str,
    /// What our call does, as JSON.
    flow: &'static str,
    /// Fields of the trunk, as JSON.
    trunk: &'static str,
    deed: Deed,
    /// Its status and the reason of its end.
    end: (&'static str, &'static str),
    /// A kind of line that its timeline must have.
    told: Option<&'static str>,
}

impl Scenario {
    const fn new(name: &'static str, score: &'static str, end: (&'static str, &'static str)) -> Self {
        Self { name, score, flow: "null", trunk: "null", deed: Deed::Nothing, end, told: None }
    }

    const fn flow(self, flow: &'static str) -> Self {
        Self { flow, ..self }
    }

    const fn trunk(self, trunk: &'static str) -> Self {
        Self { trunk, ..self }
    }

    const fn deed(self, deed: Deed) -> Self {
        Self { deed, ..self }
    }

    const fn told(self, kind: &'static str) -> Self {
        Self { told: Some(kind), ..self }
    }
}

const COMPLETED: (&str, &str) = ("completed", "hangup");

const HANG_UP: &str = r#"[{ "command": "hangup" }]"#;
const HANG_UP_LATER: &str = r#"[{ "command": "pause", "lengthMs": 2000 }, { "command": "hangup" }]"#;
const GATHER: &str =
    r#"[{ "command": "gather", "keysMax": 1, "timeoutMs": 60000 }, { "command": "hangup" }]"#;

fn seed() -> u64 {
    std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED)
}

/// The network of a scenario; clean where there is no relay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Network {
    Clean,
    Bad,
}

impl Network {
    /// A relay, and what sipp plays behind it: at the end it says again what was lost.
    async fn relay(self, number: usize, score: &str) -> (Option<Relay>, String) {
        match self {
            Self::Clean => (None, score.to_owned()),
            Self::Bad => {
                let seed = seed() + u64::try_from(number).unwrap();
                let relay = Relay::start(NetworkProfile::BAD, seed).await;
                (Some(relay), format!("{score}\n linger {LINGER_MS}"))
            }
        }
    }
}

fn read(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

/// A scenario that sipp played to its end.
struct Played {
    /// The call's id.
    call: String,
    /// Packets that the network lost.
    lost: usize,
}

/// Plays a scenario as the callee of our call.
async fn play_called(server: &Server, scenario: &Scenario, number: usize, network: Network) -> Played {
    let (relay, score) = network.relay(number, scenario.score).await;
    let (callee, peer) = match &relay {
        Some(relay) => (Sipp::callee_behind(relay, &score).await, relay.front()),
        None => {
            let callee = Sipp::callee(&score).await;
            let peer = callee.addr();
            (callee, peer)
        }
    };
    let ours = format!("+49301000{number:02}");
    server.connect(peer, &read(scenario.trunk), &ours).await;
    let api = server.live();
    let call = api.place(&json!({ "from": ours, "to": THEIRS, "flow": read(scenario.flow) })).await;
    if scenario.deed == Deed::Withdraw {
        api.wait_for_status(&call, "ringing").await;
        api.command(&call, &json!({ "type": "hangup" })).await.expect(200);
    }
    callee.finish().await;
    Played { call, lost: relay.map_or(0, |relay| relay.lost()) }
}

/// Plays a scenario as the caller of a call that arrives.
async fn play_calling(
    (server, events, trunk): (&Server, &Receiver, &str),
    scenario: &Scenario,
    number: usize,
    network: Network,
) -> Played {
    let (relay, score) = network.relay(number, scenario.score).await;
    let ours = format!("+49301000{number:02}");
    server.admin().assign(&ours, &server.keys.app_id, trunk).await;
    let caller = match &relay {
        Some(relay) => Sipp::caller_behind(relay, server.sip, THEIRS, &ours, &score),
        None => Sipp::caller(server.sip, THEIRS, &ours, &score),
    };
    let arrival = |hits: &[testkit::Hit]| {
        let calls = hits.iter().map(|hit| &hit.json["data"]["call"]);
        calls
            .filter(|call| call["to"] == ours.as_str())
            .find_map(|call| call["id"].as_str().map(str::to_owned))
    };
    let call = events.wait_for(scenario.name, arrival).await;
    let api = server.live();
    if scenario.deed == Deed::AnswerAcknowledged {
        let is_prack =
            |line: &Value| line["summary"].as_str().is_some_and(|text| text.starts_with("← PRACK"));
        api.wait_for_line(&call, "a PRACK", is_prack).await;
    }
    if matches!(scenario.deed, Deed::Answer | Deed::AnswerAcknowledged | Deed::AnswerAndHangUp) {
        api.command(&call, &json!({ "type": "answer" })).await.expect(200);
    }
    if scenario.deed == Deed::AnswerAndHangUp {
        api.wait_for_status(&call, "in_progress").await;
        api.command(&call, &json!({ "type": "hangup" })).await.expect(200);
    }
    if scenario.deed == Deed::Reject {
        api.command(&call, &json!({ "type": "reject" })).await.expect(200);
    }
    caller.finish().await;
    Played { call, lost: relay.map_or(0, |relay| relay.lost()) }
}

/// The call ended as it has to.
async fn check_end(server: &Server, scenario: &Scenario, call: &str) {
    let api = server.live();
    let shown = api.wait_for_end(call).await;
    let story = api.story(call).await;
    let end = (&shown["status"], &shown["endReason"]);
    assert_eq!(end, (&json!(scenario.end.0), &json!(scenario.end.1)), "{story}");
    if let Some(kind) = scenario.told {
        let lines = api.timeline(call).await;
        assert!(lines.iter().any(|line| line["kind"] == kind), "{story}");
    }
}

/// Waits for all scenarios, which tell how many packets were lost. Panics with the names of those that went wrong; what
/// went wrong stands above.
async fn all_well(mut running: JoinSet<usize>, names: &[(Id, &'static str)], network: Network) {
    let (mut wrong, mut lost) = (Vec::new(), 0);
    while let Some(played) = running.join_next_with_id().await {
        match played {
            Ok((_, packets)) => lost += packets,
            Err(error) => wrong.extend(names.iter().find(|(id, _)| *id == error.id()).map(|(_, name)| *name)),
        }
    }
    assert!(wrong.is_empty(), "seed {}: {wrong:#?}", seed());
    assert_eq!(lost > 0, network == Network::Bad, "{lost} packets were lost");
}

/// All calls to sipp, at once.
async fn check_called(network: Network) {
    let server = Arc::new(Server::start(BINARY).await);
    let (mut running, mut names) = (JoinSet::new(), Vec::new());
    for (number, scenario) in CALLED.iter().enumerate() {
        let server = Arc::clone(&server);
        let name = scenario.name;
        let handle = running.spawn(async move {
            let played = play_called(&server, scenario, number, network).await;
            check_end(&server, scenario, &played.call).await;
            played.lost
        });
        names.push((handle.id(), name));
    }
    all_well(running, &names, network).await;
}

/// All calls of sipp, at once.
async fn check_calling(network: Network) {
    let events = Arc::new(Receiver::start().await);
    let server = Arc::new(Server::start_with(BINARY, Settings::default().allow(events.addr())).await);
    let trunk = server.admin().make_trunk((Ipv4Addr::LOCALHOST, 5060).into(), &json!({})).await;
    server.live().make_webhook(&events.url("/events"), &["calls.initiated"]).await;
    let (mut running, mut names) = (JoinSet::new(), Vec::new());
    for (number, scenario) in CALLING.iter().enumerate() {
        let (server, events, trunk) = (Arc::clone(&server), Arc::clone(&events), trunk.clone());
        let name = scenario.name;
        let handle = running.spawn(async move {
            let played = play_calling((&server, &events, &trunk), scenario, number, network).await;
            check_end(&server, scenario, &played.call).await;
            played.lost
        });
        names.push((handle.id(), name));
    }
    all_well(running, &names, network).await;
}

#[tokio::test]
async fn calls_to_sipp_end_well_on_a_clean_network() {
    check_called(Network::Clean).await;
}

#[tokio::test]
async fn calls_to_sipp_end_the_same_on_a_bad_network() {
    check_called(Network::Bad).await;
}

#[tokio::test]
async fn calls_of_sipp_end_well_on_a_clean_network() {
    check_calling(Network::Clean).await;
}

#[tokio::test]
async fn calls_of_sipp_end_the_same_on_a_bad_network() {
    check_calling(Network::Bad).await;
}
