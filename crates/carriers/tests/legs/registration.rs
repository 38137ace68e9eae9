//! Trunks that register: at start, with credentials, seen in their status; calls come to the registered contact; and
//! the registration is taken back when the trunk goes or the carrier stops.

use crate::failover::{carrier, closed_port};
use crate::peer::{Peer, local, offer};
use crate::support::trunk;
use crate::trunk::Side;
use model::trunk::{RegistrationState, Trunk, TrunkCredentials};
use ports::Carrier;
use sip::sdp::{Codec, MediaDirection};
use sip::{
    BoundContact, CallKey, Event, IncomingRegister, Order, OutgoingCall, Party, RegisterOutcome,
    RegisterRequestId,
};
use std::sync::Arc;
use std::time::Duration;

const CHALLENGE: &str = r#"Digest realm="example", nonce="n0nce", algorithm=MD5"#;

async fn register(peer: &mut Peer) -> (RegisterRequestId, IncomingRegister) {
    let register = |event: &Event| match event {
        Event::RegisterReceived { request, register } => Some((*request, (**register).clone())),
        _ => None,
    };
    peer.until("a REGISTER", register).await
}

async fn answer(peer: &mut Peer, request: RegisterRequestId, outcome: RegisterOutcome) {
    peer.order(Order::AnswerRegister { request, outcome }).await;
}

/// Accepts what is asked.
async fn accept(peer: &mut Peer) -> IncomingRegister {
    let (request, register) = register(peer).await;
    let bound = |contact: &sip::RegisterContact| BoundContact {
        uri: contact.uri.clone(),
        expires_secs: contact.expires_secs.unwrap_or(60),
        q_thousandths: contact.q_thousandths,
    };
    let contacts =
        register.contacts.iter().filter(|contact| contact.expires_secs != Some(0)).map(bound).collect();
    answer(peer, request, RegisterOutcome::Accept { contacts }).await;
    register
}

fn registering(port: u16) -> Arc<Trunk> {
    that_registers(&trunk("127.0.0.1", port))
}

fn that_registers(trunk: &Trunk) -> Arc<Trunk> {
    let credentials =
        TrunkCredentials { username: "lyre".to_owned(), password: "chord-minor".to_owned().into() };
    Arc::new(Trunk { register: true, credentials: Some(credentials), ..trunk.clone() })
}

/// Waits until the trunk's registration stands so; the peer is served meanwhile.
async fn stands(side: &Side, peer: &mut Peer, trunk: &Trunk, state: Option<RegistrationState>) {
    let waiting = async {
        while side.carrier.registration(trunk.id).map(|status| status.state) != state {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), peer.serve_until(waiting)).await.unwrap();
}

async fn registered() -> (Side, Peer, Arc<Trunk>) {
    let (side, mut peer) = (Side::start().await, Peer::start().await);
    let trunk = registering(peer.address().port());
    side.carrier.configure(vec![Arc::clone(&trunk)]).await;
    let (request, first) = register(&mut peer).await;
    assert_eq!((first.user.as_str(), first.authorizations.len()), ("lyre", 0));
    stands(&side, &mut peer, &trunk, Some(RegistrationState::Registering)).await;
    answer(&mut peer, request, RegisterOutcome::Challenge { challenges: vec![CHALLENGE.to_owned()] }).await;
    let second = accept(&mut peer).await;
    assert_eq!(second.authorizations.len(), 1);
    assert!(second.contacts[0].uri.starts_with("sip:lyre@"), "{}", second.contacts[0].uri);
    stands(&side, &mut peer, &trunk, Some(RegistrationState::Registered)).await;
    (side, peer, trunk)
}

#[tokio::test]
async fn a_trunk_registers_takes_calls_at_its_contact_and_is_taken_back_when_it_goes() {
    let (side, mut peer, trunk) = registered().await;
    let status = side.carrier.registration(trunk.id).unwrap();
    assert!(status.expires_at > Some(status.since) && status.last_error.is_none());
    let target = side.carrier.local_addr();
    let call = Box::new(OutgoingCall {
        to_uri: format!("sip:lyre@{target}"),
        from: Party { display: None, user: "+15550100".to_owned(), host: peer.address().to_string() },
        destination: target.into(),
        sdp: offer(&local(4_000, Codec::Pcmu, MediaDirection::SendReceive, 1)),
        credentials: None,
        replaces: None,
        route: Vec::new(),
        session_timers: None,
        extra_headers: Vec::new(),
        ring_timeout: Duration::from_secs(30),
        large_over_tcp: false,
    });
    peer.order(Order::Invite { key: CallKey(1), call }).await;
    assert_eq!(peer.serve_until(side.inbound.call(0)).await.trunks, [trunk.id]);
    side.carrier.configure(Vec::new()).await;
    let last = accept(&mut peer).await;
    assert!(last.star || last.contacts.iter().all(|contact| contact.expires_secs == Some(0)), "{last:?}");
    stands(&side, &mut peer, &trunk, None).await;
}

