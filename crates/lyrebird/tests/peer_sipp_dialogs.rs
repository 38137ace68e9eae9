//! Dialogs of every kind with sipp, in both directions: each once on a clean network and once through a relay that loses
//! a tenth of the packets and delays the others by up to 200 ms more. The call ends the same.

#![cfg(test)]

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
const GATHER: &str =
    r#"[{ "command": "gather", "keysMax": 1, "timeoutMs": 60000 }, { "command": "hangup" }]"#;

/// We call, sipp is called.
const CALLED: &[Scenario] = &[
    Scenario::new(
        "early sound that is acknowledged by PRACK",
        "< INVITE
             > 183 INVITE sdp resend header=Require:_100rel header=RSeq:_77
             < PRACK has=RAck
             > 200 PRACK
             > 200 INVITE resend
             < ACK
             < BYE
             > 200 BYE",
        COMPLETED,
    )
    .flow(HANG_UP),
    Scenario::new(
        "an UPDATE before the answer",
        "< INVITE
             > 183 INVITE sdp resend header=Require:_100rel header=RSeq:_9
             < PRACK
             > 200 PRACK
             > UPDATE sdp
             < 200
             > 200 INVITE resend
             < ACK
             > BYE
             < 200",
        COMPLETED,
    ),
    Scenario::new(
        "a session that is to last longer (422)",
        "< INVITE
             > 422 INVITE resend header=Min-SE:_3600
             < ACK
             < INVITE has=Min-SE
             > 200 INVITE sdp resend header=Require:_timer header=Session-Expires:_3600;refresher=uac
             < ACK
             < BYE
             > 200 BYE",
        COMPLETED,
    )
    .flow(HANG_UP),
    Scenario::new(
        "a session that the callee refreshes",
        "< INVITE
             > 200 INVITE sdp resend header=Require:_timer header=Session-Expires:_1800;refresher=uas
             < ACK
             > UPDATE header=Supported:_timer header=Session-Expires:_1800;refresher=uac
             < 200 has=Session-Expires
             > BYE
             < 200",
        COMPLETED,
    ),
    Scenario::new(
        "hold and resume by re-INVITE",
        "< INVITE
             > 180 INVITE
             > 200 INVITE sdp resend
             < ACK
             > INVITE hold
             <? 100
             < 200
             > ACK
             > INVITE sdp
             <? 100
             < 200
             > ACK
             > BYE
             < 200",
        COMPLETED,
    ),
    Scenario::new(
        "hold and resume by UPDATE",
        "< INVITE
             > 200 INVITE sdp resend
             < ACK
             > UPDATE gone
             < 200
             > UPDATE sdp
             < 200
             > BYE
             < 200",
        COMPLETED,
    ),
    Scenario::new(
        "a digit by INFO",
        "< INVITE
             > 200 INVITE sdp resend
             < ACK
             > INFO dtmf=5
             < 200
             < BYE
             > 200 BYE",
        COMPLETED,
    )
    .flow(GATHER)
    .told("dtmf"),
    Scenario::new(
        "a REFER that is refused",
        "< INVITE
             > 200 INVITE sdp resend
             < ACK
             > REFER header=Refer-To:_<sip:+4930300000@127.0.0.1>
             < 603
             > BYE
             < 200",
        COMPLETED,
    ),
    Scenario::new(
        "a redirection that is not followed",
        "< INVITE
             > 302 INVITE resend
             < ACK",
        ("failed", "failed"),
    ),
    Scenario::new(
        "two forks that ring, one that answers",
        "< INVITE
             > 180 INVITE tag=a
             > 183 INVITE sdp tag=b
             > 180 INVITE tag=c
             > 200 INVITE sdp resend tag=b
             < ACK
             < BYE
             > 200 BYE",
        COMPLETED,
    )
    .flow(HANG_UP),
    Scenario::new(
        "a ringing call that is withdrawn",
        "< INVITE
             > 180 INVITE resend
             < CANCEL
             > 200 CANCEL
             > 487 INVITE resend
             < ACK",
        ("canceled", "canceled"),
    )
    .deed(Deed::Withdraw),
    Scenario::new(
        "an answer that crosses the withdrawal",
        "< INVITE
             > 180 INVITE resend
             < CANCEL
             > 200 CANCEL
             > 200 INVITE sdp resend
             < ACK
             < BYE
             > 200 BYE",
        ("canceled", "canceled"),
    )
    .deed(Deed::Withdraw),
    Scenario::new(
        "a challenge",
        "< INVITE
             > 407 INVITE resend
             < ACK
             < INVITE has=Proxy-Authorization
             > 200 INVITE sdp resend
             < ACK
             < BYE
             > 200 BYE",
        COMPLETED,
    )
    .trunk(r#"{ "username": "alice", "password": "s3cret" }"#)
    .flow(HANG_UP),
    Scenario::new(
        "somebody busy",
        "< INVITE
             > 180 INVITE
             > 486 INVITE resend
             < ACK",
        ("busy", "busy"),
    ),
    Scenario::new(
        "a carrier that is overloaded",
        "< INVITE
             > 503 INVITE resend header=Retry-After:_5
             < ACK",
        ("failed", "failed"),
    ),
];

/// sipp calls us.
const CALLING: &[Scenario] = &[
    Scenario::new(
        "a call that the app ends",
        "> INVITE sdp
             <? 100
             <? 180
             < 200
             > ACK
             < BYE
             > 200 BYE",
        COMPLETED,
    )
    .deed(Deed::AnswerAndHangUp),
    Scenario::new(
        "a call that the caller ends",
        "> INVITE sdp
             <? 100
             <? 180
             < 200
             > ACK
             > BYE
             < 200",
        COMPLETED,
    )
    .deed(Deed::Answer),
    Scenario::new(
        "a call that is rejected",
        "> INVITE sdp
             <? 100
             <? 180
             < 603
             > ACK refused",
        ("failed", "rejected"),
    )
    .deed(Deed::Reject),
    Scenario::new(
        "a caller who gives up",
        "> INVITE sdp header=Require:_100rel
             <? 100
             < 180 reliable
             > PRACK txn=prack
             < 200 txn=prack
             > CANCEL
             < 200
             < 487
             > ACK refused",
        ("canceled", "canceled"),
    ),
    Scenario::new(
        "ringing that is acknowledged by PRACK",
        "> INVITE sdp header=Require:_100rel
             <? 100
             < 180 reliable
             > PRACK txn=prack
             < 200 txn=prack
             < 200
             > ACK
             > BYE
             < 200",
        COMPLETED,
    )
    .deed(Deed::AnswerAcknowledged),
    Scenario::new(
        "a session that is to last longer (422)",
        "> INVITE sdp header=Supported:_timer header=Session-Expires:_60
             <? 100
             < 422 has=Min-SE
             > ACK refused
             > INVITE fresh sdp header=Supported:_timer header=Session-Expires:_90 header=Min-SE:_90
             <? 100
             <? 180
             < 200 has=Session-Expires
             > ACK
             > BYE
             < 200",
        COMPLETED,
    )
    .deed(Deed::Answer),
    Scenario::new(
        "an offer that comes with the answer",
        "> INVITE
             <? 100
             <? 180
             < 200
             > ACK sdp
             pause 1500
             > BYE
             < 200",
        COMPLETED,
    )
    .deed(Deed::Answer),
    Scenario::new(
        "hold and resume by re-INVITE",
        "> INVITE sdp
             <? 100
             <? 180
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
             < 200",
        COMPLETED,
    )
    .deed(Deed::Answer),
    Scenario::new(
        "an UPDATE, a digit by INFO and a REFER that is refused",
        "> INVITE sdp
             <? 100
             <? 180
             < 200
             > ACK
             > UPDATE sdp
             < 200
             > INFO dtmf=7
             < 200
             > REFER header=Refer-To:_<sip:+4930300000@127.0.0.1>
             < 603
             > BYE
             < 200",
        COMPLETED,
    )
    .deed(Deed::Answer)
    .told("dtmf"),
];

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
