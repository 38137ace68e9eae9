//! Carriers with several hosts: found through the DNS, tried one after the other, avoided for a while when they fail;
//! and redirections, which lead no further than the carrier itself.

use crate::dns::{NameServer, Record};
use crate::peer::{Peer, answer, local};
use crate::support::{Facts, loopback, trunk};
use crate::trunk::Side;
use carriers::TrunkConfig;
use model::leg::{LegEndKind, LegFact};
use model::timeline::TimelineEntry;
use model::trunk::{RedirectPolicy, Trunk};
use sip::sdp::{Codec, MediaDirection};
use sip::{CallKey, IncomingCall, Order, Rejection};
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

/// A port of loopback where nobody listens.
pub(crate) fn closed_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `carrier.test` has these hosts, in this order.
pub(crate) async fn carrier(ports: &[u16]) -> (NameServer, Side, Arc<Trunk>) {
    let naptr = Record::Naptr { order: 1, service: "SIP+D2U", replacement: "_sip._udp.carrier.test" };
    let mut records = vec![("carrier.test", naptr), ("host.carrier.test", Record::A([127, 0, 0, 1].into()))];
    for (priority, port) in (1..).zip(ports) {
        let srv = Record::Srv { priority, port: *port, target: "host.carrier.test" };
        records.push(("_sip._udp.carrier.test", srv));
    }
    let names = NameServer::start(records).await;
    let config = TrunkConfig { nameservers: vec![names.address], ..TrunkConfig::new(loopback()) };
    let side = Side::start_as(config).await;
    let to = Arc::new(Trunk { port: None, ..trunk("carrier.test", 1) });
    (names, side, to)
}

async fn take(peer: &mut Peer, key: CallKey, call: &IncomingCall, facts: &Arc<Facts>) {
    let local = local(4_000, Codec::Pcmu, MediaDirection::SendReceive, 1);
    let sdp = answer(call.sdp.as_deref().unwrap(), &local);
    peer.order(Order::Answer { key, sdp }).await;
    peer.serve_until(facts.fact(LegFact::Answered)).await;
}

async fn second_attempt(side: &Side, why: &str) {
    let told = |lines: &[TimelineEntry]| {
        lines
            .iter()
            .any(|line| line.summary.starts_with("Attempt 2: ") && line.summary.contains(why))
            .then_some(())
    };
    side.lines.0.wait("the second attempt", told).await;
}

#[tokio::test]
async fn a_call_goes_on_where_nobody_listens_and_the_dns_is_asked_once() {
    let mut peer = Peer::start().await;
    let (names, side, to) = carrier(&[closed_port(), peer.address().port()]).await;
    let (facts, result) = side.dial(1, "+4930123456", &to).await;
    result.unwrap();
    let (key, call) = peer.incoming().await;
    assert_eq!(call.request_uri, "sip:+4930123456@carrier.test");
    take(&mut peer, key, &call, &facts).await;
    second_attempt(&side, "503").await;
    side.dial(2, "+4930123456", &to).await.1.unwrap();
    peer.incoming().await;
    let asked = [("carrier.test", 35), ("_sip._udp.carrier.test", 33), ("host.carrier.test", 1)];
    assert_eq!(asked.map(|(name, kind)| names.asked(name, kind)), [1, 1, 1]);
    assert_eq!(side.carrier.figures().failovers, 1, "the host that failed is not the first choice now");
}

#[tokio::test]
async fn a_call_goes_on_after_a_503_and_the_host_is_avoided() {
    let (mut first, mut second) = (Peer::start().await, Peer::start().await);
    let (_names, side, to) = carrier(&[first.address().port(), second.address().port()]).await;
    let (facts, result) = side.dial(1, "+4930123456", &to).await;
    result.unwrap();
    let (key, refused) = first.incoming().await;
    let rejection = Rejection { retry_after_secs: Some(60), ..Rejection::with_code(503) };
    first.order(Order::Reject { key, rejection }).await;
    let (key, call) = first.serve_until(second.incoming()).await;
    assert_ne!(refused.call_id, call.call_id);
    take(&mut second, key, &call, &facts).await;
    second_attempt(&side, "503 ").await;
    side.dial(2, "+4930123456", &to).await.1.unwrap();
    second.incoming().await;
}

#[tokio::test]
async fn a_call_goes_on_when_a_host_says_nothing() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut peer = Peer::start().await;
    let (_names, side, to) = carrier(&[silent.local_addr().unwrap().port(), peer.address().port()]).await;
    let began = std::time::Instant::now();
    let (facts, result) = side.dial(1, "+4930123456", &to).await;
    result.unwrap();
    let (key, call) = peer.incoming().await;
    assert!(began.elapsed() < Duration::from_secs(8));
    take(&mut peer, key, &call, &facts).await;
    second_attempt(&side, "says nothing").await;
}

#[tokio::test]
async fn a_call_ends_as_its_last_host_says() {
    let mut peer = Peer::start().await;
    let (_names, side, to) = carrier(&[closed_port(), peer.address().port()]).await;
    let (facts, result) = side.dial(1, "+4930123456", &to).await;
    result.unwrap();
    let (key, _) = peer.incoming().await;
    peer.order(Order::Reject { key, rejection: Rejection::with_code(486) }).await;
    let end = peer.serve_until(facts.end()).await;
    assert_eq!((end.kind, end.cause.code), (LegEndKind::Busy, Some(486)));
    let ends = facts.legs.all().into_iter().filter(|fact| matches!(fact, LegFact::Ended(_))).count();
    assert_eq!(ends, 1);
    side.plane.is_empty().await;
}

async fn redirected(policy: RedirectPolicy, contact: String) -> (Side, Peer, Arc<Facts>) {
    let (side, mut peer) = (Side::start().await, Peer::start().await);
    let to = Arc::new(Trunk { redirects: policy, ..trunk("127.0.0.1", peer.address().port()) });
    let (facts, result) = side.dial(1, "+4930123456", &to).await;
    result.unwrap();
    let (key, _) = peer.incoming().await;
    let rejection = Rejection { contacts: vec![contact], ..Rejection::with_code(302) };
    peer.order(Order::Reject { key, rejection }).await;
    (side, peer, facts)
}

#[tokio::test]
async fn a_redirection_is_followed_within_the_carrier_alone() {
    let mut second = Peer::start().await;
    let contact = || format!("sip:+4930999@{}", second.address());
    let within = contact();
    let (side, mut first, facts) = redirected(RedirectPolicy::Follow, within.clone()).await;
    let (key, call) = first.serve_until(second.incoming()).await;
    assert_eq!(call.request_uri, within);
    take(&mut second, key, &call, &facts).await;
    second_attempt(&side, "redirects").await;
    for (policy, contact) in
        [(RedirectPolicy::Refuse, within), (RedirectPolicy::Follow, "sip:+882@203.0.113.9".to_owned())]
    {
        let (_side, mut first, facts) = redirected(policy, contact).await;
        let end = first.serve_until(facts.end()).await;
        assert_eq!((end.kind, end.cause.code), (LegEndKind::Failed, Some(302)), "{policy:?}");
    }
}