#[tokio::test]
async fn a_carrier_that_stops_takes_its_registrations_back() {
    let (side, mut peer, _) = registered().await;
    let stopping = tokio::spawn({
        let carrier = Arc::clone(&side.carrier);
        async move { carrier.stop().await }
    });
    accept(&mut peer).await;
    peer.serve_until(stopping).await.unwrap();
}

#[tokio::test]
async fn a_registration_that_is_refused_says_why() {
    let (side, mut peer) = (Side::start().await, Peer::start().await);
    let trunk = registering(peer.address().port());
    side.carrier.configure(vec![Arc::clone(&trunk)]).await;
    let (request, _) = register(&mut peer).await;
    let refused = RegisterOutcome::Refuse { code: 403, retry_after_secs: None };
    answer(&mut peer, request, refused).await;
    stands(&side, &mut peer, &trunk, Some(RegistrationState::Failed)).await;
    let error = side.carrier.registration(trunk.id).unwrap().last_error.unwrap();
    assert!(error.starts_with("403 "), "{error}");
}

#[tokio::test]
async fn a_trunk_registers_at_the_next_host_where_nobody_listens() {
    let mut peer = Peer::start().await;
    let (_names, side, trunk) = carrier(&[closed_port(), peer.address().port()]).await;
    let trunk = that_registers(&trunk);
    side.carrier.configure(vec![Arc::clone(&trunk)]).await;
    accept(&mut peer).await;
    stands(&side, &mut peer, &trunk, Some(RegistrationState::Registered)).await;
}

#[tokio::test]
async fn hosts_that_fail_are_each_asked_once_and_then_left_in_peace() {
    let (mut first, mut second) = (Peer::start().await, Peer::start().await);
    let (_names, side, trunk) = carrier(&[first.address().port(), second.address().port()]).await;
    let trunk = that_registers(&trunk);
    side.carrier.configure(vec![Arc::clone(&trunk)]).await;
    let overloaded = || RegisterOutcome::Refuse { code: 503, retry_after_secs: Some(1) };
    let (request, _) = register(&mut first).await;
    answer(&mut first, request, overloaded()).await;
    let (request, _) = first.serve_until(register(&mut second)).await;
    answer(&mut second, request, overloaded()).await;
    stands(&side, &mut second, &trunk, Some(RegistrationState::Failed)).await;
    let again_s = || {
        let error = side.carrier.registration(trunk.id).unwrap().last_error.unwrap_or_default();
        error.split_whitespace().rev().nth(1).and_then(|secs| secs.parse::<u64>().ok())
    };
    let growing = async {
        while again_s() < Some(60) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    second.serve_until(growing).await;
    // What the hosts hear next is that it is over: at the second, which was asked last.
    let stopping = tokio::spawn({
        let carrier = Arc::clone(&side.carrier);
        async move { carrier.stop().await }
    });
    let last = accept(&mut second).await;
    assert!(last.contacts.iter().all(|contact| contact.expires_secs == Some(0)), "{last:?}");
    second.serve_until(stopping).await.unwrap();
    let asked_again = tokio::time::timeout(Duration::from_millis(50), register(&mut first)).await;
    assert!(asked_again.is_err(), "the first host was asked again at once");
}

#[tokio::test]
async fn what_was_never_ordered_is_not_waited_for() {
    let (_names, side, trunk) = carrier(&[1]).await;
    let unknown = Trunk { host: "nowhere.test".to_owned(), ..(*that_registers(&trunk)).clone() };
    let (trunk, mut peer) = (Arc::new(unknown), Peer::start().await);
    side.carrier.configure(vec![Arc::clone(&trunk)]).await;
    stands(&side, &mut peer, &trunk, Some(RegistrationState::Failed)).await;
    let began = std::time::Instant::now();
    side.carrier.stop().await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(side.carrier.registration(trunk.id), None);
}
