//! Trunks with sipp at the far end: a registration, on a clean network and through a relay that loses a tenth of the
//! packets; a carrier with two hosts, of which the first one is overloaded, on both kinds of network; a carrier that sends
//! calls to another place.

#![cfg(test)]

#[path = "../../carriers/tests/legs/dns.rs"]
mod dns;

use dns::{NameServer, Record};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use testkit::{NetworkProfile, Relay, Server, Settings, Sipp};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";
const THEIRS: &str = "+4930200000";
const ANSWERED: &str = "< INVITE\n > 180 INVITE\n > 200 INVITE sdp resend\n < ACK\n < BYE\n > 200 BYE";

async fn check_registration(network: Option<NetworkProfile>) {
    let relay = match network {
        Some(network) => Some(Relay::start(network, 3_665).await),
        None => None,
    };
    let score = "
        < REGISTER
        > 401 REGISTER
        < REGISTER has=Authorization
        > 200 REGISTER header=Expires:_600";
    let (registrar, peer) = match &relay {
        Some(relay) => {
            let registrar = Sipp::callee_behind(relay, &format!("{score}\n linger 3000")).await;
            (registrar, relay.front())
        }
        None => {
            let registrar = Sipp::callee(score).await;
            let peer = registrar.addr();
            (registrar, peer)
        }
    };
    let server = Server::start(BINARY).await;
    let particulars = json!({ "register": true, "username": "lyre", "password": "chord-minor" });
    let trunk = server.connect(peer, &particulars, OURS).await;
    let holds = |trunk: &Value| trunk["registration"]["state"] == "registered";
    let path = format!("/v1/trunks/{trunk}");
    let shown = server.admin().wait_for_answer(&path, "the registration", holds).await;
    assert!(shown["registration"]["expiresAt"].is_string(), "{shown:#}");
    let said = registrar.finish().await.messages;
    let contact = format!("<sip:lyre@{}", server.sip);
    assert!(said.contains(&contact), "{contact}: {said}");

    // The call comes to the place that was registered; nobody takes it, and the caller gives up.
    let caller = "> INVITE sdp\n <? 100\n < 180\n > CANCEL\n < 200\n < 487\n > ACK refused";
    Sipp::caller((Ipv4Addr::LOCALHOST, server.sip.port()).into(), THEIRS, OURS, caller).finish().await;
    let calls = server.live().get("/v1/calls").await.expect(200);
    assert_eq!(
        (&calls["totalCount"], &calls["data"][0]["toAddress"]),
        (&json!(1), &json!(OURS)),
        "{calls:#}"
    );
}

#[tokio::test]
async fn a_trunk_registers_and_takes_calls() {
    check_registration(None).await;
}

#[tokio::test]
async fn a_trunk_registers_and_takes_calls_on_a_bad_network() {
    check_registration(Some(NetworkProfile::BAD)).await;
}

/// Places a call that hangs up when it is answered, and waits for that.
async fn check_completed(server: &Server) {
    let flow = json!([{ "command": "hangup" }]);
    let call = server.live().place(&json!({ "from": OURS, "to": THEIRS, "flow": flow })).await;
    let shown = server.live().wait_for_end(&call).await;
    let story = server.live().story(&call).await;
    assert_eq!((&shown["status"], &shown["endReason"]), (&json!("completed"), &json!("hangup")), "{story}");
}

/// A carrier whose first host is overloaded and whose second one answers, each behind a network of this kind; gives how
/// many packets were lost.
async fn check_failover(network: NetworkProfile, seed: u64) -> usize {
    let linger = if network == NetworkProfile::CLEAN { "" } else { "\n linger 3000" };
    let relays = [Relay::start(network, seed).await, Relay::start(network, seed + 1).await];
    let refusal = format!("< INVITE\n > 503 INVITE resend header=Retry-After:_60\n < ACK{linger}");
    let overloaded = Sipp::callee_behind(&relays[0], &refusal).await;
    let well = Sipp::callee_behind(&relays[1], &format!("{ANSWERED}{linger}")).await;
    let srv = |priority, relay: &Relay| {
        let target = "host.carrier.test";
        ("_sip._udp.carrier.test", Record::Srv { priority, port: relay.front().port(), target })
    };
    let naptr = Record::Naptr { order: 1, service: "SIP+D2U", replacement: "_sip._udp.carrier.test" };
    let host = ("host.carrier.test", Record::A(Ipv4Addr::LOCALHOST));
    let records = vec![("carrier.test", naptr), srv(1, &relays[0]), srv(2, &relays[1]), host];
    let names = NameServer::start(records).await;
    let settings = Settings::default().set("LYREBIRD_SIP__NAMESERVERS", &format!("[\"{}\"]", names.address));
    let server = Server::start_with(BINARY, settings).await;
    server.connect(relays[1].front(), &json!({ "host": "carrier.test", "port": null }), OURS).await;
    check_completed(&server).await;
    overloaded.finish().await;
    well.finish().await;
    assert_eq!(names.asked("_sip._udp.carrier.test", 33), 1, "what was found is kept");
    relays.iter().map(Relay::lost).sum()
}

#[tokio::test]
async fn a_call_goes_on_at_the_next_host_after_a_503() {
    assert_eq!(check_failover(NetworkProfile::CLEAN, 3_263).await, 0);
}

#[tokio::test]
async fn a_call_goes_on_at_the_next_host_after_a_503_on_a_bad_network() {
    let check = |seed| check_failover(NetworkProfile::BAD, seed);
    let lost = tokio::join!(check(1), check(1_000_003), check(987_654_321));
    assert!(lost.0 + lost.1 + lost.2 > 0, "nothing was lost");
}

#[tokio::test]
async fn a_redirection_within_the_carrier_is_followed_where_the_trunk_says_so() {
    let elsewhere = Sipp::callee(ANSWERED).await;
    let score = format!("< INVITE\n > 302 INVITE contact=sip:+4930200009@{}\n < ACK", elsewhere.addr());
    let first = Sipp::callee(&score).await;
    let server = Server::start(BINARY).await;
    server.connect(first.addr(), &json!({ "redirects": "follow" }), OURS).await;
    check_completed(&server).await;
    first.finish().await;
    assert_eq!(elsewhere.finish().await.received("INVITE sip:+4930200009@"), 1);
}
